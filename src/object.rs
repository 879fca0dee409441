//! Git objects as raw bytes: what a commit, a tree and a blob say, without any git program or library in between.
//!
//! Everything that proves something reads objects through [`Objects`] and parses them here, so that replace
//! references, grafts, mail maps and configuration can have no say in it.

mod commit;
mod edit;
pub(crate) mod kept;
mod memory;
mod merge;
mod overlay;
mod recent;
mod sorted;
mod tree;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha1::{Digest as _, Sha1};

pub use commit::{Commit, Identity};
pub use edit::{Edit, edit_tree};
pub use memory::MemoryObjects;
pub use merge::{MergedTree, merge_trees};
pub use overlay::Overlay;
pub use recent::Recent;
pub use sorted::{differing, differing_at, forget_wide};
pub use tree::{Entry, Mode, RAW_NAME, Tree, TreeChange, changed_paths, edited_paths, entry_at, files_below};

/// The name git gives an object: its SHA-1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid([u8; 20]);

impl Oid {
    /// The name git gives these bytes.
    pub fn of(kind: Kind, bytes: &[u8]) -> Self {
        let mut hash = Sha1::new_with_prefix(format!("{} {}\0", kind.name(), bytes.len()));
        hash.update(bytes);
        Self(hash.finalize().into())
    }

    /// From the 20 raw bytes.
    pub fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// The 20 raw bytes.
    pub fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// The first seven hex digits, as git abbreviates.
    pub fn short(self) -> String {
        hex::encode(self.0)[..7].to_owned()
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is no object id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected 40 lower-case hex digits")]
pub struct OidError;

impl FromStr for Oid {
    type Err = OidError;

    fn from_str(text: &str) -> Result<Self, OidError> {
        if text.len() != 40 || text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(OidError);
        }
        let mut bytes = [0; 20];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| OidError)?;
        Ok(Self(bytes))
    }
}

impl Serialize for Oid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Oid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What an object is. Tags are never followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A commit.
    Commit,
    /// A folder.
    Tree,
    /// The bytes of a file.
    Blob,
}

impl Kind {
    /// The word git uses in the object's header.
    pub fn name(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
        }
    }
}

/// An object that could not be read or made sense of. Always a refusal, never "absent".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// The object is not in the store: a shallow or damaged clone.
    #[error("{} {id} is missing here", kind.name())]
    Missing {
        /// What was wanted.
        kind: Kind,
        /// Its name.
        id: Oid,
    },
    /// The bytes are not what git writes.
    #[error("{} {id} is malformed: {what}", kind.name())]
    Malformed {
        /// What it should be.
        kind: Kind,
        /// Its name.
        id: Oid,
        /// What is wrong with it.
        what: String,
    },
    /// The store itself failed.
    #[error("the object store failed: {0}")]
    Store(String),
}

/// A content-addressed store: the same id gives the same bytes, always.
pub trait Objects {
    /// The raw bytes of an object of this kind.
    ///
    /// # Errors
    /// [`ObjectError::Missing`] where it is not here, [`ObjectError::Malformed`] where it is of another kind.
    fn read(&self, kind: Kind, id: Oid) -> Result<Arc<[u8]>, ObjectError>;

    /// Stores bytes and gives their name.
    ///
    /// # Errors
    /// [`ObjectError::Store`] where the store cannot be written.
    fn write(&self, kind: Kind, bytes: &[u8]) -> Result<Oid, ObjectError>;

    /// Stores many objects, which may be much faster than one after the other.
    ///
    /// # Errors
    /// As [`Objects::write`]; some may be stored then.
    fn write_all(&self, objects: &[(Kind, Arc<[u8]>)]) -> Result<(), ObjectError> {
        objects.iter().try_for_each(|(kind, bytes)| self.write(*kind, bytes).map(drop))
    }

    /// Gives back what is only kept to be faster.
    fn rest(&self) {}

    /// A commit, parsed.
    ///
    /// # Errors
    /// As [`Objects::read`].
    fn commit(&self, id: Oid) -> Result<Commit, ObjectError> {
        Commit::parse(id, self.read(Kind::Commit, id)?)
    }

    /// The tree of a commit.
    ///
    /// # Errors
    /// As [`Objects::read`].
    fn tree_of(&self, commit: Oid) -> Result<Oid, ObjectError> {
        Ok(self.commit(commit)?.tree)
    }

    /// A tree, parsed.
    ///
    /// # Errors
    /// As [`Objects::read`].
    fn tree(&self, id: Oid) -> Result<Tree, ObjectError> {
        Tree::parse(id, &self.read(Kind::Tree, id)?)
    }

    /// A file's bytes.
    ///
    /// # Errors
    /// As [`Objects::read`].
    fn blob(&self, id: Oid) -> Result<Arc<[u8]>, ObjectError> {
        self.read(Kind::Blob, id)
    }
}
