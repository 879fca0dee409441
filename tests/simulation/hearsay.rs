//! Nothing counts that nobody said: every statement that the journal admits is one that its maker made, with evidence,
//! and had a right to.

use countersign::journal::{Admission, Judged};
use countersign::model::{ApprovalVerdict, RequestAction};

use super::charter::Charter;
use super::request::{Asked, Wish};
use super::rules::{may_approve, may_deploy, may_override};
use super::world::World;

impl World {
    pub fn check_judged(&self, judged: &Judged, charter: &Charter) -> Result<(), String> {
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
                let Some(asked) = self.ledger.ever_asked().find(|asked| asked.digest == judged.digest) else {
                    return wrong("nobody asked for that");
                };
                if !is_asked(asked, action) {
                    return wrong("something else was asked for");
                }
                if !may_deploy(charter, asked.person) {
                    return wrong("it is not theirs to ask for");
                }
                if matches!(asked.wish, Wish::Deploy { overrides: true, .. }) && !may_override(charter, asked.person) {
                    return wrong("a window is not theirs to set aside");
                }
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
        (Wish::Resume { number }, RequestAction::Resume { number: from }) => number == *from,
        (Wish::Close { plan, .. }, RequestAction::Close { plan: of })
        | (Wish::Reopen { plan, .. }, RequestAction::Reopen { plan: of }) => plan == *of,
        _ => false,
    }
}
