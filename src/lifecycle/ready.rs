//! What a ready-made commit is, as far as it follows from its plan.

use super::state::State;
use crate::digest::PlanId;
use crate::model::{Approval, ApprovalVerdict, EnvironmentName, Maker};
use crate::revision::resolve::below;

/// A ready-made commit to be: what it adds, where it lies, and what its message begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadyRecord {
    /// The record without a name in it: whoever merges it signs.
    pub record: Approval,
    /// Its path from the repository's root.
    pub path: String,
    /// The branch.
    pub branch: String,
    /// The first line of the commit's message.
    pub subject: String,
}

impl ReadyRecord {
    /// The `n`th for a verdict on a plan.
    pub fn of(state: &State, environment: &EnvironmentName, plan: PlanId, verdict: ApprovalVerdict, n: u64) -> Self {
        let (short, word) = (plan.short(), verdict.name());
        let title = match verdict {
            ApprovalVerdict::Approve => "Approve",
            ApprovalVerdict::Reject => "Reject",
            ApprovalVerdict::Withdraw => "Take back what I said on",
        };
        Self {
            record: Approval {
                repository: state.repository,
                environment: environment.clone(),
                plan,
                verdict,
                deploy: false,
                reason: String::new(),
                acknowledge: Vec::new(),
                maker: Maker::ReadyMade { n },
            },
            path: below(&state.start.root, &format!("approvals/{environment}/{short}/{word}-{n}.yaml")),
            branch: format!("{}/{word}/{environment}/{short}", state.start.prefix),
            subject: format!("{title} plan {short} of {environment}"),
        }
    }
}
