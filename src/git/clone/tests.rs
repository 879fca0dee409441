use std::fs;

use super::*;
use crate::git::testing::Folder;
use crate::object::{Kind, Objects};

const MAIN: &str = "refs/heads/main";
const JOURNAL: &str = "refs/heads/countersign/journal";

/// A clone whose git sees its own configuration, but otherwise what a person's would.
fn world() -> (Folder, LocalClone) {
    let folder = Folder::new();
    folder.bare_and_clone("remote.git", "work");
    folder.git("work", &["config", "user.name", "Alice Archer"]);
    folder.git("work", &["config", "user.email", "alice@vendor.example"]);
    let clone = find(&folder, "work").expect("a clone");
    (folder, clone)
}

fn find(folder: &Folder, below: &str) -> Result<LocalClone, CloneError> {
    let git = GitCommand::in_clone(&folder.at(below));
    let git = git.with_variable("GIT_CONFIG_NOSYSTEM", "1").with_variable("GIT_CONFIG_GLOBAL", folder.at("gitconfig"));
    LocalClone::find_with(&folder.at(below), git)
}

fn quiet(_: &str) {}

fn commit(clone: &LocalClone, parent: Oid, message: &str) -> Oid {
    let objects = clone.objects().expect("objects");
    let tree = objects.commit(parent).expect("a commit").tree;
    let who = "a <a@test.example> 1800000000 +0000";
    let raw = format!("tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n\n{message}\n");
    objects.write(Kind::Commit, raw.as_bytes()).expect("written")
}

fn update(name: &str, expected: Option<Oid>, new: Option<Oid>) -> RefUpdate {
    RefUpdate { name: name.to_owned(), expected, new }
}

#[test]
fn a_clone_is_found_from_wherever_one_stands() {
    let (folder, clone) = world();
    let top = fs::canonicalize(folder.at("work")).expect("a path");
    assert_eq!(clone.top(), Some(top.as_path()));
    let below = folder.at("work/environments/prod");
    fs::create_dir_all(&below).expect("a folder");
    assert_eq!(find(&folder, "work/environments/prod").expect("a clone").top(), Some(top.as_path()));

    folder.git("work", &["worktree", "add", "--quiet", "../side", "-b", "side"]);
    let side = find(&folder, "side").expect("a clone");
    assert_eq!(side.top(), Some(fs::canonicalize(folder.at("side")).expect("a path").as_path()));
    let head = folder.oid("work", "HEAD");
    side.objects().expect("objects").commit(head).expect("a commit");

    let bare = find(&folder, "remote.git").expect("a repository");
    assert_eq!(bare.top(), None);
    bare.objects().expect("objects").commit(head).expect("a commit");

    let nowhere = tempfile::tempdir().expect("a folder");
    let error = LocalClone::find(nowhere.path()).expect_err("no clone").to_string();
    assert!(error.contains("is in no git repository: fatal: not a git repository"), "{error}");
}

#[test]
fn configuration_is_read_as_git_reads_it() {
    let (folder, clone) = world();
    assert_eq!(clone.config("countersign.remote").expect("read"), None);
    folder.git("work", &["config", "countersign.remote", "first"]);
    folder.git("work", &["config", "--add", "countersign.remote", "up stream"]);
    folder.git("work", &["config", "user.signingKey", "/keys/id.pub"]);
    folder.git("work", &["config", "remote.Up.Stream.promisor", "of two\nlines"]);
    let clone = find(&folder, "work").expect("a clone");
    assert_eq!(clone.config("remote.Up.Stream.Promisor").expect("read").as_deref(), Some("of two\nlines"));
    assert_eq!(clone.config("remote.up.stream.promisor").expect("read"), None);
    assert_eq!(clone.config("countersign.remote").expect("read").as_deref(), Some("up stream"));
    assert_eq!(clone.signing_key().expect("read"), Some(SigningKey::File("/keys/id.pub".into())));
    assert_eq!(clone.identity().expect("read"), ("Alice Archer".to_owned(), "alice@vendor.example".to_owned()));
    folder.git("work", &["config", "gpg.ssh.program", "/opt/sign"]);
    let clone = find(&folder, "work").expect("a clone");
    assert_eq!(clone.signing_program().expect("read"), "/opt/sign");
    fs::write(folder.at("work/.git/config"), "[broken\n").expect("written");
    let clone = LocalClone { settings: OnceLock::new(), ..clone };
    assert!(matches!(clone.config("countersign.remote"), Err(CloneError::Git { .. })));
}

