use std::time::Instant;

use super::*;
use crate::model::Environment;

fn values(yaml: &str) -> Values {
    let lines: String = yaml.lines().map(|line| format!("    {line}\n")).collect();
    let text = format!(
        "apiVersion: countersign/v1\nkind: Environment\nmetadata: {{ name: e }}\nspec:\n  services: []\n  values:\n{lines}"
    );
    Environment::read("environments/e/environment.yaml", "e", text.as_bytes()).unwrap().values
}

const VALUES: &str = "name: acme\nreplicas: 3\ndebug: false\nhosts: [a, b]\nempty: []\nnone: {}\ndb: { host: h, ports: [1, 2] }\nhtml: '<&>\"'";

fn filled(template: &str) -> String {
    match render(template.as_bytes(), &values(VALUES), &mut Budget::default()) {
        Ok(bytes) => String::from_utf8(bytes).unwrap(),
        Err(TemplateError { line, column, message }) => format!("{line}:{column}: {message}"),
    }
}

#[test]
fn names_are_replaced_by_values_and_nothing_is_escaped() {
    assert_eq!(
        filled("a {{name}} {{ db.host }} {{replicas}} {{debug}} {{this.name}} {{@root.name}}"),
        "a acme h 3 false acme acme"
    );
    assert_eq!(filled("{{html}}"), "<&>\"");
    assert_eq!(filled(r"\{{name}} {name} }} { {"), "{{name}} {name} }} { {");
    assert_eq!(filled(""), "");
}

#[test]
fn what_is_not_there_is_an_error_wherever_it_is_named() {
    let words = "has no value; set it below spec.values";
    assert_eq!(filled("x\n  {{nmae}}"), format!("2:3: `nmae` {words}"));
    assert_eq!(filled("{{#if nope}}{{/if}}"), format!("1:1: `nope` {words}"));
    assert_eq!(filled("{{#unless db.nope}}{{/unless}}"), format!("1:1: `db.nope` {words}"));
    assert_eq!(filled("{{#each db.nope}}{{/each}}"), format!("1:1: `db.nope` {words}"));
    assert_eq!(filled("{{name.inner}}"), "1:1: `name.inner` has no value: `inner` is looked for in text");
    assert_eq!(filled("{{#each hosts}}{{name}}{{/each}}"), "1:16: `name` has no value: `name` is looked for in text");
    // A value of the other branch is not asked for, as nothing of it is written.
    assert_eq!(filled("{{#if debug}}{{nope}}{{else}}fine{{/if}}"), "fine");
}

#[test]
fn only_what_has_one_form_is_written() {
    let words = "and only text, numbers and booleans can be written";
    assert_eq!(filled("{{hosts}}"), format!("1:1: `hosts` is a list, {words}"));
    assert_eq!(filled("{{db}}"), format!("1:1: `db` is a map, {words}"));
    assert_eq!(filled("{{this}}"), format!("1:1: `this` is a map, {words}"));
    assert_eq!(filled("{{#if name}}{{/if}}"), "1:1: `name` is text, and `#if` takes `true` or `false`");
    assert_eq!(filled("{{#unless hosts}}{{/unless}}"), "1:1: `hosts` is a list, and `#unless` takes `true` or `false`");
    assert_eq!(filled("{{#each name}}{{/each}}"), "1:1: `name` is text, and `#each` takes a list or a map");
}

#[test]
fn blocks_choose_and_repeat() {
    assert_eq!(filled("{{#unless debug}}on{{else}}off{{/unless}}"), "on");
    assert_eq!(filled("{{#each hosts}}{{@index}}={{this}}{{#unless @last}},{{/unless}}{{/each}}"), "0=a,1=b");
    assert_eq!(filled("{{#each db}}{{@key}};{{/each}}"), "host;ports;");
    assert_eq!(filled("{{#each hosts}}{{#if @first}}{{../name}} {{/if}}{{@root.db.host}}{{/each}}"), "acme hh");
    assert_eq!(filled("{{#each hosts}}{{#each ../db.ports}}{{../this}}{{this}} {{/each}}{{/each}}"), "a1 a2 b1 b2 ");
    assert_eq!(filled("{{#each empty}}x{{else}}nothing{{/each}}{{#each none}}x{{else}}!{{/each}}"), "nothing!");
    assert_eq!(filled("{{@key}}"), "1:1: `@key` is known only inside of `#each`");
    assert_eq!(
        filled("{{../name}}"),
        "1:1: `../name` leads out of all values: there are not so many `#each` around it"
    );
}

