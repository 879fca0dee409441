//! Reading the journal: from its tip back to the first entry, each commit signed by a key that the policy of its place
//! names, each entry naming the one before by the digest of its raw commit.

use std::sync::Arc;

use super::JournalEntry;
use crate::digest::Digest;
use crate::evidence::signature::commit_signer;
use crate::lifecycle::{FoldError, PolicyInForce, State};
use crate::memo::Memo;
use crate::model::Governance;
use crate::object::{Commit, Kind, Mode, ObjectError, Objects, Oid, entry_at};
use crate::parallel;
use crate::revision::{Hashes, resolve_governance};

/// The file that holds a commit's entry.
pub const ENTRY: &str = "entry.json";

/// Entries that were read: each is read when it is followed, and again when it is proven.
static KNOWN: Memo<JournalEntry> = Memo::new(500);

/// So many entries are read at once, on all processors: one may be about everything, and take megabytes.
const AT_ONCE: usize = 32;

/// A larger one, in bytes, is read each time.
const LARGEST_KNOWN: usize = 64 << 10;

/// Why a journal, or a commit on it, is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// An object is missing or malformed.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The commit is no journal entry that can stand where it stands.
    #[error("journal commit {}: {what}", commit.short())]
    Entry {
        /// The commit.
        commit: Oid,
        /// What is wrong.
        what: String,
    },
    /// The entries do not follow from each other.
    #[error(transparent)]
    Fold(#[from] FoldError),
    /// The policy that an entry brings into force cannot be read as it was then.
    #[error("policy {version}: {what}")]
    Policy {
        /// Its version.
        version: u64,
        /// What is wrong.
        what: String,
    },
}

/// A journal read up to its tip.
#[derive(Debug, Clone)]
pub struct Journal {
    /// The last entry's commit.
    pub tip: Oid,
    /// Everything it says.
    pub state: State,
    /// The policy in force.
    pub governance: Arc<Governance>,
}

/// An entry with the commit it is on.
#[derive(Debug, Clone)]
pub struct EntryCommit {
    /// The commit.
    pub commit: Commit,
    /// The entry.
    pub entry: JournalEntry,
}

/// Reads one commit of the journal, for its shape alone.
///
/// # Errors
/// [`JournalError::Entry`] where it is none.
pub fn read_entry(objects: &dyn Objects, id: Oid) -> Result<EntryCommit, JournalError> {
    let commit = objects.commit(id)?;
    let wrong = |what: &str| JournalError::Entry { commit: id, what: what.to_owned() };
    if commit.parents.len() > 1 {
        return Err(wrong("it is a merge"));
    }
    let blob = match entry_at(objects, commit.tree, ENTRY)? {
        Some(entry) if entry.mode == Mode::File => objects.blob(entry.id)?,
        _ => return Err(wrong("it holds no entry.json")),
    };
    let entry = if blob.len() > LARGEST_KNOWN { parse(&blob) } else { KNOWN.of(&[&blob], || parse(&blob)) };
    Ok(EntryCommit { commit, entry: entry.map_err(|what| wrong(&what))? })
}

fn parse(blob: &[u8]) -> Result<JournalEntry, String> {
    let entry: JournalEntry = serde_json::from_slice(blob).map_err(|error| format!("entry.json: {error}"))?;
    if crate::digest::canonical_json(&entry) != *blob {
        return Err("entry.json is not canonical".to_owned());
    }
    if entry.format != super::FORMAT {
        return Err(format!("format {} is not known to this version", entry.format));
    }
    Ok(entry)
}

/// Gives back the room of the entries that were read.
pub fn forget_read() {
    KNOWN.keep_at_most(0);
}

/// The commits of the journal from its first to `tip`, without those up to `known`.
///
/// # Errors
/// Where a commit on the way cannot be read, or is a merge.
pub fn line(objects: &dyn Objects, tip: Oid, known: Option<Oid>) -> Result<Vec<Oid>, JournalError> {
    let mut found = Vec::new();
    let mut at = Some(tip);
    while let Some(id) = at.filter(|id| Some(*id) != known) {
        let commit = Commit::parse(id, objects.read(Kind::Commit, id)?)?;
        if commit.parents.len() > 1 {
            return Err(JournalError::Entry { commit: id, what: "it is a merge".to_owned() });
        }
        found.push(id);
        at = commit.parents.first().copied();
    }
    if at != known {
        return Err(JournalError::Entry { commit: tip, what: "it does not descend from the last entry".to_owned() });
    }
    found.reverse();
    Ok(found)
}

