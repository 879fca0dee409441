//! One entry: its events one by one, each held against what it must be before it is folded.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use super::ahead::planned;
use super::notes::{Attested, Finding, Notes};
use super::planned::PublishedPlan;
use super::prover::{Place, Prover};
use super::tree::{Changed, Expected};
use super::wanted::TOGETHER;
use crate::digest::{Digest, PlanId, RevisionId};
use crate::evidence::graph::Graph;
use crate::journal::read::governance_of;
use crate::journal::{EntryCommit, Event, Heads, JournalEntry, JournalError};
use crate::lifecycle::{Accepted, EnvironmentState, JudgeError, draft_verdict_on, verdict_on};
use crate::model::{EnvironmentName, Governance, PublicKey};
use crate::object::{Commit, Mode, ObjectError, Objects, Oid, entry_at};
use crate::plan::PlanDocument;
use crate::policy::Verdict;
use crate::revision::Hashes;

/// An entry that is being looked at.
pub(super) struct Step<'s, 'a> {
    pub objects: &'a (dyn Objects + Sync),
    pub graph: &'a Graph<'a>,
    pub hashes: &'a Hashes,
    pub notes: &'s mut Notes,
    pub place: &'s mut Place,
    pub entry: &'s JournalEntry,
    pub commit: &'s Commit,
    /// The entry before: commit, tree, and the digest of the raw commit.
    pub before: Option<(Oid, Oid, Digest)>,
    /// What the entry before had read.
    pub read_before: Heads,
    /// What an operator had accepted that was not read yet.
    pub accepted_before: Accepted,
    /// The policy that the reader trusts.
    pub pin: Option<RevisionId>,
    /// The policy that was in force before this entry moved it.
    pub governance_before: Arc<Governance>,
    /// The verdicts on their plans, and on those of their drafts, likewise.
    verdicts: RefCell<HashMap<EnvironmentName, Rc<Verdicts>>>,
    /// The plan of an environment, by its number and name, as the entry before left it: read last.
    pub plan_before: RefCell<Option<(Asked, Rc<PlanDocument>)>>,
    /// Whose key signed this one.
    pub signer: Option<PublicKey>,
    /// What it changed, where that was read ahead.
    pub changed: Option<Changed>,
    /// What the files of this entry must be.
    pub expected: BTreeMap<String, Expected>,
    /// So many bytes of them wait to be compared.
    pub waiting: usize,
    /// The alarms that follow from the repository.
    pub proven_alarms: Vec<(EnvironmentName, String)>,
    /// The plans of drafts that it publishes, for their pages.
    pub published_drafts: BTreeMap<EnvironmentName, PublishedPlan>,
}

/// The environment, the number and the name of a plan that was asked for.
pub(super) type Asked = (EnvironmentName, u64, PlanId);

/// The verdicts on the plan that an environment's status speaks of, and on its draft's.
pub(super) struct Verdicts {
    pub plan: Result<Option<Verdict>, JudgeError>,
    pub draft: Result<Option<Verdict>, JudgeError>,
}

/// Where a finding is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct At<'n> {
    pub environment: Option<&'n EnvironmentName>,
    pub deployment: Option<u64>,
}

impl<'n> At<'n> {
    pub fn environment(name: &'n EnvironmentName) -> Self {
        Self { environment: Some(name), deployment: None }
    }

    pub fn deployment(name: &'n EnvironmentName, number: u64) -> Self {
        Self { environment: Some(name), deployment: Some(number) }
    }
}

