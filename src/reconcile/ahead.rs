//! Where many environments are planned at once, what each shall be and what it is are read on all processors.
//!
//! # Guarantees
//! * Nothing is decided here. Only what is the same whoever asks, and whenever, is kept: an environment that imports
//!   nothing is what its tree says, and trees have the names of their content.
//! * At most [`CHUNK`] environments are held, and each until it is asked for or others are read.

use std::cell::RefCell;
use std::collections::HashMap;

use super::{Daemon, TickError};
use crate::model::EnvironmentName;
use crate::object::Oid;
use crate::parallel;
use crate::revision::imports::{From, Sources};
use crate::revision::{Desired, Resolved, resolve};

/// So many environments are read before the first of them is planned.
pub(super) const CHUNK: usize = 256;

/// For fewer it is not worth a thread.
const FEW: usize = 16;

/// Environments by the tree that they were read from.
#[derive(Default)]
pub(super) struct Ahead(RefCell<HashMap<(Oid, EnvironmentName), Box<Resolved>>>);

impl Daemon {
    /// Reads what these environments shall be by a config commit, and what they are.
    pub(super) fn read_ahead(&self, config: Oid, names: &[&EnvironmentName]) -> Result<(), TickError> {
        self.ahead.0.borrow_mut().clear();
        if names.len() < FEW || parallel::processors() < 2 {
            return Ok(());
        }
        let tree = self.objects.tree_of(config)?;
        let mut wanted = Vec::with_capacity(2 * names.len());
        for name in names {
            wanted.push((tree, (*name).clone()));
            let env = self.state()?.environment(name);
            if let Some(applied) = env.applied.as_ref().filter(|applied| applied.revision.is_some()) {
                // What is not here is for the plan to tell.
                wanted.extend(self.objects.tree_of(applied.commit).map(|tree| (tree, (*name).clone())));
            }
        }
        let (objects, hashes, root) = (self.objects.as_ref(), &self.hashes, self.config.root.as_str());
        let nothing = Sources::new();
        let read = |(tree, name): &(Oid, EnvironmentName)| match resolve(
            objects,
            hashes,
            root,
            *tree,
            name,
            From::Exactly(&nothing),
        ) {
            Ok(Desired::Present(resolved)) if resolved.environment.gates.imports.is_empty() => Some(resolved),
            _ => None,
        };
        let read = parallel::map(&wanted, read);
        let read = wanted.into_iter().zip(read).filter_map(|(at, resolved)| Some((at, resolved?)));
        self.ahead.0.borrow_mut().extend(read);
        Ok(())
    }

    /// What a tree says of an environment, read ahead or now.
    pub(super) fn resolve(&self, tree: Oid, name: &EnvironmentName, imports: From<'_>) -> Result<Desired, TickError> {
        if let Some(resolved) = self.ahead.0.borrow_mut().remove(&(tree, name.clone())) {
            return Ok(Desired::Present(resolved));
        }
        Ok(resolve(self.objects.as_ref(), &self.hashes, &self.config.root, tree, name, imports)?)
    }
}
