//! The promise, and how the model tells whether it is kept. It judges by the ledger of what people did and by its own
//! reading of the journal; it calls neither the policy nor the lifecycle that are under test.

use std::collections::{BTreeMap, BTreeSet};

use countersign::journal::Claim;
use countersign::object::Oid;

use super::book::{InForce, News};
use super::carried;
use super::chapter::{EnvironmentBook, Published, Running};
use super::charter::{Charter, GOVERNANCE};
use super::content::{Content, ENVIRONMENTS, Files};
use super::correcting::is_same_to_people;
use super::host::Switch;
use super::imports::BASE;
use super::ledger::{Deed, Ledger};
use super::people::email;
use super::process::RECORDS;
use super::rules::{Rule, asked, asked_of_policy, is_sound, may_approve};
use super::world::World;

/// What an environment is before a deployment.
pub fn left(book: &EnvironmentBook, ledger: &Ledger, environment: &str) -> Content {
    book.applied.map_or(Content::Absent, |(_, commit)| ledger.content(commit, environment))
}

impl World {
    /// Everything that was done for a change, up to a config commit.
    pub fn deeds(&self, environment: &str, published: &Published, upto: Oid) -> Vec<&Deed> {
        let after = match environment {
            GOVERNANCE => self.book.policies.last().map(|policy| policy.commit),
            _ => self.book.environments[environment].applied.map(|(_, commit)| commit),
        };
        let mut found: Vec<&Deed> = self.ledger.changes(environment, after, upto).collect();
        let old = self.book.environments[environment].applied_source;
        // Also whoever made what is imported now and was not before.
        if let Some(new) = published.source
            && self.ledger.imported(old) != self.ledger.imported(Some(new))
        {
            found.extend(self.ledger.changes(BASE, old, new));
        }
        found
    }

    /// Who had a hand in a change, up to a config commit: who says so, and who proves it.
    pub fn contributors(
        &self,
        environment: &str,
        published: &Published,
        upto: Oid,
        charter: &Charter,
    ) -> BTreeSet<&'static str> {
        let deeds = self.deeds(environment, published, upto);
        let hands = deeds.iter().flat_map(|deed| deed.hands.iter().copied());
        let signers = deeds.iter().flat_map(|deed| deed.signatures.iter().copied().flatten());
        let drafted = published.drafted_by.iter().copied();
        // Also whoever wishes that it be applied again.
        let wisher = self.wisher(environment, published);
        hands.chain(signers.filter_map(|key| charter.owner_of(key))).chain(drafted).chain(wisher).collect()
    }

    /// Everything that a policy asks for of a change.
    pub fn asked_for(&self, charter: &Charter, environment: &str, leaves: Content, enters: Content) -> Vec<Rule> {
        match environment {
            GOVERNANCE => asked_of_policy(charter),
            _ => asked(charter, environment, leaves, enters),
        }
    }

    /// Why a deployment may not go ahead, as far as what these tips hold tells, under a policy.
    fn objection(
        &self,
        environment: &'static str,
        running: &Running,
        tips: (Oid, Option<Oid>),
        upto: usize,
        charter: &Charter,
    ) -> Option<String> {
        let (published, claimed) = (&running.published, running.claim.heads.config);
        let book = &self.book.environments[environment];
        let ledger = &self.ledger;
        if !ledger.is_same(environment, claimed, published.commit) {
            return Some("the claim was made from a commit with other content than the plan's".to_owned());
        }
        if let Some(why) = self.stopped(environment, published, running.place, tips) {
            return Some(why);
        }
        if let Some(why) = self.unfounded(environment, published, charter) {
            return Some(why);
        }
        let standing = self.standing(environment, published, tips, charter, None);
        if let Some(person) = standing.rejecting.iter().find(|person| may_approve(charter, person, environment)) {
            return Some(format!("{person} rejected it"));
        }
        let contributors = self.contributors(environment, published, claimed, charter);
        let (leaves, enters) = match environment {
            GOVERNANCE => (Content::Absent, Content::Absent),
            _ => (left(book, ledger, environment), ledger.content(published.commit, environment)),
        };
        let rules = self.asked_for(charter, environment, leaves, enters);
        if rules.iter().any(|rule| rule.signed)
            && let Some(why) = self.unsigned(environment, published, claimed, charter)
        {
            return Some(why);
        }
        let carried = self.carried(environment, published, charter, upto);
        let unmet = rules.iter().find(|rule| !rule.is_met(&standing.approvals, &carried, &contributors));
        unmet.map(|rule| {
            format!(
                "not enough approved it: {rule:?} of {:?}, carried over {carried:?}, contributors {contributors:?}",
                standing.approvals
            )
        })
    }
}

