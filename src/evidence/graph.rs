//! The commits' graph: what is reachable from where, by content alone. Dates are never looked at.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use super::branch::Branch;
use super::changing;
use crate::object::{ObjectError, Objects, Oid};

/// What is remembered of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its tree.
    pub tree: Oid,
    /// Its parents, in order.
    pub parents: Vec<Oid>,
    /// 1 for a commit without parents, else 1 + the highest of its parents: always above that of any ancestor.
    pub generation: u64,
    /// The commit without parents that is reached by first parents.
    pub root: Oid,
}

/// A view of the commits in a store that reads each of them once.
///
/// # Caveats
/// The first question about a commit reads all its history, to number the generations; later ones read only what is
/// new, and [`Graph::range`] walks only what it returns and what lies beside it. So keep a graph for as long as its
/// store.
pub struct Graph<'a> {
    objects: &'a dyn Objects,
    memory: Known<'a>,
}

/// What was read of the commits of a store, for a graph that is made again over the same store.
#[derive(Debug, Default)]
pub struct Memory {
    nodes: RefCell<HashMap<Oid, Arc<Node>>>,
    children: RefCell<HashMap<Oid, Vec<Oid>>>,
    branch: RefCell<Branch>,
    changing: changing::Memory,
}

/// The commits reachable from some and not from others: a piece of the branch, and what has to be walked to.
pub(super) struct Along {
    /// Commits of the branch, by their places.
    pub piece: Range<usize>,
    /// Beside them, the commits reachable from these
    pub rest: Vec<Oid>,
    /// and not from those.
    pub not: Vec<Oid>,
}

impl Memory {
    /// Gives back what is only kept to be faster, and is more than the commits' places.
    pub fn rest(&self) {
        self.changing.rest();
    }
}

enum Known<'a> {
    Own(Box<Memory>),
    Shared(&'a Memory),
}

impl<'a> Graph<'a> {
    /// A view of this store.
    pub fn new(objects: &'a dyn Objects) -> Self {
        Self { objects, memory: Known::Own(Box::default()) }
    }

    /// A view of this store that goes on from what was read of it before.
    pub fn remembering(objects: &'a dyn Objects, memory: &'a Memory) -> Self {
        Self { objects, memory: Known::Shared(memory) }
    }

    fn memory(&self) -> &Memory {
        match &self.memory {
            Known::Own(memory) => memory,
            Known::Shared(memory) => memory,
        }
    }

    /// Goes on to the tip of the branch that most questions are about: those along its line of first parents are answered
    /// without walking. Whether there is one, and which, changes no answer.
    ///
    /// # Errors
    /// As [`Graph::node`].
    pub fn follow(&self, tip: Oid) -> Result<(), ObjectError> {
        self.memory().branch.borrow_mut().follow(self, tip)
    }

    pub(super) fn branch(&self) -> &RefCell<Branch> {
        &self.memory().branch
    }

    /// How much of the commits reachable from `tips` and not from `not` is a piece of the branch: nothing where no tip is on
    /// its line, or something beside it is not to be reached.
    pub(super) fn along(&self, tips: &[Oid], not: &[Oid]) -> Along {
        let branch = self.branch().borrow();
        let last = tips.iter().filter_map(|tip| Some((branch.reach(*tip)?, *tip))).max();
        let start = not.iter().map(|id| branch.reach(*id)).try_fold(0, |most, reach| Some(most.max(reach?)));
        let (Some((end, last)), Some(start)) = (last, start) else {
            return Along { piece: 0..0, rest: tips.to_vec(), not: not.to_vec() };
        };
        let rest = tips.iter().copied().filter(|tip| branch.reach(*tip).is_none()).collect();
        Along { piece: start.min(end)..end, rest, not: not.iter().copied().chain([last]).collect() }
    }

    /// What was found of the commits that change something.
    pub(super) fn changing(&self) -> &changing::Memory {
        &self.memory().changing
    }

