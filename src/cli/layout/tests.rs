use serde_json::{Value, json};

use super::{Step, candidates, path, set};

const TEXT: &str = "# top\r\nspec:   # of it\n  requireApproval: true  # yes\n  rulesets: [a, 'b']   # both\n  services:\n    # the first\n    - name: config\n      target: \"/srv/a\"   # where\n\n    - { name: other, target: /srv/b }   # flow\n\n  # the end\n";

/// The text with the change, by the first way of writing it that says what is meant and changes nothing else.
fn changed(at: &str, value: Value) -> String {
    let steps = path(at).unwrap();
    let read = |text: &str| serde_saphyr::from_str::<Value>(text).unwrap();
    let mut intended = read(TEXT);
    set(&mut intended, &steps, &value).unwrap();
    let all = candidates(TEXT, &steps, &value).unwrap();
    all.into_iter().find(|text| serde_saphyr::from_str::<Value>(text).ok() == Some(intended.clone())).expect("a way")
}

/// The lines that differ, and nothing else does.
fn lines(at: &str, value: Value) -> String {
    let new = changed(at, value);
    let diff = similar::TextDiff::from_lines(TEXT, &new);
    let changes = diff.iter_all_changes().filter(|change| change.tag() != similar::ChangeTag::Equal);
    changes.map(|change| format!("{}{}", change.tag(), change.value())).collect()
}

#[test]
fn only_the_value_changes() {
    insta::assert_snapshot!(lines("spec.requireApproval", json!(false)), @r#"
    -  requireApproval: true  # yes
    +  requireApproval: false  # yes
    "#);
    insta::assert_snapshot!(lines("spec.rulesets[1]", json!("c")), @r#"
    -  rulesets: [a, 'b']   # both
    +  rulesets: [a, 'c']   # both
    "#);
    insta::assert_snapshot!(lines("spec.rulesets", json!(["x", "on"])), @r#"
    -  rulesets: [a, 'b']   # both
    +  rulesets: [x, "on"]   # both
    "#);
    insta::assert_snapshot!(lines("spec.services[0].target", json!("/srv/new folder")), @r#"
    -      target: "/srv/a"   # where
    +      target: "/srv/new folder"   # where
    "#);
    insta::assert_snapshot!(lines("spec.services[name=other].target", json!("/srv/c: d")), @r#"
    -    - { name: other, target: /srv/b }   # flow
    +    - { name: other, target: "/srv/c: d" }   # flow
    "#);
}

#[test]
fn a_field_that_is_missing_is_added_where_it_belongs() {
    insta::assert_snapshot!(lines("spec.values.region.name", json!("eu")), @r#"+  values: { region: { name: eu } }"#);
    insta::assert_snapshot!(lines("spec.services[0].autoApprove", json!(true)), @r#"+      autoApprove: true"#);
    insta::assert_snapshot!(lines("spec.services[1][\"a.b\"]", json!(7)), @r#"
    -    - { name: other, target: /srv/b }   # flow
    +    - { name: other, target: /srv/b, "a.b": 7 }   # flow
    "#);
}

#[test]
fn what_cannot_be_written_is_refused() {
    let refused = |at: &str| candidates(TEXT, &path(at).unwrap(), &json!(1)).unwrap_err();
    insta::assert_snapshot!(refused("spec.services"), @r#"what is there takes several lines; change a part of it, or use `countersign edit`"#);
    insta::assert_snapshot!(refused("spec.services[7]"), @r#"there is nothing at this path, and only fields can be added"#);
    let mut value: Value = serde_saphyr::from_str(TEXT).unwrap();
    insta::assert_snapshot!(set(&mut value, &path("spec.services[name=nobody].x").unwrap(), &json!(1)).unwrap_err(), @r#"no item has name: nobody"#);
    insta::assert_snapshot!(set(&mut value, &path("spec.requireApproval.x").unwrap(), &json!(1)).unwrap_err(), @r#"`x` is looked for in what has no fields"#);
}

#[test]
fn paths_are_read() {
    let field = |name: &str| Step::Field(name.to_owned());
    let with = Step::With("name".to_owned(), "c".to_owned());
    assert_eq!(
        path("a.b[0][name=c][\"d.e]\"].f").unwrap(),
        [field("a"), field("b"), Step::Item(0), with, field("d.e]"), field("f")]
    );
    for wrong in ["", ".", "a.", "a..b", "a[", "a[x]", "a[0]b", "a[-1]", ".a", "a[=x]"] {
        assert!(path(wrong).is_err(), "{wrong}");
    }
}
