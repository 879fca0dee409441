use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::*;
use crate::object::{Edit, Kind, MemoryObjects, edit_tree};

/// A store that counts how often a tree is read.
#[derive(Default)]
struct Counted(MemoryObjects, AtomicUsize);

impl Objects for Counted {
    fn read(&self, kind: Kind, id: Oid) -> Result<Arc<[u8]>, ObjectError> {
        self.1.fetch_add(usize::from(kind == Kind::Tree), Ordering::SeqCst);
        self.0.read(kind, id)
    }

    fn write(&self, kind: Kind, bytes: &[u8]) -> Result<Oid, ObjectError> {
        self.0.write(kind, bytes)
    }
}

/// A commit on top of others: the first one's files, but for one.
fn commit(objects: &dyn Objects, parents: &[Oid], (path, text): (&str, &str), number: usize) -> Oid {
    let tree = parents.first().map(|parent| objects.commit(*parent).unwrap().tree);
    let put = Edit::Put(Entry { mode: Mode::File, id: objects.write(Kind::Blob, text.as_bytes()).unwrap() });
    let tree = edit_tree(objects, tree, &BTreeMap::from([(path.to_owned(), put)])).unwrap();
    let parents: String = parents.iter().map(|parent| format!("parent {parent}\n")).collect();
    let who = "a <a@x.example>";
    let raw = format!("tree {tree}\n{parents}author {who} {number} +0000\ncommitter {who} {number} +0000\n\nx\n");
    objects.write(Kind::Commit, raw.as_bytes()).unwrap()
}

fn range(folders: &[&str], from: &[Oid], to: &[Oid]) -> Range {
    Range { folders: folders.iter().map(ToString::to_string).collect(), from: from.to_vec(), to: to.to_vec() }
}

const PATHS: [&str; 6] = ["envs/a/x", "envs/a/y", "envs/b/x", "shared/x", "envs/c", "x"];
const FOLDERS: [&[&str]; 6] =
    [&["envs/a"], &["envs/b", "shared"], &["envs/c"], &[""], &["none/at/all"], &["/envs/a/x"]];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever was asked before, the answer is that of who asks for the first time.
    #[test]
    fn what_is_remembered_changes_no_answer(
        commits in prop::collection::vec((0..6_usize, 0..3_u8, prop::collection::vec(0..1000_usize, 0..3)), 1..24),
        asked in prop::collection::vec((0..6_usize, prop::collection::vec(0..24_usize, 0..3), prop::collection::vec(0..24_usize, 1..3), prop::option::of(0..24_usize)), 1..24),
    ) {
        let objects = MemoryObjects::default();
        let mut ids: Vec<Oid> = Vec::new();
        for (number, (path, text, parents)) in commits.iter().enumerate() {
            let mut of: Vec<Oid> = Vec::new();
            for parent in parents.iter().filter(|_| !ids.is_empty()).map(|parent| ids[parent % ids.len()]) {
                if !of.contains(&parent) {
                    of.push(parent);
                }
            }
            ids.push(commit(&objects, &of, (PATHS[*path], &text.to_string()), number));
        }
        let memory = super::super::graph::Memory::default();
        for (folders, from, to, branch) in asked {
            if let Some(tip) = branch {
                Graph::remembering(&objects, &memory).follow(ids[tip % ids.len()]).unwrap();
            }
            let at = |at: &Vec<usize>| at.iter().map(|at| ids[at % ids.len()]).collect::<Vec<_>>();
            let range = range(FOLDERS[folders], &at(&from), &at(&to));
            let remembered = changing(&Graph::remembering(&objects, &memory), &objects, &range).unwrap();
            let fresh = Graph::new(&objects);
            let inputs = Inputs { graph: &fresh, objects: &objects, folders: &range.folders };
            let is_changed = |id: &Oid| {
                let node = fresh.node(*id).unwrap();
                range.folders.iter().any(|folder| inputs.is_changed(&node, folder).unwrap())
            };
            let expected: Vec<Oid> = fresh.range(&range.to, &range.from).unwrap().into_iter().filter(is_changed).collect();
            prop_assert_eq!(&*remembered, expected.as_slice());
        }
    }
}

/// What others push costs a plan nothing that was paid for before.
#[test]
fn each_commit_is_looked_at_once_for_all_that_are_in_a_folder() {
    let objects = Counted::default();
    let graph = Graph::new(&objects);
    let first = commit(&objects, &[], ("envs/a/x", "0"), 0);
    let mut tip = first;
    for number in 1..50 {
        tip = commit(&objects, &[tip], (["envs/b/x", "envs/c/x"][number % 2], &number.to_string()), number);
    }
    let reads = || objects.1.load(Ordering::SeqCst);
    let folders: Vec<String> = (0..40).map(|at| format!("envs/{at}")).collect();
    let before = reads();
    assert!(changing(&graph, &objects, &range(&["envs/a"], &[first], &[tip])).unwrap().is_empty());
    let once = reads() - before;
    for folder in &folders {
        assert!(changing(&graph, &objects, &range(&[folder], &[first], &[tip])).unwrap().is_empty());
    }
    assert_eq!(reads() - before, once, "other folders beside it read the trees again");
    graph.follow(tip).unwrap();
    for folder in &folders {
        let range = range(&[folder, "envs/never-asked-for"], &[first], &[tip]);
        assert!(changing(&graph, &objects, &range).unwrap().is_empty());
    }
    assert_eq!(reads() - before, once, "the branch's commits were read again");
    let next = commit(&objects, &[tip], ("envs/a/x", "1"), 50);
    let before = reads();
    assert_eq!(*changing(&graph, &objects, &range(&["envs/a"], &[first], &[next])).unwrap(), [next]);
    assert!(reads() - before <= 10, "one more commit reads the others again");
}
