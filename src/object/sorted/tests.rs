use proptest::prelude::*;

use super::*;
use crate::object::{Edit, MemoryObjects, RAW_NAME, TreeChange, changed_paths, edit_tree, edited_paths, entry_at};

const MODES: [&str; 6] = ["40000", "100644", "100664", "100755", "120000", "160000"];

/// Few names, many of which begin with each other, so that files and folders of one name meet.
fn any_name() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(b"ab.-0\xff".to_vec()), 1..4)
        .prop_filter("no file name", |name| !matches!(name.as_slice(), b"." | b".."))
}

/// Mode, name, and which of a few objects.
type Row = (&'static str, Vec<u8>, u8);

fn any_rows() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec((prop::sample::select(&MODES[..]), any_name(), 0..3_u8), 0..12)
}

fn raw(rows: &[Row]) -> Vec<u8> {
    let mut raw = Vec::new();
    for (mode, name, id) in rows {
        raw.extend_from_slice(mode.as_bytes());
        raw.push(b' ');
        raw.extend_from_slice(name);
        raw.push(0);
        raw.extend_from_slice(&[*id; 20]);
    }
    raw
}

/// As git writes it, and without names that are there twice.
fn in_order(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by(|a, b| a.1.cmp(&b.1));
    rows.dedup_by(|a, b| a.1 == b.1);
    rows.sort_by(|a, b| order((&a.1, a.0 == MODES[0]), (&b.1, b.0 == MODES[0])));
    rows
}

fn by_parsing(old: &[u8], new: &[u8]) -> Result<BTreeMap<String, Difference>, ObjectError> {
    let parse = |raw: &[u8]| Tree::parse(Oid::of(Kind::Tree, raw), raw).map(|tree| tree.entries);
    let (olds, news) = (parse(old)?, parse(new)?);
    let names = olds.keys().chain(news.keys()).cloned();
    let all = names.map(|name| (name.clone(), (olds.get(&name).copied(), news.get(&name).copied())));
    Ok(all.filter(|(_, (old, new))| old != new).collect())
}

fn compared(old: &[u8], new: &[u8]) -> Result<BTreeMap<String, Difference>, ObjectError> {
    let objects = MemoryObjects::default();
    let write = |raw: &[u8]| objects.write(Kind::Tree, raw).expect("written");
    differing(&objects, Some(write(old)), Some(write(new)))
}

proptest! {
    #[test]
    fn what_differs_is_what_differs_taken_apart(old in any_rows(), new in any_rows(), both in any_rows()) {
        let with = |rows: &[Row]| in_order(rows.iter().chain(&both).cloned().collect());
        let (old_in_order, new_in_order) = (raw(&with(&old)), raw(&with(&new)));
        prop_assert!(Sorted::of(Oid::of(Kind::Tree, &old_in_order), &old_in_order).unwrap().is_some());
        prop_assert_eq!(compared(&old_in_order, &new_in_order), by_parsing(&old_in_order, &new_in_order));
        // As anybody can push them: in any order, and with names that are there twice.
        let (old, new) = (raw(&old), raw(&new));
        let (found, parsed) = (compared(&old, &new), by_parsing(&old, &new));
        prop_assert_eq!(found.is_ok(), parsed.is_ok() || old == new);
        prop_assert!(found.is_err() || old == new || found == parsed);
    }

    #[test]
    fn an_entry_is_found_where_it_is(rows in any_rows(), name in any_name()) {
        let bytes = raw(&in_order(rows));
        let id = Oid::of(Kind::Tree, &bytes);
        let (tree, sorted) = (Tree::parse(id, &bytes).unwrap(), Sorted::of(id, &bytes).unwrap().unwrap());
        prop_assert_eq!(sorted.find(id, &name).unwrap(), tree.entries.get(&name_of(&name)).copied());
        for (name, entry) in tree.entries.iter().filter(|(name, _)| !name.starts_with(RAW_NAME)) {
            prop_assert_eq!(sorted.find(id, name.as_bytes()).unwrap(), Some(*entry));
        }
    }
}

/// A tree with these rows, each folder of which is one of those below.
fn above(objects: &MemoryObjects, rows: &[Row], below: &[Oid; 3]) -> Oid {
    let mut bytes = Vec::new();
    for (mode, name, id) in rows {
        let one = raw(&[(mode, name.clone(), *id)]);
        let (entry, its_id) = one.split_at(one.len() - 20);
        bytes.extend_from_slice(entry);
        bytes.extend_from_slice(if *mode == MODES[0] { below[usize::from(*id)].as_bytes() } else { its_id });
    }
    objects.write(Kind::Tree, &bytes).expect("written")
}

fn edits(changes: Vec<TreeChange>) -> BTreeMap<String, Edit> {
    changes.into_iter().map(|change| (change.path, change.new.map_or(Edit::Remove, Edit::Put))).collect()
}

