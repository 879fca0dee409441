use std::collections::BTreeMap as Map;

use super::*;
use crate::git::sign::{NewCommit, write_commit};
use crate::object::{Edit, Entry, edit_tree};

const MAIN: &str = "refs/heads/main";
/// Not the one a real repository keeps from being deleted.
const BRANCH: &str = "refs/heads/branch";

fn commit(objects: &MemoryObjects, parents: &[Oid], content: &str) -> Oid {
    let id = objects.write(Kind::Blob, content.as_bytes()).expect("written");
    let edits = Map::from([("folder/file".to_owned(), Edit::Put(Entry { mode: Mode::File, id }))]);
    let tree = edit_tree(objects, None, &edits).expect("a tree");
    let time = "2027-01-15T08:00:00Z".parse().expect("a time");
    let new = NewCommit { tree, parents, name: "d", email: "d@test.example", time, message: content };
    write_commit(objects, &new, None).expect("a commit").0
}

fn update(name: &str, expected: Option<Oid>, new: Option<Oid>) -> RefUpdate {
    RefUpdate { name: name.to_owned(), expected, new }
}

/// A server with one commit on `main`, and a daemon that has fetched nothing.
fn world() -> (MemoryServer, MemoryObjects, MemoryRemote, Oid) {
    let server = MemoryServer::new();
    let first = commit(server.objects(), &[], "first");
    server.set(MAIN, Some(first));
    let local = MemoryObjects::default();
    let remote = MemoryRemote::new(server.clone(), local.clone());
    (server, local, remote, first)
}

#[test]
fn fetching_brings_what_is_reached_and_pushing_takes_it_there() {
    let (server, local, mut remote, first) = world();
    server.set("refs/tags/v1", Some(first));
    assert_eq!(remote.references().expect("references"), Map::from([(MAIN.to_owned(), first)]));
    assert!(local.commit(first).is_err());
    remote.fetch(&[(MAIN.to_owned(), first)]).expect("fetched");
    let tree = local.commit(first).expect("a commit").tree;
    let file = crate::object::entry_at(&local, tree, "folder/file").expect("trees").expect("a file");
    assert_eq!(&*local.blob(file.id).expect("a file"), b"first");

    let second = commit(&local, &[first], "second");
    assert!(server.objects().commit(second).is_err());
    assert_eq!(remote.push(&[update(MAIN, Some(first), Some(second))]).expect("an answer"), [RefResult::Done]);
    assert_eq!(server.get(MAIN), Some(second));
    assert!(server.objects().commit(second).is_ok());

    let nowhere = Oid::of(Kind::Commit, b"nowhere");
    assert!(matches!(remote.push(&[update(MAIN, Some(second), Some(nowhere))]), Err(RemoteError::Away { .. })));
    server.set(MAIN, Some(first));
    let error = remote.fetch(&[(MAIN.to_owned(), second)]).expect_err("rewound");
    assert!(error.to_string().ends_with("and does not contain it"), "{error}");
    assert!(remote.fetch(&[("refs/heads/gone".to_owned(), first)]).is_err());
}

#[test]
fn every_update_is_a_compare_and_set_of_its_own() {
    let (server, local, mut remote, first) = world();
    let other = commit(&local, &[], "other");
    server.protect("refs/heads/protected", "protected branch");
    let updates = [
        update(MAIN, None, Some(other)),
        update(MAIN, Some(other), None),
        update(MAIN, Some(other), Some(first)),
        update("refs/heads/new", None, Some(other)),
        update("refs/heads/new", None, Some(other)),
        update("refs/heads/new/below", None, Some(other)),
        update("refs/heads", None, Some(other)),
        update("refs/heads/gone", Some(other), None),
        update("refs/heads/protected", None, Some(other)),
        update("no name", None, Some(other)),
        update(MAIN, Some(first), None),
    ];
    let answer = remote.push(&updates).expect("an answer");
    let shown: Vec<_> = answer.iter().map(|result| format!("{result:?}")).collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    Stale
    Stale
    Done
    Done
    Done
    Refused { reason: "'refs/heads/new' exists; cannot create 'refs/heads/new/below'" }
    Refused { reason: "'refs/heads/main' exists; cannot create 'refs/heads'" }
    Done
    Refused { reason: "protected branch" }
    Refused { reason: "`no name` is no name of a reference" }
    Done
    "#);
    assert_eq!(server.references(), Map::from([("refs/heads/new".to_owned(), other)]));
}

