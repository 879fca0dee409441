//! `countersign redeploy`: have what is applied applied again.

use std::collections::BTreeMap;

use super::ask::{Asked, Asking, Scene, ask};
use super::{CliError, Global, Outcome};
use crate::lifecycle::Phase;
use crate::model::RequestAction;
use crate::plan::PlanKind;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  countersign redeploy acme-prod -m \"the disk was replaced\"\n  countersign redeploy acme-prod --branch again    for a pull request, where main is protected\n\nThe deployment that is in force gets a plan under the next number, in which every service is set again. It has a preview\nand takes the same approvals as a change; who asks has contributed to it. Another push ends it, and so does\n`countersign close`.\nExit code 0: signed and pushed; 1: you may not, or something else waits, and nothing was signed; 2: it could not be done."
)]
pub struct Arguments {
    #[command(flatten)]
    asking: Asking,
}

pub fn main(global: &Global, arguments: &Arguments) -> Outcome {
    ask(global, &arguments.asking, &redeploy)
}

fn redeploy(scene: &Scene<'_>) -> Result<Asked, CliError> {
    let status = scene.status;
    let name = &status.environment;
    if name.is_governance() {
        return Err(scene.objection("the policy is in force, and nothing of it is to be deployed again"));
    }
    let at = status.applied.filter(|base| base.revision.is_some()).map(|base| base.number);
    let Some(number) = at else { return Err(scene.objection("nothing is applied there")) };
    if let Some(plan) = &status.plan {
        let hint = match plan.kind {
            PlanKind::Drift => format!("it puts the host back all the same: countersign approve {name}"),
            PlanKind::Redeploy => format!("it is what you want: countersign diff {name}"),
            _ => format!("countersign deploy {name}, or countersign close {name}"),
        };
        return Err(scene.objection(format!("plan {} waits", plan.short)).hint(hint));
    }
    if matches!(status.phase, Phase::Invalid | Phase::Deploying) {
        return Err(scene.objection(format!("it is {}", status.phase)));
    }
    Ok(Asked {
        action: RequestAction::Redeploy { number },
        does: format!("Has deployment {number} of {name} planned again, as it is in force: every service is set anew."),
        edits: BTreeMap::new(),
    })
}
