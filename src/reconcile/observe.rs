//! Observing: what is new in the repository becomes events, one entry for all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::append::Draft;
use super::load::Remotes;
use super::{Daemon, TickError};
use crate::evidence::graph::Graph;
use crate::journal::{Event, Heads};
use crate::lifecycle::{Facts, admit, find_new, missing_records, refusals};
use crate::model::EnvironmentName;
use crate::object::{Mode, Oid, entry_at};
use crate::revision::resolve::{below, environment_names};
use crate::revision::resolve_governance;

impl Daemon {
    /// Reads everything that is new and writes what it means, as one entry; nothing where it means nothing.
    pub(super) fn observe(&mut self, remotes: &Remotes) -> Result<(), TickError> {
        let first_look = self.seen.is_none();
        let from = self.seen.unwrap_or(self.state()?.heads);
        let objects = Arc::clone(&self.objects);
        let mut draft = self.draft(remotes.heads);
        self.observe_statements(&mut draft, from, remotes.heads)?;
        self.observe_governance(&mut draft, remotes.heads)?;
        let names = if first_look {
            let tree = objects.commit(remotes.heads.config)?.tree;
            let mut names = environment_names(objects.as_ref(), &self.config.root, tree)?;
            if names.len() > self.config.most_environments {
                return Err(TickError::TooMany { found: names.len(), most: self.config.most_environments });
            }
            names.extend(self.state()?.environments.keys().cloned());
            names
        } else {
            self.changed_environments(from.config, remotes.heads.config)?
        };
        let again = std::mem::take(&mut self.again);
        for name in names.union(&again) {
            self.plan_environment(&mut draft, remotes.heads, name)?;
        }
        self.make_ready(&mut draft, remotes.heads)?;
        self.append(draft)?;
        self.seen = Some(remotes.heads);
        self.remember(|tips| {
            tips.config = Some(remotes.heads.config);
            tips.records = remotes.heads.records;
        })
    }

    fn observe_statements(&mut self, draft: &mut Draft, from: Heads, to: Heads) -> Result<(), TickError> {
        let objects = Arc::clone(&self.objects);
        let found = find_new(&Graph::new(objects.as_ref()), objects.as_ref(), self.state()?, from, to)?;
        let now = draft.time;
        let governance = self.governance()?;
        let judged = admit(&Facts { state: self.state()?, governance: &governance, now }, &found);
        for judged in judged {
            self.emit(draft, Event::Statement(judged))?;
        }
        if from.config != to.config {
            let gone = missing_records(objects.as_ref(), self.state()?, from.config, to.config)?;
            for (environment, message) in gone {
                tracing::warn!(%environment, "{message}");
                self.emit(draft, Event::Alarm { environment: Some(environment), message })?;
            }
        }
        Ok(())
    }

    /// A change of the policy itself is a change of its own: until it is admitted the one in force stays.
    fn observe_governance(&mut self, draft: &mut Draft, heads: Heads) -> Result<(), TickError> {
        let objects = Arc::clone(&self.objects);
        let tree = objects.commit(heads.config)?.tree;
        let in_force = self.state()?.policy.map(|policy| policy.revision);
        let (revision, governance) = resolve_governance(objects.as_ref(), &self.hashes, &self.config.root, tree)?;
        let problems = refusals::governance_pending(in_force, revision, governance);
        let pending = (!problems.is_empty()).then(|| (revision, problems.clone()));
        if pending != self.state()?.governance_pending {
            self.emit(draft, Event::GovernancePending { revision, commit: heads.config, problems })?;
        }
        Ok(())
    }

    /// The environments whose own folder, or whose shared inputs, differ between two config commits.
    fn changed_environments(&self, old: Oid, new: Oid) -> Result<BTreeSet<EnvironmentName>, TickError> {
        let mut changed = BTreeSet::new();
        if old == new {
            return Ok(changed);
        }
        let objects = self.objects.as_ref();
        let entries = |commit: Oid| -> Result<BTreeMap<String, crate::object::Entry>, TickError> {
            let tree = objects.commit(commit)?.tree;
            Ok(match entry_at(objects, tree, &below(&self.config.root, "environments"))? {
                Some(entry) if entry.mode == Mode::Tree => objects.tree(entry.id)?.entries,
                _ => BTreeMap::new(),
            })
        };
        let (olds, news) = (entries(old)?, entries(new)?);
        for name in olds.keys().chain(news.keys()) {
            if olds.get(name) != news.get(name)
                && let Ok(name) = name.parse::<EnvironmentName>()
                && name.as_str() != EnvironmentName::GOVERNANCE
            {
                changed.insert(name);
            }
        }
        let (old_tree, new_tree) = (objects.commit(old)?.tree, objects.commit(new)?.tree);
        for (path, users) in &self.shared {
            let path = below(&self.config.root, path);
            if entry_at(objects, old_tree, &path)? != entry_at(objects, new_tree, &path)? {
                changed.extend(users.iter().cloned());
            }
        }
        Ok(changed)
    }
}
