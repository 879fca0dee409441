//! What a person says, as read from a file: not yet proven (see [`crate::evidence`]).

use serde::{Deserialize, Serialize};

use super::{EnvironmentName, PersonName};
use crate::digest::{Digest, PlanId, RepositoryId, StatementId};

/// A statement's file, checked for its shape alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// `kind: Approval`.
    Approval(Approval),
    /// `kind: Request`.
    Request(Request),
}

/// `kind: Approval`: an approval, a rejection, or the withdrawal of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The repository it is for.
    pub repository: RepositoryId,
    /// The environment it is for.
    pub environment: EnvironmentName,
    /// The plan it is for.
    pub plan: PlanId,
    /// What is said.
    pub verdict: ApprovalVerdict,
    /// Also start the deployment.
    pub deploy: bool,
    /// Why.
    pub reason: String,
    /// What the maker says to have noticed (`truncated`).
    pub acknowledge: Vec<String>,
    /// Who says so, as far as the file tells.
    pub maker: Maker,
}

/// What an approval says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApprovalVerdict {
    /// I countersign this plan.
    Approve,
    /// I refuse it.
    Reject,
    /// I take back what I last said on it.
    Withdraw,
}

impl ApprovalVerdict {
    /// The word in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Withdraw => "withdraw",
        }
    }
}

/// Who made a statement, as far as its file tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Maker {
    /// A signed record.
    Signed {
        /// The person it claims.
        by: PersonName,
        /// The digest of their last statement on the plan.
        previous: Option<StatementId>,
        /// The SSH signature, PEM.
        signature: String,
    },
    /// A ready-made record: whoever merges it signs.
    ReadyMade {
        /// Its number.
        n: u64,
    },
}

/// `kind: Request`: something to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The repository it is for.
    pub repository: RepositoryId,
    /// The environment it is for.
    pub environment: EnvironmentName,
    /// What to do.
    pub action: String,
    /// Who says so.
    pub maker: Maker,
}

/// The digest of a signed record: of the canonical JSON of `{apiVersion, kind, spec}` without `spec.signature`.
pub fn signed_bytes_digest(bytes: &[u8]) -> StatementId {
    StatementId(Digest::of(bytes))
}
