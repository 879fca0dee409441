//! Drift that the settings in force have corrected: claim, look again, effect, outcome, as the next attempt of the
//! deployment that was applied last.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::deploy::untouched;
use super::{Daemon, TickError};
use crate::journal::{AttemptOutcome, Claim, Drifted, Event, OutcomeResult, ServiceOutcome, ServiceResult};
use crate::lifecycle::{
    Applied, Correcting, EnvironmentState, SETTLED, correctable, correction_held, permit_correction,
};
use crate::model::{EnvironmentName, Gates, ServiceName};
use crate::plan::{Action, compose};
use crate::revision::Resolved;
use crate::services::{ServiceChange, Settled};
use crate::windows::is_open;

impl Daemon {
    /// Puts right what has drifted, where that is asked for and due. Gives whether anything was written.
    pub(super) fn correct(&mut self, name: &EnvironmentName) -> Result<bool, TickError> {
        let env = self.state()?.environment(name);
        let Some(gates) = self.in_force(name, &env)? else { return Ok(false) };
        if let Some(correcting) = env.correcting.clone() {
            let is_mine = self.is_mine(name, &correcting.claim);
            // An earlier apply may still be at it.
            self.agenda.touch(name);
            return if is_mine { self.resume_correction(name, &env, &gates, &correcting) } else { Ok(false) };
        }
        if !gates.drift.as_ref().is_some_and(|drift| drift.correct) || !self.is_due_to_look(name, &env)? {
            return Ok(false);
        }
        let now = self.now();
        self.looked.insert(name.clone(), now);
        let Some(applied) = may_correct(&env, &gates, now) else {
            tracing::debug!(environment = %name, why = ?correctable(&env, &gates).err(), "drift is not corrected now");
            return Ok(false);
        };
        // The lock comes first: nothing is observed or applied while an orphaned child may still be at work.
        let Some(_lock) = self.disk.lock(name)? else {
            tracing::info!(environment = %name, "an earlier apply still runs; waiting for it");
            return Ok(false);
        };
        let Some(base) = self.base(name, &env)? else { return Ok(false) };
        // Gate: what the operator no longer grants is not touched, though it was once.
        if let Some(problem) = self.refused_by_settings(name, &base)?.first() {
            tracing::warn!(environment = %name, %problem, "drift is not corrected");
            return Ok(false);
        }
        let changes = compose::changes(name, Some(&base), Some(&base));
        let Some(found) = self.drifted(name, &changes) else { return Ok(false) };
        if found.is_empty() {
            return self.as_applied(name, applied);
        }
        self.claim_correction(name, &env, &gates, &base, &changes, found)
    }

    /// What is not as it was applied; `None` where it cannot be told.
    fn drifted(&self, name: &EnvironmentName, changes: &[ServiceChange]) -> Option<Vec<Drifted>> {
        let mut found = Vec::new();
        for change in changes {
            let content = change.desired.as_ref()?;
            match self.drivers.of(&content.service.kind).plan(self.objects.as_ref(), change) {
                Ok(plan) if plan.action == Action::None => {}
                Ok(plan) => {
                    let count =
                        |action| plan.preview.summary.iter().filter(|item| item.action == action).count() as u64;
                    found.push(Drifted {
                        service: change.name.clone(),
                        deleted: count(Action::Destroy),
                        changed: count(Action::Update),
                        created: count(Action::Create),
                    });
                }
                Err(error) => {
                    tracing::warn!(environment = %name, service = %change.name, %error, "drift cannot be looked at");
                    return None;
                }
            }
        }
        Some(found)
    }

    /// A correction that failed is moot where nothing differs any more.
    fn as_applied(&mut self, name: &EnvironmentName, applied: &Applied) -> Result<bool, TickError> {
        if applied.corrections.failed.is_none() {
            return Ok(false);
        }
        let mut draft = self.draft(self.state()?.heads);
        self.emit(&mut draft, Event::AsApplied { environment: name.clone() })?;
        self.append(draft)?;
        Ok(true)
    }

    fn claim_correction(
        &mut self,
        name: &EnvironmentName,
        env: &EnvironmentState,
        gates: &Gates,
        base: &Resolved,
        changes: &[ServiceChange],
        found: Vec<Drifted>,
    ) -> Result<bool, TickError> {
        let state = self.state()?;
        let mut draft = self.draft(state.heads);
        // Gate: at the very time that the claim will bear.
        let Some(applied) = may_correct(env, gates, draft.time) else { return Ok(false) };
        let claim = Claim {
            environment: name.clone(),
            plan: applied.plan,
            number: applied.number,
            attempt: applied.corrections.attempt + 1,
            heads: draft.heads,
            journal: self.journal()?.tip,
            policy: state.policy.map_or(0, |policy| policy.version),
            key: self.public.clone(),
            instance: self.instance.clone(),
            met: Vec::new(),
            started: None,
            targets: base.targets(),
            drift: Some(found),
        };
        self.emit(&mut draft, Event::Claimed(claim.clone()))?;
        let before = self.deployment_document(name, claim.number)?;
        let before = before.ok_or_else(|| missing(name, claim.number))?;
        let document = before.with_correction(&claim, draft.time);
        self.deployment_files(&mut draft, name, &document, BTreeMap::new(), None)?;
        self.append(draft)?;
        tracing::warn!(environment = %name, number = claim.number, attempt = claim.attempt, "drift is corrected");

        let remotes = self.look()?;
        if remotes.journal != Some(self.journal()?.tip) {
            return Err(TickError::Conflict);
        }
        self.observe(&remotes)?;
        let env = self.state()?.environment(name);
        let Some(gates) = self.in_force(name, &env)? else { return Err(TickError::Conflict) };
        let Some(permit) = permit_correction(&env, &gates) else {
            let why = correction_held(&env, &gates).unwrap_or_default();
            self.end_correction(name, &claim, OutcomeResult::Abandoned, untouched(changes), why)?;
            return Ok(true);
        };
        let (result, services, message) = self.apply(&permit, changes, &as_it_shall_be(changes, &claim))?;
        self.end_correction(name, &claim, result, services, message)?;
        Ok(true)
    }

