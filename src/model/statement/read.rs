//! Reading a statement's file.

use super::request::{action, parameter_names};
use super::{Approval, ApprovalVerdict, Maker, Request, Statement, TRUNCATED};
use crate::model::Problems;
use crate::model::header::nameless_spec;
use crate::model::yaml::{Document, Field, Fields, LARGEST_NUMBER, Limits};

const APPROVAL: &[&str] = &["repository", "environment", "plan", "verdict", "deploy", "reason", "acknowledge"];
const REQUEST: &[&str] = &["repository", "environment", "action", "reason"];

/// The fields of a signed record that a ready-made one lacks.
const SIGNED: &[&str] = &["by", "previous", "signature"];
const READY_MADE: &[&str] = &["n"];

impl Statement {
    /// Reads an approval or a request: every field of its kind, `null` and `[]` included, and no others.
    ///
    /// Only the shape is checked: not whose it is, whether it is signed, or whether there is such a plan.
    ///
    /// # Errors
    /// Everything that is wrong with the file.
    pub fn read(file: &str, bytes: &[u8]) -> Result<Self, Problems> {
        let document = Document::read(file, bytes, Limits::DEFAULT);
        let statement = statement(&document);
        document.finish(statement)
    }
}

fn statement(document: &Document) -> Option<Statement> {
    // The kind says how the rest is read, so it is looked at first.
    let kind = document.root()?.peek("kind");
    match kind.map(|kind| kind.word(&[("Approval", true), ("Request", false)])) {
        Some(Some(true)) => approval(&nameless_spec(document, "Approval")?).map(Statement::Approval),
        Some(Some(false)) => request(&nameless_spec(document, "Request")?).map(Statement::Request),
        Some(None) => None,
        None => {
            // Not even a mapping, or one without a kind: either is told by reading it as the commoner of the two.
            nameless_spec(document, "Approval");
            None
        }
    }
}

fn approval(spec: &Field<'_>) -> Option<Approval> {
    let fields = spec.fields(&[APPROVAL, maker_fields(spec)].concat())?;
    let repository = fields.required("repository").and_then(|repository| repository.parsed());
    let environment = fields.required("environment").and_then(|environment| environment.name());
    let plan = fields.required("plan").and_then(|plan| plan.parsed());
    let verdict = fields.required("verdict").and_then(|verdict| {
        verdict.word(&[
            ("approve", ApprovalVerdict::Approve),
            ("reject", ApprovalVerdict::Reject),
            ("withdraw", ApprovalVerdict::Withdraw),
        ])
    });
    let deploy_field = fields.required("deploy");
    let deploy = deploy_field.as_ref().and_then(Field::boolean);
    let reason = reason(&fields);
    let acknowledge = fields
        .required("acknowledge")
        .and_then(|list| list.set_of(|item| item.word(&[(TRUNCATED, TRUNCATED)]).map(str::to_owned)));
    let maker = maker(&fields);
    if let (Some(true), Some(ApprovalVerdict::Reject | ApprovalVerdict::Withdraw), Some(field)) =
        (deploy, verdict, deploy_field)
    {
        field.complain("expected `false`: only an approval can also deploy");
        return None;
    }
    Some(Approval {
        repository: repository?,
        environment: environment?,
        plan: plan?,
        verdict: verdict?,
        deploy: deploy?,
        reason: reason?,
        acknowledge: acknowledge?,
        maker: maker?,
    })
}

fn request(spec: &Field<'_>) -> Option<Request> {
    let parameters = parameter_names(spec)?;
    let fields = spec.fields(&[REQUEST, parameters, maker_fields(spec)].concat())?;
    let repository = fields.required("repository").and_then(|repository| repository.parsed());
    let environment = fields.required("environment").and_then(|environment| environment.name());
    let action = action(spec, &fields);
    let reason = reason(&fields);
    let maker = maker(&fields);
    Some(Request {
        repository: repository?,
        environment: environment?,
        action: action?,
        reason: reason?,
        maker: maker?,
    })
}

/// Any text, on any number of lines, even none: it is escaped wherever it is shown.
fn reason(fields: &Fields<'_>) -> Option<String> {
    fields.required("reason")?.text().map(str::to_owned)
}

/// A record that has `n` and nothing of a signed one is a ready-made one.
fn maker_fields(spec: &Field<'_>) -> &'static [&'static str] {
    let is_ready_made = spec.peek("n").is_some() && SIGNED.iter().all(|name| spec.peek(name).is_none());
    if is_ready_made { READY_MADE } else { SIGNED }
}

fn maker(fields: &Fields<'_>) -> Option<Maker> {
    if maker_fields(fields.whole()) == READY_MADE {
        let n = fields.required("n")?.number(0, LARGEST_NUMBER)?;
        return Some(Maker::ReadyMade { n });
    }
    let by = fields.required("by").and_then(|by| by.name());
    let previous = fields.required("previous").and_then(|previous| previous.nullable(Field::parsed));
    let signature = fields.required("signature").and_then(|signature| armored(&signature));
    Some(Maker::Signed { by: by?, previous: previous?, signature: signature? })
}

/// A text that begins and ends as an SSH signature in PEM does. What is between is looked at where it is verified.
fn armored(field: &Field<'_>) -> Option<String> {
    let text = field.text()?;
    let is_armored = text.starts_with("-----BEGIN SSH SIGNATURE-----\n")
        && text.trim_end_matches('\n').ends_with("\n-----END SSH SIGNATURE-----");
    if !is_armored {
        field.complain("expected an SSH signature, from `-----BEGIN SSH SIGNATURE-----` to its END line");
        return None;
    }
    Some(text.to_owned())
}
