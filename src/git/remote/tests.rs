//! Scenarios against real repositories. `ssh.rs` has those that need a server.

use super::*;
use crate::git::testing::Folder;
use crate::object::{Kind, Objects};

mod refusals;
mod ssh;

/// A bare remote, a clone of somebody who pushes to it, and a daemon.
pub(super) struct World {
    pub folder: Folder,
    pub store: GitObjects,
    pub remote: GitRemote,
}

impl World {
    pub fn new() -> Self {
        let folder = Folder::new();
        folder.bare_and_clone("remote.git", "work");
        let url = folder.at("remote.git").display().to_string();
        Self::at(folder, &url, Access::Open)
    }

    pub fn at(folder: Folder, url: &str, access: Access) -> Self {
        let store = GitObjects::create_bare(&folder.at("state/cache.git")).expect("a store");
        let home = GitHome::create(&folder.at("state")).expect("a home");
        let url = RemoteUrl::parse(url).expect("a URL");
        let remote = GitRemote::new(url, store.clone(), &home, access).expect("a remote");
        Self { folder, store, remote }
    }

    /// What is at the remote, by git's own word.
    pub fn there(&self, name: &str) -> Option<Oid> {
        let mut git = self.folder.command("git");
        git.arg("-C").arg(self.folder.at("remote.git")).args(["rev-parse", "--verify", "--quiet", name]);
        let output = git.output().expect("git runs");
        String::from_utf8(output.stdout).expect("text").trim().parse().ok()
    }

    /// Fetches a branch as it is now.
    pub fn fetch(&mut self, name: &str) -> Oid {
        let id = self.remote.references().expect("references")[name];
        self.remote.fetch(&[(name.to_owned(), id)]).expect("fetched");
        id
    }

    /// A commit of the daemon on top of another.
    pub fn commit(&self, parent: Oid, message: &str) -> Oid {
        let tree = self.store.commit(parent).expect("a commit").tree;
        let who = "d <d@test.example> 1800000000 +0000";
        let raw = format!("tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n\n{message}\n");
        self.store.write(Kind::Commit, raw.as_bytes()).expect("written")
    }
}

pub(super) fn update(name: &str, expected: Option<Oid>, new: Option<Oid>) -> RefUpdate {
    RefUpdate { name: name.to_owned(), expected, new }
}

const MAIN: &str = "refs/heads/main";
const JOURNAL: &str = "refs/heads/countersign/journal";

#[test]
fn loose_packed_and_symbolic_references_are_seen_and_nothing_else() {
    let mut world = World::new();
    let first = world.folder.oid("remote.git", "main");
    for arguments in [
        &["branch", "packed/one", "main"][..],
        &["update-ref", "refs/countersign/heartbeat", "main"],
        &["pack-refs", "--all"],
        &["branch", "loose", "main"],
        &["tag", "v1", "main"],
        &["update-ref", "refs/pull/1/head", "main"],
        &["symbolic-ref", "refs/heads/alias", "refs/heads/main"],
        &["symbolic-ref", "refs/heads/dangling", "refs/heads/nowhere"],
    ] {
        world.folder.git("remote.git", arguments);
    }
    let moved = world.folder.commit("work", "file", "x\n");
    world.folder.git("work", &["push", "--quiet", "origin", "main"]);
    let expected = BTreeMap::from([
        (MAIN.to_owned(), moved),
        ("refs/heads/alias".to_owned(), moved),
        ("refs/heads/loose".to_owned(), first),
        ("refs/heads/packed/one".to_owned(), first),
        ("refs/countersign/heartbeat".to_owned(), first),
    ]);
    assert_eq!(world.remote.references().expect("references"), expected);
    assert_eq!(read_references(&world.folder.at("remote.git")).expect("read directly"), expected);

    // What git2 cannot read (here: an unknown extension that git knows) git is asked for.
    world.folder.git("remote.git", &["config", "core.repositoryFormatVersion", "1"]);
    world.folder.git("remote.git", &["config", "extensions.partialClone", "origin"]);
    assert_eq!(read_references(&world.folder.at("remote.git")), None);
    assert_eq!(world.remote.references().expect("references"), expected);
}

