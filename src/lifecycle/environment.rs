//! What the journal says about one environment.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::correction::{Correcting, Corrections};
use super::damped::Damped;
use super::draft::{DraftState, Drafted};
use super::plans::Plans;
use crate::digest::{PlanId, RevisionId, StatementId};
use crate::few::Few;
use crate::journal::{
    Admission, Claim, Event, Judged, MetRule, OutcomeResult, ReadyMade, ReadyWord, ServiceOutcome, StartedBy,
};
use crate::model::{PersonName, Problem, RulesetName};
use crate::object::Oid;
use crate::plan::{Base, Contributor, PlanKind};
use crate::revision::Sources;

/// How many deployments an environment's page lists.
pub const HISTORY_SHOWN: usize = 10;

/// One environment, as the journal's events leave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentState {
    /// The round: starts at 1, only goes up, never restarts for a name.
    pub round: u64,
    /// The highest number consumed; 0 before the first.
    pub consumed: u64,
    /// The last successful deployment.
    pub applied: Option<Applied>,
    /// A later revision without effect, recorded without approval: its revision and config commit.
    pub recorded: Option<(RevisionId, Oid)>,
    /// The plans of this number and round that have not ended, by digest. One that is being deployed is not among them:
    /// there is one copy of a plan, so that what is said on it is heard wherever it is judged.
    pub plans: Plans,
    /// The plans of this number that ended and that something was said on, in the order in which they ended: what their
    /// approvals are carried over from.
    pub earlier: Vec<OpenPlan>,
    /// The entry that ended plans last.
    pub superseded: u64,
    /// The one that waits; the others rest (live state changed and may change back).
    pub current: Option<PlanId>,
    /// What is wrong with the desired configuration, and at which config commit.
    pub invalid: Option<(Vec<Problem>, Oid)>,
    /// The deployment that is running or failed.
    pub deployment: Option<Box<Deployment>>,
    /// The correction that is running.
    pub correcting: Option<Box<Correcting>>,
    /// Somebody's wish that what is applied be applied again, with the sequence of the entry that judged it.
    pub redeploy: Option<Box<(u64, Judged)>>,
    /// How often something was told because the host changed by itself, since somebody last did something else.
    pub told: Damped,
    /// What is there may not be what was applied: a later deployment ended part-way or unknown. Cleared by the next
    /// one that succeeds; until then even a return to the applied revision is a change.
    pub uncertain: bool,
    /// Attempts made under a number, abandoned ones included.
    pub attempts: (u64, u64),
    /// The last deployments, newest first, at most [`HISTORY_SHOWN`].
    pub history: Vec<HistoryRow>,
    /// Statements that were refused before any plan could be found for them, newest last, for the status; requests that
    /// give nothing too.
    pub refused: Vec<Judged>,
    /// The suspensions that stand, with the sequence of the entry that judged each: nothing is claimed meanwhile.
    pub suspensions: Vec<(u64, Judged)>,
    /// Each person's last statement in the environment that was not refused, on a plan or not, with the sequence of its
    /// entry: their next request names it.
    pub last_words: Few<PersonName, (StatementId, u64)>,
    /// The draft that would change it, where there is one.
    pub draft: Option<DraftState>,
    /// The plans of drafts that have not ended, by digest, with the number and round of the next merge: the one of
    /// `draft`, and others that rest. None of them is among `plans`.
    pub drafted: Plans,
}

/// A successful deployment: the base of the next plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Its number.
    pub number: u64,
    /// The attempt that succeeded.
    pub attempt: u64,
    /// Its plan.
    pub plan: PlanId,
    /// What it was for.
    pub kind: PlanKind,
    /// Its revision; `None` after a destroy.
    pub revision: Option<RevisionId>,
    /// The config commit it was claimed from.
    pub commit: Oid,
    /// Where each of its imports is from.
    pub imports: Sources,
    /// When.
    pub time: Timestamp,
    /// What became of its drift.
    pub corrections: Corrections,
}

/// A plan that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenPlan {
    /// Its digest.
    pub id: PlanId,
    /// Its number.
    pub number: u64,
    /// Its round.
    pub round: u64,
    /// Its kind.
    pub kind: PlanKind,
    /// Its base.
    pub base: Option<Base>,
    /// Its desired revision.
    pub revision: Option<RevisionId>,
    /// The config commit it was computed from.
    pub commit: Oid,
    /// Whether the preview shown was cut.
    pub truncated: bool,
    /// Who contributed.
    pub contributors: Vec<Contributor>,
    /// Where each of its imports is from.
    pub imports: Sources,
    /// What it takes away; `None` where nobody compares it.
    pub removes: Option<BTreeSet<String>>,
    /// The rulesets that carry approvals over, as its pages say.
    pub carries: Vec<RulesetName>,
    /// When it was first published.
    pub since: Timestamp,
    /// The entry that published it, or brought it back from its rest.
    pub shown: u64,
    /// What the entries up to this one judged carries over to no other plan: the policy, or who contributed, was another.
    pub renewed: u64,
    /// Every statement on it, in the order judged, with the sequence of the entry that judged it.
    pub statements: Vec<(u64, Judged)>,
    /// The ready-made commits, with the time of the entry that published each.
    pub ready: Vec<(Timestamp, ReadyMade)>,
    /// The requests to deploy it, in the order judged, with the sequence of the entry that judged each; those that were
    /// not admitted too.
    pub deploys: Vec<(u64, Judged)>,
    /// The entry that claimed it last, 0 where none did: what was asked up to then is spent, abandoned or not.
    pub spent: u64,
    /// Of which draft it is a plan; `None` for one of the config branch, which alone can be applied.
    pub drafted: Option<Drafted>,
    /// Who contributed while it was a draft's plan: a squash drops their names, and must not let them approve their own
    /// work.
    pub drafted_by: Vec<Contributor>,
}

