//! What an admitted request does to an environment.

use super::damped::Damped;
use super::environment::{EnvironmentState, HISTORY_SHOWN};
use crate::journal::{Admission, Judged};
use crate::model::RequestAction;

impl EnvironmentState {
    /// Folds a request that the entry of this sequence judged.
    ///
    /// # Errors
    /// What cannot be: the admission of something that no request can have done then.
    pub(super) fn fold_request(
        &mut self,
        sequence: u64,
        judged: &Judged,
        action: &RequestAction,
    ) -> Result<(), String> {
        if judged.admitted != Admission::Admitted {
            match action {
                // Kept with its plan: a ready-made commit that gave nothing is used up all the same.
                RequestAction::Deploy { plan, .. }
                    if self.open_plan(*plan).is_some_and(|open| open.drafted.is_none()) => {}
                _ => {
                    self.keep_refused(judged);
                    return Ok(());
                }
            }
        }
        let not_open = || format!("a request to {} is admitted for a plan that is not open", action.name());
        match action {
            RequestAction::Deploy { plan, .. } => {
                let plan = self.open_plan_mut(*plan).ok_or_else(not_open)?;
                plan.deploys.push((sequence, judged.clone()));
            }
            RequestAction::Suspend { .. } => self.suspensions.push((sequence, judged.clone())),
            RequestAction::Resume { .. } => {
                // Nobody resumes what they cannot have seen: a suspension of somebody else in this very entry stays.
                self.suspensions.retain(|(at, other)| *at == sequence && other.by != judged.by);
            }
            RequestAction::Close { plan } => {
                let number = self.open_plan(*plan).ok_or_else(not_open)?.number;
                match self.deployment.as_mut().filter(|deployment| deployment.failed.is_none()) {
                    // All open plans have one number, so this is what runs as well.
                    Some(running) => running.closed = Some(judged.clone()),
                    None => self.close(number),
                }
            }
            RequestAction::Reopen { plan } => {
                if self.running().is_some() || self.open_plan(*plan).is_none() {
                    return Err(not_open());
                }
                self.round += 1;
                self.told = Damped::default();
                self.plans.clear();
                self.earlier.clear();
                self.current = None;
                self.deployment = None;
            }
            RequestAction::Redeploy { .. } => {
                if self.redeploy.is_some() || self.is_busy() || self.current.is_some() || self.deployment.is_some() {
                    return Err("a redeployment is admitted where something else waits".to_owned());
                }
                self.redeploy = Some(Box::new((sequence, judged.clone())));
            }
            _ => return Err(format!("`{}` requests are not known to this version", action.name())),
        }
        Ok(())
    }

    /// Ends the plans and the deployment of a number, and consumes it.
    pub(super) fn close(&mut self, number: u64) {
        self.consumed = self.consumed.max(number);
        self.plans.clear();
        self.earlier.clear();
        self.current = None;
        self.deployment = None;
        self.redeploy = None;
        self.told = Damped::default();
    }

    /// Keeps a statement that gives nothing, for the status.
    pub(super) fn keep_refused(&mut self, judged: &Judged) {
        self.refused.push(judged.clone());
        if self.refused.len() > HISTORY_SHOWN {
            self.refused.remove(0);
        }
    }

    /// Remembers a person's last statement here: their next request names it.
    pub(super) fn hear(&mut self, sequence: u64, judged: &Judged) {
        if let Some(by) = judged.by.as_ref().filter(|_| !matches!(judged.admitted, Admission::Refused { .. })) {
            self.last_words.put(by.clone(), (judged.digest, sequence));
        }
    }
}
