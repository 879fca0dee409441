//! `countersign wait`: until an environment has come as far as a script wants it.

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use serde_json::json;

use super::clone::ConfigClone;
use super::deployments::Told;
use super::journal::JournalTip;
use super::output::Tone;
use super::standing::sentence;
use super::{CliError, Global, Outcome, Output, environment_name};
use crate::digest::RevisionId;
use crate::journal::Status;
use crate::lifecycle::Phase;
use crate::model::EnvironmentName;
use crate::object::Objects as _;
use crate::revision::imports::From;
use crate::revision::{Desired, Hashes, resolve};

/// The first pause between two looks; each is longer than the one before, up to [`LONGEST`].
const SHORTEST: Duration = Duration::from_millis(200);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(5);
/// The exit code of `timeout(1)`.
const TIMED_OUT: u8 = 124;

/// How far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Goal {
    /// A plan of what is on the branch waits, or is past that.
    Planned,
    /// It has every approval that is asked for, or is past that.
    Approved,
    /// It is applied.
    Synced,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  countersign wait acme-prod --for planned\n  countersign wait acme-prod --for synced --timeout 2h\n  git push && countersign wait acme-prod --for planned && countersign diff acme-prod\n\nWhat counts is what the config branch has when it is looked at: where an environment stands with what was there before\nis waited out.\nWith --output json: {environment, reached, status}; status is the status document, or null where there is none.\nExit code 0: it is there; 1: it was rejected, failed or cannot be used; 124: not in time; 2: it could not be read."
)]
pub struct Arguments {
    /// The environment
    #[arg(value_name = "ENV")]
    environment: String,
    /// How far
    #[arg(long = "for", value_enum, value_name = "WHAT")]
    goal: Goal,
    /// How long: 90s, 15m, 2h
    #[arg(long, value_name = "DURATION", default_value = "10m")]
    timeout: crate::model::Duration,
}

/// What one look gives.
enum Look {
    /// It is there.
    Reached(Box<Status>),
    /// It will not get there as it is.
    Over(CliError, Box<Option<Status>>),
    /// Not yet: why, and where it stands.
    NotYet(String, Box<Option<Status>>),
}

pub fn main(global: &Global, arguments: &Arguments) -> Outcome {
    let end = Instant::now() + Duration::from(arguments.timeout);
    let name = environment_name(&arguments.environment)?;
    if name.as_str() == EnvironmentName::GOVERNANCE {
        return Err(CliError::failed("waiting for the policy is not built yet in this version")
            .hint("countersign status governance says what is in force"));
    }
    let output = Output::of(global);
    let mut clone = ConfigClone::find(global)?;
    let mut pause = SHORTEST;
    let mut tips = None;
    let mut last: Option<(String, Option<Status>)> = None;
    loop {
        let looked = look(&mut clone, &name, arguments.goal, end, &mut tips);
        match looked {
            Ok(Some(Look::Reached(status))) => return reached(output, &name, &status),
            Ok(Some(Look::Over(error, status))) => {
                if output.is_json() {
                    output.json(&json!({ "environment": name, "reached": false, "status": status }))?;
                }
                return Err(error);
            }
            Ok(Some(Look::NotYet(why, status))) => last = Some((why, *status)),
            // Nothing moved since the last look.
            Ok(None) => {}
            Err(error) if Instant::now() < end && last.is_none() => return Err(error),
            // A remote that is away for a moment is no answer, and none that counts once the time is over.
            Err(error) if Instant::now() < end => error.print_as_note(),
            Err(_) => {}
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return timed_out(output, &name, arguments, last);
        }
        thread::sleep(pause.min(left));
        pause = (pause * 3 / 2).min(LONGEST);
    }
}

/// Looks at the remote; `None` where nothing moved there since the last look.
fn look(
    clone: &mut ConfigClone,
    name: &EnvironmentName,
    goal: Goal,
    end: Instant,
    tips: &mut Option<Vec<String>>,
) -> Result<Option<Look>, CliError> {
    clone.limit(end.saturating_duration_since(Instant::now()));
    let listed = clone.listed()?;
    if tips.as_ref() == Some(&listed) {
        return Ok(None);
    }
    clone.limit(end.saturating_duration_since(Instant::now()));
    let journal = JournalTip::open(clone, clone.fetch()?)?;
    let found = judge(clone, &journal, name, goal)?;
    // Only now: a look that failed is made again.
    *tips = Some(listed);
    Ok(Some(found))
}

