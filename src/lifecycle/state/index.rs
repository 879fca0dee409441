//! Which environments something is true of, so that nobody has to ask them all: a tick must not cost what there is.
//!
//! All of it follows from the environments alone, and each event changes only the one it is about.

use std::collections::{BTreeMap, BTreeSet};

use crate::lifecycle::environment::EnvironmentState;
use crate::model::EnvironmentName;
use crate::uses::Uses;

/// What is known of all environments together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Index {
    deploying: BTreeSet<EnvironmentName>,
    drafts: BTreeSet<EnvironmentName>,
    offered: BTreeMap<EnvironmentName, usize>,
    plans_offered: usize,
    imports: Uses<EnvironmentName>,
}

impl Index {
    /// Those with a deployment that runs or failed, or a correction that runs.
    pub fn deploying(&self) -> &BTreeSet<EnvironmentName> {
        &self.deploying
    }

    /// Those with a draft.
    pub fn drafts(&self) -> &BTreeSet<EnvironmentName> {
        &self.drafts
    }

    /// Those with a plan, of the config branch or of a draft, that has ready-made commits.
    pub fn offered(&self) -> impl Iterator<Item = &EnvironmentName> {
        self.offered.keys()
    }

    /// How many plans have ready-made commits.
    pub fn plans_offered(&self) -> usize {
        self.plans_offered
    }

    /// Whether what is applied in some environment imports this one.
    pub fn is_imported(&self, name: &EnvironmentName) -> bool {
        self.imports.users().contains_key(name)
    }

    /// Takes over what an event left of an environment.
    pub(super) fn note(&mut self, name: &EnvironmentName, env: &EnvironmentState) {
        let put = |set: &mut BTreeSet<EnvironmentName>, is_in: bool| {
            if is_in && !set.contains(name) {
                set.insert(name.clone());
            } else if !is_in {
                set.remove(name);
            }
        };
        put(&mut self.deploying, env.deployment.is_some() || env.correcting.is_some());
        put(&mut self.drafts, env.draft.is_some());
        let plans = env.plans.iter().chain(env.drafted.iter());
        let plans = plans.filter(|plan| !plan.ready.is_empty()).count();
        let before = if plans > 0 { self.offered.insert(name.clone(), plans) } else { self.offered.remove(name) };
        self.plans_offered = self.plans_offered + plans - before.unwrap_or_default();
        let applied = env.applied.as_ref().filter(|_| env.exists());
        self.imports.set(name, applied.map(|applied| applied.imports.keys().cloned().collect()).unwrap_or_default());
    }

    /// From scratch: the same as event by event.
    pub fn of<'e>(environments: impl IntoIterator<Item = (&'e EnvironmentName, &'e EnvironmentState)>) -> Self {
        let mut index = Self::default();
        for (name, env) in environments {
            index.note(name, env);
        }
        index
    }
}
