//! Everything the journal says, folded event by event.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::accepted::Accepted;
use super::damped::Damped;
use super::environment::{EnvironmentState, OpenPlan};
use crate::digest::{PlanId, RepositoryId, RevisionId, StatementId};
use crate::journal::{Admission, Event, Heads, JournalEntry, Judged, Layout, ReadyMade};
use crate::model::{ApprovalVerdict, EnvironmentName};
use crate::object::Oid;
use crate::plan::PlanKind;
use crate::revision::Source;

mod deployment;
mod environments;
mod index;
mod targets;

pub use environments::Environments;
pub use index::Index;
pub use targets::{Targets, overlapping};

/// Why an entry cannot follow what came before it: the journal is not ours, or was tampered with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("journal entry {sequence}: {what}")]
pub struct FoldError {
    /// The entry.
    pub sequence: u64,
    /// What is wrong.
    pub what: String,
}

/// What the first entry fixed for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The journal's branch.
    pub journal: String,
    /// The config branch.
    pub branch: String,
    /// The root folder, without slashes around it (`""` is the repository's root).
    pub root: String,
    /// How environments are laid out on the journal.
    pub layout: Layout,
    /// The prefix of ready-made branches.
    pub prefix: String,
    /// The revision of policy 1: the operator's pin.
    pub policy: RevisionId,
}

impl Start {
    /// What a first entry fixes; `None` where it is none.
    pub fn of(entry: &JournalEntry) -> Option<Self> {
        let Some(Event::Started { journal, branch, root, layout, prefix, policy, .. }) = entry.events.first() else {
            return None;
        };
        Some(Self {
            journal: journal.clone(),
            branch: branch.clone(),
            root: root.trim_matches('/').to_owned(),
            layout: *layout,
            prefix: prefix.clone(),
            policy: *policy,
        })
    }
}

/// An alarm, as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// When it was raised.
    pub time: Timestamp,
    /// The environment it concerns.
    pub environment: Option<EnvironmentName>,
    /// What, for people.
    pub message: String,
}

/// How many alarms are remembered.
const ALARMS_SHOWN: usize = 10;

/// The policy in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyInForce {
    /// 1, 2, 3 …
    pub version: u64,
    /// The revision of `governance/`.
    pub revision: RevisionId,
    /// The config commit it was read from.
    pub commit: Oid,
}

/// What is judged once: a statement. The merge of several ready-made commits at once is one object and several
/// statements, so the digest alone does not name one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct JudgedKey {
    digest: StatementId,
    plan: Option<PlanId>,
    verdict: Option<ApprovalVerdict>,
    deploy: bool,
}

impl JudgedKey {
    /// The key of a judged statement.
    pub fn of(judged: &Judged) -> Self {
        let Judged { digest, plan, verdict, deploy, .. } = judged;
        Self { digest: *digest, plan: *plan, verdict: *verdict, deploy: *deploy }
    }
}

/// Everything the journal says.
#[derive(Debug, Clone)]
pub struct State {
    /// The repository's identity.
    pub repository: RepositoryId,
    /// What the first entry fixed.
    pub start: Start,
    /// The policy that an operator pinned last: policy 1, unless a later pin brought another into force.
    pub pinned: RevisionId,
    /// Rewritten history that an operator accepted, and that was not read yet.
    pub accepted: Accepted,
    /// The last entry's sequence.
    pub sequence: u64,
    /// The last entry's time.
    pub time: Timestamp,
    /// What was read last.
    pub heads: Heads,
    /// The policy in force; `None` only between the first event and the second.
    pub policy: Option<PolicyInForce>,
    /// Every environment that was ever on the journal.
    pub environments: Environments,
    /// Every ready-made commit that was ever published, with the sequence of its entry.
    pub ready: HashMap<Oid, (u64, ReadyMade)>,
    /// Every statement ever judged.
    pub judged: HashSet<JudgedKey>,
    /// Who owns which target.
    pub targets: Targets,
    /// Every revision that was ever applied, as it was last: what imports can be pinned to.
    pub deployed: BTreeMap<(EnvironmentName, RevisionId), Source>,
    /// The last alarms, newest first: kept here so that what people see does not depend on when the daemon started.
    pub alarms: Vec<Alarm>,
    /// What follows from the environments taken together.
    pub index: Index,
}

