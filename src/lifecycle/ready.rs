//! What a ready-made commit is, as far as it follows from its plan.

use std::fmt::Write as _;

use super::environment::{EnvironmentState, OpenPlan};
use super::state::State;
use crate::digest::PlanId;
use crate::journal::{Admission, Judged, ReadyWord};
use crate::model::{Approval, ApprovalVerdict, EnvironmentName, Maker, Request, RequestAction, Statement};
use crate::object::{ObjectError, Objects, Oid, entry_at};
use crate::plan::Plan;
use crate::policy::Verdict;
use crate::revision::resolve::below;

/// A ready-made commit to be: what it adds, where it lies, and what its message begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadyRecord {
    /// The record without a name in it: whoever merges it signs.
    pub record: Statement,
    /// Its path from the repository's root.
    pub path: String,
    /// The branch.
    pub branch: String,
    /// The first line of the commit's message.
    pub subject: String,
}

impl ReadyRecord {
    /// The `n`th for a word on a plan.
    pub fn of(state: &State, environment: &EnvironmentName, plan: PlanId, says: ReadyWord, n: u64) -> Self {
        let (short, word) = (plan.short(), says.name());
        let title = match says {
            ReadyWord::Approve => "Approve",
            ReadyWord::ApproveAndDeploy => "Approve and deploy",
            ReadyWord::Deploy => "Deploy",
            ReadyWord::Reject => "Reject",
            ReadyWord::Withdraw => "Take back what I said on",
        };
        let (repository, environment, maker) = (state.repository, environment.clone(), Maker::ReadyMade { n });
        let (branch, subject) = (
            format!("{}/{word}/{environment}/{short}", state.start.prefix),
            format!("{title} plan {short} of {environment}"),
        );
        let record = match says.verdict() {
            Some(verdict) => {
                let deploy = says.deploys();
                let (reason, acknowledge) = (String::new(), Vec::new());
                let approval = Approval { repository, environment, plan, verdict, deploy, reason, acknowledge, maker };
                Statement::Approval(approval)
            }
            None => {
                let action = RequestAction::Deploy { plan, at: None, override_window: None };
                let request = Request { repository, environment, action, reason: String::new(), maker };
                Statement::Request(request)
            }
        };
        let path = format!("{}/{}/{short}/{word}-{n}.yaml", says.folder(), record.environment());
        Self { path: below(&state.start.root, &path), record, branch, subject }
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
        let env = state.environments.get(&plan.environment);
        let is_draft = env
            .zip(self.record.plan())
            .and_then(|(env, plan)| env.open_plan(plan))
            .is_some_and(|open| open.drafted.is_some());
        let (option, file) = if is_draft { (" --draft", "draft") } else { ("", "plan") };
        if is_draft {
            let branch = super::draft_branch(&plan.environment);
            let _ = writeln!(out, "\nOf {branch}: nothing of it is applied before that is merged.");
        }
        let _ = write!(out, "\nWhat it changes, to be read before this is merged:\n");
        let _ = writeln!(out, "  countersign diff {}{option}", plan.environment);
        let _ = writeln!(out, "  git show origin/{}:{folder}/{file}.diff", state.start.journal);
        out
    }
}

/// What can be said by merging now, in the order in which the journal tells of it; `verdict` is that on the plan.
///
/// What is approved already is offered less, and only where it may wait for a person, a time or a resumption: anything else
/// is deployed right after.
pub fn offered(env: &EnvironmentState, plan: &OpenPlan, verdict: &Verdict) -> Vec<ReadyWord> {
    let start = &verdict.start;
    let approved = verdict.is_approved();
    // Nothing starts a draft: what is approved there waits to be merged, and may be rejected or taken back until then.
    let of_draft = plan.drafted.is_some();
    if approved && !of_draft && !start.manual && start.windows.is_empty() && start.suspended_by.is_empty() {
        return Vec::new();
    }
    let now = start.wishes.iter().any(|wish| wish.void.is_none() && wish.at.is_none());
    let approves =
        |judged: &Judged| judged.verdict == Some(ApprovalVerdict::Approve) && judged.admitted == Admission::Admitted;
    let somebody_approved =
        plan.statements.iter().any(|(_, judged)| approves(judged)) || env.has_approval_elsewhere(plan);
    let is_offered = |word: &ReadyWord| match word {
        ReadyWord::Approve => !approved,
        ReadyWord::ApproveAndDeploy => !approved && start.manual && !of_draft,
        ReadyWord::Deploy => approved && start.manual && !now && !of_draft,
        ReadyWord::Reject => true,
        // A withdrawal, once there is something to take back.
        ReadyWord::Withdraw => somebody_approved,
    };
    ReadyWord::ALL.into_iter().filter(is_offered).collect()
}

/// Whether the newest ready-made commit for a word cannot be merged any more (or there is none): it was found in the
/// config branch, or its path is taken there.
///
/// # Errors
/// Where a tree cannot be read.
pub fn is_spent(
    objects: &dyn Objects,
    root: &str,
    plan: &OpenPlan,
    says: ReadyWord,
    config: Oid,
) -> Result<bool, ObjectError> {
    let Some(newest) = plan.newest_ready(says) else { return Ok(true) };
    let mut said = plan.statements.iter().chain(&plan.deploys);
    if said.any(|(_, judged)| below(root, &judged.path) == newest.path) {
        return Ok(true);
    }
    let tree = objects.tree_of(config)?;
    Ok(entry_at(objects, tree, &newest.path)?.is_some())
}
