//! What the config branch says an environment shall be, as far as that follows from the repository.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::step::Step;
use crate::digest::RevisionId;
use crate::lifecycle::{EnvironmentState, refusals};
use crate::model::{EnvironmentName, Problem};
use crate::object::{Entry, ObjectError, Objects, Oid, entry_at};
use crate::revision::imports::{From, importers};
use crate::revision::{Desired, Resolved, Sources, resolve};

/// What an environment shall be.
#[derive(Debug, Clone)]
pub(super) enum Wanted {
    /// Nothing to do and nothing to say.
    Nothing,
    /// It cannot be, for exactly these reasons.
    Problems(Vec<Problem>),
    /// It shall be gone, and is not yet.
    Destroyed,
    /// There is nothing, and nothing is desired.
    Gone,
    /// It shall be this, if the operator's settings let it.
    Present(Rc<Resolved>),
}

/// What was resolved last of each environment: most commits change none of its inputs.
#[derive(Debug, Clone, Default)]
pub(super) struct Resolutions {
    known: HashMap<EnvironmentName, (Inputs, Rc<Resolved>)>,
    /// Who imports whom by a config commit.
    importers: Option<(Oid, Rc<Importers>)>,
}

/// Who imports each environment that is imported.
type Importers = BTreeMap<EnvironmentName, BTreeSet<EnvironmentName>>;

/// The folders and files something was resolved from, with what was there.
type Inputs = Vec<(String, Option<Entry>)>;

impl Resolutions {
    fn known(
        &self,
        objects: &dyn Objects,
        tree: Oid,
        name: &EnvironmentName,
    ) -> Result<Option<Rc<Resolved>>, ObjectError> {
        let Some((inputs, resolved)) = self.known.get(name) else { return Ok(None) };
        for (path, entry) in inputs {
            if entry_at(objects, tree, path)? != *entry {
                return Ok(None);
            }
        }
        Ok(Some(Rc::clone(resolved)))
    }

    fn keep(
        &mut self,
        objects: &dyn Objects,
        root: &str,
        tree: Oid,
        name: &EnvironmentName,
        resolved: &Rc<Resolved>,
    ) -> Result<(), ObjectError> {
        let mut inputs = Inputs::new();
        for path in resolved.input_paths(root) {
            let entry = entry_at(objects, tree, &path)?;
            inputs.push((path, entry));
        }
        self.known.insert(name.clone(), (inputs, Rc::clone(resolved)));
        Ok(())
    }
}

impl Step<'_, '_> {
    /// An environment at a config commit.
    pub(super) fn desired(&mut self, name: &EnvironmentName, commit: Oid) -> Result<Desired, ObjectError> {
        let tree = self.objects.commit(commit)?.tree;
        let root = self.place.state.start.root.clone();
        if let Some(resolved) = self.place.resolutions.known(self.objects, tree, name)? {
            return Ok(Desired::Present(Box::new((*resolved).clone())));
        }
        let desired = resolve(self.objects, self.hashes, &root, tree, name, From::Deployments(&self.place.state))?;
        // What is imported moves on without any change of a tree.
        if let Desired::Present(resolved) = &desired
            && resolved.environment.gates.imports.is_empty()
        {
            let resolved = Rc::new((**resolved).clone());
            self.place.resolutions.keep(self.objects, &root, tree, name, &resolved)?;
        }
        Ok(desired)
    }

    /// What an environment shall be, going by the head that this entry read.
    pub(super) fn wanted(&mut self, name: &EnvironmentName, env: &EnvironmentState) -> Result<Wanted, ObjectError> {
        let known = env.is_known();
        Ok(match self.desired(name, self.entry.heads.config)? {
            Desired::Absent if env.exists() => Wanted::Destroyed,
            Desired::Absent if known => Wanted::Gone,
            Desired::Absent => Wanted::Nothing,
            Desired::Unmarked if known => Wanted::Problems(vec![refusals::unmarked(name)]),
            Desired::Unmarked => Wanted::Nothing,
            Desired::Invalid(problems) => Wanted::Problems(problems),
            Desired::Present(resolved) => Wanted::Present(Rc::new(*resolved)),
        })
    }

    /// An environment at a commit where it must have this revision; `None` where it has not.
    pub(super) fn resolved_at(
        &mut self,
        name: &EnvironmentName,
        commit: Oid,
        revision: RevisionId,
        imports: &Sources,
    ) -> Result<Option<Resolved>, ObjectError> {
        let tree = self.objects.commit(commit)?.tree;
        let imports = From::Exactly(imports);
        Ok(match resolve(self.objects, self.hashes, &self.place.state.start.root, tree, name, imports)? {
            Desired::Present(resolved) if resolved.revision == revision => Some(*resolved),
            _ => None,
        })
    }

    /// The content of the last deployment.
    pub(super) fn base_of(
        &mut self,
        name: &EnvironmentName,
        env: &EnvironmentState,
    ) -> Result<Option<Resolved>, ObjectError> {
        let Some(applied) = &env.applied else { return Ok(None) };
        let Some(revision) = applied.revision else { return Ok(None) };
        self.resolved_at(name, applied.commit, revision, &applied.imports)
    }

    /// Whether anybody imports an environment, going by the head that this entry read and by what is applied.
    pub(super) fn is_imported(&mut self, name: &EnvironmentName) -> Result<bool, ObjectError> {
        let config = self.entry.heads.config;
        let known = self.place.resolutions.importers.clone().filter(|(at, _)| *at == config);
        let found = match known {
            Some((_, found)) => found,
            None => {
                let tree = self.objects.commit(config)?.tree;
                let found = Rc::new(importers(self.objects, self.hashes, &self.place.state.start.root, tree)?);
                self.place.resolutions.importers = Some((config, Rc::clone(&found)));
                found
            }
        };
        Ok(self.place.state.is_imported(&found, name))
    }
}
