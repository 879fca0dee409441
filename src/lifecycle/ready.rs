//! What a ready-made commit is, as far as it follows from its plan.

use std::fmt::Write as _;

use super::environment::{EnvironmentState, OpenPlan};
use super::state::State;
use crate::digest::PlanId;
use crate::journal::{Admission, Judged};
use crate::model::{Approval, ApprovalVerdict, EnvironmentName, Maker};
use crate::object::{ObjectError, Objects, Oid, entry_at};
use crate::plan::Plan;
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

impl ReadyRecord {
    /// The commit's message: what is decided, and where it is read.
    ///
    /// # Caveats
    /// Not one word of it comes from the repository's files. Forges act on what they find in a message (`@name`, `#12`,
    /// `closes #3`, addresses, `[skip ci]`, each with a list of its own), so no escaping of a diff could be trusted to be
    /// enough, and paths are as free as content.
    pub fn message(&self, state: &State, plan: &Plan) -> String {
        let folder = crate::journal::pages::environment_folder(state.start.layout, &plan.environment);
        let mut out = format!("{}\n\n", self.subject);
        // Writing to a String cannot fail.
        let _ = writeln!(out, "Deployment {}: {}", plan.number, crate::journal::pages::purpose(plan.kind, plan.base));
        for service in &plan.services {
            let _ = writeln!(out, "  {}: {}", service.name, service.action.name());
        }
        let _ = write!(out, "\nWhat it changes, to be read before this is merged:\n");
        let _ = writeln!(out, "  countersign diff {}", plan.environment);
        let _ = writeln!(out, "  git show origin/{}:{folder}/plan.diff", state.start.journal);
        out
    }
}

/// The verdicts that can be given by merging: a withdrawal once there is something to take back.
pub fn offered(env: &EnvironmentState, plan: &OpenPlan) -> Vec<ApprovalVerdict> {
    let mut verdicts = vec![ApprovalVerdict::Approve, ApprovalVerdict::Reject];
    let approves =
        |judged: &Judged| judged.verdict == Some(ApprovalVerdict::Approve) && judged.admitted == Admission::Admitted;
    if plan.statements.iter().any(|(_, judged)| approves(judged)) || env.has_approval_elsewhere(plan) {
        verdicts.push(ApprovalVerdict::Withdraw);
    }
    verdicts
}

/// Whether the newest ready-made commit for a verdict cannot be merged any more (or there is none): it was found in the
/// config branch, or its path is taken there.
///
/// # Errors
/// Where a tree cannot be read.
pub fn is_spent(
    objects: &dyn Objects,
    root: &str,
    plan: &OpenPlan,
    verdict: ApprovalVerdict,
    config: Oid,
) -> Result<bool, ObjectError> {
    let Some(newest) = plan.newest_ready(verdict) else { return Ok(true) };
    if plan.statements.iter().any(|(_, judged)| below(root, &judged.path) == newest.path) {
        return Ok(true);
    }
    let tree = objects.commit(config)?.tree;
    Ok(entry_at(objects, tree, &newest.path)?.is_some())
}
