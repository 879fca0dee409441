//! Statements: approvals and requests. A new field is one line here.

use serde_json::{Value, json};

use super::shape::{
    Field, boolean, digest, duration, instant, name, nameless, nullable, number, object, optional, pattern, required,
    set, text, words,
};
use crate::model::yaml::LARGEST_NUMBER;

pub(super) fn approval() -> Value {
    let fields = || {
        vec![
            required("repository", digest("The repository: the digest of its journal's first entry")),
            required("environment", name("The environment")),
            required("plan", digest("The plan, in full")),
            required("verdict", words("What is said", &["approve", "reject", "withdraw"])),
            required("deploy", boolean("Whether it also starts the deployment")),
            required("reason", text("Why; may be empty")),
            required("acknowledge", set("What its maker knows", words("The preview is cut", &["truncated"]))),
        ]
    };
    let mut spec = either_maker("", &fields);
    let says_no = json!({ "properties": { "verdict": { "enum": ["reject", "withdraw"] } } });
    spec["if"] = says_no;
    spec["then"] = json!({ "properties": { "deploy": { "const": false } } });
    nameless("Approval", "What somebody says on one plan", spec)
}

pub(super) fn request() -> Value {
    let actions: Vec<Value> = ACTIONS
        .iter()
        .map(|(action, parameters)| {
            let fields = || {
                let mut fields = vec![
                    required("repository", digest("The repository: the digest of its journal's first entry")),
                    required("environment", name("The environment")),
                    required("action", words("What is asked for", &[action])),
                    required("reason", text("Why; may be empty")),
                ];
                fields.extend(parameters());
                fields
            };
            either_maker(action, &fields)
        })
        .collect();
    nameless("Request", "What somebody asks for", json!({ "oneOf": actions }))
}

/// A parameter list.
type Parameters = fn() -> Vec<Field>;

/// The actions, each with its parameters.
const ACTIONS: [(&str, Parameters); 9] = [
    ("deploy", || {
        vec![
            required("plan", digest("The plan, in full")),
            required("at", nullable(instant("Not before this time; null for now"))),
            optional("overrideWindow", boolean("Whether a closed window is overridden")),
        ]
    }),
    ("redeploy", || vec![deployment("number", "The deployment to be made again")]),
    ("rollback", || vec![deployment("number", "The last deployment"), deployment("to", "The one to go back to")]),
    ("promote", || vec![last(), required("from", name("The environment it comes from"))]),
    ("suspend", || vec![last()]),
    ("resume", || vec![last()]),
    ("close", || vec![required("plan", digest("The plan, in full"))]),
    ("reopen", || vec![required("plan", digest("The plan, in full"))]),
    ("open", || {
        vec![
            last(),
            required("accessDuration", duration("How long it is open: 2h")),
            required("grantExpiration", duration("Until when it may be opened: 24h")),
        ]
    }),
];

fn deployment(name: &'static str, about: &str) -> Field {
    required(name, number(about, 1, LARGEST_NUMBER))
}

fn last() -> Field {
    required("number", nullable(number("The last deployment, or null", 1, LARGEST_NUMBER)))
}

/// The fields with those of a signed record, or of a ready-made one.
fn either_maker(title: &str, fields: &dyn Fn() -> Vec<Field>) -> Value {
    let pem = "^-----BEGIN SSH SIGNATURE-----\\n(.|\\n)*-----END SSH SIGNATURE-----\\n*$";
    let signed = [
        required("by", name("Who says it")),
        required("previous", nullable(digest("The digest of their last statement on the plan, or null"))),
        required("signature", pattern("Their SSH signature", pem)),
    ];
    let ready = [required("n", number("Which ready-made one", 0, LARGEST_NUMBER))];
    let signed = object(format!("{title} signed record").trim_start(), fields().into_iter().chain(signed));
    let ready = object(format!("{title} ready-made record").trim_start(), fields().into_iter().chain(ready));
    json!({ "oneOf": [signed, ready] })
}
