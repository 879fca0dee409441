//! Races, refusals, and answers that are lost.

use super::*;

#[test]
fn somebody_was_faster_before() {
    let mut world = World::new();
    let main = world.fetch(MAIN);
    let theirs = world.folder.commit("work", "file", "x\n");
    world.folder.git("work", &["push", "--quiet", "origin", "main"]);
    let ours = world.commit(main, "ours");
    let updates = [update(MAIN, Some(main), Some(ours)), update(JOURNAL, Some(main), Some(ours))];
    assert_eq!(world.remote.push(&updates).expect("an answer"), [RefResult::Stale, RefResult::Stale]);
    assert_eq!(world.remote.push(&[update(MAIN, None, Some(ours))]).expect("an answer"), [RefResult::Stale]);
    assert_eq!(world.remote.push(&[update(MAIN, Some(main), None)]).expect("an answer"), [RefResult::Stale]);
    assert_eq!((world.there(MAIN), world.there(JOURNAL)), (Some(theirs), None));
}

#[test]
fn somebody_is_faster_while_the_push_is_under_way() {
    let mut world = World::new();
    let main = world.fetch(MAIN);
    let (ours, theirs) = (world.commit(main, "ours"), world.commit(main, "theirs"));
    world.remote.push(&[update("refs/heads/theirs", None, Some(theirs))]).expect("an answer");
    // By the time the hook runs, our side has seen the references and sent its commands.
    let race = format!("unset GIT_QUARANTINE_PATH; exec git update-ref refs/heads/main {theirs} {main}");
    world.folder.hook("remote.git", "pre-receive", &race);
    let answer = world.remote.push(&[update(MAIN, Some(main), Some(ours))]).expect("an answer");
    assert_eq!((answer, world.there(MAIN)), (vec![RefResult::Stale], Some(theirs)));

    let race = format!("unset GIT_QUARANTINE_PATH; exec git update-ref {JOURNAL} {theirs}");
    world.folder.hook("remote.git", "pre-receive", &race);
    let answer = world.remote.push(&[update(JOURNAL, None, Some(ours))]).expect("an answer");
    assert_eq!((answer, world.there(JOURNAL)), (vec![RefResult::Stale], Some(theirs)));
}

#[test]
fn two_daemons_push_at_once_and_one_of_them_wins() {
    let folder = Folder::new();
    folder.bare_and_clone("remote.git", "work");
    let url = RemoteUrl::local(&folder.at("remote.git")).expect("a URL");
    let barrier = std::sync::Barrier::new(2);
    for round in 0..8 {
        let name = format!("refs/heads/round-{round}");
        let push = |who: &str| {
            let store = GitObjects::create_bare(&folder.at(who).join("cache.git")).expect("a store");
            let home = GitHome::create(&folder.at(who)).expect("a home");
            let mut remote = GitRemote::new(url.clone(), store.clone(), &home, Access::Open).expect("a remote");
            let main = remote.references().expect("references")[MAIN];
            remote.fetch(&[(MAIN.to_owned(), main)]).expect("fetched");
            let tree = store.commit(main).expect("a commit").tree;
            let who = format!("{who} <d@test.example> 1800000000 +0000");
            let raw = format!("tree {tree}\nparent {main}\nauthor {who}\ncommitter {who}\n\n{round}\n");
            let new = store.write(Kind::Commit, raw.as_bytes()).expect("written");
            barrier.wait();
            (remote.push(&[update(&name, None, Some(new))]).expect("an answer").remove(0), new)
        };
        let (one, other) = std::thread::scope(|scope| {
            let one = scope.spawn(|| push("one"));
            (push("other"), one.join().expect("no panic"))
        });
        let winner = match (&one.0, &other.0) {
            (RefResult::Done, RefResult::Stale) => one.1,
            (RefResult::Stale, RefResult::Done) => other.1,
            _ => panic!("{one:?} {other:?}"),
        };
        assert_eq!(folder.oid("remote.git", &name), winner);
    }
}

#[test]
fn a_hook_that_refuses_is_quoted_escaped() {
    let mut world = World::new();
    let main = world.fetch(MAIN);
    let ours = world.commit(main, "ours");
    world.folder.hook("remote.git", "pre-receive", "printf 'main is protected \\033[2J\\n' >&2; exit 1");
    let answer = world.remote.push(&[update(MAIN, Some(main), Some(ours))]).expect("an answer");
    let RefResult::Refused { reason } = &answer[0] else { panic!("{answer:?}") };
    insta::assert_snapshot!(reason, @"pre-receive hook declined: main is protected U+001B[2J");
    assert_eq!(world.there(MAIN), Some(main));
}

