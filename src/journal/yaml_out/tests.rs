use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::to_yaml;

fn read_back(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).expect(yaml)
}

#[test]
fn fields_keep_the_order_of_the_type() {
    #[derive(serde::Serialize)]
    struct Document {
        plan: &'static str,
        base: Option<u64>,
        attempts: Vec<BTreeMap<&'static str, u64>>,
        empty: Vec<u64>,
        nested: Vec<Vec<&'static str>>,
        services: BTreeMap<&'static str, BTreeMap<&'static str, bool>>,
    }
    let document = Document {
        plan: "sha256:3f2a",
        base: None,
        attempts: vec![BTreeMap::from([("attempt", 1), ("at", 2)]), BTreeMap::from([("attempt", 2)])],
        empty: vec![],
        nested: vec![vec!["a", "b"], vec![]],
        services: BTreeMap::from([("web", BTreeMap::from([("done", true)])), ("db", BTreeMap::new())]),
    };
    insta::assert_snapshot!(to_yaml(&document), @r#"
    plan: sha256:3f2a
    base: null
    attempts:
      - at: 2
        attempt: 1
      - attempt: 2
    empty: []
    nested:
      - - a
        - b
      - []
    services:
      db: {}
      web:
        done: true
    "#);
}

#[test]
fn what_some_reader_takes_for_something_else_is_quoted() {
    let words = [
        "no",
        "Yes",
        "ON",
        "y",
        "null",
        "True",
        "~",
        "",
        "1e3",
        "0x1f",
        "1:30",
        "2026-01-01",
        ".inf",
        "nan",
        "12e45",
        "-",
        "- a",
        "a: b",
        "a #b",
        "a:",
        "&a",
        "*a",
        "!a",
        "%a",
        "@a",
        "`a",
        "[a",
        "{a",
        "'a",
        "\"a",
        "|",
        ">",
        " a",
        "a ",
        "---",
        "...",
        "=",
        "<<",
        "?",
        "a\\b",
    ];
    for word in words {
        let yaml = to_yaml(&json!({ "key": word }));
        assert_eq!(yaml, format!("key: {}\n", serde_json::to_string(word).unwrap()));
        assert_eq!(read_back(&yaml), json!({ "key": word }));
    }
    for word in ["acme-prod", "sha256:3f2a", "approvals/acme-prod/x.yaml", "v1.2", "None", "AwaitingApproval"] {
        assert_eq!(to_yaml(&json!({ "key": word })), format!("key: {word}\n"));
    }
}

#[test]
fn characters_that_hide_or_reorder_text_are_escapes_and_read_back_as_they_were() {
    let hostile = "a\u{202e}b\u{200b}c\u{1b}[31md\u{e0041}e\u{2028}f\u{feff}g\0h\r\ni\u{7f}é日";
    let yaml = to_yaml(&json!([hostile]));
    insta::assert_snapshot!(yaml, @r#"- "a\u202eb\u200bc\u001b[31md\U000e0041e\u2028f\ufeffg\u0000h\u000d\ni\u007fé日""#);
    assert_eq!(read_back(&yaml), json!([hostile]));
}

#[test]
fn a_lone_scalar_or_an_empty_document_is_yaml_too() {
    assert_eq!(to_yaml(&json!({})), "{}\n");
    assert_eq!(to_yaml(&json!([])), "[]\n");
    assert_eq!(to_yaml(&json!("no")), "\"no\"\n");
    assert_eq!(to_yaml(&json!(null)), "null\n");
}

fn any_value() -> impl Strategy<Value = Value> {
    let tricky = prop::sample::select(vec!["no", "1e3", "- a", "a: b", "#", "\u{202e}", "\n", " ", "null", "k:"]);
    let text = prop_oneof![any::<String>(), tricky.prop_map(str::to_owned), "[ -~]{0,12}"];
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    scalar.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(text.clone(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back_equal(value in any_value()) {
        let yaml = to_yaml(&value);
        let back: Value = serde_saphyr::from_str(&yaml)
            .map_err(|error| TestCaseError::fail(format!("{error}\n{yaml}")))?;
        prop_assert_eq!(back, value, "{}", yaml);
    }
}
