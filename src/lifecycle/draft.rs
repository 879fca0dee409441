//! A draft as the journal knows it: the branch `draft/<env>`, planned as if it were merged now.
//!
//! Its plans are kept apart from those of the config branch, so that nothing that looks for a plan to apply can come
//! across one. They become plans of the config branch by one event alone: that it desires the same.
//!
//! A draft moves no number and no round, so what it had before and has again is the same plan, by the same digest. Such a
//! plan rests meanwhile with all that was said on it: a rejection is not got rid of by changing a draft there and back.

use super::environment::{EnvironmentState, OpenPlan};
use super::state::{FoldError, State};
use crate::digest::{PlanId, RevisionId};
use crate::journal::{Event, NoPlan};
use crate::model::{EnvironmentName, Problem};
use crate::object::Oid;
use crate::plan::{Base, Contributor};

/// Where drafts are.
pub const DRAFTS: &str = "draft/";

/// So many plans of its drafts an environment keeps for one number and round.
pub const MOST_DRAFTED: usize = 500;

/// The branch of an environment's draft.
pub fn draft_branch(environment: &EnvironmentName) -> String {
    format!("{DRAFTS}{environment}")
}

/// What tells a draft's plan from one of the config branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drafted {
    /// The draft's tip.
    pub tip: Oid,
    /// The `environment.yaml` that the merge gives; `None` for a destroy.
    pub settings: Option<Oid>,
}

/// A draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftState {
    /// Its tip.
    pub tip: Oid,
    /// Its plan; `None` where there is none, or where the merge would give another one by now, which is planned next.
    pub current: Option<PlanId>,
    /// Why it has none, where it was held against the config branch and has none.
    pub unplanned: Option<(NoPlan, Vec<Problem>)>,
}

impl EnvironmentState {
    /// The plan of the draft that can be approved.
    pub fn draft_plan(&self) -> Option<&OpenPlan> {
        self.drafted.get(self.draft.as_ref()?.current?)
    }

    /// A plan that waits or rests, of the config branch or of the draft.
    pub(super) fn waiting_plan_mut(&mut self, id: PlanId) -> Option<&mut OpenPlan> {
        self.plans.get_mut(id).or_else(|| self.drafted.get_mut(id))
    }

    /// Whether something of the environment itself is known, by the config branch: a draft alone, and what was said on it,
    /// makes none.
    pub fn is_known(&self) -> bool {
        let said = Self {
            draft: self.draft.clone(),
            drafted: self.drafted.clone(),
            refused: self.refused.clone(),
            suspensions: self.suspensions.clone(),
            last_words: self.last_words.clone(),
            ..Self::default()
        };
        *self != said
    }

    /// The environment as it is once the config branch desires this revision: open plans of another one have ended, and
    /// the round has gone up.
    #[must_use]
    pub fn once_desired(&self, revision: Option<RevisionId>) -> Self {
        let (_, round, _) = self.place_once_desired(revision);
        let mut then = self.clone();
        then.redeploy = None;
        if round != self.round {
            then.round = round;
            then.plans.clear();
            then.current = None;
            then.deployment = None;
        }
        then
    }

    /// Number, round and base of a plan once the config branch desires this revision.
    fn place_once_desired(&self, revision: Option<RevisionId>) -> (u64, u64, Option<Base>) {
        let deploying = self.deployment.as_ref().map(|deployment| &deployment.plan);
        let moves = self.plans.iter().chain(deploying).any(|open| open.revision != revision);
        (self.next_number(), self.round + u64::from(moves), self.base())
    }

    /// Whether a draft's plan, with these contributors, waits and was made of this very tip: telling it would say nothing
    /// new.
    pub fn says_of_draft(&self, tip: Oid, plan: PlanId, contributors: &[Contributor]) -> bool {
        let waits = self.draft_plan().filter(|open| open.id == plan && open.contributors == contributors);
        waits.is_some_and(|open| open.drafted.is_some_and(|drafted| drafted.tip == tip))
    }

    /// A plan of the draft becomes one of the config branch: with all that was said on it.
    pub(super) fn take_from_draft(&mut self, plan: PlanId) -> Option<OpenPlan> {
        let taken = self.drafted.take(plan)?;
        self.forget_current_draft();
        Some(taken)
    }

    /// Gate: a draft's plan ends when number, round or base of the next merge are no longer its own.
    pub(super) fn end_stale_drafts(&mut self) {
        let mut drafted = std::mem::take(&mut self.drafted);
        drafted.retain(|plan| (plan.number, plan.round, plan.base) == self.place_once_desired(plan.revision));
        self.drafted = drafted;
        self.forget_current_draft();
    }

    fn forget_current_draft(&mut self) {
        if let Some(draft) = self.draft.as_mut() {
            draft.current = draft.current.filter(|id| self.drafted.contains(*id));
        }
    }

    /// Whether no more plans of drafts are made until number or round moves: those of before rest, and are kept.
    pub fn has_many_drafted(&self, plan: PlanId) -> bool {
        self.drafted.len() >= MOST_DRAFTED && !self.drafted.contains(plan)
    }
}

impl State {
    /// Folds what is told of a draft; any other event is none of this function's.
    pub(super) fn fold_draft(&mut self, event: &Event) -> Result<(), FoldError> {
        let (sequence, time) = (self.sequence, self.time);
        let wrong = |what: String| FoldError { sequence, what };
        if event.environment().is_some_and(EnvironmentName::is_governance) {
            return Err(wrong("a draft of the policy, which has none".to_owned()));
        }
        match event {
            Event::DraftPlanned { environment, draft, plan, number, round, base, revision, .. } => {
                let env = self.environments.get_or_new(environment);
                let then = env.once_desired(*revision);
                if env.is_busy() {
                    return Err(wrong(format!("a plan of the draft of {environment} while it is being deployed")));
                }
                if (*number, *round, *base) != (then.next_number(), then.round, then.base()) {
                    return Err(wrong(format!(
                        "plan {} of the draft of {environment} has number {number} round {round} or base, but merged it \
                         would have {} round {}",
                        plan.short(),
                        then.next_number(),
                        then.round
                    )));
                }
                if env.open_ids().contains(plan) {
                    let what =
                        format!("plan {} of the draft of {environment} is the config branch's own", plan.short());
                    return Err(wrong(what));
                }
                if env.has_other_named(*plan) {
                    return Err(wrong(format!("two plans of {environment} are both named {}", plan.short())));
                }
                let Some(mut open) = OpenPlan::of(event, time) else { return Ok(()) };
                if let Some(old) = env.drafted.take(*plan) {
                    open = open.following(old);
                }
                env.drafted.put(open);
                env.draft = Some(DraftState { tip: *draft, current: Some(*plan), unplanned: None });
            }
            Event::DraftUnplanned { environment, draft, why, problems, .. } => {
                if draft.is_none() != (*why == NoPlan::Gone) || problems.is_empty() == (*why == NoPlan::Problems) {
                    return Err(wrong(format!("a draft of {environment} without plan and without a reason for it")));
                }
                if draft.is_none() && self.environments.get(environment).is_none_or(|env| env.draft.is_none()) {
                    return Err(wrong(format!("a draft of {environment} is gone that never was")));
                }
                let env = self.environments.get_or_new(environment);
                let unplanned = Some((*why, problems.clone()));
                env.draft = draft.map(|tip| DraftState { tip, current: None, unplanned });
            }
            _ => {}
        }
        Ok(())
    }
}