#[test]
fn a_hook_that_refuses_one_reference_does_not_keep_the_others_back() {
    let mut world = World::new();
    let main = world.fetch(MAIN);
    world.folder.hook("remote.git", "pre-receive", "! grep -q ' refs/heads/no'");
    let names: Vec<String> = (0..20).map(|n| format!("refs/heads/{}{n}", if n == 13 { "no" } else { "yes" })).collect();
    let updates: Vec<_> = names.iter().map(|name| update(name, None, Some(main))).collect();
    let answer = world.remote.push(&updates).expect("an answer");
    for (name, result) in names.iter().zip(&answer) {
        let expected = if name.contains("no") { None } else { Some(main) };
        assert_eq!((world.there(name), *result == RefResult::Done), (expected, expected.is_some()), "{name}");
    }

    world.folder.hook("remote.git", "pre-receive", "echo x >>pushes; exit 1");
    let updates: Vec<_> = (0..400).map(|n| update(&format!("refs/heads/new{n}"), None, Some(main))).collect();
    let answer = world.remote.push(&updates).expect("an answer");
    assert!(answer.iter().all(|result| matches!(result, RefResult::Refused { .. })));
    let pushes = fs::read_to_string(world.folder.at("remote.git/pushes")).expect("counted").lines().count();
    assert!(pushes <= 41, "{pushes} pushes");
}

#[test]
fn an_update_hook_refuses_one_by_one() {
    let mut world = World::new();
    let main = world.fetch(MAIN);
    world.folder.hook("remote.git", "update", "case $1 in refs/heads/no) echo not this >&2; exit 1;; esac");
    let updates = [update("refs/heads/no", None, Some(main)), update("refs/heads/yes", None, Some(main))];
    let answer = world.remote.push(&updates).expect("an answer");
    assert_eq!(
        answer,
        [
            RefResult::Refused {
                reason: "hook declined: not this; error: hook declined to update refs/heads/no".into()
            },
            RefResult::Done
        ]
    );
}

#[test]
fn configuration_of_the_remote_refuses() {
    let mut world = World::new();
    let main = world.fetch(MAIN);
    let next = world.commit(main, "next");
    assert_eq!(world.remote.push(&[update(MAIN, Some(main), Some(next))]).expect("an answer"), [RefResult::Done]);
    world.folder.git("remote.git", &["config", "receive.denyNonFastForwards", "true"]);
    let answer = world.remote.push(&[update(MAIN, Some(next), Some(main))]).expect("an answer");
    let RefResult::Refused { reason } = &answer[0] else { panic!("{answer:?}") };
    insta::assert_snapshot!(reason, @"non-fast-forward: error: denying non-fast-forward refs/heads/main (you should pull first)");
}

#[test]
fn a_lock_or_a_branch_in_the_way_is_no_race() {
    let mut world = World::new();
    let main = world.fetch(MAIN);
    let next = world.commit(main, "next");
    fs::write(world.folder.at("remote.git/refs/heads/main.lock"), "").expect("a lock");
    let answer = world.remote.push(&[update(MAIN, Some(main), Some(next))]).expect("an answer");
    let RefResult::Refused { reason } = &answer[0] else { panic!("{answer:?}") };
    assert!(reason.contains("main.lock': File exists"), "{reason}");

    world.folder.git("remote.git", &["branch", "countersign", "main"]);
    let answer = world.remote.push(&[update(JOURNAL, None, Some(next))]).expect("an answer");
    let RefResult::Refused { reason } = &answer[0] else { panic!("{answer:?}") };
    assert!(reason.contains("'refs/heads/countersign' exists"), "{reason}");
}

#[test]
fn a_remote_that_cannot_be_written_refuses() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut world = World::new();
    let main = world.fetch(MAIN);
    let next = world.commit(main, "next");
    let objects = world.folder.at("remote.git/objects");
    fs::set_permissions(&objects, fs::Permissions::from_mode(0o555)).expect("permissions");
    let probe = fs::write(objects.join("probe"), "");
    if probe.is_ok() {
        // For root, permissions are none: a file where the folder for new objects would be does it too.
        fs::remove_file(objects.join("probe")).expect("removed");
        fs::rename(&objects, world.folder.at("remote.git/kept")).expect("renamed");
        fs::create_dir(&objects).expect("a folder");
        fs::create_dir(objects.join("info")).expect("a folder");
        fs::write(objects.join("info/alternates"), format!("{}\n", world.folder.at("remote.git/kept").display()))
            .expect("written");
        for n in 0..=255 {
            fs::write(objects.join(format!("{n:02x}")), "").expect("a file in the way");
        }
        fs::write(objects.join("pack"), "").expect("a file in the way");
    }
    let answer = world.remote.push(&[update(MAIN, Some(main), Some(next))]).expect("an answer");
    assert!(matches!(answer[0], RefResult::Refused { .. }), "{answer:?}");
    fs::set_permissions(&objects, fs::Permissions::from_mode(0o755)).expect("permissions");
    assert_eq!(world.there(MAIN), Some(main));
}

