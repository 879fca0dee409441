//! One key, one running daemon.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// The lock on the file of a journal key, held as long as this lives. Two daemons need two keys: what a key signed
/// belongs to one of them.
#[derive(Debug)]
pub struct KeyLock {
    _file: File,
}

/// Why a key cannot be ours.
#[derive(Debug, thiserror::Error)]
pub enum KeyLockError {
    /// Somebody else uses it.
    #[error("another daemon runs with the key `{}`: stop it, or make this one a key of its own", path.display())]
    Taken {
        /// The key file.
        path: PathBuf,
    },
    /// It cannot be found out whether somebody does.
    #[error("the key `{}` cannot be locked", path.display())]
    Failed {
        /// The key file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl KeyLock {
    /// Takes the lock.
    ///
    /// # Errors
    /// Where another daemon holds it, or the file cannot be opened.
    pub fn take(path: &Path) -> Result<Self, KeyLockError> {
        let failed = |source| KeyLockError::Failed { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(KeyLockError::Taken { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}
