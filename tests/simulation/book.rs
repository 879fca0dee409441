//! The model's own reading of the journal: a line of signed entries, and for each environment what was planned, claimed
//! and done.
//!
//! An *occurrence* is one time that an environment is to become something. It ends, and so does everything that was said
//! about it, when the daemon sees the environment desired otherwise, and when a deployment of it was done (or may have
//! been). The model counts occurrences by itself; that plans carry numbers and rounds is not used.

use std::collections::{BTreeMap, HashMap, HashSet};

use countersign::digest::{Digest, PlanId, StatementId};
use countersign::evidence::signature::commit_signer;
use countersign::git::memory::MemoryServer;
use countersign::journal::{Admission, ENTRY, Event, JournalEntry, Judged};
use countersign::model::RequestAction;
use countersign::object::{Commit, Objects, Oid, entry_at};

use super::chapter::{EnvironmentBook, Running};
use super::charter::{Charter, GOVERNANCE};
use super::content::{Content, ENVIRONMENTS};
use super::fresh::Freshness;
use super::imports::IMPORTER;
use super::ledger::Ledger;
use super::people;
use super::process::JOURNAL;
use super::promise::left;

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
    /// What may still be said by merging.
    freshness: Freshness,
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
    Judged {
        judged: Box<Judged>,
        charter: Charter,
    },
    Planned {
        environment: &'static str,
        at: usize,
    },
    Drafted {
        environment: &'static str,
        at: usize,
    },
    Claimed {
        environment: &'static str,
    },
    /// What drifted is to be put right.
    Corrects {
        environment: &'static str,
    },
    /// A policy came into force in the place of this one.
    Policy {
        before: InForce,
        running: Box<Running>,
        heads: (Oid, Option<Oid>),
    },
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
            if book.running.is_none() && book.correcting.is_none() && !book.looked_at.is_some_and(is_same) {
                book.looked_at = Some((head, imported));
                book.occurrence += 1;
            }
        }
        let mut news = Vec::new();
        for event in &entry.events {
            if super::number("SIMULATION_SEED").is_some() {
                self.told.push(tell(entry, event));
            }
            self.freshness.follow(event, place)?;
            match event {
                Event::Statement(judged) => {
                    self.is_put_back(judged, head, ledger)?;
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
        self.end_changes(ledger, head);
        Ok(news)
    }

    /// A change is over where nothing is desired any more but what is applied.
    fn end_changes(&mut self, ledger: &Ledger, head: Oid) {
        for name in ENVIRONMENTS {
            let desired = ledger.content(head, name);
            let source = self.source(ledger, desired);
            let book = &self.environments[name];
            let is_same = !desired.has_effect_after(left(book, ledger, name))
                && source.is_ok_and(|source| ledger.imported(source) == ledger.imported(book.applied_source));
            if desired.is_sound() && is_same && !book.uncertain {
                self.environments.get_mut(name).unwrap().rest();
            }
        }
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

    /// Whoever drops a change puts the folder back to what is in force.
    fn is_put_back(&self, judged: &Judged, head: Oid, ledger: &Ledger) -> Result<(), String> {
        let book = self.environments.get_key_value(judged.environment.as_str());
        if let (Some(RequestAction::Close { .. }), Admission::Admitted) = (&judged.request, &judged.admitted)
            && let Some((name, book)) = book.filter(|(name, _)| **name != GOVERNANCE)
            && ledger.content(head, name) != book.in_force(ledger, name)
        {
            return Err(format!("{name}: a close is let in, but the folder is not what is in force"));
        }
        Ok(())
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
        Event::Planned { environment, plan, number, round, kind, contributors, .. } => {
            let who: Vec<_> = contributors.iter().map(|c| c.email.as_str()).collect();
            format!("{environment} planned {} {kind:?} number {number} round {round} by {who:?}", plan.short())
        }
        Event::Statement(judged) => format!(
            "{} statement {:?} of {:?} on {:?}: {:?}",
            judged.environment,
            judged.verdict,
            judged.by,
            judged.plan.map(PlanId::short),
            judged.admitted
        ),
        Event::DraftPlanned { environment, plan, number, round, contributors, .. } => {
            let who: Vec<_> = contributors.iter().map(|c| c.email.as_str()).collect();
            format!("{environment} draft planned {} number {number} round {round} by {who:?}", plan.short())
        }
        Event::Superseded { environment, round, .. } => format!("{environment} superseded, round {round}"),
        Event::Ready(ready) => format!("{} ready {:?} {} {}", ready.environment, ready.says, ready.n, ready.commit),
        Event::Claimed(claim) => {
            let found =
                claim.drift.as_ref().map(|found| found.iter().map(|one| one.service.to_string()).collect::<Vec<_>>());
            format!("{} claimed {}.{} {found:?}", claim.environment, claim.number, claim.attempt)
        }
        Event::Outcome { environment, number, attempt, result, message, .. } => {
            format!("{environment} outcome {number}.{attempt}: {result:?} {message}")
        }
        other => format!("{other:?}"),
    };
    format!("    journal {} at {}: {what}", entry.sequence, entry.heads.config.short())
}