impl State {
    /// The state after the first entry.
    ///
    /// # Errors
    /// [`FoldError`] where it is no first entry.
    pub fn begin(entry: &JournalEntry) -> Result<Self, FoldError> {
        let wrong = |what: &str| FoldError { sequence: entry.sequence, what: what.to_owned() };
        let start = Start::of(entry).ok_or_else(|| wrong("the first entry must begin with `started`"))?;
        if entry.sequence != 0 || entry.previous.is_some() {
            return Err(wrong("the first entry must have sequence 0 and no previous one"));
        }
        let mut state = Self {
            repository: entry.repository(),
            pinned: start.policy,
            start,
            accepted: Accepted::default(),
            sequence: 0,
            time: entry.time,
            heads: entry.heads,
            policy: None,
            environments: Environments::default(),
            ready: HashMap::new(),
            judged: HashSet::new(),
            targets: Targets::default(),
            deployed: BTreeMap::new(),
            alarms: Vec::new(),
            index: Index::default(),
        };
        for event in &entry.events[1..] {
            state.fold(event)?;
        }
        match state.policy {
            Some(PolicyInForce { version: 1, revision, .. }) if revision == state.start.policy => Ok(state),
            _ => Err(wrong("the first entry must bring policy 1, the one that is pinned")),
        }
    }

    /// The state after one more entry.
    ///
    /// # Errors
    /// [`FoldError`] where it cannot follow; the state is then unusable.
    pub fn apply(&mut self, entry: &JournalEntry) -> Result<(), FoldError> {
        let wrong = |what: String| FoldError { sequence: entry.sequence, what };
        if entry.sequence != self.sequence + 1 {
            return Err(wrong(format!("follows entry {}", self.sequence)));
        }
        if entry.policy != self.policy.map_or(0, |policy| policy.version) {
            return Err(wrong(format!("names policy {}, which is not in force", entry.policy)));
        }
        self.open_entry(entry.time, entry.heads);
        for event in &entry.events {
            self.fold(event)?;
        }
        Ok(())
    }

    /// Begins the next entry: its events follow by [`State::fold`]. Whoever writes an entry uses this; whoever reads
    /// one uses [`State::apply`].
    pub fn open_entry(&mut self, time: Timestamp, heads: Heads) {
        self.sequence += 1;
        self.time = time;
        self.accepted.read(self.heads, heads);
        self.heads = heads;
    }

    /// The environments whose pages an event changes: the one it is about (not what only a statement's folder names),
    /// and where the policy moves everything that waits, since all of it is judged anew.
    pub fn touched_by(&self, event: &Event) -> Vec<EnvironmentName> {
        if event.moves_policy() {
            let waits = |env: &EnvironmentState| {
                env.current.is_some() || env.deployment.is_some() || env.draft_plan().is_some()
            };
            return self.environments.iter().filter(|(_, env)| waits(env)).map(|(name, _)| name.clone()).collect();
        }
        event.environment().filter(|name| self.environments.contains_key(*name)).cloned().into_iter().collect()
    }

    /// An environment, empty where the journal never named it.
    pub fn environment(&self, name: &EnvironmentName) -> Arc<EnvironmentState> {
        self.environments.shared(name).unwrap_or_default()
    }

