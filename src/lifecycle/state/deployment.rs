//! How a claim and its outcome move the state of an environment, and who owns which target.

use super::super::correction::Corrections;
use super::super::environment::{Applied, Deployment, HistoryRow};
use super::{FoldError, State};
use crate::digest::StatementId;
use crate::journal::{Claim, OutcomeResult, ServiceOutcome, ServiceResult};
use crate::model::EnvironmentName;
use crate::revision::Source;

impl State {
    pub(super) fn fold_claim(&mut self, claim: &Claim) -> Result<(), FoldError> {
        let (sequence, time) = (self.sequence, self.time);
        let wrong = |what: String| FoldError { sequence, what };
        let policy = self.policy.map_or(0, |policy| policy.version);
        for target in &claim.targets {
            if let Some(owner) = self.targets.owner(target).filter(|owner| **owner != claim.environment) {
                return Err(wrong(format!("target {target} of {} belongs to {owner}", claim.environment)));
            }
        }
        let env = self.known(&claim.environment)?;
        // Gate: a draft is applied by nobody. Merged, its plan is one of the config branch, and no longer among these.
        if env.drafted.contains(claim.plan) {
            let what = format!("a claim of {} for a plan of its draft, which is not merged", claim.environment);
            return Err(wrong(what));
        }
        if claim.policy != policy {
            return Err(wrong(format!("a claim of {} under policy {}", claim.environment, claim.policy)));
        }
        if env.correcting.is_some() {
            return Err(wrong(format!("{} is claimed while it is being corrected", claim.environment)));
        }
        if claim.attempt != env.next_attempt(claim.number) {
            return Err(wrong(format!(
                "claim {}.{} of {} is out of order",
                claim.number, claim.attempt, claim.environment
            )));
        }
        let retried = env.deployment.take();
        let carried = retried.as_ref().and_then(|retried| retried.started.clone());
        let mut plan = match retried {
            Some(running) if running.failed.is_none() => {
                return Err(wrong(format!("{} is claimed while it is being deployed", claim.environment)));
            }
            Some(failed) if failed.plan.id == claim.plan && failed.plan.number == claim.number => failed.plan,
            _ => {
                let waits = env.current_plan().is_some_and(|plan| plan.id == claim.plan && plan.number == claim.number);
                let plan = if waits { env.plans.take(claim.plan) } else { None };
                plan.ok_or_else(|| wrong(format!("a claim of {} for a plan that does not wait", claim.environment)))?
            }
        };
        // Gate: what met a rule was said on this plan, or on another one of this number.
        let met = claim.met.iter().flat_map(|met| &met.statements);
        if let Some((unknown, _)) = met.into_iter().find(|(digest, _)| env.statement_for(&plan, *digest).is_none()) {
            let short = unknown.short();
            return Err(wrong(format!(
                "a claim of {} by statement {short}, which is on no plan of it",
                claim.environment
            )));
        }
        env.attempts = (claim.number, claim.attempt);
        let started = match &claim.started {
            None => None,
            Some(by) => {
                let asked = plan.asked().into_iter().map(|(_, judged)| judged).chain(&carried);
                let found = asked.into_iter().find(|judged| judged.digest == by.statement).cloned();
                Some(found.ok_or_else(|| wrong(format!("a claim of {} by a word that is spent", claim.environment)))?)
            }
        };
        plan.spent = sequence;
        let claimed = Deployment { plan, claim: claim.clone(), claimed: time, failed: None, closed: None, started };
        env.deployment = Some(Box::new(claimed));
        for target in &claim.targets {
            self.targets.take(target, &claim.environment);
        }
        Ok(())
    }

