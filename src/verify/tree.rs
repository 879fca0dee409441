//! The tree of an entry: the one before with exactly the files that follow from its events.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::notes::Attested;
use super::step::{At, Step, file_of};
use crate::digest::Digest;
use crate::journal::ENTRY;
use crate::object::{Edit, Entry, Kind, Mode, ObjectError, Objects, Oid, TreeChange, edit_tree, edited_paths};
use crate::parallel;

/// So many bytes of files wait to be compared with those that are there: one entry may plan all environments.
const MOST_WAITING: usize = 8 << 20;

/// What a file must be after an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expected {
    /// These bytes.
    Bytes(Vec<u8>),
    /// Not there.
    Absent,
    /// There, with what the daemon says.
    Attested,
    /// Bytes that were compared with those that are there.
    Compared(Found),
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Found {
    /// Whether it is a plain file.
    is_there: bool,
    /// Of its bytes, where the entry changed it.
    digest: Option<Digest>,
    /// Where they differ from what they must be.
    difference: Option<String>,
}

/// What an entry changed: a question about two trees, which may be answered ahead of the walk.
#[derive(Debug, Clone)]
pub(crate) struct Changed {
    before: Option<Oid>,
    tree: Oid,
    changes: Vec<TreeChange>,
    /// Whether the tree is surely the one before with these changes.
    is_edit: bool,
    /// The digests of the plain files among them, where they were read.
    digests: Option<Vec<Option<Digest>>>,
}

impl Changed {
    pub(super) fn between(objects: &dyn Objects, before: Option<Oid>, tree: Oid) -> Result<Self, ObjectError> {
        let (mut changes, is_edit) = edited_paths(objects, before, tree)?;
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { before, tree, changes, is_edit, digests: None })
    }

    /// The change of a path, and the digest of what is there now, where it was read.
    fn of(&self, path: &str) -> Option<(&TreeChange, Option<Digest>)> {
        let at = self.changes.binary_search_by(|change| change.path.as_str().cmp(path)).ok()?;
        Some((&self.changes[at], self.digests.as_ref().and_then(|digests| digests[at])))
    }

    /// The plain file that is at a path now, where the entry changed it.
    pub(super) fn file(&self, path: &str) -> Option<Oid> {
        match self.of(path)?.0.new {
            Some(Entry { mode: Mode::File, id }) => Some(id),
            _ => None,
        }
    }

    /// How many paths.
    pub(super) fn len(&self) -> usize {
        self.changes.len()
    }

    /// Reads the files.
    pub(super) fn read(&mut self, objects: &dyn Objects) -> Result<(), ObjectError> {
        let digest = |change: &TreeChange| plain(objects, change).map(|bytes| bytes.map(Digest::of));
        self.digests = Some(self.changes.iter().map(digest).collect::<Result<_, _>>()?);
        Ok(())
    }
}

impl Step<'_, '_> {
    /// Finds what this entry changed, unless that was read ahead.
    pub(super) fn find_changed(&mut self) -> Result<(), ObjectError> {
        let (before, tree) = (self.before.map(|(_, tree, _)| tree), self.commit.tree);
        if self.changed.as_ref().is_none_or(|known| (known.before, known.tree) != (before, tree)) {
            self.changed = None;
            self.changed = Some(Changed::between(self.objects, before, tree)?);
        }
        Ok(())
    }

    /// Every path that changed is listed with the right digest and must change; every file is what it must be.
    pub(super) fn tree(&mut self) -> Result<(), ObjectError> {
        self.compare_files()?;
        let objects = self.objects;
        // Where it could not be found that was told.
        let Some(changed) = self.changed.take() else { return Ok(()) };
        let expected = std::mem::take(&mut self.expected);
        let digest = |change: &TreeChange| match (expected.get(&change.path), changed.of(&change.path)) {
            (Some(Expected::Compared(found)), _) => Ok(found.digest),
            (_, Some((_, Some(digest)))) => Ok(Some(digest)),
            _ => plain(objects, change).map(|bytes| bytes.map(Digest::of)),
        };
        let digests = parallel::map(&changed.changes, digest);
        let mut edits = BTreeMap::new();
        let mut listed = self.entry.files.clone();
        let mut is_there = BTreeMap::new();
        for (change, digest) in changed.changes.iter().zip(digests) {
            edits.insert(change.path.clone(), change.new.map_or(Edit::Remove, Edit::Put));
            if change.path == ENTRY {
                continue;
            }
            let at = At::default();
            if !expected.contains_key(&change.path) {
                self.violated(at, &change.path, "changed, though nothing in this entry changes it");
            }
            let digest = digest?;
            is_there.insert(&change.path, digest.is_some());
            if digest.is_none() && change.new.is_some() {
                self.violated(at, &change.path, "is no plain file");
                continue;
            }
            match listed.remove(&change.path) {
                Some(listed) if listed == digest => {}
                Some(_) => self.violated(at, &change.path, "is not what entry.json says it is"),
                None => self.violated(at, &change.path, "changed, but is not listed in entry.json"),
            }
        }
        for path in listed.into_keys() {
            self.violated(At::default(), &path, "is listed in entry.json, but did not change");
        }
        // Changed files are not all there is to a tree: compare the thing itself.
        let before = changed.before;
        if !changed.is_edit && edit_tree(&Unwritten(objects), before, &edits)? != changed.tree {
            self.violated(At::default(), "", "the tree is not the one before with these files changed");
        }
        for (path, expected) in &expected {
            let is_there = match (expected, is_there.get(path)) {
                (Expected::Compared(found), _) => found.is_there,
                (_, Some(known)) => *known,
                (_, None) => self.file(path)?.is_some(),
            };
            match (expected, is_there) {
                (Expected::Compared(Found { difference: Some(what), .. }), true) => {
                    self.violated(At::default(), path, what);
                }
                (Expected::Compared(_), true) | (Expected::Absent, false) => {}
                (Expected::Compared(_) | Expected::Attested, false) => {
                    self.violated(At::default(), path, "is missing");
                }
                (Expected::Bytes(_), _) => self.violated(At::default(), path, "was not compared"),
                (Expected::Absent, true) => self.violated(At::default(), path, "is still there"),
                (Expected::Attested, true) => self.notes.attest(Attested::Pages),
            }
        }
        Ok(())
    }

