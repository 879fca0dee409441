//! The signed merge of a ready-made commit: "approve by merging". What makes it evidence, and what is wrong where it
//! is none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::signature::commit_signer;
use super::subject::named_branches;
use crate::journal::{ReadyMade, ReadyWord};
use crate::model::{Maker, PublicKey, Statement};
use crate::object::{Commit, Edit, Entry, Kind, Mode, ObjectError, Objects, Oid, changed_paths, edit_tree, entry_at};

/// So many paths are named in a complaint; the others are counted.
const PATHS_SHOWN: usize = 3;

/// Who signed a merge of ready-made commits, or everything that is wrong with it. `merged` are the parents after the
/// first, with what the journal knows of them.
///
/// # Errors
/// Where an object cannot be read.
pub(super) fn judge_merge(
    objects: &dyn Objects,
    commit: &Commit,
    merged: &[(Oid, Option<ReadyMade>)],
) -> Result<Result<PublicKey, Vec<String>>, ObjectError> {
    let mut faults = Vec::new();
    // 1. Somebody signed it, in the one form in which git writes a signed merge.
    let signer = commit_signer(commit);
    match &signer {
        Ok(Some(_)) if commit.headers.iter().any(|name| name == "encoding") => {
            faults.push("it has a text encoding of its own (git config --unset i18n.commitEncoding)".to_owned());
        }
        Ok(Some(_)) if !is_plain(commit) => faults.push("it is not written as git writes a signed merge".to_owned()),
        Ok(Some(_)) => {}
        Ok(None) => faults.push("it is not signed (merge with `-S`)".to_owned()),
        Err(error) => faults.push(error.to_string()),
    }
    // 2. Whatever it merges is a ready-made commit, each once.
    let ready: Vec<&ReadyMade> = merged.iter().filter_map(|(_, ready)| ready.as_ref()).collect();
    for (id, _) in merged.iter().filter(|(_, ready)| ready.is_none()) {
        faults.push(format!("it also merges {}, which is no ready-made commit", id.short()));
    }
    if merged.iter().map(|(id, _)| id).collect::<BTreeSet<_>>().len() < merged.len() {
        faults.push("it merges the same commit twice".to_owned());
    }
    for ready in &ready {
        faults.extend(record_fault(objects, ready)?);
    }
    // 3. It adds the records and does nothing else.
    faults.extend(tree_faults(objects, commit, &ready)?);
    // 4. Whoever wrote it is who committed it, at that time: not re-made from somebody's merge.
    if line(commit, "author") != line(commit, "committer") {
        faults.push("its author and committer differ, as they do after an amend or a rebase".to_owned());
    }
    // 5. The signer was told what they merge: git's own subject names the branches.
    faults.extend(subject_fault(commit, &ready));
    Ok(match signer {
        Ok(Some(key)) if faults.is_empty() => Ok(key),
        _ => Err(faults),
    })
}

/// Whether a commit has the headers of a signed merge, in git's order, and nothing after its signature.
fn is_plain(commit: &Commit) -> bool {
    let parents = commit.headers.len().saturating_sub(4);
    let expected =
        ["tree"].into_iter().chain(std::iter::repeat_n("parent", parents)).chain(["author", "committer", "gpgsig"]);
    commit.headers.iter().map(String::as_str).eq(expected)
        && !commit.signatures.iter().any(|signature| signature.ends_with('\n'))
}

/// The bytes of a header's line after its name.
fn line<'a>(commit: &'a Commit, name: &str) -> Option<&'a [u8]> {
    let lines = commit.raw.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty());
    lines.filter_map(|line| line.strip_prefix(name.as_bytes())?.strip_prefix(b" ")).next()
}