/// A deployment that is running or failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// The plan, with its statements: a retry is judged by them.
    pub plan: OpenPlan,
    /// The claim.
    pub claim: Claim,
    /// When it was claimed.
    pub claimed: Timestamp,
    /// The outcome, once there is one: [`OutcomeResult::Failed`] only, anything else closes the deployment.
    pub failed: Option<(Timestamp, Vec<ServiceOutcome>, String)>,
    /// The request that closed it while it was running: it goes no further.
    pub closed: Option<Judged>,
    /// The statement by which it was started, where it was one; spent once an attempt was abandoned.
    pub started: Option<Judged>,
}

/// A deployment, for the list people read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRow {
    /// The number.
    pub number: u64,
    /// The attempt.
    pub attempt: u64,
    /// What it was for.
    pub kind: PlanKind,
    /// Whether it corrected drift, which was asked of nobody.
    pub corrects: bool,
    /// The plan.
    pub plan: PlanId,
    /// The revision.
    pub revision: Option<RevisionId>,
    /// What met each rule.
    pub met: Vec<MetRule>,
    /// By whose word it started.
    pub started: Option<StartedBy>,
    /// The reasons the approvers gave, in order.
    pub reasons: Vec<(PersonName, String)>,
    /// When it was claimed.
    pub claimed: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// How.
    pub result: OutcomeResult,
    /// For people.
    pub message: String,
}

impl Default for EnvironmentState {
    fn default() -> Self {
        Self {
            round: 1,
            consumed: 0,
            applied: None,
            recorded: None,
            plans: Plans::default(),
            earlier: Vec::new(),
            superseded: 0,
            current: None,
            invalid: None,
            deployment: None,
            correcting: None,
            redeploy: None,
            told: Damped::default(),
            uncertain: false,
            attempts: (0, 0),
            history: Vec::new(),
            refused: Vec::new(),
            suspensions: Vec::new(),
            last_words: Few::default(),
            draft: None,
            drafted: Plans::default(),
        }
    }
}

impl OpenPlan {
    /// The plan that a `planned` or `draftPlanned` event opens, without statements yet; `None` for any other event.
    pub fn of(event: &Event, since: Timestamp) -> Option<Self> {
        let (Event::Planned {
            plan,
            number,
            round,
            kind,
            base,
            revision,
            commit,
            truncated,
            contributors,
            imports,
            ..
        }
        | Event::DraftPlanned {
            plan,
            number,
            round,
            kind,
            base,
            revision,
            commit,
            truncated,
            contributors,
            imports,
            ..
        }) = event
        else {
            return None;
        };
        let drafted = match event {
            Event::DraftPlanned { draft, settings, .. } => Some(Drafted { tip: *draft, settings: *settings }),
            _ => None,
        };
        // Nothing carries over to a draft's plan, before it is the config branch's.
        let (removes, carries) = match event {
            Event::Planned { removes, carries, .. } => (removes.clone(), carries.clone()),
            _ => (None, Vec::new()),
        };
        Some(Self {
            id: *plan,
            number: *number,
            round: *round,
            kind: *kind,
            base: *base,
            revision: *revision,
            commit: *commit,
            truncated: *truncated,
            contributors: contributors.clone(),
            imports: imports.clone(),
            removes,
            carries,
            since,
            shown: 0,
            renewed: 0,
            statements: Vec::new(),
            ready: Vec::new(),
            deploys: Vec::new(),
            spent: 0,
            drafted,
            drafted_by: Vec::new(),
        })
    }

    /// The same plan, told anew, with what was said on it before.
    pub(super) fn following(self, old: Self) -> Self {
        let mut drafted_by = old.drafted_by;
        if old.drafted.is_some() {
            drafted_by.extend(old.contributors.into_iter().filter(|one| !self.contributors.contains(one)));
            drafted_by.sort();
            drafted_by.dedup();
        }
        Self {
            since: old.since,
            statements: old.statements,
            ready: old.ready,
            deploys: old.deploys,
            spent: old.spent,
            drafted_by,
            ..self
        }
    }