impl<'s, 'a> Step<'s, 'a> {
    pub fn new(
        prover: &'s mut Prover<'a>,
        place: &'s mut Place,
        read: &'s EntryCommit,
        before: Option<(Oid, Oid, Digest)>,
    ) -> Self {
        Self {
            objects: prover.objects,
            graph: prover.graph,
            hashes: prover.hashes,
            notes: &mut prover.notes,
            read_before: place.state.heads,
            accepted_before: place.state.accepted,
            pin: prover.pin,
            governance_before: Arc::clone(&place.governance),
            place,
            entry: &read.entry,
            commit: &read.commit,
            before,
            verdicts: RefCell::default(),
            plan_before: RefCell::default(),
            signer: None,
            changed: prover.changed.take(),
            expected: BTreeMap::new(),
            waiting: 0,
            proven_alarms: Vec::new(),
            published_drafts: BTreeMap::new(),
        }
    }

    /// The first entry, which is in the state already.
    pub fn first(&mut self, in_detail: bool) {
        self.chain();
        if in_detail {
            self.checked(Self::find_changed);
            let config = self.entry.heads.config;
            self.checked(|step| step.policy_files(1, config));
            self.first_events();
            self.checked(Self::tree);
        }
    }

    /// Any other entry. False where what comes after it cannot be looked at.
    pub fn next(&mut self, in_detail: bool) -> bool {
        self.chain();
        if !self.follows() {
            return false;
        }
        let (findings, unread) = (self.notes.findings.len(), self.notes.unread);
        let goes_on = self.events(in_detail);
        if self.notes.unread > unread && goes_on {
            // A check that could not be finished makes others go wrong, and nobody is accused because of a clone that
            // is not whole. Nothing is proven either.
            self.notes.findings.truncate(findings);
        }
        goes_on
    }

