//! The actions of a request: which parameters each has, read and written.

use serde_json::json;

use super::RequestAction;
use super::record::SpecFields;
use crate::model::instant::instant;
use crate::model::yaml::{Field, Fields, LARGEST_NUMBER};

/// The actions, with the names of their parameters.
const ACTIONS: &[(&str, &[&str])] = &[
    ("deploy", &["plan", "at", "overrideWindow"]),
    ("redeploy", &["number"]),
    ("rollback", &["number", "to"]),
    ("promote", &["number", "from"]),
    ("suspend", &["number"]),
    ("resume", &["number"]),
    ("close", &["plan"]),
    ("reopen", &["plan"]),
    ("open", &["number", "accessDuration", "grantExpiration"]),
];

/// The parameters of the action that this `spec` names.
pub(super) fn parameter_names(spec: &Field<'_>) -> Option<&'static [&'static str]> {
    let Some(action) = spec.peek("action") else {
        spec.missing("action");
        return None;
    };
    action.word(ACTIONS)
}

/// Reads the action. `None` where a complaint was made.
pub(super) fn action(spec: &Field<'_>, fields: &Fields<'_>) -> Option<RequestAction> {
    let plan = || fields.required("plan")?.parsed();
    let number = || fields.required("number").and_then(|number| deployment(&number));
    let number_or_null = || fields.required("number")?.nullable(deployment);
    // That it is a text was told already.
    match spec.peek("action")?.text()? {
        "deploy" => {
            let plan = plan();
            let at = fields.required("at").and_then(|at| at.nullable(instant));
            let override_window = fields.maybe("overrideWindow", Field::boolean);
            Some(RequestAction::Deploy { plan: plan?, at: at?, override_window: override_window? })
        }
        "redeploy" => Some(RequestAction::Redeploy { number: number()? }),
        "rollback" => {
            let number = number();
            let to = fields.required("to").and_then(|to| deployment(&to));
            Some(RequestAction::Rollback { number: number?, to: to? })
        }
        "promote" => {
            let number = number_or_null();
            let from = fields.required("from").and_then(|from| from.name());
            Some(RequestAction::Promote { number: number?, from: from? })
        }
        "suspend" => Some(RequestAction::Suspend { number: number_or_null()? }),
        "resume" => Some(RequestAction::Resume { number: number_or_null()? }),
        "close" => Some(RequestAction::Close { plan: plan()? }),
        "reopen" => Some(RequestAction::Reopen { plan: plan()? }),
        "open" => {
            let number = number_or_null();
            let access_duration = fields.required("accessDuration").and_then(|duration| duration.parsed());
            let grant_expiration = fields.required("grantExpiration").and_then(|duration| duration.parsed());
            Some(RequestAction::Open {
                number: number?,
                access_duration: access_duration?,
                grant_expiration: grant_expiration?,
            })
        }
        _ => None,
    }
}

/// The number of a deployment: 1, 2, 3 …
fn deployment(field: &Field<'_>) -> Option<u64> {
    field.number(1, LARGEST_NUMBER)
}

impl RequestAction {
    /// The parameters as fields, in the order of the file.
    pub(super) fn parameters(&self) -> SpecFields {
        match self {
            Self::Deploy { plan, at, override_window } => {
                let mut fields = vec![("plan", json!(plan)), ("at", json!(at.map(|at| at.to_string())))];
                fields.extend(override_window.map(|override_window| ("overrideWindow", json!(override_window))));
                fields
            }
            Self::Redeploy { number } => vec![("number", json!(number))],
            Self::Rollback { number, to } => vec![("number", json!(number)), ("to", json!(to))],
            Self::Promote { number, from } => vec![("number", json!(number)), ("from", json!(from))],
            Self::Suspend { number } | Self::Resume { number } => vec![("number", json!(number))],
            Self::Close { plan } | Self::Reopen { plan } => vec![("plan", json!(plan))],
            Self::Open { number, access_duration, grant_expiration } => vec![
                ("number", json!(number)),
                ("accessDuration", json!(access_duration.to_string())),
                ("grantExpiration", json!(grant_expiration.to_string())),
            ],
        }
    }
}
