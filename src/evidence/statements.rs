//! Statements in newly reachable commits, each with what proves it, or why nothing does.

use std::collections::HashSet;
use std::sync::Arc;

use super::graph::Graph;
use super::merge::judge_merge;
use super::signature::verify;
use super::{Found, Proof, Source};
use crate::digest::{Digest, StatementId};
use crate::journal::ReadyMade;
use crate::model::{EnvironmentName, Maker, PublicKey, Statement};
use crate::object::{Commit, Entry, Mode, ObjectError, Objects, Oid, changed_paths, entry_at};
use crate::parallel;

/// The purpose for which statements are signed (the namespace of the SSH signature).
pub const STATEMENT_NAMESPACE: &str = "statement-v1@countersign";

/// A statement is a few hundred bytes and a signature; what is larger is not even looked into.
const LARGEST_STATEMENT: usize = 64 * 1024;

/// So many records are judged at once, each on one of the processors.
const AT_ONCE: usize = 512;

/// The folders that hold statements, below the root folder.
const FOLDERS: [&str; 2] = ["approvals", "requests"];

/// Every statement in the commits reachable from `tip` and not from `not`, in the order in which they came.
///
/// `root` is the root folder without slashes around it (`""` for the whole repository). `ready` tells which commits the
/// journal published as ready-made ones.
///
/// A record is found in the commit in which it is unlike that of every parent, a merged one at its merge. Where nothing
/// proves it, the digest is that of the merge or of the file's own bytes, never that of what the file says: otherwise a
/// copy without a signature could take the place of the statement itself.
///
/// # Errors
/// Where a commit, tree or file cannot be read: then nothing is known, and nothing may be concluded.
pub fn find_statements(
    graph: &Graph<'_>,
    objects: &dyn Objects,
    root: &str,
    source: Source,
    not: &[Oid],
    tip: Oid,
    ready: &dyn Fn(Oid) -> Option<ReadyMade>,
) -> Result<Vec<Found>, ObjectError> {
    let root = root.trim_matches('/');
    let search = Search { graph, objects, root, source, tip: graph.node(tip)?.tree };
    let range = graph.range(&[tip], not)?;
    let mut merged = HashSet::new();
    for id in &range {
        merged.extend(graph.node(*id)?.parents.iter().skip(1).copied());
    }
    let mut found = Vec::new();
    for id in range {
        match ready(id) {
            // It is told of where it is merged.
            Some(_) if merged.contains(&id) => {}
            Some(ready) => found.push(search.not_merged(id, ready)?),
            None => search.records(id, &mut found)?,
        }
        let parents =
            graph.node(id)?.parents.iter().skip(1).map(|parent| (*parent, ready(*parent))).collect::<Vec<_>>();
        if parents.iter().any(|(_, ready)| ready.is_some()) {
            search.merges(id, parents, &mut found)?;
        }
    }
    Ok(found)
}

struct Search<'a> {
    graph: &'a Graph<'a>,
    objects: &'a dyn Objects,
    root: &'a str,
    source: Source,
    /// The tip's tree.
    tip: Oid,
}

