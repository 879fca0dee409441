//! The walk along the journal.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Tips;
use super::ahead::ReadAhead;
use super::chain::previous_digest;
use super::notes::{Attested, Finding, Notes};
use super::report::{AttestedCount, Report, Verdict};
use super::step::Step;
use super::tree::Changed;
use super::wanted::Resolutions;
use crate::digest::{Digest, PlanId, RevisionId};
use crate::evidence::graph::Graph;
use crate::journal::pages::Overview;
use crate::journal::read::{governance_of, read_entry};
use crate::journal::{EntryCommit, JournalError};
use crate::lifecycle::{Accepted, State};
use crate::model::{ApprovalVerdict, Governance, PersonName, PublicKey};
use crate::object::{Commit, Objects, Oid};
use crate::revision::Hashes;

/// A walk that has come to some entry. A copy goes on from there by itself.
#[derive(Clone)]
pub struct Prover<'a> {
    pub(super) objects: &'a (dyn Objects + Sync),
    pub(super) graph: &'a Graph<'a>,
    pub(super) hashes: &'a Hashes,
    pub(super) pin: Option<RevisionId>,
    pub(super) first: Option<Oid>,
    pub(super) notes: Notes,
    pub(super) at: Option<Place>,
    /// What the entry that is being proven changed, where that was read ahead.
    pub(super) changed: Option<Changed>,
}

/// The last entry that was walked over, and everything the journal says up to it.
#[derive(Clone)]
pub(super) struct Place {
    pub tip: Oid,
    pub tree: Oid,
    pub digest: Digest,
    pub state: State,
    pub governance: Arc<Governance>,
    /// What the first page is made of; made when first needed.
    pub overview: Option<Arc<Overview>>,
    pub resolutions: Resolutions,
    /// Each person's last admitted word on each plan. Kept beside the fold, which judgements are made from: a rejection
    /// that the fold lost must not be lost here too.
    pub last_words: BTreeMap<PlanId, LastWords>,
}

/// Each person's last admitted word on a plan.
pub(super) type LastWords = BTreeMap<PersonName, (ApprovalVerdict, Option<PublicKey>)>;

impl<'a> Prover<'a> {
    /// A walk that has not begun. Graph and hashes remember what was read; they outlive it so that copies share them.
    pub fn new(
        objects: &'a (dyn Objects + Sync),
        graph: &'a Graph<'a>,
        hashes: &'a Hashes,
        pin: Option<RevisionId>,
    ) -> Self {
        Self { objects, graph, hashes, pin, first: None, notes: Notes::default(), at: None, changed: None }
    }

    /// What is wrong so far.
    pub fn findings(&self) -> &[Finding] {
        &self.notes.findings
    }

    /// Whether nothing is wrong so far, and nothing missing.
    pub fn is_proven(&self) -> bool {
        self.notes.findings.is_empty() && self.notes.missing.is_empty()
    }

    /// The commits of the journal, the first one first. Where one has several parents that is a finding, and the first
    /// one is followed.
    pub fn line(&mut self, tip: Oid) -> Vec<Oid> {
        let mut found = Vec::new();
        let mut at = Some(tip);
        while let Some(id) = at {
            match self.objects.commit(id) {
                Ok(Commit { parents, .. }) => {
                    if parents.len() > 1 {
                        self.note(None, Some(id), "", "the journal's commit is a merge".to_owned());
                    }
                    found.push(id);
                    at = parents.first().copied();
                }
                Err(error) => {
                    self.notes.unreadable(None, Some(id), &error);
                    // Without the first entry nothing can be proven.
                    return Vec::new();
                }
            }
        }
        found.reverse();
        found
    }

    /// Proves one more entry. False where what comes after it cannot be looked at.
    pub fn step(&mut self, id: Oid) -> bool {
        self.walk(id, true)
    }

    /// As [`Prover::step`], of an entry that may have been read ahead.
    pub(crate) fn step_read(&mut self, id: Oid, ahead: Option<ReadAhead>) -> bool {
        let Some(ReadAhead { read, changed }) = ahead.filter(|ahead| ahead.read.commit.id == id) else {
            return self.step(id);
        };
        self.changed = Some(changed);
        self.walk_read(read, true)
    }

    /// Follows one more entry without proving what it says.
    pub fn follow(&mut self, id: Oid) -> bool {
        self.walk(id, false)
    }

    fn walk(&mut self, id: Oid, in_detail: bool) -> bool {
        match read_entry(self.objects, id) {
            Ok(read) => self.walk_read(read, in_detail),
            Err(error) => {
                self.unreadable_entry(id, &error);
                false
            }
        }
    }

    fn walk_read(&mut self, read: EntryCommit, in_detail: bool) -> bool {
        let goes_on = match self.at.take() {
            None => self.begin(read, in_detail),
            Some(place) => self.go_on(place, read, in_detail),
        };
        if in_detail {
            self.notes.entries += 1;
            self.notes.attest(Attested::Times);
        } else {
            self.notes.followed += 1;
        }
        goes_on
    }

