//! What holds in a quiet world: everything that is approved was applied, and what is open is what is desired.

use std::collections::BTreeSet;

use countersign::model::ApprovalVerdict;

use super::chapter::Published;
use super::charter::{Charter, GOVERNANCE};
use super::content::{Content, ENVIRONMENTS, Files};
use super::hearing::{Ear, about};
use super::imports::{BASE, IMPORTER};
use super::promise::left;
use super::request::{Asked, Wish};
use super::rules::{is_sound, may_approve, may_deploy};
use super::window::Window;
use super::world::World;

impl World {
    /// In a quiet world: everything that is approved was applied, and everything else is as it was.
    pub fn check_quiet(&mut self) -> Result<(), String> {
        self.check()?;
        ENVIRONMENTS.into_iter().try_for_each(|name| self.check_quiet_environment(name))?;
        ENVIRONMENTS.into_iter().try_for_each(|name| self.check_quiet_draft(name))?;
        self.check_quiet_policy()
    }

    fn check_quiet_policy(&self) -> Result<(), String> {
        let wrong = |what: String| Err(format!("the policy in a quiet world: {what}"));
        let book = &self.book.environments[GOVERNANCE];
        if let Some(running) = &book.running {
            return wrong(format!("{}.{} never ended", running.claim.number, running.claim.attempt));
        }
        let desired = self.ledger.charter_now();
        let is_open = book.current().is_some_and(|open| self.ledger.charter(open.commit) == desired);
        if !is_sound(&desired) || desired == self.book.charter() {
            return if is_open { wrong("there is nothing to do, but a plan is open".to_owned()) } else { Ok(()) };
        }
        let Some(open) = book.current().filter(|_| is_open) else {
            return wrong(format!("it shall be {desired:?}, but that is not planned"));
        };
        let stops = |asked: &Asked| asked.environment == GOVERNANCE && !matches!(asked.wish, Wish::Deploy { .. });
        if !self.ledger.ever_asked().any(stops)
            && self.is_approved_beyond_doubt(GOVERNANCE, open, (Content::Absent, Content::Absent), None)
        {
            return wrong(format!("{} is approved and did not come into force", open.plan.short()));
        }
        Ok(())
    }

    /// Whether a plan is approved by people whose only word on it was a plain approval that nobody spoiled, and nobody
    /// rejected it.
    fn is_approved_beyond_doubt(
        &self,
        environment: &'static str,
        open: &Published,
        (leaves, enters): (Content, Content),
        upto: Option<usize>,
    ) -> bool {
        let charter = self.book.charter();
        let mut approvals = BTreeSet::new();
        for (person, said) in about(self.ledger.said(), open) {
            if said.iter().any(|said| said.verdict == ApprovalVerdict::Reject) {
                return false;
            }
            if let [only] = said.as_slice()
                && (only.verdict, only.previous) == (ApprovalVerdict::Approve, None)
                && only.environment == environment
                && !self.ledger.spoiled.contains(&only.path)
                && may_approve(&charter, person, environment)
                && charter.key_of(person) == Some(only.key)
                && self.counted_then(only, upto)
            {
                approvals.insert((person, only.by_record));
            }
        }
        let mut contributors = self.contributors(environment, open, self.config_tip(), &charter);
        // Also whoever worked on a draft with this very plan, which may have become this one.
        let drafts = self.book.environments[environment].drafts.told.iter().map(|told| &told.published);
        contributors.extend(drafts.filter(|draft| draft.plan == open.plan).flat_map(Published::workers));
        let rules = self.asked_for(&charter, environment, leaves, enters);
        let carried = BTreeSet::new();
        open.occurrence == self.book.environments[environment].occurrence
            && rules.iter().all(|rule| rule.is_met(&approvals, &carried, &contributors))
            && (!rules.iter().any(|rule| rule.signed)
                || self.unsigned(environment, open, self.config_tip(), &charter).is_none())
    }

