//! Trees: entries, look-ups by path, listings, and a comparison that skips what is equal.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::sorted::{Sorted, WIDE, differing};
use super::{Kind, ObjectError, Objects, Oid};

/// What a tree entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Mode {
    /// A folder.
    #[serde(rename = "040000")]
    Tree,
    /// A plain file.
    #[serde(rename = "100644")]
    File,
    /// A plain file with the executable bit.
    #[serde(rename = "100755")]
    Executable,
    /// A symbolic link: never followed.
    #[serde(rename = "120000")]
    Symlink,
    /// A submodule: never entered.
    #[serde(rename = "160000")]
    Submodule,
}

impl Mode {
    /// As git writes it in a tree.
    pub fn octal(self) -> &'static str {
        match self {
            Self::Tree => "40000",
            Self::File => "100644",
            Self::Executable => "100755",
            Self::Symlink => "120000",
            Self::Submodule => "160000",
        }
    }
}

/// One entry of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub mode: Mode,
    /// The object it names.
    pub id: Oid,
}

/// Begins the name of an entry whose raw name is not UTF-8 (or begins with this very character, a noncharacter that no
/// text contains). No such name is ever an input: it is told as a problem, and does not stop anything else.
pub const RAW_NAME: char = '\u{10FFFF}';

pub(super) fn name_of(raw: &[u8]) -> String {
    match std::str::from_utf8(raw) {
        Ok(name) if !name.starts_with(RAW_NAME) => name.to_owned(),
        _ => format!("{RAW_NAME}{}", hex::encode(raw)),
    }
}

fn raw_of(name: &str) -> Vec<u8> {
    let decoded = name.strip_prefix(RAW_NAME).and_then(|digits| hex::decode(digits).ok());
    decoded.unwrap_or_else(|| name.as_bytes().to_vec())
}

fn malformed(id: Oid, what: &str) -> ObjectError {
    ObjectError::Malformed { kind: Kind::Tree, id, what: what.to_owned() }
}

/// The raw name of an entry, the entry, and what follows it.
pub(super) type RawEntry<'r> = (&'r [u8], Entry, &'r [u8]);

/// The first entry of what is left of a raw tree object.
pub(super) fn first_entry(id: Oid, rest: &[u8]) -> Result<RawEntry<'_>, ObjectError> {
    let space = rest.iter().position(|b| *b == b' ').ok_or_else(|| malformed(id, "an entry without mode"))?;
    let mode = match &rest[..space] {
        b"40000" => Mode::Tree,
        b"100644" | b"100664" => Mode::File,
        b"100755" => Mode::Executable,
        b"120000" => Mode::Symlink,
        b"160000" => Mode::Submodule,
        _ => return Err(malformed(id, "an entry of unknown mode")),
    };
    let rest = &rest[space + 1..];
    let end = rest.iter().position(|b| *b == 0).ok_or_else(|| malformed(id, "an entry without end"))?;
    let (name, rest) = (&rest[..end], &rest[end + 1..]);
    let Some((bytes, rest)) = rest.split_first_chunk::<20>() else { return Err(malformed(id, "a cut entry")) };
    if name.is_empty() || name.contains(&b'/') || matches!(name, b"." | b"..") {
        return Err(malformed(id, "a name that is no file name"));
    }
    Ok((name, Entry { mode, id: Oid::from_bytes(*bytes) }, rest))
}

/// A parsed tree: entries by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// Name to entry. Names are raw bytes in git; one that is not UTF-8 appears as [`RAW_NAME`] and its bytes in hex.
    pub entries: BTreeMap<String, Entry>,
}

impl Tree {
    /// Parses a raw tree object.
    ///
    /// # Errors
    /// [`ObjectError::Malformed`] where it is not what git writes.
    pub fn parse(id: Oid, raw: &[u8]) -> Result<Self, ObjectError> {
        let mut entries = BTreeMap::new();
        let mut rest = raw;
        while !rest.is_empty() {
            let (name, entry, next) = first_entry(id, rest)?;
            if entries.insert(name_of(name), entry).is_some() {
                return Err(malformed(id, "a name that appears twice"));
            }
            rest = next;
        }
        Ok(Self { entries })
    }

    /// The entry of this name in a raw tree object. The others are stepped over, not kept: most look-ups want one of
    /// thousands.
    ///
    /// # Errors
    /// As [`Tree::parse`], but for a name that appears twice and is not this one.
    fn find(id: Oid, raw: &[u8], name: &str) -> Result<Option<Entry>, ObjectError> {
        if name.starts_with(RAW_NAME) {
            return Ok(Self::parse(id, raw)?.entries.get(name).copied());
        }
        if raw.len() >= WIDE
            && let Some(sorted) = Sorted::of(id, raw)?
        {
            return sorted.find(id, name.as_bytes());
        }
        let (mut found, mut rest) = (None, raw);
        while !rest.is_empty() {
            let (other, entry, next) = first_entry(id, rest)?;
            if other == name.as_bytes() && found.replace(entry).is_some() {
                return Err(malformed(id, "a name that appears twice"));
            }
            rest = next;
        }
        Ok(found)
    }

