//! Plans: an immutable, complete preview of a change, named by its digest.

pub mod change;
pub mod compose;
pub mod diff;
pub mod document;
pub mod files;
pub mod policy;
pub mod preview;
pub mod values;

use serde::{Deserialize, Serialize};

pub use change::{ServiceChange, ServiceContent, ServicePlan};
pub use document::{Base, CommitLine, Contributor, ContributorBasis, Plan, PlanDocument, ServiceLine};
pub use values::values_diff;

/// What a plan is for. Derived from content and requests, the same on any replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlanKind {
    /// The environment's first deployment, or the first after its destroy.
    Create,
    /// Another revision.
    Update,
    /// The revision of an earlier deployment.
    Rollback,
    /// Content taken from another environment.
    Promotion,
    /// The same revision again.
    Redeploy,
    /// Live state put back.
    Drift,
    /// The environment's removal.
    Destroy,
    /// The policy's next version.
    Policy,
}

impl PlanKind {
    /// Whether it is a plan towards what is in force already.
    pub fn is_towards_itself(self) -> bool {
        matches!(self, Self::Redeploy | Self::Drift)
    }

    /// The word in `plan.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Rollback => "rollback",
            Self::Promotion => "promotion",
            Self::Redeploy => "redeploy",
            Self::Drift => "drift",
            Self::Destroy => "destroy",
            Self::Policy => "policy",
        }
    }
}

/// What a plan does to one service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Remove it and what it owns.
    Destroy,
    /// Make it.
    Create,
    /// Change it.
    Update,
    /// Leave it as it is.
    None,
}

impl Action {
    /// The word in `plan.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Destroy => "destroy",
            Self::Create => "create",
            Self::Update => "update",
            Self::None => "none",
        }
    }
}