#[test]
fn references_of_the_remote_are_fetched_and_optional_ones_may_be_missing() {
    let (folder, clone) = world();
    let main = folder.oid("remote.git", "main");
    folder.git("remote.git", &["update-ref", JOURNAL, "main"]);
    folder.git("remote.git", &["update-ref", "refs/countersign/heartbeat", "main"]);
    let all = [
        Wanted::required(MAIN),
        Wanted::optional("refs/heads/countersign/records"),
        Wanted::optional(JOURNAL),
        Wanted::optional("refs/countersign/heartbeat"),
        Wanted::optional("refs/heads/other"),
    ];
    let fetched = clone.fetch("origin", &all, &mut quiet).expect("fetched");
    insta::assert_snapshot!(
        fetched.iter().map(|(name, id)| format!("{name} {}", id.is_some())).collect::<Vec<_>>().join("\n"),
        @"
    refs/countersign/heartbeat true
    refs/heads/countersign/journal true
    refs/heads/countersign/records false
    refs/heads/main true
    refs/heads/other false
    "
    );
    assert_eq!(clone.reference("refs/remotes/origin/countersign/journal").expect("read"), Some(main));
    assert_eq!(clone.reference("refs/countersign-remotes/origin/countersign/heartbeat").expect("read"), Some(main));
    assert_eq!(folder.git("work", &["status", "--porcelain", "--branch"]), "## main...origin/main");

    // The journal is deleted: what we had of it is no answer any more.
    folder.git("remote.git", &["update-ref", "-d", JOURNAL]);
    let fetched = clone.fetch("origin", &all, &mut quiet).expect("fetched");
    assert_eq!(fetched[JOURNAL], None);
    assert_eq!(clone.reference("refs/remotes/origin/countersign/journal").expect("read"), None);

    let error = clone.fetch("origin", &[Wanted::required(JOURNAL)], &mut quiet).expect_err("it is required");
    insta::assert_snapshot!(error, @"the remote origin cannot be reached: fatal: couldn't find remote ref refs/heads/countersign/journal");
}

#[test]
fn pushing_is_a_compare_and_set() {
    let (folder, clone) = world();
    let main = folder.oid("work", "HEAD");
    let (ours, theirs) = (commit(&clone, main, "ours"), commit(&clone, main, "theirs"));
    let push = |update: &RefUpdate| clone.push("origin", update, &mut quiet);
    assert_eq!(push(&update(MAIN, Some(ours), Some(theirs))).expect("an answer"), RefResult::Stale);
    assert_eq!(push(&update(MAIN, Some(main), Some(ours))).expect("an answer"), RefResult::Done);
    assert_eq!(push(&update(MAIN, Some(main), Some(ours))).expect("an answer"), RefResult::Done);
    assert_eq!(push(&update(MAIN, Some(main), Some(theirs))).expect("an answer"), RefResult::Stale);
    assert_eq!(folder.oid("remote.git", "main"), ours);
    // Neither the local branch nor the work tree has moved.
    assert_eq!(folder.oid("work", "main"), main);
    assert_eq!(folder.git("work", &["status", "--porcelain"]), "");

    push(&update("refs/heads/theirs", None, Some(theirs))).expect("an answer");
    let race = format!("unset GIT_QUARANTINE_PATH; exec git update-ref {MAIN} {theirs} {ours}");
    folder.hook("remote.git", "pre-receive", &race);
    let next = commit(&clone, ours, "next");
    assert_eq!(push(&update(MAIN, Some(ours), Some(next))).expect("an answer"), RefResult::Stale);

    folder.hook("remote.git", "pre-receive", "echo protected >&2; exit 1");
    let answer = push(&update(MAIN, Some(theirs), Some(main))).expect("an answer");
    assert_eq!(answer, RefResult::Refused { reason: "pre-receive hook declined: protected".to_owned() });

    folder.hook("remote.git", "pre-receive", "kill -9 $PPID");
    let error = push(&update(MAIN, Some(theirs), Some(main))).expect_err("lost");
    assert!(matches!(error, CloneError::Remote(RemoteError::AnswerLost { .. })), "{error}");

    fs::remove_dir_all(folder.at("remote.git")).expect("removed");
    let error = push(&update(MAIN, Some(theirs), Some(main))).expect_err("away");
    assert!(matches!(error, CloneError::Remote(RemoteError::Away { .. })), "{error}");
}

#[test]
fn the_person_s_own_hook_may_hold_a_push_back() {
    let (folder, clone) = world();
    let main = folder.oid("work", "HEAD");
    let ours = commit(&clone, main, "ours");
    folder.hook("work/.git", "pre-push", "echo not on a Friday >&2; exit 1");
    let mut notes = Vec::new();
    let answer = clone.push("origin", &update(MAIN, Some(main), Some(ours)), &mut |line| notes.push(line.to_owned()));
    let RefResult::Refused { reason } = answer.expect("an answer") else { panic!("{notes:?}") };
    assert!(reason.starts_with("not on a Friday; error: failed to push some refs to"), "{reason}");
    assert_eq!(notes[0], "not on a Friday");
    assert_eq!(folder.oid("remote.git", "main"), main);
}

#[test]
fn only_remotes_of_the_clone_and_names_of_references_are_taken() {
    let (folder, clone) = world();
    let main = folder.oid("work", "HEAD");
    for remote in ["upstream", "--upload-pack=touch x", "/srv/x", "ext::sh", ""] {
        let error = clone.fetch(remote, &[Wanted::required(MAIN)], &mut quiet).expect_err("no remote");
        assert!(matches!(error, CloneError::NoRemote { .. }), "{error}");
        assert!(clone.push(remote, &update(MAIN, None, Some(main)), &mut quiet).is_err());
    }
    for name in ["main", "-x", "refs/heads/*", "refs/heads/a:refs/heads/b"] {
        assert!(matches!(clone.fetch("origin", &[Wanted::required(name)], &mut quiet), Err(CloneError::Name { .. })));
        assert!(matches!(clone.reference(name), Err(CloneError::Name { .. })));
        assert!(clone.push("origin", &update(name, None, Some(main)), &mut quiet).is_err());
    }
}
