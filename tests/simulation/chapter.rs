//! What the journal says of one environment: what was planned, claimed and done.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use countersign::digest::{PlanId, RevisionId, StatementId};
use countersign::journal::{Admission, Claim, Event, OutcomeResult, ReadyMade, ServiceResult};
use countersign::model::RequestAction;
use countersign::object::Oid;
use countersign::plan::{Contributor, PlanKind};

use super::book::News;
use super::carried::{Makers, Verdict, makers};
use super::content::{Content, Files};
use super::correcting::Correcting;
use super::drafts::Drafts;
use super::drift::Times;
use super::ledger::Ledger;

/// A plan, as it was published in one occurrence.
#[derive(Debug, Clone)]
pub struct Published {
    pub plan: PlanId,
    pub occurrence: u64,
    /// When it was the plan of a draft: what was said on it then goes on.
    pub also: BTreeSet<u64>,
    /// Who worked on it then.
    pub drafted_by: BTreeSet<&'static str>,
    pub number: u64,
    pub commit: Oid,
    pub revision: Option<RevisionId>,
    /// The config commit of what it imports.
    pub source: Option<Oid>,
    /// Whom it names as contributors: their addresses, and their names, which somebody keeps who is in the policy no more.
    pub named: Vec<String>,
    /// The same, with how that is known.
    pub makers: Makers,
    pub kind: PlanKind,
    /// The number of the deployment that it starts from.
    pub base: Option<u64>,
    /// Which change of the environment it is a plan of: see [`EnvironmentBook::change`].
    pub change: u64,
    /// The entry that told it first.
    pub told_at: usize,
    /// Where it came before people's eyes, the last time that it was not there before.
    pub shown_at: usize,
    /// Where it was told with other contributors than before; 0 where that never was.
    pub renewed: usize,
    pub ready: Vec<ReadyMade>,
    /// What was on the host when it was planned.
    pub shown: Option<BTreeMap<String, Files>>,
    /// The plan that waited when this one was told.
    pub instead_of: Option<PlanId>,
    /// What it takes away, where the model knows what was there.
    pub removes: Option<BTreeSet<String>>,
}

impl Published {
    /// What an event says of a plan, of the config branch or of a draft, that was not told before.
    pub fn told(event: &Event, (occurrence, change): (u64, u64), place: usize) -> Option<Self> {
        let (Event::Planned { plan, number, commit, revision, base, contributors, kind, .. }
        | Event::DraftPlanned { plan, number, commit, revision, base, contributors, kind, .. }) = event
        else {
            return None;
        };
        Some(Self {
            plan: *plan,
            occurrence,
            also: BTreeSet::new(),
            drafted_by: BTreeSet::new(),
            number: *number,
            commit: *commit,
            revision: *revision,
            source: None,
            named: Vec::new(),
            makers: makers(contributors),
            kind: *kind,
            base: base.map(|base| base.number),
            change,
            told_at: place,
            shown_at: place,
            renewed: 0,
            ready: Vec::new(),
            shown: None,
            instead_of: None,
            removes: None,
        })
    }
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
    /// Counts changes: one is over once it is done, closed or reopened, or nothing is desired but what is applied.
    pub change: u64,
    pub drafts: Drafts,
    /// What was said that counted, in the order judged.
    pub verdicts: Vec<Verdict>,
    /// The config commit at which it was looked at last, and what it imported then.
    pub looked_at: Option<(Oid, Option<Content>)>,
    pub published: Vec<Published>,
    /// Which of them waits, or failed and is to be tried again.
    pub current: Option<usize>,
    pub failed: bool,
    pub running: Option<Running>,
    /// The correction that runs.
    pub correcting: Option<Correcting>,
    /// When the last deployment was corrected.
    pub corrected: Times,
    /// When it was told that the host had changed by itself, since somebody last did something else.
    pub told: Times,
    /// The wish that what is applied be applied again.
    pub redeploy: Option<StatementId>,
    /// The number and the config commit of the last deployment that was done.
    pub applied: Option<(u64, Oid)>,
    /// The plan of that deployment.
    pub applied_plan: Option<PlanId>,
    /// The config commit of what the last deployment imported.
    pub applied_source: Option<Oid>,
    /// The config commit from which each revision was applied last.
    pub deployed: HashMap<RevisionId, Oid>,
    /// The config commit of what was recorded without a deployment after that.
    recorded: Option<Oid>,
    pub uncertain: bool,
    /// Whether any deployment ever ended part-way: what it had set, and nobody wants since, is in no plan and stays.
    pub left_behind: bool,
    pub attempts: HashMap<u64, u64>,
    number: u64,
    round: u64,
    /// The highest number that can never be given again.
    consumed: u64,
    /// What each plan is the plan of: its number and round.
    named: HashMap<PlanId, (u64, u64)>,
    /// The place of the entry that says that what runs was closed.
    pub closed: Option<usize>,
    /// The word by which what runs, or failed, was started.
    pub word: Option<StatementId>,
    /// Words that started something.
    pub spent: HashSet<StatementId>,
    /// How often a target had been changed by hand when it was set last, under a number.
    pub switched: HashMap<(u64, String), usize>,
}

