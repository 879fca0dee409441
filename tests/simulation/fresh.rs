//! What is merged sets something in motion only where its branch was made after its maker's newest word: nobody starts or
//! approves anything with a branch that was fetched long ago.

use std::collections::HashMap;

use countersign::digest::PlanId;
use countersign::journal::{Admission, Event, Judged, ReadyMade};
use countersign::model::{ApprovalVerdict, EvidenceKind, RequestAction};

/// When ready-made commits were published, and when people spoke.
#[derive(Default)]
pub struct Freshness {
    /// The place of the entry that published a ready-made commit last, by its path.
    published: HashMap<String, usize>,
    /// The place of each person's newest word on a plan that was not refused.
    on_plan: HashMap<(PlanId, String), usize>,
    /// The same in each environment, on a plan or not.
    spoken: HashMap<(String, String), usize>,
}

impl Freshness {
    /// Follows the journal.
    pub fn follow(&mut self, event: &Event, place: usize) -> Result<(), String> {
        match event {
            Event::Ready(ReadyMade { path, .. }) => {
                self.published.insert(path.clone(), place);
            }
            Event::Statement(judged) => {
                self.check(judged)?;
                self.hear(judged, place);
            }
            _ => {}
        }
        Ok(())
    }

    fn check(&self, judged: &Judged) -> Result<(), String> {
        let is_merged = judged.admitted == Admission::Admitted && judged.evidence == Some(EvidenceKind::Merge);
        let (Some(by), Some(plan)) = (judged.by.as_ref().filter(|_| is_merged), judged.plan) else { return Ok(()) };
        let before = match (&judged.request, judged.verdict) {
            (Some(RequestAction::Deploy { .. }), _) => {
                self.spoken.get(&(judged.environment.to_string(), by.to_string()))
            }
            (None, Some(ApprovalVerdict::Approve)) => self.on_plan.get(&(plan, by.to_string())),
            (Some(_), _) => return Err(format!("{} was merged, and nothing offers that", judged.path)),
            _ => None,
        };
        let Some(published) = self.published.get(&judged.path) else {
            return Err(format!("{} was merged, and never published", judged.path));
        };
        match before {
            Some(before) if published < before => {
                Err(format!("{} of {by} counts, although they said something after it was made", judged.path))
            }
            _ => Ok(()),
        }
    }

    fn hear(&mut self, judged: &Judged, place: usize) {
        let Some(by) = judged.by.as_ref().filter(|_| !matches!(judged.admitted, Admission::Refused { .. })) else {
            return;
        };
        if let (Some(plan), None) = (judged.plan, &judged.request) {
            self.on_plan.insert((plan, by.to_string()), place);
        }
        self.spoken.insert((judged.environment.to_string(), by.to_string()), place);
    }
}