    /// The words that it be deployed which no claim has spent, in the order judged: requests, and approvals that say so.
    pub fn asked(&self) -> Vec<&(u64, Judged)> {
        let approvals = self.statements.iter().filter(|(_, judged)| judged.deploy && judged.plain.is_none());
        let approvals = approvals.filter(|(_, judged)| self.stands(judged));
        let mut asked: Vec<&(u64, Judged)> = self.deploys.iter().chain(approvals).collect();
        asked.retain(|(sequence, judged)| judged.admitted == Admission::Admitted && *sequence > self.spent);
        asked.sort_by_key(|(sequence, _)| *sequence);
        asked
    }

    /// Whether an approval is its maker's last admitted word on the plan.
    fn stands(&self, judged: &Judged) -> bool {
        let theirs = |other: &&(u64, Judged)| other.1.by == judged.by && other.1.admitted == Admission::Admitted;
        self.statements.iter().rfind(theirs).is_some_and(|(_, last)| last == judged)
    }

    /// The statements alone.
    pub fn judged(&self) -> Vec<Judged> {
        self.statements.iter().map(|(_, judged)| judged.clone()).collect()
    }

    /// The newest ready-made commit for a word.
    pub fn newest_ready(&self, says: ReadyWord) -> Option<&ReadyMade> {
        self.ready.iter().rev().map(|(_, ready)| ready).find(|ready| ready.says == says)
    }
}

impl EnvironmentState {
    /// The number the next plan takes.
    pub fn next_number(&self) -> u64 {
        self.consumed + 1
    }

    /// Adds a deployment to the list.
    pub(super) fn list(&mut self, row: HistoryRow) {
        self.history.truncate(HISTORY_SHOWN - 1);
        self.history.reserve_exact(1);
        self.history.insert(0, row);
    }

    /// Whether this plan waits and nothing else is said: telling it, with these contributors and these rulesets that carry
    /// approvals over, would say nothing new.
    pub fn says(&self, plan: PlanId, contributors: &[Contributor], carries: &[RulesetName]) -> bool {
        let waits = self.current == Some(plan) && self.invalid.is_none();
        waits && self.current_plan().is_some_and(|open| open.contributors == contributors && open.carries == carries)
    }

    /// The plan that waits.
    pub fn current_plan(&self) -> Option<&OpenPlan> {
        self.plans.get(self.current?)
    }

    /// A plan that has not ended, waiting, resting, running or to be retried, or of the draft.
    pub fn open_plan(&self, id: PlanId) -> Option<&OpenPlan> {
        let deploying = self.deployment.as_ref().map(|deployment| &deployment.plan).filter(|plan| plan.id == id);
        self.plans.get(id).or(deploying).or_else(|| self.drafted.get(id))
    }

    /// Whether another plan that has not ended has the short name of this one.
    pub fn has_other_named(&self, id: PlanId) -> bool {
        let others = self.open_ids().into_iter().chain(self.drafted.ids());
        others.into_iter().any(|other| other != id && other.short() == id.short())
    }

    pub(super) fn open_plan_mut(&mut self, id: PlanId) -> Option<&mut OpenPlan> {
        let deploying = self.deployment.as_mut().map(|deployment| &mut deployment.plan).filter(|plan| plan.id == id);
        self.plans.get_mut(id).or(deploying).or_else(|| self.drafted.get_mut(id))
    }

    /// The base of the next plan.
    pub fn base(&self) -> Option<Base> {
        self.applied.as_ref().map(|applied| Base { number: applied.number, revision: applied.revision })
    }

    /// Whether something of it is, or may be, there: it was applied and not destroyed.
    pub fn exists(&self) -> bool {
        self.applied.as_ref().is_some_and(|applied| applied.revision.is_some())
    }

    /// The revision that is in force: the recorded one, else the applied one.
    pub fn in_force(&self) -> Option<RevisionId> {
        self.recorded.map(|(revision, _)| revision).or_else(|| self.applied.as_ref().and_then(|a| a.revision))
    }

    /// A claim without outcome.
    pub fn running(&self) -> Option<&Deployment> {
        self.deployment.as_deref().filter(|deployment| deployment.failed.is_none())
    }

    /// Whether a claim is without outcome, a correction's included.
    pub fn is_busy(&self) -> bool {
        self.running().is_some() || self.correcting.is_some()
    }

    /// Whose suspensions stand, each person once, in the order in which they were made.
    pub fn suspended_by(&self) -> Vec<PersonName> {
        let mut people: Vec<PersonName> = Vec::new();
        for by in self.suspensions.iter().filter_map(|(_, judged)| judged.by.as_ref()) {
            if !people.contains(by) {
                people.push(by.clone());
            }
        }
        people
    }

    /// The digests of every plan that has not ended, but for those of the draft.
    pub fn open_ids(&self) -> BTreeSet<PlanId> {
        let deploying = self.deployment.as_ref().map(|deployment| deployment.plan.id);
        self.plans.ids().chain(deploying).collect()
    }

    /// The attempt number a claim under this number would take.
    pub fn next_attempt(&self, number: u64) -> u64 {
        if self.attempts.0 == number { self.attempts.1 + 1 } else { 1 }
    }
}