    /// A commit's place in the graph.
    ///
    /// # Errors
    /// [`ObjectError::Missing`] names the commit where history is cut off (a shallow clone).
    pub fn node(&self, id: Oid) -> Result<Arc<Node>, ObjectError> {
        let mut read: HashMap<Oid, (Oid, Vec<Oid>)> = HashMap::new();
        // A stack of our own: histories are deeper than the program's stack.
        let mut open = vec![id];
        while let Some(&top) = open.last() {
            if self.known(top).is_some() {
                open.pop();
                continue;
            }
            let (tree, parents) = match read.remove(&top) {
                Some(known) => known,
                None => self.objects.commit(top).map(|commit| (commit.tree, commit.parents))?,
            };
            if let Some(&unknown) = parents.iter().find(|parent| self.known(**parent).is_none()) {
                read.insert(top, (tree, parents));
                open.push(unknown);
                continue;
            }
            let known: Vec<Arc<Node>> = parents.iter().filter_map(|parent| self.known(*parent)).collect();
            let generation = 1 + known.iter().map(|parent| parent.generation).max().unwrap_or(0);
            let root = known.first().map_or(top, |parent| parent.root);
            for parent in &parents {
                self.memory().children.borrow_mut().entry(*parent).or_default().push(top);
            }
            self.memory().nodes.borrow_mut().insert(top, Arc::new(Node { tree, parents, generation, root }));
            open.pop();
        }
        self.known(id).ok_or(ObjectError::Store("a commit was read and is not there".to_owned()))
    }

    fn known(&self, id: Oid) -> Option<Arc<Node>> {
        self.memory().nodes.borrow().get(&id).cloned()
    }

    /// The first commit, following first parents.
    ///
    /// # Errors
    /// As [`Graph::node`].
    pub fn root_of(&self, tip: Oid) -> Result<Oid, ObjectError> {
        Ok(self.node(tip)?.root)
    }

    /// Whether `descendant` reaches `ancestor`; every commit reaches itself.
    ///
    /// # Errors
    /// As [`Graph::node`].
    pub fn is_ancestor(&self, ancestor: Oid, descendant: Oid) -> Result<bool, ObjectError> {
        let on_line = |id: Oid| self.branch().borrow().reach(id);
        if let (Some(ancestor), Some(descendant)) = (on_line(ancestor), on_line(descendant)) {
            return Ok(ancestor <= descendant);
        }
        let lowest = self.node(ancestor)?.generation;
        let mut seen = HashSet::new();
        let mut open = vec![descendant];
        while let Some(id) = open.pop() {
            if id == ancestor {
                return Ok(true);
            }
            let node = self.node(id)?;
            if node.root == ancestor {
                return Ok(true);
            }
            if node.generation > lowest && seen.insert(id) {
                open.extend(&node.parents);
            }
        }
        Ok(false)
    }

    /// The commits reachable from `tips` and not from `not`, parents before children: in ascending order of generation,
    /// then of id.
    ///
    /// # Errors
    /// As [`Graph::node`].
    pub fn range(&self, tips: &[Oid], not: &[Oid]) -> Result<Vec<Oid>, ObjectError> {
        let Along { piece, rest, not } = self.along(tips, not);
        let mut found = self.walk(&rest, &not)?;
        found.extend(self.branch().borrow().commits(piece));
        self.in_order(found)
    }

    /// The commits reachable from `tips` and not from `not`, found by walking.
    pub(super) fn walk(&self, tips: &[Oid], not: &[Oid]) -> Result<HashSet<Oid>, ObjectError> {
        let mut excluded = Front::default();
        let mut wanted = Front::default();
        for id in not {
            let node = self.node(*id)?;
            excluded.push(*id, node.generation);
            // The end of the first-parent line is known without walking there.
            excluded.push(node.root, 1);
        }
        let highest = excluded.peek().map_or(0, |(generation, _)| generation);
        for id in tips {
            wanted.push(*id, self.node(*id)?.generation);
        }
        let mut found: HashSet<Oid> = HashSet::new();
        let mut stuck = None;
        // Invariant: whatever of `not`'s ancestors has a generation above the highest in `excluded` has been there.
        while let Some((generation, id)) = wanted.peek() {
            if excluded.seen.contains(&id) {
                wanted.pop();
                continue;
            }
            let settled = excluded.peek().is_none_or(|(next, _)| next <= generation)
                || stuck != Some((id, found.len())) && self.only_wanted_leads_to(id, &found, highest)?;
            if settled {
                wanted.pop();
                found.insert(id);
                self.push_parents(id, &mut wanted)?;
            } else {
                stuck = Some((id, found.len()));
                if let Some((_, next)) = excluded.pop() {
                    self.push_parents(next, &mut excluded)?;
                }
            }
        }
        Ok(found)
    }

