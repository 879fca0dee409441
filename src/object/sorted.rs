//! Raw trees in git's order, looked up and held against each other without being taken apart: a folder of thousands is
//! read for every path below it, and most questions are about one of its entries.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::tree::{first_entry, name_of};
use super::{Entry, Kind, Mode, ObjectError, Objects, Oid, Tree};

/// Smaller trees, in bytes, are gone through again each time.
pub(super) const WIDE: usize = 4 << 10;

/// So many wide trees are remembered.
const REMEMBERED: usize = 16;

/// Where the entries begin of the wide trees that were read last, newest first; `None` of one that is not in order. A
/// tree's id names its bytes, so nothing else can be meant by it.
static KNOWN: Mutex<Vec<(Oid, Known)>> = Mutex::new(Vec::new());

type Known = Option<Arc<[u32]>>;

/// A raw tree of which it was checked that it is one, that its entries are in git's order and that no name is there twice.
pub(super) struct Sorted<'r> {
    raw: &'r [u8],
    starts: Arc<[u32]>,
}

/// An entry that differs between two trees: what was there, and what is.
pub type Difference = (Option<Entry>, Option<Entry>);

impl<'r> Sorted<'r> {
    /// A raw tree, checked. `None` where its entries are in another order or one name is there twice: git writes none such,
    /// but others can.
    ///
    /// # Errors
    /// [`ObjectError::Malformed`] where it is not made of entries.
    pub fn of(id: Oid, raw: &'r [u8]) -> Result<Option<Self>, ObjectError> {
        if raw.len() < WIDE {
            return Ok(starts(id, raw)?.map(|starts| Self { raw, starts }));
        }
        let known = |known: &mut Vec<(Oid, Known)>| {
            let at = known.iter().position(|(other, _)| *other == id)?;
            known[..=at].rotate_right(1);
            known.first().map(|(_, starts)| starts.clone())
        };
        let found = known(&mut KNOWN.lock().unwrap_or_else(PoisonError::into_inner));
        let starts = match found {
            Some(starts) => starts,
            None => {
                let starts = starts(id, raw)?;
                let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
                known.insert(0, (id, starts.clone()));
                known.truncate(REMEMBERED);
                starts
            }
        };
        Ok(starts.map(|starts| Self { raw, starts }))
    }

    fn len(&self) -> usize {
        self.starts.len()
    }

    /// The bytes of the entry at a place.
    fn bytes(&self, at: usize) -> &'r [u8] {
        let start = self.starts[at] as usize;
        let end = self.starts.get(at + 1).map_or(self.raw.len(), |next| *next as usize);
        &self.raw[start..end]
    }

    /// The raw name and the entry at a place.
    fn entry(&self, id: Oid, at: usize) -> Result<(&'r [u8], Entry), ObjectError> {
        first_entry(id, self.bytes(at)).map(|(name, entry, _)| (name, entry))
    }

    /// The entry of this raw name.
    pub fn find(&self, id: Oid, name: &[u8]) -> Result<Option<Entry>, ObjectError> {
        // A folder sorts elsewhere than a file of its name.
        for is_folder in [true, false] {
            let (mut low, mut high) = (0, self.len());
            while low < high {
                let middle = low + (high - low) / 2;
                let (other, entry) = self.entry(id, middle)?;
                match order((other, entry.mode == Mode::Tree), (name, is_folder)) {
                    Ordering::Less => low = middle + 1,
                    Ordering::Greater => high = middle,
                    Ordering::Equal => return Ok(Some(entry)),
                }
            }
        }
        Ok(None)
    }

    /// Adds what differs from another tree, this one being the older.
    fn differing(
        &self,
        (old, new): (Oid, Oid),
        other: &Self,
        found: &mut BTreeMap<String, Difference>,
    ) -> Result<(), ObjectError> {
        let (mut mine, mut theirs) = (0, 0);
        while mine < self.len() || theirs < other.len() {
            if mine < self.len() && theirs < other.len() && self.bytes(mine) == other.bytes(theirs) {
                (mine, theirs) = (mine + 1, theirs + 1);
                continue;
            }
            let before = (mine < self.len()).then(|| self.entry(old, mine)).transpose()?;
            let after = (theirs < other.len()).then(|| other.entry(new, theirs)).transpose()?;
            let key = |(name, entry): (&'r [u8], Entry)| (name, entry.mode == Mode::Tree);
            let order = match (before, after) {
                (Some(before), Some(after)) => order(key(before), key(after)),
                (Some(_), None) => Ordering::Less,
                (None, _) => Ordering::Greater,
            };
            if let Some((name, entry)) = before.filter(|_| order.is_le()) {
                found.entry(name_of(name)).or_default().0 = Some(entry);
                mine += 1;
            }
            if let Some((name, entry)) = after.filter(|_| order.is_ge()) {
                found.entry(name_of(name)).or_default().1 = Some(entry);
                theirs += 1;
            }
        }
        // The same by another way of writing a mode.
        found.retain(|_, (old, new)| old != new);
        Ok(())
    }
}

