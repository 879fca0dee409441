//! The ready-made commits, and the words that merging one of them says.

use serde::{Deserialize, Serialize};

use crate::digest::PlanId;
use crate::model::{ApprovalVerdict, EnvironmentName, Maker, RequestAction, Statement};
use crate::object::Oid;

/// A ready-made commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReadyMade {
    /// The environment.
    pub environment: EnvironmentName,
    /// The plan.
    pub plan: PlanId,
    /// What merging it says.
    pub says: ReadyWord,
    /// 1, 2, 3 … per plan and word.
    pub n: u64,
    /// The commit.
    pub commit: Oid,
    /// The branch it is on (`countersign/approve/acme-prod/3f2a9c1d04be`).
    pub branch: String,
    /// The path of the record it adds, from the repository's root.
    pub path: String,
    /// The record's blob.
    pub blob: Oid,
}

/// What merging a ready-made commit says, in the order in which the journal tells of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReadyWord {
    /// I countersign this plan.
    Approve,
    /// I countersign it, and it shall be deployed.
    ApproveAndDeploy,
    /// It shall be deployed: a request.
    Deploy,
    /// I refuse it.
    Reject,
    /// I take back what I last said on it.
    Withdraw,
}

impl ReadyWord {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Approve, Self::ApproveAndDeploy, Self::Deploy, Self::Reject, Self::Withdraw];

    /// The word in branches and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::ApproveAndDeploy => "approve-and-deploy",
            Self::Deploy => "deploy",
            Self::Reject => "reject",
            Self::Withdraw => "withdraw",
        }
    }

    /// The verdict, where it is one.
    pub fn verdict(self) -> Option<ApprovalVerdict> {
        match self {
            Self::Approve | Self::ApproveAndDeploy => Some(ApprovalVerdict::Approve),
            Self::Reject => Some(ApprovalVerdict::Reject),
            Self::Withdraw => Some(ApprovalVerdict::Withdraw),
            Self::Deploy => None,
        }
    }

    /// The request, where it is one.
    pub fn request(self, plan: PlanId) -> Option<RequestAction> {
        (self == Self::Deploy).then_some(RequestAction::Deploy { plan, at: None, override_window: None })
    }

    /// The folder, below the root folder, that its records lie in.
    pub fn folder(self) -> &'static str {
        if self == Self::Deploy { "requests" } else { "approvals" }
    }

    /// Whether it may start a deployment.
    pub fn deploys(self) -> bool {
        matches!(self, Self::ApproveAndDeploy | Self::Deploy)
    }

    /// Whether it sets something in motion, so that its record must be there to be seen: what only stops counts whatever
    /// became of its record.
    pub fn sets_in_motion(self) -> bool {
        matches!(self, Self::Approve | Self::ApproveAndDeploy | Self::Deploy)
    }

    /// What a ready-made record says; `None` for one that somebody signed, and for what no ready-made record says.
    pub fn of(statement: &Statement) -> Option<Self> {
        if !matches!(statement.maker(), Maker::ReadyMade { .. }) {
            return None;
        }
        match statement {
            Statement::Approval(approval) => Some(match approval.verdict {
                ApprovalVerdict::Approve if approval.deploy => Self::ApproveAndDeploy,
                ApprovalVerdict::Approve => Self::Approve,
                ApprovalVerdict::Reject => Self::Reject,
                ApprovalVerdict::Withdraw => Self::Withdraw,
            }),
            Statement::Request(request) => {
                let plan = request.action.plan()?;
                (Self::Deploy.request(plan).as_ref() == Some(&request.action)).then_some(Self::Deploy)
            }
        }
    }
}
