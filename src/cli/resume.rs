//! `countersign resume`: end a suspension.

use std::collections::BTreeMap;

use super::ask::{Asked, Asking, Scene, ask};
use super::{CliError, Global, Outcome};
use crate::journal::pages::list;
use crate::model::RequestAction;
use crate::text::escape;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  countersign resume acme-prod -m \"incident 4711 is over\"\n\nLifts every suspension that stands. What was approved meanwhile goes on.\nExit code 0: signed and pushed; 1: you may not, or nothing is suspended, and nothing was signed; 2: it could not be done."
)]
pub struct Arguments {
    #[command(flatten)]
    asking: Asking,
}

pub fn main(global: &Global, arguments: &Arguments) -> Outcome {
    ask(global, &arguments.asking, &resume)
}

fn resume(scene: &Scene<'_>) -> Result<Asked, CliError> {
    let name = &scene.status.environment;
    let Some(suspension) = &scene.status.suspended else {
        return Err(scene.objection("it is not suspended"));
    };
    let said = suspension.by.iter().map(|one| match one.reason.as_str() {
        "" => one.by.to_string(),
        why => format!("{} ({})", one.by, escape(why)),
    });
    let said: Vec<String> = said.collect();
    let waits = scene.status.plan.as_ref().map_or_else(String::new, |plan| {
        let open = scene.status.waiting_on.iter().filter(|rule| rule.missing() > 0).count();
        let what = if open == 0 { "has everything it needs" } else { "still waits for approvals" };
        format!(" Plan {} {what}.", plan.short)
    });
    Ok(Asked {
        action: RequestAction::Resume { number: scene.number() },
        does: format!("Lifts the suspension of {name} by {}.{waits}", list(&said, "and", 10)),
        edits: BTreeMap::new(),
    })
}