/// The record must say what the branch's name says, since the name is all that the signer saw: a journal that lies
/// about a ready-made commit must not turn a rejection into an approval, or an approval into a deployment.
fn record_fault(objects: &dyn Objects, ready: &ReadyMade) -> Result<Option<String>, ObjectError> {
    let bytes = objects.blob(ready.blob)?;
    let agrees = Statement::read(&ready.path, &bytes).is_ok_and(|said| {
        let ending = format!("/{}/{}/{}", ready.says.name(), ready.environment, ready.plan.short());
        ReadyWord::of(&said) == Some(ready.says)
            && *said.environment() == ready.environment
            && said.plan() == Some(ready.plan)
            && *said.maker() == Maker::ReadyMade { n: ready.n }
            && ready.branch.ends_with(&ending)
    });
    Ok((!agrees).then(|| format!("the record of `{}` does not say what its branch says", ready.branch)))
}

/// What is wrong with the merge's tree: it must be its first parent's plus exactly the records.
fn tree_faults(objects: &dyn Objects, commit: &Commit, ready: &[&ReadyMade]) -> Result<Vec<String>, ObjectError> {
    let Some(first) = commit.parents.first() else { return Ok(vec!["it has no parent".to_owned()]) };
    let before = objects.tree_of(*first)?;
    let record = |ready: &&ReadyMade| (ready.path.clone(), Entry { mode: Mode::File, id: ready.blob });
    let records: BTreeMap<String, Entry> = ready.iter().map(record).collect();
    let mut faults = Vec::new();
    if records.len() < ready.len() {
        faults.push("two of the commits it merges add the same file".to_owned());
    }
    for path in records.keys() {
        if entry_at(objects, before, path)?.is_some() {
            faults.push(format!("its first parent already has `{path}`"));
        }
    }
    let mut others = Vec::new();
    let mut added = BTreeSet::new();
    for change in changed_paths(objects, Some(before), Some(commit.tree), "")? {
        match records.get(&change.path) {
            Some(entry) if change.new == Some(*entry) && change.old.is_none() => {
                added.insert(change.path);
            }
            _ => others.push(change.path),
        }
    }
    let missing = records.keys().filter(|path| !added.contains(*path) && !others.contains(path));
    let missing: Vec<String> = missing.cloned().collect();
    if !missing.is_empty() && faults.is_empty() {
        faults.push(format!("it lacks {}", listed(&missing)));
    }
    if !others.is_empty() {
        faults.push(format!("it also changes {}", listed(&others)));
    }
    if faults.is_empty() {
        // Changed files are not all there is to a tree: compare the thing itself.
        let edits = records.into_iter().map(|(path, entry)| (path, Edit::Put(entry))).collect();
        if edit_tree(&Unwritten(objects), Some(before), &edits)? != commit.tree {
            faults.push("its tree is not exactly its first parent's and the record".to_owned());
        }
    }
    Ok(faults)
}

fn listed(paths: &[String]) -> String {
    let shown: Vec<String> = paths.iter().take(PATHS_SHOWN).map(|path| format!("`{path}`")).collect();
    let more = paths.len().saturating_sub(PATHS_SHOWN);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

fn subject_fault(commit: &Commit, ready: &[&ReadyMade]) -> Option<String> {
    let Some(named) = named_branches(commit.message.split('\n').next().unwrap_or_default()) else {
        return Some("its subject is not the one git gives a merge of a branch (`-m` replaces it)".to_owned());
    };
    if let Some(other) = named.iter().find(|name| !ready.iter().any(|ready| name.is(&ready.branch))) {
        return Some(format!("its subject names `{}`, which is not the branch of what it merges", other.text()));
    }
    let unnamed = ready.iter().find(|ready| !named.iter().any(|name| name.is(&ready.branch)));
    unnamed.map(|ready| format!("its subject does not name `{}`", ready.branch))
}

/// A store that names what it is given without keeping it: looking at evidence writes nothing.
struct Unwritten<'a>(&'a dyn Objects);

impl Objects for Unwritten<'_> {
    fn read(&self, kind: Kind, id: Oid) -> Result<Arc<[u8]>, ObjectError> {
        self.0.read(kind, id)
    }

    fn write(&self, kind: Kind, bytes: &[u8]) -> Result<Oid, ObjectError> {
        Ok(Oid::of(kind, bytes))
    }
}
