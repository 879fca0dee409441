//! The preview of one service: what people read before they countersign.

use serde::Serialize;

use super::Action;
use crate::digest::Digest;

/// The full masked preview of one service. Its digest is over the canonical JSON of this value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// What happens to which item (a file, a resource), deletions first, then by name.
    pub summary: Vec<Item>,
    /// Things the reader must know beside the diff (live state differs, a binary file, a large file).
    pub notes: Vec<String>,
    /// The unified diff (or a tool's own plan text), lines ending in `\n`, escaped for display.
    pub diff: String,
}

/// One line of a preview's summary.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// What happens to it.
    pub action: Action,
    /// What it is: a path within the service.
    pub item: String,
}

impl Preview {
    /// Its digest.
    pub fn digest(&self) -> Digest {
        Digest::of_canonical(self)
    }
}
