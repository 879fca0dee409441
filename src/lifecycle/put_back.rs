//! Whether a change is dropped where it was made: closing it takes a commit that puts the folder back.

use std::collections::BTreeSet;

use super::environment::EnvironmentState;
use super::state::State;
use crate::evidence::{Found, Proof};
use crate::model::{EnvironmentName, Request, RequestAction, Statement};
use crate::object::{ObjectError, Objects, Oid, entry_at};
use crate::revision::resolve::below;

impl EnvironmentState {
    /// The config commit whose folder is in force: of what was recorded last, else applied; `None` where nothing is.
    pub fn in_force_at(&self) -> Option<Oid> {
        let applied = self.applied.as_ref().filter(|applied| applied.revision.is_some());
        self.recorded.map(|(_, commit)| commit).or_else(|| applied.map(|applied| applied.commit))
    }
}

impl State {
    /// The config commit whose folder is in force in an environment; of `governance`, that of the policy.
    pub fn in_force_at(&self, name: &EnvironmentName) -> Option<Oid> {
        match name.is_governance() {
            true => self.policy.map(|policy| policy.commit),
            false => self.environments.get(name)?.in_force_at(),
        }
    }
}

/// The environments among those that are to be closed whose folder is, in the config head, what is in force there.
///
/// # Errors
/// Where a tree cannot be read.
pub fn put_back(
    objects: &dyn Objects,
    state: &State,
    config: Oid,
    found: &[Found],
) -> Result<BTreeSet<EnvironmentName>, ObjectError> {
    let closes = found.iter().filter_map(|found| match &found.proof {
        Proof::Record { statement: Statement::Request(Request { environment, action, .. }), .. } => {
            matches!(action, RequestAction::Close { .. }).then_some(environment)
        }
        _ => None,
    });
    let mut back = BTreeSet::new();
    for name in closes {
        if is_put_back(objects, state, config, name)? {
            back.insert(name.clone());
        }
    }
    Ok(back)
}

fn is_put_back(objects: &dyn Objects, state: &State, config: Oid, name: &EnvironmentName) -> Result<bool, ObjectError> {
    let folder = below(&state.start.root, &name.folder());
    let entry = |commit: Oid| entry_at(objects, objects.tree_of(commit)?, &folder);
    let in_force = match state.in_force_at(name) {
        Some(commit) => entry(commit)?,
        None => None,
    };
    Ok(entry(config)? == in_force)
}
