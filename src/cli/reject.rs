//! `countersign reject`: refuse the plan that waits.

use super::say::{Saying, say};
use super::{Global, Outcome};
use crate::model::ApprovalVerdict;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  countersign reject acme-prod -m \"deletes legacy.conf, which billing still reads\"\n  countersign reject acme-prod --plan 3f2a9c1d04be --yes\n\nThe plan stays rejected until you withdraw that, or another change is pushed.\nExit code 0: signed and pushed; 1: it would not count, and nothing was signed for it; 2: it could not be done."
)]
pub struct Arguments {
    #[command(flatten)]
    saying: Saying,
}

pub fn main(global: &Global, arguments: &Arguments) -> Outcome {
    say(global, &arguments.saying, ApprovalVerdict::Reject, &[])
}
