//! Whether a merge only merged: each path has the content of the side that changed it.

use std::collections::{BTreeSet, HashMap};

use super::graph::Graph;
use crate::object::{Entry, Mode, ObjectError, Objects, Oid, entry_at};

/// Up to so many ancestors are looked at one by one instead of finding out which of them is a merge base.
const FEW: usize = 4;

/// Whether a merge took every path at and below `path` as it is on a side that changed it since every merge base, or as
/// it is on all sides. `here` is what the merge has at `path`, `there` what each parent has.
///
/// With more than two parents, every other side that has something else must not have touched it since it parted from
/// the side that was taken. Parents without a common ancestor are compared with nothing.
///
/// # Errors
/// Where a commit or tree cannot be read.
pub(super) fn is_merged_unchanged(
    graph: &Graph<'_>,
    objects: &dyn Objects,
    parents: &[Oid],
    path: &str,
    here: Option<Entry>,
    there: &[Option<Entry>],
) -> Result<bool, ObjectError> {
    let mut sides = Sides { graph, objects, parents, bases: HashMap::new() };
    let mut open = vec![(path.trim_matches('/').to_owned(), here, there.to_vec())];
    while let Some((path, here, there)) = open.pop() {
        // Whole folders first: what holds for a folder's id holds for everything in it.
        if sides.explain(&path, here, &there, |entry| entry)? {
            continue;
        }
        let file = |entry: Option<Entry>| entry.filter(|entry| entry.mode != Mode::Tree);
        if !sides.explain(&path, file(here), &there.iter().map(|entry| file(*entry)).collect::<Vec<_>>(), file)? {
            return Ok(false);
        }
        let folder = |entry: &Option<Entry>| match entry {
            Some(Entry { mode: Mode::Tree, id }) => objects.tree(*id).map(|tree| tree.entries),
            _ => Ok(Default::default()),
        };
        let mine = folder(&here)?;
        let theirs = there.iter().map(folder).collect::<Result<Vec<_>, _>>()?;
        let names: BTreeSet<&String> = mine.keys().chain(theirs.iter().flat_map(|entries| entries.keys())).collect();
        for name in names {
            let below = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            let at = theirs.iter().map(|entries| entries.get(name).copied()).collect();
            open.push((below, mine.get(name).copied(), at));
        }
    }
    Ok(true)
}

struct Sides<'a> {
    graph: &'a Graph<'a>,
    objects: &'a dyn Objects,
    parents: &'a [Oid],
    /// The trees of the merge bases of two parents.
    bases: HashMap<(usize, usize), Vec<Oid>>,
}

impl Sides<'_> {
    /// Whether `here` is what some parent has, while every parent that has something else never changed it.
    fn explain(
        &mut self,
        path: &str,
        here: Option<Entry>,
        there: &[Option<Entry>],
        view: impl Fn(Option<Entry>) -> Option<Entry> + Copy,
    ) -> Result<bool, ObjectError> {
        'taken: for taken in (0..there.len()).filter(|side| there[*side] == here) {
            for other in (0..there.len()).filter(|side| there[*side] != here) {
                if !self.is_untouched(path, taken, other, there[other], view)? {
                    continue 'taken;
                }
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// Whether a parent has at a path what every merge base with another parent has there.
    fn is_untouched(
        &mut self,
        path: &str,
        taken: usize,
        other: usize,
        entry: Option<Entry>,
        view: impl Fn(Option<Entry>) -> Option<Entry> + Copy,
    ) -> Result<bool, ObjectError> {
        let objects = self.objects;
        let has_it = |tree: &Oid| entry_at(objects, *tree, path).map(|found| view(found) == entry);
        if let Some(trees) = self.few_candidates(taken, other)?
            && trees.iter().map(has_it).collect::<Result<Vec<_>, _>>()?.into_iter().all(|same| same)
        {
            return Ok(true);
        }
        let bases = self.bases(taken, other)?;
        if bases.is_empty() {
            return Ok(entry.is_none());
        }
        Ok(bases.iter().map(has_it).collect::<Result<Vec<_>, _>>()?.into_iter().all(|same| same))
    }

    /// The trees of all commits among which the merge bases must be, where these are few: a ready-made commit has one
    /// ancestor, and finding the merge base by walking would cost the whole history each time.
    fn few_candidates(&self, taken: usize, other: usize) -> Result<Option<Vec<Oid>>, ObjectError> {
        let (taken, other) = (self.parents[taken], self.parents[other]);
        if self.graph.root_of(taken)? != self.graph.root_of(other)? {
            return Ok(None);
        }
        let few = self.graph.few_ancestors(other, FEW)?;
        Ok(few.map(|nodes| nodes.iter().map(|node| node.tree).collect()))
    }

    fn bases(&mut self, taken: usize, other: usize) -> Result<Vec<Oid>, ObjectError> {
        let pair = (taken.min(other), taken.max(other));
        if let Some(trees) = self.bases.get(&pair) {
            return Ok(trees.clone());
        }
        let mut trees = Vec::new();
        for base in self.graph.merge_bases(self.parents[taken], self.parents[other])? {
            trees.push(self.graph.node(base)?.tree);
        }
        self.bases.insert(pair, trees.clone());
        Ok(trees)
    }
}
