//! What keeps a deployment from starting although everything asked for was given: a suspension, a close, a closed window,
//! and that somebody has to start it and nobody did.

use countersign::journal::StartedBy;
use countersign::model::ApprovalVerdict;
use countersign::object::Oid;
use countersign::plan::PlanKind;

use super::chapter::{Published, Running};
use super::charter::{Charter, GOVERNANCE};
use super::content::Content;
use super::hearing::Ear;
use super::request::{Asked, Wish};
use super::rules::{may_approve, may_ask, may_deploy, may_override};
use super::world::World;

/// A word that starts a deployment: a request, or an approval that says so too.
struct Word {
    person: &'static str,
    key: &'static str,
    at: Option<i64>,
    overrides: bool,
    /// Where on the journal it was judged, and by which policy.
    judged: (usize, Charter),
    is_about_this: bool,
}

impl World {
    /// What these tips hold that stops an environment or its change.
    pub fn stopped(
        &self,
        environment: &'static str,
        published: &Published,
        claimed: usize,
        tips: (Oid, Option<Oid>),
    ) -> Option<String> {
        if let Some(why) = self.suspended(environment, tips) {
            return Some(why);
        }
        let here = |(_, asked): &(usize, &Asked)| asked.environment == environment;
        for (_, asked) in self.ledger.asked(tips).filter(here) {
            let (then, judged) = match self.ear(asked.digest, asked.plan(), &asked.path) {
                Ear::Heard(heard) => (heard.charter, Some(heard.place)),
                Ear::Refused => continue,
                Ear::Unheard => (self.book.charter(), None),
            };
            // A close is judged once. One that was judged before the claim had ended the plan, or gave nothing, whatever
            // the folder is like by now.
            let in_time = judged.is_none_or(|judged| judged > claimed);
            if then.key_of(asked.person) != Some(asked.key) || !may_ask(&then, asked.person, environment, &asked.wish) {
                continue;
            }
            match asked.wish {
                // What the host did by itself cannot be closed: it would be found again.
                Wish::Close { plan, occurrence }
                    if in_time
                        && published.kind != PlanKind::Drift
                        && (plan, occurrence) == (published.plan, published.occurrence)
                        && self.closes(asked, tips.0) =>
                {
                    return Some(format!("{} closed it", asked.person));
                }
                _ => {}
            }
        }
        None
    }

    /// What these tips hold that certainly suspends an environment.
    pub fn suspended(&self, environment: &'static str, tips: (Oid, Option<Oid>)) -> Option<String> {
        let here = |(_, asked): &(usize, &Asked)| asked.environment == environment;
        let asked: Vec<(usize, &Asked)> = self.ledger.asked(tips).filter(here).collect();
        let is_lifted = |at: usize| {
            let mut later = asked.iter().filter(|(later, _)| *later > at);
            later.any(|(_, other)| matches!(other.wish, Wish::Resume { .. }) && might_then(self, other))
        };
        let mut suspend = asked.iter().filter(|(_, asked)| asked.wish == Wish::Suspend);
        let stands = suspend.find(|(at, asked)| might_then(self, asked) && !is_lifted(*at));
        stands.map(|(_, asked)| format!("{} suspended it", asked.person))
    }

    /// Whether a request to close certainly counts: it is the only word of its maker, nobody touched it, and the folder is
    /// what is in force.
    fn closes(&self, asked: &Asked, config: Oid) -> bool {
        let environment = asked.environment;
        let mut words =
            self.ledger.ever_asked().filter(|other| other.environment == environment).map(|other| other.person);
        let only = words.by_ref().filter(|person| *person == asked.person).count() == 1;
        let silent = !self.ledger.said().any(|said| said.person == asked.person && said.environment == environment);
        let is_back = match environment {
            GOVERNANCE => self.ledger.charter(config) == self.book.charter(),
            _ => {
                let in_force = self.book.environments[environment].in_force(&self.ledger, environment);
                self.ledger.content(config, environment) == in_force
            }
        };
        only && silent && !self.ledger.spoiled.contains(&asked.path) && is_back
    }

