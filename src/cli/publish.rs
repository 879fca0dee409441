//! Bringing records to the remote: a commit on the freshly fetched tip, pushed as a compare-and-set, again after losing
//! a race, to the records branch where the config branch is protected.

use std::collections::BTreeMap;

use super::CliError;
use super::clone::{ConfigClone, RECORDS, Tips, failed, passed_on};
use crate::git::RefResult;
use crate::git::clone::Draft;
use crate::object::{Edit, Entry, Kind, Mode, Objects, Oid, edit_tree, entry_at};

/// How often somebody else may be faster before that is an error.
const MOST_TRIES: usize = 20;

/// Files to be added, by path from the repository's root.
pub type Records = BTreeMap<String, Vec<u8>>;

/// Where they went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The commit.
    pub commit: Oid,
    /// Its branch.
    pub branch: String,
    /// The try that succeeded: 1, 2, 3 …
    pub tries: usize,
    /// Why it is not the config branch, in the remote's words.
    pub protected: Option<String>,
}

/// What is to be brought to the remote.
pub struct Publication<'a> {
    /// Files to be added.
    pub records: &'a Records,
    /// What else the same commit changes: then it counts on the config branch alone.
    pub edits: &'a BTreeMap<String, Edit>,
    /// Another branch than the config branch, which must not exist yet.
    pub branch: Option<&'a str>,
    /// The commit's message.
    pub message: &'a str,
}

/// As [`publish_as`], of records alone.
///
/// # Errors
/// As [`publish_as`].
pub fn publish(
    clone: &ConfigClone,
    tips: &Tips,
    records: &Records,
    message: &str,
    still: &dyn Fn(&Tips) -> Result<(), CliError>,
) -> Result<Published, CliError> {
    publish_as(clone, tips, &Publication { records, edits: &BTreeMap::new(), branch: None, message }, still)
}

/// Commits and pushes records. `still` is asked after each lost race whether they still make sense.
///
/// # Errors
/// Where the remote is away or refuses both branches, or `still` does.
pub fn publish_as(
    clone: &ConfigClone,
    tips: &Tips,
    publication: &Publication<'_>,
    still: &dyn Fn(&Tips) -> Result<(), CliError>,
) -> Result<Published, CliError> {
    let mut tips = tips.clone();
    let mut protected = None;
    for tries in 1..=MOST_TRIES {
        let (branch, tip, expected) = match (publication.branch, &protected) {
            (Some(branch), _) => (branch, Some(tips.config), None),
            (None, None) => (clone.branch.as_str(), Some(tips.config), Some(tips.config)),
            (None, Some(_)) => (RECORDS, tips.records, tips.records),
        };
        let commit = commit(clone, tip, publication)?;
        let done = |protected| Published { commit, branch: branch.to_owned(), tries, protected };
        match clone.push(branch, expected, commit)? {
            Some(RefResult::Done) => return Ok(done(protected)),
            Some(RefResult::Stale) if publication.branch.is_some() => {
                return Err(CliError::failed(format!("{} has a branch `{branch}` already", clone.remote))
                    .hint("name a new one with --branch"));
            }
            Some(RefResult::Refused { reason }) if publication.branch.is_some() || !publication.edits.is_empty() => {
                return Err(CliError::failed(format!("{} refuses {branch}: {reason}", clone.remote))
                    .hint("push it to a branch of its own, for a pull request: --branch NAME"));
            }
            Some(RefResult::Refused { reason }) => match protected {
                None => protected = Some(reason),
                Some(first) => {
                    return Err(CliError::failed(format!(
                        "{} refuses both: {}: {first}; {RECORDS}: {reason}",
                        clone.remote, clone.branch
                    ))
                    .hint("push it another way, as a pull request for example: --no-push prints the record"));
                }
            },
            Some(RefResult::Stale) => {
                tips = clone.fetch()?;
                still(&tips)?;
            }
            None => {
                // Whether it arrived is not known: it did if the branch has it all now.
                tips = clone.fetch()?;
                let now = if protected.is_none() { Some(tips.config) } else { tips.records };
                if now.is_some_and(|now| has_all(clone, now, publication).unwrap_or(false)) {
                    return Ok(done(protected));
                }
                still(&tips)?;
            }
        }
    }
    Err(CliError::failed(format!("{} moved {MOST_TRIES} times while the record was pushed", clone.branch))
        .hint("run the command again"))
}

/// A commit with the records on top of a tip; a first one where there is none.
fn commit(clone: &ConfigClone, tip: Option<Oid>, publication: &Publication<'_>) -> Result<Oid, CliError> {
    let objects = clone.objects();
    let message = publication.message;
    let mut edits = publication.edits.clone();
    for (path, bytes) in publication.records {
        let id = objects.write(Kind::Blob, bytes)?;
        edits.insert(path.clone(), Edit::Put(Entry { mode: Mode::File, id }));
    }
    let tree = match tip {
        Some(tip) => Some(objects.commit(tip)?.tree),
        None => None,
    };
    let tree = edit_tree(objects, tree, &edits)?;
    let parents: Vec<Oid> = tip.into_iter().collect();
    clone.git().commit_tree(&Draft { tree, parents: &parents, message }, &mut passed_on).map_err(failed)
}

fn has_all(clone: &ConfigClone, tip: Oid, publication: &Publication<'_>) -> Result<bool, CliError> {
    let objects = clone.objects();
    let tree = objects.commit(tip)?.tree;
    // What has a record is known by it: the rest may have been changed again since.
    if publication.records.is_empty() {
        for (path, edit) in publication.edits {
            let wanted = match edit {
                Edit::Put(entry) => Some(*entry),
                Edit::Remove => None,
            };
            if entry_at(objects, tree, path)? != wanted {
                return Ok(false);
            }
        }
    }
    for (path, bytes) in publication.records {
        let entry = entry_at(objects, tree, path)?;
        if entry.map(|entry| entry.id) != Some(Oid::of(Kind::Blob, bytes)) {
            return Ok(false);
        }
    }
    Ok(true)
}
