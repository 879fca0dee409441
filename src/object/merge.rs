//! A merge of two trees, file by file: what one side changed is taken whole, and content is never mixed.

use std::collections::{BTreeMap, BTreeSet};

use super::{Entry, Kind, Mode, ObjectError, Objects, Oid, Tree};

/// What a merge gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergedTree {
    /// The tree; where both sides changed a file, it has ours.
    pub tree: Oid,
    /// The paths that both sides changed, each in its own way.
    pub conflicts: BTreeSet<String>,
}

/// Takes every path as it is on the side that changed it since `base`. Folders that are equal on two sides are never
/// read.
///
/// # Errors
/// Where a tree cannot be read or written.
pub fn merge_trees(
    objects: &(impl Objects + ?Sized),
    base: Oid,
    ours: Oid,
    theirs: Oid,
) -> Result<MergedTree, ObjectError> {
    let folder = |id| Some(Entry { mode: Mode::Tree, id });
    let mut conflicts = BTreeSet::new();
    let merged = merge(objects, "", [folder(base), folder(ours), folder(theirs)], &mut conflicts)?;
    let tree = match merged {
        Some(entry) => entry.id,
        None => objects.write(Kind::Tree, &Tree::default().to_raw())?,
    };
    Ok(MergedTree { tree, conflicts })
}

/// What a side has at a path.
type Side = Option<Entry>;

fn merge(
    objects: &(impl Objects + ?Sized),
    path: &str,
    [base, ours, theirs]: [Side; 3],
    conflicts: &mut BTreeSet<String>,
) -> Result<Side, ObjectError> {
    if ours == theirs || base == theirs {
        return Ok(ours);
    }
    if base == ours {
        return Ok(theirs);
    }
    let is_file = |side: Side| side.is_some_and(|entry| entry.mode != Mode::Tree);
    // A folder that somebody removed is one without files: what the other side left as it was goes, the rest is told.
    if [base, ours, theirs].into_iter().any(is_file) || ours.is_none() && theirs.is_none() {
        conflicts.insert(path.to_owned());
        return Ok(ours);
    }
    let entries = |side: Side| match side {
        Some(Entry { id, .. }) => objects.tree(id).map(|tree| tree.entries),
        None => Ok(BTreeMap::new()),
    };
    let (base, ours, theirs) = (entries(base)?, entries(ours)?, entries(theirs)?);
    let names: BTreeSet<&String> = base.keys().chain(ours.keys()).chain(theirs.keys()).collect();
    let mut merged = Tree::default();
    for name in names {
        let below = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
        let sides = [&base, &ours, &theirs].map(|side| side.get(name).copied());
        if let Some(entry) = merge(objects, &below, sides, conflicts)? {
            merged.entries.insert(name.clone(), entry);
        }
    }
    if merged.entries.is_empty() {
        return Ok(None);
    }
    let id = objects.write(Kind::Tree, &merged.to_raw())?;
    Ok(Some(Entry { mode: Mode::Tree, id }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{Edit, MemoryObjects, edit_tree, files_below};

    fn tree(objects: &MemoryObjects, files: &[(&str, &str)]) -> Oid {
        let put = |(path, text): &(&str, &str)| {
            let id = objects.write(Kind::Blob, text.as_bytes()).unwrap();
            ((*path).to_owned(), Edit::Put(Entry { mode: Mode::File, id }))
        };
        edit_tree(objects, None, &files.iter().map(put).collect()).unwrap()
    }

    /// The files of the merge as `path=content`, then the conflicts.
    fn merged(base: &[(&str, &str)], ours: &[(&str, &str)], theirs: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let objects = MemoryObjects::default();
        let [base, ours, theirs] = [base, ours, theirs].map(|files| tree(&objects, files));
        let found = merge_trees(&objects, base, ours, theirs).unwrap();
        let text = |entry: Entry| String::from_utf8_lossy(&objects.blob(entry.id).unwrap()).into_owned();
        let files = files_below(&objects, found.tree).unwrap();
        let files = files.into_iter().map(|(path, entry)| format!("{path}={}", text(entry))).collect();
        (files, found.conflicts.into_iter().collect())
    }

    #[test]
    fn each_file_is_taken_from_the_side_that_changed_it() {
        let base = [("a/x", "1"), ("a/y", "1"), ("b", "1"), ("gone", "1")];
        let ours = [("a/x", "2"), ("a/y", "1"), ("b", "1"), ("new/ours", "1")];
        let theirs = [("a/x", "1"), ("a/y", "2"), ("b", "1"), ("gone", "1"), ("new/theirs", "1")];
        let (files, conflicts) = merged(&base, &ours, &theirs);
        assert_eq!(files, ["a/x=2", "a/y=2", "b=1", "new/ours=1", "new/theirs=1"]);
        assert!(conflicts.is_empty(), "{conflicts:?}");
    }

    #[test]
    fn what_both_changed_in_their_own_way_is_a_conflict() {
        let (files, conflicts) =
            merged(&[("a", "1"), ("b", "1")], &[("a", "2"), ("b", "2")], &[("a", "3"), ("b", "2")]);
        assert_eq!((files, conflicts), (vec!["a=2".to_owned(), "b=2".to_owned()], vec!["a".to_owned()]));
        // Removed here and changed there; a file here and a folder there; the same name added twice.
        for (base, ours, theirs, path) in [
            (&[("d/a", "1"), ("z", "1")][..], &[("z", "1")][..], &[("d/a", "2"), ("z", "1")][..], "d/a"),
            (&[("d/a", "1")][..], &[("d/a", "2")][..], &[("z", "1")][..], "d/a"),
            (&[("d", "1")][..], &[("d", "2")][..], &[("d/a", "1")][..], "d"),
            (&[("z", "1")][..], &[("z", "1"), ("n", "1")][..], &[("z", "1"), ("n", "2")][..], "n"),
        ] {
            assert_eq!(merged(base, ours, theirs).1, [path], "{base:?} {ours:?} {theirs:?}");
        }
    }

    #[test]
    fn a_removed_folder_goes_with_what_the_other_side_left_alone() {
        let (files, conflicts) = merged(&[("d/a", "1"), ("d/b", "1")], &[("d/a", "1"), ("d/c", "1")], &[("z", "1")]);
        assert_eq!((files, conflicts), (vec!["d/c=1".to_owned(), "z=1".to_owned()], vec![]));
        let (files, conflicts) = merged(&[("d/a", "1")], &[], &[]);
        assert!(files.is_empty() && conflicts.is_empty());
    }
}