    fn begin(&mut self, read: EntryCommit, in_detail: bool) -> bool {
        let (id, sequence) = (read.commit.id, read.entry.sequence);
        let state = match State::begin(&read.entry) {
            Ok(state) => state,
            Err(error) => {
                self.note(Some(sequence), Some(id), "entry.json", error.what);
                return false;
            }
        };
        self.first = Some(id);
        let governance = match governance_of(self.objects, self.hashes, &state) {
            Ok(governance) => governance,
            Err(error) => {
                self.unreadable_entry(id, &error);
                return false;
            }
        };
        let mut place = Place {
            tip: id,
            tree: read.commit.tree,
            digest: previous_digest(&read.commit),
            state,
            governance,
            overview: None,
            resolutions: Resolutions::default(),
            last_words: BTreeMap::new(),
        };
        Step::new(self, &mut place, &read, None).first(in_detail);
        self.at = Some(place);
        true
    }

    fn go_on(&mut self, mut place: Place, read: EntryCommit, in_detail: bool) -> bool {
        let before = (place.tip, place.tree, place.digest);
        let goes_on = Step::new(self, &mut place, &read, Some(before)).next(in_detail);
        place.tip = read.commit.id;
        place.tree = read.commit.tree;
        place.digest = previous_digest(&read.commit);
        self.at = Some(place);
        goes_on
    }

    /// Ends the walk: the branches must still contain what the journal read.
    pub fn finish(mut self, tips: Tips) -> Report {
        self.rests_on_the_pin();
        if let Some(place) = &self.at {
            let accepted = place.state.accepted;
            let heads = place.state.heads;
            let branch = place.state.start.branch.clone();
            let records = format!("{}/records", place.state.start.prefix);
            self.still_contains(&branch, heads.config, accepted.config, Some(tips.config));
            if let Some(old) = heads.records {
                self.still_contains(&records, old, accepted.records, tips.records);
            }
        }
        self.report()
    }

    /// Trust starts from the policy that was pinned last: an older pin says nothing of what came after a newer one.
    fn rests_on_the_pin(&mut self) {
        let (Some(pin), Some(place)) = (self.pin, &self.at) else { return };
        let (start, pinned) = (place.state.start.policy, place.state.pinned);
        if pin == pinned {
            return;
        }
        let what = if pinned == start {
            format!("the journal begins with policy {start}, not with the pinned {pin}")
        } else if pin == start {
            format!(
                "the journal rests on policy {pinned}, which an operator's pin brought into force later: {pin} is an older \
                 pin, and nothing after that follows from it"
            )
        } else {
            format!("the journal rests on policy {pinned}, which an operator pinned last, not on the pinned {pin}")
        };
        self.note(Some(0), self.first, "entry.json", what);
    }

    fn still_contains(&mut self, branch: &str, read: Oid, accepted: Option<Oid>, tip: Option<Oid>) {
        let behind = |here: &str| super::Missing {
            sequence: None,
            branch: Some(branch.to_owned()),
            what: format!(
                "branch {branch} {here}, but the journal read it at {read}; if it stays so after a fetch, it was rewound"
            ),
        };
        let Some(tip) = tip else {
            self.notes.missing.push(behind("is not here"));
            return;
        };
        let contains = Accepted::goes_on(self.graph, read, accepted, tip)
            .and_then(|contains| Ok((contains, contains || self.graph.is_ancestor(tip, read)?)));
        match contains {
            Ok((true, _)) => {}
            Ok((false, true)) => self.notes.missing.push(behind(&format!("is at {tip} here"))),
            Ok((false, false)) => {
                let what = format!("{tip} does not contain {read}, which the journal read: history was rewritten");
                self.note(None, None, &format!("branch {branch}"), what);
            }
            Err(error) => self.notes.unreadable(None, None, &error),
        }
    }

    /// The report where the commit to start after is not on the journal.
    pub(super) fn without(mut self, since: Oid) -> Report {
        let what = format!("commit {since} is not on the journal, so nothing can be proven after it");
        self.notes.missing.push(super::Missing { sequence: None, branch: None, what });
        self.report()
    }

    fn report(self) -> Report {
        let Notes { findings, missing, attested, deployments, entries, followed, statements, .. } = self.notes;
        let environments: BTreeSet<_> = deployments.iter().map(|deployment| deployment.environment.clone()).collect();
        let state = self.at.map(|place| place.state);
        let verdict = match (findings.is_empty(), missing.is_empty() && state.is_some()) {
            (false, _) => Verdict::Violated,
            (true, false) => Verdict::Unprovable,
            (true, true) => Verdict::Proven,
        };
        Report {
            verdict,
            repository: state.as_ref().map(|state| state.repository),
            root: state.as_ref().map(|state| state.pinned),
            pinned: self.pin.is_some(),
            entries,
            followed,
            statements,
            environments: environments.len() as u64,
            deployments,
            attested: attested.into_iter().map(|(kind, count)| AttestedCount { kind, count }).collect(),
            findings,
            missing,
        }
    }

    fn unreadable_entry(&mut self, id: Oid, error: &JournalError) {
        let sequence = self.at.as_ref().map(|place| place.state.sequence + 1);
        match error {
            JournalError::Object(error) => self.notes.unreadable(sequence, Some(id), error),
            JournalError::Entry { what, .. } => self.note(sequence, Some(id), "", what.clone()),
            JournalError::Fold(error) => self.note(sequence, Some(id), "entry.json", error.what.clone()),
            JournalError::Policy { .. } => self.note(sequence, Some(id), "governance", error.to_string()),
        }
    }

    fn note(&mut self, sequence: Option<u64>, commit: Option<Oid>, place: &str, what: String) {
        self.notes.findings.push(Finding {
            sequence,
            commit,
            environment: None,
            deployment: None,
            place: place.to_owned(),
            what,
        });
    }
}
