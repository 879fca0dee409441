//! The tree of an entry: the one before with exactly the files that follow from its events.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::notes::Attested;
use super::step::{At, Step};
use crate::digest::Digest;
use crate::journal::ENTRY;
use crate::object::{Edit, Entry, Kind, Mode, ObjectError, Objects, Oid, TreeChange, edit_tree, edited_paths};
use crate::parallel;

/// What a file must be after an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expected {
    /// These bytes.
    Bytes(Vec<u8>),
    /// Not there.
    Absent,
    /// There, with what the daemon says.
    Attested,
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
        let (changes, is_edit) = edited_paths(objects, before, tree)?;
        Ok(Self { before, tree, changes, is_edit, digests: None })
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
    /// Every path that changed is listed with the right digest and must change; every file is what it must be.
    pub(super) fn tree(&mut self) -> Result<(), ObjectError> {
        let before = self.before.map(|(_, tree, _)| tree);
        let (objects, expected) = (self.objects, std::mem::take(&mut self.expected));
        let tree = self.commit.tree;
        let known = self.changed.take().filter(|known| (known.before, known.tree) == (before, tree));
        let Changed { changes, is_edit, digests, .. } = match known {
            Some(known) => known,
            None => Changed::between(objects, before, tree)?,
        };
        let found = match digests {
            Some(digests) => {
                let known = changes.iter().zip(digests);
                known
                    .map(|(change, digest)| Found::known(objects, change, digest, expected.get(&change.path)))
                    .collect()
            }
            None => parallel::map(&changes, |change| Found::at(objects, change, expected.get(&change.path))),
        };
        let mut edits = BTreeMap::new();
        let mut listed = self.entry.files.clone();
        let mut differences = BTreeMap::new();
        for (change, found) in changes.iter().zip(found) {
            edits.insert(change.path.clone(), change.new.map_or(Edit::Remove, Edit::Put));
            if change.path == ENTRY {
                continue;
            }
            let at = At::default();
            if !expected.contains_key(&change.path) {
                self.violated(at, &change.path, "changed, though nothing in this entry changes it");
            }
            let Found { digest, difference } = found?;
            differences.insert(&change.path, digest.map(|_| difference));
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
        if !is_edit && edit_tree(&Unwritten(objects), before, &edits)? != tree {
            self.violated(At::default(), "", "the tree is not the one before with these files changed");
        }
        for (path, expected) in &expected {
            let found = match differences.remove(path) {
                Some(known) => known,
                None => self.file(path)?.map(|found| expected.difference(&found)),
            };
            match (expected, found) {
                (_, Some(Some(what))) => self.violated(At::default(), path, what),
                (Expected::Bytes(_), Some(None)) | (Expected::Absent, None) => {}
                (Expected::Bytes(_) | Expected::Attested, None) => {
                    self.violated(At::default(), path, "is missing");
                }
                (Expected::Absent, Some(None)) => self.violated(At::default(), path, "is still there"),
                (Expected::Attested, Some(None)) => self.notes.attest(Attested::Pages),
            }
        }
        Ok(())
    }

    /// What a file of this entry must be.
    pub(super) fn expect(&mut self, path: String, expected: Expected) {
        self.expected.insert(path, expected);
    }
}

impl Expected {
    /// Where a file that is there differs from what it must be, in words.
    fn difference(&self, found: &[u8]) -> Option<String> {
        match self {
            Self::Bytes(expected) => difference(expected, found),
            Self::Absent | Self::Attested => None,
        }
    }
}

/// What is at a path that changed.
#[derive(Default)]
struct Found {
    /// Of its bytes, where it is a plain file.
    digest: Option<Digest>,
    /// Where they differ from what they must be.
    difference: Option<String>,
}

impl Found {
    fn at(objects: &dyn Objects, change: &TreeChange, expected: Option<&Expected>) -> Result<Self, ObjectError> {
        Ok(match plain(objects, change)? {
            Some(bytes) => Self {
                digest: Some(Digest::of(&bytes)),
                difference: expected.and_then(|expected| expected.difference(&bytes)),
            },
            None => Self::default(),
        })
    }

    /// As [`Found::at`], of a file whose digest is known.
    fn known(
        objects: &dyn Objects,
        change: &TreeChange,
        digest: Option<Digest>,
        expected: Option<&Expected>,
    ) -> Result<Self, ObjectError> {
        let difference = match expected {
            Some(expected @ Expected::Bytes(_)) => {
                plain(objects, change)?.and_then(|bytes| expected.difference(&bytes))
            }
            Some(Expected::Absent | Expected::Attested) | None => None,
        };
        Ok(Self { digest, difference })
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