impl World {
    /// Reads what is new on the journal and on the host, and holds it against the promise.
    pub fn check(&mut self) -> Result<(), String> {
        while let Some(news) = self.book.read_next(&self.surroundings.server, &self.ledger)? {
            self.log.append(&mut self.book.told);
            for news in news {
                match news {
                    News::Judged { judged, charter } => self.check_judged(&judged, &charter)?,
                    News::Planned { environment, at } => self.check_planned(environment, at)?,
                    News::Drafted { environment, at } => self.check_drafted(environment, at)?,
                    News::Claimed { environment } => self.check_claim(environment)?,
                    News::Corrects { environment } => self.check_correction(environment)?,
                    News::Policy { before, running, heads } => self.check_policy(&before, &running, heads)?,
                }
            }
        }
        let switches = std::mem::take(&mut self.surroundings.host.state().switches);
        switches.into_iter().try_for_each(|switch| self.check_switch(&switch))
    }

    /// Remembers what was on the host when a plan was made: it is what people were shown.
    fn check_planned(&mut self, environment: &'static str, at: usize) -> Result<(), String> {
        let published = &self.book.environments[environment].published[at];
        // Who worked on it as a draft need not be named again.
        let alone = Published { drafted_by: BTreeSet::new(), ..published.clone() };
        let hands = self.contributors(environment, &alone, published.commit, &self.book.charter());
        let is_named = |hand: &str| published.named.iter().any(|name| *name == email(hand) || name == hand);
        if let Some(hand) = hands.iter().find(|hand| !is_named(hand)) {
            return Err(format!("{environment}: {} does not name {hand}, who contributed", published.plan.short()));
        }
        if environment == GOVERNANCE {
            let charter = self.ledger.charter(self.book.environments[GOVERNANCE].published[at].commit);
            let plan = self.book.environments[GOVERNANCE].published[at].plan.short();
            return if is_sound(&charter) {
                Ok(())
            } else {
                Err(format!("{plan} is for a policy that locks: {charter:?}"))
            };
        }
        self.check_rejected(environment, at)?;
        let book = self.book.environments.get_mut(environment).unwrap();
        let published = &book.published[at];
        let enters = self.ledger.content(published.commit, environment);
        let desired = enters.targets(environment, self.ledger.size(published.source));
        let shown = self.mover.map(|mover| self.surroundings.host.seen_by(mover, &desired));
        if let Some(shown) = &shown {
            let before = left(book, &self.ledger, environment);
            let applied = before.targets(environment, self.ledger.size(book.applied_source));
            let removes = carried::removed(&applied, shown, &desired);
            book.published[at].removes = Some(removes);
        }
        book.published[at].shown = shown;
        self.check_again(environment, at)
    }

    /// What somebody rejected stays as it is, however the host changes on.
    fn check_rejected(&self, environment: &'static str, at: usize) -> Result<(), String> {
        let (book, place) = (&self.book.environments[environment], self.book.len() - 1);
        let published = &book.published[at];
        let earlier =
            |other: &&Published| Some(other.plan) == published.instead_of && other.occurrence == published.occurrence;
        let Some(before) = book.published.iter().find(earlier) else { return Ok(()) };
        // What the daemon had seen of the records is not known: a rejection there may have come later, one that was taken back
        // there may have been so before.
        let charter = self.book.charter();
        let rejecting = |records| {
            let standing = self.standing(environment, before, (published.commit, records), &charter, Some(place));
            standing.rejecting
        };
        let still = rejecting(self.surroundings.server.get(RECORDS));
        match rejecting(None).iter().find(|person| still.contains(**person)) {
            Some(person) => {
                let (plan, before) = (published.plan.short(), before.plan.short());
                Err(format!("{environment}: {plan} was planned instead of {before}, which {person} had rejected"))
            }
            None => Ok(()),
        }
    }