    /// Why a claim starts what it may not start yet: a window is closed, or it takes a word that is not there.
    pub fn too_early(&self, environment: &'static str, left: Content, running: &Running) -> Option<String> {
        let Running { claim, time, published, place } = running;
        let enters = self.ledger.content(published.commit, environment);
        let is_open = left.window().is_open(*time);
        let manual = left.is_manual() || enters.is_manual();
        let Some(StartedBy { statement, by, overrides_window }) = &claim.started else {
            return if !is_open {
                Some(format!("its window is closed at {time}"))
            } else {
                manual.then(|| "nobody started it".to_owned())
            };
        };
        let tips = (claim.heads.config, claim.heads.records);
        let Some(word) = self.word(environment, *statement, published, tips) else {
            return Some(format!("it is started by {statement}, which nobody said"));
        };
        let charter = self.book.charter_at(*place);
        let (judged, then) = word.judged;
        let may = |charter: &Charter| {
            charter.key_of(word.person) == Some(word.key)
                && may_deploy(charter, word.person, environment)
                && (!word.overrides || may_override(charter, word.person))
        };
        let book = &self.book.environments[environment];
        if word.person != by.as_str() || !word.is_about_this {
            return Some(format!("it is started by a word of {} about something else", word.person));
        }
        if !may(&then) || !may(&charter) {
            return Some(format!("it is started by {}, who may not", word.person));
        }
        if word.at.is_some_and(|at| at > *time) {
            return Some("it is started before the time that was named".to_owned());
        }
        let overrides = *overrides_window && word.overrides;
        if !(is_open || overrides) {
            return Some(format!("its window is closed at {time}, and nobody set that aside"));
        }
        if book.spent.contains(statement) && book.word != Some(*statement) {
            return Some("it is started by a word that was spent before".to_owned());
        }
        // Who starts a deployment sees everything that is asked for given by then.
        let standing = self.standing(environment, published, tips, &charter, Some(judged));
        let contributors = self.contributors(environment, published, claim.heads.config, &charter);
        let rules = self.asked_for(&charter, environment, left, enters);
        let carried = self.carried(environment, published, &charter, *place);
        let early = rules.iter().any(|rule| !rule.is_met(&standing.approvals, &carried, &contributors));
        (early && book.word != Some(*statement)).then(|| format!("{} started it before it was approved", word.person))
    }

    fn word(
        &self,
        environment: &str,
        statement: countersign::digest::StatementId,
        published: &Published,
        tips: (Oid, Option<Oid>),
    ) -> Option<Word> {
        let judged = |ear| match ear {
            Ear::Heard(heard) => Some((heard.place, heard.charter)),
            Ear::Refused | Ear::Unheard => None,
        };
        let mut here = self.ledger.asked(tips).map(|(_, asked)| asked).filter(|asked| asked.environment == environment);
        let asked = here.find(|asked| asked.digest == statement);
        if let Some(asked) = asked
            && let Wish::Deploy { plan: of, occurrence: at_occurrence, at, overrides } = asked.wish
        {
            let judged = judged(self.ear(asked.digest, Some(of), &asked.path))?;
            let is_about_this = published.covers(of, at_occurrence);
            return Some(Word { person: asked.person, key: asked.key, at, overrides, judged, is_about_this });
        }
        let mut said = self.ledger.visible(tips).filter(|said| said.digest == statement && said.plan == published.plan);
        let said = said.find(|said| said.deploy && said.verdict == ApprovalVerdict::Approve)?;
        let judged = judged(self.ear(said.digest, Some(said.plan), &said.path))?;
        // Nothing that was heard of a draft starts anything.
        let is_about_this = published.covers(said.plan, said.occurrence)
            && (published.also.is_empty() || judged.0 > published.told_at)
            && may_approve(&judged.1, said.person, said.environment);
        Some(Word { person: said.person, key: said.key, at: None, overrides: false, judged, is_about_this })
    }
}

/// Whether a request was made by somebody who may, as it was judged, or would be now.
fn might_then(world: &World, asked: &Asked) -> bool {
    let then = match world.ear(asked.digest, asked.plan(), &asked.path) {
        Ear::Heard(heard) => heard.charter,
        Ear::Refused => return false,
        Ear::Unheard => world.book.charter(),
    };
    then.key_of(asked.person) == Some(asked.key) && may_ask(&then, asked.person, asked.environment, &asked.wish)
}
