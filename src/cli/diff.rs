//! `countersign diff`: the plan that waits.

use std::process::ExitCode;

use super::clone::ConfigClone;
use super::journal::JournalTip;
use super::show::diff_line;
use super::{CliError, Global, Outcome, Output, environment_name};
use crate::lifecycle::Phase;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  countersign diff acme-prod\n  countersign diff acme-prod --draft\n  countersign --output json diff acme-prod | jq .commits\n\nWith --output json: the plan document with the diff in `diff`; null where no plan waits.\nExit code 0: no plan waits; 1: one does; 2: it could not be read."
)]
pub struct Arguments {
    /// The environment
    #[arg(value_name = "ENV")]
    environment: String,
    /// The plan that draft/ENV would give if it were merged now
    #[arg(long)]
    draft: bool,
}

pub fn main(global: &Global, arguments: &Arguments) -> Outcome {
    let name = environment_name(&arguments.environment)?;
    let output = Output::of(global);
    let clone = ConfigClone::find(global)?;
    let journal = JournalTip::open(&clone, clone.fetch()?)?;
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
    let diff = journal.plan_diff(&status)?;
    if output.is_json() {
        let mut document = serde_json::to_value(&document).map_err(|error| CliError::failed(error.to_string()))?;
        document["diff"] = diff.into();
        output.json(&document)?;
    } else {
        let lines: String = diff.lines().map(|line| format!("{}\n", diff_line(line, output))).collect();
        output.text(&lines)?;
    }
    Ok(ExitCode::from(1))
}
