//! `status.yaml`: where an environment stands, for machines; the commands and the pages print the same value.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::{RepositoryId, RevisionId, StatementId};
use crate::journal::{DraftStatus, OutcomeResult, drift_in_words};
use crate::lifecycle::{EnvironmentState, OpenPlan, Phase, State, WaitingOn, phase_of};
use crate::model::{EnvironmentName, Governance, Permission, PersonName, Problem, RulesetName};
use crate::object::Oid;
use crate::plan::{Base, PlanKind};
use crate::policy::{Hold, StatementView, Verdict};

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
    /// The config commit whose folder is in force, or null: what closing a change puts back.
    pub in_force_at: Option<Oid>,
    /// The revision that is desired, or null where the environment is to be destroyed or cannot be read.
    pub desired: Option<RevisionId>,
    /// The plan that waits, runs or failed, or null.
    pub plan: Option<StatusPlan>,
    /// What is asked for: every requirement of the plan, met ones too; empty where no plan waits.
    pub waiting_on: Vec<WaitingOn>,
    /// The rulesets whose approvals carry over to later changes of the plan's deployment (`reapproveOnChange: false`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carries_over: Vec<RulesetName>,
    /// Every statement on the plan, those of earlier plans where approvals carry over, and the last ones that were refused.
    pub statements: Vec<StatementView>,
    /// The ready-made branches, by what merging them says.
    pub branches: BTreeMap<String, String>,
    /// What is wrong with the desired configuration.
    pub problems: Vec<Problem>,
    /// How the last deployment ended, or null.
    pub last: Option<LastOutcome>,
    /// What became of the drift of the last deployment, left out where none was ever corrected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrections: Option<StatusCorrections>,
    /// Whether somebody has to start the plan's deployment.
    pub manual: bool,
    /// What keeps the deployment of a plan from starting although everything asked for is there, or null.
    pub hold: Option<Hold>,
    /// The suspension that stands, or null.
    pub suspended: Option<Suspension>,
    /// Each person's last statement here that was not refused: their next request names it as `previous`.
    pub last_statements: BTreeMap<PersonName, StatementId>,
    /// The policy version that was asked.
    pub policy: u64,
    /// The draft, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<DraftStatus>,
    /// Of which draft's plan this speaks, where it was made to.
    #[serde(skip)]
    pub of_draft: Option<Oid>,
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

/// How drift of the last deployment was corrected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusCorrections {
    /// The attempt that runs, or the last that did something.
    pub attempt: u64,
    /// How often it was.
    pub times: u64,
    /// What was found last, in words.
    pub found: String,
    /// Whether one is at work.
    pub running: bool,
    /// Why the last one did not succeed, or null.
    pub failed: Option<String>,
    /// When it may be corrected again, or null.
    pub not_before: Option<Timestamp>,
}

impl StatusCorrections {
    fn of(env: &EnvironmentState) -> Option<Self> {
        let corrections = &env.applied.as_ref()?.corrections;
        let found = match &env.correcting {
            Some(correcting) => correcting.claim.drift.as_deref().unwrap_or_default(),
            None => &corrections.found,
        };
        (!found.is_empty()).then(|| Self {
            attempt: if env.correcting.is_some() { corrections.attempt } else { corrections.last },
            times: corrections.times,
            found: drift_in_words(found),
            running: env.correcting.is_some(),
            failed: corrections.failed.clone(),
            not_before: corrections.damped.not_before(),
        })
    }
}

impl StatusPlan {
    /// What a status says of a plan.
    pub fn of(plan: &OpenPlan) -> Self {
        Self {
            digest: plan.id,
            short: plan.id.short(),
            number: plan.number,
            round: plan.round,
            kind: plan.kind,
            truncated: plan.truncated,
            since: plan.since,
        }
    }
}

/// Why nothing is claimed in an environment, and who can end that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Suspension {
    /// The suspensions, in the order in which they were made.
    pub by: Vec<Suspender>,
    /// Who could resume.
    pub eligible: Vec<PersonName>,
}

/// A suspension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Suspender {
    /// The request.
    pub digest: StatementId,
    /// Whose it is.
    pub by: PersonName,
    /// The reason given.
    pub reason: String,
}

impl Suspension {
    fn of(governance: &Governance, name: &EnvironmentName, env: &EnvironmentState) -> Option<Self> {
        let by: Vec<Suspender> = env
            .suspensions
            .iter()
            .filter_map(|(_, judged)| {
                Some(Suspender { digest: judged.digest, by: judged.by.clone()?, reason: judged.reason.clone() })
            })
            .collect();
        let eligible = governance.who_may(Permission::Suspend, name);
        (!by.is_empty()).then_some(Self { by, eligible })
    }
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
    pub fn of(
        state: &State,
        governance: &Governance,
        name: &EnvironmentName,
        env: &EnvironmentState,
        verdict: Option<&Verdict>,
    ) -> Self {
        let deploying = env.deployment.as_ref().map(|deployment| &deployment.plan);
        let plan = deploying.or_else(|| env.current_plan());
        let refused = env.refused.iter().map(StatementView::of_refused);
        let asked = plan.iter().flat_map(|plan| &plan.deploys);
        let asked = asked.map(|(_, judged)| match verdict {
            Some(verdict) => verdict.start.view(judged),
            None if env.invalid.is_some() => StatementView::of_uncounted(judged, AT_REST),
            None => StatementView::of_refused(judged),
        });
        let asked: Vec<StatementView> = asked.collect();
        let wish = env.redeploy.as_deref().map(|(_, judged)| StatementView {
            counted: true,
            why: "what is applied is applied again".to_owned(),
            ..StatementView::of_refused(judged)
        });
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
            in_force_at: state.in_force_at(name),
            desired: match plan {
                Some(plan) => plan.revision,
                None if env.invalid.is_some() => None,
                None => env.in_force(),
            },
            plan: plan.map(StatusPlan::of),
            waiting_on: verdict.map(|verdict| WaitingOn::of(verdict, true)).unwrap_or_default(),
            carries_over: verdict.map(|verdict| verdict.carries.clone()).unwrap_or_default(),
            statements: statements.into_iter().chain(asked).chain(wish).chain(refused).collect(),
            branches: env.current_plan().map(newest_branches).unwrap_or_default(),
            problems: env.invalid.as_ref().map(|(problems, _)| problems.clone()).unwrap_or_default(),
            last: env.history.first().map(|row| LastOutcome {
                number: row.number,
                attempt: row.attempt,
                result: row.result,
                message: row.message.clone(),
                time: row.ended,
            }),
            corrections: StatusCorrections::of(env),
            manual: verdict.is_some_and(|verdict| verdict.start.manual),
            // Whether a window is open now changes without an entry: where there is one, it is said that there is.
            hold: verdict
                .filter(|_| env.running().is_none())
                .and_then(|verdict| verdict.may_start(state.time, verdict.start.windows.is_empty()).err().flatten()),
            suspended: Suspension::of(governance, name, env),
            last_statements: env.last_words.iter().map(|(by, (digest, _))| (by.clone(), *digest)).collect(),
            policy: state.policy.map_or(0, |policy| policy.version),
            draft: None,
            of_draft: None,
        }
    }
}

pub(super) fn newest_branches(plan: &OpenPlan) -> BTreeMap<String, String> {
    plan.ready.iter().map(|(_, ready)| (ready.says.name().to_owned(), ready.branch.clone())).collect()
}