    pub(super) fn fold_outcome(
        &mut self,
        name: &EnvironmentName,
        (number, attempt): (u64, u64),
        result: OutcomeResult,
        services: &[ServiceOutcome],
        message: &str,
    ) -> Result<(), FoldError> {
        if self.fold_corrected(name, (number, attempt), result, message).is_some() {
            return Ok(());
        }
        let (sequence, time) = (self.sequence, self.time);
        let wrong = |what: String| FoldError { sequence, what };
        let in_force = self.policy.map(|policy| policy.revision);
        let env = self.known(name)?;
        let is_its = |d: &Deployment| d.failed.is_none() && (d.claim.number, d.claim.attempt) == (number, attempt);
        let running = env.deployment.take_if(|deployment| is_its(deployment));
        let mut deployment =
            running.ok_or_else(|| wrong(format!("an outcome of {name} {number}.{attempt} without claim")))?;
        let Deployment { plan, claim, claimed, .. } = &*deployment;
        if name.is_governance() && (result == OutcomeResult::Applied) != (plan.revision == in_force) {
            return Err(wrong(format!(
                "deployment {number} of the policy ends otherwise than the policy in force says"
            )));
        }
        let reason_of = |id: &StatementId| env.statement_for(plan, *id).map(|(_, judged)| judged.reason.clone());
        let mut reasons: Vec<_> = Vec::new();
        for (statement, person) in claim.met.iter().flat_map(|met| &met.statements) {
            let row = (person.clone(), reason_of(statement).unwrap_or_default());
            if !reasons.contains(&row) {
                reasons.push(row);
            }
        }
        let row = HistoryRow {
            number,
            attempt,
            kind: plan.kind,
            corrects: false,
            plan: plan.id,
            revision: plan.revision,
            met: claim.met.clone(),
            started: claim.started.clone(),
            reasons,
            claimed: *claimed,
            ended: time,
            result,
            message: message.to_owned(),
        };
        env.list(row);
        let is_closed = deployment.closed.is_some();
        if result == OutcomeResult::Abandoned {
            // The number is not consumed, so a plan claimed from the waiting ones goes on waiting; one that was
            // claimed again after a failure stays failed.
            if is_closed {
                // Dropped while it ran: the number is consumed all the same.
            } else if env.consumed >= number {
                deployment.failed = Some((time, services.to_vec(), message.to_owned()));
                deployment.started = None;
                env.deployment = Some(deployment);
            } else {
                env.plans.put(deployment.plan);
            }
            // A first deployment that was abandoned leaves nothing behind; otherwise everything is kept: giving a target
            // up too late is harmless, too early is not.
            if self.environments.get(name).is_some_and(|env| env.applied.is_none() && env.consumed == 0) {
                self.targets.keep_only(name, &[]);
            }
            if is_closed {
                self.known(name)?.close(number);
            }
            return Ok(());
        }
        // A wish is fulfilled, or nobody knows; one that failed is tried again.
        if result != OutcomeResult::Failed {
            env.end_redeploy();
        }
        env.consumed = env.consumed.max(number);
        env.end_plans();
        env.current = None;
        let touched = services.iter().any(|service| service.result != ServiceResult::Untouched);
        env.uncertain = match result {
            OutcomeResult::Applied => false,
            OutcomeResult::Unknown => true,
            OutcomeResult::Failed | OutcomeResult::Abandoned => env.uncertain || touched,
        };
        match result {
            OutcomeResult::Applied => {
                env.applied = Some(Applied {
                    number,
                    attempt,
                    plan: plan.id,
                    kind: plan.kind,
                    revision: plan.revision,
                    commit: claim.heads.config,
                    imports: plan.imports.clone(),
                    time,
                    corrections: Corrections::none(attempt),
                });
                env.recorded = None;
                env.earlier.clear();
                env.refused.clear();
                if let Some(revision) = plan.revision {
                    let source = Source { revision, commit: claim.heads.config, imports: plan.imports.clone() };
                    self.deployed.insert((name.clone(), revision), source);
                }
                let kept = if plan.revision.is_some() { claim.targets.as_slice() } else { &[] };
                self.targets.keep_only(name, kept);
            }
            OutcomeResult::Failed if is_closed => {
                env.end_redeploy();
            }
            OutcomeResult::Failed => {
                deployment.failed = Some((time, services.to_vec(), message.to_owned()));
                env.deployment = Some(deployment);
            }
            OutcomeResult::Unknown | OutcomeResult::Abandoned => {}
        }
        Ok(())
    }
}
