//! A new pin: the owner lost the key.

use super::*;

/// The policy that mallory's clone has: alice's key is lost, zoe is the owner now.
fn lost_key() -> (World, String) {
    let mut world = applied();
    world.change("mallory", "prod", "v2\n").tick();
    world.pull("mallory").add_somebody("mallory", "zoe");
    world.rewrite("mallory", "governance/policy.yaml", |text| text.replace("alice", "zoe"));
    world.rewrite("mallory", "governance/teams/platform.yaml", |text| text.replace("alice", "zoe"));
    world.rewrite("mallory", "governance/rulesets/owners.yaml", |text| text.replace("alice", "zoe"));
    world.remove_file("mallory", "governance/people/alice.yaml").push("mallory").tick();
    world.expect_waiting_on("governance", "owners/owners");
    let pin = world.countersign(&["-C", "mallory", "trust"]).text();
    (world, pin)
}

fn pin_in_settings(world: &mut World, daemon: &str, pin: &str) {
    world.edit_settings(daemon, |text| {
        let lines = text.lines().map(|line| match line.trim_start().strip_prefix("policy: ") {
            Some(_) => format!("        policy: \"{pin}\"\n"),
            None => format!("{line}\n"),
        });
        lines.collect()
    });
}

#[test]
fn a_new_pin_brings_a_policy_into_force_whose_owner_lost_the_key() {
    let (mut world, pin) = lost_key();
    let old_root = world.root();
    let word = format!("governance@{}", world.tip("main"));
    // Neither the word nor the pin alone.
    expect_refused(&mut world, &word, "but the settings pin");
    pin_in_settings(&mut world, DAEMON, &pin);
    let run = world.try_tick();
    assert_eq!(run.code, Some(2), "{run}");
    assert!(
        run.stderr.contains("but the settings pin") && run.stderr.contains("--accept-history governance@"),
        "{run}"
    );
    accepted(&mut world, &word);
    world.expect_phase("governance", Phase::Synced);
    assert_eq!(world.status("prod").policy, 2);
    assert!(journal_says(&world, "an operator's pin alone brought policy 2 into force"), "on the first page");
    // The newest pin proves it; the older one does not, and says why.
    let proof = world.verify("remote.git");
    assert_eq!(proof.code, Some(1), "{proof}");
    assert!(proof.stdout.contains("is an older pin"), "{proof}");
    let unpinned = world.countersign(&["-C", "remote.git", "verify"]);
    assert!(unpinned.succeeded() && unpinned.stdout.contains("policies by an operator's pin alone (1)"), "{unpinned}");
    world.take_root(&pin);
    let proof = world.verify("remote.git");
    assert!(proof.succeeded() && !proof.stdout.contains("pin alone"), "{proof}");
    assert_ne!(old_root, pin);
    // alice approves nothing any more, and what zoe's policy asks for is enough.
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n");
    world.approve_by_merge("bob", "prod").tick().expect_applied("prod", "v2\n").finish();
}

#[test]
fn a5_a_pin_written_with_the_stolen_journal_key_moves_nobody() {
    let (mut world, pin) = lost_key();
    let commit = world.tip("main").parse().expect("an id");
    world.forge_entry(vec![Event::PolicyPinned { version: 2, revision: pin.parse().expect("a revision"), commit }]);
    let run = world.try_tick();
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("the journal rests on policy"), "{run}");
    world.expect_applied("prod", "v1\n");
    let proof = world.verify("remote.git");
    assert_eq!(proof.code, Some(1), "{proof}");
    world.take_off_the_last_entry().tick().expect_waiting_on("governance", "owners/owners").finish();
}

#[test]
fn a_replica_with_the_older_pin_goes_no_further() {
    let mut world = World::with().daemon("second").build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().tick_of("second");
    world.pull("mallory").add_somebody("mallory", "zoe").push("mallory").tick();
    let pin = world.countersign(&["-C", "mallory", "trust"]).text();
    pin_in_settings(&mut world, DAEMON, &pin);
    let word = format!("governance@{}", world.tip("main"));
    accepted(&mut world, &word);
    let run = world.try_tick_of("second");
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("the journal rests on policy"), "{run}");
    pin_in_settings(&mut world, "second", &pin);
    world.take_root(&pin);
    world.tick_of("second").tick().finish();
}

#[test]
fn a_pin_of_a_policy_that_would_lock_is_refused() {
    let mut world = applied();
    let file = "governance/people/bob.yaml";
    world.pull("mallory").rewrite("mallory", file, |text| text.split("keys:").next().unwrap_or_default().to_owned());
    world.push("mallory").tick();
    let pin = world.countersign(&["-C", "mallory", "trust"]).text();
    pin_in_settings(&mut world, DAEMON, &pin);
    let word = format!("governance@{}", world.tip("main"));
    expect_refused(&mut world, &word, "the pinned policy cannot be used");
    let root = world.root();
    pin_in_settings(&mut world, DAEMON, &root);
    world.tick().finish();
}
