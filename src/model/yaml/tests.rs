use proptest::prelude::*;

use super::*;

fn words(text: impl AsRef<[u8]>) -> Vec<String> {
    words_within(text, Limits::DEFAULT)
}

fn words_within(text: impl AsRef<[u8]>, limits: Limits) -> Vec<String> {
    match Document::read("f", text.as_ref(), limits).finish(Some(())) {
        Ok(()) => Vec::new(),
        Err(problems) => problems.0.iter().map(ToString::to_string).collect(),
    }
}

/// The texts of a list of scalars, and which of them every reader takes for text.
fn list(text: &str) -> Vec<Option<String>> {
    let document = Document::read("f", text.as_bytes(), Limits::DEFAULT);
    let items = document.root().unwrap().list().unwrap();
    items.iter().map(|item| item.text().map(str::to_owned)).collect()
}

#[test]
fn a_file_that_is_too_large_is_not_even_looked_at() {
    let limits = Limits { bytes: 10, ..Limits::DEFAULT };
    assert_eq!(words_within("a: 1234567", limits), [""; 0]);
    assert_eq!(words_within("a: 12345678", limits), ["f: 11 bytes; a file may have 10"]);
    let large = vec![b' '; Limits::DEFAULT.bytes + 1];
    assert_eq!(words(large), ["f: 1048577 bytes; a file may have 1048576"]);
}

#[test]
fn a_single_value_that_is_too_large_is_refused() {
    assert_eq!(words(format!("a: {}", "x".repeat(65536))), [""; 0]);
    assert_eq!(words(format!("a: {}", "x".repeat(65537))), ["f:1:4: a: a single value of more than 65536 bytes"]);
    assert_eq!(words(format!("? {}\n: b", "x".repeat(65537))), ["f:1:3: a single value of more than 65536 bytes"]);
}

#[test]
fn too_many_values_are_refused() {
    let limits = Limits { nodes: 4, ..Limits::DEFAULT };
    assert_eq!(words_within("[a, b, c]", limits), [""; 0]);
    assert_eq!(words_within("[a, b, c, d]", limits), ["f:1:1: more than 4 values in one file"]);
}

#[test]
fn nesting_that_is_too_deep_is_refused_in_every_style() {
    let limits = Limits { depth: 3, ..Limits::DEFAULT };
    assert_eq!(words_within("[[[a]]]", limits), [""; 0]);
    assert_eq!(words_within("[[[[a]]]]", limits), ["f:1:4: [0][0][0]: nested deeper than 3 levels"]);
    assert_eq!(words_within("a:\n  b:\n    - c: d", limits), ["f:3:7: a.b[0]: nested deeper than 3 levels"]);
    assert_eq!(words_within("a: {b: [{}]}", limits), ["f:1:9: a.b[0]: nested deeper than 3 levels"]);
    assert_eq!(words("[".repeat(500_000)).len(), 1);
    assert_eq!(words("- ".repeat(500_000)).len(), 1);
    assert_eq!(words("? ".repeat(500_000)).len(), 1);
}

#[test]
fn a_file_made_of_problems_costs_no_more_than_a_hundred() {
    let many = words("[".to_owned() + &"&a x, ".repeat(100_000) + "]");
    assert_eq!(many.len(), 101);
    assert_eq!(many[100], "f: and more problems, not listed");
}

#[test]
fn text_that_some_reader_takes_for_something_else_must_be_quoted() {
    let ambiguous = [
        "",
        "~",
        "null",
        "Null",
        "NULL",
        "true",
        "True",
        "TRUE",
        "false",
        "yes",
        "Yes",
        "YES",
        "no",
        "on",
        "off",
        "y",
        "Y",
        "n",
        "N",
        "0",
        "7",
        "-7",
        "+7",
        "0755",
        "0o17",
        "0x1F",
        "0b101",
        "1_000",
        "1.5",
        ".5",
        "5.",
        "-.5",
        "1e3",
        "1.5e-3",
        "12e03",
        "1:30",
        "190:20:30",
        "190:20:30.15",
        ".inf",
        "-.INF",
        ".nan",
        "2027-06-30",
        "2027-6-3",
        "2027-06-30T12:00:00Z",
        "2027-06-30t12:00:00.5+02:00",
        "2027-06-30 12:00:00",
        "=",
        "<<",
    ];
    for text in ambiguous {
        assert!(plain::reading(text).is_some(), "{text}");
    }
    let text = [
        "a",
        "yess",
        "nope",
        "onward",
        "acme-prod",
        "90s",
        "24h",
        "10%",
        "1MiB",
        "1-2",
        "v1.2",
        "sha256:0011",
        "0x",
        "0xg",
        "1e",
        "e3",
        "1.2.3-rc1",
        "10-20-30",
        "2027-06",
        "2027-06-30-notes",
        "127.0.0.1-local",
        "-",
        ".",
        "..",
        "1d2",
        "10e3s",
        "/1",
        "_1",
        ":1",
    ];
    for text in text {
        assert_eq!(plain::reading(text), None, "{text}");
    }
}

