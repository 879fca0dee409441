//! `deployment.yaml`: what a deployment was, who approved it, and how each attempt went.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Claim, Drifted, Heads, Judged, MetRule, OutcomeResult, ServiceOutcome, StartedBy};
use crate::digest::{PlanId, RevisionId, StatementId};
use crate::lifecycle::{Deployment, EnvironmentState, OpenPlan};
use crate::model::{ApprovalVerdict, EnvironmentName, EvidenceKind, PersonName, PublicKey, RuleName, RulesetName};
use crate::object::Oid;
use crate::plan::{Base, PlanKind};

/// `deployment.yaml`. What is said of plan, policy and rules is what the newest attempt was claimed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeploymentDocument {
    /// The environment.
    pub environment: EnvironmentName,
    /// The number.
    pub number: u64,
    /// What it is for.
    pub kind: PlanKind,
    /// The plan, in full.
    pub plan: PlanId,
    /// The revision that is applied; null for a destroy.
    pub revision: Option<RevisionId>,
    /// The deployment it starts from, or null.
    pub base: Option<Base>,
    /// The policy version that was asked.
    pub policy: u64,
    /// What met each rule.
    pub met: Vec<MetBy>,
    /// Every attempt, in order; abandoned ones too.
    pub attempts: Vec<Attempt>,
}

/// A rule, and the statements that met it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MetBy {
    /// The ruleset; null for the single approval.
    pub ruleset: Option<RulesetName>,
    /// The rule; null for the single approval.
    pub rule: Option<RuleName>,
    /// The statements that count for it.
    pub statements: Vec<CountedStatement>,
}

/// A statement that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CountedStatement {
    /// Its digest.
    pub digest: StatementId,
    /// Who made it.
    pub by: PersonName,
    /// What it says; null where the plan no longer knows the statement.
    pub verdict: Option<ApprovalVerdict>,
    /// The earlier plan it was made on, where it was carried over from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried_from: Option<PlanId>,
    /// The reason given.
    pub reason: String,
    /// The raw evidence, from this document's folder; null where the plan no longer knows the statement.
    pub evidence: Option<String>,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attempt {
    /// 1, 2, 3 …
    pub attempt: u64,
    /// How it began.
    pub claim: AttemptClaim,
    /// How it ended; null while it runs.
    pub outcome: Option<AttemptOutcome>,
}

/// How an attempt began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AttemptClaim {
    /// The plan: an attempt that was abandoned may have been for another one.
    pub plan: PlanId,
    /// The daemon's key.
    pub key: PublicKey,
    /// The random id of the daemon's state folder.
    pub instance: String,
    /// The heads that were judged.
    pub heads: Heads,
    /// The journal commit before the claim.
    pub journal: Oid,
    /// By whose word it started; null where it started by itself.
    pub started: Option<Started>,
    /// Where it corrected drift: what was found. Left out everywhere else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Vec<Drifted>>,
    /// When.
    pub time: Timestamp,
}

/// By whose word an attempt started, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Started {
    /// The request, or the approval that asked for it as well.
    pub statement: StatementId,
    /// Whose.
    pub by: PersonName,
    /// Whether it started although no window allowed it.
    pub overrides_window: bool,
    /// The reason given.
    pub reason: String,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AttemptOutcome {
    /// How.
    pub result: OutcomeResult,
    /// For people; empty when applied.
    pub message: String,
    /// What came of each service, in order.
    pub services: Vec<ServiceOutcome>,
    /// When.
    pub time: Timestamp,
}

/// An outcome for an attempt that is not in the document, or has one already.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("deployment {number} of {environment} has no open attempt {attempt}")]
pub struct NoOpenAttempt {
    environment: EnvironmentName,
    number: u64,
    attempt: u64,
}

