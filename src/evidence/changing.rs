//! The commits that change something, found without asking the same again.
//!
//! Between one plan of an environment and its next the config branch goes on, and most of what came is about others. So
//! what was found up to one commit is gone on from, and which entries of a folder a commit changed is found once for all
//! that are in it.

use std::cell::RefCell;
use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::ops;
use std::sync::Arc;

use super::contributors::Range;
use super::graph::{Along, Graph, Node};
use super::merged::is_merged_unchanged;
use crate::digest::Digest;
use crate::object::kept::{ENTRY, Kept};
use crate::object::{Entry, Mode, ObjectError, Objects, Oid, differing, entry_at};

/// How many bytes are kept of each.
const KEPT: usize = 8 << 20;

/// A commit of the branch that touches more entries of a folder is not told by their names.
const MANY: usize = 256;

/// Digests of names, in order.
type Names = Arc<[u64]>;

/// What was found of a store's commits.
#[derive(Debug)]
pub(super) struct Memory {
    /// By folders and beginning: the commits at the end, and those up to them that change one of the folders.
    walked: RefCell<Kept<Digest, Walked>>,
    /// By commit and folder: which entries of the folder are not in every parent what they are in the commit. The folder
    /// by its number in `folders`, the names by a digest of this process.
    touched: RefCell<Kept<(Oid, u32), Names>>,
    folders: RefCell<HashMap<String, u32>>,
    names: RandomState,
}

#[derive(Debug, Clone)]
struct Walked {
    to: Vec<Oid>,
    found: Arc<[Oid]>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            walked: RefCell::new(Kept::new(KEPT)),
            touched: RefCell::new(Kept::new(KEPT)),
            folders: RefCell::default(),
            names: RandomState::new(),
        }
    }
}

/// The commits of a range that change one of its folders, parents before children: in ascending order of generation, then
/// of id.
///
/// # Errors
/// Where a commit or a tree cannot be read.
pub(super) fn changing(graph: &Graph<'_>, objects: &dyn Objects, range: &Range) -> Result<Arc<[Oid]>, ObjectError> {
    let Range { folders, from, to } = range;
    let memory = graph.changing();
    let key = key_of(range);
    let before = memory.walked.borrow_mut().get(&key);
    let before = match before {
        Some(walked) if walked.to == *to => return Ok(walked.found),
        Some(walked) if goes_on(graph, &walked.to, to)? => Some(walked),
        _ => None,
    };
    // Whatever the ends before reach, these reach too, and it was looked at then.
    let seen = before.as_ref().map(|walked| walked.to.as_slice()).unwrap_or_default();
    let not: Vec<Oid> = from.iter().chain(seen).copied().collect();
    let mut found = before.as_ref().map(|walked| walked.found.to_vec()).unwrap_or_default();
    let inputs = Inputs { graph, objects, folders };
    let Along { piece, rest, not } = graph.along(to, &not);
    found.extend(inputs.changed_in(piece)?);
    for id in graph.walk(&rest, &not)? {
        if inputs.are_changed_by(id)? {
            found.push(id);
        }
    }
    let found: Arc<[Oid]> = graph.in_order(found)?.into();
    let size = ENTRY + size_of::<Oid>() * (to.len() + found.len());
    memory.walked.borrow_mut().put(key, Walked { to: to.clone(), found: Arc::clone(&found) }, size);
    Ok(found)
}

/// Ranges of as many ends that have folders and beginning in common go on from each other.
fn key_of(Range { folders, from, to }: &Range) -> Digest {
    let mut bytes = format!("{} {} ", to.len(), from.len()).into_bytes();
    from.iter().for_each(|from| bytes.extend_from_slice(from.as_bytes()));
    for folder in folders {
        bytes.extend_from_slice(folder.as_bytes());
        bytes.push(0);
    }
    Digest::of(&bytes)
}