    /// What a file of this entry must be.
    pub(super) fn expect(&mut self, path: String, expected: Expected) {
        if let Expected::Bytes(bytes) = &expected {
            self.waiting += bytes.len();
        }
        self.expected.insert(path, expected);
        if self.waiting > MOST_WAITING {
            self.checked(Self::compare_files);
        }
    }

    /// Compares the bytes that wait for it with those that are there, and keeps what came of it.
    fn compare_files(&mut self) -> Result<(), ObjectError> {
        self.waiting = 0;
        let (objects, tree, changed) = (self.objects, self.commit.tree, self.changed.as_ref());
        let waits = |expected: &Expected| matches!(expected, Expected::Bytes(_));
        let mut waiting: Vec<_> = self.expected.iter_mut().filter(|(_, expected)| waits(expected)).collect();
        let compared = parallel::map(&waiting, |(path, expected)| match expected {
            Expected::Bytes(bytes) => Found::at(objects, tree, changed, path, bytes).map(Expected::Compared),
            Expected::Absent | Expected::Attested | Expected::Compared(_) => Ok((**expected).clone()),
        });
        for ((_, expected), compared) in waiting.iter_mut().zip(compared) {
            **expected = compared?;
        }
        Ok(())
    }
}

impl Found {
    /// What is at a path, held against what must be there.
    fn at(
        objects: &dyn Objects,
        tree: Oid,
        changed: Option<&Changed>,
        path: &str,
        expected: &[u8],
    ) -> Result<Self, ObjectError> {
        let (bytes, digest) = match changed.and_then(|changed| changed.of(path)) {
            Some((change, digest)) => {
                let bytes = plain(objects, change)?;
                let digest = digest.or_else(|| bytes.as_deref().map(Digest::of));
                (bytes, digest)
            }
            None => (file_of(objects, tree, path)?, None),
        };
        let difference = bytes.as_deref().and_then(|found| difference(expected, found));
        Ok(Self { is_there: bytes.is_some(), digest, difference })
    }
}

/// The bytes at a path that changed, where a plain file is there.
fn plain(objects: &dyn Objects, change: &TreeChange) -> Result<Option<Arc<[u8]>>, ObjectError> {
    match change.new {
        // It holds the digests of the others.
        _ if change.path == ENTRY => Ok(None),
        Some(Entry { mode: Mode::File, id }) => objects.blob(id).map(Some),
        _ => Ok(None),
    }
}

/// Where two files differ, in words with both lines.
fn difference(expected: &[u8], found: &[u8]) -> Option<String> {
    if expected == found {
        return None;
    }
    let lines = |bytes: &[u8]| -> Vec<String> { String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect() };
    let (expected, found) = (lines(expected), lines(found));
    let at = expected.iter().zip(&found).position(|(a, b)| a != b).unwrap_or_else(|| expected.len().min(found.len()));
    let line = |lines: &[String]| {
        lines.get(at).map_or_else(|| "nothing".to_owned(), |line| format!("`{}`", crate::text::cut(line.trim(), 120)))
    };
    Some(format!("line {} says {} where {} follows from the journal", at + 1, line(&found), line(&expected)))
}

/// A store that names what it is given without keeping it: looking at a journal writes nothing.
pub(super) struct Unwritten<'a>(pub &'a dyn Objects);

impl Objects for Unwritten<'_> {
    fn read(&self, kind: Kind, id: Oid) -> Result<Arc<[u8]>, ObjectError> {
        self.0.read(kind, id)
    }

    fn write(&self, kind: Kind, bytes: &[u8]) -> Result<Oid, ObjectError> {
        Ok(Oid::of(kind, bytes))
    }
}
