//! How a claim ended: the result is the daemon's word, that it was allowed is not.

use std::collections::BTreeSet;
use std::convert::Infallible;

use super::notes::Attested;
use super::report::ProvenDeployment;
use super::step::{At, Step};
use super::tree::Expected;
use crate::journal::{AttemptOutcome, DeploymentDocument, OutcomeResult, ServiceOutcome, ServiceResult, yaml_out};
use crate::lifecycle::{Correcting, Deployment, EnvironmentState, JudgeError, SETTLED, held, verdict_on, why_not};
use crate::memo::Memo;
use crate::model::{EnvironmentName, ServiceName};
use crate::object::ObjectError;
use crate::plan::compose;

/// The documents of the deployments that were rendered last, by their bytes: an outcome soon follows its claim.
static DOCUMENTS: Memo<DeploymentDocument> = Memo::new(100);

/// A longer one, in bytes, is read each time.
const LONGEST_KNOWN: usize = 64 << 10;

/// Reads the document of a deployment.
pub(super) fn read_document(bytes: &[u8]) -> Result<DeploymentDocument, String> {
    if bytes.len() > LONGEST_KNOWN {
        return yaml_out::from_yaml(bytes);
    }
    DOCUMENTS.of(&[bytes], || yaml_out::from_yaml(bytes))
}

/// The bytes of the document of a deployment, which reads back as the same.
pub(super) fn document_bytes(document: DeploymentDocument) -> Vec<u8> {
    let bytes = yaml_out::to_yaml(&document).into_bytes();
    if bytes.len() <= LONGEST_KNOWN {
        let Ok(_) = DOCUMENTS.of::<Infallible>(&[&bytes], || Ok(document));
    }
    bytes
}

impl Step<'_, '_> {
    /// Called before the event is folded.
    pub(super) fn outcome(
        &mut self,
        name: &EnvironmentName,
        (number, attempt): (u64, u64),
        result: OutcomeResult,
        services: &[ServiceOutcome],
        message: &str,
    ) -> Result<(), ObjectError> {
        let env = self.env(name);
        let is_its = |one: &&Correcting| (one.claim.number, one.claim.attempt) == (number, attempt);
        if let Some(correcting) = env.correcting.as_deref().filter(is_its) {
            return self.correction_ended(name, correcting, result, services, message);
        }
        let running = env.running().filter(|d| (d.claim.number, d.claim.attempt) == (number, attempt));
        let Some(running) = running.cloned() else {
            // The fold says so.
            return Ok(());
        };
        self.notes.attest(Attested::Outcomes);
        self.looked_again(name, &env, &running, result, services, message)?;
        self.told_of_each(name, &env, &running, result, services, message)?;
        self.document_of_outcome(name, &running, result, services, message)?;
        let people = running.claim.met.iter().flat_map(|met| met.statements.iter().map(|(_, person)| person.clone()));
        self.notes.deployments.push(ProvenDeployment {
            environment: name.clone(),
            number,
            attempt,
            kind: running.plan.kind,
            plan: running.plan.id,
            revision: running.plan.revision,
            approved_by: people.collect::<BTreeSet<_>>().into_iter().collect(),
            result,
            sequence: self.entry.sequence,
            commit: self.commit.id,
        });
        Ok(())
    }

    /// Gate: what was said between the claim and its outcome was heard before anything was done.
    fn looked_again(
        &mut self,
        name: &EnvironmentName,
        env: &EnvironmentState,
        running: &Deployment,
        result: OutcomeResult,
        services: &[ServiceOutcome],
        message: &str,
    ) -> Result<(), ObjectError> {
        let at = At::deployment(name, running.claim.number);
        // Gate: a change of the policy is judged by the one it replaces, though it is in force by now.
        let governance = std::sync::Arc::clone(&self.governance_before);
        let verdict = match verdict_on(self.objects, &self.place.state.start.root, &governance, name, env) {
            Ok(verdict) => verdict,
            Err(JudgeError::Object(error)) => return Err(error),
            Err(_) => None,
        };
        let hold = held(verdict.as_ref(), running);
        let mut rejected: BTreeSet<String> =
            verdict.iter().flat_map(|v| &v.rejected_by).map(ToString::to_string).collect();
        rejected.extend(self.rejected_by(name, running.plan.id).iter().map(ToString::to_string));
        let approved = rejected.is_empty() && verdict.as_ref().is_some_and(|v| v.is_approved()) && hold.is_none();
        let all_done = services.iter().all(|service| service.result == ServiceResult::Done);
        match result {
            OutcomeResult::Applied if !(message.is_empty() || message == SETTLED) => {
                self.violated(at, "outcome: message", "there is nothing to say of a deployment that was applied");
            }
            OutcomeResult::Abandoned if message != why_not(verdict.as_ref(), hold.as_ref()) => {
                self.violated(at, "outcome: message", "is not why it could not go on");
            }
            _ => {}
        }
        match (approved, result) {
            (true, OutcomeResult::Abandoned) => {
                self.violated(at, "outcome", "the claim was abandoned, though everything asked for was there");
            }
            (true, _) | (false, OutcomeResult::Abandoned | OutcomeResult::Unknown) => {}
            (false, OutcomeResult::Applied) if all_done && message == SETTLED => {
                self.notes.attest(Attested::Settled);
            }
            (false, _) => {
                let rejected: Vec<String> = rejected.into_iter().collect();
                let why = if let (true, Some(hold)) = (rejected.is_empty(), hold) {
                    format!("it {hold}")
                } else if rejected.is_empty() {
                    "it was no longer approved".to_owned()
                } else {
                    format!("{} rejected it", rejected.join(", "))
                };
                let what = format!("went on, though {why} between its claim and its outcome");
                self.violated(at, "outcome", what);
            }
        }
        Ok(())
    }

