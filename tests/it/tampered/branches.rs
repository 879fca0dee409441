//! Branches in the way.

use super::*;

#[test]
fn a8_branches_in_the_way_are_removed_and_named() {
    let mut world = World::new();
    world.tick();
    let main = world.tip("main");
    put_at(&world, "countersign/approve", &main);
    put_at(&world, "countersign/reject/prod", &main);
    put_at(&world, "countersign/records/mine", &main);
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    for branch in ["countersign/approve", "countersign/reject/prod", "countersign/records/mine"] {
        world.expect_alarm(&format!("branch refs/heads/{branch} (at {main}) was in the way"));
    }
    world.expect_waiting_on("prod", "standard/platform");
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn a8_where_the_remote_keeps_what_is_in_the_way_records_still_count() {
    let mut world = World::new();
    world.tick();
    put_at(&world, "countersign/approve", "main");
    world.git("remote.git", &["config", "receive.denyDeletes", "true"]);
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().expect_alarm("does not let it go");
    world.tick();
    let told = world.alarms().iter().filter(|alarm| alarm.contains("does not let it go")).count();
    assert_eq!(told, 1, "said once");
    world.approve_by_record("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn a8_a_branch_in_the_way_of_the_first_journal_is_named() {
    let mut world = World::new();
    put_at(&world, "countersign", "main");
    let run = world.try_tick();
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("branch `countersign` (at ") && run.stderr.contains("--delete countersign"), "{run}");
    delete(&world, "countersign");
    let settings = world.at("journal.settings.yaml").display().to_string();
    let run = world.countersign(&["run", "--settings", &settings, "--once", "--start-journal"]);
    assert!(run.succeeded(), "{run}");
    world.tick().finish();
}

#[test]
fn a8_check_names_what_is_below_the_prefix_and_not_the_daemon_s() {
    let mut world = applied();
    put_at(&world, "countersign/mine", "main");
    put_at(&world, "countersign/approve/prod/a/b", "main");
    let settings = world.at("journal.settings.yaml").display().to_string();
    let run = world.countersign(&["run", "--settings", &settings, "--check"]);
    assert!(run.succeeded(), "{run}");
    assert!(run.stderr.contains("countersign/mine") && run.stderr.contains("none of its branches"), "{run}");
    assert!(run.stderr.contains("countersign/approve/prod/a/b") && run.stderr.contains("in the way"), "{run}");
    // It is nobody's to delete, as it is in nobody's way.
    world.tick().expect_alarm("countersign/approve/prod/a/b");
    assert!(world.branches("countersign/").iter().any(|branch| branch.ends_with("countersign/mine")));
    world.finish();
}
