use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;
use crate::object::{Kind, MemoryObjects};

/// A store in memory that counts what is read of it.
#[derive(Default)]
struct Counted {
    objects: MemoryObjects,
    reads: Cell<usize>,
}

impl Objects for Counted {
    fn read(&self, kind: Kind, id: Oid) -> Result<Arc<[u8]>, ObjectError> {
        self.reads.set(self.reads.get() + 1);
        self.objects.read(kind, id)
    }

    fn write(&self, kind: Kind, bytes: &[u8]) -> Result<Oid, ObjectError> {
        self.objects.write(kind, bytes)
    }
}

/// A commit of the empty tree; the date says nothing true.
fn commit(objects: &dyn Objects, name: &str, parents: &[Oid]) -> Oid {
    let tree = objects.write(Kind::Tree, b"").unwrap();
    let parents: String = parents.iter().map(|parent| format!("parent {parent}\n")).collect();
    let who = "a <a@vendor.example> 1700000000 +0000";
    let raw = format!("tree {tree}\n{parents}author {who}\ncommitter {who}\n\n{name}");
    objects.write(Kind::Commit, raw.as_bytes()).unwrap()
}

#[test]
fn a_range_has_parents_before_children() {
    let objects = MemoryObjects::default();
    let root = commit(&objects, "root", &[]);
    let ours = commit(&objects, "ours", &[root]);
    let theirs = commit(&objects, "theirs", &[root]);
    let merge = commit(&objects, "merge", &[ours, theirs]);
    let graph = Graph::new(&objects);
    assert_eq!(graph.range(&[merge], &[ours]).unwrap(), [theirs, merge]);
    assert_eq!(graph.range(&[merge], &[merge]).unwrap(), []);
    assert_eq!(graph.range(&[ours], &[merge]).unwrap(), []);
    assert_eq!(graph.range(&[root, root], &[]).unwrap(), [root]);
    let all = graph.range(&[merge], &[]).unwrap();
    let mut sides = [ours, theirs];
    sides.sort();
    assert_eq!(all, [root, sides[0], sides[1], merge]);
    assert_eq!(graph.root_of(merge).unwrap(), root);
}

#[test]
fn criss_cross_merges_have_two_bases() {
    let objects = MemoryObjects::default();
    let root = commit(&objects, "root", &[]);
    let (a1, b1) = (commit(&objects, "a1", &[root]), commit(&objects, "b1", &[root]));
    let (a2, b2) = (commit(&objects, "a2", &[a1, b1]), commit(&objects, "b2", &[b1, a1]));
    let mut expected = [a1, b1];
    expected.sort();
    let graph = Graph::new(&objects);
    assert_eq!(graph.merge_bases(a2, b2).unwrap(), expected);
    assert_eq!(graph.merge_bases(a2, a1).unwrap(), [a1]);
    assert_eq!(graph.merge_bases(a2, a2).unwrap(), [a2]);
    let stranger = commit(&objects, "stranger", &[]);
    assert_eq!(graph.merge_bases(a2, stranger).unwrap(), []);
}

#[test]
fn a_missing_commit_is_named() {
    let objects = MemoryObjects::default();
    let gone = Oid::of(Kind::Commit, b"gone");
    let tip = commit(&objects, "tip", &[commit(&objects, "above", &[gone])]);
    let graph = Graph::new(&objects);
    let missing = ObjectError::Missing { kind: Kind::Commit, id: gone };
    assert_eq!(graph.range(&[tip], &[]), Err(missing.clone()));
    assert_eq!(graph.range(&[tip], &[tip]), Err(missing.clone()));
    assert_eq!(graph.is_ancestor(gone, tip), Err(missing.clone()));
    assert_eq!(graph.root_of(tip), Err(missing.clone()));
    assert_eq!(graph.merge_bases(tip, tip), Err(missing));
}