    /// The daemon tells things in one order: what was said, alarms, the policy, then each environment, the drafts, and
    /// last the ready-made commits; a claim or an outcome comes before them.
    fn order(&mut self) {
        let rank = |event: &'s Event| {
            let name = event.environment().map(EnvironmentName::as_str).unwrap_or_default();
            match event {
                Event::Started { .. }
                | Event::PolicyAdmitted { .. }
                | Event::HistoryAccepted { .. }
                | Event::PolicyPinned { .. } => (0, "", 0),
                Event::Statement(_) => (1, "", 0),
                Event::Alarm { .. } => (2, "", 0),
                Event::Planned { .. } | Event::Superseded { .. } | Event::Invalid { .. }
                    if event.environment().is_some_and(EnvironmentName::is_governance) =>
                {
                    (3, "", 0)
                }
                Event::Planned { .. }
                | Event::Superseded { .. }
                | Event::Recorded { .. }
                | Event::Invalid { .. }
                | Event::AsApplied { .. }
                | Event::Claimed(_)
                | Event::Outcome { .. } => (4, name, 0),
                Event::DraftPlanned { .. } | Event::DraftUnplanned { .. } => (5, name, 0),
                // Those of the config branch's plan before those of the draft's.
                Event::Ready(ready) => (6, name, ready.says as u8 + if self.is_of_draft(ready) { 100 } else { 0 }),
            }
        };
        let events = &self.entry.events;
        if !events.iter().map(rank).is_sorted() {
            self.violated(At::default(), "entry.json: events", "are not in the order in which the daemon tells them");
        }
        let moves = |event: &Event| matches!(event, Event::Claimed(_) | Event::Outcome { .. });
        let others = |event: &Event| !moves(event) && !matches!(event, Event::Ready(_) | Event::PolicyAdmitted { .. });
        if events.iter().filter(|event| moves(event)).count() > 1
            || events.iter().any(moves) && events.iter().any(others)
        {
            let what = "a claim or an outcome is an entry of its own";
            self.violated(At::default(), "entry.json: events", what);
        }
        if events.is_empty() {
            self.violated(At::default(), "entry.json: events", "an entry says something");
        }
    }

    fn events(&mut self, in_detail: bool) -> bool {
        if in_detail {
            self.checked(Self::find_changed);
            self.order();
            self.checked(Self::heads);
            self.checked(Self::statements);
        }
        self.place.state.open_entry(self.entry.time, self.entry.heads);
        let mut heard = !in_detail;
        for (at, event) in self.entry.events.iter().enumerate() {
            if in_detail && at % TOGETHER == 0 {
                let end = self.entry.events.len().min(at + TOGETHER);
                self.foresee(&planned(&self.entry.events[at..end]));
            }
            if !heard && !matches!(event, Event::Statement(_)) {
                heard = true;
                self.checked(Self::missing_alarms);
            }
            if let Event::Statement(judged) = event {
                self.hear(judged);
            }
            if in_detail {
                self.event(event);
            }
            self.verdicts.get_mut().clear();
            if let Err(error) = self.place.state.fold(event) {
                self.violated(At::default(), "entry.json", error.what);
                return false;
            }
            if event.moves_policy() && !self.new_policy() {
                return false;
            }
            if in_detail && let Event::Claimed(claim) = event {
                self.checked(|step| step.claimed_files(claim));
            }
        }
        if in_detail {
            if !heard {
                self.checked(Self::missing_alarms);
            }
            self.checked(Self::lives_on);
            self.checked(Self::gone_plans);
            self.checked(Self::governance_told);
            self.checked(Self::offers);
            self.checked(Self::pages);
            self.checked(Self::tree);
        } else {
            self.place.overview = None;
        }
        true
    }

    /// An entry must be the next one, under the policy in force: otherwise the fold means nothing.
    fn follows(&mut self) -> bool {
        let state = &self.place.state;
        let in_force = state.policy.map_or(0, |policy| policy.version);
        if self.entry.sequence != state.sequence + 1 {
            let what = format!("entry {} cannot follow entry {}", self.entry.sequence, state.sequence);
            self.violated(At::default(), "entry.json: sequence", what);
            return false;
        }
        if self.entry.policy != in_force {
            let what = format!("policy {} is named where policy {in_force} is in force", self.entry.policy);
            self.violated(At::default(), "entry.json: policy", what);
        }
        true
    }

    fn event(&mut self, event: &Event) {
        match event {
            // Compared with everything that must have been found, once for the entry.
            Event::Statement(_) => self.notes.statements += 1,
            // The fold refuses it.
            Event::Started { .. } => {}
            Event::PolicyAdmitted { version, commit, .. } => {
                self.checked(|step| step.admitted_policy(*version, *commit));
            }
            Event::HistoryAccepted { branch, old, new } => {
                self.checked(|step| step.accepted_history(branch, *old, *new));
            }
            Event::PolicyPinned { version, revision, commit } => {
                let pin = self.pin;
                self.checked(|step| step.pinned_policy(*version, *revision, *commit, pin));
            }
            Event::Planned { environment, .. } if environment.is_governance() => {
                self.checked(|step| step.planned_policy(event));
            }
            Event::Superseded { environment, commit, plans, .. } if environment.is_governance() => {
                self.checked(|step| step.superseded_policy(*commit, plans));
            }
            Event::Invalid { environment, commit, problems } if environment.is_governance() => {
                self.checked(|step| step.invalid_policy(*commit, problems));
            }
            Event::Planned { environment, .. } => self.checked(|step| step.planned(environment, event)),
            Event::Superseded { environment, commit, plans, .. } => {
                self.checked(|step| step.superseded(environment, *commit, plans));
            }
            Event::Recorded { environment, revision, commit } => {
                self.checked(|step| step.recorded(environment, *revision, *commit));
            }
            Event::Invalid { environment, commit, problems } => {
                self.checked(|step| step.invalid(environment, *commit, problems));
            }
            Event::DraftPlanned { environment, .. } | Event::DraftUnplanned { environment, .. } => {
                self.checked(|step| step.draft_told(environment, event));
            }
            Event::Ready(ready) => self.checked(|step| step.ready_made(ready)),
            Event::AsApplied { environment } => self.checked(|step| step.as_applied(environment)),
            Event::Claimed(claim) => self.checked(|step| match &claim.drift {
                Some(found) => step.corrected(claim, found),
                None => step.claimed(claim),
            }),
            Event::Outcome { environment, number, attempt, result, services, message } => {
                self.checked(|step| step.outcome(environment, (*number, *attempt), *result, services, message));
            }
            Event::Alarm { environment, message } => {
                let is_known =
                    |(name, words): &(EnvironmentName, String)| environment.as_ref() == Some(name) && words == message;
                if !self.proven_alarms.iter().any(is_known) {
                    self.notes.attest(Attested::Alarms);
                }
            }
        }
    }

    /// From here on the new policy judges. False where it cannot be read as it was: nothing can be judged then.
    fn new_policy(&mut self) -> bool {
        match governance_of(self.objects, self.hashes, &self.place.state) {
            Ok(governance) => {
                self.place.governance = governance;
                self.verdicts.get_mut().clear();
                true
            }
            Err(JournalError::Object(error)) => {
                self.notes.unreadable(Some(self.entry.sequence), Some(self.commit.id), &error);
                false
            }
            Err(error) => {
                self.violated(At::environment(&EnvironmentName::governance()), "governance", error.to_string());
                false
            }
        }
    }

    /// Runs a check; an object that cannot be read ends that check alone.
    pub fn checked(&mut self, check: impl FnOnce(&mut Self) -> Result<(), ObjectError>) {
        if let Err(error) = check(self) {
            self.notes.unreadable(Some(self.entry.sequence), Some(self.commit.id), &error);
        }
    }

    pub fn violated(&mut self, at: At<'_>, place: impl Into<String>, what: impl Into<String>) {
        self.notes.findings.push(Finding {
            sequence: Some(self.entry.sequence),
            commit: Some(self.commit.id),
            environment: at.environment.cloned(),
            deployment: at.deployment,
            place: place.into(),
            what: what.into(),
        });
    }

    /// An environment as the events so far leave it.
    pub fn env(&self, name: &EnvironmentName) -> Arc<EnvironmentState> {
        self.place.state.environment(name)
    }

    /// What the policy in force says of an environment's plans as the events so far leave them.
    pub fn verdicts(&self, name: &EnvironmentName, env: &EnvironmentState) -> Rc<Verdicts> {
        if let Some(verdicts) = self.verdicts.borrow().get(name) {
            return Rc::clone(verdicts);
        }
        let (root, governance) = (&self.place.state.start.root, &self.place.governance);
        let verdicts = Rc::new(Verdicts {
            plan: verdict_on(self.objects, root, governance, name, env),
            draft: draft_verdict_on(self.objects, root, governance, name, env),
        });
        self.verdicts.borrow_mut().insert(name.clone(), Rc::clone(&verdicts));
        verdicts
    }

    /// The environments that this entry's events are about; what only a statement's folder names is none.
    pub fn touched(&self) -> BTreeSet<EnvironmentName> {
        self.entry.events.iter().flat_map(|event| self.place.state.touched_by(event)).collect()
    }

    /// A file of this entry's tree; `None` where there is none or it is no plain file.
    pub fn file(&self, path: &str) -> Result<Option<Arc<[u8]>>, ObjectError> {
        file_of(self.objects, self.commit.tree, path)
    }

    /// A file as the entry before left it.
    pub fn file_before(&self, path: &str) -> Result<Option<Arc<[u8]>>, ObjectError> {
        match self.before {
            Some((_, tree, _)) => file_of(self.objects, tree, path),
            None => Ok(None),
        }
    }

    /// The journal's folder of an environment.
    pub fn folder(&self, name: &EnvironmentName) -> String {
        crate::journal::pages::environment_folder(self.place.state.start.layout, name)
    }
}

pub(super) fn file_of(objects: &dyn Objects, tree: Oid, path: &str) -> Result<Option<Arc<[u8]>>, ObjectError> {
    match entry_at(objects, tree, path)? {
        Some(entry) if entry.mode == Mode::File => objects.blob(entry.id).map(Some),
        _ => Ok(None),
    }
}