impl Search<'_> {
    /// The records that a commit has and none of its parents, by path.
    fn records(&self, id: Oid, found: &mut Vec<Found>) -> Result<(), ObjectError> {
        let node = self.graph.node(id)?;
        let mut before = Vec::with_capacity(node.parents.len());
        for parent in &node.parents {
            before.push(self.graph.node(*parent)?.tree);
        }
        for folder in FOLDERS {
            let under = if self.root.is_empty() { folder.to_owned() } else { format!("{}/{folder}", self.root) };
            let (mut some, mut size) = (Vec::new(), 0);
            'changes: for change in changed_paths(self.objects, before.first().copied(), Some(node.tree), &under)? {
                let Some(entry) = change.new.filter(|entry| is_file(*entry) && change.path.ends_with(".yaml")) else {
                    continue;
                };
                for other in before.iter().skip(1) {
                    if entry_at(self.objects, *other, &change.path)? == Some(entry) {
                        continue 'changes;
                    }
                }
                let bytes = self.objects.blob(entry.id)?;
                size += bytes.len();
                some.push((change.path, entry, bytes));
                if some.len() >= AT_ONCE || size >= LARGEST_STATEMENT * AT_ONCE {
                    self.judge_all(id, std::mem::take(&mut some), found)?;
                    size = 0;
                }
            }
            self.judge_all(id, some, found)?;
        }
        Ok(())
    }

    fn judge_all(
        &self,
        id: Oid,
        records: Vec<(String, Entry, Arc<[u8]>)>,
        found: &mut Vec<Found>,
    ) -> Result<(), ObjectError> {
        let root = self.root;
        let judged = parallel::map(&records, |(path, _, bytes)| judge(below_root(root, path), bytes));
        for ((path, entry, bytes), judged) in records.into_iter().zip(judged) {
            let proof = self.proof(&path, entry, &bytes, judged)?;
            found.push(self.found(id, &path, proof));
        }
        Ok(())
    }

    fn proof(&self, path: &str, entry: Entry, bytes: &[u8], judged: Judged) -> Result<Proof, ObjectError> {
        Ok(match judged {
            Judged::Signed { statement, key } => Proof::Record {
                digest: statement.digest(),
                key,
                in_tip: self.is_in_tip(path, entry.id)?,
                statement,
                bytes: bytes.to_vec(),
            },
            Judged::Nothing { statement, why } => {
                Proof::Nothing { digest: StatementId(Digest::of(bytes)), statement, ready: None, why }
            }
        })
    }

    /// A merge of ready-made commits: one statement for each of them.
    fn merges(
        &self,
        id: Oid,
        merged: Vec<(Oid, Option<ReadyMade>)>,
        found: &mut Vec<Found>,
    ) -> Result<(), ObjectError> {
        let commit = self.objects.commit(id)?;
        let digest = StatementId(Digest::of(&commit.raw));
        let judged = match self.source {
            Source::Config => judge_merge(self.objects, &commit, &merged)?,
            Source::Records => Err(vec!["a merge counts on the config branch alone".to_owned()]),
        };
        for ready in merged.into_iter().filter_map(|(_, ready)| ready) {
            let path = ready.path.clone();
            let is_gone = ready.says.sets_in_motion() && !self.is_in_tip(&path, ready.blob)?;
            let proof = match &judged {
                Ok(_) if is_gone => {
                    let why = "its record had been taken away again by the time it was seen".to_owned();
                    Proof::Nothing { digest, statement: None, ready: Some(ready), why }
                }
                Ok(key) => merge_proof(&commit, digest, ready, key.clone()),
                Err(faults) => Proof::Nothing { digest, statement: None, ready: Some(ready), why: faults.join("; ") },
            };
            found.push(self.found(id, &path, proof));
        }
        Ok(())
    }

    /// A ready-made commit that got here without being merged.
    fn not_merged(&self, id: Oid, ready: ReadyMade) -> Result<Found, ObjectError> {
        let path = ready.path.clone();
        let digest = StatementId(Digest::of(self.objects.blob(ready.blob)?));
        let why =
            "its ready-made commit is here without a merge into the branch (a fast-forward, or a merge the other \
                   way round), so nobody signed for it"
                .to_owned();
        Ok(self.found(id, &path, Proof::Nothing { digest, statement: None, ready: Some(ready), why }))
    }

    fn is_in_tip(&self, path: &str, blob: Oid) -> Result<bool, ObjectError> {
        Ok(entry_at(self.objects, self.tip, path)?.is_some_and(|entry| is_file(entry) && entry.id == blob))
    }

    fn found(&self, commit: Oid, path: &str, proof: Proof) -> Found {
        let path = below_root(self.root, path).to_owned();
        let mut names = path.split('/');
        let folder = match (names.nth(1), names.next()) {
            (Some(folder), Some(_)) => folder.parse::<EnvironmentName>().ok(),
            _ => None,
        };
        Found { commit, source: self.source, path, folder, proof }
    }
}

/// A record, judged by itself.
enum Judged {
    /// Its signature fits.
    Signed { statement: Statement, key: PublicKey },
    /// Nothing proves it; what it says is there where it can be read.
    Nothing { statement: Option<Statement>, why: String },
}

fn judge(path: &str, bytes: &[u8]) -> Judged {
    if bytes.len() > LARGEST_STATEMENT {
        let why = format!("it is larger than {} KiB", LARGEST_STATEMENT / 1024);
        return Judged::Nothing { statement: None, why };
    }
    let statement = match Statement::read(path, bytes) {
        Ok(statement) => statement,
        Err(problems) => {
            let problems: Vec<String> = problems.0.iter().map(ToString::to_string).collect();
            return Judged::Nothing { statement: None, why: format!("it cannot be read: {}", problems.join("; ")) };
        }
    };
    let Maker::Signed { signature, .. } = statement.maker() else {
        let why = "it names nobody, so it counts only by a signed merge of its ready-made commit; this is a copy \
                   (cherry-pick, squash, rebase, or a file written by hand)";
        return Judged::Nothing { statement: Some(statement), why: why.to_owned() };
    };
    match verify(signature, STATEMENT_NAMESPACE, &statement.signed_bytes()) {
        Ok(key) => Judged::Signed { statement, key },
        Err(error) => Judged::Nothing { statement: Some(statement), why: error.to_string() },
    }
}

/// A path from the root folder.
fn below_root<'p>(root: &str, path: &'p str) -> &'p str {
    path.strip_prefix(root).map_or(path, |rest| rest.trim_start_matches('/'))
}

fn merge_proof(commit: &Commit, digest: StatementId, ready: ReadyMade, key: PublicKey) -> Proof {
    Proof::Merge { digest, ready, key, email: commit.author.email.clone(), reason: commit.body().to_owned() }
}

fn is_file(entry: Entry) -> bool {
    matches!(entry.mode, Mode::File | Mode::Executable)
}

#[cfg(test)]
mod tests;