/// Where the environment stands with what the config branch has now.
fn judge(clone: &ConfigClone, journal: &JournalTip<'_>, name: &EnvironmentName, goal: Goal) -> Result<Look, CliError> {
    let hashes = Hashes::default();
    let (objects, tips) = (clone.objects(), journal.tips());
    let at = |commit| {
        let deployments = Told::by(journal);
        let tree = objects.commit(commit)?.tree;
        let found = resolve(objects, &hashes, &tips.root, tree, name, From::Deployments(&deployments))?;
        deployments.finish()?;
        Ok::<_, CliError>(found)
    };
    let status = journal.status(name)?;
    let branch = &clone.branch;
    let look_at = |error: CliError| error.hint(format!("countersign status {name}"));
    let here = at(tips.config)?;
    let desired: Option<RevisionId> = match &here {
        Desired::Present(resolved) => Some(resolved.revision),
        Desired::Absent | Desired::Unmarked if status.is_none() => {
            return Err(CliError::failed(format!("neither {branch} nor the journal knows an environment `{name}`"))
                .hint("countersign status lists those it knows"));
        }
        Desired::Absent => None,
        Desired::Unmarked => {
            let error = CliError::refused(format!("environments/{name} on {branch} has no environment.yaml"));
            return Ok(Look::Over(error, Box::new(status)));
        }
        Desired::Invalid(problems) => {
            let first = problems.first().map(ToString::to_string).unwrap_or_default();
            let error = CliError::refused(format!("{name} on {branch} cannot be used: {first}"));
            return Ok(Look::Over(error.hint("countersign validate"), Box::new(status)));
        }
    };
    let Some(status) = status else {
        return Ok(Look::NotYet("the daemon has not seen it yet".to_owned(), Box::new(None)));
    };
    let over = |what: String, status: Status| {
        Ok(Look::Over(look_at(CliError::refused(format!("{name} {what}"))), Box::new(Some(status))))
    };
    if status.phase == Phase::Tampered {
        return over("is Tampered: the history of the repository was rewritten".to_owned(), status);
    }
    if status.phase == Phase::Invalid {
        // It is what the daemon says of this content, or of what was there before.
        let same = tips.config == journal.looked_at() || at(journal.looked_at())? == here;
        let first = status.problems.first().map(ToString::to_string).unwrap_or_default();
        if same {
            return over(format!("cannot be used: {first}"), status);
        }
        return Ok(Look::NotYet(
            format!("the daemon's last word is of an earlier push: {first}"),
            Box::new(Some(status)),
        ));
    }
    if status.desired != desired {
        let why = format!("the daemon has not looked at {} yet", tips.config.short());
        return Ok(Look::NotYet(why, Box::new(Some(status))));
    }
    match status.phase {
        Phase::Rejected | Phase::Failed => {
            let why = sentence(&status);
            return over(format!("is {}: {why}", status.phase), status);
        }
        _ => {}
    }
    let far = match status.phase {
        Phase::Synced => Some(Goal::Synced),
        Phase::Approved | Phase::Deploying => Some(Goal::Approved),
        Phase::AwaitingApproval => Some(Goal::Planned),
        _ => None,
    };
    if far.is_some_and(|far| far >= goal) {
        return Ok(Look::Reached(Box::new(status)));
    }
    Ok(Look::NotYet(format!("it is {}: {}", status.phase, sentence(&status)), Box::new(Some(status))))
}

fn reached(output: Output, name: &EnvironmentName, status: &Status) -> Outcome {
    if output.is_json() {
        output.json(&json!({ "environment": name, "reached": true, "status": status }))?;
    } else {
        let phase = output.paint(Tone::Good, &status.phase.to_string());
        let plan = status.plan.as_ref().map(|plan| format!(" (plan {})", plan.short)).unwrap_or_default();
        output.text(&format!("{name} {phase}{plan}: {}\n", sentence(status)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn timed_out(
    output: Output,
    name: &EnvironmentName,
    arguments: &Arguments,
    last: Option<(String, Option<Status>)>,
) -> Outcome {
    let goal = match arguments.goal {
        Goal::Planned => "planned",
        Goal::Approved => "approved",
        Goal::Synced => "synced",
    };
    let (why, status) = last.unwrap_or_else(|| ("the remote did not answer in time".to_owned(), None));
    if output.is_json() {
        output.json(&json!({ "environment": name, "reached": false, "status": status }))?;
    }
    Err(CliError::failed(format!("{name} is not {goal} after {}: {why}", arguments.timeout))
        .with_code(TIMED_OUT)
        .hint(format!("countersign status {name}")))
}