impl DeploymentDocument {
    /// The document once a deployment is claimed. `before`: the document of the same number's earlier attempts.
    pub fn of_claim(before: Option<Self>, env: &EnvironmentState, deployment: &Deployment) -> Self {
        let Deployment { plan, claim, claimed, .. } = deployment;
        let mut attempts = before.map(|before| before.attempts).unwrap_or_default();
        attempts.push(Attempt {
            attempt: claim.attempt,
            claim: AttemptClaim::of(claim, Some(plan), *claimed),
            outcome: None,
        });
        Self {
            environment: claim.environment.clone(),
            number: claim.number,
            kind: plan.kind,
            plan: plan.id,
            revision: plan.revision,
            base: plan.base,
            policy: claim.policy,
            met: claim.met.iter().map(|met| MetBy::of(met, env, plan)).collect(),
            attempts,
        }
    }

    /// The document once a correction is claimed: what is said of plan, policy and rules stays, since nothing was asked.
    pub fn with_correction(mut self, claim: &Claim, claimed: Timestamp) -> Self {
        let claim = Attempt { attempt: claim.attempt, claim: AttemptClaim::of(claim, None, claimed), outcome: None };
        self.attempts.push(claim);
        self
    }

    /// The document once an attempt has ended.
    ///
    /// # Errors
    /// [`NoOpenAttempt`].
    pub fn with_outcome(mut self, attempt: u64, outcome: AttemptOutcome) -> Result<Self, NoOpenAttempt> {
        let open = self.attempts.iter_mut().find(|one| one.attempt == attempt && one.outcome.is_none());
        let Some(open) = open else {
            return Err(NoOpenAttempt { environment: self.environment, number: self.number, attempt });
        };
        open.outcome = Some(outcome);
        Ok(self)
    }
}

impl AttemptClaim {
    /// `plan` is the one whose statements started it; nobody's word starts a correction.
    fn of(claim: &Claim, plan: Option<&OpenPlan>, time: Timestamp) -> Self {
        Self {
            plan: claim.plan,
            key: claim.key.clone(),
            instance: claim.instance.clone(),
            heads: claim.heads,
            journal: claim.journal,
            started: claim.started.as_ref().zip(plan).map(|(started, plan)| Started::of(started, plan)),
            drift: claim.drift.clone(),
            time,
        }
    }
}

impl Started {
    fn of(started: &StartedBy, plan: &OpenPlan) -> Self {
        let StartedBy { statement, by, overrides_window } = started.clone();
        let mut said = plan.deploys.iter().chain(&plan.statements).map(|(_, judged)| judged);
        let reason = said.find(|judged| judged.digest == statement).map(|judged| judged.reason.clone());
        Self { statement, by, overrides_window, reason: reason.unwrap_or_default() }
    }
}

impl MetBy {
    fn of(met: &MetRule, env: &EnvironmentState, plan: &OpenPlan) -> Self {
        let counted = |(digest, by): &(StatementId, PersonName)| {
            let (on, judged) = env.statement_for(plan, *digest).unzip();
            CountedStatement {
                digest: *digest,
                by: by.clone(),
                verdict: judged.and_then(|judged| judged.verdict),
                carried_from: on.map(|on| on.id).filter(|on| *on != plan.id),
                reason: judged.map(|judged| judged.reason.clone()).unwrap_or_default(),
                evidence: judged.and_then(evidence_path),
            }
        };
        Self {
            ruleset: met.ruleset.clone(),
            rule: met.rule.clone(),
            statements: met.statements.iter().map(counted).collect(),
        }
    }
}

/// Where the raw evidence of a statement lies, from the folder of `deployment.yaml`: the record as it was written, or
/// the raw object of the merge commit. `None` where nothing proves it.
pub fn evidence_path(judged: &Judged) -> Option<String> {
    let digest = judged.digest.0.to_hex();
    match judged.evidence? {
        EvidenceKind::Record => Some(format!("evidence/{digest}.yaml")),
        EvidenceKind::Merge => Some(format!("evidence/{digest}.commit")),
    }
}

#[cfg(test)]
mod tests;
