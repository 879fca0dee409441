//! Drift that was corrected: allowed by the settings in force, towards nothing but what was applied last.

use super::notes::Attested;
use super::report::ProvenDeployment;
use super::step::{At, Step};
use super::tree::Expected;
use crate::journal::{
    AttemptOutcome, Claim, DeploymentDocument, Drifted, OutcomeResult, ServiceOutcome, ServiceResult, yaml_out,
};
use crate::lifecycle::{Correcting, EnvironmentState, JudgeError, SETTLED, correctable, correction_held, gates_at};
use crate::model::{EnvironmentName, Gates, ServiceName};
use crate::object::ObjectError;
use crate::plan::compose;

use super::deployment::goes_with;

impl Step<'_, '_> {
    /// The settings in force of an environment; `None` where there are none, or they cannot be read as they were.
    pub(super) fn in_force(
        &self,
        name: &EnvironmentName,
        env: &EnvironmentState,
    ) -> Result<Option<Gates>, ObjectError> {
        let Some(applied) = env.applied.as_ref().filter(|applied| applied.revision.is_some()) else { return Ok(None) };
        match gates_at(self.objects, &self.place.state.start.root, name, applied.commit) {
            Ok(gates) => Ok(Some(gates)),
            Err(JudgeError::Object(error)) => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// Called before the event is folded, which holds number, attempt and plan against what was applied last.
    pub(super) fn corrected(&mut self, claim: &Claim, found: &[Drifted]) -> Result<(), ObjectError> {
        let name = &claim.environment;
        let at = At::deployment(name, claim.number);
        let env = self.env(name);
        self.notes.attest(Attested::Drift);
        self.claims_honestly(claim);
        let Some(gates) = self.in_force(name, &env)? else {
            self.violated(at, "claim: drift", "nothing is applied that could have drifted");
            return Ok(());
        };
        match correctable(&env, &gates) {
            Err(why) => self.violated(at, "claim: drift", format!("was corrected, though {why}")),
            Ok(applied) => {
                if !applied.corrections.damped.is_due(self.entry.time) {
                    self.violated(at, "claim: drift", "was corrected again before its time");
                }
            }
        }
        if !gates.deploy.windows.is_empty() {
            self.notes.attest(Attested::Windows);
        }
        let Some(base) = self.base_of(name, &env)? else {
            self.violated(at, "claim: drift", "what was applied last cannot be found again");
            return Ok(());
        };
        if base.targets() != claim.targets {
            self.violated(at, "claim: targets", "are not those of what was applied last");
        }
        let changes = compose::changes(name, Some(&base), Some(&base));
        let mut places = found.iter().map(|one| changes.iter().position(|change| change.name == one.service));
        if !places.clone().all(|place| place.is_some()) || !places.by_ref().is_sorted_by(|a, b| a < b) {
            self.violated(at, "claim: drift", "is not of the services that were applied last, each once and in order");
        }
        let path = format!("{}/deployment.yaml", self.history(name, claim.number));
        if let Some(document) = self.document_before(at, &path)? {
            let document = document.with_correction(claim, self.entry.time);
            self.expect(path, Expected::Bytes(yaml_out::to_yaml(&document).into_bytes()));
        }
        Ok(())
    }

    /// How a correction ended. Called before the event is folded.
    pub(super) fn correction_ended(
        &mut self,
        name: &EnvironmentName,
        correcting: &Correcting,
        result: OutcomeResult,
        services: &[ServiceOutcome],
        message: &str,
    ) -> Result<(), ObjectError> {
        let claim = &correcting.claim;
        let at = At::deployment(name, claim.number);
        let env = self.env(name);
        self.notes.attest(Attested::Outcomes);
        let (Some(gates), Some(base)) = (self.in_force(name, &env)?, self.base_of(name, &env)?) else { return Ok(()) };
        // Gate: what was said between the claim and its outcome was heard before anything was done.
        let held = correction_held(&env, &gates);
        match (&held, result) {
            (None, OutcomeResult::Abandoned) => {
                self.violated(at, "outcome", "the correction was abandoned, though nothing held it");
            }
            (Some(why), OutcomeResult::Abandoned) if why != message => {
                self.violated(at, "outcome: message", "is not why it could not go on");
            }
            (Some(_), OutcomeResult::Applied) if message == SETTLED => self.notes.attest(Attested::Settled),
            (Some(why), OutcomeResult::Applied | OutcomeResult::Failed) => {
                self.violated(at, "outcome", format!("went on, though {why}"));
            }
            _ => {}
        }
        if result == OutcomeResult::Applied && !(message.is_empty() || message == SETTLED) {
            self.violated(at, "outcome: message", "there is nothing to say of a correction that was applied");
        }
        let changes = compose::changes(name, Some(&base), Some(&base));
        let expected: Vec<&ServiceName> = changes.iter().map(|change| &change.name).collect();
        if services.iter().map(|service| &service.name).ne(expected) || !goes_with(result, services) {
            self.violated(at, "outcome: services", "are not those of the deployment, or do not go with how it ended");
        }
        let silent = |result| matches!(result, ServiceResult::Done | ServiceResult::Untouched);
        if services.iter().any(|service| silent(service.result) && !service.message.is_empty()) {
            self.violated(at, "outcome: services", "one that did not fail has a message");
        }
        let path = format!("{}/deployment.yaml", self.history(name, claim.number));
        if let Some(document) = self.document_before(at, &path)? {
            let (message, services, time) = (message.to_owned(), services.to_vec(), self.entry.time);
            match document.with_outcome(claim.attempt, AttemptOutcome { result, message, services, time }) {
                Ok(document) => self.expect(path, Expected::Bytes(yaml_out::to_yaml(&document).into_bytes())),
                Err(error) => self.violated(at, &path, error.to_string()),
            }
        }
        self.notes.deployments.push(ProvenDeployment {
            environment: name.clone(),
            number: claim.number,
            attempt: claim.attempt,
            kind: crate::plan::PlanKind::Drift,
            plan: claim.plan,
            revision: Some(base.revision),
            approved_by: Vec::new(),
            result,
            sequence: self.entry.sequence,
            commit: self.commit.id,
        });
        Ok(())
    }

    /// The host is said to be as it was applied again. That something was said to differ before, the fold knows.
    pub(super) fn as_applied(&mut self, name: &EnvironmentName) -> Result<(), ObjectError> {
        let env = self.env(name);
        self.notes.attest(Attested::Drift);
        let has_drift = self.in_force(name, &env)?.is_some_and(|gates| gates.drift.is_some());
        if !has_drift || env.is_busy() {
            self.violated(At::environment(name), "asApplied", "nothing looked whether the host is as it was applied");
        }
        Ok(())
    }

    fn document_before(&mut self, at: At<'_>, path: &str) -> Result<Option<DeploymentDocument>, ObjectError> {
        let Some(bytes) = self.file_before(path)? else {
            self.violated(at, path, "is not there, though the deployment was applied");
            return Ok(None);
        };
        match yaml_out::from_yaml(&bytes) {
            Ok(document) => Ok(Some(document)),
            Err(error) => {
                self.violated(at, path, error);
                Ok(None)
            }
        }
    }
}
