//! A store in front of another that remembers what was read last: who proves something reads the same again and again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::kept::{ENTRY, Kept};
use super::{Commit, Kind, ObjectError, Objects, Oid};

/// How many bytes are remembered, and in addition how many of commits that were taken apart.
const KEPT: usize = 48 << 20;
const KEPT_COMMITS: usize = 8 << 20;

/// What is larger is read each time.
const LARGEST: usize = 1 << 20;

type Read = Kept<Oid, (Kind, Arc<[u8]>)>;

/// A view of a store in which nothing small is read twice within a short time. Threads may share it.
///
/// An object's name is a digest of it, so it does not matter when it was read. That something is missing is not
/// remembered.
pub struct Recent<'a> {
    behind: &'a (dyn Objects + Sync),
    kept: Mutex<Read>,
    commits: Mutex<Kept<Oid, Arc<Commit>>>,
}

impl<'a> Recent<'a> {
    /// A view of this store.
    pub fn new(behind: &'a (dyn Objects + Sync)) -> Self {
        Self { behind, kept: Mutex::new(Kept::new(KEPT)), commits: Mutex::new(Kept::new(KEPT_COMMITS)) }
    }

    fn kept(&self) -> MutexGuard<'_, Read> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn commits(&self) -> MutexGuard<'_, Kept<Oid, Arc<Commit>>> {
        self.commits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Objects for Recent<'_> {
    fn read(&self, kind: Kind, id: Oid) -> Result<Arc<[u8]>, ObjectError> {
        // One that is asked for as something else is refused by the store itself.
        if let Some((_, bytes)) = self.kept().get(&id).filter(|(found, _)| *found == kind) {
            return Ok(bytes);
        }
        let bytes = self.behind.read(kind, id)?;
        if bytes.len() <= LARGEST {
            self.kept().put(id, (kind, Arc::clone(&bytes)), bytes.len() + ENTRY);
        }
        Ok(bytes)
    }

    fn write(&self, kind: Kind, bytes: &[u8]) -> Result<Oid, ObjectError> {
        self.behind.write(kind, bytes)
    }

    fn commit(&self, id: Oid) -> Result<Commit, ObjectError> {
        if let Some(commit) = self.commits().get(&id) {
            return Ok((*commit).clone());
        }
        let commit = Commit::parse(id, self.behind.read(Kind::Commit, id)?)?;
        let size = 4 * commit.raw.len() + ENTRY;
        self.commits().put(id, Arc::new(commit.clone()), size);
        Ok(commit)
    }

    fn tree_of(&self, commit: Oid) -> Result<Oid, ObjectError> {
        if let Some(commit) = self.commits().get(&commit) {
            return Ok(commit.tree);
        }
        Ok(self.commit(commit)?.tree)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::object::MemoryObjects;

    #[derive(Default)]
    struct Counted(MemoryObjects, AtomicUsize);

    impl Objects for Counted {
        fn read(&self, kind: Kind, id: Oid) -> Result<Arc<[u8]>, ObjectError> {
            self.1.fetch_add(1, Ordering::SeqCst);
            self.0.read(kind, id)
        }

        fn write(&self, kind: Kind, bytes: &[u8]) -> Result<Oid, ObjectError> {
            self.0.write(kind, bytes)
        }
    }

    #[test]
    fn each_object_is_read_once_and_what_is_missing_is_asked_for_again() {
        let store = Counted::default();
        let id = Oid::of(Kind::Blob, b"text");
        let recent = Recent::new(&store);
        assert!(recent.blob(id).is_err());
        store.write(Kind::Blob, b"text").unwrap();
        for _ in 0..3 {
            assert_eq!(*recent.blob(id).unwrap(), *b"text");
        }
        assert_eq!(store.1.load(Ordering::SeqCst), 2);
        assert!(matches!(recent.tree(id), Err(ObjectError::Malformed { kind: Kind::Tree, .. })));
    }

    #[test]
    fn a_commit_is_taken_apart_once() {
        let store = Counted::default();
        let tree = store.write(Kind::Tree, b"").unwrap();
        let id = store.write(Kind::Commit, format!("tree {tree}\nauthor a <a> 0 +0000\n\nx\n").as_bytes()).unwrap();
        let recent = Recent::new(&store);
        assert_eq!(recent.tree_of(id).unwrap(), tree);
        assert_eq!(recent.commit(id).unwrap().subject(), "x");
        assert_eq!(store.1.load(Ordering::SeqCst), 1);
    }
}
