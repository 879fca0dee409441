//! Whether the daemon is still there, and whether all that it wrote is to be seen from here.

use std::collections::{HashSet, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::CliError;
use super::clone::ConfigClone;
use super::journal::JournalTip;
use super::output::{Output, Tone};
use super::standing::age;
use crate::git::clone::Wanted;
use crate::journal::Heartbeat;
use crate::object::{ObjectError, Objects, Oid};
use crate::text::escape;

/// Without any heartbeat, a journal that is older than this says nothing of whether the daemon is there.
const UNHEARD: SignedDuration = SignedDuration::from_mins(15);

/// The daemon's heartbeat as a command sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SignOfLife {
    /// When the daemon was there last, as far as anything here can tell: its heartbeat's time or its last entry's.
    pub seen: Timestamp,
    /// The heartbeat, where there is one that counts.
    pub heartbeat: Option<Heartbeat>,
    /// Why it does not count, or what it names that is not to be seen here; null where all is well.
    pub problem: Option<String>,
    /// Whether the daemon seems to be gone, or something that it wrote is kept from this clone.
    pub stale: bool,
}

impl SignOfLife {
    /// The reference to fetch beside the journal.
    pub fn wanted() -> Wanted {
        Wanted::optional(Heartbeat::reference("countersign"))
    }

    /// What the heartbeat that was fetched with the journal says.
    ///
    /// # Errors
    /// Where the journal cannot be read.
    pub fn read(
        clone: &ConfigClone,
        journal: &JournalTip<'_>,
        heartbeat: Option<Oid>,
        now: Timestamp,
    ) -> Result<Self, CliError> {
        let last_entry = journal.time();
        // A remote may refuse heartbeats: then an entry is the only sign.
        let is_quiet = now.duration_since(last_entry) >= UNHEARD;
        let without =
            |problem: Option<String>| Self { seen: last_entry, heartbeat: None, stale: problem.is_some(), problem };
        let Some(id) = heartbeat else {
            return Ok(without(is_quiet.then(|| "the remote has no heartbeat of the daemon".to_owned())));
        };
        let keys = &journal.governance.policy.journal_keys;
        let heartbeat = match Heartbeat::read_trusted(clone.objects(), id, journal.repository()?, keys) {
            Ok(heartbeat) => heartbeat,
            Err(why) => return Ok(without(Some(format!("the heartbeat on the remote is not the daemon's: {why}")))),
        };
        // Gate: what the daemon saw must be here. All of it was fetched in one go, the heartbeat was written last.
        let tips = journal.tips();
        let kept_back =
            [(heartbeat.journal, tips.journal, &clone.journal), (heartbeat.config, tips.config, &clone.branch)];
        let mut problem = None;
        for (named, fetched, branch) in kept_back {
            if !contains(clone, fetched, named)? {
                problem = problem.or(Some(format!(
                    "the daemon saw {} on {branch}, which {} does not show here: something is kept back, or was rewound",
                    named.short(),
                    clone.remote
                )));
            }
        }
        let is_old = heartbeat.is_stale(now);
        if is_old && problem.is_none() {
            let every = heartbeat.every / 60;
            problem = Some(format!("its heartbeat should come every {every} min: it is gone, or cannot push"));
        }
        let seen = heartbeat.time.max(last_entry);
        Ok(Self { seen, heartbeat: Some(heartbeat), stale: problem.is_some(), problem })
    }

    /// `daemon seen 41 s ago`, and what is wrong.
    pub fn in_words(&self, output: Output, now: Timestamp) -> String {
        let age = age(self.seen, now);
        let seen =
            if age.starts_with("since") { format!("daemon seen {age}") } else { format!("daemon seen {age} ago") };
        match &self.problem {
            None => seen,
            Some(problem) => format!("{seen}\n{}: {}", output.paint(Tone::Bad, "warning"), escape(problem)),
        }
    }
}

/// Whether a commit is another one or comes before it; one that is not here does not. It is looked for from the tip back,
/// and mostly found at once.
fn contains(clone: &ConfigClone, tip: Oid, commit: Oid) -> Result<bool, CliError> {
    let (mut open, mut met) = (VecDeque::from([tip]), HashSet::from([tip]));
    while let Some(id) = open.pop_front() {
        if id == commit {
            return Ok(true);
        }
        match clone.objects().commit(id) {
            Ok(found) => open.extend(found.parents.into_iter().filter(|parent| met.insert(*parent))),
            // The end of a shallow clone.
            Err(ObjectError::Missing { .. }) if id != tip => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}
