//! What the config branch says an environment shall be, as far as that follows from the repository.

use std::collections::HashMap;
use std::rc::Rc;

use super::prover::Place;
use super::step::Step;
use crate::digest::RevisionId;
use crate::lifecycle::{EnvironmentState, refusals};
use crate::model::{EnvironmentName, Problem};
use crate::object::{Entry, ObjectError, Objects, Oid, entry_at};
use crate::parallel;
use crate::revision::imports::{From, Importers};
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

/// What a tree says of an environment.
#[derive(Debug, Clone)]
pub(super) enum Now {
    /// There is no folder.
    Absent,
    /// There is a folder without `environment.yaml`.
    Unmarked,
    /// It cannot be read.
    Invalid(Vec<Problem>),
    /// It is this.
    Present(Rc<Resolved>),
}

/// What was resolved last of environments that import nothing: most commits change none of their inputs.
#[derive(Debug, Clone, Default)]
pub(super) struct Resolutions {
    /// The newest first.
    known: HashMap<EnvironmentName, Vec<(Inputs, Rc<Resolved>)>>,
    /// Who imports whom, by the config commit that was asked about last.
    importers: Importers,
}

/// So many environments are remembered.
const MOST: usize = 1_000;

/// So many environments of one entry are looked at together.
pub(super) const TOGETHER: usize = 256;

/// So few are not worth it.
const FEW: usize = 16;

/// So many resolutions of each: what is applied and what is desired, and one that was between them.
const OF_EACH: usize = 3;

/// The folders and files something was resolved from, with what was there.
type Inputs = Vec<(String, Option<Entry>)>;

impl Resolutions {
    /// What an environment was resolved to where all its inputs were as they are in this tree.
    fn known(
        &self,
        objects: &dyn Objects,
        tree: Oid,
        name: &EnvironmentName,
    ) -> Result<Option<Rc<Resolved>>, ObjectError> {
        'known: for (inputs, resolved) in self.known.get(name).into_iter().flatten() {
            for (path, entry) in inputs {
                if entry_at(objects, tree, path)? != *entry {
                    continue 'known;
                }
            }
            return Ok(Some(Rc::clone(resolved)));
        }
        Ok(None)
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
        if self.known.len() >= MOST && !self.known.contains_key(name) {
            self.known.clear();
        }
        let known = self.known.entry(name.clone()).or_default();
        known.insert(0, (inputs, Rc::clone(resolved)));
        known.truncate(OF_EACH);
        Ok(())
    }
}

impl Step<'_, '_> {
    /// Finds out, on all processors, what many environments will be asked to be, and reads what was published of them.
    /// Nothing is told here: what cannot be found is asked for again.
    pub(super) fn foresee(&mut self, names: &[EnvironmentName]) {
        if names.len() >= FEW {
            let _ = self.resolve_all(names);
        }
    }

    fn resolve_all(&mut self, names: &[EnvironmentName]) -> Result<(), ObjectError> {
        let tree = self.objects.tree_of(self.entry.heads.config)?;
        let step = &*self;
        let (objects, state) = (step.objects, &step.place.state);
        let (root, hashes, changed) = (&state.start.root, step.hashes, step.changed.as_ref());
        let work = |(name, folder, is_known): &(&EnvironmentName, String, bool)| {
            for file in ["plan.json", "plan.md", "plan.diff"] {
                if let Some(id) = changed.and_then(|changed| changed.file(&format!("{folder}/{file}"))) {
                    objects.blob(id)?;
                }
            }
            if *is_known {
                return Ok(None);
            }
            resolve(objects, hashes, root, tree, name, From::Deployments(state)).map(Some)
        };
        let known = |name: &EnvironmentName| Ok(step.place.resolutions.known(objects, tree, name)?.is_some());
        let names = names.iter().map(|name| Ok((name, step.folder(name), known(name)?)));
        let names = names.collect::<Result<Vec<_>, ObjectError>>()?;
        let found = parallel::map(&names, work);
        for ((name, ..), found) in names.iter().zip(found) {
            if let Ok(Some(found)) = found {
                self.remembered(name, tree, found)?;
            }
        }
        Ok(())
    }