#[test]
fn a_file_url_is_a_path() {
    let folder = Folder::new();
    folder.bare_and_clone("a b.git", "work");
    let url = format!("file://{}", folder.at("a%20b.git").display());
    let mut world = World::at(folder, &url, Access::Open);
    let main = world.fetch(MAIN);
    let new = world.commit(main, "x");
    let results = world.remote.push(&[update(MAIN, Some(main), Some(new))]).expect("an answer");
    assert_eq!(results, [RefResult::Done]);
    assert_eq!(world.remote.references().expect("references")[MAIN], new);
}

#[test]
fn what_is_read_while_somebody_packs_does_not_count() {
    let world = World::new();
    let mut readings = 0;
    let seen = undisturbed(&world.folder.at("remote.git"), || {
        readings += 1;
        if readings < 3 {
            world.folder.git("remote.git", &["branch", &format!("new{readings}"), "main"]);
            world.folder.git("remote.git", &["pack-refs", "--all"]);
        }
        Some(readings)
    });
    assert_eq!(seen, Some(3));
    // Where it never ends, git is asked, which waits for it.
    let mut n = 0;
    let never = undisturbed(&world.folder.at("remote.git"), || {
        n += 1;
        fs::write(world.folder.at("remote.git/packed-refs"), "#".repeat(n)).ok()
    });
    assert_eq!(never, None);
}

#[test]
fn fetched_tips_are_here_with_all_they_reach() {
    let mut world = World::new();
    let main = world.fetch(MAIN);
    let commit = world.store.commit(main).expect("the commit");
    let tree = world.store.tree(commit.tree).expect("its tree");
    assert_eq!(&*world.store.blob(tree.entries["README"].id).expect("its file"), b"first\n");
    assert!(!world.folder.at("state/cache.git/FETCH_HEAD").exists());
}

#[test]
fn a_branch_that_moved_on_meanwhile_still_brings_what_was_asked_for() {
    let mut world = World::new();
    let main = world.remote.references().expect("references")[MAIN];
    world.folder.commit("work", "file", "x\n");
    world.folder.git("work", &["push", "--quiet", "origin", "main"]);
    world.remote.fetch(&[(MAIN.to_owned(), main)]).expect("it is contained");
    world.store.commit(main).expect("the commit");
}

#[test]
fn a_branch_that_was_rewound_or_deleted_meanwhile_is_an_error() {
    let mut world = World::new();
    let first = world.remote.references().expect("references")[MAIN];
    let second = world.folder.commit("work", "file", "x\n");
    world.folder.git("work", &["push", "--quiet", "origin", "main"]);
    world.folder.git("work", &["push", "--quiet", "--force", "origin", &format!("{first}:main")]);
    // The object itself being here, from whatever source, is not enough: what it reaches may not be.
    let raw = world.folder.git("work", &["cat-file", "commit", &second.to_string()]) + "\n";
    assert_eq!(world.store.write(Kind::Commit, raw.as_bytes()).expect("written"), second);
    let error = world.remote.fetch(&[(MAIN.to_owned(), second)]).expect_err("it is gone");
    let RemoteError::Away { message, .. } = error else { panic!("{error}") };
    assert_eq!(message, format!("`refs/heads/main` is no longer at {second}, and does not contain it"));

    let error = world.remote.fetch(&[("refs/heads/gone".to_owned(), first)]).expect_err("it never was");
    let RemoteError::Away { message, .. } = error else { panic!("{error}") };
    assert_eq!(message, "error: no such remote ref refs/heads/gone");
}

#[test]
fn a_branch_in_the_place_of_an_older_one_s_folder_is_fetched() {
    let mut world = World::new();
    world.folder.git("work", &["push", "--quiet", "origin", "main:refs/heads/a"]);
    world.fetch("refs/heads/a");
    world.folder.git("work", &["push", "--quiet", "origin", ":refs/heads/a"]);
    world.folder.git("work", &["push", "--quiet", "origin", "main:refs/heads/a/b"]);
    world.fetch("refs/heads/a/b");
}

