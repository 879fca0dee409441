//! What holds in a quiet world: everything that is approved was applied, and what is open is what is desired.

use std::collections::BTreeSet;

use countersign::model::ApprovalVerdict;

use super::chapter::Published;
use super::charter::GOVERNANCE;
use super::content::{Content, ENVIRONMENTS};
use super::hearing::{Ear, about};
use super::imports::{BASE, IMPORTER};
use super::promise::left;
use super::request::{Asked, Wish};
use super::rules::{is_sound, may_approve};
use super::window::Window;
use super::world::World;

impl World {
    /// In a quiet world: everything that is approved was applied, and everything else is as it was.
    pub fn check_quiet(&mut self) -> Result<(), String> {
        self.check()?;
        ENVIRONMENTS.into_iter().try_for_each(|name| self.check_quiet_environment(name))?;
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
        if self.is_approved_beyond_doubt(GOVERNANCE, open, Content::Absent, Content::Absent) {
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
        leaves: Content,
        enters: Content,
    ) -> bool {
        let charter = self.book.charter();
        let mut approvals = BTreeSet::new();
        for (person, said) in about(self.ledger.said(), open.plan, open.occurrence) {
            if said.iter().any(|said| said.verdict == ApprovalVerdict::Reject) {
                return false;
            }
            if let [only] = said.as_slice()
                && (only.verdict, only.previous) == (ApprovalVerdict::Approve, None)
                && only.environment == environment
                && !self.ledger.spoiled.contains(&only.path)
                && may_approve(&charter, person, environment)
                && charter.key_of(person) == Some(only.key)
                && self.counted_then(only)
            {
                approvals.insert((person, only.by_record));
            }
        }
        let contributors = self.contributors(environment, open, self.config_tip());
        let rules = self.asked_for(&charter, environment, leaves, enters);
        open.occurrence == self.book.environments[environment].occurrence
            && rules.iter().all(|rule| rule.is_met(&approvals, &contributors))
    }

    /// Whether an approval was its maker's and theirs to give when it was judged.
    fn counted_then(&self, said: &super::ledger::Said) -> bool {
        match self.ear(said.digest, Some(said.plan), &said.path) {
            Ear::Heard(heard) => {
                may_approve(&heard.charter, said.person, said.environment)
                    && heard.charter.key_of(said.person) == Some(said.key)
            }
            // In a quiet world all that could be judged was; what was not is in doubt.
            Ear::Refused => false,
            Ear::Unheard => true,
        }
    }

    fn check_quiet_environment(&self, environment: &'static str) -> Result<(), String> {
        let wrong = |what: String| Err(format!("{environment} in a quiet world: {what}"));
        let book = &self.book.environments[environment];
        if let Some(running) = &book.running {
            return wrong(format!("{}.{} never ended", running.claim.number, running.claim.attempt));
        }
        let there = left(book, &self.ledger, environment);
        let found = self.surroundings.host.of(environment);
        if !book.uncertain
            && self.meddled() == 0
            && there.targets(environment, self.ledger.size(book.applied_source)) != found
        {
            return wrong(format!("{there:?} was applied, but the host has {found:?}"));
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
            return match book.current() {
                Some(open) => wrong(format!("{} is open, but there is nothing to do", open.plan.short())),
                None => Ok(()),
            };
        }
        let Some(open) = book.current() else {
            return wrong(format!("it is {there:?} and shall be {desired:?}, but nothing is planned"));
        };
        let imported = source.map(|source| self.ledger.imported(source));
        if self.ledger.content(open.commit, environment) != desired || imported != Ok(self.ledger.imported(open.source))
        {
            return wrong(format!("the open plan is not for what is desired, {desired:?}"));
        }
        let stopped = |asked: &Asked| asked.environment == environment && !matches!(asked.wish, Wish::Deploy { .. });
        let window = there.window();
        let held = there.is_manual() || desired.is_manual() || window == Window::Both;
        if !held
            && !self.ledger.ever_asked().any(stopped)
            && self.is_approved_beyond_doubt(environment, open, there, desired)
        {
            return wrong(format!("{} is approved and was not applied", open.plan.short()));
        }
        Ok(())
    }
}