impl EnvironmentBook {
    pub fn current(&self) -> Option<&Published> {
        self.current.map(|at| &self.published[at])
    }

    /// Whether something was recorded since the last deployment.
    pub fn has_recorded(&self) -> bool {
        self.recorded.is_some()
    }

    /// Whether anything was ever claimed under a number.
    pub fn was_claimed(&self, number: u64) -> bool {
        self.attempts.contains_key(&number)
    }

    /// What is in force: what was recorded last, else applied.
    pub fn in_force(&self, ledger: &Ledger, environment: &str) -> Content {
        let commit = self.recorded.or(self.applied.map(|(_, commit)| commit));
        commit.map_or(Content::Absent, |commit| ledger.content(commit, environment))
    }

    pub fn follow(
        &mut self,
        name: &'static str,
        event: &Event,
        (place, time): (usize, i64),
        source: Option<Oid>,
    ) -> Result<Option<News>, String> {
        let wrong = |what: String| Err(format!("{name}: {what}"));
        match event {
            Event::Statement(judged) if judged.admitted == Admission::Admitted => {
                self.verdicts.extend(Verdict::of(judged, place));
                let followed = self.follow_request(judged.request.as_ref(), (judged.digest, place));
                followed.map_err(|what| format!("{name}: {what}"))?;
            }
            Event::Recorded { commit, .. } => self.recorded = Some(*commit),
            Event::Planned { plan, number, round, commit, base, contributors, kind, .. } => {
                if *number < self.number || *round < self.round {
                    return wrong(format!("number or round went back: {number}/{round}"));
                }
                if base.map(|base| base.number) != self.applied.map(|(number, _)| number) {
                    return wrong(format!("{} starts from {base:?}, not from what is applied", plan.short()));
                }
                if *number <= self.consumed {
                    return wrong(format!("number {number} is given again after {}", self.consumed));
                }
                if self.named.insert(*plan, (*number, *round)).is_some_and(|named| named != (*number, *round)) {
                    return wrong(format!("{} is the name of two plans", plan.short()));
                }
                (self.number, self.round) = (*number, *round);
                let before = self.current.map(|at| self.published[at].plan);
                let by_itself = before.map_or(*kind == PlanKind::Drift, |before| before != *plan);
                let too_soon = self.told.is_too_soon(time);
                if by_itself {
                    if before.is_none() && too_soon {
                        return wrong(format!("{} is told too soon", plan.short()));
                    }
                    self.told.add(time);
                }
                let occurrence = self.occurrence;
                let known = self.published.iter().position(|p| p.plan == *plan && p.occurrence == occurrence);
                let at = known.unwrap_or(self.published.len());
                if known.is_none() {
                    let first = Published::told(event, (occurrence, self.change), place);
                    self.published.extend(first.map(|first| Published { source, ..first }));
                }
                self.published[at].instead_of = before.filter(|before| before != plan);
                let is_current = self.current == Some(at);
                let makers = makers(contributors);
                let published = &mut self.published[at];
                if published.makers != makers {
                    (published.makers, published.renewed) = (makers, place);
                }
                if !is_current {
                    published.shown_at = place;
                }
                let (plan, revision) = (published.plan, published.revision);
                if let Some(draft) = self.drafts.planned(plan, revision) {
                    self.published[at].follow_draft(draft, place);
                }
                (self.published[at].commit, self.published[at].source) = (*commit, source);
                let names =
                    |one: &Contributor| [Some(one.email.to_string()), one.person.as_ref().map(ToString::to_string)];
                self.published[at].named = contributors.iter().flat_map(names).flatten().collect();
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
                (self.told, self.redeploy) = (Times::default(), None);
            }
            Event::AsApplied { .. } => {
                self.current = self.current.filter(|at| self.published[*at].kind != PlanKind::Drift);
                self.told.add(time);
            }
            Event::Ready(ready) => {
                let occurrence = self.occurrence;
                let newest = self.published.iter_mut().rev();
                let mut mine = newest.filter(|p| p.plan == ready.plan && p.occurrence == occurrence);
                let Some(published) = mine.next().or_else(|| self.drafts.find(ready.plan)) else {
                    return wrong(format!("a ready-made commit for {}, which was never published", ready.plan.short()));
                };
                published.ready.push(ready.clone());
            }
            Event::Claimed(claim) if claim.drift.is_some() => {
                return self.follow_correction(name, claim, (place, time)).map(Some);
            }
            Event::Claimed(claim) => {
                let Some(published) = self.current().filter(|p| p.plan == claim.plan).cloned() else {
                    return wrong(format!("a claim of {}, which does not wait", claim.plan.short()));
                };
                if self.running.is_some() || self.correcting.is_some() {
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
            Event::Outcome { number, attempt, result, .. }
                if self.ends_correction((*number, *attempt), *result, time) => {}
            Event::Outcome { number, attempt, result, services, .. } => {
                let running = self.running.take();
                let Some(running) = running.filter(|r| (r.claim.number, r.claim.attempt) == (*number, *attempt)) else {
                    return wrong(format!("an outcome of {number}.{attempt}, which does not run"));
                };
                let was_closed = self.closed.take().is_some();
                if *result != OutcomeResult::Abandoned || was_closed {
                    self.drafts.end();
                    self.consumed = self.consumed.max(*number);
                }
                if *result != OutcomeResult::Failed {
                    self.word = None;
                }
                let touched = services.iter().any(|service| service.result != ServiceResult::Untouched);
                match result {
                    OutcomeResult::Applied => {
                        self.applied = Some((*number, running.claim.heads.config));
                        (self.applied_plan, self.corrected) = (Some(running.claim.plan), Times::default());
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
                self.left_behind |= self.uncertain;
                if matches!(result, OutcomeResult::Applied | OutcomeResult::Unknown) {
                    self.change += 1;
                    (self.current, self.redeploy) = (None, None);
                    self.occurrence += 1;
                }
                self.failed = *result == OutcomeResult::Failed || (*result == OutcomeResult::Abandoned && self.failed);
                if was_closed {
                    self.redeploy = None;
                    self.end_change();
                }
            }
            Event::DraftPlanned { .. } | Event::DraftUnplanned { .. } => {
                return Ok(self.follow_draft(name, event, place));
            }
            _ => {}
        }
        Ok(None)
    }

    fn follow_request(
        &mut self,
        request: Option<&RequestAction>,
        (digest, place): (StatementId, usize),
    ) -> Result<(), String> {
        match request {
            Some(RequestAction::Close { .. }) if self.running.is_some() => self.closed = Some(place),
            Some(RequestAction::Close { plan }) => {
                let is_of_drift = |published: &Published| published.plan == *plan && published.kind == PlanKind::Drift;
                if self.published.iter().any(is_of_drift) {
                    return Err(format!("a close of {}, which would leave what changed on the host", plan.short()));
                }
                let number = self.named.get(plan).map_or(0, |(number, _)| *number);
                self.consumed = self.consumed.max(number);
                self.redeploy = None;
                self.end_change();
            }
            Some(RequestAction::Reopen { .. }) => self.end_change(),
            Some(RequestAction::Redeploy { number }) => {
                if self.claim().is_some() || self.current.is_some() || self.uncertain || self.redeploy.is_some() {
                    return Err("a redeployment is let in where something else waits".to_owned());
                }
                if Some(*number) != self.applied.map(|(number, _)| number) {
                    return Err(format!("a redeployment of {number} is let in, which is not applied"));
                }
                self.redeploy = Some(digest);
            }
            _ => {}
        }
        Ok(())
    }

    /// What was open is open no more, and what was said about it counts no more.
    fn end_change(&mut self) {
        self.current = None;
        self.failed = false;
        self.word = None;
        self.told = Times::default();
        self.occurrence += 1;
        self.change += 1;
        self.drafts.end();
    }

    /// At the end of an entry: nothing is desired but what is applied, and nothing is open.
    pub fn rest(&mut self) {
        if self.current.is_none() && self.running.is_none() && !self.failed {
            self.change += 1;
        }
    }
}