#[test]
fn a_deep_history_needs_no_deep_stack_and_is_read_once() {
    let objects = Counted::default();
    let root = commit(&objects, "root", &[]);
    let mut line = vec![root];
    for number in 0..50_000 {
        line.push(commit(&objects, &number.to_string(), &[line[number]]));
    }
    let graph = Graph::new(&objects);
    assert_eq!(graph.node(line[50_000]).unwrap().generation, 50_001);
    assert_eq!(objects.reads.replace(0), 50_001);
    // A branch from the very first commit, merged at the tip, as ready-made commits are.
    let ready = commit(&objects, "ready", &[root]);
    let merge = commit(&objects, "merge", &[line[50_000], ready]);
    let range = graph.range(&[merge], &[line[50_000]]).unwrap();
    assert_eq!(range, [ready, merge]);
    assert_eq!(objects.reads.get(), 2);
    assert!(graph.is_ancestor(root, merge).unwrap());
    assert!(!graph.is_ancestor(merge, line[50_000]).unwrap());
}

/// Everything reachable, the slow way.
fn reachable(parents: &[Vec<usize>], from: &[usize]) -> BTreeSet<usize> {
    let mut seen = BTreeSet::new();
    let mut open = from.to_vec();
    while let Some(next) = open.pop() {
        if seen.insert(next) {
            open.extend(&parents[next]);
        }
    }
    seen
}

/// The parents of each commit of a random history, as numbers of earlier ones; several have none.
fn histories() -> impl Strategy<Value = Vec<Vec<usize>>> {
    prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..4), 1..24).prop_map(|picks| {
        let parents = |(number, picks): (usize, Vec<prop::sample::Index>)| {
            let near = |pick: &prop::sample::Index| number - 1 - pick.index(number.min(5));
            if number == 0 { Vec::new() } else { picks.iter().map(near).collect::<BTreeSet<_>>().into_iter().collect() }
        };
        picks.into_iter().enumerate().map(parents).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(2), cases: 1000, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn answers_are_those_of_the_slow_way(
        parents in histories(),
        tips in prop::collection::vec(any::<prop::sample::Index>(), 1..3),
        not in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        branch in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
    ) {
        let objects = MemoryObjects::default();
        let mut ids: Vec<Oid> = Vec::new();
        for (number, parents) in parents.iter().enumerate() {
            let parents: Vec<Oid> = parents.iter().map(|parent| ids[*parent]).collect();
            ids.push(commit(&objects, &number.to_string(), &parents));
        }
        let pick = |picks: &[prop::sample::Index]| picks.iter().map(|pick| pick.index(ids.len())).collect::<Vec<_>>();
        let (tips, not) = (pick(&tips), pick(&not));
        let oids = |numbers: &[usize]| numbers.iter().map(|number| ids[*number]).collect::<Vec<_>>();
        let graph = Graph::new(&objects);

        let range = graph.range(&oids(&tips), &oids(&not)).unwrap();
        let wanted = &reachable(&parents, &tips) - &reachable(&parents, &not);
        let expected: BTreeSet<Oid> = wanted.iter().map(|number| ids[*number]).collect();
        // What else the graph happens to know changes nothing.
        let knowing = Graph::new(&objects);
        for id in &ids {
            knowing.node(*id).unwrap();
        }
        prop_assert_eq!(&knowing.range(&oids(&tips), &oids(&not)).unwrap(), &range);
        prop_assert_eq!(range.iter().copied().collect::<BTreeSet<_>>(), expected);
        for (position, id) in range.iter().enumerate() {
            for parent in &graph.node(*id).unwrap().parents {
                prop_assert!(!range[position..].contains(parent));
            }
        }

        let (a, b) = (tips[0], *tips.last().unwrap());
        // Nor does a branch that is followed, wherever it leads.
        for tip in pick(&branch) {
            knowing.follow(ids[tip]).unwrap();
            prop_assert_eq!(&knowing.range(&oids(&tips), &oids(&not)).unwrap(), &range);
            prop_assert_eq!(knowing.is_ancestor(ids[a], ids[b]).unwrap(), reachable(&parents, &[b]).contains(&a));
        }
        prop_assert_eq!(graph.is_ancestor(ids[a], ids[b]).unwrap(), reachable(&parents, &[b]).contains(&a));
        let common = &reachable(&parents, &[a]) & &reachable(&parents, &[b]);
        let best = |base: &usize| !common.iter().any(|other| other != base && reachable(&parents, &[*other]).contains(base));
        let expected: BTreeSet<Oid> = common.iter().filter(|base| best(base)).map(|base| ids[*base]).collect();
        prop_assert_eq!(graph.merge_bases(ids[a], ids[b]).unwrap(), expected.into_iter().collect::<Vec<_>>());
    }
}
