//! Requests: suspend, resume, close, reopen, deploy, redeploy.

use super::{Chains, Facts, Proven, gone, powerless, refuse};
use crate::digest::PlanId;
use crate::journal::{Admission, Judged};
use crate::lifecycle::EnvironmentState;
use crate::model::{ApprovalVerdict, Maker, Permission, PersonName, Request, RequestAction};
use crate::plan::PlanKind;

/// Fills in what a request says of itself.
pub(super) fn describe(judged: &mut Judged, request: &Request) {
    judged.plan = request.action.plan();
    judged.request = Some(request.action.clone());
    judged.reason.clone_from(&request.reason);
    if let Maker::Signed { by, .. } = &request.maker {
        judged.by = Some(by.clone());
    }
}

/// The permission that an action takes.
pub fn permission_for(action: &RequestAction) -> Option<Permission> {
    match action {
        RequestAction::Deploy { .. } | RequestAction::Close { .. } | RequestAction::Reopen { .. } => {
            Some(Permission::Deploy)
        }
        RequestAction::Redeploy { .. } => Some(Permission::Force),
        RequestAction::Suspend { .. } | RequestAction::Resume { .. } => Some(Permission::Suspend),
        _ => None,
    }
}

/// Why nobody can start a change of the policy, or have the policy in force applied again.
pub const NOTHING_TO_START: &str = "a change of the policy comes into force by itself once everything that is asked for is there, \
                                    and what is in force has no effect that could be had again";

/// Whether an action is about when, or that, something is applied.
fn starts_a_deployment(action: &RequestAction) -> bool {
    !matches!(
        action,
        RequestAction::Suspend { .. }
            | RequestAction::Resume { .. }
            | RequestAction::Close { .. }
            | RequestAction::Reopen { .. }
    )
}

/// Gate: an action that is built, in an environment that is on the journal, on a plan that is open.
pub(super) fn can_be_asked(
    facts: &Facts<'_>,
    judged: &Judged,
    action: &RequestAction,
) -> Result<(), Option<Box<Judged>>> {
    let refused = |why: String, hint: String| Err(Some(refuse(judged.clone(), why, hint)));
    let name = &judged.environment;
    if permission_for(action).is_none() {
        let why = format!("`{}` requests are not built yet in this version", action.name());
        return refused(why, String::new());
    }
    // Gate: there is nothing to start.
    if name.is_governance() && starts_a_deployment(action) {
        return refused(NOTHING_TO_START.to_owned(), format!("countersign approve {name}"));
    }
    // The policy is there before any change of it.
    let env = match facts.state.environments.get(name) {
        None if !name.is_governance() => {
            return refused(format!("the journal knows no environment {name}"), "countersign status".to_owned());
        }
        env => env.cloned().unwrap_or_default(),
    };
    if let Some(plan) = action.plan().filter(|plan| env.open_plan(*plan).is_none()) {
        let why = format!("plan {} of {name} is not open: it ended, or never was", plan.short());
        return refused(why, format!("countersign status {name}"));
    }
    // Gate: nothing starts, closes or reopens what is not on the config branch.
    if super::is_drafted(facts, judged) {
        let why = format!("it is about a plan of draft/{name}, which is not merged");
        return refused(why, format!("merge draft/{name} first"));
    }
    Ok(())
}

impl Chains {
    /// Judges a request that is next in its maker's chain.
    pub(super) fn weigh_request(&self, facts: &Facts<'_>, statement: &Proven, action: &RequestAction) -> Admission {
        let (person, name) = (&statement.person, &statement.judged.environment);
        let lacks = |permission: Permission| {
            let holds = facts.governance.may(person, permission, name);
            (!holds).then(|| powerless(&format!("{person} does not hold `{}` in {name}", permission.name())))
        };
        if let Some(admission) = permission_for(action).and_then(lacks) {
            return admission;
        }
        if let RequestAction::Deploy { override_window: Some(true), .. } = action
            && let Some(admission) = lacks(Permission::Override)
        {
            return admission;
        }
        // A suspension takes effect however its record fares; whatever sets something in motion must be there to be seen.
        if !statement.in_tip && !matches!(action, RequestAction::Suspend { .. }) {
            return gone();
        }
        let env = facts.state.environment(name);
        match action {
            RequestAction::Suspend { .. } => Admission::Admitted,
            RequestAction::Resume { number } => self.weigh_resume(facts, statement, *number),
            RequestAction::Close { .. } if !facts.put_back.contains(name) => Admission::Refused {
                why: format!("the folder {} is not what is in force, which the same commit puts back", name.folder()),
                hint: format!("countersign close {name}"),
            },
            RequestAction::Close { plan } if is_of_drift(&env, *plan) => Admission::Refused {
                why: "the plan is of what changed on the host, and a close would leave it there".to_owned(),
                hint: format!("countersign reject {name}"),
            },
            RequestAction::Close { .. } => Admission::Admitted,
            RequestAction::Redeploy { number } => self.weigh_redeploy(facts, statement, *number),
            RequestAction::Reopen { .. } if statement.judged.reason.trim().is_empty() => Admission::Refused {
                why: "it gives no reason, and reopening a rejected change takes one".to_owned(),
                hint: format!("countersign reopen {name} -m REASON"),
            },
            RequestAction::Reopen { plan } => {
                let rejected =
                    self.last.iter().any(|((on, _), last)| on == plan && last.stands == Some(ApprovalVerdict::Reject));
                if env.running().is_some() {
                    powerless("the plan is being deployed")
                } else if rejected {
                    Admission::Admitted
                } else {
                    powerless("nobody's rejection of the plan stands")
                }
            }
            RequestAction::Deploy { .. } if env.running().is_some() => powerless("the plan is being deployed already"),
            RequestAction::Deploy { .. } => Admission::Admitted,
            _ => powerless("it is not built yet in this version"),
        }
    }