impl Journal {
    /// Reads the first entry. `pin` is the operator's: nothing else is a root of trust.
    ///
    /// # Errors
    /// Where it is no first entry, or brings another policy than the pinned one.
    pub fn begin(objects: &dyn Objects, hashes: &Hashes, first: Oid) -> Result<Self, JournalError> {
        let read = read_entry(objects, first)?;
        let state = State::begin(&read.entry)?;
        let governance = governance_of(objects, hashes, &state)?;
        check_signed(&read.commit, &governance)?;
        if !read.commit.parents.is_empty() {
            return Err(JournalError::Entry { commit: first, what: "the first entry has a parent".to_owned() });
        }
        Ok(Self { tip: first, state, governance })
    }

    /// Follows the journal along these commits, each the next one. They are read on all processors. After
    /// [`JournalError::Fold`] this value is of no more use; after any other error it is where it came to.
    ///
    /// # Errors
    /// Where one of them is not the next entry.
    pub fn follow(
        &mut self,
        objects: &(dyn Objects + Sync),
        hashes: &Hashes,
        line: &[Oid],
    ) -> Result<(), JournalError> {
        let mut before = Digest::of(&objects.read(Kind::Commit, self.tip)?);
        for some in line.chunks(AT_ONCE) {
            for read in parallel::map(some, |id| read_signed(objects, *id)) {
                let read = read?;
                self.follow_one(objects, hashes, &read, before)?;
                before = Digest::of(&read.commit.raw);
            }
        }
        Ok(())
    }

    /// `before` is the digest of the last entry's raw commit.
    fn follow_one(
        &mut self,
        objects: &dyn Objects,
        hashes: &Hashes,
        read: &EntryCommit,
        before: Digest,
    ) -> Result<(), JournalError> {
        let wrong = |what: &str| JournalError::Entry { commit: read.commit.id, what: what.to_owned() };
        if read.commit.parents != [self.tip] {
            return Err(wrong("it does not follow the last entry"));
        }
        check_signed(&read.commit, &self.governance)?;
        if read.entry.previous != Some(before) {
            return Err(wrong("`previous` is not the digest of the commit before"));
        }
        let version = self.state.policy.map(|policy| policy.version);
        self.state.apply(&read.entry)?;
        if self.state.policy.map(|policy| policy.version) != version {
            self.governance = governance_of(objects, hashes, &self.state)?;
        }
        self.tip = read.commit.id;
        Ok(())
    }

    /// Reads the whole journal up to `tip`.
    ///
    /// # Errors
    /// Where any of it is not as it must be.
    pub fn read(objects: &(dyn Objects + Sync), hashes: &Hashes, tip: Oid) -> Result<Self, JournalError> {
        let line = line(objects, tip, None)?;
        let (first, rest) = line
            .split_first()
            .ok_or_else(|| JournalError::Entry { commit: tip, what: "the journal is empty".to_owned() })?;
        let mut journal = Self::begin(objects, hashes, *first)?;
        journal.follow(objects, hashes, rest)?;
        Ok(journal)
    }
}

/// As [`read_entry`], and verifies the signature: what that says is remembered, and asked for by whoever follows.
fn read_signed(objects: &dyn Objects, id: Oid) -> Result<EntryCommit, JournalError> {
    let read = read_entry(objects, id)?;
    // One that does not fit is for the follower to tell.
    let _ = commit_signer(&read.commit);
    Ok(read)
}

/// The policy in force, read from the config commit that brought it and held against its revision.
///
/// # Errors
/// Where it is not there any more, or not the same.
pub fn governance_of(objects: &dyn Objects, hashes: &Hashes, state: &State) -> Result<Arc<Governance>, JournalError> {
    let Some(PolicyInForce { version, revision, commit }) = state.policy else {
        return Err(JournalError::Policy { version: 1, what: "no policy is in force".to_owned() });
    };
    let tree = objects.tree_of(commit)?;
    let (found, governance) = resolve_governance(objects, hashes, &state.start.root, tree)?;
    if found != Some(revision) {
        let what = format!("governance/ of {} is {found:?}, not {revision}", commit.short());
        return Err(JournalError::Policy { version, what });
    }
    match governance {
        Ok(governance) => Ok(Arc::new(governance)),
        Err(problems) => Err(JournalError::Policy { version, what: problems.to_string() }),
    }
}

fn check_signed(commit: &Commit, governance: &Governance) -> Result<(), JournalError> {
    let wrong = |what: String| JournalError::Entry { commit: commit.id, what };
    match commit_signer(commit) {
        Ok(Some(key)) if governance.policy.journal_keys.contains(&key) => Ok(()),
        Ok(Some(_)) => Err(wrong("it is signed by a key that is no journal key of the policy in force".to_owned())),
        Ok(None) => Err(wrong("it is not signed".to_owned())),
        Err(error) => Err(wrong(error.to_string())),
    }
}