    /// Adds one event of the entry that was opened last.
    ///
    /// # Errors
    /// [`FoldError`] where it cannot follow; the state is then unusable.
    pub fn fold(&mut self, event: &Event) -> Result<(), FoldError> {
        let (sequence, time) = (self.sequence, self.time);
        let wrong = |what: String| FoldError { sequence, what };
        match event {
            Event::Started { .. } => return Err(wrong("`started` a second time".to_owned())),
            Event::PolicyAdmitted { version, revision, commit } => {
                let next = self.policy.map_or(1, |policy| policy.version + 1);
                if *version != next {
                    return Err(wrong(format!("policy {version} cannot follow policy {}", next - 1)));
                }
                if self.policy.is_some() {
                    let env = self.environment(&EnvironmentName::governance());
                    let claimed = env.running().filter(|running| running.plan.revision == Some(*revision));
                    if claimed.is_none_or(|running| running.claim.heads.config != *commit) {
                        return Err(wrong(format!("policy {version} comes into force without a claim for it")));
                    }
                }
                self.policy = Some(PolicyInForce { version: *version, revision: *revision, commit: *commit });
                self.carry_nothing(sequence);
            }
            Event::HistoryAccepted { branch, old, new } => self.fold_accepted(branch, *old, *new)?,
            Event::PolicyPinned { version, revision, commit } => self.fold_pinned(*version, *revision, *commit)?,
            Event::Statement(judged) => self.fold_statement(judged)?,
            Event::Planned { environment, plan, number, round, kind, base, .. } => {
                let env = self.environments.get_or_new(environment);
                if *number != env.next_number() || *round != env.round {
                    return Err(wrong(format!(
                        "plan {} of {environment} has number {number} round {round}, but {} round {} is next",
                        plan.short(),
                        env.next_number(),
                        env.round
                    )));
                }
                if *base != env.base() {
                    return Err(wrong(format!("plan {} of {environment} has another base", plan.short())));
                }
                if env.has_other_named(*plan) {
                    return Err(wrong(format!("two plans of {environment} are both named {}", plan.short())));
                }
                if env.is_busy() {
                    return Err(wrong(format!("a plan of {environment} while it is being deployed")));
                }
                // The host changed by itself, beneath a change that stays as it is or beneath none.
                let by_itself = env.current.map_or(*kind == PlanKind::Drift, |current| current != *plan);
                if by_itself {
                    env.told = env.told.again(time);
                }
                let Some(mut open) = OpenPlan::of(event, time) else { return Ok(()) };
                env.begin_change(sequence, *number);
                env.invalid = None;
                env.deployment = None;
                open.shown = sequence;
                // Merged unchanged, a draft's plan goes on with all that was said on it.
                if let Some(old) = env.plans.take(*plan).or_else(|| env.take_from_draft(*plan)) {
                    open.renewed = if old.has_same_people(&open) { old.renewed } else { sequence };
                    open.shown = if env.current == Some(*plan) { old.shown } else { sequence };
                    open = open.following(old);
                }
                env.plans.put(open);
                env.current = Some(*plan);
            }
            Event::Superseded { environment, plans, round, .. } => {
                let env = self.known(environment)?;
                if *round != env.round + 1
                    || plans.iter().copied().collect::<std::collections::BTreeSet<_>>() != env.open_ids()
                {
                    return Err(wrong(format!(
                        "{environment}: a round that does not follow, or other plans than the open ones"
                    )));
                }
                if env.running().is_some() {
                    return Err(wrong(format!("{environment}: superseded while it is being deployed")));
                }
                env.round = *round;
                env.end_plans();
                env.superseded = sequence;
                env.current = None;
                env.deployment = None;
                env.refused.clear();
                env.told = Damped::default();
                if let Some(wish) = env.end_redeploy() {
                    env.keep_refused(&wish);
                }
            }
            Event::Recorded { environment, revision, commit } => {
                let env = self.known(environment)?;
                if !env.plans.is_empty() || env.deployment.is_some() || env.correcting.is_some() {
                    return Err(wrong(format!("{environment}: recorded while a plan is open")));
                }
                env.recorded = Some((*revision, *commit));
                env.earlier.clear();
                env.invalid = None;
            }
            Event::Invalid { environment, commit, problems } => {
                let env = self.environments.get_or_new(environment);
                env.invalid = (!problems.is_empty()).then(|| (problems.clone(), *commit));
            }
            Event::Ready(ready) => {
                self.ready.insert(ready.commit, (sequence, ready.clone()));
                let env = self.known(&ready.environment)?;
                let plan = env.waiting_plan_mut(ready.plan).ok_or_else(|| {
                    wrong(format!("a ready-made commit for plan {}, which does not wait", ready.plan.short()))
                })?;
                let next = plan.newest_ready(ready.says).map_or(1, |newest| newest.n + 1);
                if ready.n != next {
                    return Err(wrong(format!("ready-made commit {} where {next} is next", ready.n)));
                }
                plan.ready.push((time, ready.clone()));
            }
            Event::DraftPlanned { .. } | Event::DraftUnplanned { .. } => self.fold_draft(event)?,
            Event::Claimed(claim) => match &claim.drift {
                Some(found) => self.fold_correction(claim, found)?,
                None => self.fold_claim(claim)?,
            },
            Event::AsApplied { environment } => self.fold_as_applied(environment)?,
            Event::Outcome { environment, number, attempt, result, services, message } => {
                self.fold_outcome(environment, (*number, *attempt), *result, services, message)?;
            }
            Event::Alarm { environment, message } => {
                self.raise(environment.clone(), message.clone());
            }
        }
        // What else an event changes of an environment it is not about (a policy, of all of them) is not in the index.
        if let Some((name, env)) = event.environment().and_then(|name| Some((name, self.environments.get_mut(name)?))) {
            env.end_stale_drafts();
            self.index.note(name, env);
        }
        Ok(())
    }

