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
    let changed = changed_paths(objects, Some(old), Some(new), &below(&state.start.root, "approvals"))?;
    let mut found = Vec::new();
    for change in changed.iter().filter(|change| change.old.is_some()) {
        for (name, env) in &state.environments {
            let plans = env.earlier.iter().chain(env.plans.values()).chain(env.drafted.values());
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
