//! The model's own reading of the journal: a line of signed entries, and for each environment what was planned, claimed
//! and done.
//!
//! An *occurrence* is one time that an environment is to become something. It ends, and so does everything that was said
//! about it, when the daemon sees the environment desired otherwise, and when a deployment of it was done (or may have
//! been). The model counts occurrences by itself; that plans carry numbers and rounds is not used.

use std::collections::{BTreeMap, HashMap};

use countersign::digest::{Digest, PlanId, StatementId};
use countersign::evidence::signature::commit_signer;
use countersign::git::memory::MemoryServer;
use countersign::journal::{Admission, Claim, ENTRY, Event, JournalEntry, OutcomeResult, ReadyMade, ServiceResult};
use countersign::object::{Commit, Objects, Oid, entry_at};

use super::content::{Content, ENVIRONMENTS, Files};
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
    pub ready: Vec<ReadyMade>,
    /// What was on the host when it was planned.
    pub shown: Option<BTreeMap<String, Files>>,
}

#[derive(Debug, Clone)]
pub struct Running {
    pub claim: Claim,
    pub place: usize,
    pub published: Published,
}

#[derive(Debug, Clone, Default)]
pub struct EnvironmentBook {
    pub occurrence: u64,
    content: Option<Content>,
    pub published: Vec<Published>,
    /// Which of them waits, or failed and is to be tried again.
    pub current: Option<usize>,
    pub failed: bool,
    pub running: Option<Running>,
    /// The number and the config commit of the last deployment that was done.
    pub applied: Option<(u64, Oid)>,
    pub uncertain: bool,
    attempts: HashMap<u64, u64>,
    number: u64,
    round: u64,
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
    pub repository: Option<countersign::digest::RepositoryId>,
    /// What the entries say, in short, for whoever looks into a failure.
    pub told: Vec<String>,
}

/// Something new on the journal that the promise speaks of.
pub enum News {
    Planned { environment: &'static str, at: usize },
    Claimed { environment: &'static str },
}

impl Book {
    pub fn new() -> Self {
        let environments = ENVIRONMENTS.iter().map(|name| (*name, EnvironmentBook::default())).collect();
        Self { environments, ..Self::default() }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.line.len()
    }

    pub fn tip(&self) -> Option<Oid> {
        self.line.last().copied()
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
        if !people::DAEMONS.iter().any(|daemon| Some(people::key(daemon).public()) == signer.as_ref()) {
            return Err(wrong("it is signed by no daemon".to_owned()));
        }
        Ok(entry)
    }

    fn follow(&mut self, entry: &JournalEntry, place: usize, ledger: &Ledger) -> Result<Vec<News>, String> {
        for (name, book) in &mut self.environments {
            let content = ledger.content(entry.heads.config, name);
            if book.running.is_none() && book.content != Some(content) {
                book.content = Some(content);
                book.occurrence += 1;
            }
        }
        let mut news = Vec::new();
        for event in &entry.events {
            if super::number("SIMULATION_SEED").is_some() {
                self.told.push(tell(entry, event));
            }
            if let Event::Statement(judged) = event
                && let (Some(plan), Some(by)) = (judged.plan, &judged.by)
                && !matches!(judged.admitted, Admission::Refused { .. })
            {
                self.chains.insert((plan, by.to_string()), judged.digest);
            }
            let Some(name) = event.environment() else { continue };
            let Some(name) = ENVIRONMENTS.into_iter().find(|known| *known == name.as_str()) else { continue };
            let book = self.environments.get_mut(name).unwrap();
            news.extend(book.follow(name, event, place)?);
        }
        Ok(news)
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
        Event::Ready(ready) => format!("{} ready {:?} {} {}", ready.environment, ready.says, ready.n, ready.commit),
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

    fn follow(&mut self, name: &'static str, event: &Event, place: usize) -> Result<Option<News>, String> {
        let wrong = |what: String| Err(format!("{name}: {what}"));
        match event {
            Event::Planned { plan, number, round, commit, .. } => {
                if *number < self.number || *round < self.round {
                    return wrong(format!("number or round went back: {number}/{round}"));
                }
                (self.number, self.round) = (*number, *round);
                let occurrence = self.occurrence;
                let known = self.published.iter().position(|p| p.plan == *plan && p.occurrence == occurrence);
                let at = known.unwrap_or(self.published.len());
                if known.is_none() {
                    let (plan, number, commit) = (*plan, *number, *commit);
                    self.published.push(Published { plan, occurrence, number, commit, ready: Vec::new(), shown: None });
                }
                self.published[at].commit = *commit;
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
                if self.applied.is_some_and(|(number, _)| number >= claim.number) {
                    return wrong(format!("number {} is claimed again", claim.number));
                }
                self.running = Some(Running { claim: claim.clone(), place, published });
                return Ok(Some(News::Claimed { environment: name }));
            }
            Event::Outcome { number, attempt, result, services, .. } => {
                let running = self.running.take();
                let Some(running) = running.filter(|r| (r.claim.number, r.claim.attempt) == (*number, *attempt)) else {
                    return wrong(format!("an outcome of {number}.{attempt}, which does not run"));
                };
                let touched = services.iter().any(|service| service.result != ServiceResult::Untouched);
                match result {
                    OutcomeResult::Applied => {
                        self.applied = Some((*number, running.claim.heads.config));
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
            }
            _ => {}
        }
        Ok(None)
    }
}
