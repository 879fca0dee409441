//! `countersign pending`: every plan that waits for somebody.

use std::process::ExitCode;

use super::clone::ConfigClone;
use super::journal::JournalTip;
use super::me::who_am_i;
use super::status::table;
use super::{CliError, Global, Outcome, Output};
use crate::journal::Status;
use crate::lifecycle::Phase;
use crate::model::PersonName;
use crate::policy::Hold;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  countersign pending\n  countersign pending --mine\n  countersign --output json pending | jq -r '.[].environment'\n\nYou are whoever has your signing key (--key, else git's user.signingKey) in the policy, else whoever has git's user.email.\nA draft that waits is named like `acme-prod --draft`.\nWith --output json: a list of status documents.\nExit code 0: it was read, even if nothing waits; 2: it could not be."
)]
pub struct Arguments {
    /// Only those I could give something that is missing
    #[arg(long)]
    mine: bool,
    /// With --mine: the key that is mine; git's user.signingKey if left out
    #[arg(long, value_name = "FILE", requires = "mine")]
    key: Option<std::path::PathBuf>,
}

pub fn main(global: &Global, arguments: &Arguments) -> Outcome {
    let output = Output::of(global);
    let clone = ConfigClone::find(global)?;
    let journal = JournalTip::open(&clone, clone.fetch()?)?;
    let mut statuses = journal.statuses()?;
    statuses.retain(|status| views(status).iter().any(waits_for_somebody));
    let mut mine = None;
    if arguments.mine {
        let me = who_am_i(global, &clone, arguments.key.as_deref(), &journal.governance)?;
        let me = me.ok_or_else(|| {
            CliError::failed("neither your signing key nor your address is in the policy in force")
                .hint("name a registered key with --key FILE, or set git's user.signingKey")
        })?;
        statuses
            .retain(|status| views(status).iter().any(|view| waits_for_somebody(view) && could_act(view, &me.name)));
        mine = Some(me.name.clone());
    }
    if output.is_json() {
        output.json(&statuses)?;
    } else if statuses.is_empty() {
        output.text(if arguments.mine { "nothing waits for you\n" } else { "nothing waits\n" })?;
    } else {
        let shown = |view: &Status| waits_for_somebody(view) && mine.as_ref().is_none_or(|me| could_act(view, me));
        let rows: Vec<Status> = statuses.iter().flat_map(views).filter(shown).collect();
        output.text(&table(&rows, output))?;
        let name = rows.first().map(Status::named).unwrap_or_default();
        let does = if rows.first().is_some_and(|row| row.phase == Phase::Approved) { "deploy" } else { "approve" };
        output.text(&format!("look: countersign diff {name} · {does}: countersign {does} {name}\n"))?;
        if let Some(glob) = glob_over(&statuses).filter(|_| does == "approve") {
            output.text(&format!("{} wait · all at once: countersign approve '{glob}'\n", statuses.len()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A glob over all of them, where several begin alike up to a dash.
fn glob_over(statuses: &[Status]) -> Option<String> {
    let [first, others @ ..] = statuses else { return None };
    let first = first.environment.as_str();
    let alike = |name: &str| first.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
    let common = others.iter().map(|other| alike(other.environment.as_str())).min()?;
    let dash = first.get(..common)?.rfind('-')?;
    Some(format!("{}-*", &first[..dash]))
}

/// The environment, and as it would be if its draft were merged now.
fn views(status: &Status) -> Vec<Status> {
    std::iter::once(status.clone()).chain(status.as_if_merged()).collect()
}

/// Whether it takes somebody's approval, or somebody's word to start; a draft that is approved waits to be merged.
pub fn waits_for_somebody(status: &Status) -> bool {
    let approved = status.phase == Phase::Approved
        && status.of_draft.is_none()
        && matches!(status.hold, Some(Hold::Person { .. }));
    status.phase == Phase::AwaitingApproval || approved
}

/// Whether something is missing that this person could give.
fn could_act(status: &Status, person: &PersonName) -> bool {
    if let Some(Hold::Person { eligible }) = &status.hold {
        return eligible.contains(person);
    }
    status.waiting_on.iter().any(|rule| rule.missing() > 0 && rule.eligible.contains(person))
}