proptest! {
    #[test]
    fn what_is_an_edit_is_what_editing_gives(
        below in prop::collection::vec((any_rows(), any::<bool>()), 3),
        old in any_rows(), new in any_rows(), both in any_rows(), sorted in any::<(bool, bool)>(),
    ) {
        let objects = MemoryObjects::default();
        let written = |(rows, sorted): (Vec<Row>, bool)| {
            let files: Vec<Row> = rows.into_iter().filter(|(mode, ..)| *mode != MODES[0]).collect();
            let bytes = raw(&if sorted { in_order(files) } else { files });
            objects.write(Kind::Tree, &bytes).expect("written")
        };
        let below: Vec<Oid> = below.into_iter().map(written).collect();
        let below = [below[0], below[1], below[2]];
        let top = |rows: &[Row], sorted| {
            let rows: Vec<Row> = rows.iter().chain(&both).cloned().collect();
            above(&objects, &if sorted { in_order(rows) } else { rows }, &below)
        };
        let (old, new) = (top(&old, sorted.0), top(&new, sorted.1));
        if let Ok((changes, true)) = edited_paths(&objects, Some(old), new) && old != new {
            prop_assert_eq!(edit_tree(&objects, Some(old), &edits(changes)), Ok(new));
        }
    }

    #[test]
    fn an_edit_that_takes_no_folder_away_is_one(old in any_rows(), new in any_rows(), folder in any_name()) {
        let objects = MemoryObjects::default();
        let files = |rows: Vec<Row>| in_order(rows.into_iter().filter(|(mode, ..)| *mode != MODES[0]).collect());
        let old = objects.write(Kind::Tree, &raw(&files(old))).unwrap();
        let put: BTreeMap<String, Edit> = Tree::parse(old, &raw(&files(new))).unwrap().entries.into_iter()
            .flat_map(|(name, entry)| [(format!("{}/{name}", name_of(&folder)), Edit::Put(entry)), (name, Edit::Put(entry))])
            .filter(|(name, _)| *name != name_of(&folder))
            .collect();
        let new = edit_tree(&objects, Some(old), &put).unwrap();
        let (_, is_edit) = edited_paths(&objects, Some(old), new).unwrap();
        prop_assert!(is_edit || new == Oid::of(Kind::Tree, b""));
    }
}

/// An empty folder, or another way of writing a mode, is named by no path.
#[test]
fn what_no_path_names_is_no_edit() {
    let objects = MemoryObjects::default();
    let none = objects.write(Kind::Tree, b"").unwrap();
    let file = ("100644", b"a".to_vec(), 1);
    let old = objects.write(Kind::Tree, &raw(std::slice::from_ref(&file))).unwrap();
    let others =
        [vec![("100664", b"a".to_vec(), 1)], vec![file.clone(), ("40000", b"b".to_vec(), 0)], vec![file.clone(), file]];
    for rows in others {
        let new = above(&objects, &rows, &[none; 3]);
        assert!(!matches!(edited_paths(&objects, Some(old), new), Ok((_, true))), "{rows:?}");
    }
}

/// `n` folders with a file each, and a file at the top.
fn wide(objects: &MemoryObjects, n: usize, changed: &[usize]) -> Oid {
    let mut top = Tree::default();
    for at in 0..n {
        let id = Oid::of(Kind::Blob, if changed.contains(&at) { b"new" } else { b"old" });
        let file = Tree { entries: BTreeMap::from([("file".to_owned(), Entry { mode: Mode::File, id })]) };
        let id = objects.write(Kind::Tree, &file.to_raw()).unwrap();
        top.entries.insert(format!("env-{at:04}"), Entry { mode: Mode::Tree, id });
    }
    objects.write(Kind::Tree, &top.to_raw()).unwrap()
}

#[test]
fn a_wide_tree_is_remembered_and_found_in_as_any_other() {
    let objects = MemoryObjects::default();
    let (old, new) = (wide(&objects, 1000, &[]), wide(&objects, 1000, &[7, 999]));
    assert!(objects.read(Kind::Tree, old).unwrap().len() > WIDE);
    for _ in 0..2 {
        let names: Vec<String> = differing(&objects, Some(old), Some(new)).unwrap().into_keys().collect();
        assert_eq!(names, ["env-0007", "env-0999"]);
        assert!(entry_at(&objects, new, "env-0999/file").unwrap().is_some());
        assert_eq!(entry_at(&objects, new, "env-1000").unwrap(), None);
        let paths = changed_paths(&objects, Some(old), Some(new), "").unwrap();
        assert_eq!(edited_paths(&objects, Some(old), new), Ok((paths.clone(), true)));
        assert_eq!(paths.iter().map(|one| one.path.as_str()).collect::<Vec<_>>(), ["env-0007/file", "env-0999/file"]);
    }
}

#[test]
fn what_differs_at_some_paths_is_looked_for_only_there() {
    let objects = MemoryObjects::default();
    let (old, new) = (wide(&objects, 20, &[]), wide(&objects, 20, &[3, 4, 5]));
    let folder = |id| Some(Entry { mode: Mode::Tree, id });
    let paths = ["", "env-0003", "env-0003/file", "env-0003/file/below", "env-0004", "env-0019", "missing/path"];
    let paths: BTreeMap<String, ()> = paths.iter().map(|path| ((*path).to_owned(), ())).collect();
    let found = differing_at(&objects, folder(old), folder(new), &paths).unwrap();
    assert_eq!(
        found.iter().map(|(path, ())| path.as_str()).collect::<Vec<_>>(),
        ["", "env-0003", "env-0003/file", "env-0004"]
    );
    // Against asking at each path alone.
    for path in paths.keys() {
        let differs = entry_at(&objects, old, path).unwrap() != entry_at(&objects, new, path).unwrap();
        assert_eq!(found.iter().any(|(other, ())| *other == path), differs, "{path}");
    }
    assert!(differing_at(&objects, folder(old), folder(old), &paths).unwrap().is_empty());
    let gone = differing_at(&objects, folder(old), None, &paths).unwrap();
    assert_eq!(gone.len(), 5);
}
