//! What a config commit says the policy shall be.

use std::collections::BTreeMap;

use super::resolve::{below, collect};
use super::{Hashes, InputFile, Manifest};
use crate::digest::RevisionId;
use crate::model::{EnvironmentName, Governance, Problem, Problems};
use crate::object::{Mode, ObjectError, Objects, Oid, entry_at};

/// `governance/` as a tree has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GovernanceFolder {
    /// The digest of its manifest.
    pub revision: RevisionId,
    /// Its files, with paths relative to the folder, in path order.
    pub files: Vec<InputFile>,
    /// What it says.
    pub governance: Result<Governance, Problems>,
}

/// Reads `governance/` out of a tree; the inner error says why there is none.
///
/// # Errors
/// Where an object is missing or malformed.
pub fn governance_folder(
    objects: &dyn Objects,
    hashes: &Hashes,
    root: &str,
    tree: Oid,
) -> Result<Result<GovernanceFolder, Problem>, ObjectError> {
    let name = EnvironmentName::GOVERNANCE;
    let folder = match entry_at(objects, tree, &below(root, name))? {
        Some(entry) if entry.mode == Mode::Tree => entry,
        Some(_) => return Ok(Err(Problem::of_file(name, "is no folder"))),
        None => return Ok(Err(Problem::of_file(name, "there is no such folder"))),
    };
    let mut inputs = BTreeMap::new();
    let problems = collect(objects, hashes, folder, name, &mut inputs)?;
    let mut files = BTreeMap::new();
    for (path, file) in &inputs {
        files.insert(path.clone(), objects.blob(file.blob)?.to_vec());
    }
    let prefix = format!("{name}/");
    let relative = |file: &InputFile| InputFile {
        path: file.path.strip_prefix(&prefix).unwrap_or(&file.path).to_owned(),
        ..file.clone()
    };
    let own = inputs.values().map(relative).collect();
    let revision = Manifest { files: inputs, imports: BTreeMap::new() }.revision();
    let governance = if problems.is_empty() { Governance::read(&files) } else { Err(Problems(problems)) };
    Ok(Ok(GovernanceFolder { revision, files: own, governance }))
}

/// The policy as a tree has it: its revision (`None`: there is no folder), and what it says.
///
/// # Errors
/// Where an object is missing or malformed.
pub fn resolve_governance(
    objects: &dyn Objects,
    hashes: &Hashes,
    root: &str,
    tree: Oid,
) -> Result<(Option<RevisionId>, Result<Governance, Problems>), ObjectError> {
    Ok(match governance_folder(objects, hashes, root, tree)? {
        Ok(folder) => (Some(folder.revision), folder.governance),
        Err(problem) => (None, Err(problem.into())),
    })
}
