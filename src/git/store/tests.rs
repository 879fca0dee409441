use std::collections::BTreeMap;
use std::fs;

use super::*;
use crate::git::testing::Folder;
use crate::object::{Entry, Mode, Tree, entry_at};

#[test]
fn what_is_written_is_read_back_and_is_git_s_too() {
    let folder = Folder::new();
    let objects = GitObjects::create_bare(&folder.at("new/cache.git")).expect("a repository");
    let blob = objects.write(Kind::Blob, b"hello\n").expect("written");
    assert_eq!(blob, Oid::of(Kind::Blob, b"hello\n"));
    assert_eq!(&*objects.blob(blob).expect("read"), b"hello\n");
    assert_eq!(folder.git("new/cache.git", &["cat-file", "blob", &blob.to_string()]), "hello");
    let again = GitObjects::create_bare(&folder.at("new/cache.git")).expect("it is opened");
    assert!(again.contains(blob) && !again.is_shallow());
}

#[test]
fn another_kind_is_malformed_and_an_absent_object_is_missing() {
    let folder = Folder::new();
    folder.bare_and_clone("remote.git", "work");
    let head = folder.oid("work", "HEAD");
    folder.git("work", &["tag", "-a", "-m", "x", "v1"]);
    let tag = folder.oid("work", "v1");
    let objects = GitObjects::open(&folder.at("work")).expect("a repository");
    let absent = Oid::of(Kind::Blob, b"nowhere");
    let error = |kind, id| objects.read(kind, id).expect_err("an error");
    assert_eq!(error(Kind::Blob, absent), ObjectError::Missing { kind: Kind::Blob, id: absent });
    assert!(error(Kind::Tree, head).to_string().ends_with("is malformed: it is a commit"));
    assert!(error(Kind::Commit, tag).to_string().ends_with("is malformed: it is a tag"));
    // A cached tree is still no blob.
    let tree = objects.commit(head).expect("a commit").tree;
    objects.tree(tree).expect("a tree");
    assert!(error(Kind::Blob, tree).to_string().ends_with("is malformed: it is a tree"));
}

#[test]
fn packs_that_come_later_are_seen_and_repacking_takes_nothing_away() {
    let folder = Folder::new();
    folder.bare_and_clone("remote.git", "work");
    let objects = GitObjects::create_bare(&folder.at("cache.git")).expect("a repository");
    let fetch = |folder: &Folder| {
        folder.git("cache.git", &["-c", "fetch.unpackLimit=1", "fetch", "--quiet", "../remote.git", "+main:main"]);
    };
    let mut commits = Vec::new();
    for round in 0..4 {
        let commit = folder.commit("work", "file", &format!("{round}\n"));
        folder.git("work", &["push", "--quiet", "origin", "main"]);
        assert!(objects.commit(commit).is_err());
        fetch(&folder);
        objects.commit(commit).expect("it is here now");
        commits.push(commit);
    }
    folder.git("cache.git", &["gc", "--quiet", "--prune=now"]);
    for commit in commits {
        let tree = objects.commit(commit).expect("a commit").tree;
        let file = entry_at(&objects, tree, "file").expect("a tree").expect("a file");
        objects.blob(file.id).expect("a blob");
    }
}

