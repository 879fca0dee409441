//! The life of a change: create, update, supersede, destroy, and what is recorded without anybody's approval.

use countersign::journal::Event;
use countersign::lifecycle::Phase;
use countersign::plan::PlanKind;

use crate::world::World;

/// `prod` runs v1, approved by alice.
fn applied() -> World {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("alice", "prod").tick();
    world.expect_applied("prod", "v1\n");
    world
}

#[test]
fn an_update_is_approved_like_a_create() {
    let mut world = applied();
    world.change("mallory", "prod", "v2\n").tick().expect_waiting_on("prod", "standard/platform");
    world.expect_applied("prod", "v1\n");
    assert_eq!(world.status("prod").plan.map(|plan| (plan.number, plan.kind)), Some((2, PlanKind::Update)));
    world.approve_by_merge("bob", "prod").tick().expect_applied("prod", "v2\n").finish();
}

#[test]
fn a_push_while_a_plan_waits_supersedes_it_and_its_approvals() {
    let rules = "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 2\n";
    let mut world = World::with().ruleset("standard", rules).build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("alice", "prod").tick();
    let first = world.status("prod").plan.expect("a plan");
    world.change("mallory", "prod", "v2\n").tick();
    let second = world.status("prod").plan.expect("a plan");
    assert_eq!((first.number, first.round, second.number, second.round), (1, 1, 1, 2));
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 0);
    assert_eq!(world.branches("countersign/approve/prod/"), [format!("countersign/approve/prod/{}", second.short)]);
    world.expect_not_applied("prod").finish();
}

#[test]
fn a_destroy_needs_approval_and_removes_only_then() {
    let mut world = applied();
    world.remove("mallory", "environments/prod").tick().expect_waiting_on("prod", "standard/platform");
    assert_eq!(world.status("prod").plan.map(|plan| plan.kind), Some(PlanKind::Destroy));
    world.expect_applied("prod", "v1\n").approve_by_merge("bob", "prod").tick().expect_not_applied("prod");
    world.expect_phase("prod", Phase::Synced).finish();
}

#[test]
fn a_destroy_needs_approval_where_nothing_else_does() {
    let mut world = applied();
    let free = "requireApproval: false\n";
    world.environment_with("mallory", "prod", "v1\n", free).push("mallory").tick();
    world.expect_waiting_on("prod", "standard/platform").approve_by_merge("alice", "prod").tick();
    world.change("mallory", "prod", "v2\n").tick().expect_applied("prod", "v2\n");
    world.remove("mallory", "environments/prod").tick().expect_waiting_on("prod", "single approval");
    world.expect_applied("prod", "v2\n").approve_by_merge("bob", "prod").tick().expect_not_applied("prod").finish();
}

#[test]
fn numbers_and_rounds_never_restart_after_a_destroy() {
    let mut world = applied();
    world.remove("mallory", "environments/prod").tick().approve_by_merge("bob", "prod").tick();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    let plan = world.status("prod").plan.expect("a plan");
    assert_eq!((plan.number, plan.kind), (3, PlanKind::Create));
    world.expect_not_applied("prod").approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n");
    assert_eq!(world.deployments("prod"), [(1, 1), (2, 1), (3, 1)]);
    world.finish();
}

#[test]
fn a_comment_in_the_settings_is_recorded_without_approval_or_number() {
    let mut world = applied();
    let file = "environments/prod/environment.yaml";
    let text = std::fs::read_to_string(world.clone_of("mallory").join(file)).expect("a file");
    world.pull("mallory").file("mallory", file, &format!("# for the customer\n{text}")).push("mallory").tick();
    world.expect_phase("prod", Phase::Synced).expect_applied("prod", "v1\n");
    assert!(world.events().iter().any(|event| matches!(event, Event::Recorded { .. })));
    world.change("mallory", "prod", "v2\n").tick();
    assert_eq!(world.status("prod").plan.map(|plan| plan.number), Some(2));
    world.finish();
}

#[test]
fn a_commit_elsewhere_keeps_the_plan_and_its_approvals() {
    let rules = "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 2\n";
    let mut world = World::with().ruleset("standard", rules).build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("alice", "prod").tick();
    let before = world.status("prod").plan.expect("a plan").digest;
    world.pull("mallory").file("mallory", "README.md", "read me\n").environment("mallory", "test", "t1\n");
    world.push("mallory").tick();
    assert_eq!(world.status("prod").plan.expect("a plan").digest, before);
    world.approve_by_merge("bob", "prod").tick().expect_applied("prod", "v1\n").expect_not_applied("test").finish();
}

#[test]
fn going_back_to_what_is_applied_closes_the_change() {
    let mut world = applied();
    world.change("mallory", "prod", "v2\n").tick().expect_waiting_on("prod", "standard/platform");
    world.change("mallory", "prod", "v1\n").tick().expect_phase("prod", Phase::Synced);
    assert!(world.branches("countersign/approve/").is_empty(), "nothing waits any more");
    world.expect_applied("prod", "v1\n").finish();
}

#[test]
fn two_environments_live_apart() {
    let mut world = World::new();
    world.environment("mallory", "prod", "p1\n").environment("mallory", "test", "t1\n").push("mallory").tick();
    world.approve_by_merge("alice", "test").tick().expect_applied("test", "t1\n").expect_not_applied("prod");
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "p1\n").finish();
}

#[test]
fn a_fresh_state_folder_goes_on_where_the_journal_is() {
    let mut world = applied();
    world.change("mallory", "prod", "v2\n").tick();
    std::fs::remove_dir_all(world.at("journal.state")).expect("the state folder is a cache");
    world.approve_by_merge("bob", "prod").tick().expect_said("first sight").expect_applied("prod", "v2\n");
    assert_eq!(world.deployments("prod"), [(1, 1), (2, 1)]);
    world.finish();
}

#[test]
fn files_that_somebody_put_into_the_target_are_shown_as_deletions() {
    let mut world = applied();
    std::fs::write(world.target("prod").join("foreign.conf"), "mine\n").expect("a file");
    world.change("mallory", "prod", "v2\n").tick();
    let diff = world.journal_file("environments/prod/plan.md").expect("a page");
    assert!(diff.contains("foreign.conf"), "{diff}");
    world.approve_by_merge("bob", "prod").tick().expect_applied("prod", "v2\n").finish();
}

#[test]
fn a_folder_that_had_an_environment_is_invalid_without_its_file_even_after_a_destroy() {
    let mut world = applied();
    world.remove("mallory", "environments/prod").tick().approve_by_merge("alice", "prod").tick();
    world.file("mallory", "environments/prod/notes.txt", "to do\n").push("mallory").tick().expect_exit(1);
    world.expect_invalid("prod", "remove the whole folder").expect_not_applied("prod");
    world.file("mallory", "environments/other/notes.txt", "never was one\n").push("mallory").tick();
    assert!(world.journal_file("environments/other/status.yaml").is_none());
    world.remove("mallory", "environments/prod").tick().expect_exit(0).expect_phase("prod", Phase::Synced).finish();
}
