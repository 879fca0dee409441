//! The phase an environment is in, and what it waits for.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::environment::EnvironmentState;
use crate::model::{PersonName, RuleName, RulesetName};
use crate::policy::{Because, Exclusion, Unsigned, Verdict};

/// Where a change stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// Applied is desired.
    Synced,
    /// The desired configuration cannot be read or resolved; what was applied stays.
    Invalid,
    /// A plan waits for people.
    AwaitingApproval,
    /// Everything asked for is there; the deployment comes next.
    Approved,
    /// A claim is on the journal.
    Deploying,
    /// An apply failed.
    Failed,
    /// An eligible person rejected the plan.
    Rejected,
    /// Somebody suspended the environment: nothing is claimed.
    Suspended,
    /// History was rewritten.
    Tampered,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Synced => "Synced",
            Self::Invalid => "Invalid",
            Self::AwaitingApproval => "AwaitingApproval",
            Self::Approved => "Approved",
            Self::Deploying => "Deploying",
            Self::Failed => "Failed",
            Self::Rejected => "Rejected",
            Self::Suspended => "Suspended",
            Self::Tampered => "Tampered",
        })
    }
}

/// One thing that is missing, and who could supply it: what status, pages, logs and commands print.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WaitingOn {
    /// The ruleset; null for the single approval.
    pub ruleset: Option<RulesetName>,
    /// The rule; null for the single approval.
    pub rule: Option<RuleName>,
    /// Why it is asked for.
    pub because: Because,
    /// How many different people.
    pub required: u32,
    /// Whose approval counts already.
    pub have: Vec<PersonName>,
    /// Who could still give one that counts.
    pub eligible: Vec<PersonName>,
    /// Whom the rule names but who cannot, and why.
    pub excluded: Vec<Exclusion>,
    /// False where those who could are not enough: nobody can meet this rule until policy or change is altered.
    pub satisfiable: bool,
    /// The commits that the ruleset wants signed and that are not: until the policy says otherwise no approval is enough.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unsigned: Vec<Unsigned>,
}

impl WaitingOn {
    /// What a verdict still waits for; with `all`, what is met already as well.
    pub fn of(verdict: &Verdict, all: bool) -> Vec<Self> {
        let open = verdict.requirements.iter().filter(|requirement| all || !requirement.is_met());
        open.map(|requirement| Self {
            ruleset: requirement.ruleset.clone(),
            rule: requirement.rule.clone(),
            because: requirement.because,
            required: requirement.required,
            have: requirement.have.iter().map(|(person, _)| person.clone()).collect(),
            eligible: requirement.eligible.clone(),
            excluded: requirement.excluded.clone(),
            satisfiable: requirement.is_satisfiable(),
            unsigned: requirement.unsigned.clone(),
        })
        .collect()
    }

    /// `ruleset/rule`, or `single approval`.
    pub fn label(&self) -> String {
        match (&self.ruleset, &self.rule) {
            (Some(ruleset), _) if !self.unsigned.is_empty() => format!("{ruleset}: signed commits"),
            (Some(ruleset), Some(rule)) => format!("{ruleset}/{rule}"),
            (Some(ruleset), None) => format!("ruleset {ruleset}, which is gone"),
            (None, _) => "single approval".to_owned(),
        }
    }

    /// How many are missing.
    pub fn missing(&self) -> usize {
        (self.required as usize).saturating_sub(self.have.len())
    }
}

/// The phase of an environment, given the verdict on its waiting plan (`None` where none waits).
pub fn phase_of(env: &EnvironmentState, verdict: Option<&Verdict>) -> Phase {
    if env.is_busy() {
        return Phase::Deploying;
    }
    if env.invalid.is_some() {
        return Phase::Invalid;
    }
    if !env.suspensions.is_empty() {
        return Phase::Suspended;
    }
    phase_of_change(env, verdict)
}

/// As [`phase_of`], of the change alone: where it stands in an environment that is suspended as well.
pub fn phase_of_change(env: &EnvironmentState, verdict: Option<&Verdict>) -> Phase {
    if env.is_busy() {
        return Phase::Deploying;
    }
    if env.invalid.is_some() {
        return Phase::Invalid;
    }
    if env.deployment.is_some() {
        return Phase::Failed;
    }
    match verdict {
        None if env.applied.as_ref().is_some_and(|applied| applied.corrections.failed.is_some()) => Phase::Failed,
        None => Phase::Synced,
        Some(verdict) if !verdict.rejected_by.is_empty() => Phase::Rejected,
        Some(verdict) if verdict.is_approved() => Phase::Approved,
        Some(_) => Phase::AwaitingApproval,
    }
}