    /// An environment at a config commit.
    pub(super) fn desired(&mut self, name: &EnvironmentName, commit: Oid) -> Result<Now, ObjectError> {
        let tree = self.objects.tree_of(commit)?;
        if let Some(resolved) = self.place.resolutions.known(self.objects, tree, name)? {
            return Ok(Now::Present(resolved));
        }
        let state = &self.place.state;
        let found = resolve(self.objects, self.hashes, &state.start.root, tree, name, From::Deployments(state))?;
        self.remembered(name, tree, found)
    }

    /// What is imported moves on without any change of a tree: only what imports nothing is remembered.
    fn remembered(&mut self, name: &EnvironmentName, tree: Oid, found: Desired) -> Result<Now, ObjectError> {
        Ok(match found {
            Desired::Absent => Now::Absent,
            Desired::Unmarked => Now::Unmarked,
            Desired::Invalid(problems) => Now::Invalid(problems),
            Desired::Present(resolved) => {
                let resolved = Rc::new(*resolved);
                if resolved.environment.gates.imports.is_empty() {
                    let Place { resolutions, state, .. } = &mut *self.place;
                    resolutions.keep(self.objects, &state.start.root, tree, name, &resolved)?;
                }
                Now::Present(resolved)
            }
        })
    }

    /// What an environment shall be, going by the head that this entry read.
    pub(super) fn wanted(&mut self, name: &EnvironmentName, env: &EnvironmentState) -> Result<Wanted, ObjectError> {
        let known = env.is_known();
        Ok(match self.desired(name, self.entry.heads.config)? {
            Now::Absent if env.exists() => Wanted::Destroyed,
            Now::Absent if known => Wanted::Gone,
            Now::Absent => Wanted::Nothing,
            Now::Unmarked if known => Wanted::Problems(vec![refusals::unmarked(name)]),
            Now::Unmarked => Wanted::Nothing,
            Now::Invalid(problems) => Wanted::Problems(problems),
            Now::Present(resolved) => Wanted::Present(resolved),
        })
    }

    /// An environment at a commit where it must have this revision; `None` where it has not.
    pub(super) fn resolved_at(
        &mut self,
        name: &EnvironmentName,
        commit: Oid,
        revision: RevisionId,
        imports: &Sources,
    ) -> Result<Option<Rc<Resolved>>, ObjectError> {
        let tree = self.objects.tree_of(commit)?;
        let found = match self.place.resolutions.known(self.objects, tree, name)? {
            Some(resolved) => Now::Present(resolved),
            None => {
                let root = &self.place.state.start.root;
                let found = resolve(self.objects, self.hashes, root, tree, name, From::Exactly(imports))?;
                self.remembered(name, tree, found)?
            }
        };
        Ok(match found {
            Now::Present(resolved) if resolved.revision == revision => Some(resolved),
            _ => None,
        })
    }

    /// The content of the last deployment.
    pub(super) fn base_of(
        &mut self,
        name: &EnvironmentName,
        env: &EnvironmentState,
    ) -> Result<Option<Rc<Resolved>>, ObjectError> {
        let Some(applied) = &env.applied else { return Ok(None) };
        let Some(revision) = applied.revision else { return Ok(None) };
        self.resolved_at(name, applied.commit, revision, &applied.imports)
    }

    /// Whether anybody imports an environment, going by the head that this entry read and by what is applied.
    pub(super) fn is_imported(&mut self, name: &EnvironmentName) -> Result<bool, ObjectError> {
        let tree = self.objects.tree_of(self.entry.heads.config)?;
        let Place { resolutions, state, .. } = &mut *self.place;
        resolutions.importers.go_to(self.objects, self.hashes, &state.start.root, tree)?;
        Ok(state.is_imported(resolutions.importers.all(), name))
    }
}
