//! `countersign history`: who approved what, when and why, and what came of it.

use std::process::ExitCode;

use jiff::Timestamp;

use super::clone::ConfigClone;
use super::journal::JournalTip;
use super::output::Tone;
use super::table;
use super::times::Span;
use super::{CliError, Global, Outcome, Output, environment_name};
use crate::journal::deployment::{Attempt, CountedStatement, Started};
use crate::journal::pages::{deployment, list, minute, said};
use crate::journal::{DeploymentDocument, OutcomeResult, ServiceResult, drift_in_words};
use crate::model::EnvironmentName;
use crate::text::{cut, escape};

/// How much of a reason or message a row shows, in characters.
const CELL: usize = 100;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  countersign history acme-prod\n  countersign history acme-prod 7\n  countersign history --all --since 2026-01-01 --until 2026-04-01\n  countersign --output json history --all --since 24h\n  countersign --output csv history --all > deployments.csv\n\nWith --output json: deployment documents, a list of them or the one asked for.\nWith --output csv: a line for each deployment; what a spreadsheet would take for a formula begins with '.\nExit code 0: it was read; 2: it could not be."
)]
pub struct Arguments {
    /// The environment
    #[arg(value_name = "ENV", required_unless_present = "all", conflicts_with = "all")]
    environment: Option<String>,
    /// One deployment, in full
    #[arg(value_name = "N", conflicts_with_all = ["since", "until"])]
    number: Option<u64>,
    /// Of every environment
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    span: Span,
}

