//! The only place that touches git: objects through git2, fetch and push through the `git` program.

pub mod clone;
pub mod command;
pub mod keygen;
pub mod memory;
mod pack;
mod porcelain;
mod process;
mod reference;
pub mod remote;
pub mod sign;
pub mod store;
#[cfg(test)]
mod testing;
pub mod url;
mod words;

use std::collections::BTreeMap;

use crate::object::Oid;

pub use process::{Output, ProcessError};
pub use reference::is_ref_name;

/// A change of one reference on the remote: a compare-and-set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefUpdate {
    /// The full name (`refs/heads/countersign/journal`).
    pub name: String,
    /// What must be there for the update to happen; `None`: it must not exist.
    pub expected: Option<Oid>,
    /// What shall be there; `None`: it is deleted.
    pub new: Option<Oid>,
}

/// What the remote did with one update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefResult {
    /// It is as asked.
    Done,
    /// Something else was there: somebody was faster.
    Stale,
    /// The remote refused (a hook, a protected branch, missing rights).
    Refused {
        /// In its words, escaped.
        reason: String,
    },
}

/// Why the remote could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// It is away or refuses us.
    #[error("the remote {url} cannot be reached: {message}")]
    Away {
        /// Without credentials.
        url: String,
        /// In git's words, escaped.
        message: String,
    },
    /// The push may or may not have happened: ask again before doing anything else.
    #[error("the answer of the remote {url} was lost: {message}")]
    AnswerLost {
        /// Without credentials.
        url: String,
        /// In git's words, escaped.
        message: String,
    },
}

/// The seam to the repository people push to.
pub trait Remote {
    /// Every branch, tag-free: `refs/heads/…` and `refs/countersign/…`, name to tip.
    ///
    /// # Errors
    /// [`RemoteError::Away`].
    fn references(&mut self) -> Result<BTreeMap<String, Oid>, RemoteError>;

    /// Brings these tips, with all they reach, into the local store.
    ///
    /// # Errors
    /// [`RemoteError::Away`], also where one of them is no longer there.
    fn fetch(&mut self, tips: &[(String, Oid)]) -> Result<(), RemoteError>;

    /// Changes references, each a compare-and-set of its own; one result each, in order.
    ///
    /// # Errors
    /// [`RemoteError::Away`] where nothing happened; [`RemoteError::AnswerLost`] where it is not known.
    fn push(&mut self, updates: &[RefUpdate]) -> Result<Vec<RefResult>, RemoteError>;

    /// Puts the local store in order, where that is due; nothing is lost, whatever comes of it. To be called when there
    /// is nothing else to do.
    ///
    /// # Errors
    /// Where it failed; the store is as usable as before.
    fn tidy(&mut self) -> Result<(), RemoteError> {
        Ok(())
    }
}