#[test]
fn clones_worktrees_and_alternates_are_read() {
    let folder = Folder::new();
    folder.bare_and_clone("remote.git", "work");
    folder.git("work", &["worktree", "add", "--quiet", "../side", "-b", "side"]);
    let commit = folder.commit("side", "file", "x\n");
    folder.git(".", &["clone", "--quiet", "--shared", "work", "shared"]);
    for path in ["work", "work/.git", "side", "shared", "work/.git/worktrees/side"] {
        let objects = GitObjects::open(&folder.at(path)).expect(path);
        objects.commit(commit).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
    assert!(GitObjects::open(&folder.at("work/.git/refs")).is_err(), "no search upwards");
}

#[test]
fn replace_references_and_grafts_have_no_say() {
    let folder = Folder::new();
    folder.bare_and_clone("remote.git", "work");
    let first = folder.oid("work", "HEAD");
    let second = folder.commit("work", "file", "x\n");
    folder.git("work", &["replace", &second.to_string(), &first.to_string()]);
    fs::write(folder.at("work/.git/info/grafts"), format!("{second}\n")).expect("a graft");
    let objects = GitObjects::open(&folder.at("work")).expect("a repository");
    assert_eq!(objects.commit(second).expect("a commit").parents, [first]);
}

#[test]
fn a_shallow_clone_says_so() {
    let folder = Folder::new();
    folder.bare_and_clone("remote.git", "work");
    folder.commit("work", "file", "x\n");
    let url = format!("file://{}", folder.at("work").display());
    folder.git(".", &["clone", "--quiet", "--depth=1", &url, "shallow"]);
    let objects = GitObjects::open(&folder.at("shallow")).expect("a repository");
    assert!(objects.is_shallow());
    let head = objects.commit(folder.oid("shallow", "HEAD")).expect("a commit");
    assert!(matches!(objects.commit(head.parents[0]), Err(ObjectError::Missing { .. })));
}

#[test]
fn damaged_bytes_are_refused() {
    let folder = Folder::new();
    let objects = GitObjects::create_bare(&folder.at("cache.git")).expect("a repository");
    let good = objects.write(Kind::Blob, b"good\n").expect("written");
    let evil = objects.write(Kind::Blob, b"evil\n").expect("written");
    let file = |id: Oid| {
        let name = id.to_string();
        folder.at("cache.git/objects").join(&name[..2]).join(&name[2..])
    };
    fs::remove_file(file(good)).expect("removed");
    fs::copy(file(evil), file(good)).expect("copied");
    let objects = GitObjects::open(&folder.at("cache.git")).expect("a repository");
    let error = objects.blob(good).expect_err("other bytes under its name");
    assert!(error.to_string().ends_with("is malformed: its bytes do not have this name"), "{error}");

    fs::remove_file(file(good)).expect("removed");
    fs::write(file(good), b"").expect("emptied");
    assert!(matches!(objects.blob(good), Err(ObjectError::Store(_))));
}

#[test]
fn what_cannot_be_read_here_is_named() {
    let folder = Folder::new();
    let error = GitObjects::open(&folder.at("nowhere")).expect_err("nothing there").to_string();
    assert!(error.starts_with(&format!("the repository `{}` cannot be opened: ", folder.at("nowhere").display())));
    folder.git(".", &["init", "--quiet", "--object-format=sha256", "other"]);
    assert!(GitObjects::open(&folder.at("other")).is_err());
}

#[test]
fn a_path_below_a_huge_folder_does_not_inflate_it_again() {
    let folder = Folder::new();
    let objects = GitObjects::create_bare(&folder.at("cache.git")).expect("a repository");
    let blob = objects.write(Kind::Blob, b"x").expect("written");
    let entries: BTreeMap<_, _> =
        (0..10_000).map(|n| (format!("env{n:05}"), Entry { mode: Mode::File, id: blob })).collect();
    let tree = objects.write(Kind::Tree, &Tree { entries }.to_raw()).expect("written");
    assert!(Arc::ptr_eq(&objects.read(Kind::Tree, tree).expect("a"), &objects.read(Kind::Tree, tree).expect("b")));
}

#[test]
fn what_was_given_back_is_read_again() {
    let folder = Folder::new();
    let objects = GitObjects::create_bare(&folder.at("cache.git")).expect("a repository");
    let blob = objects.write(Kind::Blob, b"x").expect("written");
    let entries = BTreeMap::from([("file".to_owned(), Entry { mode: Mode::File, id: blob })]);
    let tree = objects.write(Kind::Tree, &Tree { entries }.to_raw()).expect("written");
    let before = objects.read(Kind::Tree, tree).expect("a tree");
    objects.rest();
    let again = objects.read(Kind::Tree, tree).expect("a tree");
    assert!(before == again && !Arc::ptr_eq(&before, &again));
    assert_eq!(*objects.blob(blob).expect("a blob"), *b"x");
}

#[test]
fn it_can_be_shared_between_threads() {
    fn shareable<T: Send + Sync + Clone>() {}
    shareable::<GitObjects>();
}
