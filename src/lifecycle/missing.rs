//! Admitted records that somebody deleted or edited: nothing changes by that, and an alarm says so.

use super::state::State;
use crate::journal::Admission;
use crate::model::EnvironmentName;
use crate::object::{ObjectError, Objects, Oid, changed_paths};
use crate::revision::resolve::below;

/// The admitted statements on open plans whose record differs, or is gone, between two config commits; with the words
/// for people.
///
/// # Errors
/// Where a tree cannot be read.
pub fn missing_records(
    objects: &dyn Objects,
    state: &State,
    old: Oid,
    new: Oid,
) -> Result<Vec<(EnvironmentName, String)>, ObjectError> {
    let (old, new) = (objects.tree_of(old)?, objects.tree_of(new)?);
    let approvals = below(&state.start.root, "approvals");
    let changed = changed_paths(objects, Some(old), Some(new), &approvals)?;
    let mut found = Vec::new();
    for change in changed.iter().filter(|change| change.old.is_some()) {
        // Admitted records lie in the folder of their environment: others are refused.
        let folder = change.path.strip_prefix(&approvals).and_then(|rest| rest.split('/').nth(1));
        let Some(name) = folder.and_then(|name| name.parse::<EnvironmentName>().ok()) else { continue };
        if let Some(env) = state.environments.get(&name) {
            let plans = env.earlier.iter().chain(env.plans.iter()).chain(env.drafted.iter());
            let plans = plans.chain(env.deployment.iter().map(|deployment| &deployment.plan));
            for (_, judged) in plans.flat_map(|plan| &plan.statements) {
                if judged.admitted == Admission::Admitted && below(&state.start.root, &judged.path) == change.path {
                    let what = if change.new.is_none() { "deleted" } else { "edited" };
                    let by = judged.by.as_ref().map_or_else(String::new, |by| format!(" of {by}"));
                    found.push((
                        name.clone(),
                        format!("the record{by} {} was {what}; it counts as before", change.path),
                    ));
                }
            }
        }
    }
    Ok(found)
}