    /// Remembers an alarm of the entry that was opened last.
    pub(super) fn raise(&mut self, environment: Option<EnvironmentName>, message: String) {
        self.alarms.insert(0, Alarm { time: self.time, environment, message });
        self.alarms.truncate(ALARMS_SHOWN);
    }

    pub(super) fn known(&mut self, name: &EnvironmentName) -> Result<&mut EnvironmentState, FoldError> {
        let sequence = self.sequence;
        self.environments
            .get_mut(name)
            .ok_or_else(|| FoldError { sequence, what: format!("{name} is not on the journal yet") })
    }

    fn fold_statement(&mut self, judged: &Judged) -> Result<(), FoldError> {
        let sequence = self.sequence;
        if !self.judged.insert(JudgedKey::of(judged)) {
            return Err(FoldError { sequence, what: format!("statement {} is judged twice", judged.digest.short()) });
        }
        // A folder below approvals/ makes no environment: whoever may push could make any number of them. The policy is
        // always there.
        if judged.environment.is_governance() {
            self.environments.get_or_new(&judged.environment);
        }
        let mut env = self.environments.get_mut(&judged.environment);
        if let Some(env) = env.as_mut() {
            env.hear(sequence, judged);
        }
        if let Some(action) = &judged.request {
            return match env {
                Some(env) => env.fold_request(sequence, judged, action).map_err(|what| FoldError { sequence, what }),
                None if judged.admitted == Admission::Admitted => {
                    let what = format!("a request is admitted for {}, which is not on the journal", judged.environment);
                    Err(FoldError { sequence, what })
                }
                None => Ok(()),
            };
        }
        match judged.plan.and_then(|plan| env.as_mut()?.open_plan_mut(plan)) {
            Some(plan) => plan.statements.push((sequence, judged.clone())),
            None if judged.admitted == Admission::Admitted => {
                let what = format!("statement {} is admitted for a plan that is not open", judged.digest.short());
                return Err(FoldError { sequence, what });
            }
            None => {
                if let Some(env) = env {
                    env.keep_refused(judged);
                }
            }
        }
        Ok(())
    }

    /// The environment that owns a target equal to, above or below this one, other than `name`.
    pub fn other_owner(&self, name: &EnvironmentName, target: &str) -> Option<(&str, &EnvironmentName)> {
        self.targets.other_owner(name, target)
    }

    /// The ready-made commit of this id.
    pub fn ready_made(&self, commit: Oid) -> Option<ReadyMade> {
        self.ready.get(&commit).map(|(_, ready)| ready.clone())
    }

    /// Every plan, of the config branch or of a draft, that waits or rests and has ready-made commits.
    pub fn offered_plans<'a>(&'a self) -> impl Iterator<Item = (&'a EnvironmentName, &'a OpenPlan)> {
        let all = |env: &'a EnvironmentState| env.plans.iter().chain(env.drafted.iter());
        let offered = self.index.offered().filter_map(|name| self.environments.get_key_value(name));
        let plans = offered.flat_map(move |(name, env)| all(env).map(move |plan| (name, plan)));
        plans.filter(|(_, plan)| !plan.ready.is_empty())
    }

    /// Whether any plan of this environment, ended or not, is known by this id. Used to tell "ended" from "never was".
    pub fn was_planned(&self, environment: &EnvironmentName, plan: PlanId) -> bool {
        self.environments
            .get(environment)
            .is_some_and(|env| env.open_plan(plan).is_some() || env.history.iter().any(|row| row.plan == plan))
    }
}