pub fn main(global: &Global, arguments: &Arguments) -> Outcome {
    let times = arguments.span.read()?;
    let name = arguments.environment.as_deref().map(environment_name).transpose()?;
    let output = Output::of(global);
    let clone = ConfigClone::find(global)?;
    let journal = JournalTip::open(&clone, clone.fetch()?)?;
    if let (Some(name), Some(number)) = (&name, arguments.number) {
        return one(output, &journal, name, number);
    }
    let names = match name {
        Some(name) => vec![journal.known(&name)?.environment],
        None => journal.environments()?,
    };
    let mut documents = Vec::new();
    for name in &names {
        for number in journal.deployments(name)? {
            documents.extend(journal.deployment(name, number)?);
        }
    }
    documents.retain(|document| began(document).is_some_and(|time| times.holds(time)));
    documents.sort_by_key(|document| std::cmp::Reverse((began(document), document.number)));
    if output.is_json() {
        output.json(&documents)?;
    } else if output.is_csv() {
        output.text(&table::csv(&documents)?)?;
    } else {
        output.text(&rows(&documents, arguments.all, output))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn rows(documents: &[DeploymentDocument], with_names: bool, output: Output) -> String {
    if documents.is_empty() {
        return "no deployment\n".to_owned();
    }
    let widest = |width: fn(&DeploymentDocument) -> usize| documents.iter().map(width).max().unwrap_or_default();
    let name = widest(|document| document.environment.as_str().len());
    let number = widest(|document| number(document).len());
    let kind = widest(|document| document.kind.name().len());
    let row = |document: &DeploymentDocument| {
        let name = if with_names { format!("{:name$}  ", document.environment.as_str()) } else { String::new() };
        let (outcome, tone, message) = ended(document.attempts.last());
        let message = if message.is_empty() { String::new() } else { format!(": {}", escape(&cut(&message, CELL))) };
        let outcome = output.paint(tone, &format!("{outcome:9}"));
        let when = began(document).map(minute).unwrap_or_default();
        format!(
            "{name}{:number$}  {when}  {:kind$}  {outcome}  {}{message}\n",
            self::number(document),
            document.kind.name(),
            approvers(document) + &word(document)
        )
    };
    documents.iter().map(row).collect()
}

/// `alice and bob: load-tested on staging`.
fn approvers(document: &DeploymentDocument) -> String {
    let mut people = Vec::new();
    let mut reasons = Vec::new();
    for statement in document.met.iter().flat_map(|met| &met.statements) {
        if !people.contains(&statement.by) {
            people.push(statement.by.clone());
            if !statement.reason.is_empty() {
                reasons.push(format!("{}: {}", statement.by, escape(&cut(&statement.reason, CELL))));
            }
        }
    }
    match (people.is_empty(), reasons.is_empty()) {
        (true, _) => "no approval was asked for".to_owned(),
        (false, true) => list(&people, "and", 5),
        (false, false) => format!("{} ({})", list(&people, "and", 5), reasons.join("; ")),
    }
}

/// `, started by carol`, where it took somebody's word.
fn word(document: &DeploymentDocument) -> String {
    let started = document.attempts.last().and_then(|last| last.claim.started.as_ref());
    started.map_or_else(String::new, |started| {
        let window = if started.overrides_window { " although no window was open" } else { "" };
        format!(", started by {}{window}", started.by)
    })
}

pub(super) fn number(document: &DeploymentDocument) -> String {
    deployment(document.number, document.attempts.last().map_or(1, |last| last.attempt))
}

pub(super) fn began(document: &DeploymentDocument) -> Option<Timestamp> {
    document.attempts.first().map(|first| first.claim.time)
}

/// How an attempt ended, in a word, with the daemon's message.
pub(super) fn ended(attempt: Option<&Attempt>) -> (&'static str, Tone, String) {
    let Some(outcome) = attempt.and_then(|attempt| attempt.outcome.as_ref()) else {
        return ("running", Tone::Waits, String::new());
    };
    let (word, tone) = match outcome.result {
        OutcomeResult::Applied => ("applied", Tone::Good),
        OutcomeResult::Failed => ("failed", Tone::Bad),
        OutcomeResult::Abandoned => ("abandoned", Tone::Faint),
        OutcomeResult::Unknown => ("not known", Tone::Bad),
    };
    let found = attempt.and_then(|attempt| attempt.claim.drift.as_deref());
    let corrected = found.filter(|_| outcome.result == OutcomeResult::Applied);
    let corrected = corrected.map(|found| format!("corrected {}", drift_in_words(found)));
    let said = [corrected.unwrap_or_default(), outcome.message.clone()];
    (word, tone, said.into_iter().filter(|one| !one.is_empty()).collect::<Vec<_>>().join(": "))
}

fn one(output: Output, journal: &JournalTip<'_>, name: &EnvironmentName, number: u64) -> Outcome {
    journal.known(name)?;
    let document = journal.deployment(name, number)?;
    let document = document.ok_or_else(|| {
        CliError::failed(format!("{name} has no deployment {number}")).hint(format!("countersign history {name}"))
    })?;
    if output.is_json() {
        output.json(&document)?;
        return Ok(ExitCode::SUCCESS);
    }
    if output.is_csv() {
        output.text(&table::csv(&[document])?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let (outcome, tone, _) = ended(document.attempts.last());
    let base = document.base.map_or_else(|| "nothing".to_owned(), |base| format!("deployment {}", base.number));
    let mut text = format!(
        "{} deployment {}: {} of {base}, {}\n  plan {}\n",
        output.paint(Tone::Strong, name.as_str()),
        self::number(&document),
        document.kind.name(),
        output.paint(tone, outcome),
        document.plan
    );
    text += &match document.revision {
        Some(revision) => format!("  revision {revision}\n"),
        None => "  the environment is removed\n".to_owned(),
    };
    text += &format!("  judged by policy {}\n", document.policy);
    for met in &document.met {
        let label = match (&met.ruleset, &met.rule) {
            (Some(ruleset), Some(rule)) => format!("{ruleset}/{rule}"),
            _ => "single approval".to_owned(),
        };
        text += &format!("  {label}\n");
        text += &met.statements.iter().map(statement).collect::<String>();
    }
    text += &document.attempts.iter().map(|attempt| told(attempt, output)).collect::<String>();
    output.text(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn statement(statement: &CountedStatement) -> String {
    let verb = statement.verdict.map_or("said so", said);
    let reason = if statement.reason.is_empty() { String::new() } else { format!(": {}", escape(&statement.reason)) };
    let earlier = statement.carried_from.map(|plan| format!(" plan {}, carried over", plan.short()));
    format!("    {} {verb}{}{reason}\n      {}\n", statement.by, earlier.unwrap_or_default(), statement.digest)
}

/// By whose word it started; on a line of its own.
fn started(started: &Started) -> String {
    let window = if started.overrides_window { " although no window was open" } else { "" };
    let reason = if started.reason.is_empty() { String::new() } else { format!(": {}", escape(&started.reason)) };
    format!("\n    started by {}{window}{reason}", started.by)
}

fn told(attempt: &Attempt, output: Output) -> String {
    let (outcome, tone, message) = ended(Some(attempt));
    let message = if message.is_empty() { String::new() } else { format!(": {}", escape(&message)) };
    let end = attempt.outcome.as_ref().map(|outcome| format!(", ended {} UTC", minute(outcome.time)));
    let mut text = format!(
        "  attempt {}: {}{message}\n    claimed {} UTC from commit {}{}{}\n",
        attempt.attempt,
        output.paint(tone, outcome),
        minute(attempt.claim.time),
        attempt.claim.heads.config.short(),
        end.unwrap_or_default(),
        attempt.claim.started.as_ref().map(started).unwrap_or_default()
    );
    for service in attempt.outcome.iter().flat_map(|outcome| &outcome.services) {
        let result = match service.result {
            ServiceResult::Done => "done",
            ServiceResult::Failed => "failed",
            ServiceResult::Untouched => "not touched",
            ServiceResult::Unknown => "not known",
        };
        let why = if service.message.is_empty() { String::new() } else { format!(": {}", escape(&service.message)) };
        text += &format!("    {} {result}{why}\n", service.name);
    }
    text
}
