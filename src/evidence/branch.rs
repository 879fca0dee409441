//! All that a branch reaches, in the order in which it came there, and what of it touched what.
//!
//! Of a branch's commits those are asked for, again and again, that came since some other one and concern somebody: at
//! a start by each environment, since its last deployment. Along the branch they are a piece each of one list, and of a
//! piece only what touched something in question is looked at.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use super::graph::Graph;
use crate::object::{ObjectError, Oid};

/// The commits of a branch, each commit on its line of first parents after all that it reaches and nothing else.
#[derive(Debug, Default)]
pub(super) struct Branch {
    commits: Vec<Oid>,
    known: HashSet<Oid>,
    /// How many of them each commit on the line reaches.
    reach: HashMap<Oid, usize>,
    folders: HashMap<u32, Touched>,
}

/// Which of a branch's commits touch which entries of a folder.
#[derive(Debug, Default)]
struct Touched {
    /// The places of those that were looked at.
    looked_at: Range<usize>,
    /// By digests of names: places, in order.
    by_name: HashMap<u64, Vec<usize>>,
    /// Of commits that may touch anything.
    any: Vec<usize>,
}

impl Branch {
    /// Goes on to the branch's tip. What does not lead there is no longer part of it.
    pub fn follow(&mut self, graph: &Graph<'_>, tip: Oid) -> Result<(), ObjectError> {
        let (mut new, mut at, mut kept) = (Vec::new(), Some(tip), 0);
        while let Some(id) = at {
            if let Some(reach) = self.reach(id) {
                kept = reach;
                break;
            }
            new.push(id);
            at = graph.node(id)?.parents.first().copied();
        }
        if !new.is_empty() {
            self.cut(kept);
        }
        for on_line in new.into_iter().rev() {
            let mut open = vec![on_line];
            while let Some(id) = open.pop() {
                if self.known.insert(id) {
                    self.commits.push(id);
                    open.extend(&graph.node(id)?.parents);
                }
            }
            self.reach.insert(on_line, self.commits.len());
        }
        Ok(())
    }

    fn cut(&mut self, length: usize) {
        if length == self.commits.len() {
            return;
        }
        for id in self.commits.drain(length..) {
            self.known.remove(&id);
        }
        self.reach.retain(|_, reach| *reach <= length);
        for Touched { looked_at, by_name, any } in self.folders.values_mut() {
            *looked_at = looked_at.start.min(length)..looked_at.end.min(length);
            by_name.values_mut().chain([any]).for_each(|places| places.retain(|place| *place < length));
        }
    }

    /// How many of the branch's commits one on its line reaches; `None` where it is not on it.
    pub fn reach(&self, id: Oid) -> Option<usize> {
        self.reach.get(&id).copied()
    }

    /// The commits of a piece.
    pub fn commits(&self, piece: Range<usize>) -> &[Oid] {
        &self.commits[piece]
    }

    /// What is still to be looked at, and [noted](Self::note) in this order, before it can be told which commits of a piece
    /// touch something in a folder.
    pub fn to_look_at(&self, folder: u32, piece: &Range<usize>) -> [Range<usize>; 2] {
        match self.folders.get(&folder).map(|touched| &touched.looked_at).filter(|known| !known.is_empty()) {
            Some(known) => [piece.start.min(known.start)..known.start, known.end..piece.end.max(known.end)],
            None => [piece.clone(), 0..0],
        }
    }

    /// Notes which entries of a folder the commits of a piece touch, by digests of their names; `None`: any.
    pub fn note(&mut self, folder: u32, piece: Range<usize>, touched: Vec<Option<Arc<[u64]>>>) {
        if piece.is_empty() {
            return;
        }
        let Touched { looked_at, by_name, any } = self.folders.entry(folder).or_default();
        for (place, names) in piece.clone().zip(touched) {
            match names {
                Some(names) => names.iter().for_each(|name| by_name.entry(*name).or_default().push(place)),
                None => any.push(place),
            }
        }
        if piece.start < looked_at.start {
            by_name.values_mut().chain([any]).for_each(|places| places.sort_unstable());
        }
        let first = Range::is_empty(looked_at);
        *looked_at = if first { piece } else { looked_at.start.min(piece.start)..looked_at.end.max(piece.end) };
    }

    /// The commits of a piece, all of it looked at, but for those that surely do not touch an entry of a folder.
    pub fn touching(&self, folder: u32, name: u64, piece: &Range<usize>) -> Vec<Oid> {
        let Some(Touched { by_name, any, .. }) = self.folders.get(&folder) else { return Vec::new() };
        let within = |places: &'_ [usize]| {
            let start = places.partition_point(|place| *place < piece.start);
            let end = places.partition_point(|place| *place < piece.end);
            places[start..end.max(start)].iter().map(|place| self.commits[*place]).collect::<Vec<_>>()
        };
        let mut found = within(any);
        found.extend(by_name.get(&name).map(|places| within(places)).unwrap_or_default());
        found
    }
}
