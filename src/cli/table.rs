//! Deployments as a table for spreadsheets.

use super::CliError;
use super::history::{began, ended, number};
use crate::journal::DeploymentDocument;
use crate::text::escape;

/// The columns.
const COLUMNS: [&str; 14] = [
    "environment",
    "deployment",
    "kind",
    "began",
    "ended",
    "result",
    "approvers",
    "reasons",
    "started",
    "override",
    "message",
    "plan",
    "revision",
    "policy",
];

/// One line for each deployment below the columns' names.
///
/// # Errors
/// Where it cannot be written.
pub fn csv(documents: &[DeploymentDocument]) -> Result<String, CliError> {
    let failed = |error: &dyn std::fmt::Display| CliError::failed(format!("the table cannot be written: {error}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS).map_err(|error| failed(&error))?;
    for document in documents {
        writer.write_record(row(document).map(|cell| harmless(&cell))).map_err(|error| failed(&error))?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(&error))?;
    String::from_utf8(bytes).map_err(|error| failed(&error))
}

fn row(document: &DeploymentDocument) -> [String; COLUMNS.len()] {
    let last = document.attempts.last();
    let (result, _, message) = ended(last);
    let mut approvers: Vec<String> = Vec::new();
    let mut reasons: Vec<String> = Vec::new();
    for met in &document.met {
        let label = match (&met.ruleset, &met.rule) {
            (Some(ruleset), Some(rule)) => format!("{ruleset}/{rule}"),
            _ => "single approval".to_owned(),
        };
        for statement in &met.statements {
            approvers.push(format!("{} ({label})", statement.by));
            let reason = format!("{}: {}", statement.by, statement.reason);
            if !statement.reason.is_empty() && !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
    }
    let started = last.and_then(|last| last.claim.started.as_ref());
    let word = started.map(|started| match started.reason.as_str() {
        "" => started.by.to_string(),
        reason => format!("{}: {reason}", started.by),
    });
    let overrides = started.is_some_and(|started| started.overrides_window);
    let time = |time: Option<jiff::Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
    [
        document.environment.to_string(),
        number(document),
        document.kind.name().to_owned(),
        time(began(document)),
        time(last.and_then(|last| last.outcome.as_ref()).map(|outcome| outcome.time)),
        result.to_owned(),
        approvers.join("; "),
        reasons.join("; "),
        word.unwrap_or_default(),
        if overrides { "yes".to_owned() } else { String::new() },
        message,
        document.plan.to_string(),
        document.revision.map(|revision| revision.to_string()).unwrap_or_default(),
        document.policy.to_string(),
    ]
}

/// A cell that no spreadsheet takes for a formula, whoever wrote what is in it.
fn harmless(cell: &str) -> String {
    let shown = escape(cell);
    let begins = shown.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '|', '%']);
    if begins { format!("'{shown}") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        let cells = ["=1+1", " +1", "-1", "@SUM(A1)", "＝1", "|calc", "\t=1", "plain", "a=b", "2 - 1", ""];
        let shown = cells.map(harmless);
        let expected =
            ["'=1+1", "' +1", "'-1", "'@SUM(A1)", "'＝1", "'|calc", "<U+0009>=1", "plain", "a=b", "2 - 1", ""];
        assert_eq!(shown, expected);
    }
}
