//! `countersign trust`: the pin for the governance checked out here.

use std::path::Path;
use std::process::ExitCode;

use super::worktree::tree_of;
use super::{CliError, Global, Outcome, Output};
use crate::digest::RevisionId;
use crate::object::{Edit, Entry, MemoryObjects, Mode, edit_tree};
use crate::revision::{Hashes, resolve_governance};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  countersign -C my-config trust\n\nPut what it prints into spec.repositories[].trust.policy of the daemon's settings."
)]
pub struct Arguments {}

pub fn main(global: &Global, _: &Arguments) -> Outcome {
    let revision = pin_of(&super::root_folder(&global.directory)?)?;
    let output = Output::of(global);
    if output.is_json() {
        output.json(&serde_json::json!({ "policy": revision }))?;
    } else {
        output.text(&format!("{revision}\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The revision of `governance/` in a root folder on disk; a policy that cannot be read has no pin.
///
/// # Errors
/// Where the folder cannot be read, and everything that is wrong with the policy.
pub fn pin_of(root: &Path) -> Result<RevisionId, CliError> {
    let folder = root.join("governance");
    if !folder.is_dir() {
        return Err(CliError::failed(format!("there is no folder `{}`", folder.display()))
            .hint("run it in a clone of the config repository, or name one with -C"));
    }
    let objects = MemoryObjects::default();
    let governance = tree_of(&objects, &folder)?;
    let put = [("governance".to_owned(), Edit::Put(Entry { mode: Mode::Tree, id: governance }))].into();
    let tree = edit_tree(&objects, None, &put)?;
    let (revision, governance) = resolve_governance(&objects, &Hashes::default(), "", tree)?;
    if let Err(problems) = governance {
        return Err(CliError::problems(&problems, 2));
    }
    revision.ok_or_else(|| CliError::failed("governance/ is empty"))
}
