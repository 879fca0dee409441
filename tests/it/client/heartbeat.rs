//! R6: pushes are withheld, or the daemon is gone: the heartbeat tells, and cannot be made by anybody else.

use countersign::git::sign::{JournalKey, NewCommit, write_commit};
use countersign::git::store::GitObjects;
use countersign::journal::{AUTHOR, Heartbeat};
use countersign::object::Objects as _;
use jiff::{SignedDuration, Timestamp};

use super::{shown, waiting};
use crate::world::{DAEMON, World};

const HEARTBEAT: &str = "refs/countersign/heartbeat";
const MAIN: &str = "refs/heads/main";
const JOURNAL: &str = "refs/heads/countersign/journal";

/// The heartbeat on the remote.
fn heartbeat(world: &World) -> Heartbeat {
    let text = world.git("remote.git", &["cat-file", "blob", &format!("{HEARTBEAT}:heartbeat.json")]);
    serde_json::from_str(&text).expect("a heartbeat")
}

/// Puts a changed copy of the heartbeat on the remote, signed with this key.
fn put(world: &World, signer: &str, change: impl FnOnce(&mut Heartbeat)) {
    let mut beat = heartbeat(world);
    change(&mut beat);
    let objects = GitObjects::open(&world.at("remote.git")).expect("the remote");
    let tree = beat.write_tree(&objects).expect("a tree");
    let key = JournalKey::load(&world.at(format!("{signer}.key"))).expect("a key");
    let (name, email) = AUTHOR;
    let commit = NewCommit { tree, parents: &[], name, email, time: beat.time, message: "heartbeat" };
    let (id, raw) = write_commit(&objects, &commit, Some(&key)).expect("a commit");
    assert_eq!(&*objects.commit(id).expect("a commit").raw, raw.as_slice());
    world.git("remote.git", &["update-ref", HEARTBEAT, &id.to_string()]);
}

/// `status --exit-code` ends so, saying this.
#[track_caller]
fn expect_life(world: &World, code: i32, words: &str) {
    let run = world.client("bob", &["status", "--exit-code"]);
    assert_eq!(run.code, Some(code), "{run}");
    assert!(run.stdout.contains(words), "`{words}` is not in {run}");
}

fn now() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).expect("a time")
}

#[test]
fn a_tick_leaves_a_heartbeat_and_the_next_one_keeps_it() {
    let mut world = waiting();
    let beat = heartbeat(&world);
    let tips = world.references();
    assert_eq!((beat.journal.to_string(), beat.config.to_string()), (tips[JOURNAL].clone(), tips[MAIN].clone()));
    expect_life(&world, 0, "· daemon seen ");
    let json: serde_json::Value =
        serde_json::from_str(&world.client("bob", &["--output", "json", "status", "prod"]).text()).expect("JSON");
    assert_eq!(json["phase"], "AwaitingApproval");
    assert_eq!((&json["daemon"]["stale"], &json["daemon"]["heartbeat"]["every"]), (&false.into(), &300.into()));
    world.tick();
    assert_eq!(world.references(), tips, "the next tick renews nothing");
    world.finish();
}

#[test]
fn r6_a_daemon_that_is_silent_is_noticed() {
    let mut world = waiting();
    put(&world, DAEMON, |beat| beat.time = now() - SignedDuration::from_mins(14));
    expect_life(&world, 0, "daemon seen ");
    // The plan is young: what counts is that no heartbeat came.
    put(&world, DAEMON, |beat| beat.time = now() - SignedDuration::from_mins(16));
    expect_life(&world, 3, "warning: its heartbeat should come every 5 min: it is gone, or cannot push");
    world.tick();
    expect_life(&world, 0, "daemon seen ");
    world.finish();
}

#[test]
fn r6_what_is_kept_back_from_a_clone_is_noticed() {
    let mut world = waiting();
    let tips = world.references();
    let put_back = |name: &str, at: &str| world.git("remote.git", &["update-ref", name, at]);
    put_back(JOURNAL, &format!("{JOURNAL}~1"));
    expect_life(&world, 3, "on countersign/journal, which origin does not show here: something is kept back");
    put_back(JOURNAL, &tips[JOURNAL]);
    expect_life(&world, 0, "daemon seen ");
    put_back(MAIN, &format!("{MAIN}~1"));
    expect_life(&world, 3, "on main, which origin does not show here: something is kept back");
    put_back(MAIN, &tips[MAIN]);
    world.finish();
}

#[test]
fn r6_nobody_else_makes_a_heartbeat() {
    let mut world = waiting();
    put(&world, "mallory", |beat| beat.time = now());
    expect_life(&world, 3, "the heartbeat on the remote is not the daemon's: the key that signed it is no journal key");
    world.tick().expect_said("somebody else's heartbeat is replaced");
    expect_life(&world, 0, "daemon seen ");
    // One that the same key made for another repository.
    put(&world, DAEMON, |beat| beat.repository = format!("sha256:{}", "7".repeat(64)).parse().expect("an id"));
    expect_life(&world, 3, "it is of another repository");
    world.tick();
    expect_life(&world, 0, "daemon seen ");
    // An old one, which somebody kept, does not stay.
    put(&world, DAEMON, |beat| beat.time = now() - SignedDuration::from_hours(1));
    world.tick();
    expect_life(&world, 0, "daemon seen ");
    world.git("remote.git", &["update-ref", HEARTBEAT, "main"]);
    expect_life(&world, 3, "the heartbeat on the remote is not the daemon's");
    world.tick();
    expect_life(&world, 0, "daemon seen ");
    world.finish();
}

#[test]
fn a_remote_that_takes_no_heartbeat_costs_nothing_but_the_sign() {
    let mut world = World::new();
    world.hook("update", "case $1 in refs/countersign/*) echo 'no such references here' >&2; exit 1;; esac");
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().expect_said("the remote refuses the heartbeat");
    expect_life(&world, 0, "daemon seen ");
    insta::assert_snapshot!(shown(&world, &world.client("bob", &["status"])), @r"
    exit 0
    prod  AwaitingApproval  nothing applied yet ← plan [short]  create  [n] s
          standard/platform  0 of 1  waits for alice or bob
    1 of 1 waits for someone · `countersign pending --mine` shows yours · daemon seen [n] s ago
    ");
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
}
