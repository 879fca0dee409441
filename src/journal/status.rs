//! `status.yaml`: where an environment stands, for machines; the commands and the pages print the same value.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::{RepositoryId, RevisionId};
use crate::journal::OutcomeResult;
use crate::lifecycle::{EnvironmentState, Phase, State, WaitingOn, phase_of};
use crate::model::{EnvironmentName, Problem};
use crate::plan::{Base, PlanKind};
use crate::policy::{StatementView, Verdict};

/// Why nothing that was said counts where the plan is not judged.
const AT_REST: &str = "the configuration is invalid; it counts again if a fix leaves this plan as it is";

/// `status.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The repository.
    pub repository: RepositoryId,
    /// The environment.
    pub environment: EnvironmentName,
    /// Where it stands.
    pub phase: Phase,
    /// The last successful deployment, or null.
    pub applied: Option<Base>,
    /// The revision that is desired, or null where the environment is to be destroyed or cannot be read.
    pub desired: Option<RevisionId>,
    /// The plan that waits, runs or failed, or null.
    pub plan: Option<StatusPlan>,
    /// What is asked for: every requirement of the plan, met ones too; empty where no plan waits.
    pub waiting_on: Vec<WaitingOn>,
    /// Every statement on the plan, and the last ones that were refused.
    pub statements: Vec<StatementView>,
    /// The ready-made branches, by what merging them says.
    pub branches: BTreeMap<String, String>,
    /// What is wrong with the desired configuration.
    pub problems: Vec<Problem>,
    /// How the last deployment ended, or null.
    pub last: Option<LastOutcome>,
    /// The policy version that was asked.
    pub policy: u64,
}

/// The plan a status speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusPlan {
    /// In full.
    pub digest: crate::digest::PlanId,
    /// The first 12 digits.
    pub short: String,
    /// Its number.
    pub number: u64,
    /// Its round.
    pub round: u64,
    /// Its kind.
    pub kind: PlanKind,
    /// Whether its preview was cut for display.
    pub truncated: bool,
    /// When it was published.
    pub since: Timestamp,
}

/// How a deployment ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastOutcome {
    /// The number.
    pub number: u64,
    /// The attempt.
    pub attempt: u64,
    /// How.
    pub result: OutcomeResult,
    /// For people; empty when applied.
    pub message: String,
    /// When.
    pub time: Timestamp,
}

impl Status {
    /// The status of an environment.
    pub fn of(state: &State, name: &EnvironmentName, env: &EnvironmentState, verdict: Option<&Verdict>) -> Self {
        let deploying = env.deployment.as_ref().map(|deployment| &deployment.plan);
        let plan = deploying.or_else(|| env.current_plan());
        let refused = env.refused.iter().map(StatementView::of_refused);
        let at_rest = || -> Vec<StatementView> {
            let judged = plan.filter(|_| env.invalid.is_some()).into_iter().flat_map(|plan| &plan.statements);
            judged.map(|(_, judged)| StatementView::of_uncounted(judged, AT_REST)).collect()
        };
        let statements = verdict.map_or_else(at_rest, |verdict| verdict.statements.clone());
        Self {
            repository: state.repository,
            environment: name.clone(),
            phase: phase_of(env, verdict),
            applied: env.base(),
            desired: match plan {
                Some(plan) => plan.revision,
                None if env.invalid.is_some() => None,
                None => env.in_force(),
            },
            plan: plan.map(|plan| StatusPlan {
                digest: plan.id,
                short: plan.id.short(),
                number: plan.number,
                round: plan.round,
                kind: plan.kind,
                truncated: plan.truncated,
                since: plan.since,
            }),
            waiting_on: verdict.map(|verdict| WaitingOn::of(verdict, true)).unwrap_or_default(),
            statements: statements.into_iter().chain(refused).collect(),
            branches: env.current_plan().map(newest_branches).unwrap_or_default(),
            problems: env.invalid.as_ref().map(|(problems, _)| problems.clone()).unwrap_or_default(),
            last: env.history.first().map(|row| LastOutcome {
                number: row.number,
                attempt: row.attempt,
                result: row.result,
                message: row.message.clone(),
                time: row.ended,
            }),
            policy: state.policy.map_or(0, |policy| policy.version),
        }
    }
}

fn newest_branches(plan: &crate::lifecycle::OpenPlan) -> BTreeMap<String, String> {
    plan.ready.iter().map(|(_, ready)| (ready.verdict.name().to_owned(), ready.branch.clone())).collect()
}
