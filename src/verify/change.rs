//! What else can happen to a change: its plans end, it is recorded without effect, or it cannot be read.

use super::notes::Attested;
use super::planned::in_words;
use super::step::{At, Step};
use super::wanted::{TOGETHER, Wanted};
use crate::digest::{PlanId, RevisionId};
use crate::journal::Event;
use crate::lifecycle::{EnvironmentState, JudgeError, OpenPlan, judge_plan, refusals};
use crate::model::{EnvironmentName, Problem};
use crate::object::{ObjectError, Oid};
use crate::plan::compose::is_without_effect;
use crate::revision::Resolved;

impl Step<'_, '_> {
    /// Called before the event is folded.
    pub(super) fn superseded(
        &mut self,
        name: &EnvironmentName,
        commit: Oid,
        plans: &[PlanId],
    ) -> Result<(), ObjectError> {
        let at = At::environment(name);
        if commit != self.entry.heads.config {
            self.violated(at, "superseded", "names another commit than the config head");
        }
        let env = self.env(name);
        let ids = env.open_ids();
        if !ids.iter().eq(plans) {
            self.violated(at, "superseded: plans", "are not the open ones, each once and in order");
        }
        let moved = |to: Option<RevisionId>| ids.iter().filter_map(|id| env.open_plan(*id)).any(|p| p.revision != to);
        let wanted = self.wanted(name, &env)?;
        let is_right = match &wanted {
            Wanted::Nothing => false,
            Wanted::Problems(_) | Wanted::Gone => true,
            Wanted::Destroyed => moved(None) || env.redeploy.is_some(),
            Wanted::Present(desired) => {
                let is_imported = self.is_imported(name)?;
                let ends_wish = env.redeploy.is_some() && env.in_force_where(is_imported) != Some(desired.revision);
                moved(Some(desired.revision))
                    || ends_wish
                    || !refusals::owned_targets(&self.place.state, name, desired).is_empty()
                    || self.is_nothing_to_do(name, &env, desired)?
            }
        };
        let is_right = is_right || self.ends_with_history(name)?;
        if is_right {
            return Ok(());
        }
        let refused = self.entry.events.iter().any(|event| {
            matches!(event, Event::Invalid { environment, problems, .. } if environment == name && !problems.is_empty())
        });
        if refused {
            // What the operator's settings refuse is counted where it is told.
            return Ok(());
        }
        let what = format!("the plans were ended, though {}", in_words(&wanted));
        self.violated(at, "superseded", what);
        Ok(())
    }

    fn is_nothing_to_do(
        &mut self,
        name: &EnvironmentName,
        env: &EnvironmentState,
        desired: &Resolved,
    ) -> Result<bool, ObjectError> {
        let towards_itself = |id| env.open_plan(id).is_some_and(|plan| plan.kind.is_towards_itself());
        if env.uncertain || env.open_ids().into_iter().all(towards_itself) {
            return Ok(false);
        }
        let is_imported = self.is_imported(name)?;
        if env.in_force_where(is_imported) == Some(desired.revision) {
            return Ok(true);
        }
        Ok(!is_imported
            && env.exists()
            && self.base_of(name, env)?.is_some_and(|base| is_without_effect(&base, desired)))
    }

    /// Called before the event is folded.
    pub(super) fn recorded(
        &mut self,
        name: &EnvironmentName,
        revision: RevisionId,
        commit: Oid,
    ) -> Result<(), ObjectError> {
        let at = At::environment(name);
        if commit != self.entry.heads.config {
            self.violated(at, "recorded", "names another commit than the config head");
        }
        let env = self.env(name);
        let wanted = self.wanted(name, &env)?;
        let Wanted::Present(desired) = &wanted else {
            self.violated(at, "recorded", format!("nothing was to be recorded: {}", in_words(&wanted)));
            return Ok(());
        };
        if desired.revision != revision {
            let what = format!("revision {revision} was recorded, but the commit has {}", desired.revision);
            self.violated(at, "recorded", what);
        }
        for (_, problem) in refusals::owned_targets(&self.place.state, name, desired) {
            self.violated(at, "recorded", problem.to_string());
        }
        let has_base = env.exists() && !env.uncertain;
        let base = if has_base { self.base_of(name, &env)? } else { None };
        if !base.is_some_and(|base| is_without_effect(&base, desired)) {
            self.violated(at, "recorded", "a change with an effect was put in force without a plan");
        }
        if self.is_imported(name)? {
            self.violated(at, "recorded", "a change of what others import was put in force without a plan");
        }
        if env.in_force() == Some(revision) {
            self.violated(at, "recorded", "what is recorded was in force already");
        }
        Ok(())
    }

