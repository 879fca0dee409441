//! Looking at the host between deployments: on a schedule, before a window opens, and once after every start.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::append::Draft;
use super::correct::may_correct;
use super::{Daemon, TickError};
use crate::digest::PlanId;
use crate::journal::{Event, Heads};
use crate::lifecycle::{EnvironmentState, JudgeError, gates_at};
use crate::model::{EnvironmentName, Gates};
use crate::plan::compose::Composed;
use crate::plan::{Action, PlanKind};
use crate::revision::Resolved;
use crate::windows::{next_of, next_opening};

/// How long before a window opens what waits for it is planned again: so that somebody is there when it is another plan.
const BEFORE_A_WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// Whether a plan would set anything right.
pub(super) fn is_drifted(composed: &Composed) -> bool {
    composed.plan.services.iter().any(|service| service.action != Action::None)
}

impl Daemon {
    /// The settings in force; `None` where nothing is applied, or they cannot be read as they were.
    pub(super) fn in_force(
        &mut self,
        name: &EnvironmentName,
        env: &EnvironmentState,
    ) -> Result<Option<Arc<Gates>>, TickError> {
        let Some(applied) = env.applied.as_ref().filter(|applied| applied.revision.is_some()) else { return Ok(None) };
        if let Some((_, gates)) = self.rhythms.get(name).filter(|(commit, _)| *commit == applied.commit) {
            return Ok(Some(Arc::clone(gates)));
        }
        let gates = match gates_at(self.objects.as_ref(), &self.config.root, name, applied.commit) {
            Ok(gates) => self.rhythms_like(name, gates),
            Err(JudgeError::Object(error)) => return Err(error.into()),
            Err(error) => {
                tracing::error!(environment = %name, %error, "the settings in force cannot be read; it is not looked at");
                return Ok(None);
            }
        };
        self.rhythms.insert(name.clone(), (applied.commit, Arc::clone(&gates)));
        Ok(Some(gates))
    }

    /// Settings that are those of the environment next to it take no room of their own: many are alike.
    fn rhythms_like(&self, name: &EnvironmentName, gates: Gates) -> Arc<Gates> {
        let before = self.rhythms.range::<EnvironmentName, _>(..name).next_back();
        match before.map(|(_, (_, other))| other).filter(|other| ***other == gates) {
            Some(other) => Arc::clone(other),
            None => Arc::new(gates),
        }
    }

    /// When an environment is to be looked at next; `None` where nothing asks for it.
    pub(super) fn next_look(
        &mut self,
        name: &EnvironmentName,
        env: &EnvironmentState,
    ) -> Result<Option<Timestamp>, TickError> {
        let Some(gates) = self.in_force(name, env)? else { return Ok(None) };
        let now = self.now();
        // A clock that was set back must not keep it from looking: a look that is still to come was none.
        let looked = self.looked.get(name).filter(|looked| **looked <= now || gates.drift.is_none());
        let Some(looked) = looked else { return Ok(gates.drift.is_some().then_some(now)) };
        let since = now.min(*looked);
        let schedule = gates.drift.as_ref().and_then(|drift| next_of(&drift.schedule, &drift.timezone, since));
        let waits = env.current.is_some() && env.deployment.is_none();
        let opening = match since.checked_add(BEFORE_A_WINDOW) {
            Ok(after) if waits => next_opening(&gates.deploy.windows, after),
            _ => None,
        };
        let early = opening.and_then(|at| at.checked_sub(BEFORE_A_WINDOW).ok());
        Ok(schedule.into_iter().chain(early).min())
    }

    pub(super) fn is_due_to_look(&mut self, name: &EnvironmentName, env: &EnvironmentState) -> Result<bool, TickError> {
        let now = self.now();
        Ok(self.next_look(name, env)?.is_some_and(|at| at <= now))
    }

    /// Somebody planned, and saw the host. Where drift is corrected that is not enough: the look that corrects comes after.
    pub(super) fn have_looked(&mut self, name: &EnvironmentName, env: &EnvironmentState) -> Result<(), TickError> {
        let gates = self.in_force(name, env)?;
        if !gates.and_then(|gates| gates.drift.as_ref().map(|drift| drift.correct)).unwrap_or(false) {
            self.looked.insert(name.clone(), self.now());
            self.agenda.touch(name);
        }
        Ok(())
    }

    /// Whether it is known that nothing asks for a look, without reading anything: of most environments.
    pub(super) fn is_never_looked_at(&self, name: &EnvironmentName, env: &EnvironmentState) -> bool {
        let Some(applied) = env.applied.as_ref().filter(|applied| applied.revision.is_some()) else { return true };
        let quiet = |gates: &Gates| gates.drift.is_none() && (gates.deploy.windows.is_empty() || env.current.is_none());
        name.is_governance()
            || self.rhythms.get(name).is_some_and(|(commit, gates)| *commit == applied.commit && quiet(gates))
    }

