//! `countersign withdraw`: take back what was said last on the plan that waits.

use super::say::{Saying, say};
use super::{Global, Outcome};
use crate::model::ApprovalVerdict;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  countersign withdraw acme-prod\n  countersign withdraw acme-prod --yes -m \"found another problem\"\n\nTakes back your approval or your rejection, whichever stands; until the deployment is claimed.\nExit code 0: signed and pushed; 1: there is nothing of yours to take back, and nothing was signed for it; 2: it could not be done."
)]
pub struct Arguments {
    #[command(flatten)]
    saying: Saying,
}

pub fn main(global: &Global, arguments: &Arguments) -> Outcome {
    say(global, &arguments.saying, ApprovalVerdict::Withdraw, &[])
}