/// Git's order: a folder sorts as if its name ended in `/`.
fn order((one, one_is_folder): (&[u8], bool), (other, other_is_folder): (&[u8], bool)) -> Ordering {
    let common = one.len().min(other.len());
    let next = |name: &[u8], is_folder: bool| match name.get(common) {
        Some(byte) => u16::from(*byte) + 1,
        None if is_folder => u16::from(b'/') + 1,
        None => 0,
    };
    let rest = || match (one.len(), other.len()) {
        (a, b) if a == b => one_is_folder.cmp(&other_is_folder),
        _ => next(one, one_is_folder).cmp(&next(other, other_is_folder)),
    };
    one[..common].cmp(&other[..common]).then_with(rest)
}

/// Where each entry begins; `None` where they are not in order, or one name is there twice.
fn starts(id: Oid, raw: &[u8]) -> Result<Known, ObjectError> {
    let mut starts = Vec::with_capacity(raw.len() / 32);
    let mut rest = raw;
    let mut last: Option<(&[u8], bool)> = None;
    // The files whose names the name just read begins with: a folder of the same name may come long after its file.
    let mut files: Vec<&[u8]> = Vec::new();
    let mut is_sorted = u32::try_from(raw.len()).is_ok();
    while !rest.is_empty() {
        starts.push(u32::try_from(raw.len() - rest.len()).unwrap_or_default());
        let (name, entry, next) = first_entry(id, rest)?;
        let key = (name, entry.mode == Mode::Tree);
        is_sorted &= last.is_none_or(|last| order(last, key).is_lt());
        files.retain(|file| name.starts_with(file));
        is_sorted &= !files.contains(&name);
        if entry.mode != Mode::Tree {
            files.push(name);
        }
        last = Some(key);
        rest = next;
    }
    Ok(is_sorted.then(|| starts.into()))
}

/// Gives back what is remembered of wide trees.
pub fn forget_wide() {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

/// The entries that differ between two trees, by name; `None` is the empty tree.
///
/// # Errors
/// As [`Objects::tree`] of either.
pub fn differing(
    objects: &(impl Objects + ?Sized),
    old: Option<Oid>,
    new: Option<Oid>,
) -> Result<BTreeMap<String, Difference>, ObjectError> {
    let mut found = BTreeMap::new();
    if old == new {
        return Ok(found);
    }
    // By git's own convention the empty tree is there whether it is stored or not.
    let read = |id: Option<Oid>| id.map(|id| objects.read(Kind::Tree, id)).transpose();
    let (olds, news) = (read(old)?, read(new)?);
    let none = Oid::of(Kind::Tree, b"");
    let (old, new) = (old.unwrap_or(none), new.unwrap_or(none));
    let (olds, news) = (olds.as_deref().unwrap_or_default(), news.as_deref().unwrap_or_default());
    if let (Some(olds), Some(news)) = (Sorted::of(old, olds)?, Sorted::of(new, news)?) {
        olds.differing((old, new), &news, &mut found)?;
        return Ok(found);
    }
    for (name, entry) in Tree::parse(old, olds)?.entries {
        found.insert(name, (Some(entry), None));
    }
    for (name, entry) in Tree::parse(new, news)?.entries {
        found.entry(name).or_default().1 = Some(entry);
    }
    found.retain(|_, (old, new)| old != new);
    Ok(found)
}

/// Those of `paths` at which two folders have something else. Folders that are equal, and those that lead to none of the
/// paths, are not read.
///
/// # Errors
/// As [`differing`].
pub fn differing_at<'p, V>(
    objects: &(impl Objects + ?Sized),
    old: Option<Entry>,
    new: Option<Entry>,
    paths: &'p BTreeMap<String, V>,
) -> Result<Vec<(&'p String, &'p V)>, ObjectError> {
    let mut found = Vec::new();
    let mut open = vec![(String::new(), old, new)];
    while let Some((path, old, new)) = open.pop() {
        if old == new {
            continue;
        }
        found.extend(paths.get_key_value(&path));
        let below = if path.is_empty() { String::new() } else { format!("{path}/") };
        let leads_on = |below: &String| {
            let mut on = paths.range(below.clone()..).filter(|(other, _)| **other != path);
            on.next().is_some_and(|(other, _)| other.starts_with(below))
        };
        if !leads_on(&below) {
            continue;
        }
        let folder = |entry: Option<Entry>| entry.filter(|entry| entry.mode == Mode::Tree).map(|entry| entry.id);
        for (name, (old, new)) in differing(objects, folder(old), folder(new))? {
            open.push((format!("{below}{name}"), old, new));
        }
    }
    found.sort_by_key(|(path, _)| *path);
    Ok(found)
}

#[cfg(test)]
mod tests;