#[test]
fn a_line_that_holds_only_a_block_or_a_comment_is_no_line_of_the_result() {
    assert_eq!(filled("a\n  {{#each hosts}}\n- {{this}}\n  {{/each}}\nb\n"), "a\n- a\n- b\nb\n");
    assert_eq!(filled("a\r\n{{! why }}\r\nb\r\n{{!-- {{x}} --}}"), "a\r\nb\r\n");
    assert_eq!(filled("a {{! why }} b\n {{name}} \n"), "a  b\n acme \n");
    assert_eq!(filled("{{#if debug}}\nx\n{{else}}\ny\n{{/if}}\nz"), "y\nz");
}

#[test]
fn what_is_no_template_is_told() {
    for (template, words) in [
        ("a {{name", "1:3: the tag has no end; expected `}}` behind it, or `\\{{` where none is meant"),
        ("{{{name}}}", "1:1: `{{{` is not known: nothing is escaped, so `{{` says the same"),
        ("{{#if debug}}", "1:1: the block has no end; write `{{/if}}` behind it"),
        ("{{/if}}", "1:1: `{{/if}}` ends no block"),
        ("{{else}}", "1:1: `{{else}}` outside of a block"),
        ("{{#if debug}}{{else}}{{else}}{{/if}}", "1:22: a second `{{else}}` of the same block"),
        (
            "{{#if debug}}\n{{/each}}",
            "2:1: expected `{{/if}}`, the end of the block that begins in line 1, found `{{/each}}`",
        ),
        ("{{#if}}", "1:1: `#if` of what? expected the name of a value behind it"),
    ] {
        assert_eq!(filled(template), words, "{template}");
    }
    for unknown in [
        "{{> part}}",
        "{{#with db}}{{/with}}",
        "{{lookup db host}}",
        "{{#*inline x}}",
        "{{~name}}",
        "{{a..b}}",
        "{{[x]}}",
        "{{}}",
        "{{(a)}}",
        "{{db/host}}",
        "{{../}}",
        "{{env.HOME x}}",
    ] {
        let said = filled(unknown);
        assert!(said.contains("is not known; expected") || said.contains("is no name of a value"), "{unknown}: {said}");
    }
}

#[test]
fn rendering_ends_whatever_the_template_says() {
    let began = Instant::now();
    let deep = "{{#if debug}}".repeat(50_000) + &"{{/if}}".repeat(50_000);
    assert_eq!(filled(&deep), "1:209: is nested more than 16 blocks deep");
    let many: String = (0..300).map(|n| format!("- v{n}\n")).collect();
    let values = values(&format!("l:\n{many}"));
    let run = |template: &str| render(template.as_bytes(), &values, &mut Budget::default()).unwrap_err().message;
    let nested = |inner: &str| "{{#each @root.l}}".repeat(5) + inner + &"{{/each}}".repeat(5);
    assert_eq!(run(&nested("")), "the templates of this environment take too many steps");
    assert_eq!(run(&nested(&"x".repeat(1000))), "the rendered file would have more than 1048576 bytes");
    let mut budget = Budget { steps: 100, bytes: 3 };
    assert_eq!(
        render(b"four", &values, &mut budget).unwrap_err().message,
        "the rendered files of this environment are too large together"
    );
    assert_eq!(run(&"x".repeat(LARGEST + 1)), "has 1048577 bytes, and a template may have 1048576");
    assert!(render(b"\xff", &values, &mut Budget::default()).unwrap_err().message.starts_with("is not text"));
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 500, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_text_is_rendered_or_refused(template in "([{}#/!@.\\\\ \n-]|else|if|each|unless|name|hosts|this|\\{\\{|\\}\\}){0,40}") {
        let _ = render(template.as_bytes(), &values(VALUES), &mut Budget::default());
    }
}
