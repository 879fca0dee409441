//! `countersign reopen`: have a rejected change planned anew.

use std::collections::BTreeMap;

use super::ask::{Asked, Asking, Scene, ask};
use super::weigh::rejected_by;
use super::{CliError, Global, Outcome};
use crate::journal::pages::list;
use crate::model::RequestAction;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  countersign reopen acme-prod -m \"bob's objection is settled, see ticket 4711\"\n\nThe same change gets a new plan, which asks for all approvals again; the rejected one stays as it is, with its rejection.\nExit code 0: signed and pushed; 1: you may not, give no reason, or nothing is rejected, and nothing was signed; 2: it could not be done."
)]
pub struct Arguments {
    #[command(flatten)]
    asking: Asking,
    /// Only if the rejected plan is this one: its digest, or the beginning of it
    #[arg(long, value_name = "ID")]
    plan: Option<String>,
}

pub fn main(global: &Global, arguments: &Arguments) -> Outcome {
    ask(global, &arguments.asking, &|scene| reopen(scene, arguments))
}

fn reopen(scene: &Scene<'_>, arguments: &Arguments) -> Result<Asked, CliError> {
    let status = scene.status;
    let name = &status.environment;
    let by = rejected_by(status);
    if by.is_empty() {
        return Err(scene.objection(format!("nothing is rejected: it is {}", status.phase)));
    }
    let plan = scene.plan(arguments.plan.as_deref())?;
    if arguments.asking.reason.trim().is_empty() {
        return Err(scene
            .objection("reopening what somebody rejected takes a reason")
            .hint(format!("countersign reopen {name} -m REASON")));
    }
    Ok(Asked {
        action: RequestAction::Reopen { plan: plan.digest },
        does: format!(
            "Plans the change of {name} anew, which {} rejected as plan {}; all approvals are asked for again.",
            list(&by, "and", 10),
            plan.short
        ),
        edits: BTreeMap::new(),
    })
}