#[test]
fn updates_are_made_and_what_is_so_already_is_done_too() {
    let mut world = World::new();
    let main = world.fetch(MAIN);
    let entry = world.commit(main, "entry");
    let made = [
        update(JOURNAL, None, Some(entry)),
        update("refs/heads/draft", None, Some(main)),
        update("refs/countersign/heartbeat", None, Some(entry)),
    ];
    assert_eq!(world.remote.push(&made).expect("an answer"), [RefResult::Done, RefResult::Done, RefResult::Done]);
    // The same once more: an answer that was lost is asked for again in this way.
    assert_eq!(world.remote.push(&made).expect("an answer"), [RefResult::Done, RefResult::Done, RefResult::Done]);
    assert_eq!((world.there(JOURNAL), world.there("refs/countersign/heartbeat")), (Some(entry), Some(entry)));

    let back = [update(JOURNAL, Some(entry), Some(main)), update("refs/heads/draft", Some(main), None)];
    assert_eq!(world.remote.push(&back).expect("an answer"), [RefResult::Done, RefResult::Done]);
    assert_eq!((world.there(JOURNAL), world.there("refs/heads/draft")), (Some(main), None));
    let gone = [update("refs/heads/draft", Some(main), None), update("refs/heads/new", None, Some(entry))];
    assert_eq!(world.remote.push(&gone).expect("an answer"), [RefResult::Done, RefResult::Done]);
    assert_eq!(world.there("refs/heads/new"), Some(entry));
    assert_eq!(world.remote.push(&gone[..1]).expect("an answer"), [RefResult::Done]);
    assert_eq!(world.remote.push(&[]).expect("an answer"), []);
}

#[test]
fn what_was_pushed_need_not_be_fetched() {
    let mut world = World::new();
    let main = world.fetch(MAIN);
    let entry = world.commit(main, "entry");
    world.remote.push(&[update(JOURNAL, None, Some(entry))]).expect("an answer");
    fs::remove_dir_all(world.folder.at("remote.git")).expect("removed");
    world.remote.fetch(&[(JOURNAL.to_owned(), entry), (MAIN.to_owned(), main)]).expect("nobody is asked");
}

#[test]
fn thousands_of_updates_go_in_one_call() {
    let mut world = World::new();
    let main = world.fetch(MAIN);
    let name = |n: usize| format!("refs/heads/countersign/approve/a-rather-long-environment-name-{n:05}/3f2a9c1d04be");
    let mut updates: Vec<_> = (0..1_050).map(|n| update(&name(n), None, Some(main))).collect();
    updates[700].expected = Some(world.commit(main, "something else"));
    updates[1_020].name = "refs/heads/-x y".to_owned();
    let results = world.remote.push(&updates).expect("an answer");
    for (n, result) in results.iter().enumerate() {
        match n {
            700 => assert_eq!(*result, RefResult::Stale),
            1_020 => assert!(matches!(result, RefResult::Refused { .. })),
            _ => assert_eq!(*result, RefResult::Done, "{n}"),
        }
    }
    assert_eq!(world.remote.references().expect("references").len(), 1_050 - 2 + 1);
}

#[test]
fn tidying_up_loses_nothing() {
    let mut world = World::new();
    let mut tip = world.fetch(MAIN);
    let kept = world.store.write(Kind::Blob, b"written, not pushed yet\n").expect("written");
    for n in 0..3 {
        let next = world.commit(tip, &n.to_string());
        world.remote.push(&[update(MAIN, Some(tip), Some(next))]).expect("an answer");
        tip = next;
        world.remote.pack().expect("packed");
        world.store.commit(tip).expect("the commit");
    }
    world.store.blob(kept).expect("the file");
    let counted = world.folder.git("state/cache.git", &["count-objects", "-v"]);
    assert!(counted.contains("count: 0\n"), "{counted}");
}

#[test]
fn packs_that_somebody_has_open_are_read_on_after_tidying_up() {
    let mut world = World::new();
    let first = world.fetch(MAIN);
    let reader = GitObjects::open(world.store.path()).expect("the store");
    let mut all = vec![first];
    for n in 0..=PACKS {
        let next = world.commit(all[n], &n.to_string());
        world.remote.push(&[update(MAIN, Some(all[n]), Some(next))]).expect("an answer");
        all.push(next);
        world.remote.run(["repack", "-d", "-q", "--no-write-bitmap-index"]).expect("packed");
        // Only some of the packs are opened before they are gone.
        if n % 2 == 0 {
            reader.commit(all[n + 1]).expect("read");
        }
    }
    let packs = || fs::read_dir(world.store.path().join("objects/pack")).expect("packs").count();
    let before = packs();
    assert!(world.remote.is_untidy(), "{before}");
    world.remote.pack().expect("packed");
    assert!(packs() < before && !world.remote.is_untidy());
    for id in all {
        reader.commit(id).expect("the commit");
    }
}