    fn check_claim(&mut self, environment: &'static str) -> Result<(), String> {
        let book = &self.book.environments[environment];
        let Some(running) = book.running.clone() else { return Ok(()) };
        let Running { claim, published, place, .. } = &running;
        self.claims += 1;
        self.counts.drafted += usize::from(!published.also.is_empty());
        let wrong = |why: String| Err(format!("{environment}: {} is claimed, but {why}", claim.plan.short()));
        let heads = (claim.heads.config, claim.heads.records);
        let charter = self.book.charter_at(*place);
        if published.occurrence != book.occurrence {
            return wrong("the plan is of an occurrence that has ended".to_owned());
        }
        if let Some(why) = self.objection(environment, &running, heads, *place, &charter) {
            return wrong(why);
        }
        if environment == GOVERNANCE {
            return Ok(());
        }
        let content = self.ledger.content(claim.heads.config, environment);
        let imported = self.book.source(&self.ledger, content).map(|source| self.ledger.imported(source));
        if imported != Ok(self.ledger.imported(published.source)) {
            return wrong("what it imports is not what it imported when it was planned".to_owned());
        }
        if let Some(why) = self.too_early(environment, left(book, &self.ledger, environment), &running) {
            return wrong(why);
        }
        let standing = self.standing(environment, published, heads, &charter, None);
        let by_those = claim.met.iter().flat_map(|met| &met.statements);
        let said_here = |person: &str| standing.approvals.iter().any(|(who, _)| *who == person);
        self.counts.carried += by_those.filter(|(_, person)| !said_here(person.as_str())).count();
        if let Some(started) = &claim.started {
            let book = self.book.environments.get_mut(environment).unwrap();
            book.word = Some(started.statement);
            book.spent.insert(started.statement);
            self.counts.merged_starts += usize::from(self.ledger.is_merge(started.statement));
        }
        self.check_shown(environment, &running)
    }

    /// Planned once more before it is claimed: what the daemon saw on the host then is what people were shown. Where nobody
    /// touched the host after it read the remote, that is what is there.
    fn check_shown(&self, environment: &'static str, running: &Running) -> Result<(), String> {
        let Running { claim, published, .. } = running;
        let book = &self.book.environments[environment];
        let (Some(mover), Some(shown), false) = (self.mover, &published.shown, book.failed) else { return Ok(()) };
        let state = self.surroundings.host.state();
        let undisturbed = state.looks.get(mover).is_some_and(|look| look.hands == state.all_hands());
        let enters = self.ledger.content(published.commit, environment);
        let desired = enters.targets(environment, self.ledger.size(published.source));
        let (seen, now) = (state.seen_by(mover, &desired), state.of(environment));
        drop(state);
        let leaves = left(book, &self.ledger, environment);
        let applied = leaves.targets(environment, self.ledger.size(book.applied_source));
        for (target, applied) in
            applied.iter().filter(|(target, applied)| applied.is_some() || desired[*target].is_some())
        {
            let is_other =
                |other: &BTreeMap<String, Files>| !is_same_to_people(applied, &shown[target], &other[target]);
            if is_other(&seen) || (undisturbed && is_other(&now)) {
                let plan = claim.plan.short();
                return Err(format!(
                    "{environment}: {target} is not as it was when {plan} was planned, and it is claimed"
                ));
            }
        }
        Ok(())
    }