    /// Settles a correction of this daemon that has no outcome: it was killed. What it may do is proven again.
    fn resume_correction(
        &mut self,
        name: &EnvironmentName,
        env: &EnvironmentState,
        gates: &Arc<Gates>,
        correcting: &Correcting,
    ) -> Result<bool, TickError> {
        let Some(_lock) = self.disk.lock(name)? else {
            tracing::info!(environment = %name, "an earlier apply still runs; waiting for it");
            return Ok(false);
        };
        let claim = &correcting.claim;
        tracing::warn!(environment = %name, number = claim.number, attempt = claim.attempt, "settling an interrupted correction");
        let Some(base) = self.base(name, env)? else { return Ok(false) };
        let changes = compose::changes(name, Some(&base), Some(&base));
        let (mut done, mut unclear) = (BTreeMap::new(), Vec::new());
        for (at, change) in changes.iter().enumerate() {
            let Some(content) = change.desired.as_ref() else { continue };
            match self.drivers.of(&content.service.kind).settle(self.objects.as_ref(), change) {
                Ok(Settled::Done) => {
                    done.insert(at, ());
                }
                // Drift is anything: what is not as it shall be was not corrected yet, or was changed again.
                Ok(Settled::Untouched | Settled::Unknown { .. }) => {}
                Err(error) => unclear.push(format!("service `{}`: {error}", change.name)),
            }
        }
        let before = as_it_shall_be(&changes, claim);
        let nothing_done = done.keys().all(|at| before.contains_key(at));
        let why = correction_held(env, gates).unwrap_or_default();
        let (result, services, message) = if !unclear.is_empty() {
            let services = self.settled_outcomes(&changes, &done, ServiceResult::Unknown);
            (OutcomeResult::Unknown, services, format!("interrupted; {}", unclear.join("; ")))
        } else if let Some(permit) = permit_correction(env, gates) {
            self.apply(&permit, &changes, &done)?
        } else if done.len() == changes.len() {
            let services = self.settled_outcomes(&changes, &done, ServiceResult::Untouched);
            (OutcomeResult::Applied, services, SETTLED.to_owned())
        } else if nothing_done {
            (OutcomeResult::Abandoned, untouched(&changes), why)
        } else {
            let services = self.settled_outcomes(&changes, &done, ServiceResult::Untouched);
            (OutcomeResult::Unknown, services, format!("interrupted part-way, and {why}"))
        };
        self.end_correction(name, claim, result, services, message)?;
        Ok(true)
    }

    fn end_correction(
        &mut self,
        name: &EnvironmentName,
        claim: &Claim,
        result: OutcomeResult,
        services: Vec<ServiceOutcome>,
        message: String,
    ) -> Result<(), TickError> {
        let heads = self.state()?.heads;
        let mut draft = self.draft(heads);
        let document = self.deployment_document(name, claim.number)?;
        let document = document.ok_or_else(|| missing(name, claim.number))?;
        let (number, attempt) = (claim.number, claim.attempt);
        self.emit(
            &mut draft,
            Event::Outcome {
                environment: name.clone(),
                number,
                attempt,
                result,
                services: services.clone(),
                message: message.clone(),
            },
        )?;
        let outcome = AttemptOutcome { result, message: message.clone(), services, time: draft.time };
        let document =
            document.with_outcome(attempt, outcome).map_err(|error| TickError::Unreadable(error.to_string()))?;
        self.deployment_files(&mut draft, name, &document, BTreeMap::new(), None)?;
        // What was said meanwhile on the plan that waits beside it used up its branches.
        self.make_ready(&mut draft, heads)?;
        self.append(draft)?;
        // What waits beside it was planned from a host that was otherwise.
        self.again.insert(name.clone());
        tracing::info!(environment = %name, number, attempt, ?result, message, "the correction ended");
        Ok(())
    }
}

/// The deployment that drift is corrected to, where it may be now: nothing holds it, a window is open, and the last time
/// is long enough ago.
pub(super) fn may_correct<'a>(env: &'a EnvironmentState, gates: &Gates, now: Timestamp) -> Option<&'a Applied> {
    let applied = correctable(env, gates).ok().filter(|_| is_open(&gates.deploy.windows, now))?;
    (env.correcting.is_none() && applied.corrections.damped.is_due(now)).then_some(applied)
}

/// The services that had not drifted when it was claimed: they are left alone.
fn as_it_shall_be(changes: &[ServiceChange], claim: &Claim) -> BTreeMap<usize, ()> {
    let drifted = |name: &ServiceName| claim.drift.iter().flatten().any(|found| found.service == *name);
    changes.iter().enumerate().filter(|(_, change)| !drifted(&change.name)).map(|(at, _)| (at, ())).collect()
}

fn missing(name: &EnvironmentName, number: u64) -> TickError {
    TickError::Unreadable(format!("{name}: the journal has no document of deployment {number}"))
}
