//! `countersign suspend`: let nothing be deployed.

use std::collections::BTreeMap;

use super::ask::{Asked, Asking, Scene, ask};
use super::{CliError, Global, Outcome};
use crate::model::RequestAction;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  countersign suspend acme-prod -m \"incident 4711\"\n\nNothing is deployed in the environment until somebody who holds `suspend` resumes it; plans are made and can be approved meanwhile. A deployment that was claimed but has not begun is abandoned.\nExit code 0: signed and pushed; 1: you may not, or you did already, and nothing was signed; 2: it could not be done."
)]
pub struct Arguments {
    #[command(flatten)]
    asking: Asking,
}

pub fn main(global: &Global, arguments: &Arguments) -> Outcome {
    ask(global, &arguments.asking, &suspend)
}

fn suspend(scene: &Scene<'_>) -> Result<Asked, CliError> {
    let name = &scene.status.environment;
    let mut standing = scene.status.suspended.iter().flat_map(|suspension| &suspension.by);
    if standing.any(|one| one.by == scene.person.name) {
        return Err(scene.objection("you suspended it already"));
    }
    Ok(Asked {
        action: RequestAction::Suspend { number: scene.number() },
        does: format!("Suspends {name}: nothing is deployed there until somebody resumes it."),
        edits: BTreeMap::new(),
    })
}
