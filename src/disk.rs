//! The seam to the state folder: small files that are there in whole or not at all, and locks that live as long as
//! whoever holds them.
//!
//! Nothing here matters as much as the journal: the folder may be deleted at any time, at the price that tips seen
//! last are forgotten.

mod folder;
mod key_lock;
mod memory;
mod state;

use std::fmt;
use std::fs::File;
use std::io;
use std::process::Stdio;
use std::sync::Arc;

use crate::model::EnvironmentName;

pub use folder::FolderDisk;
pub use key_lock::{KeyLock, KeyLockError};
pub use memory::MemoryDisk;
pub use state::{Tips, instance};

/// The state folder of one repository.
pub trait Disk: Send + Sync {
    /// The bytes of a file, or `None` where there is none. A name is made of `a-z`, `0-9`, `.`, `_` and `-`, and
    /// starts with a letter.
    ///
    /// # Errors
    /// Where it is there and cannot be read.
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>>;

    /// Writes a file: when this returns, the new bytes outlast a power cut; until then the old ones do.
    ///
    /// # Errors
    /// Where it cannot be written; then the old bytes are there.
    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Deletes a file, if it is there.
    ///
    /// # Errors
    /// Where it is there and cannot be deleted.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Takes the lock of an environment. `None`: somebody holds it, perhaps a child process of a daemon that is no
    /// more.
    ///
    /// # Errors
    /// Where that cannot be found out. Then nothing may be observed or applied.
    fn lock(&self, environment: &EnvironmentName) -> io::Result<Option<EnvironmentLock>>;
}

/// The lock of an environment: held until this, every clone, and every process that got it as its standard input are
/// gone.
///
/// It is never unlocked in so many words: that would take it from the others too.
pub struct EnvironmentLock {
    held: Held,
}

enum Held {
    File(File),
    Memory(Arc<memory::HeldInMemory>),
}

impl EnvironmentLock {
    /// The lock as the standard input of a child process, which so holds it as long as it lives, even where we are
    /// killed. The file is empty: whoever reads finds the end.
    ///
    /// # Errors
    /// Where the system refuses another handle, and for a lock in memory, which no process can inherit.
    pub fn stdin(&self) -> io::Result<Stdio> {
        match &self.held {
            Held::File(file) => Ok(Stdio::from(file.try_clone()?)),
            Held::Memory(_) => {
                Err(io::Error::new(io::ErrorKind::Unsupported, "a lock in memory cannot be handed to a process"))
            }
        }
    }

    /// Another handle on the same lock, as a child process would have it.
    ///
    /// # Errors
    /// Where the system refuses another handle.
    pub fn try_clone(&self) -> io::Result<Self> {
        let held = match &self.held {
            Held::File(file) => Held::File(file.try_clone()?),
            Held::Memory(held) => Held::Memory(Arc::clone(held)),
        };
        Ok(Self { held })
    }
}

impl fmt::Debug for EnvironmentLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.held {
            Held::File(_) => "EnvironmentLock(file)",
            Held::Memory(_) => "EnvironmentLock(memory)",
        })
    }
}

/// Refuses names that would lead out of the folder or into its own parts.
fn check_name(name: &str) -> io::Result<()> {
    let known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    if name.starts_with(|c: char| c.is_ascii_lowercase()) && name.bytes().all(known) && name.len() <= 128 {
        Ok(())
    } else {
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("`{}` is no name of a state file", name.escape_debug()),
        ))
    }
}

#[cfg(test)]
mod tests;