#[test]
fn packs_that_are_gone_are_not_kept_open() {
    let mut world = World::new();
    let mut tip = world.fetch(MAIN);
    for n in 0..3 {
        let next = world.commit(tip, &n.to_string());
        world.remote.push(&[update(MAIN, Some(tip), Some(next))]).expect("an answer");
        tip = next;
        world.remote.run(["repack", "-d", "-q", "--no-write-bitmap-index"]).expect("packed");
        world.remote.store.commit(tip).expect("the commit");
    }
    world.remote.pack().expect("packed");
    world.remote.store.commit(tip).expect("the commit");
    let folder = world.store.path().display().to_string();
    let open =
        fs::read_dir("/proc/self/fd").expect("files").flatten().filter_map(|file| fs::read_link(file.path()).ok());
    let open: Vec<String> = open.map(|file| file.display().to_string()).filter(|file| file.contains(&folder)).collect();
    assert!(open.iter().all(|file| !file.ends_with("(deleted)")), "{open:?}");
}

#[test]
fn a_lock_that_a_killed_git_left_is_taken_away_and_one_in_use_is_not() {
    let mut world = World::new();
    world.fetch("refs/heads/main");
    world.folder.commit("work", "file", "more\n");
    world.folder.git("work", &["push", "--quiet", "origin", "main"]);
    let lock = world.store.path().join(format!("{}.lock", kept_as("refs/heads/main")));
    let file = fs::File::create(&lock).expect("a lock");
    let id = world.remote.references().expect("references")["refs/heads/main"];
    let wanted = [("refs/heads/main".to_owned(), id)];
    let error = world.remote.fetch(&wanted).expect_err("locked").to_string();
    assert!(error.contains("cannot be kept: failed to") && lock.exists(), "{error}");
    let old = file.metadata().and_then(|file| file.modified()).expect("a time") - fetch::LEFT;
    file.set_modified(old).expect("set");
    world.remote.fetch(&wanted).expect("fetched");
    assert!(world.store.contains(id) && !lock.exists());
}

#[test]
fn a_reference_that_another_git_moves_during_a_fetch_is_fetched_again() {
    let mut world = World::new();
    let main = world.fetch(MAIN);
    let new = world.folder.commit("work", "file", "x\n");
    world.folder.git("work", &["push", "--quiet", "origin", "main"]);
    let theirs = world.commit(main, "theirs");
    // Runs on the remote's side, once git has read what is here and before it writes.
    let (here, kept) = (world.store.path().display(), kept_as(MAIN));
    let script = format!("git --git-dir={here} update-ref {kept} {theirs} || exit 1\necho >>\"$0.ran\"\nexec \"$@\"");
    let hook = world.folder.program("hook", &script);
    let settings = world.folder.at("state/git-home/gitconfig");
    let hooked = fs::read_to_string(&settings).expect("settings")
        + &format!("[uploadpack]\n\tpackObjectsHook = {}\n", hook.display());
    fs::write(&settings, hooked).expect("written");
    assert_eq!(world.fetch(MAIN), new);
    assert!(world.remote.is_here(MAIN, new));
    assert_eq!(fs::read_to_string(world.folder.at("hook.ran")).expect("it ran"), "\n", "only once something was new");
}

