//! Drift that is corrected by itself (`drift.correct`): what was approved last is applied again, as the next attempt of
//! that deployment. No new approval, no new number, and never anything else.

use jiff::Timestamp;

use super::damped::Damped;
use super::environment::{Applied, EnvironmentState, HistoryRow};
use super::state::{FoldError, State};
use crate::journal::{Claim, Drifted, OutcomeResult, drift_in_words};
use crate::model::{EnvironmentName, Gates};
use crate::plan::PlanKind;
use crate::policy::Permit;
use crate::windows::is_open;

/// What became of a deployment's drift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corrections {
    /// The last attempt under the deployment's number, corrections included.
    pub attempt: u64,
    /// The last attempt that did something.
    pub last: u64,
    /// How often it was corrected.
    pub times: u64,
    /// What the last correction found.
    pub found: Vec<Drifted>,
    /// Why the last one did not succeed.
    pub failed: Option<String>,
    /// When it may be corrected again.
    pub damped: Damped,
}

impl Corrections {
    /// None yet, of a deployment that this attempt applied.
    pub fn none(attempt: u64) -> Self {
        Self { attempt, last: attempt, times: 0, found: Vec::new(), failed: None, damped: Damped::default() }
    }
}

/// A correction without outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correcting {
    /// The claim.
    pub claim: Claim,
    /// When it was claimed.
    pub claimed: Timestamp,
}

/// The deployment that drift is corrected to.
///
/// # Errors
/// Why nothing is: for people, and for the message of a claim that is abandoned.
pub fn correctable<'a>(env: &'a EnvironmentState, in_force: &Gates) -> Result<&'a Applied, String> {
    let Some(applied) = env.applied.as_ref().filter(|applied| applied.revision.is_some()) else {
        return Err("nothing is applied".to_owned());
    };
    // Gate 1: the settings in force ask for it; those that are merely desired have no say.
    if !in_force.drift.as_ref().is_some_and(|drift| drift.correct) {
        return Err("the settings in force do not ask for it".to_owned());
    }
    // Gate 2: after a later deployment that ended part-way, what was approved before is no longer what shall be there.
    if env.uncertain {
        return Err("a later deployment may have changed what is there".to_owned());
    }
    if let Some(deployment) = &env.deployment {
        return Err(format!("deployment {} is not over", deployment.claim.number));
    }
    // Gate 3: nobody suspended it.
    let by = env.suspended_by();
    if !by.is_empty() {
        let names: Vec<String> = by.iter().map(ToString::to_string).collect();
        return Err(format!("suspended by {}", names.join(", ")));
    }
    Ok(applied)
}

/// Why a claimed correction goes no further, judged after the second look; windows are those of the claim.
pub fn correction_held(env: &EnvironmentState, in_force: &Gates) -> Option<String> {
    let Some(correcting) = &env.correcting else { return Some("nothing is claimed".to_owned()) };
    match correctable(env, in_force) {
        Err(why) => Some(why),
        Ok(applied) if applied.plan != correcting.claim.plan => Some("it is not what was applied last".to_owned()),
        Ok(_) if !is_open(&in_force.deploy.windows, correcting.claimed) => Some("no window was open".to_owned()),
        Ok(_) => None,
    }
}

/// Lets a claimed correction through, or not.
pub fn permit_correction(env: &EnvironmentState, in_force: &Gates) -> Option<Permit> {
    let held = correction_held(env, in_force);
    env.correcting.as_ref().filter(|_| held.is_none()).map(|correcting| Permit::of_correction(correcting.claim.plan))
}

