//! From raw bytes to who said what: SSH signatures, raw commits, ready-made merges, contributors.
//!
//! Names and dates in headers are claims. What proves is a signature by a key of a person, over bytes that say exactly
//! what was meant.

mod armour;
mod branch;
mod changing;
pub mod contributors;
pub mod graph;
pub mod key;
mod merge;
mod merged;
#[cfg(test)]
mod repository;
pub mod signature;
pub mod statements;
mod subject;

use crate::digest::StatementId;
use crate::journal::ReadyMade;
use crate::model::{EnvironmentName, PublicKey, Statement};
use crate::object::Oid;

/// Where a commit was reached from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The config branch.
    Config,
    /// `countersign/records`: only what proves itself counts from there.
    Records,
}

/// A statement found in a newly reachable commit, with what proves it, if anything does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The commit that brought it.
    pub commit: Oid,
    /// Where from.
    pub source: Source,
    /// The record's path from the root folder (`approvals/acme-prod/3f2a9c1d04be/alice.yaml`).
    pub path: String,
    /// The environment its folder names, where that is a name at all.
    pub folder: Option<EnvironmentName>,
    /// What it is.
    pub proof: Proof,
}

/// What proves a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// A record whose signature verifies with the key it contains. Whose key that is, the policy says.
    Record {
        /// The digest of the signed bytes.
        digest: StatementId,
        /// What it says.
        statement: Statement,
        /// The key that made the signature.
        key: PublicKey,
        /// Whether the file is still in the tip's tree, unchanged.
        in_tip: bool,
        /// The file's bytes.
        bytes: Vec<u8>,
    },
    /// A signed merge of a ready-made commit, with everything about it as it must be, but for the author: the policy
    /// says whether the key is one of the person whose address this is.
    Merge {
        /// The digest of the raw merge commit.
        digest: StatementId,
        /// The ready-made commit that was merged.
        ready: ReadyMade,
        /// The key that signed the merge.
        key: PublicKey,
        /// The address in the merge's (identical) author and committer lines.
        email: String,
        /// The merge's message after its subject.
        reason: String,
    },
    /// No evidence: it counts for nothing.
    Nothing {
        /// The digest of the raw merge commit or of the file's bytes; never that of what the file says, whose place an
        /// unproven copy could otherwise take.
        digest: StatementId,
        /// What it says, where it can be read.
        statement: Option<Statement>,
        /// The ready-made commit it is about, where there is one.
        ready: Option<ReadyMade>,
        /// Why it is no evidence.
        why: String,
    },
}