    fn told_of_each(
        &mut self,
        name: &EnvironmentName,
        env: &EnvironmentState,
        running: &Deployment,
        result: OutcomeResult,
        services: &[ServiceOutcome],
        message: &str,
    ) -> Result<(), ObjectError> {
        let at = At::deployment(name, running.claim.number);
        if name.is_governance() {
            let line = crate::plan::policy::service();
            if services.iter().map(|service| &service.name).ne([&line]) {
                self.violated(at, "outcome: services", "the policy's change has one line");
            }
            if !goes_with(result, services) || services.iter().any(|service| !service.message.is_empty()) {
                self.violated(at, "outcome", "what came of it does not go with how it ended");
            }
            let ends_so = matches!(result, OutcomeResult::Applied | OutcomeResult::Abandoned);
            if !ends_so || message == SETTLED {
                self.violated(at, "outcome", "a change of the policy comes into force or is abandoned");
            }
            return Ok(());
        }
        let base = self.base_of(name, env)?;
        let desired = match running.plan.revision {
            Some(revision) => self.resolved_at(name, running.claim.heads.config, revision, &running.plan.imports)?,
            None => None,
        };
        let changes = compose::changes(name, base.as_deref(), desired.as_deref());
        let expected: Vec<&ServiceName> = changes.iter().map(|change| &change.name).collect();
        if services.iter().map(|service| &service.name).ne(expected) {
            self.violated(at, "outcome: services", "are not the services of the plan, in its order");
        }
        if !goes_with(result, services) || !came_after(result, services, &compose::after(&changes)) {
            self.violated(at, "outcome", "what came of the services does not go with how it ended");
        }
        let silent = |result| matches!(result, ServiceResult::Done | ServiceResult::Untouched);
        if services.iter().any(|service| silent(service.result) && !service.message.is_empty()) {
            self.violated(at, "outcome: services", "one that did not fail has a message");
        }
        Ok(())
    }

    fn document_of_outcome(
        &mut self,
        name: &EnvironmentName,
        running: &Deployment,
        result: OutcomeResult,
        services: &[ServiceOutcome],
        message: &str,
    ) -> Result<(), ObjectError> {
        let claim = &running.claim;
        let at = At::deployment(name, claim.number);
        let path = format!("{}/deployment.yaml", self.history(name, claim.number));
        let Some(bytes) = self.file_before(&path)? else { return Ok(()) };
        let outcome =
            AttemptOutcome { result, message: message.to_owned(), services: services.to_vec(), time: self.entry.time };
        let document = read_document(&bytes)
            .and_then(|document| document.with_outcome(claim.attempt, outcome).map_err(|error| error.to_string()));
        match document {
            Ok(document) => self.expect(path, Expected::Bytes(document_bytes(document))),
            Err(error) => self.violated(at, &path, error),
        }
        Ok(())
    }
}

/// Whether each service was begun after those it must come after, as far as that can be told: one that failed was begun
/// once all of them were done. One that is done may have been so before, where an interrupted attempt went on.
fn came_after(result: OutcomeResult, services: &[ServiceOutcome], after: &[BTreeSet<usize>]) -> bool {
    let is_done = |at: &usize| services.get(*at).is_some_and(|service| service.result == ServiceResult::Done);
    let begun = |service: &ServiceOutcome| service.result == ServiceResult::Failed;
    result != OutcomeResult::Failed
        || services.iter().zip(after).all(|(service, after)| !begun(service) || after.iter().all(is_done))
}

/// Whether what came of the services, in order, can have ended so.
pub(super) fn goes_with(result: OutcomeResult, services: &[ServiceOutcome]) -> bool {
    use ServiceResult::{Done, Failed, Unknown, Untouched};
    let all = |one| services.iter().all(|service| service.result == one);
    let any = |one| services.iter().any(|service| service.result == one);
    match result {
        OutcomeResult::Applied => all(Done),
        OutcomeResult::Abandoned => all(Untouched),
        OutcomeResult::Failed => any(Failed) && !any(Unknown),
        OutcomeResult::Unknown => any(Unknown) || (any(Done) && any(Untouched)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ServiceResult::{Done, Failed, Unknown, Untouched};

    /// Whether these results, of services of which the third depends on the first, can have ended so.
    fn can_be(result: OutcomeResult, results: [ServiceResult; 3]) -> bool {
        let services = results.map(|result| ServiceOutcome {
            name: "app".parse().expect("a name"),
            result,
            message: String::new(),
        });
        let after = [BTreeSet::new(), BTreeSet::new(), BTreeSet::from([0])];
        goes_with(result, &services) && came_after(result, &services, &after)
    }

    #[test]
    fn a_failure_lets_independent_ones_end_and_what_depends_on_it_did_not_begin() {
        for (results, right) in [
            ([Failed, Done, Untouched], true),
            ([Failed, Failed, Untouched], true),
            ([Done, Failed, Done], true),
            ([Done, Done, Failed], true),
            // An interrupted attempt may have found it done.
            ([Failed, Untouched, Done], true),
            ([Failed, Done, Failed], false),
            ([Untouched, Failed, Failed], false),
            ([Done, Done, Done], false),
            ([Failed, Unknown, Untouched], false),
        ] {
            assert_eq!(can_be(OutcomeResult::Failed, results), right, "{results:?}");
        }
        assert!(can_be(OutcomeResult::Unknown, [Failed, Unknown, Untouched]));
        assert!(can_be(OutcomeResult::Applied, [Done; 3]) && !can_be(OutcomeResult::Applied, [Done, Untouched, Done]));
        assert!(can_be(OutcomeResult::Abandoned, [Untouched; 3]));
        assert!(!can_be(OutcomeResult::Abandoned, [Untouched, Done, Untouched]));
    }
}
