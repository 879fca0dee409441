//! JSON Schema (2020-12) of every document that people write, so that editors complete and check it.
//!
//! What a document may hold is decided by its reader and by nothing else. These are a second telling of it for editors,
//! one line for each field, and `tests/it/schema.rs` holds each line against the reader: names, which of them are
//! required, which words are taken, which values are not built yet. A schema cannot say everything that a reader
//! checks: what it takes may still be refused by `countersign validate`.

mod environment;
mod governance;
mod settings;
mod shape;
mod statement;

use serde_json::{Value, json};

/// The version of JSON Schema.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The kinds, in the order in which people meet them.
pub const KINDS: [&str; 8] = ["Environment", "Policy", "Person", "Team", "Ruleset", "Approval", "Request", "Settings"];

/// The schema of a kind; `None` where there is no such kind.
pub fn of(kind: &str) -> Option<Value> {
    let mut schema = document(kind)?;
    schema["$schema"] = DIALECT.into();
    Some(schema)
}

/// One schema for a document of any kind.
pub fn of_any() -> Value {
    let of = |kind: &&str| json!({ "if": { "properties": { "kind": { "const": kind } } }, "then": document(kind) });
    json!({
        "$schema": DIALECT,
        "title": "a document of Countersign",
        "type": "object",
        "required": ["apiVersion", "kind", "spec"],
        "properties": { "kind": { "enum": KINDS } },
        "allOf": KINDS.iter().map(of).collect::<Vec<_>>(),
    })
}

fn document(kind: &str) -> Option<Value> {
    Some(match kind {
        "Environment" => environment::environment(),
        "Policy" => governance::policy(),
        "Person" => governance::person(),
        "Team" => governance::team(),
        "Ruleset" => governance::ruleset(),
        "Approval" => statement::approval(),
        "Request" => statement::request(),
        "Settings" => settings::settings(),
        _ => return None,
    })
}