    /// Commits with parents before children: in ascending order of generation, then of id.
    pub(super) fn in_order(&self, ids: impl IntoIterator<Item = Oid>) -> Result<Vec<Oid>, ObjectError> {
        let mut sorted = Vec::new();
        for id in ids {
            sorted.push((self.node(id)?.generation, id));
        }
        sorted.sort_unstable();
        Ok(sorted.into_iter().map(|(_, id)| id).collect())
    }

    /// Whether no child of a commit can be reached from what is excluded, so that the commit cannot either: every one
    /// has been found already, or has a higher generation than anything excluded.
    ///
    /// Without this short cut, a branch that starts from the first commit (as ready-made ones do) would make every walk
    /// go down through all of history.
    fn only_wanted_leads_to(&self, id: Oid, found: &HashSet<Oid>, highest: u64) -> Result<bool, ObjectError> {
        // All ancestors of what is excluded are known, and with them every child that could matter.
        let children = self.memory().children.borrow().get(&id).cloned().unwrap_or_default();
        for child in children {
            if !found.contains(&child) && self.node(child)?.generation <= highest {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn push_parents(&self, id: Oid, front: &mut Front) -> Result<(), ObjectError> {
        for parent in &self.node(id)?.parents {
            front.push(*parent, self.node(*parent)?.generation);
        }
        Ok(())
    }

    /// The best common ancestors of two commits: those that no other common ancestor reaches. In ascending order of id;
    /// none where the histories are unrelated.
    ///
    /// # Errors
    /// As [`Graph::node`].
    pub fn merge_bases(&self, a: Oid, b: Oid) -> Result<Vec<Oid>, ObjectError> {
        const BOTH: u8 = 3;
        const BELOW: u8 = 4;
        let mut colours: HashMap<Oid, u8> = HashMap::new();
        let mut front = Front::default();
        let mut bases = Vec::new();
        for (id, colour) in [(a, 1), (b, 2)] {
            *colours.entry(id).or_default() |= colour;
            front.push(id, self.node(id)?.generation);
        }
        // How many in the front could still be, or lead to, another base.
        let mut live = front.heap.len();
        while live > 0 {
            let Some((_, id)) = front.pop() else { break };
            let mut colour = colours.get(&id).copied().unwrap_or_default();
            if colour & BELOW == 0 {
                live -= 1;
                if colour == BOTH {
                    bases.push(id);
                    colour |= BELOW;
                }
            }
            for parent in &self.node(id)?.parents {
                let old = colours.get(parent).copied().unwrap_or_default();
                let new = old | colour;
                colours.insert(*parent, new);
                let was_live = front.seen.contains(parent) && old & BELOW == 0;
                front.push(*parent, self.node(*parent)?.generation);
                match (was_live, new & BELOW == 0) {
                    (false, true) => live += 1,
                    (true, false) => live -= 1,
                    _ => {}
                }
            }
        }
        bases.sort_unstable();
        Ok(bases)
    }

    /// Every commit reachable from this one, itself included, where there are at most `limit`.
    pub(super) fn few_ancestors(&self, id: Oid, limit: usize) -> Result<Option<Vec<Arc<Node>>>, ObjectError> {
        let mut front = Front::default();
        let mut found = Vec::new();
        front.push(id, self.node(id)?.generation);
        while let Some((_, id)) = front.pop() {
            if found.len() == limit {
                return Ok(None);
            }
            found.push(self.node(id)?);
            self.push_parents(id, &mut front)?;
        }
        Ok(Some(found))
    }
}

/// Commits still to be looked at, the highest generation first; each is taken in once.
#[derive(Default)]
struct Front {
    heap: BinaryHeap<(u64, Reverse<Oid>)>,
    seen: HashSet<Oid>,
}

impl Front {
    fn push(&mut self, id: Oid, generation: u64) {
        if self.seen.insert(id) {
            self.heap.push((generation, Reverse(id)));
        }
    }

    fn pop(&mut self) -> Option<(u64, Oid)> {
        self.heap.pop().map(|(generation, Reverse(id))| (generation, id))
    }

    fn peek(&self) -> Option<(u64, Oid)> {
        self.heap.peek().map(|(generation, Reverse(id))| (*generation, *id))
    }
}

#[cfg(test)]
mod tests;