#[test]
fn what_goes_wrong_is_told_as_it_would_be() {
    for (moment, fault, expect_lost, expect_done) in [
        (Moment::Before, Fault::Away, false, false),
        (Moment::Before, Fault::AnswerLost, true, false),
        (Moment::After, Fault::Away, true, true),
        (Moment::After, Fault::AnswerLost, true, true),
    ] {
        let (server, local, remote, first) = world();
        let mut remote = remote.with_world(Box::new(move |_, when| (when == moment).then_some(fault)));
        assert!(matches!(remote.references(), Err(RemoteError::Away { .. })));
        assert!(matches!(remote.fetch(&[(MAIN.to_owned(), first)]), Err(RemoteError::Away { .. })));
        let second = commit(&local, &[], "second");
        let error = remote.push(&[update(MAIN, Some(first), Some(second))]).expect_err("a fault");
        assert_eq!(matches!(error, RemoteError::AnswerLost { .. }), expect_lost, "{moment:?} {fault:?}");
        assert_eq!(server.get(MAIN) == Some(second), expect_done, "{moment:?} {fault:?}");
    }
}

#[test]
fn the_world_may_push_in_between() {
    let (server, local, remote, first) = world();
    let theirs = commit(server.objects(), &[first], "theirs");
    let other = server.clone();
    let mut seen = Vec::new();
    let mut remote = remote.with_world(Box::new(move |operation, moment| {
        seen.push((operation.clone(), moment));
        if matches!(operation, Operation::Push(_)) && moment == Moment::Before {
            other.set(MAIN, Some(theirs));
        }
        None
    }));
    let ours = commit(&local, &[], "ours");
    assert_eq!(remote.push(&[update(MAIN, Some(first), Some(ours))]).expect("an answer"), [RefResult::Stale]);
    assert_eq!(server.get(MAIN), Some(theirs));
}

#[test]
fn it_answers_as_a_real_repository_does() {
    use crate::git::command::{Access, GitHome};
    use crate::git::remote::GitRemote;
    use crate::git::store::GitObjects;
    use crate::git::testing::Folder;
    use crate::git::url::RemoteUrl;

    let folder = Folder::new();
    folder.git(".", &["init", "--quiet", "--bare", "remote.git"]);
    let store = GitObjects::create_bare(&folder.at("state/cache.git")).expect("a store");
    let home = GitHome::create(&folder.at("state")).expect("a home");
    let url = RemoteUrl::local(&folder.at("remote.git")).expect("a URL");
    let mut real = GitRemote::new(url, store.clone(), &home, Access::Open).expect("a remote");
    let (_, local, mut memory, _) = {
        let (server, local, remote, first) = world();
        server.set(MAIN, None);
        (server, local, remote, first)
    };
    let (a, b) = (commit(&local, &[], "a"), commit(&local, &[], "b"));
    for id in [a, b] {
        let commit = local.commit(id).expect("a commit");
        for (path, entry) in crate::object::files_below(&local, commit.tree).expect("files") {
            store.write(Kind::Blob, &local.blob(entry.id).expect("a file")).expect("written");
            let edits = Map::from([(path, Edit::Put(entry))]);
            assert_eq!(edit_tree(&store, None, &edits).expect("a tree"), commit.tree);
        }
        store.write(Kind::Commit, &commit.raw).expect("written");
    }
    // Every expectation against every state, then what it leaves behind.
    let values = [None, Some(a), Some(b)];
    for there in values {
        for expected in values {
            for new in values {
                let now = real.references().expect("references").get(BRANCH).copied();
                let setup = update(BRANCH, now, there);
                assert_eq!(real.push(std::slice::from_ref(&setup)).expect("an answer"), [RefResult::Done]);
                assert_eq!(memory.push(&[setup]).expect("an answer"), [RefResult::Done]);
                let asked = [update(BRANCH, expected, new)];
                let (real_answer, memory_answer) = (real.push(&asked), memory.push(&asked));
                assert_eq!(real_answer, memory_answer, "{there:?} {asked:?}");
                assert_eq!(real.references(), memory.references(), "{there:?} {asked:?}");
            }
        }
    }
}
