//! `countersign close`: drop the change that waits.

use std::collections::BTreeMap;

use super::ask::{Asked, Asking, Scene, ask};
use super::{CliError, Global, Outcome};
use crate::model::RequestAction;
use crate::object::{Edit, Objects, Oid, entry_at};
use crate::plan::PlanKind;
use crate::revision::resolve::below;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  countersign close acme-prod -m \"not needed any more\"\n  countersign close acme-prod --branch drop-it    for a pull request, where main is protected\n\nOne commit puts the environment's folder back to what is applied and asks for the close. The number is consumed, so that no approval of the plan ever counts again.\nExit code 0: signed and pushed; 1: you may not, or nothing waits, and nothing was signed; 2: it could not be done."
)]
pub struct Arguments {
    #[command(flatten)]
    asking: Asking,
    /// Only if the plan that waits is this one: its digest, or the beginning of it
    #[arg(long, value_name = "ID")]
    plan: Option<String>,
}

pub fn main(global: &Global, arguments: &Arguments) -> Outcome {
    ask(global, &arguments.asking, &|scene| close(scene, arguments.plan.as_deref()))
}

fn close(scene: &Scene<'_>, wanted: Option<&str>) -> Result<Asked, CliError> {
    let status = scene.status;
    let name = &status.environment;
    let plan = scene.plan(wanted)?;
    if plan.kind == PlanKind::Drift {
        return Err(scene
            .objection(format!("plan {} is of what changed on the host, and a close would leave it there", plan.short))
            .hint(format!("countersign reject {name}, or put the host right")));
    }
    let objects = scene.clone.objects();
    let folder = below(&scene.tips.root, &name.folder());
    let entry = |commit: Oid| -> Result<_, CliError> { Ok(entry_at(objects, objects.commit(commit)?.tree, &folder)?) };
    let in_force = match status.in_force_at {
        Some(commit) => entry(commit)?,
        None => None,
    };
    let mut edits = BTreeMap::new();
    if entry(scene.tips.config)? != in_force {
        edits.insert(folder, in_force.map_or(Edit::Remove, Edit::Put));
    }
    let back = match (scene.number(), status.in_force_at) {
        (_, Some(commit)) if name.is_governance() => {
            format!("puts governance/ back to policy {} (commit {})", status.policy, commit.short())
        }
        (Some(number), Some(commit)) => {
            format!(
                "puts environments/{name} back to what is in force (deployment {number}, commit {})",
                commit.short()
            )
        }
        _ => format!("removes environments/{name}, of which nothing is applied"),
    };
    Ok(Asked {
        action: RequestAction::Close { plan: plan.digest },
        does: format!(
            "Drops plan {} of {name}: {back}; number {} is consumed, and no approval of it counts again.",
            plan.short, plan.number
        ),
        edits,
    })
}
