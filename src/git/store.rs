//! The objects of a repository on disk, raw: no replace references, no grafts, no configuration has a say.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};

use git2::{ErrorCode, ObjectType, Repository, RepositoryInitOptions, RepositoryOpenFlags};

use super::{pack, words};
use crate::object::kept::{ENTRY, Kept};
use crate::object::{Kind, ObjectError, Objects, Oid};

/// A larger object is not read: nothing that people countersign is that large, and it would fill the memory.
const LARGEST: usize = 256 * 1024 * 1024;

/// How many bytes of trees are kept: half of it in use, half on its way out.
const KEPT: usize = 32 * 1024 * 1024;

/// With more objects than this, what is written at once becomes a pack.
const PACKED: usize = 200;

/// Why a repository cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the repository `{}` cannot be opened: {message}", path.display())]
pub struct StoreError {
    /// Its path.
    pub path: PathBuf,
    /// In the library's words.
    pub message: String,
}

/// The objects of a repository on disk; clones share it.
///
/// What another program writes there meanwhile (a fetch, a repack) is seen by the next read.
#[derive(Clone)]
pub struct GitObjects {
    inner: Arc<Inner>,
}

type Trees = Kept<Oid, Arc<[u8]>>;

struct Inner {
    path: PathBuf,
    /// Where packs are written; worktrees share it.
    packs: PathBuf,
    repository: Mutex<Repository>,
    /// The same once more, for a second thread that reads; opened when first needed.
    second: OnceLock<Option<Mutex<Repository>>>,
    /// The trees read last. A folder of 10,000 entries has 400 KB, is read for every path below it, and libgit2 keeps
    /// nothing of that size.
    trees: Mutex<Trees>,
}

impl GitObjects {
    /// Opens a repository: the folder of a clone or of one of its worktrees, a `.git` folder, or a bare repository.
    ///
    /// # Errors
    /// Where there is none, or it is of a format that cannot be read here (SHA-256 objects, reftable).
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self::new(open(path).map_err(|error| store_error(path, &error))?))
    }

    /// Opens the daemon's own bare repository, made where there is none yet.
    ///
    /// # Errors
    /// Where it can neither be opened nor made.
    pub fn create_bare(path: &Path) -> Result<Self, StoreError> {
        let mut options = RepositoryInitOptions::new();
        options.bare(true).mkpath(true).external_template(false).initial_head("main");
        let repository = Repository::init_opts(path, &options).map_err(|error| store_error(path, &error))?;
        Ok(Self::new(repository))
    }

    fn new(repository: Repository) -> Self {
        let inner = Inner {
            path: repository.path().to_owned(),
            packs: repository.commondir().join("objects/pack"),
            repository: Mutex::new(repository),
            second: OnceLock::new(),
            trees: Mutex::new(Kept::new(KEPT)),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The repository's own folder: `.git`, or the bare repository.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Whether history is cut off here: then nothing about contributors can be proven.
    pub fn is_shallow(&self) -> bool {
        self.repository().is_shallow()
    }

    /// Whether an object of any kind is here. Says nothing about what it refers to.
    pub fn contains(&self, id: Oid) -> bool {
        self.repository().odb().is_ok_and(|objects| objects.exists(native(id)))
    }

    /// Opens it anew: after a repack the library keeps packs open that are gone, with the room they take on the disk, and at
    /// any time what it read of packs.
    /// Where that fails it is read on from these.
    pub(super) fn reopen(&self) {
        let second = self.inner.second.get().and_then(Option::as_ref);
        for repository in std::iter::once(&self.inner.repository).chain(second) {
            match open(&self.inner.path) {
                Ok(again) => *repository.lock().unwrap_or_else(PoisonError::into_inner) = again,
                Err(error) => tracing::warn!(error = error.message(), "the store could not be opened again"),
            }
        }
    }

    pub(super) fn repository(&self) -> MutexGuard<'_, Repository> {
        self.inner.repository.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To read from: whichever nobody uses. Where the repository cannot be opened a second time there is one.
    fn readable(&self) -> MutexGuard<'_, Repository> {
        match self.inner.repository.try_lock() {
            Ok(repository) => return repository,
            Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {}
        }
        let second = || open(&self.inner.path).ok().map(Mutex::new);
        match self.inner.second.get_or_init(second) {
            Some(second) => second.lock().unwrap_or_else(PoisonError::into_inner),
            None => self.repository(),
        }
    }

    fn trees(&self) -> MutexGuard<'_, Trees> {
        self.inner.trees.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for GitObjects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("GitObjects").field(&self.inner.path).finish()
    }
}

