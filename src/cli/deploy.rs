//! `countersign deploy`: start the deployment of an approved plan.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::ask::{Asked, Asking, Scene, ask};
use super::{CliError, Global, Outcome};
use crate::journal::pages::{list, minute};
use crate::lifecycle::NOTHING_TO_START;
use crate::model::{Environment, Permission, RequestAction};
use crate::object::{Objects as _, entry_at};
use crate::policy::Hold;
use crate::reconcile::{Clock as _, SystemClock};
use crate::revision::resolve::below;
use crate::windows::{is_open, opens};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  countersign deploy acme-prod -m \"after the standup\"\n  countersign deploy acme-prod --at 2026-11-23T08:00:00+01:00\n  countersign deploy acme-prod --override-window -m \"incident 4711\"\n\nWhere `deploy.mode` is manual, approvals only unblock; this starts the deployment of the plan that waits, once. With --override-window also in a closed window, where you hold `override`; that is marked everywhere.\nExit code 0: signed and pushed; 1: you may not, or there is nothing to start, and nothing was signed; 2: it could not be done."
)]
pub struct Arguments {
    #[command(flatten)]
    asking: Asking,
    /// Only if the plan that waits is this one: its digest, or the beginning of it
    #[arg(long, value_name = "ID")]
    plan: Option<String>,
    /// Not before this time: 2026-11-23T08:00:00Z, or with an offset
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Although no window allows it
    #[arg(long)]
    override_window: bool,
}

pub fn main(global: &Global, arguments: &Arguments) -> Outcome {
    let at = arguments.at.as_deref().map(time).transpose()?;
    ask(global, &arguments.asking, &|scene| deploy(scene, arguments, at))
}

/// A time to come, in whole seconds.
fn time(text: &str) -> Result<Timestamp, CliError> {
    let hint = "a time with its offset: 2026-11-23T08:00:00Z or 2026-11-23T09:00:00+01:00";
    let bad = |why: &str| CliError::failed(format!("--at: `{text}` {why}")).hint(hint);
    let time: Timestamp = text.parse().map_err(|_| bad("is no time"))?;
    if time.subsec_nanosecond() != 0 {
        return Err(bad("has a fraction of a second"));
    }
    if time <= SystemClock.now() {
        return Err(bad("is past"));
    }
    Ok(time)
}

fn deploy(scene: &Scene<'_>, arguments: &Arguments, at: Option<Timestamp>) -> Result<Asked, CliError> {
    let status = scene.status;
    let name = &status.environment;
    if name.is_governance() {
        return Err(scene.objection(NOTHING_TO_START));
    }
    let plan = scene.plan(arguments.plan.as_deref())?;
    let open: Vec<String> = status.waiting_on.iter().filter(|r| r.missing() > 0).map(|r| r.label()).collect();
    if !open.is_empty() {
        return Err(scene.objection(format!("{} still waits for approvals", list(&open, "and", 10))));
    }
    let opens = if arguments.override_window { String::new() } else { opening(scene, at)? };
    let starts = match (&status.hold, arguments.override_window) {
        (Some(Hold::Person { .. } | Hold::Time { .. }), _) | (Some(Hold::Window { .. }), true) => match at {
            Some(at) => format!("Deploys plan {} of {name}, not before {} UTC{opens}", plan.short, minute(at)),
            None => format!("Deploys plan {} of {name}{opens}", plan.short),
        },
        (Some(Hold::Window { .. }), false) => {
            return Err(scene
                .objection("it goes out by itself when its windows allow it")
                .hint(format!("at once, for who holds `override`: countersign deploy {name} --override-window")));
        }
        (Some(hold), _) => return Err(scene.objection(format!("it is {hold}"))),
        (None, _) => return Err(scene.objection(format!("there is nothing to start: it is {}", status.phase))),
    };
    if arguments.override_window && !scene.governance.may(&scene.person.name, Permission::Override, name) {
        return Err(scene.objection("you lack `override` there"));
    }
    let window = if arguments.override_window { ", ALTHOUGH NO WINDOW MAY BE OPEN; this is marked" } else { "" };
    Ok(Asked {
        action: RequestAction::Deploy {
            plan: plan.digest,
            at,
            override_window: arguments.override_window.then_some(true),
        },
        does: format!("{starts}{window}."),
        edits: BTreeMap::new(),
    })
}

/// Where the windows in force are closed by then: when they open, by this machine's clock.
fn opening(scene: &Scene<'_>, at: Option<Timestamp>) -> Result<String, CliError> {
    let Some(commit) = scene.status.in_force_at else { return Ok(String::new()) };
    let name = &scene.status.environment;
    let file = format!("environments/{name}/environment.yaml");
    let objects = scene.clone.objects();
    let tree = objects.commit(commit)?.tree;
    let Some(entry) = entry_at(objects, tree, &below(&scene.tips.root, &file))? else { return Ok(String::new()) };
    // What cannot be read any more says nothing here; the daemon decides, and closes what it cannot read.
    let Ok(environment) = Environment::read(&file, name.as_str(), &objects.blob(entry.id)?) else {
        return Ok(String::new());
    };
    let windows = &environment.gates.deploy.windows;
    let now = SystemClock.now();
    let then = at.map_or(now, |at| at.max(now));
    if is_open(windows, then) {
        return Ok(String::new());
    }
    let when =
        opens(windows, then).map_or_else(|| "no opening is in sight".to_owned(), |at| format!("{} UTC", minute(at)));
    Ok(format!(", when its windows are open ({when}; --override-window does not wait)"))
}
