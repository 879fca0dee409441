//! Whether all that a commit reaches is here.
//!
//! Git asks the same after each fetch (`git rev-list --objects --not --all`), and goes through every folder of what is here
//! to do so. What is known to be whole is remembered here instead, and a new commit is held against its first parent: what
//! is equal needs no look.

use std::collections::HashSet;

use crate::object::{Kind, Mode, ObjectError, Objects as _, Oid, differing};

use super::GitObjects;

/// A commit is followed for so many others. Beyond that, git is asked.
const FOLLOWED: usize = 1_000;

/// After so many it is begun anew with what is kept.
const REMEMBERED: usize = 20_000;

/// Commits of which it is known that all they reach is here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Whole {
    known: HashSet<Oid>,
}

impl Whole {
    /// This one, and all it reaches, is here.
    pub fn add(&mut self, id: Oid) {
        self.known.insert(id);
    }

    /// Whether there is anything to hold others against.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Forgets most of it, where it became much; to be told anew what is kept.
    pub fn forget_much(&mut self) {
        if self.known.len() > REMEMBERED {
            self.known.clear();
        }
    }

    /// Finds out whether all that a commit reaches is here: `false` also where that is too much to find out.
    pub fn reaches(&mut self, objects: &GitObjects, tip: Oid) -> bool {
        let (mut seen, mut open) = (HashSet::new(), vec![tip]);
        while let Some(id) = open.pop() {
            if self.known.contains(&id) || !seen.insert(id) {
                continue;
            }
            if seen.len() > FOLLOWED {
                return false;
            }
            match commit_is_whole(objects, id) {
                Ok(parents) => open.extend(parents),
                Err(error) => {
                    tracing::debug!(commit = %id, %error, "not whole");
                    return false;
                }
            }
        }
        // Only now: each rests on those that it was held against.
        self.known.extend(seen);
        true
    }
}

/// The parents of a commit, where all that it has and its first parent has not is here.
fn commit_is_whole(objects: &GitObjects, id: Oid) -> Result<Vec<Oid>, ObjectError> {
    let commit = objects.commit(id)?;
    let before = commit.parents.first().map(|parent| objects.tree_of(*parent)).transpose()?;
    let mut open = vec![(before, commit.tree)];
    while let Some((old, new)) = open.pop() {
        if old == Some(new) {
            continue;
        }
        for (old, new) in differing(objects, old, Some(new))?.into_values() {
            match new {
                Some(new) if new.mode == Mode::Tree => {
                    let old = old.filter(|old| old.mode == Mode::Tree).map(|old| old.id);
                    open.push((old, new.id));
                }
                // Another repository's commit is not here, and never was.
                Some(new) if new.mode != Mode::Submodule && !objects.contains(new.id) => {
                    return Err(ObjectError::Missing { kind: Kind::Blob, id: new.id });
                }
                _ => {}
            }
        }
    }
    Ok(commit.parents)
}