impl State {
    pub(super) fn fold_correction(&mut self, claim: &Claim, found: &[Drifted]) -> Result<(), FoldError> {
        let (sequence, time) = (self.sequence, self.time);
        let wrong = |what: String| FoldError { sequence, what };
        let name = &claim.environment;
        // It may own more: what a deployment claimed that was abandoned.
        let owns_all = claim.targets.iter().all(|target| self.targets.owner(target) == Some(name));
        let policy = self.policy.map_or(0, |policy| policy.version);
        let env = self.known(name)?;
        let is_free = !env.is_busy() && env.deployment.is_none() && !env.uncertain && env.suspensions.is_empty();
        let last = env.applied.as_mut().filter(|applied| applied.revision.is_some());
        let last = last.filter(|applied| (applied.number, applied.plan) == (claim.number, claim.plan));
        let Some(last) = last else {
            return Err(wrong(format!("a correction of {name} to something else than was applied last")));
        };
        if !is_free {
            return Err(wrong(format!("a correction of {name} where nothing may be corrected")));
        }
        if claim.policy != policy {
            return Err(wrong(format!("a correction of {name} under policy {}", claim.policy)));
        }
        if claim.attempt != last.corrections.attempt + 1 {
            return Err(wrong(format!("correction {}.{} of {name} is out of order", claim.number, claim.attempt)));
        }
        if found.is_empty() || !claim.met.is_empty() || claim.started.is_some() || !owns_all {
            return Err(wrong(format!(
                "correction {}.{} of {name} says what none can say",
                claim.number, claim.attempt
            )));
        }
        last.corrections.attempt = claim.attempt;
        env.correcting = Some(Box::new(Correcting { claim: claim.clone(), claimed: time }));
        Ok(())
    }

    /// Ends the correction that runs. `None` where this is no outcome of one.
    pub(super) fn fold_corrected(
        &mut self,
        name: &EnvironmentName,
        (number, attempt): (u64, u64),
        result: OutcomeResult,
        message: &str,
    ) -> Option<()> {
        let time = self.time;
        let env = self.environments.get_mut(name)?;
        let is_its = |one: &Correcting| (one.claim.number, one.claim.attempt) == (number, attempt);
        let Correcting { claim, claimed } = *env.correcting.take_if(|one| is_its(one))?;
        let applied = env.applied.as_mut()?;
        let found = claim.drift.clone().unwrap_or_default();
        let corrections = &mut applied.corrections;
        if result != OutcomeResult::Abandoned {
            corrections.damped = corrections.damped.again(time);
            corrections.found.clone_from(&found);
            corrections.last = attempt;
        }
        match result {
            OutcomeResult::Applied => {
                corrections.times += 1;
                corrections.failed = None;
                applied.attempt = attempt;
            }
            OutcomeResult::Failed | OutcomeResult::Unknown => corrections.failed = Some(message.to_owned()),
            OutcomeResult::Abandoned => {}
        }
        let words = format!("corrected {}", drift_in_words(&found));
        let message = match result {
            OutcomeResult::Applied if message.is_empty() => words,
            OutcomeResult::Applied => format!("{words} ({message})"),
            _ => message.to_owned(),
        };
        let row = HistoryRow {
            number,
            attempt,
            kind: PlanKind::Drift,
            corrects: true,
            plan: claim.plan,
            revision: applied.revision,
            met: Vec::new(),
            started: None,
            reasons: Vec::new(),
            claimed,
            ended: time,
            result,
            message,
        };
        // One line for all corrections of a deployment, or they would push the deployments off the page.
        if env.history.first().is_some_and(|first| first.corrects && first.number == number) {
            env.history.remove(0);
        }
        env.list(row);
        Some(())
    }

    /// The host is as it was applied again: the plan that would put it back rests, or a correction that failed is moot.
    pub(super) fn fold_as_applied(&mut self, name: &EnvironmentName) -> Result<(), FoldError> {
        let (sequence, time) = (self.sequence, self.time);
        let env = self.known(name)?;
        let waits = env.current_plan().is_some_and(|plan| plan.kind == PlanKind::Drift) && env.deployment.is_none();
        let failed = env.applied.as_mut().and_then(|applied| applied.corrections.failed.take());
        if !waits && failed.is_none() {
            let what = format!("{name} is said to be as it was applied, where nothing was said to differ");
            return Err(FoldError { sequence, what });
        }
        if waits {
            env.current = None;
            env.end_carrying(sequence);
        }
        env.told = env.told.again(time);
        Ok(())
    }
}
