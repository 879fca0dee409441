//! A store in memory, for worlds that exist only in a test.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Commit, Kind, ObjectError, Objects, Oid};

type Stored = HashMap<Oid, (Kind, Arc<[u8]>)>;

/// Objects in memory; clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemoryObjects {
    objects: Arc<Mutex<Stored>>,
    /// Commits that were taken apart.
    commits: Arc<Mutex<HashMap<Oid, Commit>>>,
}

impl MemoryObjects {
    /// Everything that is here, in the order of ids.
    pub fn all(&self) -> Vec<(Kind, Arc<[u8]>)> {
        let objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = objects.iter().map(|(id, (kind, bytes))| (*id, *kind, Arc::clone(bytes))).collect();
        all.sort_unstable_by_key(|(id, ..)| *id);
        all.into_iter().map(|(_, kind, bytes)| (kind, bytes)).collect()
    }
}

impl Objects for MemoryObjects {
    fn read(&self, kind: Kind, id: Oid) -> Result<Arc<[u8]>, ObjectError> {
        let objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        match objects.get(&id) {
            Some((found, bytes)) if *found == kind => Ok(Arc::clone(bytes)),
            Some((found, _)) => Err(ObjectError::Malformed { kind, id, what: format!("it is a {}", found.name()) }),
            None => Err(ObjectError::Missing { kind, id }),
        }
    }

    fn write(&self, kind: Kind, bytes: &[u8]) -> Result<Oid, ObjectError> {
        let id = Oid::of(kind, bytes);
        let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        objects.entry(id).or_insert_with(|| (kind, Arc::from(bytes)));
        Ok(id)
    }

    fn commit(&self, id: Oid) -> Result<Commit, ObjectError> {
        let known = |commits: &HashMap<Oid, Commit>| commits.get(&id).cloned();
        if let Some(commit) = known(&self.commits.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(commit);
        }
        let commit = Commit::parse(id, self.read(Kind::Commit, id)?)?;
        self.commits.lock().unwrap_or_else(PoisonError::into_inner).insert(id, commit.clone());
        Ok(commit)
    }
}
