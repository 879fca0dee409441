//! Nothing counts that nobody said: every statement that the journal admits is one that its maker made, with evidence,
//! and had a right to.

use countersign::journal::{Admission, Judged};
use countersign::model::{ApprovalVerdict, RequestAction};

use super::charter::{Charter, GOVERNANCE};
use super::request::{Asked, Wish};
use super::rules::{may_approve, may_ask};
use super::world::World;

impl World {
    pub fn check_judged(&mut self, judged: &Judged, charter: &Charter) -> Result<(), String> {
        if judged.admitted != Admission::Admitted {
            return Ok(());
        }
        let wrong = |what: &str| {
            let by = judged.by.as_ref().map_or("nobody", |by| by.as_str());
            Err(format!("{}: {} of {by} was admitted: {what}", judged.environment, judged.digest.short()))
        };
        let (maker, key) = match (&judged.request, judged.verdict) {
            // Whoever takes back what they approved may do so in any order; it gives nothing to anybody.
            (None, Some(ApprovalVerdict::Withdraw)) => return Ok(()),
            (None, verdict) => {
                let mut said = self.ledger.said().filter(|said| said.digest == judged.digest);
                let said = said.find(|said| Some(said.plan) == judged.plan && Some(said.verdict) == verdict);
                let Some(said) = said else { return wrong("nobody said that") };
                if !may_approve(charter, said.person, said.environment) {
                    return wrong("it is not theirs to say");
                }
                (said.person, said.key)
            }
            (Some(action), _) => {
                let theirs = |asked: &&Asked| asked.digest == judged.digest && asked.plan() == judged.plan;
                let Some(asked) = self.ledger.ever_asked().find(theirs) else {
                    return wrong("nobody asked for that");
                };
                if judged.environment.as_str() != asked.environment {
                    return wrong("it was asked for elsewhere");
                }
                if !is_asked(asked, action) {
                    return wrong("something else was asked for");
                }
                if !may_ask(charter, asked.person, asked.environment, &asked.wish) {
                    return wrong("it is not theirs to ask for");
                }
                let is_drafted =
                    |plan| !self.book.environments[asked.environment].published.iter().any(|p| p.plan == plan);
                if asked.plan().is_some_and(is_drafted) {
                    return wrong("it is about a plan that is none of the config branch");
                }
                if asked.environment == GOVERNANCE && matches!(asked.wish, Wish::Deploy { .. }) {
                    return wrong("nobody starts a policy");
                }
                self.counts.policy_requests += usize::from(asked.environment == GOVERNANCE);
                (asked.person, asked.key)
            }
        };
        if judged.by.as_ref().is_none_or(|by| by.as_str() != maker) {
            return wrong("somebody else made it");
        }
        if charter.key_of(maker) != Some(key) {
            return wrong("its key is not its maker's");
        }
        Ok(())
    }
}

fn is_asked(asked: &Asked, action: &RequestAction) -> bool {
    match (asked.wish, action) {
        (Wish::Deploy { plan, at, overrides, .. }, RequestAction::Deploy { plan: of, at: when, override_window }) => {
            plan == *of && at == when.map(jiff::Timestamp::as_second) && overrides == (*override_window == Some(true))
        }
        (Wish::Suspend, RequestAction::Suspend { .. }) => true,
        (Wish::Redeploy { number }, RequestAction::Redeploy { number: of }) => number == *of,
        (Wish::Resume { number }, RequestAction::Resume { number: from }) => number == *from,
        (Wish::Close { plan, .. }, RequestAction::Close { plan: of })
        | (Wish::Reopen { plan, .. }, RequestAction::Reopen { plan: of }) => plan == *of,
        _ => false,
    }
}
