//! A remote that exists only in a test's world: a server with references, and daemons that fetch from it and push to
//! it, each with a store of its own. What goes wrong, and when, the test decides.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{RefResult, RefUpdate, Remote, RemoteError, is_ref_name};
use crate::object::{Kind, MemoryObjects, Mode, ObjectError, Objects, Oid};

/// Where all the daemons and people of a world push to; clones are the same server.
#[derive(Clone, Default)]
pub struct MemoryServer {
    objects: MemoryObjects,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    references: BTreeMap<String, Oid>,
    protected: BTreeMap<String, String>,
}

impl MemoryServer {
    /// A server without any reference.
    pub fn new() -> Self {
        Self::default()
    }

    /// The server's objects: people write theirs here.
    pub fn objects(&self) -> &MemoryObjects {
        &self.objects
    }

    /// Every reference.
    pub fn references(&self) -> BTreeMap<String, Oid> {
        self.state().references.clone()
    }

    /// What a reference is at.
    pub fn get(&self, name: &str) -> Option<Oid> {
        self.state().references.get(name).copied()
    }

    /// Moves, makes or deletes a reference, whatever is there: somebody with all rights pushes with force.
    pub fn set(&self, name: &str, new: Option<Oid>) {
        let mut state = self.state();
        match new {
            Some(id) => state.references.insert(name.to_owned(), id),
            None => state.references.remove(name),
        };
    }

    /// From now on, refuses every update of a reference, in these words.
    pub fn protect(&self, name: &str, reason: &str) {
        self.state().protected.insert(name.to_owned(), reason.to_owned());
    }

    /// Takes updates of a reference again.
    pub fn unprotect(&self, name: &str) {
        self.state().protected.remove(name);
    }

    /// One compare-and-set, as a git server makes it: what is so already is done.
    pub fn update(&self, update: &RefUpdate) -> RefResult {
        let refused = |reason: String| RefResult::Refused { reason };
        if !is_ref_name(&update.name) {
            return refused(format!("`{}` is no name of a reference", update.name.escape_debug()));
        }
        let mut state = self.state();
        let there = state.references.get(&update.name).copied();
        if there == update.new {
            return RefResult::Done;
        }
        if there != update.expected {
            return RefResult::Stale;
        }
        if let Some(reason) = state.protected.get(&update.name) {
            return refused(reason.clone());
        }
        let Some(new) = update.new else {
            state.references.remove(&update.name);
            return RefResult::Done;
        };
        let blocks = |other: &String| {
            let below = |name: &str, folder: &str| name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
            below(&update.name, other) || below(other, &update.name)
        };
        if let Some(other) = state.references.keys().find(|other| blocks(other)) {
            return refused(format!("'{other}' exists; cannot create '{}'", update.name));
        }
        state.references.insert(update.name.clone(), new);
        RefResult::Done
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MemoryServer").field(&self.state().references).finish()
    }
}

/// What a daemon is about to do, or has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// It asks for all references.
    References,
    /// It fetches these.
    Fetch(Vec<(String, Oid)>),
    /// It pushes these.
    Push(Vec<RefUpdate>),
}

/// When the world is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Nothing has happened yet.
    Before,
    /// It has happened; the daemon has no answer yet.
    After,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The remote cannot be reached. A push that has happened already is answered by [`RemoteError::AnswerLost`]
    /// instead: a daemon is never told that nothing happened when something did.
    Away,
    /// The answer does not arrive, for a push that has not happened ([`Moment::Before`]) or has ([`Moment::After`]).
    /// To ask and to fetch it is the same as [`Fault::Away`].
    AnswerLost,
}

/// Called before and after each operation. It may push something else to the server meanwhile.
pub type World = Box<dyn FnMut(&Operation, Moment) -> Option<Fault> + Send>;

/// One daemon's way to a server.
pub struct MemoryRemote {
    server: MemoryServer,
    local: MemoryObjects,
    world: World,
}

impl MemoryRemote {
    /// A way to a server on which nothing goes wrong, with the daemon's own store.
    pub fn new(server: MemoryServer, local: MemoryObjects) -> Self {
        Self { server, local, world: Box::new(|_, _| None) }
    }

    /// The same in a world where things go wrong.
    #[must_use]
    pub fn with_world(mut self, world: World) -> Self {
        self.world = world;
        self
    }