    /// The raw object: entries in git's order, in which a folder sorts as if its name ended in `/`.
    pub fn to_raw(&self) -> Vec<u8> {
        let mut sorted: Vec<_> = self.entries.iter().collect();
        sorted.sort_by_cached_key(|(name, entry)| {
            let mut key = raw_of(name);
            if entry.mode == Mode::Tree {
                key.push(b'/');
            }
            key
        });
        let mut raw = Vec::new();
        for (name, entry) in sorted {
            raw.extend_from_slice(entry.mode.octal().as_bytes());
            raw.push(b' ');
            raw.extend_from_slice(&raw_of(name));
            raw.push(0);
            raw.extend_from_slice(entry.id.as_bytes());
        }
        raw
    }
}

/// The entry at a path below a tree (`""` is the tree itself), or `None`.
///
/// # Errors
/// Where a tree on the way cannot be read.
pub fn entry_at(objects: &(impl Objects + ?Sized), tree: Oid, path: &str) -> Result<Option<Entry>, ObjectError> {
    let mut entry = Entry { mode: Mode::Tree, id: tree };
    for name in path.split('/').filter(|name| !name.is_empty()) {
        if entry.mode != Mode::Tree {
            return Ok(None);
        }
        match Tree::find(entry.id, &objects.read(Kind::Tree, entry.id)?, name)? {
            Some(found) => entry = found,
            None => return Ok(None),
        }
    }
    Ok(Some(entry))
}

/// Every entry that is no folder below a tree, as path and entry, in path order.
///
/// # Errors
/// Where a tree cannot be read.
pub fn files_below(objects: &(impl Objects + ?Sized), tree: Oid) -> Result<BTreeMap<String, Entry>, ObjectError> {
    let mut found = BTreeMap::new();
    let mut open = vec![(String::new(), tree)];
    while let Some((prefix, id)) = open.pop() {
        for (name, entry) in objects.tree(id)?.entries {
            let path = join(&prefix, &name);
            if entry.mode == Mode::Tree {
                open.push((path, entry.id));
            } else {
                found.insert(path, entry);
            }
        }
    }
    Ok(found)
}

/// A path that differs between two trees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeChange {
    /// The path from the root.
    pub path: String,
    /// What was there.
    pub old: Option<Entry>,
    /// What is there.
    pub new: Option<Entry>,
}

/// Every path that is no folder and differs between two trees (`None` is the empty tree), below `under` (`""` for
/// all). Equal subtrees are never read.
///
/// # Errors
/// Where a tree cannot be read.
pub fn changed_paths(
    objects: &(impl Objects + ?Sized),
    old: Option<Oid>,
    new: Option<Oid>,
    under: &str,
) -> Result<Vec<TreeChange>, ObjectError> {
    changes(objects, old, new, under, |_, _| Ok(()))
}

/// As [`changed_paths`] of two trees, and whether the new one is surely what [`edit_tree`](super::edit_tree) makes of the
/// old one with these changes: where this says no, it may be so all the same.
///
/// # Errors
/// As [`changed_paths`].
pub fn edited_paths(
    objects: &(impl Objects + ?Sized),
    old: Option<Oid>,
    new: Oid,
) -> Result<(Vec<TreeChange>, bool), ObjectError> {
    let mut is_edit = true;
    let found = changes(objects, old, Some(new), "", |before, after| {
        is_edit &= match after {
            Some(after) => is_written(after, &objects.read(Kind::Tree, after)?)?,
            // Empty folders in it are not named by any path.
            None => before.is_none(),
        };
        Ok(())
    })?;
    Ok((found, is_edit))
}

/// Whether a raw tree has something in it, written as [`Tree::to_raw`] writes it.
fn is_written(id: Oid, raw: &[u8]) -> Result<bool, ObjectError> {
    if raw.is_empty() || Sorted::of(id, raw)?.is_none() {
        return Ok(false);
    }
    let mut rest = raw;
    while !rest.is_empty() {
        let (_, entry, next) = first_entry(id, rest)?;
        if !rest.starts_with(entry.mode.octal().as_bytes()) {
            return Ok(false);
        }
        rest = next;
    }
    Ok(true)
}

/// The changes, and each pair of folders that differ on the way.
fn changes(
    objects: &(impl Objects + ?Sized),
    old: Option<Oid>,
    new: Option<Oid>,
    under: &str,
    mut folders: impl FnMut(Option<Oid>, Option<Oid>) -> Result<(), ObjectError>,
) -> Result<Vec<TreeChange>, ObjectError> {
    if old == new {
        return Ok(Vec::new());
    }
    let at = |root: Option<Oid>| match root {
        Some(root) => entry_at(objects, root, under),
        None => Ok(None),
    };
    let mut found = Vec::new();
    let mut open = vec![(under.trim_matches('/').to_owned(), at(old)?, at(new)?)];
    while let Some((path, old, new)) = open.pop() {
        if old == new {
            continue;
        }
        let file = |entry: Option<Entry>| entry.filter(|entry| entry.mode != Mode::Tree);
        if file(old) != file(new) {
            found.push(TreeChange { path: path.clone(), old: file(old), new: file(new) });
        }
        let folder = |entry: Option<Entry>| entry.filter(|entry| entry.mode == Mode::Tree).map(|entry| entry.id);
        let (old, new) = (folder(old), folder(new));
        for (name, (old, new)) in differing(objects, old, new)? {
            open.push((join(&path, &name), old, new));
        }
        folders(old, new)?;
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}
