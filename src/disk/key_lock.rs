//! One key, one running daemon.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// How long a daemon that was just killed may take until it is gone, and how often that is looked at.
const GOING: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(20);

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
    /// Takes the lock, once whoever holds it is gone, if that is soon.
    ///
    /// # Errors
    /// Where another daemon holds it, or the file cannot be opened.
    pub fn take(path: &Path) -> Result<Self, KeyLockError> {
        let failed = |source| KeyLockError::Failed { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) if begun.elapsed() < GOING => thread::sleep(LOOK),
                Err(TryLockError::WouldBlock) => return Err(KeyLockError::Taken { path: path.to_owned() }),
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
        }
    }
}
