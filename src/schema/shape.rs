//! What schemas are made of.

use serde_json::{Map, Value, json};

/// A field of an object.
pub(super) struct Field {
    name: &'static str,
    required: bool,
    value: Value,
}

/// A field that must be given.
pub(super) fn required(name: &'static str, value: Value) -> Field {
    Field { name, required: true, value }
}

/// A field that may be left out.
pub(super) fn optional(name: &'static str, value: Value) -> Field {
    Field { name, required: false, value }
}

/// Fields, and no others.
pub(super) fn object(about: &str, fields: impl IntoIterator<Item = Field>) -> Value {
    let (mut properties, mut names) = (Map::new(), Vec::new());
    for field in fields {
        if field.required {
            names.push(field.name);
        }
        properties.insert(field.name.to_owned(), field.value);
    }
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !names.is_empty() {
        schema["required"] = names.into();
    }
    described(schema, about)
}

/// Fields whose names their author chooses.
pub(super) fn map_of(about: &str, value: Value) -> Value {
    described(json!({ "type": "object", "additionalProperties": value }), about)
}

/// A document of a kind, with a name.
pub(super) fn named(kind: &str, about: &str, name_of: &str, spec: Value) -> Value {
    let metadata = object("", [required("name", text(&format!("The name of {name_of}")))]);
    let head = [required("apiVersion", api_version()), required("kind", json!({ "const": kind }))];
    let rest = [required("metadata", metadata), required("spec", spec)];
    titled(object(about, head.into_iter().chain(rest)), kind)
}

/// A document of a kind that has no name.
pub(super) fn nameless(kind: &str, about: &str, spec: Value) -> Value {
    let kind_field = required("kind", json!({ "const": kind }));
    titled(object(about, [required("apiVersion", api_version()), kind_field, required("spec", spec)]), kind)
}

fn api_version() -> Value {
    json!({ "const": crate::model::header::API_VERSION })
}

fn titled(mut schema: Value, title: &str) -> Value {
    schema["title"] = title.into();
    schema
}

fn described(mut schema: Value, about: &str) -> Value {
    if !about.is_empty() {
        schema["description"] = about.into();
    }
    schema
}

/// Any text.
pub(super) fn text(about: &str) -> Value {
    described(json!({ "type": "string" }), about)
}

/// A text in a form.
pub(super) fn pattern(about: &str, pattern: &str) -> Value {
    described(json!({ "type": "string", "pattern": pattern }), about)
}

/// A name.
pub(super) fn name(about: &str) -> Value {
    pattern(about, "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
}

/// The name of an environment, or a pattern.
pub(super) fn glob(about: &str) -> Value {
    pattern(about, "^[-a-z0-9*]{1,63}$")
}

/// A digest.
pub(super) fn digest(about: &str) -> Value {
    pattern(about, "^sha256:[0-9a-f]{64}$")
}

/// A duration.
pub(super) fn duration(about: &str) -> Value {
    pattern(about, "^[1-9][0-9]*[smh]$")
}

/// A point in time.
pub(super) fn instant(about: &str) -> Value {
    pattern(about, "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")
}

/// An absolute path of this host.
pub(super) fn host_folder(about: &str) -> Value {
    pattern(about, "^/[^/]")
}

/// A whole number.
pub(super) fn number(about: &str, least: u64, most: u64) -> Value {
    described(json!({ "type": "integer", "minimum": least, "maximum": most }), about)
}

/// `true` or `false`.
pub(super) fn boolean(about: &str) -> Value {
    described(json!({ "type": "boolean" }), about)
}

/// One of a few words.
pub(super) fn words(about: &str, words: &[&str]) -> Value {
    described(json!({ "enum": words }), about)
}

/// The value, or null.
pub(super) fn nullable(value: Value) -> Value {
    json!({ "anyOf": [value, { "type": "null" }] })
}

/// Items in an order.
pub(super) fn list(about: &str, item: Value) -> Value {
    described(json!({ "type": "array", "items": item }), about)
}

/// Items of which no two are the same.
pub(super) fn set(about: &str, item: Value) -> Value {
    let mut schema = list(about, item);
    schema["uniqueItems"] = true.into();
    schema
}

/// At least one item.
pub(super) fn filled(mut list: Value) -> Value {
    list["minItems"] = 1.into();
    list
}