    /// Does something, asking the world before and after.
    fn operate<T>(
        &mut self,
        operation: &Operation,
        act: impl FnOnce(&MemoryServer, &MemoryObjects) -> Result<T, RemoteError>,
    ) -> Result<T, RemoteError> {
        let push = matches!(operation, Operation::Push(_));
        match (self.world)(operation, Moment::Before) {
            Some(Fault::AnswerLost) if push => return Err(lost()),
            Some(_) => return Err(away("it does not answer")),
            None => {}
        }
        let result = act(&self.server, &self.local)?;
        match (self.world)(operation, Moment::After) {
            Some(_) if push => Err(lost()),
            Some(_) => Err(away("it does not answer")),
            None => Ok(result),
        }
    }
}

impl fmt::Debug for MemoryRemote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MemoryRemote").field(&self.server).finish()
    }
}

impl Remote for MemoryRemote {
    fn references(&mut self) -> Result<BTreeMap<String, Oid>, RemoteError> {
        let looked_at = |name: &str| name.starts_with("refs/heads/") || name.starts_with("refs/countersign/");
        self.operate(&Operation::References, |server, _| {
            Ok(server.references().into_iter().filter(|(name, _)| looked_at(name)).collect())
        })
    }

    fn fetch(&mut self, tips: &[(String, Oid)]) -> Result<(), RemoteError> {
        self.operate(&Operation::Fetch(tips.to_vec()), |server, local| {
            for (name, id) in tips {
                let there = server.get(name).ok_or_else(|| away(format!("couldn't find remote ref {name}")))?;
                copy(server.objects(), local, there).map_err(|error| away(error.to_string()))?;
                if !reaches(local, there, *id).map_err(|error| away(error.to_string()))? {
                    return Err(away(format!("`{name}` is no longer at {id}, and does not contain it")));
                }
            }
            Ok(())
        })
    }

    fn push(&mut self, updates: &[RefUpdate]) -> Result<Vec<RefResult>, RemoteError> {
        self.operate(&Operation::Push(updates.to_vec()), |server, local| {
            for id in updates.iter().filter_map(|update| update.new) {
                copy(local, server.objects(), id).map_err(|error| away(error.to_string()))?;
            }
            Ok(updates.iter().map(|update| server.update(update)).collect())
        })
    }
}

fn away(message: impl Into<String>) -> RemoteError {
    RemoteError::Away { url: "memory:".to_owned(), message: message.into() }
}

fn lost() -> RemoteError {
    RemoteError::AnswerLost { url: "memory:".to_owned(), message: "the connection was closed".to_owned() }
}

/// Copies a commit with all it reaches. What the other side has, it has with all that reaches.
///
/// Parents and contents are written before what refers to them, so that this stays true when it fails midway.
fn copy(from: &MemoryObjects, to: &MemoryObjects, commit: Oid) -> Result<(), ObjectError> {
    enum Step {
        Open(Kind, Oid),
        Write(Kind, Arc<[u8]>),
    }
    let mut seen = HashSet::new();
    let mut steps = vec![Step::Open(Kind::Commit, commit)];
    while let Some(step) = steps.pop() {
        let (kind, id) = match step {
            Step::Open(kind, id) => (kind, id),
            Step::Write(kind, bytes) => {
                to.write(kind, &bytes)?;
                continue;
            }
        };
        if !seen.insert(id) || to.read(kind, id).is_ok() {
            continue;
        }
        steps.push(Step::Write(kind, from.read(kind, id)?));
        match kind {
            Kind::Commit => {
                let commit = from.commit(id)?;
                steps.push(Step::Open(Kind::Tree, commit.tree));
                steps.extend(commit.parents.into_iter().map(|parent| Step::Open(Kind::Commit, parent)));
            }
            Kind::Tree => steps.extend(from.tree(id)?.entries.values().filter_map(|entry| match entry.mode {
                Mode::Tree => Some(Step::Open(Kind::Tree, entry.id)),
                Mode::Submodule => None,
                Mode::File | Mode::Executable | Mode::Symlink => Some(Step::Open(Kind::Blob, entry.id)),
            })),
            Kind::Blob => {}
        }
    }
    Ok(())
}

/// Whether a commit is, or descends from, another.
fn reaches(objects: &MemoryObjects, from: Oid, to: Oid) -> Result<bool, ObjectError> {
    let mut seen = HashSet::new();
    let mut open = vec![from];
    while let Some(id) = open.pop() {
        if id == to {
            return Ok(true);
        }
        if seen.insert(id) {
            open.extend(objects.commit(id)?.parents);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests;
