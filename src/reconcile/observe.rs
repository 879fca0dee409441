//! Observing: what is new in the repository becomes events, one entry for all of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::ahead::CHUNK;
use super::append::Draft;
use super::load::Remotes;
use super::{Daemon, TickError};
use crate::journal::{Event, Heads};
use crate::lifecycle::{Facts, JudgeError, admit, find_new, gone, missing_records, put_back};
use crate::model::{EnvironmentName, Problem};
use crate::object::{Entry, Mode, Oid, differing, differing_at, entry_at};
use crate::revision::resolve::{below, environment_names};

impl Daemon {
    /// Reads everything that is new and writes what it means, as one entry that is yet to be pushed; nothing where it means
    /// nothing.
    pub(super) fn observe(&mut self, remotes: &Remotes) -> Result<(), TickError> {
        let first_look = self.seen.is_none();
        if first_look {
            self.agenda.everything();
        }
        let from = self.seen.unwrap_or(self.state()?.heads);
        self.graph().follow(remotes.heads.config)?;
        let objects = Arc::clone(&self.objects);
        self.fetch_drafts(remotes);
        let mut draft = self.draft(remotes.heads);
        let gone = self.planned_from_gone(remotes.heads)?;
        self.observe_statements(&mut draft, from, remotes.heads)?;
        self.gone = gone;
        // The policy comes first: what waits beside it is judged by the one in force.
        let policy = EnvironmentName::governance();
        let policy_again = self.again.remove(&policy);
        if first_look
            || policy_again
            || self.gone.contains(&policy)
            || self.governance_moved(from.config, remotes.heads.config)?
        {
            self.plan_policy(&mut draft, remotes.heads)?;
        }
        let names = if first_look || !self.gone.is_empty() {
            let tree = objects.commit(remotes.heads.config)?.tree;
            let mut names = environment_names(objects.as_ref(), &self.config.root, tree)?;
            if names.len() > self.config.most_environments {
                return Err(TickError::TooMany { found: names.len(), most: self.config.most_environments });
            }
            names.extend(self.state()?.environments.keys().filter(|name| !name.is_governance()).cloned());
            names
        } else {
            let mut names = self.changed_environments(from.config, remotes.heads.config)?;
            // Whoever is imported by one more or one less: what nobody imports may be recorded without approval.
            for name in names.clone() {
                names.extend(self.imports_at(from.config, &name)?);
                names.extend(self.imports_at(remotes.heads.config, &name)?);
            }
            names
        };
        // A schedule has come round, or a window opens before long.
        let names: BTreeSet<EnvironmentName> = names.into_iter().chain(self.due_to_look()?).collect();
        // What the policy's plan asked to be looked at again stays for the next tick.
        let (later, again) = std::mem::take(&mut self.again).into_iter().partition(|name| *name == policy);
        self.again = later;
        let looked: BTreeSet<EnvironmentName> = names.union(&again).cloned().collect();
        for names in looked.iter().collect::<Vec<_>>().chunks(CHUNK) {
            self.read_ahead(remotes.heads.config, names)?;
            for name in names {
                self.plan_or_hold(&mut draft, remotes.heads, name)?;
            }
        }
        self.observe_drafts(&mut draft, remotes, &looked, first_look)?;
        if first_look {
            // An operator's pin moves what waits in an entry of its own.
            self.make_all_ready(&mut draft, remotes.heads)?;
        } else {
            self.make_ready(&mut draft, remotes.heads)?;
        }
        self.append_later(draft)?;
        self.seen = Some(remotes.heads);
        self.remember(|tips| {
            tips.config = Some(remotes.heads.config);
            tips.records = remotes.heads.records;
        })
    }

    /// Plans an environment. Where what it was applied from cannot be read as it was, it holds, and the others go on.
    fn plan_or_hold(&mut self, draft: &mut Draft, heads: Heads, name: &EnvironmentName) -> Result<(), TickError> {
        match self.plan_environment(draft, heads, name) {
            Err(TickError::Judge(error)) if !matches!(error, JudgeError::Object(_)) => {
                let problem = Problem::of_file(format!("environments/{name}"), error.to_string());
                self.again.insert(name.clone());
                self.set_problems(draft, heads, name, vec![problem])
            }
            result => result,
        }
    }

