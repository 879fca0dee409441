//! `countersign approve`: countersign exactly the plan that waits.

use super::say::{Saying, say_and_deploy};
use super::{Global, Outcome};
use crate::model::ApprovalVerdict;
use crate::model::statement::TRUNCATED;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  countersign approve acme-prod\n  countersign approve acme-prod --plan 3f2a9c1d04be --yes -m \"load-tested on staging\"\n  countersign approve 'acme-*' globex-prod\n  countersign approve acme-prod --draft\n  countersign approve acme-prod --key ~/.ssh/id_ed25519_sk\n  countersign approve acme-prod --no-push > record.yaml\n\nThe plan is computed again from the fetched commits and compared before it is shown.\nExit code 0: signed and pushed; 1: it would not count, or the plan is not what it should be, and nothing was signed for it; 2: it could not be done."
)]
pub struct Arguments {
    #[command(flatten)]
    saying: Saying,
    /// Say that you know the published preview is cut
    #[arg(long, value_name = "WHAT", value_parser = [TRUNCATED])]
    acknowledge: Vec<String>,
    /// Also start the deployment, where somebody has to: if nothing else is missing then and you may
    #[arg(long)]
    deploy: bool,
}

pub fn main(global: &Global, arguments: &Arguments) -> Outcome {
    say_and_deploy(global, &arguments.saying, ApprovalVerdict::Approve, &arguments.acknowledge, arguments.deploy)
}
