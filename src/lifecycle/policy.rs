//! What shall become of the policy: what the config branch has in `governance/`, held against what is in force.

use jiff::Timestamp;

use super::state::State;
use crate::digest::RevisionId;
use crate::model::{EnvironmentName, Governance, Problem};
use crate::object::{ObjectError, Objects, Oid};
use crate::plan::compose::{Composed, Place};
use crate::plan::policy::{Side, compose};
use crate::policy::locked;
use crate::revision::{GovernanceFolder, Hashes, governance_folder};

/// What the policy shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyWanted {
    /// What is in force.
    InForce,
    /// Something that cannot come into force, for these reasons.
    Problems(Vec<Problem>),
    /// This.
    Next(Box<NextPolicy>),
}

/// A policy that may come into force once the one before it lets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextPolicy {
    /// Its revision.
    pub revision: RevisionId,
    /// Its folder.
    pub folder: GovernanceFolder,
    /// What it says.
    pub governance: Governance,
}

/// What the policy shall be, going by a config commit.
///
/// # Errors
/// Where an object is missing or malformed: that says nothing about the policy at all.
pub fn policy_wanted(
    objects: &dyn Objects,
    hashes: &Hashes,
    state: &State,
    config: Oid,
    now: Timestamp,
) -> Result<PolicyWanted, ObjectError> {
    let in_force = state.policy.map(|policy| policy.revision);
    let tree = objects.tree_of(config)?;
    let folder = match governance_folder(objects, hashes, &state.start.root, tree)? {
        // Gate: that nothing can be read is never taken for "nothing is asked for".
        Err(problem) => return Ok(PolicyWanted::Problems(vec![problem])),
        Ok(folder) => folder,
    };
    if Some(folder.revision) == in_force {
        return Ok(PolicyWanted::InForce);
    }
    Ok(match folder.governance.clone() {
        Err(problems) => PolicyWanted::Problems(problems.0),
        Ok(governance) => match locked(&governance, now) {
            problems if problems.is_empty() => {
                PolicyWanted::Next(Box::new(NextPolicy { revision: folder.revision, folder, governance }))
            }
            problems => PolicyWanted::Problems(problems),
        },
    })
}

/// The plan of a policy change. `None` where the policy in force is not to be found as it was.
///
/// # Errors
/// Where an object is missing or malformed.
pub fn policy_plan(
    objects: &dyn Objects,
    hashes: &Hashes,
    state: &State,
    next: &NextPolicy,
) -> Result<Option<Composed>, ObjectError> {
    let Some(in_force) = state.policy else { return Ok(None) };
    let tree = objects.tree_of(in_force.commit)?;
    let Ok(old) = governance_folder(objects, hashes, &state.start.root, tree)? else { return Ok(None) };
    let Ok(governance) = &old.governance else { return Ok(None) };
    if old.revision != in_force.revision {
        return Ok(None);
    }
    let name = EnvironmentName::governance();
    let env = state.environment(&name);
    let place = Place {
        repository: state.repository,
        environment: &name,
        number: env.next_number(),
        round: env.round,
        base: env.base(),
    };
    let old = Side { files: &old.files, governance };
    let new = Side { files: &next.folder.files, governance: &next.governance };
    compose(objects, place, next.revision, old, new).map(Some)
}