    /// The environments that are to be looked at now.
    pub(super) fn due_to_look(&mut self) -> Result<Vec<EnvironmentName>, TickError> {
        self.agenda.passed(self.now());
        let environments = &self.state()?.environments;
        let is_looked_at = |(name, env): &(&EnvironmentName, &EnvironmentState)| !self.is_never_looked_at(name, env);
        let names = |(name, _): (&EnvironmentName, &EnvironmentState)| name.clone();
        let candidates: Vec<EnvironmentName> = match self.agenda.open().filter(|_| !self.is_thorough) {
            Some(open) => {
                let open = open.iter().filter_map(|name| environments.get_key_value(name));
                open.filter(is_looked_at).map(names).collect()
            }
            None => environments.iter().filter(is_looked_at).map(names).collect(),
        };
        let mut due = Vec::new();
        for name in candidates {
            let env = self.state()?.environment(&name);
            if self.is_due_to_look(&name, &env)? {
                due.push(name);
            }
        }
        Ok(due)
    }

    /// Nothing else is desired than what is in force: it is applied again where somebody wishes it, and put back where
    /// the host is found otherwise.
    pub(super) fn plan_towards_itself(
        &mut self,
        draft: &mut Draft,
        heads: Heads,
        name: &EnvironmentName,
        resolved: Resolved,
    ) -> Result<(), TickError> {
        let env = self.state()?.environment(name);
        let failed = env.deployment.as_ref().map(|deployment| &deployment.plan);
        if env.plans.iter().chain(failed).any(|plan| !plan.kind.is_towards_itself()) {
            // Of a change that was taken back.
            self.supersede(draft, heads, name)?;
        }
        let env = self.state()?.environment(name);
        let is_drift = |kind: PlanKind| kind == PlanKind::Drift;
        let failed = env.deployment.as_ref().map(|deployment| deployment.plan.kind);
        if env.redeploy.is_some() {
            let base = self.base(name, &env)?;
            return self.plan_towards(draft, heads, name, (base, Some(resolved)), Some(PlanKind::Redeploy));
        }
        if failed.is_some_and(is_drift) {
            // It is retried as it is.
            return self.set_problems(draft, heads, name, Vec::new());
        }
        let drift = self.in_force(name, &env)?.and_then(|gates| gates.drift.clone());
        let planned = env.current_plan().is_some_and(|plan| is_drift(plan.kind));
        let due = planned || env.invalid.is_some() || self.is_due_to_look(name, &env)?;
        match drift.filter(|_| due) {
            None => self.set_problems(draft, heads, name, Vec::new()),
            Some(drift) => self.plan_drift(draft, heads, name, &env, &resolved, drift.correct),
        }
    }

    fn plan_drift(
        &mut self,
        draft: &mut Draft,
        heads: Heads,
        name: &EnvironmentName,
        env: &EnvironmentState,
        resolved: &Resolved,
        is_corrected: bool,
    ) -> Result<(), TickError> {
        let base = self.base(name, env)?;
        let kind = Some(PlanKind::Drift);
        let composed = self.compose(name, env, env.next_number(), base.as_ref(), Some(resolved), kind)?;
        self.have_looked(name, env)?;
        let composed = match composed {
            Ok(composed) => composed,
            Err(problems) => return self.set_problems(draft, heads, name, problems),
        };
        let is_drifted = is_drifted(&composed);
        if is_corrected || is_drifted && self.stays(name, env, composed.plan.id(), draft.time)? {
            return self.set_problems(draft, heads, name, Vec::new());
        }
        let is_too_soon = !env.told.is_due(draft.time);
        if is_too_soon && is_drifted != env.current.is_some() {
            tracing::debug!(environment = %name, "the host changes again and again; it is told later");
            return self.set_problems(draft, heads, name, Vec::new());
        }
        if is_drifted {
            return self.publish(draft, heads, name, &composed, base.as_ref(), Some(resolved));
        }
        self.set_problems(draft, heads, name, Vec::new())?;
        // Also where somebody rejected it: nothing is left to put back.
        if env.current.is_some() {
            return self.emit(draft, Event::AsApplied { environment: name.clone() });
        }
        Ok(())
    }

    /// Whether the plan that waits stays for now, though the host has changed: that is corrected, somebody rejected it, or
    /// the host changes so often that telling every time would fill the journal.
    pub(super) fn stays(
        &mut self,
        name: &EnvironmentName,
        env: &EnvironmentState,
        id: PlanId,
        now: Timestamp,
    ) -> Result<bool, TickError> {
        let Some(current) = env.current else { return Ok(false) };
        if current == id {
            return Ok(false);
        }
        // What is put right at once need not be told in between.
        let gates = self.in_force(name, env)?;
        if gates.is_some_and(|gates| may_correct(env, &gates, now).is_some()) {
            return Ok(true);
        }
        if !env.told.is_due(now) {
            tracing::debug!(environment = %name, "the host changes again and again; it is told later");
            return Ok(true);
        }
        let verdict = self.verdict(name, env)?;
        Ok(verdict.is_some_and(|verdict| !verdict.rejected_by.is_empty()))
    }
}
