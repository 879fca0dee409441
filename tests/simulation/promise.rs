//! The promise, and how the model tells whether it is kept. It judges by the ledger of what people did and by its own
//! reading of the journal; it calls neither the policy nor the lifecycle that are under test.

use std::collections::{BTreeMap, BTreeSet};

use countersign::digest::PlanId;
use countersign::model::ApprovalVerdict;
use countersign::object::Oid;

use super::book::{EnvironmentBook, News, Published, Running};
use super::content::{Content, ENVIRONMENTS};
use super::host::Switch;
use super::ledger::{Ledger, Said};
use super::rules::{asked, may_approve};
use super::world::World;

/// What stands of what was said about one occurrence of a plan.
struct Standing {
    /// Whose approval may stand, and whether it is a record.
    approvals: BTreeSet<(&'static str, bool)>,
    /// Who certainly rejects it.
    rejecting: BTreeSet<&'static str>,
}

fn about<'a>(
    said: impl Iterator<Item = &'a Said>,
    plan: PlanId,
    occurrence: u64,
) -> BTreeMap<&'static str, Vec<&'a Said>> {
    let mut people: BTreeMap<&str, Vec<&Said>> = BTreeMap::new();
    for said in said.filter(|said| said.plan == plan && said.occurrence == occurrence) {
        people.entry(said.person).or_default().push(said);
    }
    people
}

fn standing<'a>(said: impl Iterator<Item = &'a Said>, plan: PlanId, occurrence: u64) -> Standing {
    let mut standing = Standing { approvals: BTreeSet::new(), rejecting: BTreeSet::new() };
    for (person, said) in about(said, plan, occurrence) {
        // Their last rejection, unless a later word of theirs names it.
        let rejection = said.iter().rev().find(|said| said.verdict == ApprovalVerdict::Reject);
        let taken_back = |rejection: &Said| {
            said.iter().any(|s| s.verdict == ApprovalVerdict::Withdraw && s.previous == Some(rejection.digest))
        };
        if rejection.is_some_and(|rejection| !taken_back(rejection)) {
            standing.rejecting.insert(person);
        }
        // Of several approvals in a row a later one may be void, and the one before it still stands.
        let approvals = said.iter().rev().take_while(|said| said.verdict == ApprovalVerdict::Approve);
        standing.approvals.extend(approvals.map(|approval| (person, approval.by_record)));
    }
    standing
}

/// What an environment is before a deployment.
fn left(book: &EnvironmentBook, ledger: &Ledger, environment: &str) -> Content {
    book.applied.map_or(Content::Absent, |(_, commit)| ledger.content(commit, environment))
}

/// Why a deployment may not go ahead, as far as what these tips hold tells.
fn objection(
    world: &World,
    environment: &'static str,
    published: &Published,
    claimed: Oid,
    (config, records): (Oid, Option<Oid>),
) -> Option<String> {
    let book = &world.book.environments[environment];
    let ledger = &world.ledger;
    let desired = ledger.content(published.commit, environment);
    if ledger.content(claimed, environment) != desired {
        return Some("the claim was made from a commit with other content than the plan's".to_owned());
    }
    if published.occurrence != book.occurrence {
        return Some("the plan is of an occurrence that has ended".to_owned());
    }
    let standing = standing(ledger.visible(config, records), published.plan, published.occurrence);
    if let Some(person) = standing.rejecting.iter().find(|person| may_approve(person, environment)) {
        return Some(format!("{person} rejected it"));
    }
    let contributors = ledger.contributors(environment, book.applied.map(|(_, commit)| commit), claimed);
    let rules = asked(environment, left(book, ledger, environment), desired);
    let unmet = rules.iter().find(|rule| !rule.is_met(&standing.approvals, &contributors));
    unmet.map(|rule| {
        format!("not enough approved it: {rule:?} of {:?}, contributors {contributors:?}", standing.approvals)
    })
}

impl World {
    /// Reads what is new on the journal and on the host, and holds it against the promise.
    pub fn check(&mut self) -> Result<(), String> {
        while let Some(news) = self.book.read_next(&self.surroundings.server, &self.ledger)? {
            self.log.append(&mut self.book.told);
            for news in news {
                match news {
                    News::Planned { environment, at } => self.check_planned(environment, at),
                    News::Claimed { environment } => self.check_claim(environment)?,
                }
            }
        }
        let switches = std::mem::take(&mut self.surroundings.host.state().switches);
        switches.into_iter().try_for_each(|switch| self.check_switch(&switch))
    }

    /// Remembers what was on the host when a plan was made: it is what people were shown.
    fn check_planned(&mut self, environment: &'static str, at: usize) {
        let mover = self.mover.unwrap_or_default();
        let state = self.surroundings.host.state();
        let seen = state.planned.get(&(mover, environment.to_owned())).cloned();
        drop(state);
        let book = self.book.environments.get_mut(environment).unwrap();
        book.published[at].shown = seen;
    }

