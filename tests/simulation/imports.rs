//! What one environment takes over from another: `beta` may import `acme-prod`, whose values say how large it is.

use countersign::digest::RevisionId;
use countersign::object::Oid;

use super::book::Book;
use super::chapter::EnvironmentBook;
use super::content::Content;
use super::ledger::Ledger;

/// The environment that is imported.
pub const BASE: &str = "acme-prod";
/// The one that imports it.
pub const IMPORTER: &str = "beta";

/// Whether, and how, it is imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Import {
    Nothing,
    /// What is applied there.
    Follows,
    /// What was applied there once, by its revision.
    Pinned(RevisionId),
}

/// That what is to be imported cannot be had: nothing was applied there, or it was destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unavailable;

impl Content {
    pub fn import(self) -> Import {
        match self {
            Self::Present(setting) => setting.import,
            _ => Import::Nothing,
        }
    }
}

impl Book {
    /// The config commit from which an environment with this content takes what it imports.
    pub fn source(&self, ledger: &Ledger, content: Content) -> Result<Option<Oid>, Unavailable> {
        let base: &EnvironmentBook = &self.environments[BASE];
        let applied = base.applied.map(|(_, commit)| commit);
        let applied = applied.filter(|commit| matches!(ledger.content(*commit, BASE), Content::Present(_)));
        match content.import() {
            Import::Nothing => Ok(None),
            Import::Follows => applied.map(Some).ok_or(Unavailable),
            Import::Pinned(revision) => base.deployed.get(&revision).copied().map(Some).ok_or(Unavailable),
        }
    }

    /// Whether the base is imported: by what is desired, or by what is in force.
    pub fn is_imported(&self, ledger: &Ledger, desired: Content) -> bool {
        let applied = self.environments[IMPORTER].applied;
        let in_force = applied.map_or(Content::Absent, |(_, commit)| ledger.content(commit, IMPORTER));
        desired.import() != Import::Nothing || in_force.import() != Import::Nothing
    }
}

impl Ledger {
    /// What a source says.
    pub fn imported(&self, source: Option<Oid>) -> Option<Content> {
        source.map(|commit| self.content(commit, BASE))
    }

    /// How large a source says that it is.
    pub fn size(&self, source: Option<Oid>) -> Option<u8> {
        match self.imported(source) {
            Some(Content::Present(setting)) => Some(setting.main),
            _ => None,
        }
    }
}