    /// A policy came into force: by the one before it, and by what was known when it did.
    fn check_policy(&mut self, before: &InForce, running: &Running, heads: (Oid, Option<Oid>)) -> Result<(), String> {
        self.policies += 1;
        // What it is judged by is what was in force, so the book is asked as it was.
        let now = self.book.policies.pop().unwrap();
        let why = self.objection(GOVERNANCE, running, heads, running.place, &before.charter);
        self.book.policies.push(now);
        match why {
            Some(why) => Err(format!("policy {} came into force, but {why}", self.book.policies.len())),
            None if !is_sound(&now.charter) => Err(format!("a policy that locks came into force: {:?}", now.charter)),
            None => Ok(()),
        }
    }

    fn check_switch(&mut self, switch: &Switch) -> Result<(), String> {
        let environment = ENVIRONMENTS.into_iter().find(|name| *name == switch.environment).unwrap();
        let wrong =
            |what: String| Err(format!("{environment}: {} was set by {}: {what}", switch.target, switch.daemon));
        self.switches += 1;
        let book = &self.book.environments[environment];
        let (closed, occurrence) = (book.closed, book.occurrence);
        let Some(running) = book.running.clone() else { return self.check_corrected(environment, switch) };
        let Running { claim, place, published, .. } = &running;
        self.check_owner(environment, claim, switch)?;
        let desired = self.ledger.content(claim.heads.config, environment);
        if desired.targets(environment, self.ledger.size(published.source))[&switch.target] != switch.after {
            return wrong(format!("the plan is for {desired:?}, but this was set: {:?}", switch.after));
        }
        let (tips, seen) = self.looked_again(environment, *place, switch)?;
        let charter = self.book.charter_at(seen);
        if published.occurrence != occurrence {
            return wrong("the plan is of an occurrence that has ended".to_owned());
        }
        if let Some(why) = self.objection(environment, &running, tips, seen, &charter) {
            return wrong(why);
        }
        // What another daemon wrote after this one had looked was not passed over.
        if closed.is_some_and(|closed| closed <= seen) {
            return wrong("the journal says that it was closed".to_owned());
        }
        self.set_once(environment, claim.number, switch)
    }

    /// A claim is carried out by the daemon that made it.
    pub fn check_owner(&self, environment: &str, claim: &Claim, switch: &Switch) -> Result<(), String> {
        if claim.plan != switch.plan {
            let (plan, of) = (claim.plan.short(), switch.plan.short());
            return Err(format!(
                "{environment}: {} was set: the claim is for {plan}, the permit for {of}",
                switch.target
            ));
        }
        let process = self.processes.iter().find(|process| process.name == switch.daemon).unwrap();
        let taken = self.taken_over.contains(&format!("{environment}/{}.{}", claim.number, claim.attempt));
        if claim.instance != process.folder.instance && !taken {
            let (target, daemon) = (&switch.target, switch.daemon);
            return Err(format!("{environment}: {target} was set by {daemon}: the claim is another daemon's"));
        }
        Ok(())
    }

    /// What a daemon had read when it set a target: it looked again after its claim.
    pub fn looked_again(
        &self,
        environment: &str,
        place: usize,
        switch: &Switch,
    ) -> Result<((Oid, Option<Oid>), usize), String> {
        let wrong = |what: &str| Err(format!("{environment}: {} was set by {}: {what}", switch.target, switch.daemon));
        let seen = switch.look.journal.and_then(|tip| self.book.place(tip));
        let Some(seen) = seen.filter(|seen| *seen >= place) else {
            return wrong("the daemon did not look again after its claim");
        };
        let Some(config) = switch.look.config else { return wrong("without a config branch") };
        Ok(((config, switch.look.records), seen))
    }

    /// Nothing is set twice under one number, unless somebody changed it by hand since.
    pub fn set_once(&mut self, environment: &'static str, number: u64, switch: &Switch) -> Result<(), String> {
        if switch.before == switch.after {
            return Ok(());
        }
        let book = self.book.environments.get_mut(environment).unwrap();
        match book.switched.insert((number, switch.target.clone()), switch.hands) {
            Some(hands) if hands == switch.hands => {
                let target = &switch.target;
                Err(format!("{environment}: {target} was set by {}: twice as number {number}", switch.daemon))
            }
            _ => Ok(()),
        }
    }
}
