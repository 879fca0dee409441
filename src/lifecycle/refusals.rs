//! The words of refusals that follow from repository and journal alone, so that an offline proof can say them again.

use super::state::State;
use crate::digest::PlanId;
use crate::model::{EnvironmentName, Problem};
use crate::revision::Resolved;

/// An environment's folder is there and its `environment.yaml` is not, though there was one once.
pub fn unmarked(name: &EnvironmentName) -> Problem {
    let message = "is missing, but the folder is still there: to destroy the environment remove the whole folder";
    Problem::of_file(environment_file(name), message)
}

/// The targets that belong to another environment, as (place among the services, problem).
pub fn owned_targets(state: &State, name: &EnvironmentName, resolved: &Resolved) -> Vec<(usize, Problem)> {
    let targets = resolved.environment.services.iter().map(|service| service.kind.target()).enumerate();
    targets
        .filter_map(|(at, target)| {
            let (owned, owner) = state.other_owner(name, target)?;
            let message = format!("`{target}` belongs to {owner}, which has `{owned}` until its destroy is applied");
            let field = format!("spec.services[{at}].target");
            Some((at, Problem { field, ..Problem::of_file(environment_file(name), message) }))
        })
        .collect()
}

/// No commit makes the change.
pub fn nobody_contributed(name: &EnvironmentName) -> Problem {
    let message = "no commit is found that makes this change, so nobody is known to have contributed to it";
    Problem::of_file(format!("environments/{name}"), message)
}

/// A plan with the short name of another one.
pub fn same_short_name(name: &EnvironmentName, plan: PlanId) -> Problem {
    let message = format!(
        "plan {plan} has the same short name as another one, which does not happen by chance; push another change"
    );
    Problem::of_file(format!("environments/{name}"), message)
}

/// A plan that cannot be judged (`why`: a ruleset that does not exist).
pub fn cannot_be_judged(name: &EnvironmentName, why: String) -> Problem {
    Problem { field: "spec.rulesets".to_owned(), ..Problem::of_file(environment_file(name), why) }
}

/// A draft that has no commit in common with the config branch.
pub fn unrelated_draft(name: &EnvironmentName) -> Problem {
    let message = "has no commit in common with the config branch: begin the draft from it";
    Problem::of_file(super::draft_branch(name), message)
}

/// A draft that was merged with the config branch crosswise, so that it left it at several commits.
pub fn crossed_draft(name: &EnvironmentName) -> Problem {
    let message = "and the config branch have several common ancestors: merge the config branch into the draft";
    Problem::of_file(super::draft_branch(name), message)
}

/// A file that was changed on the draft and on the config branch.
pub fn conflicting_draft(name: &EnvironmentName, path: &str) -> Problem {
    let message = format!(
        "was changed on {} and on the config branch since they parted: merge the config branch into the draft",
        super::draft_branch(name)
    );
    Problem::of_file(path, message)
}

/// A draft that was changed very often.
pub fn many_drafts(name: &EnvironmentName) -> Problem {
    let message = format!(
        "had {} plans since the config branch last moved on: merge it, or have something else deployed first",
        super::draft::MOST_DRAFTED
    );
    Problem::of_file(super::draft_branch(name), message)
}

/// A draft with an object that is no proper one.
pub fn unreadable_draft(name: &EnvironmentName, why: &str) -> Problem {
    Problem::of_file(super::draft_branch(name), format!("cannot be read: {why}"))
}

fn environment_file(name: &EnvironmentName) -> String {
    format!("environments/{name}/environment.yaml")
}
