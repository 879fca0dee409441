//! A state folder that exists only in a test's world, and survives the daemons that crash in it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Disk, EnvironmentLock, Held, check_name};
use crate::model::EnvironmentName;

/// State in memory; clones share it.
#[derive(Debug, Clone, Default)]
pub struct MemoryDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, Vec<u8>>,
    locked: BTreeSet<EnvironmentName>,
    /// How many more changes are made before every one fails.
    left: Option<u64>,
}

/// A lock in memory: gone with its last handle.
pub(super) struct HeldInMemory {
    disk: MemoryDisk,
    environment: EnvironmentName,
}

impl Drop for HeldInMemory {
    fn drop(&mut self) {
        self.disk.state().locked.remove(&self.environment);
    }
}

impl MemoryDisk {
    /// An empty folder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets this many more writes and removals happen; then each fails and changes nothing, as if the daemon had
    /// been killed before it.
    pub fn fail_after(&self, changes: u64) {
        self.state().left = Some(changes);
    }

    /// Lets everything happen again.
    pub fn heal(&self) {
        self.state().left = None;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut BTreeMap<String, Vec<u8>>)) -> io::Result<()> {
        check_name(name)?;
        let mut state = self.state();
        if let Some(left) = &mut state.left {
            *left = left.checked_sub(1).ok_or_else(|| io::Error::other("the disk failed, as the test asked"))?;
        }
        change(&mut state.files);
        Ok(())
    }
}

impl Disk for MemoryDisk {
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        check_name(name)?;
        Ok(self.state().files.get(name).cloned())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.change(name, |files| {
            files.insert(name.to_owned(), bytes.to_vec());
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.change(name, |files| {
            files.remove(name);
        })
    }

    fn lock(&self, environment: &EnvironmentName) -> io::Result<Option<EnvironmentLock>> {
        let free = self.state().locked.insert(environment.clone());
        let held = || Arc::new(HeldInMemory { disk: self.clone(), environment: environment.clone() });
        Ok(free.then(|| EnvironmentLock { held: Held::Memory(held()) }))
    }
}