#[test]
fn what_a_new_commit_does_not_share_with_what_is_here_must_have_come_with_it() {
    let mut world = World::new();
    let first = world.fetch(MAIN);
    for (file, content) in [("a/b/one", "1\n"), ("a/b/two", "2\n"), ("c", "3\n")] {
        world.folder.commit("work", file, content);
    }
    world.folder.git("work", &["push", "--quiet", "origin", "main"]);
    let tip = world.fetch(MAIN);
    // Each thing that the newest commits have and the first has not is looked for.
    let reached = world.folder.git("work", &["rev-list", "--objects", "--no-object-names", &format!("{first}..main")]);
    assert_eq!(reached.lines().count(), 3 + 3 + 4 + 3);
    for id in reached.lines() {
        let store = GitObjects::create_bare(&world.folder.at(&format!("without-{id}"))).expect("a store");
        let mut whole = Whole::default();
        let all = world.folder.git("work", &["rev-list", "--objects", "--no-object-names", "main"]);
        for other in all.lines().filter(|other| *other != id) {
            let objects = world.store.repository();
            let odb = objects.odb().expect("objects");
            let object = odb.read(git2::Oid::from_str(other).expect("an id")).expect("read");
            let here = store.repository();
            here.odb().expect("objects").write(object.kind(), object.data()).expect("written");
        }
        whole.add(first);
        assert!(!whole.reaches(&store, tip), "{id}");
        assert!(!whole.reaches(&store, tip), "{id} is not forgotten");
    }
    let mut whole = Whole::default();
    whole.add(first);
    assert!(whole.reaches(&world.store, tip));
}

#[test]
fn a_tip_of_which_something_did_not_come_is_not_kept() {
    let mut world = World::new();
    world.fetch(MAIN);
    let new = world.folder.commit("work", "file", "x\n");
    world.folder.git("work", &["push", "--quiet", "origin", "main"]);
    // The remote says of one of its files that everybody has it.
    let blob = world.folder.git("work", &["rev-parse", "main:file"]);
    let script = format!("git pack-objects --revs --stdout -q <<.\n{new}\n^{new}^\n^{blob}\n.\ncat >/dev/null");
    let hook = world.folder.program("hook", &script);
    let settings = world.folder.at("state/git-home/gitconfig");
    let honest = fs::read_to_string(&settings).expect("settings");
    let hooked = format!("{honest}[uploadpack]\n\tpackObjectsHook = {}\n", hook.display());
    fs::write(&settings, hooked).expect("written");
    let tip = [(MAIN.to_owned(), new)];
    let error = world.remote.fetch(&tip).expect_err("not all of it").to_string();
    assert!(world.store.contains(new) && !world.remote.is_here(MAIN, new), "{error}");
    // Once it tells the truth, all of it comes.
    fs::write(&settings, honest).expect("written");
    world.remote.fetch(&tip).expect("fetched");
    assert!(world.remote.is_here(MAIN, new) && world.store.contains(blob.parse().expect("an id")));
}

#[test]
fn what_was_removed_is_not_kept() {
    let mut world = World::new();
    let main = world.fetch(MAIN);
    let name = "refs/heads/countersign/approve/prod/1";
    world.remote.push(&[update(name, None, Some(main))]).expect("an answer");
    assert!(world.remote.is_here(name, main));
    world.remote.push(&[update(name, Some(main), None)]).expect("an answer");
    assert!(!world.remote.is_here(name, main));
}

#[test]
fn what_came_first_and_whole_is_not_asked_for_and_may_be_packed() {
    let mut world = World::new();
    // More than git unpacks into files of their own.
    for n in 0..40 {
        world.folder.commit("work", &format!("file-{n}"), &format!("{n}\n"));
    }
    world.folder.git("work", &["push", "--quiet", "origin", "main"]);
    let main = world.fetch(MAIN);
    let packs = || {
        let files = fs::read_dir(world.store.path().join("objects/pack")).expect("packs").flatten();
        let mut ends: Vec<String> =
            files.filter_map(|file| Some(file.path().extension()?.to_str()?.to_owned())).collect();
        ends.sort();
        ends
    };
    assert_eq!(packs(), ["idx", "pack"]);
    assert!(world.remote.is_here(MAIN, main) && world.store.path().join("objects/info/commit-graph").exists());
    // Nothing of it was looked at one by one: git had said that it is whole.
    assert_eq!(world.remote.whole, {
        let mut whole = Whole::default();
        whole.add(main);
        whole
    });
    fs::write(world.store.path().join("objects/pack/pack-0.keep"), "").expect("written");
    world.remote.pack().expect("packed");
    assert_eq!(packs(), ["idx", "pack"]);
}