#[test]
fn a_remote_that_disappears_is_away() {
    let mut world = World::new();
    let main = world.fetch(MAIN);
    let ours = world.commit(main, "ours");
    fs::rename(world.folder.at("remote.git"), world.folder.at("elsewhere.git")).expect("renamed");
    let url = world.folder.at("remote.git").display().to_string();
    let away = |error: RemoteError| match error {
        RemoteError::Away { message, .. } => message.replace(&url, "[REMOTE]"),
        error @ RemoteError::AnswerLost { .. } => panic!("{error}"),
    };
    insta::assert_snapshot!(away(world.remote.references().expect_err("away")), @"fatal: '[REMOTE]' does not appear to be a git repository; fatal: Could not read from remote repository.");
    insta::assert_snapshot!(away(world.remote.fetch(&[("refs/heads/x".into(), main)]).expect_err("away")), @"fatal: '[REMOTE]' does not appear to be a git repository; fatal: Could not read from remote repository.");
    insta::assert_snapshot!(away(world.remote.push(&[update(MAIN, Some(main), Some(ours))]).expect_err("away")), @"fatal: '[REMOTE]' does not appear to be a git repository; fatal: Could not read from remote repository.");
}

#[test]
fn nothing_is_sent_where_the_commit_is_not_here() {
    let mut world = World::new();
    let main = world.fetch(MAIN);
    let nowhere = Oid::of(Kind::Commit, b"nowhere");
    let updates = [update(JOURNAL, None, Some(main)), update(MAIN, Some(main), Some(nowhere))];
    let RemoteError::Away { message, .. } = world.remote.push(&updates).expect_err("not here") else { panic!() };
    assert_eq!(message, format!("{nowhere} cannot be pushed: it is not here"));
    assert_eq!(world.there(JOURNAL), None);
}

#[test]
fn a_server_that_dies_before_it_did_anything_leaves_the_answer_open() {
    let mut world = World::new();
    let main = world.fetch(MAIN);
    let ours = world.commit(main, "ours");
    world.folder.hook("remote.git", "pre-receive", "kill -9 $PPID");
    let error = world.remote.push(&[update(MAIN, Some(main), Some(ours))]).expect_err("lost");
    assert!(matches!(error, RemoteError::AnswerLost { .. }), "{error}");
    assert_eq!(world.there(MAIN), Some(main));
}

#[test]
fn a_server_that_dies_after_it_did_leaves_the_answer_open_and_asking_again_settles_it() {
    let mut world = World::new();
    let main = world.fetch(MAIN);
    let ours = world.commit(main, "ours");
    world.folder.hook("remote.git", "reference-transaction", "test \"$1\" != committed || kill -9 $PPID");
    let error = world.remote.push(&[update(MAIN, Some(main), Some(ours))]).expect_err("lost");
    assert!(matches!(error, RemoteError::AnswerLost { .. }), "{error}");
    assert_eq!(world.there(MAIN), Some(ours));
    world.folder.hook("remote.git", "reference-transaction", "");
    assert_eq!(world.remote.push(&[update(MAIN, Some(main), Some(ours))]).expect("an answer"), [RefResult::Done]);
}

#[test]
fn a_push_that_hangs_is_ended_and_its_answer_open() {
    let mut world = World::new();
    let main = world.fetch(MAIN);
    let ours = world.commit(main, "ours");
    world.folder.hook("remote.git", "pre-receive", "while :; do sleep 100; done");
    world.remote = world.remote.with_time_limit(Duration::from_millis(700));
    let error = world.remote.push(&[update(MAIN, Some(main), Some(ours))]).expect_err("it hangs");
    let RemoteError::AnswerLost { message, .. } = error else { panic!("{error}") };
    assert_eq!(message, "`git` took longer than 0.7 s and was ended");
    assert_eq!(world.there(MAIN), Some(main));
}

#[test]
fn an_answer_lost_in_a_later_group_is_never_called_nothing() {
    let mut world = World::new();
    let main = world.fetch(MAIN);
    let home = world.folder.at("remote.git").display().to_string();
    // After the first group, the repository is gone.
    world.folder.hook("remote.git", "post-receive", &format!("mv {home} {home}.gone"));
    let updates: Vec<_> = (0..=AT_ONCE).map(|n| update(&format!("refs/heads/n{n}"), None, Some(main))).collect();
    let error = world.remote.push(&updates).expect_err("half of it is done");
    assert!(matches!(error, RemoteError::AnswerLost { .. }), "{error}");
}

#[test]
fn names_that_are_options_go_nowhere() {
    let mut world = World::new();
    let main = world.fetch(MAIN);
    for name in ["--mirror", "--receive-pack=touch x", "refs/heads/a:refs/heads/b", "refs/heads/*", "main"] {
        let answer = world.remote.push(&[update(name, None, Some(main))]).expect("an answer");
        assert!(matches!(&answer[0], RefResult::Refused { reason } if reason.ends_with("is no name of a reference")));
        assert!(matches!(world.remote.fetch(&[(name.to_owned(), main)]), Err(RemoteError::Away { .. })));
    }
    assert_eq!(world.remote.references().expect("references").len(), 1);
}
