//! The judgement of a plan with everything it depends on fetched from where it is.

use super::earlier::earlier;
use super::environment::{EnvironmentState, OpenPlan};
use crate::journal::Judged;
use crate::model::{Environment, EnvironmentName, Gates, Governance, Problems};
use crate::object::{Mode, ObjectError, Objects, Oid, entry_at};
use crate::policy::{Case, Start, UnknownRuleset, Verdict, Wish, judge};
use crate::revision::resolve::below;

/// Why a plan could not be judged. Always a refusal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JudgeError {
    /// An object is missing or malformed.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// Settings that were readable once no longer are.
    #[error(transparent)]
    Problems(#[from] Problems),
    /// A ruleset does not exist.
    #[error(transparent)]
    UnknownRuleset(#[from] UnknownRuleset),
    /// The settings in force are gone from the commit they were applied from.
    #[error("environment.yaml of {environment} is not in commit {}", commit.short())]
    NoSettings {
        /// The environment.
        environment: EnvironmentName,
        /// The commit.
        commit: Oid,
    },
}

/// The gate settings of an environment at a config commit.
///
/// # Errors
/// Where they cannot be read.
pub fn gates_at(objects: &dyn Objects, root: &str, name: &EnvironmentName, commit: Oid) -> Result<Gates, JudgeError> {
    let file = format!("environments/{name}/environment.yaml");
    let tree = objects.tree_of(commit)?;
    match entry_at(objects, tree, &below(root, &file))? {
        Some(entry) if matches!(entry.mode, Mode::File | Mode::Executable) => {
            Ok(Environment::read(&file, name.as_str(), &objects.blob(entry.id)?)?.gates)
        }
        _ => Err(JudgeError::NoSettings { environment: name.clone(), commit }),
    }
}

/// The verdict on the plan that an environment's status speaks of: the one that runs or failed, else the one that waits.
/// `None` where there is none, or where the configuration is invalid and nothing runs.
///
/// # Errors
/// As [`judge_plan`].
pub fn verdict_on(
    objects: &dyn Objects,
    root: &str,
    governance: &Governance,
    name: &EnvironmentName,
    env: &EnvironmentState,
) -> Result<Option<Verdict>, JudgeError> {
    if env.invalid.is_some() && env.running().is_none() {
        return Ok(None);
    }
    let deploying = env.deployment.as_ref().map(|deployment| &deployment.plan);
    let Some(plan) = deploying.or_else(|| env.current_plan()) else { return Ok(None) };
    judged_or_unmeetable(objects, root, governance, name, env, plan).map(Some)
}

/// The verdict on the plan of an environment's draft: what it has of all that would be asked for after the merge.
///
/// # Errors
/// As [`judge_plan`].
pub fn draft_verdict_on(
    objects: &dyn Objects,
    root: &str,
    governance: &Governance,
    name: &EnvironmentName,
    env: &EnvironmentState,
) -> Result<Option<Verdict>, JudgeError> {
    let plan = env.draft_plan();
    plan.map(|plan| judged_or_unmeetable(objects, root, governance, name, env, plan)).transpose()
}

fn judged_or_unmeetable(
    objects: &dyn Objects,
    root: &str,
    governance: &Governance,
    name: &EnvironmentName,
    env: &EnvironmentState,
    plan: &OpenPlan,
) -> Result<Verdict, JudgeError> {
    match judge_plan(objects, root, governance, name, env, plan) {
        // Gate: what asks for a ruleset that is gone is never met; when it is planned anew it becomes Invalid.
        Err(JudgeError::UnknownRuleset(UnknownRuleset(gone))) => Ok(Verdict::unmeetable(gone, &plan.judged())),
        judged => judged,
    }
}

/// Judges a plan by the policy in force: the settings it leaves are those of the last deployment, the ones it enters
/// those of the commit it was planned from.
///
/// # Errors
/// Where anything it depends on cannot be read: nothing may be applied then.
pub fn judge_plan(
    objects: &dyn Objects,
    root: &str,
    governance: &Governance,
    name: &EnvironmentName,
    env: &EnvironmentState,
    plan: &OpenPlan,
) -> Result<Verdict, JudgeError> {
    // The policy has no settings to leave or enter: it asks for what it says of itself.
    let has_gates = !name.is_governance();
    let leaves = match env.applied.as_ref().filter(|applied| has_gates && applied.revision.is_some()) {
        Some(applied) => Some(gates_at(objects, root, name, applied.commit)?),
        None => None,
    };
    let enters = match plan.revision.filter(|_| has_gates) {
        Some(_) => Some(entered(objects, root, name, plan)?),
        None => None,
    };
    let statements = plan.judged();
    let earlier = earlier(objects, root, governance, name, env, plan)?;
    let settings = Start::of_settings(governance, name, leaves.as_ref(), enters.as_ref());
    let case = |statements: &[Judged], start: &Start| {
        judge(&Case {
            governance,
            environment: name,
            kind: plan.kind,
            leaves: leaves.as_ref(),
            enters: enters.as_ref(),
            contributors: &plan.contributors,
            drafted_by: &plan.drafted_by,
            truncated: plan.truncated,
            statements,
            earlier: &earlier,
            start,
        })
    };
    let mut start = start_of(settings, env, plan);
    start.lapsed = env.lapsed_asker(plan.kind, governance, name);
    let deployment = env.deployment.as_ref().filter(|deployment| deployment.plan.id == plan.id);
    // The word by which it runs, or ran when it failed, was weighed when it was claimed.
    let carried = deployment.and_then(|deployment| deployment.started.as_ref());
    start.wishes.extend(carried.and_then(|judged| Wish::of(governance, name, judged, None)));
    if deployment.is_none_or(|deployment| deployment.failed.is_some()) {
        for (sequence, judged) in plan.asked() {
            // Gate: who starts a deployment sees everything that is asked for given by then.
            let by_then = plan.statements.iter().filter(|(at, _)| at <= sequence).map(|(_, said)| said.clone());
            let early = !case(&by_then.collect::<Vec<_>>(), &Start::default())?.is_approved();
            let void = early.then(|| "it was made before everything that is asked for was given".to_owned());
            start.wishes.extend(Wish::of(governance, name, judged, void));
        }
    }
    Ok(case(&statements, &start)?)
}

/// The settings that a plan enters: of a draft those that its merge gives, which are on the journal.
fn entered(objects: &dyn Objects, root: &str, name: &EnvironmentName, plan: &OpenPlan) -> Result<Gates, JudgeError> {
    let Some(drafted) = plan.drafted else { return gates_at(objects, root, name, plan.commit) };
    let gone = || JudgeError::NoSettings { environment: name.clone(), commit: drafted.tip };
    let settings = objects.blob(drafted.settings.ok_or_else(gone)?)?;
    let file = format!("environments/{name}/environment.yaml");
    Ok(Environment::read(&file, name.as_str(), &settings)?.gates)
}

/// What beside approvals decides whether a plan's deployment may start.
fn start_of(settings: Start, env: &EnvironmentState, plan: &OpenPlan) -> Start {
    let closed = env.deployment.as_ref().filter(|deployment| deployment.plan.id == plan.id);
    Start {
        suspended_by: env.suspended_by(),
        closed_by: closed.and_then(|deployment| deployment.closed.as_ref()?.by.clone()),
        ..settings
    }
}
