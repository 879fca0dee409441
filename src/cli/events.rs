//! `countersign events`: what happened, as the journal's entries tell it, newest last.

use std::process::ExitCode;

use serde::Serialize;

use super::clone::ConfigClone;
use super::journal::JournalTip;
use super::output::Tone;
use super::times::Span;
use super::{Global, Outcome, Output, environment_name};
use crate::journal::pages::{minute, told};
use crate::journal::{Event, JournalEntry, OutcomeResult};
use crate::model::EnvironmentName;
use crate::object::Oid;

/// What stands in the place of an environment's name where an event is about none.
const NONE: &str = "-";

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  countersign events\n  countersign events acme-prod\n  countersign events governance\n  countersign events --since 24h\n  countersign events --last 20\n  countersign --output json events acme-prod | jq '.[].event.event'\n\nWith --output json: a list of {sequence, commit, time, text, event}, newest last, each event as the journal has it.\nExit code 0: they were read; 2: they could not be."
)]
pub struct Arguments {
    /// The environment, or `governance` for the policy; everything if left out
    #[arg(value_name = "ENV")]
    environment: Option<String>,
    #[command(flatten)]
    span: Span,
    /// Only so many, the newest
    #[arg(long, value_name = "N")]
    last: Option<usize>,
}

/// An event, with the entry it is in.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    sequence: u64,
    commit: Oid,
    time: jiff::Timestamp,
    text: String,
    event: Event,
}

pub fn main(global: &Global, arguments: &Arguments) -> Outcome {
    let name = arguments.environment.as_deref().map(environment_name).transpose()?;
    let times = arguments.span.read()?;
    let output = Output::of(global);
    let clone = ConfigClone::find(global)?;
    let journal = JournalTip::open(&clone, clone.fetch()?)?;
    if let Some(name) = &name {
        journal.known(name)?;
    }
    let most = arguments.last.unwrap_or(usize::MAX);
    let mut found: Vec<Told> = Vec::new();
    journal.entries(&mut |commit, entry: JournalEntry| {
        let JournalEntry { sequence, time, events, .. } = entry;
        let wanted =
            events.into_iter().filter(|event| times.holds(time) && name.as_ref().is_none_or(|n| about(event, n)));
        // Newest first on the way back.
        let mut told: Vec<Told> =
            wanted.map(|event| Told { sequence, commit, time, text: told(&event), event }).collect();
        told.reverse();
        found.extend(told);
        found.len() < most
    })?;
    found.truncate(most);
    found.reverse();
    if output.is_json() {
        output.json(&found)?;
    } else {
        output.text(&rows(&found, output))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether an event is about an environment; the policy's own are about `governance`.
fn about(event: &Event, name: &EnvironmentName) -> bool {
    match event.environment() {
        Some(of) => of == name,
        None => name.as_str() == EnvironmentName::GOVERNANCE && is_of_the_policy(event),
    }
}

fn is_of_the_policy(event: &Event) -> bool {
    event.moves_policy()
}

fn rows(found: &[Told], output: Output) -> String {
    if found.is_empty() {
        return "nothing happened\n".to_owned();
    }
    let name = |told: &Told| match told.event.environment() {
        Some(name) => name.to_string(),
        None if is_of_the_policy(&told.event) => EnvironmentName::GOVERNANCE.to_owned(),
        None => NONE.to_owned(),
    };
    let width = found.iter().map(|told| name(told).len()).max().unwrap_or_default();
    let row = |told: &Told| {
        let text = tone(&told.event).map_or_else(|| told.text.clone(), |tone| output.paint(tone, &told.text));
        format!("{}  {:width$}  {text}\n", minute(told.time), name(told))
    };
    found.iter().map(row).collect()
}

fn tone(event: &Event) -> Option<Tone> {
    Some(match event {
        Event::Outcome { result: OutcomeResult::Applied, .. } => Tone::Good,
        Event::Outcome { result: OutcomeResult::Failed | OutcomeResult::Unknown, .. }
        | Event::HistoryAccepted { .. }
        | Event::PolicyPinned { .. }
        | Event::Alarm { .. } => Tone::Bad,
        Event::Invalid { problems, .. } if !problems.is_empty() => Tone::Bad,
        Event::Planned { .. } => Tone::Waits,
        Event::Ready(_) => Tone::Faint,
        _ => return None,
    })
}