    /// Gate: it starts from what the environment is at, and lifts only what its maker can have seen.
    fn weigh_resume(&self, facts: &Facts<'_>, statement: &Proven, number: Option<u64>) -> Admission {
        let name = &statement.judged.environment;
        let at = facts.state.environment(name).base().map(|base| base.number);
        if number != at {
            let said = |number: Option<u64>| number.map_or_else(|| "none".to_owned(), |number| number.to_string());
            return Admission::Refused {
                why: format!("it starts from deployment {}, and {name} is at {}", said(number), said(at)),
                hint: format!("countersign resume {name}"),
            };
        }
        let now = facts.state.sequence + 1;
        let lifts = |(sequence, by): &(u64, PersonName)| *sequence != now || *by == statement.person;
        let standing = self.suspended.get(name).map(Vec::as_slice).unwrap_or_default();
        if standing.is_empty() {
            powerless(&format!("{name} is not suspended"))
        } else if standing.iter().any(lifts) {
            Admission::Admitted
        } else {
            powerless("it was made before the suspension was seen: resume again to lift that too")
        }
    }

    /// Gate: of what the environment is at, and nothing else waits there: a plan of two things could not be told apart.
    fn weigh_redeploy(&self, facts: &Facts<'_>, statement: &Proven, number: u64) -> Admission {
        let name = &statement.judged.environment;
        let env = facts.state.environment(name);
        let at = env.base().filter(|base| base.revision.is_some()).map(|base| base.number);
        let refused = |why: String, hint: String| Admission::Refused { why, hint };
        if at != Some(number) {
            let at = at.map_or_else(|| "nothing".to_owned(), |at| format!("deployment {at}"));
            let why = format!("it is to deploy {number} again, and {name} is at {at}");
            return refused(why, format!("countersign redeploy {name}"));
        }
        if env.redeploy.is_some() || self.redeployed.contains(name) {
            return powerless("somebody asked for it already");
        }
        if let Some(deployment) = &env.deployment {
            let why = format!("deployment {} of {name} is not over", deployment.claim.number);
            return refused(why, format!("countersign status {name}"));
        }
        if let Some(plan) = env.current_plan() {
            let why = format!("plan {} of {name} waits", plan.id.short());
            let hint = match plan.kind {
                PlanKind::Drift => format!("countersign approve {name}"),
                _ => format!("countersign deploy {name}, or countersign close {name}"),
            };
            return refused(why, hint);
        }
        if env.is_busy() || env.uncertain || env.invalid.is_some() {
            let why = format!("it is not known what {name} is at just now");
            return refused(why, format!("countersign status {name}"));
        }
        Admission::Admitted
    }

    /// What an admitted request changes for those judged after it.
    pub(super) fn done(&mut self, facts: &Facts<'_>, judged: &Judged, person: &PersonName, action: &RequestAction) {
        if judged.admitted != Admission::Admitted {
            return;
        }
        let name = &judged.environment;
        let now = facts.state.sequence + 1;
        match action {
            RequestAction::Suspend { .. } => {
                self.suspended.entry(name.clone()).or_default().push((now, person.clone()));
            }
            RequestAction::Resume { .. } => {
                if let Some(standing) = self.suspended.get_mut(name) {
                    standing.retain(|(sequence, by)| *sequence == now && by != person);
                }
            }
            RequestAction::Redeploy { .. } => {
                self.redeployed.insert(name.clone());
            }
            // Of one that runs it only says that it shall go no further.
            RequestAction::Close { .. } | RequestAction::Reopen { .. }
                if facts.state.environment(name).running().is_none() =>
            {
                self.ended.insert(name.clone());
            }
            _ => {}
        }
    }
}

/// Whether a plan is of what changed on the host, and of no change of the repository.
fn is_of_drift(env: &EnvironmentState, plan: PlanId) -> bool {
    env.open_plan(plan).is_some_and(|plan| plan.kind == PlanKind::Drift)
}
