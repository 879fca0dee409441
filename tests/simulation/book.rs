//! The model's own reading of the journal: a line of signed entries, and for each environment what was planned, claimed
//! and done.
//!
//! An *occurrence* is one time that an environment is to become something. It ends, and so does everything that was said
//! about it, when the daemon sees the environment desired otherwise, and when a deployment of it was done (or may have
//! been). The model counts occurrences by itself; that plans carry numbers and rounds is not used.

use std::collections::{BTreeMap, HashMap, HashSet};

use countersign::digest::{Digest, PlanId, RevisionId, StatementId};
use countersign::evidence::signature::commit_signer;
use countersign::git::memory::MemoryServer;
use countersign::journal::{
    Admission, Claim, ENTRY, Event, JournalEntry, Judged, OutcomeResult, ReadyMade, ServiceResult,
};
use countersign::model::RequestAction;
use countersign::object::{Commit, Objects, Oid, entry_at};

use super::charter::{Charter, GOVERNANCE};
use super::content::{Content, ENVIRONMENTS, Files};
use super::imports::IMPORTER;
use super::ledger::Ledger;
use super::people;
use super::process::JOURNAL;

/// A plan, as it was published in one occurrence.
#[derive(Debug, Clone)]
pub struct Published {
    pub plan: PlanId,
    pub occurrence: u64,
    pub number: u64,
    pub commit: Oid,
    pub revision: Option<RevisionId>,
    /// The config commit of what it imports.
    pub source: Option<Oid>,
    pub ready: Vec<ReadyMade>,
    /// What was on the host when it was planned.
    pub shown: Option<BTreeMap<String, Files>>,
}

#[derive(Debug, Clone)]
pub struct Running {
    pub claim: Claim,
    pub place: usize,
    /// When it was claimed, in seconds since 1970, as the journal says.
    pub time: i64,
    pub published: Published,
}

#[derive(Debug, Clone, Default)]
pub struct EnvironmentBook {
    pub occurrence: u64,
    /// The config commit at which it was looked at last, and what it imported then.
    looked_at: Option<(Oid, Option<Content>)>,
    pub published: Vec<Published>,
    /// Which of them waits, or failed and is to be tried again.
    pub current: Option<usize>,
    pub failed: bool,
    pub running: Option<Running>,
    /// The number and the config commit of the last deployment that was done.
    pub applied: Option<(u64, Oid)>,
    /// The config commit of what the last deployment imported.
    pub applied_source: Option<Oid>,
    /// The config commit from which each revision was applied last.
    pub deployed: HashMap<RevisionId, Oid>,
    /// The config commit of what was recorded without a deployment after that.
    recorded: Option<Oid>,
    pub uncertain: bool,
    attempts: HashMap<u64, u64>,
    number: u64,
    round: u64,
    /// The highest number that can never be given again.
    consumed: u64,
    /// What each plan is the plan of: its number and round.
    named: HashMap<PlanId, (u64, u64)>,
    /// Whether the journal says that what runs was closed.
    pub is_closed: bool,
    /// The word by which what runs, or failed, was started.
    pub word: Option<StatementId>,
    /// Words that started something.
    pub spent: HashSet<StatementId>,
    /// How often a target changed under a number.
    pub switched: HashMap<(u64, String), usize>,
}

#[derive(Default)]
pub struct Book {
    line: Vec<Oid>,
    places: HashMap<Oid, usize>,
    /// What a saboteur put on the journal, and on top of what.
    pub junk: HashMap<Oid, Oid>,
    pub environments: BTreeMap<&'static str, EnvironmentBook>,
    /// The last statement of each person on each plan that was taken note of.
    pub chains: HashMap<(PlanId, String), StatementId>,
    /// The last statement of each person in each environment, likewise.
    pub spoken: HashMap<(String, String), StatementId>,
    /// When each statement was judged.
    pub heard: HashMap<(StatementId, Option<PlanId>), Heard>,
    /// Records that were refused before it was known whose they are.
    pub refused: HashSet<String>,
    /// Every policy that came into force.
    pub policies: Vec<InForce>,
    pub repository: Option<countersign::digest::RepositoryId>,
    /// What the entries say, in short, for whoever looks into a failure.
    pub told: Vec<String>,
}

/// A policy that came into force.
#[derive(Debug, Clone, Copy)]
pub struct InForce {
    pub place: usize,
    pub charter: Charter,
    pub commit: Oid,
}

/// When a statement was judged.
#[derive(Debug, Clone, Copy)]
pub struct Heard {
    pub place: usize,
    /// The policy in force then.
    pub charter: Charter,
}