#[test]
fn quoted_text_is_text_whatever_it_says() {
    let some = |texts: &[&str]| texts.iter().map(|text| Some((*text).to_owned())).collect::<Vec<_>>();
    assert_eq!(list("['yes', \"0755\", 'null', '']"), some(&["yes", "0755", "null", ""]));
    assert_eq!(list("- |\n  1\n- >-\n  true\n"), some(&["1\n", "true"]));
    assert_eq!(list("[yes, a]"), [None, Some("a".to_owned())]);
}

#[test]
fn only_two_words_are_booleans() {
    let document = Document::read("f", b"[true, false, True, yes, 'true', 1]", Limits::DEFAULT);
    let items = document.root().unwrap().list().unwrap();
    let read: Vec<_> = items.iter().map(Field::boolean).collect();
    assert_eq!(read, [Some(true), Some(false), None, None, None, None]);
}

#[test]
fn line_ends_are_line_feeds_with_or_without_carriage_return() {
    assert_eq!(list("- |\r\n  a\r\n  b\r\n"), [Some("a\nb\n".to_owned())]);
    assert_eq!(words("a: b\rc: d")[0].split(',').next(), Some("f:1:5: U+000D"));
}

#[test]
fn lines_of_a_value_are_indented_further_than_its_field() {
    let hint = "indent it further than the field it belongs to";
    assert_eq!(words("spec:\n  rulesets: [\n    a,\n    ]\n"), [""; 0]);
    let bracket = format!("f:4:3: spec.rulesets[1]: not readable as YAML: invalid indentation; {hint}");
    assert_eq!(words("spec:\n  rulesets: [\n    a,\n  ]\n"), [bracket]);
    let quoted = format!("f:2:1: a: not readable as YAML: invalid indentation in multiline quoted scalar; {hint}");
    assert_eq!(words("a: \"one\nb: two\"\n"), [quoted]);
}

#[test]
fn a_name_that_was_probably_meant_is_told() {
    let nearest = |text| token::nearest(text, &["requireApproval", "rulesets", "path", "n"]);
    assert_eq!(nearest("requireAproval"), Some("requireApproval"));
    assert_eq!(nearest("require-approval"), Some("requireApproval"));
    assert_eq!(nearest("ruleset"), Some("rulesets"));
    assert_eq!(nearest("paths"), Some("path"));
    assert_eq!(nearest("target"), None);
    assert_eq!(nearest(&"x".repeat(100_000)), None);
}

#[test]
fn a_token_is_cut_and_shows_what_does_not_show() {
    assert_eq!(show("plain"), "`plain`");
    assert_eq!(show("a\u{202e}b\n`c\u{200b}"), "`aU+202EbU+000AU+0060cU+200B`");
    assert_eq!(show(&"é".repeat(41)), format!("`{}…`", "é".repeat(40)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = words(bytes);
    }

    #[test]
    fn any_text_of_yaml_characters_is_read_or_refused(text in "[-?:,\\[\\]{}#&*!|>'\"%@`a0 ~<=.\\\\\t\r\n]{0,60}") {
        let _ = words(text);
    }

    #[test]
    fn what_is_written_is_read_back(texts in prop::collection::vec(any::<String>(), 0..4), block in "[a-z ]{0,3}(\n[a-zA-Z0-9+/=-]{0,5}){0,3}") {
        let mut out = String::new();
        write_mapping(&mut out, 0, &[("a", serde_json::json!(block)), ("b", serde_json::json!(texts))]);
        let document = Document::read("f", out.as_bytes(), Limits::DEFAULT);
        let fields = document.root().unwrap().fields(&["a", "b"]).unwrap();
        let read_block = fields.required("a").and_then(|a| a.text().map(str::to_owned));
        let read = fields.required("b").and_then(|b| b.list_of(|item| item.text().map(str::to_owned)));
        prop_assert!(document.finish(Some(())).is_ok(), "{out}");
        prop_assert_eq!(read_block, Some(block));
        prop_assert_eq!(read, Some(texts));
    }
}
