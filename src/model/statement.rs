//! What a person says, as read from a file: not yet proven (see [`crate::evidence`]).

mod read;
mod record;
mod request;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Duration, EnvironmentName, PersonName};
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
    /// What the maker says to have noticed: at most [`TRUNCATED`].
    pub acknowledge: Vec<String>,
    /// Who says so, as far as the file tells.
    pub maker: Maker,
}

/// What a maker can say to have noticed: that the preview was cut for display.
pub const TRUNCATED: &str = "truncated";

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
    /// What to do, with its parameters and the plan or number it expects.
    pub action: RequestAction,
    /// Why.
    pub reason: String,
    /// Who says so.
    pub maker: Maker,
}

/// What a request asks for. Whether a version does it is not judged here: this is the shape alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum RequestAction {
    /// Start the deployment of a plan.
    Deploy {
        /// The plan.
        plan: PlanId,
        /// Not before this time, in whole seconds; at once where null.
        at: Option<Timestamp>,
        /// Also in a closed window. The one field that may be left out, and then it is not signed either.
        override_window: Option<bool>,
    },
    /// Apply the same revision again.
    Redeploy {
        /// The deployment it starts from.
        number: u64,
    },
    /// Go back to an earlier deployment.
    Rollback {
        /// The deployment it starts from.
        number: u64,
        /// The deployment it goes to.
        to: u64,
    },
    /// Take over what is applied in another environment.
    Promote {
        /// The deployment it starts from; null where there is none yet.
        number: Option<u64>,
        /// The environment it comes from.
        from: EnvironmentName,
    },
    /// Let nothing be applied.
    Suspend {
        /// The deployment it starts from; null where there is none yet.
        number: Option<u64>,
    },
    /// End a suspension.
    Resume {
        /// The deployment it starts from; null where there is none yet.
        number: Option<u64>,
    },
    /// Drop a change.
    Close {
        /// Its plan.
        plan: PlanId,
    },
    /// Plan a rejected change anew.
    Reopen {
        /// Its plan.
        plan: PlanId,
    },
    /// Read the environment's secrets for a time.
    Open {
        /// The deployment it starts from; null where there is none yet.
        number: Option<u64>,
        /// How long, from the first use.
        access_duration: Duration,
        /// How soon it must be used first.
        grant_expiration: Duration,
    },
}

impl RequestAction {
    /// The word in the file.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Deploy { .. } => "deploy",
            Self::Redeploy { .. } => "redeploy",
            Self::Rollback { .. } => "rollback",
            Self::Promote { .. } => "promote",
            Self::Suspend { .. } => "suspend",
            Self::Resume { .. } => "resume",
            Self::Close { .. } => "close",
            Self::Reopen { .. } => "reopen",
            Self::Open { .. } => "open",
        }
    }

    /// The plan it expects, where it expects one.
    pub fn plan(&self) -> Option<PlanId> {
        match self {
            Self::Deploy { plan, .. } | Self::Close { plan } | Self::Reopen { plan } => Some(*plan),
            _ => None,
        }
    }
}

impl Statement {
    /// The repository it is for.
    pub fn repository(&self) -> RepositoryId {
        match self {
            Self::Approval(approval) => approval.repository,
            Self::Request(request) => request.repository,
        }
    }

    /// The environment it is for.
    pub fn environment(&self) -> &EnvironmentName {
        match self {
            Self::Approval(approval) => &approval.environment,
            Self::Request(request) => &request.environment,
        }
    }

    /// The plan it names, where it names one.
    pub fn plan(&self) -> Option<PlanId> {
        match self {
            Self::Approval(approval) => Some(approval.plan),
            Self::Request(request) => request.action.plan(),
        }
    }

    /// Who says so, as far as the file tells.
    pub fn maker(&self) -> &Maker {
        match self {
            Self::Approval(approval) => &approval.maker,
            Self::Request(request) => &request.maker,
        }
    }

    /// Why.
    pub fn reason(&self) -> &str {
        match self {
            Self::Approval(approval) => &approval.reason,
            Self::Request(request) => &request.reason,
        }
    }

    /// The bytes that are signed: see [`Approval::signed_bytes`].
    pub fn signed_bytes(&self) -> Vec<u8> {
        match self {
            Self::Approval(approval) => approval.signed_bytes(),
            Self::Request(request) => request.signed_bytes(),
        }
    }

    /// The digest of the signed bytes.
    pub fn digest(&self) -> StatementId {
        signed_bytes_digest(&self.signed_bytes())
    }

    /// The file.
    pub fn to_yaml(&self) -> String {
        match self {
            Self::Approval(approval) => approval.to_yaml(),
            Self::Request(request) => request.to_yaml(),
        }
    }
}

/// The digest of a signed record: of the canonical JSON of `{apiVersion, kind, spec}` without `spec.signature`.
pub fn signed_bytes_digest(bytes: &[u8]) -> StatementId {
    StatementId(Digest::of(bytes))
}

#[cfg(test)]
mod tests;