impl Objects for GitObjects {
    fn read(&self, kind: Kind, id: Oid) -> Result<Arc<[u8]>, ObjectError> {
        if kind == Kind::Tree
            && let Some(bytes) = self.trees().get(&id)
        {
            return Ok(bytes);
        }
        let repository = self.readable();
        let objects = repository.odb().map_err(|error| ObjectError::Store(message(&error)))?;
        let bytes = match read(&objects, kind, id) {
            // A repack may have taken away the file it was read from.
            Err(ObjectError::Store(_)) => {
                objects.refresh().map_err(|error| ObjectError::Store(message(&error)))?;
                read(&objects, kind, id)?
            }
            other => other?,
        };
        drop(objects);
        drop(repository);
        if kind == Kind::Tree {
            self.trees().put(id, Arc::clone(&bytes), bytes.len() + ENTRY);
        }
        Ok(bytes)
    }

    fn write(&self, kind: Kind, bytes: &[u8]) -> Result<Oid, ObjectError> {
        let repository = self.repository();
        let objects = repository.odb().map_err(|error| ObjectError::Store(message(&error)))?;
        let id = objects.write(object_type(kind), bytes).map_err(|error| ObjectError::Store(message(&error)))?;
        ours(id)
    }

    fn rest(&self) {
        self.trees().clear();
        self.reopen();
    }

    fn write_all(&self, objects: &[(Kind, Arc<[u8]>)]) -> Result<(), ObjectError> {
        if objects.len() <= PACKED {
            return objects.iter().try_for_each(|(kind, bytes)| self.write(*kind, bytes).map(drop));
        }
        let failed =
            |error: &dyn std::fmt::Display| ObjectError::Store(format!("a pack could not be written: {error}"));
        pack::write(&self.inner.packs, objects).map_err(|error| failed(&error))?;
        let repository = self.repository();
        let store = repository.odb().map_err(|error| failed(&message(&error)))?;
        store.refresh().map_err(|error| failed(&message(&error)))
    }
}

fn open(path: &Path) -> Result<Repository, git2::Error> {
    let none: [&Path; 0] = [];
    Repository::open_ext(path, RepositoryOpenFlags::NO_SEARCH, none)
}

fn read(objects: &git2::Odb<'_>, kind: Kind, id: Oid) -> Result<Arc<[u8]>, ObjectError> {
    let failed = |error: git2::Error| match error.code() {
        ErrorCode::NotFound => ObjectError::Missing { kind, id },
        ErrorCode::HashsumMismatch => {
            ObjectError::Malformed { kind, id, what: "its bytes do not have this name".to_owned() }
        }
        _ => ObjectError::Store(message(&error)),
    };
    let fits = |(size, found): (usize, ObjectType)| {
        if found != object_type(kind) {
            return Err(ObjectError::Malformed { kind, id, what: format!("it is a {}", found.str()) });
        }
        if size > LARGEST {
            let what = format!("it is larger than {} MiB", LARGEST / 1024 / 1024);
            return Err(ObjectError::Malformed { kind, id, what });
        }
        Ok(())
    };
    // Git itself takes commits and trees into memory as a whole, so those that are here cannot be too large for that.
    if kind == Kind::Blob {
        fits(objects.read_header(native(id)).map_err(failed)?)?;
    }
    // Reading compares the bytes with the name.
    let object = objects.read(native(id)).map_err(failed)?;
    fits((object.len(), object.kind()))?;
    Ok(Arc::from(object.data()))
}

fn object_type(kind: Kind) -> ObjectType {
    match kind {
        Kind::Commit => ObjectType::Commit,
        Kind::Tree => ObjectType::Tree,
        Kind::Blob => ObjectType::Blob,
    }
}

pub(super) fn native(id: Oid) -> git2::Oid {
    git2::Oid::from_bytes(id.as_bytes()).unwrap_or(git2::Oid::ZERO_SHA1)
}

pub(super) fn ours(id: git2::Oid) -> Result<Oid, ObjectError> {
    let bytes = id.as_bytes().try_into().map_err(|_| ObjectError::Store("an object id that is no SHA-1".to_owned()))?;
    Ok(Oid::from_bytes(bytes))
}

pub(super) fn message(error: &git2::Error) -> String {
    words::one_line(&words::redact(&words::escape(error.message().as_bytes())))
}

fn store_error(path: &Path, error: &git2::Error) -> StoreError {
    StoreError { path: path.to_owned(), message: message(error) }
}

#[cfg(test)]
mod tests;
