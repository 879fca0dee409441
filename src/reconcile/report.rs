//! One line per environment: what `run --once` prints.

use std::fmt;

use crate::journal::pages::list;
use crate::journal::{OutcomeResult, Status};
use crate::lifecycle::{Phase, WaitingOn};
use crate::model::EnvironmentName;
use crate::text::escape;

/// How many names a line holds.
const NAMES: usize = 10;

/// Where every environment stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// One line each, by name.
    pub lines: Vec<EnvironmentLine>,
}

/// Where one environment stands, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentLine {
    /// The environment, or `governance`.
    pub environment: String,
    /// Its phase.
    pub phase: Phase,
    /// What it waits for, or what is wrong.
    pub text: String,
}

impl Report {
    /// Whether somebody must look: an environment is Invalid, Failed or Tampered.
    pub fn needs_attention(&self) -> bool {
        self.lines.iter().any(|line| matches!(line.phase, Phase::Invalid | Phase::Failed | Phase::Tampered))
    }
}

impl EnvironmentLine {
    /// The line of a status.
    pub fn of(status: &Status) -> Self {
        Self { environment: status.environment.to_string(), phase: status.phase, text: escape(&describe(status)) }
    }

    pub(super) fn tampered(name: EnvironmentName, what: &str) -> Self {
        Self { environment: name.to_string(), phase: Phase::Tampered, text: escape(what) }
    }
}

impl fmt::Display for EnvironmentLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.environment, self.phase)?;
        if self.text.is_empty() { Ok(()) } else { write!(f, " {}", self.text) }
    }
}

/// What a status says in one line, without the phase.
pub fn describe(status: &Status) -> String {
    let applied = match &status.applied {
        Some(base) if base.revision.is_some() => base.number.to_string(),
        Some(base) => format!("destroyed by {}", base.number),
        None => "nothing applied yet".to_owned(),
    };
    let plan = status.plan.as_ref().map_or_else(String::new, |plan| format!("plan {}", plan.short));
    match status.phase {
        Phase::Synced => corrected(status).unwrap_or(applied),
        Phase::Deploying if status.corrections.as_ref().is_some_and(|corrections| corrections.running) => {
            corrected(status).unwrap_or(applied)
        }
        Phase::Failed if status.plan.is_none() => {
            let failed = status.corrections.as_ref().and_then(|corrections| corrections.failed.clone());
            format!("{}: {}", corrected(status).unwrap_or(applied), failed.unwrap_or_default())
        }
        Phase::Invalid => {
            let first = status.problems.first().map(ToString::to_string).unwrap_or_default();
            let more = status.problems.len().saturating_sub(1);
            let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
            match &status.applied {
                Some(base) if base.revision.is_some() => format!("holds at {}: {first}{more}", base.number),
                _ => format!("{first}{more}"),
            }
        }
        Phase::AwaitingApproval => {
            let waits: Vec<String> = status.waiting_on.iter().filter(|w| w.missing() > 0).map(waits_for).collect();
            format!("{plan} waits for {}", waits.join("; "))
        }
        Phase::Suspended => {
            let by: Vec<String> = status.suspended.iter().flat_map(|s| &s.by).map(|one| one.by.to_string()).collect();
            let plan = if plan.is_empty() { plan } else { format!("; {plan} waits") };
            format!("at {applied}, by {}{plan}", by.join(", "))
        }
        Phase::Approved if status.hold.is_some() => {
            let hold = status.hold.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("{plan} {hold}")
        }
        Phase::Approved | Phase::Deploying | Phase::Rejected | Phase::Tampered => plan,
        Phase::Failed => {
            let last = status.last.as_ref().filter(|last| last.result != OutcomeResult::Applied);
            last.map_or(plan, |last| format!("{}.{}: {}", last.number, last.attempt, last.message))
        }
    }
}

/// `7.2 corrected drift of config: 1 changed`; `None` where no drift was.
pub fn corrected(status: &Status) -> Option<String> {
    let (base, corrections) = (status.applied?, status.corrections.as_ref()?);
    let number = crate::journal::pages::deployment(base.number, corrections.attempt);
    let did = match (corrections.running, &corrections.failed) {
        (true, _) => "corrects",
        (false, Some(_)) => "did not correct",
        (false, None) => "corrected",
    };
    let times = if corrections.times > 1 { format!(", {} times", corrections.times) } else { String::new() };
    let again = corrections.not_before.filter(|_| corrections.times > 1 && !corrections.running);
    let again = again.map_or_else(String::new, |at| format!("; not again before {at}"));
    Some(format!("{number} {did} {}{times}{again}", corrections.found))
}

/// `production/platform 1 of 2 (bob or carol)`.
pub fn waits_for(waiting: &WaitingOn) -> String {
    if let Some(commit) = waiting.unsigned.first() {
        return format!("{} {} of {} ({commit})", waiting.label(), waiting.have.len(), waiting.required);
    }
    let who = if !waiting.satisfiable {
        "nobody can: see the status".to_owned()
    } else {
        list(&waiting.eligible, "or", NAMES)
    };
    format!("{} {} of {} ({who})", waiting.label(), waiting.have.len(), waiting.required)
}