    /// Called before the event is folded.
    pub(super) fn invalid(
        &mut self,
        name: &EnvironmentName,
        commit: Oid,
        problems: &[Problem],
    ) -> Result<(), ObjectError> {
        let at = At::environment(name);
        if commit != self.entry.heads.config {
            self.violated(at, "invalid", "names another commit than the config head");
        }
        let env = self.env(name);
        let before = env.invalid.as_ref().map(|(problems, _)| problems.as_slice()).unwrap_or_default();
        if before == problems {
            self.violated(at, "invalid", "says what was said before");
        }
        match self.wanted(name, &env)? {
            Wanted::Problems(expected) if expected == problems => {}
            Wanted::Problems(expected) => {
                let said = problems.first().map_or_else(|| "nothing".to_owned(), ToString::to_string);
                let first = expected.first().map(ToString::to_string).unwrap_or_default();
                self.violated(at, "invalid", format!("says `{said}` where the commit has `{first}`"));
            }
            _ if problems.is_empty() => {}
            Wanted::Present(desired) => self.refused(name, &env, &desired, problems)?,
            Wanted::Destroyed => self.notes.attest(Attested::Refusals),
            other => self.violated(at, "invalid", format!("nothing is wrong: {}", in_words(&other))),
        }
        Ok(())
    }

    /// A readable configuration that was refused: what follows from the journal must be among the reasons, the rest is
    /// the operator's settings or the host.
    fn refused(
        &mut self,
        name: &EnvironmentName,
        env: &EnvironmentState,
        desired: &Resolved,
        problems: &[Problem],
    ) -> Result<(), ObjectError> {
        let owned: Vec<Problem> =
            refusals::owned_targets(&self.place.state, name, desired).into_iter().map(|(_, problem)| problem).collect();
        if let Some(left_out) = owned.iter().find(|problem| !problems.contains(problem)) {
            self.violated(At::environment(name), "invalid", format!("leaves out that {left_out}"));
        }
        let mut known = owned;
        known.push(refusals::nobody_contributed(name));
        known.extend(self.why_unjudgeable(name, env, desired)?);
        if !problems.iter().all(|problem| known.contains(problem)) {
            self.notes.attest(Attested::Refusals);
        }
        Ok(())
    }

    fn why_unjudgeable(
        &mut self,
        name: &EnvironmentName,
        env: &EnvironmentState,
        desired: &Resolved,
    ) -> Result<Option<Problem>, ObjectError> {
        let base = self.base_of(name, env)?;
        let plan = OpenPlan {
            id: crate::digest::PlanId(crate::digest::Digest::of("")),
            number: env.next_number(),
            round: env.round,
            kind: if env.is_at(desired.revision, self.is_imported(name)?) {
                env.kind_towards_itself()
            } else {
                self.place.state.kind_of(self.objects, self.hashes, name, base.as_deref(), Some(desired))?
            },
            base: env.base(),
            revision: Some(desired.revision),
            commit: self.entry.heads.config,
            truncated: false,
            contributors: Vec::new(),
            imports: desired.sources.clone(),
            removes: None,
            carries: Vec::new(),
            since: self.entry.time,
            shown: 0,
            renewed: 0,
            statements: Vec::new(),
            ready: Vec::new(),
            deploys: Vec::new(),
            spent: 0,
            drafted: None,
            drafted_by: Vec::new(),
        };
        let root = &self.place.state.start.root;
        match judge_plan(self.objects, root, &self.place.governance, name, env, &plan) {
            Ok(_) => Ok(None),
            Err(JudgeError::Object(error)) => Err(error),
            Err(error) => Ok(Some(refusals::cannot_be_judged(name, error.to_string()))),
        }
    }

    /// After an entry that read a new head, no plan lives on whose revision is no longer the desired one.
    pub(super) fn lives_on(&mut self) -> Result<(), ObjectError> {
        if self.read_before.config == self.entry.heads.config {
            return Ok(());
        }
        let open: Vec<EnvironmentName> = self
            .place
            .state
            .environments
            .iter()
            .filter(|(name, env)| !name.is_governance() && !env.is_busy() && !env.open_ids().is_empty())
            .map(|(name, _)| name.clone())
            .collect();
        for (at, name) in open.iter().enumerate() {
            if at % TOGETHER == 0 {
                self.foresee(&open[at..open.len().min(at + TOGETHER)]);
            }
            let env = self.env(name);
            let wanted = self.wanted(name, &env)?;
            let target = match &wanted {
                Wanted::Present(desired) => Some(Some(desired.revision)),
                Wanted::Destroyed => Some(None),
                Wanted::Nothing | Wanted::Gone | Wanted::Problems(_) => None,
            };
            let ids = env.open_ids();
            let stale = ids.iter().filter_map(|id| env.open_plan(*id)).find(|plan| Some(plan.revision) != target);
            if let Some(plan) = stale {
                let what = format!("plan {} lives on, though {}", plan.id.short(), in_words(&wanted));
                self.violated(At::environment(name), "entry.json: events", what);
            }
        }
        Ok(())
    }
}
