//! The daemon's sign of life: see [`Heartbeat`].

use jiff::SignedDuration;

use super::append::new_commit;
use super::{Daemon, TickError};
use crate::git::sign::write_commit;
use crate::git::{RefResult, RefUpdate};
use crate::journal::Heartbeat;
use crate::object::Oid;

/// The heartbeat on the remote, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// What was found there when the remote was looked at last.
    there: Option<Oid>,
    /// The newest that was read: its commit, and what it says where it is a good one.
    read: Option<(Oid, Option<Heartbeat>)>,
    /// The remote takes none.
    is_refused: bool,
}

impl Seen {
    pub(super) fn found(&mut self, there: Option<Oid>) {
        self.there = there;
    }
}

impl Daemon {
    /// Renews the heartbeat where that is due: to be called when a tick was done and the journal is where it says. A
    /// remote that refuses it is told once.
    ///
    /// # Errors
    /// Where the remote is away, or nothing can be written here.
    pub fn beat(&mut self, every: SignedDuration) -> Result<(), TickError> {
        let now = self.now();
        if self.heartbeat.is_refused || self.last_heartbeat()?.is_some_and(|last| !last.is_due(now)) {
            return Ok(());
        }
        let (state, journal) = (self.state()?, self.journal()?.tip);
        let config = self.seen.unwrap_or(state.heads).config;
        let heartbeat = Heartbeat::new(state.repository, now, every, journal, config);
        let tree = heartbeat.write_tree(self.objects.as_ref())?;
        let message = format!("heartbeat {now}");
        let (commit, _) = write_commit(self.objects.as_ref(), &new_commit(tree, &[], now, &message), Some(&self.key))
            .map_err(|error| TickError::Sign(error.to_string()))?;
        let name = Heartbeat::reference(&self.config.prefix);
        let update = RefUpdate { name: name.clone(), expected: self.heartbeat.there, new: Some(commit) };
        match self.push(&[update])?.pop() {
            Some(RefResult::Done) => {
                self.heartbeat.there = Some(commit);
                self.heartbeat.read = Some((commit, Some(heartbeat)));
            }
            Some(RefResult::Refused { reason }) => {
                tracing::warn!(reference = name, %reason, "the remote refuses the heartbeat: nobody can tell a daemon that is gone from one that has nothing to do");
                self.heartbeat.is_refused = true;
            }
            // Another replica was faster.
            Some(RefResult::Stale) | None => {}
        }
        Ok(())
    }

    /// The heartbeat on the remote, where it is one of this repository and signed by a journal key that is in force.
    fn last_heartbeat(&mut self) -> Result<Option<Heartbeat>, TickError> {
        let Some(there) = self.heartbeat.there else { return Ok(None) };
        if let Some((_, read)) = self.heartbeat.read.as_ref().filter(|(id, _)| *id == there) {
            return Ok(read.clone());
        }
        self.remote.fetch(&[(Heartbeat::reference(&self.config.prefix), there)])?;
        let keys = &self.governance()?.policy.journal_keys;
        let read = Heartbeat::read_trusted(self.objects.as_ref(), there, self.state()?.repository, keys);
        let read =
            read.inspect_err(|why| tracing::warn!(commit = %there, why, "somebody else's heartbeat is replaced"));
        self.heartbeat.read = Some((there, read.clone().ok()));
        Ok(read.ok())
    }
}
