//! Drift that is corrected by itself: what was applied last is applied again, where the settings in force ask for it and
//! nothing holds it, and never anything else.

use std::collections::BTreeMap;

use countersign::journal::{Claim, OutcomeResult};
use countersign::object::Oid;

use super::book::News;
use super::chapter::EnvironmentBook;
use super::content::{Content, Files};
use super::drift::Drift;
use super::host::{Switch, differences};
use super::promise::left;
use super::request::Wish;
use super::window::{HALF, Window};
use super::world::World;

/// A correction that is claimed and has no outcome.
#[derive(Debug, Clone)]
pub struct Correcting {
    pub claim: Claim,
    pub place: usize,
    /// When it was claimed, in seconds since 1970, as the journal says.
    pub time: i64,
}

impl EnvironmentBook {
    /// What is claimed and has no outcome.
    pub fn claim(&self) -> Option<&Claim> {
        let correction = self.correcting.as_ref().map(|correcting| &correcting.claim);
        self.running.as_ref().map(|running| &running.claim).or(correction)
    }

    pub fn follow_correction(
        &mut self,
        name: &'static str,
        claim: &Claim,
        (place, time): (usize, i64),
    ) -> Result<News, String> {
        let what = format!("{name}: {}.{} corrects", claim.number, claim.attempt);
        if self.claim().is_some() {
            return Err(format!("{what} while another claim has no outcome"));
        }
        if (self.applied.map(|(number, _)| number), self.applied_plan) != (Some(claim.number), Some(claim.plan)) {
            return Err(format!("{what} to something else than was applied last"));
        }
        let attempt = self.attempts.entry(claim.number).or_default();
        *attempt += 1;
        if claim.attempt != *attempt {
            return Err(format!("{what} out of order"));
        }
        if self.corrected.is_too_soon(time) {
            return Err(format!("{what} too soon"));
        }
        self.correcting = Some(Correcting { claim: claim.clone(), place, time });
        Ok(News::Corrects { environment: name })
    }

    /// Ends the correction that runs, if this is its outcome. Whatever it was, it makes nothing uncertain.
    pub fn ends_correction(&mut self, attempt: (u64, u64), result: OutcomeResult, time: i64) -> bool {
        let is_its = |one: &mut Correcting| (one.claim.number, one.claim.attempt) == attempt;
        let ended = self.correcting.take_if(is_its).is_some();
        if ended && result != OutcomeResult::Abandoned {
            self.corrected.add(time);
        }
        ended
    }
}

impl World {
    /// What the targets of an environment shall hold by what was applied last.
    fn as_applied(&self, environment: &str) -> BTreeMap<String, Files> {
        let book = &self.book.environments[environment];
        left(book, &self.ledger, environment).targets(environment, self.ledger.size(book.applied_source))
    }

    /// The targets that are not as they were applied.
    pub fn drifted(&self, environment: &str) -> Vec<String> {
        let state = self.surroundings.host.state();
        let there = |target: &String| state.targets.get(target).cloned().flatten();
        let all = self.as_applied(environment).into_iter();
        all.filter(|(target, files)| files.is_some() && there(target) != *files).map(|(target, _)| target).collect()
    }

    /// Why nothing may be corrected, by what these tips hold and whether it was time.
    fn uncorrectable(&self, environment: &'static str, tips: (Oid, Option<Oid>), time: i64) -> Option<String> {
        let book = &self.book.environments[environment];
        let in_force = left(book, &self.ledger, environment);
        if !matches!(in_force, Content::Present(_)) || in_force.drift() != Drift::Corrected {
            return Some(format!("what is in force, {in_force:?}, does not ask for it"));
        }
        if book.uncertain {
            return Some("a later deployment may have changed what is there".to_owned());
        }
        if book.running.is_some() || book.failed {
            return Some("a deployment is not over".to_owned());
        }
        if !in_force.window().is_open(time) {
            return Some(format!("its window is closed at {time}"));
        }
        self.suspended(environment, tips)
    }

    /// In a quiet world: what is drifted, may be corrected, and was not.
    pub fn left_uncorrected(&self, environment: &'static str) -> Option<String> {
        let book = &self.book.environments[environment];
        let in_force = left(book, &self.ledger, environment);
        let drifted = self.drifted(environment);
        let is_asked = in_force.drift() == Drift::Corrected && in_force.window() != Window::Both;
        let suspended = self.ledger.ever_asked().any(|a| a.environment == environment && a.wish == Wish::Suspend);
        // Also when its window was open last.
        let now = self.now().as_second();
        let waits = [now, now - HALF].into_iter().any(|time| book.corrected.is_too_soon(time));
        let is_held = book.uncertain || book.failed || suspended || waits;
        (is_asked && !is_held && !drifted.is_empty()).then(|| format!("{drifted:?} drifted and was not corrected"))
    }

    pub fn check_correction(&mut self, environment: &'static str) -> Result<(), String> {
        self.corrections += 1;
        let Some(Correcting { claim, time, .. }) = &self.book.environments[environment].correcting else {
            return Ok(());
        };
        let wrong = |why: String| Err(format!("{environment}: {}.{} corrects, but {why}", claim.number, claim.attempt));
        if let Some(why) = self.uncorrectable(environment, (claim.heads.config, claim.heads.records), *time) {
            return wrong(why);
        }
        // What it says that it found is what its daemon saw.
        let state = self.surroundings.host.state();
        let Some(mover) = self.mover else { return Ok(()) };
        for (target, files) in self.as_applied(environment) {
            let seen = state.seen.get(&(mover, target.clone(), files.clone()));
            let is_found = is_found(claim, &target);
            if files.is_some() && seen.is_some_and(|seen| (*seen != files) != is_found) {
                return wrong(format!("it says of {target} that it drifted: {is_found}"));
            }
        }
        Ok(())
    }

    /// A target was set by a correction.
    pub fn check_corrected(&mut self, environment: &'static str, switch: &Switch) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("{environment}: {} was corrected: {what}", switch.target));
        let Some(correcting) = self.book.environments[environment].correcting.clone() else {
            return wrong("nothing is claimed");
        };
        let Correcting { claim, place, time } = &correcting;
        self.check_owner(environment, claim, switch)?;
        if switch.after.is_none() || self.as_applied(environment)[&switch.target] != switch.after {
            return wrong("it was set to something else than was applied last");
        }
        if !is_found(claim, &switch.target) && switch.hands == self.hands_then(claim, &switch.target) {
            return wrong("it had not drifted");
        }
        let (tips, _) = self.looked_again(environment, *place, switch)?;
        if let Some(why) = self.uncorrectable(environment, tips, *time) {
            return wrong(&why);
        }
        self.set_once(environment, claim.number, switch)
    }

    /// How often a target had been changed by hand when a deployment set it last.
    fn hands_then(&self, claim: &Claim, target: &str) -> usize {
        let book = &self.book.environments[claim.environment.as_str()];
        book.switched.get(&(claim.number, target.to_owned())).copied().unwrap_or_default()
    }
}

fn is_found(claim: &Claim, target: &str) -> bool {
    let service = target.rsplit('/').next();
    claim.drift.iter().flatten().any(|found| Some(found.service.as_str()) == service)
}

/// Whether people are shown the same of a target: what is not as it was applied, and what else is there.
pub fn is_same_to_people(applied: &Files, one: &Files, other: &Files) -> bool {
    differences(applied.as_ref(), one.as_ref()) == differences(applied.as_ref(), other.as_ref())
}
