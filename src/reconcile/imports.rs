//! Who imports whom: whose plans a deployment changes.

use super::{Daemon, TickError};
use crate::lifecycle::{EnvironmentState, OpenPlan};
use crate::model::EnvironmentName;
use crate::object::Oid;
use crate::revision::imports::{ImportedBy, imports_in};
use crate::revision::{Desired, Sources};

impl Daemon {
    /// Who imports whom by a config commit.
    fn importers(&mut self, config: Oid) -> Result<&ImportedBy, TickError> {
        let tree = self.graph().node(config)?.tree;
        self.importers.go_to(self.objects.as_ref(), &self.hashes, &self.config.root, tree)?;
        Ok(self.importers.all())
    }

    /// Whether anybody imports an environment.
    pub(super) fn is_imported(&mut self, config: Oid, name: &EnvironmentName) -> Result<bool, TickError> {
        self.importers(config)?;
        Ok(self.state()?.is_imported(self.importers.all(), name))
    }

    /// What an environment imports by a config commit.
    pub(super) fn imports_at(&self, config: Oid, name: &EnvironmentName) -> Result<Vec<EnvironmentName>, TickError> {
        let tree = self.objects.commit(config)?.tree;
        Ok(imports_in(self.objects.as_ref(), &self.hashes, &self.config.root, tree, name)?)
    }

    /// After a deployment ended: those who import the environment are planned again, and so is what it imports or did,
    /// since what nobody imports may be recorded without approval.
    pub(super) fn plan_importers(
        &mut self,
        name: &EnvironmentName,
        plan: &OpenPlan,
        before: &EnvironmentState,
    ) -> Result<(), TickError> {
        let config = self.state()?.heads.config;
        let users = self.importers(config)?.get(name).cloned().unwrap_or_default();
        let old: &Sources = &before.applied.as_ref().map(|applied| applied.imports.clone()).unwrap_or_default();
        // A draft may import what the config branch does not yet; one with problems may wait for just this deployment.
        let waits = |env: &EnvironmentState| {
            let has_problems = env.draft.as_ref().and_then(|draft| draft.unplanned.as_ref());
            env.draft_plan().is_some_and(|plan| plan.imports.contains_key(name))
                || has_problems.is_some_and(|(_, problems)| !problems.is_empty())
        };
        let state = self.state()?;
        let drafts = state.index.drafts().iter().filter(|name| state.environments.get(*name).is_some_and(waits));
        let drafts: Vec<EnvironmentName> = drafts.cloned().collect();
        let imported = plan.imports.keys().chain(old.keys());
        self.again.extend(users.keys().chain(imported).cloned().chain(drafts));
        Ok(())
    }

    /// Gate: what is imported may have been deployed since the plan was made. It is then planned again before anything
    /// is claimed.
    pub(super) fn imports_moved(
        &mut self,
        name: &EnvironmentName,
        env: &EnvironmentState,
        plan: &OpenPlan,
    ) -> Result<bool, TickError> {
        if plan.imports.is_empty() {
            return Ok(false);
        }
        let config = self.state()?.heads.config;
        let is_same = match self.desired(config, name)? {
            Desired::Present(resolved) => Some(resolved.revision) == plan.revision,
            _ => false,
        };
        if !is_same {
            tracing::info!(environment = %name, number = env.next_number(), "what it imports has moved on");
            self.again.insert(name.clone());
        }
        Ok(!is_same)
    }
}
