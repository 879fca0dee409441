//! A tree with some paths changed.

use std::collections::BTreeMap;

use super::{Entry, Kind, Mode, ObjectError, Objects, Oid, Tree};

/// What to do at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    /// Put this entry there, replacing what is there.
    Put(Entry),
    /// Take away what is there, a folder with all below it.
    Remove,
}

/// The tree with these edits applied; folders left empty disappear. `None` is the empty tree.
///
/// # Errors
/// Where a tree cannot be read or written.
pub fn edit_tree(
    objects: &(impl Objects + ?Sized),
    tree: Option<Oid>,
    edits: &BTreeMap<String, Edit>,
) -> Result<Oid, ObjectError> {
    match edit_below(objects, tree, edits.iter().map(|(path, edit)| (path.as_str(), *edit)).collect())? {
        Some(id) => Ok(id),
        None => objects.write(Kind::Tree, &Tree::default().to_raw()),
    }
}

fn edit_below(
    objects: &(impl Objects + ?Sized),
    tree: Option<Oid>,
    edits: Vec<(&str, Edit)>,
) -> Result<Option<Oid>, ObjectError> {
    let mut here = match tree {
        Some(id) => objects.tree(id)?,
        None => Tree::default(),
    };
    let mut below: BTreeMap<&str, Vec<(&str, Edit)>> = BTreeMap::new();
    for (path, edit) in edits {
        match (path.split_once('/'), edit) {
            (Some((folder, rest)), _) => below.entry(folder).or_default().push((rest, edit)),
            (None, Edit::Put(entry)) => {
                here.entries.insert(path.to_owned(), entry);
            }
            (None, Edit::Remove) => {
                here.entries.remove(path);
            }
        }
    }
    for (name, edits) in below {
        let old = here.entries.get(name).filter(|entry| entry.mode == Mode::Tree).map(|entry| entry.id);
        match edit_below(objects, old, edits)? {
            Some(id) => here.entries.insert(name.to_owned(), Entry { mode: Mode::Tree, id }),
            None => here.entries.remove(name),
        };
    }
    if here.entries.is_empty() { Ok(None) } else { objects.write(Kind::Tree, &here.to_raw()).map(Some) }
}
