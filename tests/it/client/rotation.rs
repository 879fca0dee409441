//! While the journal's key is replaced, commands read what the key in force wrote, and nothing else.

use super::{expect_refused, waiting};
use crate::world::{DAEMON, World};

const JOURNAL: &str = "countersign/journal";

/// Two daemons; the policy without the first one's key is pushed and waits.
fn rotating() -> World {
    let mut world = World::with().daemon("second").build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    let old = world.public_key(DAEMON);
    let path = world.clone_of("mallory").join("governance/policy.yaml");
    let text = std::fs::read_to_string(path).expect("a policy").replace(&format!("    - key: \"{old}\"\n"), "");
    world.pull("mallory").file("mallory", "governance/policy.yaml", &text).push("mallory").tick();
    world.expect_waiting_on("governance", "owners/owners");
    world
}

#[test]
fn the_key_in_force_is_read_before_during_and_after() {
    let mut world = rotating();
    assert!(world.client("bob", &["status"]).text().contains("AwaitingApproval"));
    assert!(world.client("alice", &["approve", "governance", "--yes"]).succeeded());
    // The old key's last entry is the one that retires it.
    assert_eq!(world.try_tick().code, Some(2));
    world.client("bob", &["status"]).text();
    world.tick_of("second").client("bob", &["status"]).text();
    world.approve_by_merge("bob", "prod").tick_of("second").expect_applied("prod", "v1\n");
    world.client("bob", &["status", "prod"]).text();
    world.expect_proven().finish_without_tick("the first daemon has no key any more");
}

#[test]
fn a_retired_key_does_not_come_back() {
    for policy in [1, 2] {
        let mut world = rotating();
        world.approve_by_record("alice", "governance");
        assert_eq!(world.try_tick().code, Some(2));
        world.approve_by_merge("bob", "prod").tick_of("second").client("bob", &["status"]).text();
        let good = world.tip(JOURNAL);
        // By whoever stole it, saying which policy is in force.
        world.forge_entry_under(policy);
        expect_refused(&world, "bob", &["status"], 2, &["is not to be trusted", "no journal key"]);
        world.git("remote.git", &["update-ref", &format!("refs/heads/{JOURNAL}"), &good]);
        world.finish_without_tick("the first daemon has no key any more");
    }
}

#[test]
fn a_policy_that_only_the_journal_has_names_nobody() {
    let mut world = waiting();
    let (old, own) = (world.public_key(DAEMON), world.public_key("mallory"));
    let good = world.tip(JOURNAL);
    world.shell("mallory", &format!("git fetch --quiet && git checkout --quiet --detach origin/{JOURNAL}"));
    let path = world.clone_of("mallory").join("policy/1/policy.yaml");
    let text = std::fs::read_to_string(&path).expect("a policy");
    assert!(text.contains(&old), "{text}");
    std::fs::write(&path, text.replace(&old, &own)).expect("written");
    world.shell("mallory", &format!("git commit --quiet --all -S -m mine && git push --quiet origin HEAD:{JOURNAL}"));
    expect_refused(&world, "bob", &["status"], 2, &["is not to be trusted", "no journal key"]);
    world.git("remote.git", &["update-ref", &format!("refs/heads/{JOURNAL}"), &good]);
    world.finish();
}