/// Whether each of these commits is reached by one of those.
fn goes_on(graph: &Graph<'_>, before: &[Oid], now: &[Oid]) -> Result<bool, ObjectError> {
    for old in before {
        let mut is_reached = false;
        for new in now {
            is_reached = is_reached || graph.is_ancestor(*old, *new)?;
        }
        if !is_reached {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Folders and files of which it is asked which commits change them.
struct Inputs<'a> {
    graph: &'a Graph<'a>,
    objects: &'a dyn Objects,
    folders: &'a [String],
}

impl Inputs<'_> {
    fn are_changed_by(&self, id: Oid) -> Result<bool, ObjectError> {
        let node = self.graph.node(id)?;
        for folder in self.folders {
            if self.may_touch(id, &node, folder)? && self.is_changed(&node, folder)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The commits of a piece of the branch that change one of the folders, in no order.
    fn changed_in(&self, piece: ops::Range<usize>) -> Result<HashSet<Oid>, ObjectError> {
        let mut found = HashSet::new();
        for path in self.folders.iter().filter(|_| !piece.is_empty()) {
            for id in self.may_change(path, &piece)? {
                if found.contains(&id) {
                    continue;
                }
                let node = self.graph.node(id)?;
                if self.may_touch(id, &node, path)? && self.is_changed(&node, path)? {
                    found.insert(id);
                }
            }
        }
        Ok(found)
    }

    /// The commits of a piece of the branch but for those that surely touch nothing at this path.
    fn may_change(&self, path: &str, piece: &ops::Range<usize>) -> Result<Vec<Oid>, ObjectError> {
        let branch = self.graph.branch();
        let Some((folder, name)) = folder_and_name(path) else {
            return Ok(branch.borrow().commits(piece.clone()).to_vec());
        };
        let memory = self.graph.changing();
        let number = memory.number_of(folder);
        let unknown = branch.borrow().to_look_at(number, piece);
        for piece in unknown {
            let commits = branch.borrow().commits(piece.clone()).to_vec();
            let touched = commits.into_iter().map(|id| self.touched_by_name(id, folder));
            let touched = touched.collect::<Result<Vec<_>, _>>()?;
            branch.borrow_mut().note(number, piece, touched);
        }
        Ok(branch.borrow().touching(number, memory.names.hash_one(name), piece))
    }

    /// The entries of a folder that a commit touches; `None`: all of them, or too many to be told.
    fn touched_by_name(&self, id: Oid, folder: &str) -> Result<Option<Names>, ObjectError> {
        let node = self.graph.node(id)?;
        if node.parents.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.touched(id, &node, folder)?).filter(|names| names.len() <= MANY))
    }

    fn is_changed(&self, node: &Node, folder: &str) -> Result<bool, ObjectError> {
        let here = entry_at(self.objects, node.tree, folder)?;
        let mut there = Vec::with_capacity(node.parents.len());
        for parent in &node.parents {
            there.push(entry_at(self.objects, self.graph.node(*parent)?.tree, folder)?);
        }
        Ok(match there.as_slice() {
            [] => here.is_some(),
            [parent] => here != *parent,
            _ => !is_merged_unchanged(self.graph, self.objects, &node.parents, folder, here, &there)?,
        })
    }

    /// False where a commit has parents, and in each of them this path is what it is in the commit.
    fn may_touch(&self, id: Oid, node: &Node, path: &str) -> Result<bool, ObjectError> {
        let Some((folder, name)) = folder_and_name(path).filter(|_| !node.parents.is_empty()) else { return Ok(true) };
        let touched = self.touched(id, node, folder)?;
        Ok(touched.binary_search(&self.graph.changing().names.hash_one(name)).is_ok())
    }

    /// The entries of a folder that are not in every parent what they are in the commit.
    fn touched(&self, id: Oid, node: &Node, folder: &str) -> Result<Names, ObjectError> {
        let memory = self.graph.changing();
        let number = memory.number_of(folder);
        let known = memory.touched.borrow_mut().get(&(id, number));
        if let Some(touched) = known {
            return Ok(touched);
        }
        let entries = |tree: Oid| -> Result<Option<Oid>, ObjectError> {
            let is_folder = |entry: &Entry| entry.mode == Mode::Tree;
            Ok(entry_at(self.objects, tree, folder)?.filter(is_folder).map(|entry| entry.id))
        };
        let here = entries(node.tree)?;
        let mut touched = Vec::new();
        for parent in &node.parents {
            let there = entries(self.graph.node(*parent)?.tree)?;
            let names = differing(self.objects, there, here)?.into_keys();
            touched.extend(names.map(|name| self.graph.changing().names.hash_one(name.as_str())));
        }
        touched.sort_unstable();
        touched.dedup();
        let touched: Names = touched.into();
        let size = ENTRY + size_of_val(&*touched);
        memory.touched.borrow_mut().put((id, number), Arc::clone(&touched), size);
        Ok(touched)
    }
}

/// The folder that a path is in, and its name there; `None` for the root.
fn folder_and_name(path: &str) -> Option<(&str, &str)> {
    let path = path.trim_matches('/');
    (!path.is_empty()).then(|| path.rsplit_once('/').unwrap_or(("", path)))
}

impl Memory {
    /// Gives back what can be found again.
    pub(super) fn rest(&self) {
        self.walked.borrow_mut().clear();
        self.touched.borrow_mut().clear();
    }

    fn number_of(&self, folder: &str) -> u32 {
        if let Some(number) = self.folders.borrow().get(folder) {
            return *number;
        }
        let mut folders = self.folders.borrow_mut();
        let number = u32::try_from(folders.len()).unwrap_or(u32::MAX);
        folders.insert(folder.to_owned(), number);
        number
    }
}

#[cfg(test)]
mod tests;
