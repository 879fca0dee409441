//! The words of refusals that follow from repository and journal alone, so that an offline proof can say them again.

use super::state::State;
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

/// A plan that cannot be judged (`why`: a ruleset that does not exist).
pub fn cannot_be_judged(name: &EnvironmentName, why: String) -> Problem {
    Problem { field: "spec.rulesets".to_owned(), ..Problem::of_file(environment_file(name), why) }
}

fn environment_file(name: &EnvironmentName) -> String {
    format!("environments/{name}/environment.yaml")
}