    /// The environments whose plans were made from commits that an accepted history no longer contains.
    fn planned_from_gone(&self, heads: Heads) -> Result<BTreeSet<EnvironmentName>, TickError> {
        let state = self.state()?;
        if state.accepted.config.is_none() || state.heads.config == heads.config {
            return Ok(BTreeSet::new());
        }
        let graph = self.graph();
        let mut found = BTreeSet::new();
        for (name, env) in state.environments.iter() {
            if gone(&graph, env, heads.config)? {
                found.insert(name.clone());
            }
        }
        Ok(found)
    }

    fn observe_statements(&mut self, draft: &mut Draft, from: Heads, to: Heads) -> Result<(), TickError> {
        let objects = Arc::clone(&self.objects);
        let found = find_new(&self.graph(), objects.as_ref(), self.state()?, from, to)?;
        let now = draft.time;
        let governance = self.governance()?;
        let put_back = put_back(objects.as_ref(), self.state()?, to.config, &found)?;
        let facts = Facts { state: self.state()?, governance: &governance, now, put_back: &put_back };
        for judged in admit(&facts, &found) {
            if judged.ends_plans() || judged.makes_a_plan() {
                self.again.insert(judged.environment.clone());
                self.looked.remove(&judged.environment);
                self.agenda.touch(&judged.environment);
            }
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

    /// Whether `governance/` is not the same in two config commits.
    fn governance_moved(&self, from: Oid, to: Oid) -> Result<bool, TickError> {
        let path = below(&self.config.root, EnvironmentName::GOVERNANCE);
        let folder = |commit: Oid| -> Result<_, TickError> {
            Ok(entry_at(self.objects.as_ref(), self.objects.commit(commit)?.tree, &path)?)
        };
        Ok(from != to && folder(from)? != folder(to)?)
    }

    /// The environments whose own folder, or whose shared inputs, any commit between two config commits changed. Also
    /// where another one undid it: whoever did either contributed, and the plan must say so.
    fn changed_environments(&self, old: Oid, new: Oid) -> Result<BTreeSet<EnvironmentName>, TickError> {
        let mut changed = BTreeSet::new();
        if old == new {
            return Ok(changed);
        }
        let graph = self.graph();
        self.add_differing(Some(graph.node(old)?.tree), graph.node(new)?.tree, &mut changed)?;
        for id in graph.range(&[new], &[old])? {
            let node = graph.node(id)?;
            let before = node.parents.first().map(|parent| graph.node(*parent)).transpose()?;
            self.add_differing(before.map(|before| before.tree), node.tree, &mut changed)?;
        }
        Ok(changed)
    }

    /// Adds the environments whose own folder, or whose shared inputs, differ between two trees.
    fn add_differing(
        &self,
        old: Option<Oid>,
        new: Oid,
        changed: &mut BTreeSet<EnvironmentName>,
    ) -> Result<(), TickError> {
        if old == Some(new) {
            return Ok(());
        }
        let objects = self.objects.as_ref();
        let root = |tree: Option<Oid>| match tree {
            Some(tree) => entry_at(objects, tree, &self.config.root),
            None => Ok(None),
        };
        let (old, new) = (root(old)?, root(Some(new))?);
        let folder = |entry: Option<Entry>| entry.filter(|entry| entry.mode == Mode::Tree).map(|entry| entry.id);
        let environments = |root: Option<Entry>| match folder(root) {
            Some(root) => entry_at(objects, root, "environments").map(folder),
            None => Ok(None),
        };
        for name in differing(objects, environments(old)?, environments(new)?)?.into_keys() {
            if let Ok(name) = name.parse::<EnvironmentName>()
                && !name.is_governance()
            {
                changed.insert(name);
            }
        }
        for (_, users) in differing_at(objects, old, new, self.shared.users())? {
            changed.extend(users.keys().cloned());
        }
        Ok(())
    }
}