/// Something new on the journal that the promise speaks of.
pub enum News {
    Judged { judged: Box<Judged>, charter: Charter },
    Planned { environment: &'static str, at: usize },
    Claimed { environment: &'static str },
    /// A policy came into force in the place of this one.
    Policy { before: InForce, running: Box<Running>, heads: (Oid, Option<Oid>) },
}

impl Book {
    pub fn new() -> Self {
        let names = ENVIRONMENTS.iter().chain([&GOVERNANCE]);
        let environments = names.map(|name| (*name, EnvironmentBook::default())).collect();
        Self { environments, ..Self::default() }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.line.len()
    }

    pub fn tip(&self) -> Option<Oid> {
        self.line.last().copied()
    }

    /// The policy in force.
    pub fn charter(&self) -> Charter {
        self.policies.last().map_or(Charter::FIRST, |policy| policy.charter)
    }

    /// The policy that was in force just after an entry.
    pub fn charter_at(&self, place: usize) -> Charter {
        let then = self.policies.iter().rev().find(|policy| policy.place <= place);
        then.map_or(Charter::FIRST, |policy| policy.charter)
    }

    /// The place of the last entry that somebody saw who saw this tip.
    pub fn place(&self, tip: Oid) -> Option<usize> {
        let mut entry = tip;
        while let Some(below) = self.junk.get(&entry) {
            entry = *below;
        }
        self.places.get(&entry).copied()
    }

    /// Reads the next entry that is new on the server.
    pub fn read_next(&mut self, server: &MemoryServer, ledger: &Ledger) -> Result<Option<Vec<News>>, String> {
        let mut fresh = Vec::new();
        let mut at = server.get(JOURNAL);
        while let Some(id) = at.filter(|id| !self.places.contains_key(id)) {
            let commit = server.objects().commit(id).map_err(|error| error.to_string())?;
            at = commit.parents.first().copied();
            if !self.junk.contains_key(&id) {
                fresh.push(commit);
            }
        }
        let Some(commit) = fresh.pop() else { return Ok(None) };
        if commit.parents != self.tip().into_iter().collect::<Vec<_>>() {
            return Err(format!("the journal is no line: {} does not follow {:?}", commit.id, self.tip()));
        }
        let entry = self.entry(server, &commit)?;
        let place = self.line.len();
        self.places.insert(commit.id, place);
        self.line.push(commit.id);
        if place == 0 {
            self.repository = Some(entry.repository());
        }
        self.follow(&entry, place, ledger).map(Some)
    }

    fn entry(&self, server: &MemoryServer, commit: &Commit) -> Result<JournalEntry, String> {
        let wrong = |what: String| format!("journal entry {}: {what}", commit.id);
        let blob =
            entry_at(server.objects(), commit.tree, ENTRY).ok().flatten().ok_or_else(|| wrong("none".to_owned()))?;
        let bytes = server.objects().blob(blob.id).map_err(|error| wrong(error.to_string()))?;
        let entry: JournalEntry = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        if entry.sequence != self.line.len() as u64 {
            return Err(wrong(format!("sequence {} after {} entries", entry.sequence, self.line.len())));
        }
        let raw = self.tip().map(|tip| server.objects().commit(tip).map(|commit| Digest::of(&commit.raw)));
        if entry.previous != raw.transpose().map_err(|error| wrong(error.to_string()))? {
            return Err(wrong("it does not name the one before".to_owned()));
        }
        let signer = commit_signer(commit).map_err(|error| wrong(error.to_string()))?;
        let daemons = people::DAEMONS.iter().zip(self.charter().daemons).filter(|(_, may)| *may);
        if !daemons.map(|(daemon, _)| people::key(daemon).public()).any(|key| Some(key) == signer.as_ref()) {
            return Err(wrong("it is signed by no daemon that the policy in force names".to_owned()));
        }
        Ok(entry)
    }

    fn follow(&mut self, entry: &JournalEntry, place: usize, ledger: &Ledger) -> Result<Vec<News>, String> {
        let head = entry.heads.config;
        let imported = ledger.imported(self.source(ledger, ledger.content(head, IMPORTER)).ok().flatten());
        for (name, book) in &mut self.environments {
            let imported = imported.filter(|_| *name == IMPORTER);
            let is_same =
                |(before, then): (Oid, Option<Content>)| ledger.is_same(name, before, head) && then == imported;
            if book.running.is_none() && !book.looked_at.is_some_and(is_same) {
                book.looked_at = Some((head, imported));
                book.occurrence += 1;
            }
        }
        let mut news = Vec::new();
        for event in &entry.events {
            if super::number("SIMULATION_SEED").is_some() {
                self.told.push(tell(entry, event));
            }
            match event {
                Event::Statement(judged) => {
                    news.push(News::Judged { judged: Box::new(judged.clone()), charter: self.charter() });
                    self.hear(judged, place);
                }
                Event::PolicyAdmitted { version, commit, .. } => {
                    news.extend(self.new_policy(*version, *commit, entry, place, ledger)?);
                }
                Event::PolicyPinned { .. } => return Err("a policy was pinned, and nobody did that".to_owned()),
                _ => {}
            }
            let Some(name) = event.environment() else { continue };
            let source = match event {
                Event::Planned { commit, .. } if name.as_str() == IMPORTER => self
                    .source(ledger, ledger.content(*commit, IMPORTER))
                    .map_err(|_| format!("{name} is planned, though what it imports cannot be had"))?,
                _ => None,
            };
            let Some(book) = self.environments.iter_mut().find(|(known, _)| **known == name.as_str()) else { continue };
            let (name, book) = book;
            news.extend(book.follow(name, event, (place, entry.time.as_second()), source)?);
        }
        Ok(news)
    }

    fn hear(&mut self, judged: &Judged, place: usize) {
        let heard = Heard { place, charter: self.charter() };
        self.heard.entry((judged.digest, judged.plan)).or_insert(heard);
        if matches!(judged.admitted, Admission::Refused { .. }) {
            self.refused.insert(judged.path.clone());
        } else if let Some(by) = &judged.by {
            if let (Some(plan), None) = (judged.plan, &judged.request) {
                self.chains.insert((plan, by.to_string()), judged.digest);
            }
            self.spoken.insert((judged.environment.to_string(), by.to_string()), judged.digest);
        }
    }

    /// A policy comes into force: the next one, out of what was claimed.
    fn new_policy(
        &mut self,
        version: u64,
        commit: Oid,
        entry: &JournalEntry,
        place: usize,
        ledger: &Ledger,
    ) -> Result<Option<News>, String> {
        if version != self.policies.len() as u64 + 1 {
            return Err(format!("policy {version} comes after policy {}", self.policies.len()));
        }
        let next = InForce { place, charter: ledger.charter(commit), commit };
        let before = self.policies.last().copied();
        self.policies.push(next);
        let Some(before) = before else { return Ok(None) };
        let running = self.environments[GOVERNANCE].running.clone().filter(|r| r.claim.heads.config == commit);
        let running = running.ok_or_else(|| format!("policy {version} comes into force without a claim"))?;
        let heads = (entry.heads.config, entry.heads.records);
        Ok(Some(News::Policy { before, running: Box::new(running), heads }))
    }
}

/// An event in one line.
fn tell(entry: &JournalEntry, event: &Event) -> String {
    let what = match event {
        Event::Planned { environment, plan, number, round, contributors, .. } => {
            let who: Vec<_> = contributors.iter().map(|c| c.email.as_str()).collect();
            format!("{environment} planned {} number {number} round {round} by {who:?}", plan.short())
        }
        Event::Statement(judged) => format!(
            "{} statement {:?} of {:?} on {:?}: {:?}",
            judged.environment,
            judged.verdict,
            judged.by,
            judged.plan.map(PlanId::short),
            judged.admitted
        ),
        Event::Superseded { environment, round, .. } => format!("{environment} superseded, round {round}"),
        Event::Ready(ready) => format!("{} ready {:?} {} {}", ready.environment, ready.verdict, ready.n, ready.commit),
        Event::Claimed(claim) => format!("{} claimed {}.{}", claim.environment, claim.number, claim.attempt),
        Event::Outcome { environment, number, attempt, result, message, .. } => {
            format!("{environment} outcome {number}.{attempt}: {result:?} {message}")
        }
        other => format!("{other:?}"),
    };
    format!("    journal {} at {}: {what}", entry.sequence, entry.heads.config.short())
}

impl EnvironmentBook {
    pub fn current(&self) -> Option<&Published> {
        self.current.map(|at| &self.published[at])
    }

    /// What is in force: what was recorded last, else applied.
    pub fn in_force(&self, ledger: &Ledger, environment: &str) -> Content {
        let commit = self.recorded.or(self.applied.map(|(_, commit)| commit));
        commit.map_or(Content::Absent, |commit| ledger.content(commit, environment))
    }

    fn follow(
        &mut self,
        name: &'static str,
        event: &Event,
        (place, time): (usize, i64),
        source: Option<Oid>,
    ) -> Result<Option<News>, String> {
        let wrong = |what: String| Err(format!("{name}: {what}"));
        match event {
            Event::Statement(judged) if judged.admitted == Admission::Admitted => {
                self.follow_request(judged.request.as_ref());
            }
            Event::Recorded { commit, .. } => self.recorded = Some(*commit),
            Event::Planned { plan, number, round, commit, revision, .. } => {
                if *number < self.number || *round < self.round {
                    return wrong(format!("number or round went back: {number}/{round}"));
                }
                if *number <= self.consumed {
                    return wrong(format!("number {number} is given again after {}", self.consumed));
                }
                if self.named.insert(*plan, (*number, *round)).is_some_and(|named| named != (*number, *round)) {
                    return wrong(format!("{} is the name of two plans", plan.short()));
                }
                (self.number, self.round) = (*number, *round);
                let occurrence = self.occurrence;
                let known = self.published.iter().position(|p| p.plan == *plan && p.occurrence == occurrence);
                let at = known.unwrap_or(self.published.len());
                if known.is_none() {
                    let (plan, number, commit) = (*plan, *number, *commit);
                    let (revision, ready) = (*revision, Vec::new());
                    let shown = None;
                    self.published.push(Published { plan, occurrence, number, commit, revision, source, ready, shown });
                }
                (self.published[at].commit, self.published[at].source) = (*commit, source);
                self.current = Some(at);
                self.failed = false;
                return Ok(Some(News::Planned { environment: name, at }));
            }
            Event::Superseded { round, .. } => {
                if *round <= self.round && self.round > 0 {
                    return wrong(format!("a round went back: {round} after {}", self.round));
                }
                self.round = *round;
                self.current = None;
                self.failed = false;
            }
            Event::Ready(ready) => {
                let occurrence = self.occurrence;
                let newest = self.published.iter_mut().rev();
                let mut mine = newest.filter(|p| p.plan == ready.plan && p.occurrence == occurrence);
                let Some(published) = mine.next() else {
                    return wrong(format!("a ready-made commit for {}, which was never published", ready.plan.short()));
                };
                published.ready.push(ready.clone());
            }
            Event::Claimed(claim) => {
                let Some(published) = self.current().filter(|p| p.plan == claim.plan).cloned() else {
                    return wrong(format!("a claim of {}, which does not wait", claim.plan.short()));
                };
                if self.running.is_some() {
                    return wrong("a claim while another has no outcome".to_owned());
                }
                let attempt = self.attempts.entry(claim.number).or_default();
                *attempt += 1;
                if claim.number != published.number || claim.attempt != *attempt {
                    return wrong(format!("claim {}.{} is out of order", claim.number, claim.attempt));
                }
                if self.consumed >= claim.number && !self.failed {
                    return wrong(format!("number {} is claimed again", claim.number));
                }
                self.running = Some(Running { claim: claim.clone(), place, time, published });
                return Ok(Some(News::Claimed { environment: name }));
            }
            Event::Outcome { number, attempt, result, services, .. } => {
                let running = self.running.take();
                let Some(running) = running.filter(|r| (r.claim.number, r.claim.attempt) == (*number, *attempt)) else {
                    return wrong(format!("an outcome of {number}.{attempt}, which does not run"));
                };
                let was_closed = std::mem::take(&mut self.is_closed);
                if *result != OutcomeResult::Abandoned || was_closed {
                    self.consumed = self.consumed.max(*number);
                }
                if *result != OutcomeResult::Failed {
                    self.word = None;
                }
                let touched = services.iter().any(|service| service.result != ServiceResult::Untouched);
                match result {
                    OutcomeResult::Applied => {
                        self.applied = Some((*number, running.claim.heads.config));
                        self.applied_source = running.published.source;
                        if let Some(revision) = running.published.revision {
                            self.deployed.insert(revision, running.claim.heads.config);
                        }
                        self.recorded = None;
                        self.uncertain = false;
                    }
                    OutcomeResult::Failed => self.uncertain |= touched,
                    OutcomeResult::Unknown => self.uncertain = true,
                    OutcomeResult::Abandoned => {}
                }
                if matches!(result, OutcomeResult::Applied | OutcomeResult::Unknown) {
                    self.current = None;
                    self.occurrence += 1;
                }
                self.failed = *result == OutcomeResult::Failed || (*result == OutcomeResult::Abandoned && self.failed);
                if was_closed {
                    self.end_change();
                }
            }
            _ => {}
        }
        Ok(None)
    }

    fn follow_request(&mut self, request: Option<&RequestAction>) {
        match request {
            Some(RequestAction::Close { .. }) if self.running.is_some() => self.is_closed = true,
            Some(RequestAction::Close { plan }) => {
                let number = self.named.get(plan).map_or(0, |(number, _)| *number);
                self.consumed = self.consumed.max(number);
                self.end_change();
            }
            Some(RequestAction::Reopen { .. }) => self.end_change(),
            _ => {}
        }
    }

    /// What was open is open no more, and what was said about it counts no more.
    fn end_change(&mut self) {
        self.current = None;
        self.failed = false;
        self.word = None;
        self.occurrence += 1;
    }
}