    /// Whether somebody who certainly may said that this be deployed, as their only word, once everything was there.
    fn is_started_beyond_doubt(
        &self,
        environment: &'static str,
        open: &Published,
        leaves: Content,
        enters: Content,
    ) -> bool {
        // A claim spends everything that was asked for until then.
        if self.book.environments[environment].was_claimed(open.number) {
            return false;
        }
        let charter = self.book.charter();
        let is_only = |person: &str| {
            let asked =
                self.ledger.ever_asked().filter(|asked| (asked.person, asked.environment) == (person, environment));
            let said = self.ledger.said().filter(|said| (said.person, said.environment) == (person, environment));
            asked.count() + said.count() == 1
        };
        let now = self.now().as_second();
        let counts = |person, key, digest, path: &str| {
            let Ear::Heard(heard) = self.ear(digest, Some(open.plan), path) else { return false };
            let may =
                |charter: &Charter| charter.key_of(person) == Some(key) && may_deploy(charter, person, environment);
            may(&heard.charter)
                && may(&charter)
                && is_only(person)
                && !self.ledger.spoiled.contains(path)
                && self.is_approved_beyond_doubt(environment, open, (leaves, enters), Some(heard.place))
        };
        let asked = self.ledger.ever_asked().filter(|asked| {
            matches!(asked.wish, Wish::Deploy { plan, occurrence, at, overrides: false }
                if (plan, occurrence) == (open.plan, open.occurrence) && at.is_none_or(|at| at <= now))
        });
        let said = self.ledger.said().filter(|said| {
            said.deploy
                && (said.plan, said.occurrence) == (open.plan, open.occurrence)
                && said.verdict == ApprovalVerdict::Approve
        });
        // Who cannot approve starts nothing by approving.
        asked.into_iter().any(|asked| counts(asked.person, asked.key, asked.digest, &asked.path))
            || said
                .into_iter()
                .any(|said| self.counted_then(said, None) && counts(said.person, said.key, said.digest, &said.path))
    }

    /// Whether an approval was its maker's and theirs to give when it was judged.
    fn counted_then(&self, said: &super::ledger::Said, upto: Option<usize>) -> bool {
        match self.ear(said.digest, Some(said.plan), &said.path) {
            Ear::Heard(heard) => {
                upto.is_none_or(|upto| heard.place <= upto)
                    && may_approve(&heard.charter, said.person, said.environment)
                    && heard.charter.key_of(said.person) == Some(said.key)
            }
            // In a quiet world all that could be judged was; what was not is in doubt.
            Ear::Refused => false,
            Ear::Unheard => upto.is_none(),
        }
    }

    fn check_quiet_environment(&self, environment: &'static str) -> Result<(), String> {
        let wrong = |what: String| Err(format!("{environment} in a quiet world: {what}"));
        let book = &self.book.environments[environment];
        if let Some(claim) = book.claim() {
            return wrong(format!("{}.{} never ended", claim.number, claim.attempt));
        }
        let there = left(book, &self.ledger, environment);
        let state = self.surroundings.host.state();
        let (found, disturbed) = (state.of(environment), state.disturbed.clone());
        drop(state);
        let mut applied = there.targets(environment, self.ledger.size(book.applied_source)).into_iter();
        let is_other = |(target, files): &(String, Files)| {
            let is_left_behind = files.is_none() && book.left_behind;
            !disturbed.contains_key(target) && !is_left_behind && found[target] != *files
        };
        if !book.uncertain
            && let Some((target, _)) = applied.find(is_other)
        {
            return wrong(format!("{there:?} was applied, but the host has in {target} {:?}", found[&target]));
        }
        if let Some(why) = self.left_uncorrected(environment) {
            return wrong(why);
        }
        let desired = self.ledger.now(environment);
        let source = self.book.source(&self.ledger, desired);
        let alike = match source {
            // Others take what was approved, so nothing is recorded there without.
            _ if environment == BASE && self.book.is_imported(&self.ledger, self.ledger.now(IMPORTER)) => {
                desired == there
            }
            Ok(source) => {
                !desired.has_effect_after(there) && self.ledger.size(source) == self.ledger.size(book.applied_source)
            }
            Err(_) => false,
        };
        let same = !book.uncertain && alike;
        if !desired.is_sound() || source.is_err() || same || (desired == Content::Absent && there == Content::Absent) {
            let again = same.then(|| self.planned_again(environment)).transpose();
            let again = again.map_err(|what| format!("{environment} in a quiet world: {what}"))?;
            match (book.current(), again.flatten()) {
                (Some(_), Some(_)) => {}
                (Some(open), None) => {
                    return wrong(format!("{} is open, but there is nothing to do", open.plan.short()));
                }
                (None, _) => return Ok(()),
            }
        }
        let Some(open) = book.current() else {
            return wrong(format!("it is {there:?} and shall be {desired:?}, but nothing is planned"));
        };
        let imported = source.map(|source| self.ledger.imported(source));
        if self.ledger.content(open.commit, environment) != desired || imported != Ok(self.ledger.imported(open.source))
        {
            return wrong(format!("the open plan is not for what is desired, {desired:?}"));
        }
        let stopped = |asked: &Asked| {
            asked.environment == environment && !matches!(asked.wish, Wish::Deploy { .. } | Wish::Redeploy { .. })
        };
        let window = there.window();
        let manual = there.is_manual() || desired.is_manual();
        let started = !manual || self.is_started_beyond_doubt(environment, open, there, desired);
        let held = !started || window == Window::Both;
        if !held
            && !self.ledger.ever_asked().any(stopped)
            && self.unfounded(environment, open, &self.book.charter()).is_none()
            && self.is_approved_beyond_doubt(environment, open, (there, desired), None)
        {
            return wrong(format!("{} is approved and was not applied", open.plan.short()));
        }
        Ok(())
    }
}
