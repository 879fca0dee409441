//! From a tree to a revision: the content an environment is made of, named by a digest of its manifest.
//!
//! A revision is never a commit id, so that a commit elsewhere cannot change it.

pub mod governance;
pub mod imports;
mod rendered;
pub mod resolve;
pub mod template;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, RevisionId};
use crate::model::EnvironmentName;
use crate::object::{Mode, Oid};

pub use governance::{GovernanceFolder, governance_folder, resolve_governance};
pub use imports::{Deployments, Imported, Source, Sources, Standing};
pub use resolve::{Desired, Hashes, Resolved, resolve};

/// One input file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// The path from the root folder, without a leading `/`.
    pub path: String,
    /// [`Mode::File`] or [`Mode::Executable`], nothing else.
    pub mode: Mode,
    /// The SHA-256 of its bytes.
    pub sha256: Digest,
    /// Where its bytes are.
    pub blob: Oid,
    /// How many bytes.
    pub size: u64,
    /// Its bytes, where they were rendered from a template: `blob` is then the template's, everything else the result's.
    pub rendered: Option<Arc<[u8]>>,
}

/// The inputs of an environment, or of the policy, in path order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    /// Files by path.
    pub files: BTreeMap<String, InputFile>,
    /// The revision of each import.
    pub imports: BTreeMap<EnvironmentName, RevisionId>,
}

#[derive(Serialize, Deserialize)]
struct FileLine<'a> {
    path: &'a str,
    mode: Mode,
    sha256: String,
}

#[derive(Serialize, Deserialize)]
struct ImportLine<'a> {
    name: &'a str,
    revision: RevisionId,
}

#[derive(Serialize)]
struct ManifestDocument<'a> {
    files: Vec<FileLine<'a>>,
    imports: Vec<ImportLine<'a>>,
}

impl Manifest {
    /// The revision: the SHA-256 of the canonical JSON of `{files: [{mode, path, sha256}], imports: [{name, revision}]}`,
    /// both lists in ascending byte order of path and name; `sha256` is bare hex.
    pub fn revision(&self) -> RevisionId {
        let files = self.files.values();
        let imports = self.imports.iter();
        RevisionId(Digest::of_canonical(&ManifestDocument {
            files: files.map(|f| FileLine { path: &f.path, mode: f.mode, sha256: f.sha256.to_hex() }).collect(),
            imports: imports.map(|(name, revision)| ImportLine { name: name.as_str(), revision: *revision }).collect(),
        }))
    }
}