    fn check_claim(&mut self, environment: &'static str) -> Result<(), String> {
        let book = &self.book.environments[environment];
        let Some(Running { claim, published, .. }) = &book.running else { return Ok(()) };
        self.claims += 1;
        let heads = (claim.heads.config, claim.heads.records);
        if let Some(why) = objection(self, environment, published, claim.heads.config, heads) {
            return Err(format!("{environment}: {} is claimed, but {why}", claim.plan.short()));
        }
        // Planned once more before it is claimed: what the daemon could see on the host is what people were shown.
        let state = self.surroundings.host.state();
        let look = self.mover.and_then(|daemon| state.looks.get(daemon).copied());
        let undisturbed = look.is_some_and(|look| look.meddled == self.meddled());
        let now = state.of(environment);
        drop(state);
        if claim.attempt == 1 && undisturbed && published.shown.as_ref().is_some_and(|shown| *shown != now) {
            return Err(format!("{environment}: the host is not as it was when {} was planned", claim.plan.short()));
        }
        Ok(())
    }

    fn check_switch(&mut self, switch: &Switch) -> Result<(), String> {
        let environment = ENVIRONMENTS.into_iter().find(|name| *name == switch.environment).unwrap();
        let wrong =
            |what: String| Err(format!("{environment}: {} was set by {}: {what}", switch.target, switch.daemon));
        self.switches += 1;
        let book = &self.book.environments[environment];
        let Some(Running { claim, place, published }) = book.running.clone() else {
            return wrong("nothing is claimed".to_owned());
        };
        if claim.plan != switch.plan {
            return wrong(format!("the claim is for {}, the permit for {}", claim.plan.short(), switch.plan.short()));
        }
        let process = self.processes.iter().find(|process| process.name == switch.daemon).unwrap();
        let taken = self.taken_over.contains(&format!("{environment}/{}.{}", claim.number, claim.attempt));
        if claim.instance != process.folder.instance && !taken {
            return wrong("the claim is another daemon's".to_owned());
        }
        let desired = self.ledger.content(claim.heads.config, environment);
        if desired.targets(environment)[&switch.target] != switch.after {
            return wrong(format!("the plan is for {desired:?}, but this was set: {:?}", switch.after));
        }
        let seen = switch.look.journal.and_then(|tip| self.book.place(tip));
        if seen.is_none_or(|seen| seen < place) {
            return wrong("the daemon did not look again after its claim".to_owned());
        }
        let Some(config) = switch.look.config else { return wrong("without a config branch".to_owned()) };
        if let Some(why) = objection(self, environment, &published, claim.heads.config, (config, switch.look.records)) {
            return wrong(why);
        }
        if switch.before != switch.after {
            let book = self.book.environments.get_mut(environment).unwrap();
            let count = book.switched.entry((claim.number, switch.target.clone())).or_default();
            *count += 1;
            if *count > 1 && self.meddled() == 0 {
                return wrong(format!("it was applied twice as number {}", claim.number));
            }
        }
        Ok(())
    }

    /// In a quiet world: everything that is approved was applied, and everything else is as it was.
    pub fn check_quiet(&mut self) -> Result<(), String> {
        self.check()?;
        ENVIRONMENTS.into_iter().try_for_each(|name| self.check_quiet_environment(name))
    }

    fn check_quiet_environment(&self, environment: &'static str) -> Result<(), String> {
        let wrong = |what: String| Err(format!("{environment} in a quiet world: {what}"));
        let book = &self.book.environments[environment];
        if let Some(running) = &book.running {
            return wrong(format!("{}.{} never ended", running.claim.number, running.claim.attempt));
        }
        let there = left(book, &self.ledger, environment);
        let found = self.surroundings.host.of(environment);
        if !book.uncertain && self.meddled() == 0 && there.targets(environment) != found {
            return wrong(format!("{there:?} was applied, but the host has {found:?}"));
        }
        let desired = self.ledger.now(environment);
        let same = !book.uncertain && !desired.has_effect_after(there);
        if !desired.is_sound() || same || (desired == Content::Absent && there == Content::Absent) {
            return match book.current() {
                Some(open) => wrong(format!("{} is open, but there is nothing to do", open.plan.short())),
                None => Ok(()),
            };
        }
        let Some(open) = book.current() else {
            return wrong(format!("it is {there:?} and shall be {desired:?}, but nothing is planned"));
        };
        if self.ledger.content(open.commit, environment) != desired {
            return wrong(format!("the open plan is not for what is desired, {desired:?}"));
        }
        // Approved beyond doubt: by people whose only word on it was a plain approval that nobody spoiled.
        let mut approvals = BTreeSet::new();
        let mut rejected = false;
        for (person, said) in about(self.ledger.said(), open.plan, open.occurrence) {
            rejected |= said.iter().any(|said| said.verdict == ApprovalVerdict::Reject);
            if let [only] = said.as_slice()
                && (only.verdict, only.previous) == (ApprovalVerdict::Approve, None)
                && only.environment == environment
                && !self.ledger.spoiled.contains(&only.path)
            {
                approvals.insert((person, only.by_record));
            }
        }
        let tip = self.config_tip();
        let contributors = self.ledger.contributors(environment, book.applied.map(|(_, commit)| commit), tip);
        let rules = asked(environment, there, desired);
        if !rejected && open.occurrence == book.occurrence && rules.iter().all(|r| r.is_met(&approvals, &contributors))
        {
            let plan = open.plan.short();
            return wrong(format!(
                "{plan} is approved by {approvals:?} and was not applied (contributors {contributors:?})"
            ));
        }
        Ok(())
    }
}
