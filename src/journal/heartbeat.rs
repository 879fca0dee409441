//! The heartbeat: the daemon's signed word that it was there and what it saw, renewed every few minutes. Whoever reads an
//! old journal can tell from it whether nothing happened, or whether something is kept from them.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::FORMAT;
use crate::digest::{RepositoryId, canonical_json};
use crate::evidence::signature::commit_signer;
use crate::model::PublicKey;
use crate::object::{Edit, Entry, Kind, Mode, ObjectError, Objects, Oid, edit_tree, entry_at};

/// The file that holds it.
const FILE: &str = "heartbeat.json";

/// So many that were missed mean that nobody is there any more, or that somebody keeps them back.
const MISSED: i64 = 3;

/// A commit without parents; its one file `heartbeat.json` is canonical JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Heartbeat {
    /// [`FORMAT`].
    pub format: u32,
    /// The repository: one key may serve several.
    pub repository: RepositoryId,
    /// The daemon's clock, whole seconds.
    pub time: Timestamp,
    /// Seconds until the next one.
    pub every: i64,
    /// The journal's tip.
    pub journal: Oid,
    /// The config branch, as it was seen.
    pub config: Oid,
}

impl Heartbeat {
    /// What one for this repository begins with.
    pub fn new(repository: RepositoryId, time: Timestamp, every: SignedDuration, journal: Oid, config: Oid) -> Self {
        Self { format: FORMAT, repository, time, every: every.as_secs(), journal, config }
    }

    /// The reference that it is at.
    pub fn reference(prefix: &str) -> String {
        format!("refs/{prefix}/heartbeat")
    }

    /// The tree of its commit, written into a store.
    ///
    /// # Errors
    /// Where it cannot be stored.
    pub fn write_tree(&self, objects: &dyn Objects) -> Result<Oid, ObjectError> {
        let id = objects.write(Kind::Blob, &canonical_json(self))?;
        let put = [(FILE.to_owned(), Edit::Put(Entry { mode: Mode::File, id }))].into();
        edit_tree(objects, None, &put)
    }

    /// Reads one that counts: of this repository, and signed by one of these journal keys.
    ///
    /// # Errors
    /// In words, what it is instead.
    pub fn read_trusted(
        objects: &dyn Objects,
        id: Oid,
        repository: RepositoryId,
        keys: &[PublicKey],
    ) -> Result<Self, String> {
        let (heartbeat, signer) = Self::read(objects, id)?;
        // Gate: whoever may push can move the reference.
        if !keys.contains(&signer) {
            return Err("the key that signed it is no journal key".to_owned());
        }
        if heartbeat.repository != repository {
            return Err(format!("it is of another repository ({})", heartbeat.repository.short()));
        }
        Ok(heartbeat)
    }

    fn read(objects: &dyn Objects, id: Oid) -> Result<(Self, PublicKey), String> {
        let commit = objects.commit(id).map_err(|error| error.to_string())?;
        let signer = commit_signer(&commit).map_err(|error| error.to_string())?;
        let signer = signer.ok_or_else(|| "it is not signed".to_owned())?;
        let file = entry_at(objects, commit.tree, FILE).map_err(|error| error.to_string())?;
        let file = file.filter(|file| file.mode == Mode::File).ok_or_else(|| format!("it holds no {FILE}"))?;
        let bytes = objects.blob(file.id).map_err(|error| error.to_string())?;
        let heartbeat: Self = serde_json::from_slice(&bytes).map_err(|error| format!("{FILE}: {error}"))?;
        if canonical_json(&heartbeat) != *bytes {
            return Err(format!("{FILE} is not canonical"));
        }
        if heartbeat.format != FORMAT || heartbeat.every <= 0 {
            return Err(format!("format {} is not known to this version", heartbeat.format));
        }
        Ok((heartbeat, signer))
    }

    /// Whether the next one is due. One from the future was written by a clock that is wrong, and is replaced.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.age(now).abs() >= self.every
    }

    /// Whether so many were missed that nobody seems to be there.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        self.age(now) >= self.every.saturating_mul(MISSED)
    }

    /// In seconds.
    fn age(&self, now: Timestamp) -> i64 {
        now.duration_since(self.time).as_secs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    fn at(second: i64) -> Heartbeat {
        let time = Timestamp::from_second(second).expect("a time");
        let id: Oid = "1".repeat(40).parse().expect("an id");
        Heartbeat::new(RepositoryId(crate::digest::Digest::of(b"x")), time, SignedDuration::from_mins(5), id, id)
    }

    #[test]
    fn it_is_due_after_its_interval_and_stale_after_three() {
        let now = |second| Timestamp::from_second(second).expect("a time");
        let beat = at(1_000_000);
        assert!(!beat.is_due(now(1_000_299)) && beat.is_due(now(1_000_300)));
        assert!(!beat.is_stale(now(1_000_899)) && beat.is_stale(now(1_000_900)));
        // From a clock that is ahead: renewed, so that it does not hide a daemon that is gone.
        assert!(beat.is_due(now(999_700)) && !beat.is_stale(now(999_700)));
    }
}
