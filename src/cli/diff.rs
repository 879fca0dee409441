//! `countersign diff`: the plan that waits.

use std::process::ExitCode;

use super::clone::ConfigClone;
use super::journal::JournalTip;
use super::show::diff_line;
use super::{CliError, Global, Outcome, Output, environment_name};
use crate::journal::Event;
use crate::lifecycle::Phase;
use crate::model::EnvironmentName;
use crate::plan::PlanDocument;
use crate::text::escape;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  countersign diff acme-prod\n  countersign diff acme-prod --draft\n  countersign diff acme-prod --plan 3f2a9c1d04be\n  countersign --output json diff acme-prod | jq .commits\n\nWith --output json: the plan document with the diff in `diff`; null where no plan waits.\nExit code 0: no plan waits; 1: one does, or --plan found it; 2: it could not be read."
)]
pub struct Arguments {
    /// The environment
    #[arg(value_name = "ENV")]
    environment: String,
    /// The plan that draft/ENV would give if it were merged now
    #[arg(long)]
    draft: bool,
    /// A plan of before, from the journal's history: its digest, or the beginning of it
    #[arg(long, value_name = "ID", conflicts_with = "draft")]
    plan: Option<String>,
}

pub fn main(global: &Global, arguments: &Arguments) -> Outcome {
    let name = environment_name(&arguments.environment)?;
    let output = Output::of(global);
    let clone = ConfigClone::find(global)?;
    let journal = JournalTip::open(&clone, clone.fetch()?)?;
    if let Some(wanted) = &arguments.plan {
        let (document, diff) = of_before(&journal, &name, wanted)?;
        print(output, &document, diff)?;
        return Ok(ExitCode::from(1));
    }
    let status = if arguments.draft { journal.known_draft(&name)? } else { journal.known(&name)? };
    let Some(document) = journal.plan(&status)? else {
        if output.is_json() {
            output.json(&serde_json::Value::Null)?;
        } else if arguments.draft {
            eprintln!("note: draft/{name} has no plan; see: countersign status {name}");
        } else if status.phase == Phase::Invalid {
            eprintln!(
                "note: no plan of {name} waits: its configuration cannot be used; see: countersign status {name}"
            );
        }
        return Ok(ExitCode::SUCCESS);
    };
    print(output, &document, journal.plan_diff(&status)?)?;
    Ok(ExitCode::from(1))
}

fn print(output: Output, document: &PlanDocument, diff: String) -> Result<(), CliError> {
    if output.is_json() {
        let mut document = serde_json::to_value(document).map_err(|error| CliError::failed(error.to_string()))?;
        document["diff"] = diff.into();
        output.json(&document)
    } else {
        let lines: String = diff.lines().map(|line| format!("{}\n", diff_line(line, output))).collect();
        output.text(&lines)
    }
}

/// A plan that the journal told at some time, as it was told last, with its diff.
fn of_before(
    journal: &JournalTip<'_>,
    name: &EnvironmentName,
    wanted: &str,
) -> Result<(PlanDocument, String), CliError> {
    let digits = wanted.strip_prefix("sha256:").unwrap_or(wanted);
    if digits.len() < 4 || !digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(CliError::failed(format!("--plan: `{}` is no beginning of a plan's digest", escape(wanted)))
            .hint("at least 4 of its hex digits, as status and plan.md show them"));
    }
    let mut found = None;
    journal.entries(&mut |commit, entry| {
        let is_it = |event: &Event| match event {
            Event::Planned { environment, plan, .. } => environment == name && plan.0.to_hex().starts_with(digits),
            _ => false,
        };
        found = entry.events.iter().any(is_it).then_some(commit);
        found.is_none()
    })?;
    let found = found.ok_or_else(|| {
        CliError::failed(format!("the journal never told a plan {digits} of {name}"))
            .hint(format!("countersign events {name} lists what it told"))
    })?;
    let then = journal.at(found)?;
    let status = then.known(name)?;
    let document =
        then.plan(&status)?.ok_or_else(|| CliError::failed(format!("entry {} has no plan", found.short())))?;
    Ok((document, then.plan_diff(&status)?))
}
