//! What is applied where, as imports see it, and who imports whom.

use super::environment::EnvironmentState;
use super::state::State;
use crate::digest::RevisionId;
use crate::model::EnvironmentName;
use crate::revision::imports::ImportedBy;
use crate::revision::{Deployments, Source, Standing};

impl Deployments for State {
    fn standing(&self, name: &EnvironmentName) -> Standing {
        match self.environments.get(name).and_then(|env| env.applied.as_ref()) {
            None => Standing::Never,
            Some(applied) => match applied.revision {
                None => Standing::Destroyed,
                Some(revision) => {
                    Standing::Applied(Source { revision, commit: applied.commit, imports: applied.imports.clone() })
                }
            },
        }
    }

    fn deployed(&self, name: &EnvironmentName, revision: RevisionId) -> Option<Source> {
        self.deployed.get(&(name.clone(), revision)).cloned()
    }
}

impl State {
    /// Whether anybody imports an environment: by the config branch (`importers`), or in what is applied.
    pub fn is_imported(&self, importers: &ImportedBy, name: &EnvironmentName) -> bool {
        importers.contains_key(name) || self.index.is_imported(name)
    }
}

impl EnvironmentState {
    /// The revision that is in force, as [`EnvironmentState::in_force`] has it. Where somebody imports the environment it
    /// is the applied one alone: others take what was approved, so a change that was recorded without is still to come.
    pub fn in_force_where(&self, is_imported: bool) -> Option<RevisionId> {
        if is_imported { self.applied.as_ref().and_then(|applied| applied.revision) } else { self.in_force() }
    }
}
