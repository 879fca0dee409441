//! Where a draft stands, as part of its environment's `status.yaml`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::status::newest_branches;
use super::{NoPlan, Status, StatusPlan};
use crate::digest::RevisionId;
use crate::lifecycle::{EnvironmentState, Phase, WaitingOn, draft_branch};
use crate::model::{EnvironmentName, Problem};
use crate::object::Oid;
use crate::policy::{StatementView, Verdict};

/// A draft, and the plan that its merge would give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DraftStatus {
    /// The branch (`draft/acme-prod`).
    pub branch: String,
    /// Its tip, as it was looked at.
    pub commit: Oid,
    /// `AwaitingApproval`, `Approved`, `Rejected`, `Invalid`; or `Synced` where nothing waits.
    pub phase: Phase,
    /// The revision that the merge would desire, or null for a destroy and where there is no plan.
    pub desired: Option<RevisionId>,
    /// Its plan, or null.
    pub plan: Option<StatusPlan>,
    /// Why it has none, or null; null as well where it is planned anew next.
    pub no_plan: Option<NoPlan>,
    /// What would be asked for after the merge, met ones too.
    pub waiting_on: Vec<WaitingOn>,
    /// Every statement on its plan.
    pub statements: Vec<StatementView>,
    /// The ready-made branches, by what merging them says.
    pub branches: BTreeMap<String, String>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

impl DraftStatus {
    /// Where the draft of an environment stands, where there is one.
    pub fn of(name: &EnvironmentName, env: &EnvironmentState, verdict: Option<&Verdict>) -> Option<Self> {
        let draft = env.draft.as_ref()?;
        let plan = env.draft_plan();
        let (no_plan, problems) = match &draft.unplanned {
            Some((why, problems)) => (Some(*why), problems.clone()),
            None => (None, Vec::new()),
        };
        let phase = match verdict {
            None if problems.is_empty() => Phase::Synced,
            None => Phase::Invalid,
            Some(verdict) if !verdict.rejected_by.is_empty() => Phase::Rejected,
            Some(verdict) if verdict.is_approved() => Phase::Approved,
            Some(_) => Phase::AwaitingApproval,
        };
        Some(Self {
            branch: draft_branch(name),
            commit: draft.tip,
            phase,
            desired: plan.and_then(|plan| plan.revision),
            plan: plan.map(StatusPlan::of),
            no_plan,
            waiting_on: verdict.map(|verdict| WaitingOn::of(verdict, true)).unwrap_or_default(),
            statements: verdict.map(|verdict| verdict.statements.clone()).unwrap_or_default(),
            branches: plan.map(newest_branches).unwrap_or_default(),
            problems,
        })
    }
}

impl Status {
    /// The same with what is known of the draft.
    #[must_use]
    pub fn with_draft(mut self, env: &EnvironmentState, verdict: Option<&Verdict>) -> Self {
        self.draft = DraftStatus::of(&self.environment, env, verdict);
        self
    }

    /// The status as it would be if the draft, where there is one, were merged now: what is said on its plan is weighed
    /// by it.
    pub fn as_if_merged(&self) -> Option<Self> {
        let draft = self.draft.clone()?;
        Some(Self {
            phase: draft.phase,
            desired: draft.desired,
            plan: draft.plan,
            waiting_on: draft.waiting_on,
            statements: draft.statements,
            branches: draft.branches,
            problems: draft.problems,
            manual: false,
            hold: None,
            suspended: None,
            of_draft: Some(draft.commit),
            draft: None,
            ..self.clone()
        })
    }

    /// The environment as it is named to a command that speaks of the plan that this status speaks of.
    pub fn named(&self) -> String {
        let draft = if self.of_draft.is_some() { " --draft" } else { "" };
        format!("{}{draft}", self.environment)
    }
}
