//! Who contributed to a change: authors, co-authors and verified signers of every commit that changes an input.
//!
//! History is not simplified: a commit counts for what it did, also where another one undid it. Names in headers are
//! claims, a signature is a proof, and nothing outside the commits themselves (mail maps, replace references, grafts,
//! notes) is asked.

use std::collections::btree_map::Entry as Slot;
use std::collections::{BTreeMap, BTreeSet};

use super::changing::changing;
use super::graph::Graph;
use super::signature::commit_signer;
use crate::model::{Governance, Person, PersonName};
use crate::object::{Commit, ObjectError, Objects, Oid};
use crate::plan::document::{CommitLine, Contributor, ContributorBasis};

/// Who contributed, and with which commits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contributions {
    /// Registered people by name, then the others by address; who is both proven and claimed appears twice.
    pub contributors: Vec<Contributor>,
    /// The commits that changed an input, newest first. Where there is none, nothing is known of who made the change.
    pub commits: Vec<CommitLine>,
}

/// Commits of which those count that change one of these inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// Folders and files, as paths from the repository's root; `""` is all of it.
    pub folders: Vec<String>,
    /// Commits whose history does not count.
    pub from: Vec<Oid>,
    /// The commits whose history counts.
    pub to: Vec<Oid>,
}

/// The contributions of the commits reachable from `to` and not from `from` to these input folders or files (paths
/// from the repository's root; `""` is all of it).
///
/// # Errors
/// As [`contributions_in`].
pub fn contributions(
    graph: &Graph<'_>,
    objects: &dyn Objects,
    governance: &Governance,
    folders: &[String],
    from: Option<Oid>,
    to: Oid,
) -> Result<Contributions, ObjectError> {
    let range = Range { folders: folders.to_vec(), from: from.into_iter().collect(), to: vec![to] };
    contributions_in(graph, objects, governance, &[range])
}

/// The contributions of several ranges of commits, of which each may change inputs of its own.
///
/// A signature by a key that is no person's, or one that does not verify, proves nothing: the commit is then merely
/// claimed by its author. The committer counts only by signing.
///
/// # Errors
/// Where a commit or tree cannot be read: then nothing is known, and nothing may be concluded.
pub fn contributions_in(
    graph: &Graph<'_>,
    objects: &dyn Objects,
    governance: &Governance,
    ranges: &[Range],
) -> Result<Contributions, ObjectError> {
    let mut ledger = Ledger::default();
    let mut commits = Vec::new();
    let mut ids = Vec::new();
    let mut seen = BTreeSet::new();
    // The last range first, as its commits are turned around in the end.
    for range in ranges.iter().rev() {
        let found = changing(graph, objects, range)?;
        ids.extend(found.iter().copied().filter(|id| seen.insert(*id)));
    }
    for id in ids {
        let commit = objects.commit(id)?;
        let key = commit_signer(&commit).ok().flatten();
        let signer = key.and_then(|key| governance.person_with_key(&key)).map(|(person, _)| person);
        ledger.enter(governance, &commit, signer);
        commits.push(CommitLine {
            id,
            author: commit.author.email.clone(),
            signed_by: signer.map(|person| person.name.clone()),
            subject: commit.subject().to_owned(),
        });
    }
    commits.reverse();
    Ok(Contributions { contributors: ledger.close(), commits })
}

/// A registered person, or an address that is nobody's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Registered(PersonName),
    Unknown(String),
}

/// Contributors as they are found.
#[derive(Default)]
struct Ledger(BTreeMap<(Who, ContributorBasis), (String, BTreeSet<Oid>)>);

impl Ledger {
    fn enter(&mut self, governance: &Governance, commit: &Commit, signer: Option<&Person>) {
        if let Some(person) = signer {
            let email = person.emails.first().cloned().unwrap_or_default();
            self.add(Who::Registered(person.name.clone()), ContributorBasis::Signed, &email, commit.id);
        }
        for email in std::iter::once(commit.author.email.as_str()).chain(co_authors(&commit.message)) {
            let email = email.trim();
            let who = match governance.person_with_email(email) {
                Some(person) if signer.is_some_and(|signer| signer.name == person.name) => continue,
                Some(person) => Who::Registered(person.name.clone()),
                None => Who::Unknown(email.to_lowercase()),
            };
            self.add(who, ContributorBasis::Claimed, email, commit.id);
        }
    }

    fn add(&mut self, who: Who, basis: ContributorBasis, email: &str, commit: Oid) {
        match self.0.entry((who, basis)) {
            Slot::Vacant(slot) => {
                slot.insert((email.to_owned(), BTreeSet::from([commit])));
            }
            Slot::Occupied(mut slot) => {
                let (shown, commits) = slot.get_mut();
                // Whatever the order of the commits, the same address is shown.
                if email < shown.as_str() {
                    email.clone_into(shown);
                }
                commits.insert(commit);
            }
        }
    }

    fn close(self) -> Vec<Contributor> {
        let line = |((who, basis), (email, commits)): ((Who, _), (_, BTreeSet<Oid>))| Contributor {
            person: match who {
                Who::Registered(name) => Some(name),
                Who::Unknown(_) => None,
            },
            email,
            basis,
            commits: commits.into_iter().collect(),
        };
        self.0.into_iter().map(line).collect()
    }
}

/// The addresses in `Co-authored-by` lines. Any line counts, wherever it stands: naming one person too many is seen by
/// everybody, missing one lets somebody approve their own work.
fn co_authors(message: &str) -> impl Iterator<Item = &str> {
    const KEY: &str = "co-authored-by:";
    message.lines().filter_map(|line| {
        let line = line.trim();
        let (key, value) = line.split_at_checked(KEY.len())?;
        if !key.eq_ignore_ascii_case(KEY) {
            return None;
        }
        let address = value.rsplit_once('<').map_or(value, |(_, rest)| rest.split('>').next().unwrap_or(rest));
        Some(address)
    })
}

#[cfg(test)]
mod tests;
