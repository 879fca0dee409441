//! `drift` without `correct`: what is found becomes a plan, which is approved like any other.

use countersign::digest::PlanId;
use countersign::journal::Event;
use countersign::lifecycle::Phase;
use countersign::model::ApprovalVerdict::{Approve, Reject, Withdraw};
use countersign::model::RequestAction;
use countersign::plan::PlanKind;

use crate::world::{DAEMON, Timed, World};

const TWO: &str = "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 2\n";
const LOOKED_AT: &str = "requireApproval: true\nrulesets: [standard]\ndrift: { schedule: \"*/30 * * * *\" }\n";
/// After anything that the machine's clock writes.
const BEGINS: &str = "2099-01-01T12:01:00Z";

fn applied_with(spec: &str) -> World {
    let mut world = World::with().no_developer("bob").daemon("second").build();
    world.environment_with("mallory", "prod", "v1\n", spec).push("mallory").tick();
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n");
    world
}

/// `user` imports `prod`, and both are applied.
fn imported() -> World {
    let mut world = applied_with(&format!("{LOOKED_AT}values: {{ region: eu }}\n"));
    let spec = "requireApproval: true\nrulesets: [standard]\nimports: [{ name: prod }]\n";
    world.pull("mallory").environment_with("mallory", "user", "u1\n", spec).push("mallory").tick();
    world.approve_by_merge("alice", "user").tick().expect_applied("user", "u1\n");
    world
}

fn by_hand(world: &World, text: &str) {
    std::fs::write(world.target("prod").join("app.conf"), text).expect("edited on the host");
}

#[track_caller]
fn expect_plan(world: &World, kind: PlanKind, number: u64, round: u64) {
    let plan = world.status("prod").plan.expect("a plan");
    assert_eq!((plan.kind, plan.number, plan.round), (kind, number, round));
}

#[test]
fn what_changed_on_the_host_becomes_a_plan_that_is_approved_like_any_other() {
    let mut world = applied_with(LOOKED_AT);
    by_hand(&world, "by hand\n");
    world.tick().expect_waiting_on("prod", "standard/platform").expect_exit(0).second_tick_changes_nothing();
    expect_plan(&world, PlanKind::Drift, 2, 1);
    let page = world.journal_file("environments/prod/plan.md").expect("a page");
    assert!(page.contains("drift correction of deployment 1, would become deployment 2"), "{page}");
    assert!(page.contains("- **Who:** nobody: the host changed by itself"), "{page}");
    assert!(page.contains("`app.conf` differs on the host from what was applied (content)"), "{page}");
    assert!(!page.contains("by hand"), "what is on a host is never shown: {page}");
    let seen = world.client("alice", &["approve", "prod", "--yes"]).text();
    assert!(
        seen.contains("the host changed by itself") && seen.contains("on the host, by the daemon's word"),
        "{seen}"
    );
    world.tick().expect_applied("prod", "v1\n").expect_phase("prod", Phase::Synced);
    assert_eq!(world.deployments("prod"), [(1, 1), (2, 1)]);
    world.finish();
}

#[test]
fn rulesets_of_drift_are_asked_for() {
    let ops = "actions: [drift]\nrules:\n  - { name: ops, approvers: { users: [bob] }, required: 1 }\n";
    let mut world = World::with().ruleset("ops", ops).build();
    let spec = LOOKED_AT.replace("[standard]", "[standard, ops]");
    world.environment_with("mallory", "prod", "v1\n", &spec).push("mallory").tick().approve_by_merge("alice", "prod");
    world.tick();
    std::fs::remove_dir_all(world.target("prod")).expect("gone");
    world.tick().expect_waiting_on("prod", "standard/platform, ops/ops").approve_by_merge("alice", "prod").tick();
    world.expect_waiting_on("prod", "ops/ops").approve_by_merge("bob", "prod").tick().expect_applied("prod", "v1\n");
    world.finish();
}

#[test]
fn without_drift_in_the_settings_nobody_looks() {
    let mut world = applied_with("requireApproval: true\nrulesets: [standard]\n");
    by_hand(&world, "by hand\n");
    world.tick().expect_phase("prod", Phase::Synced).finish();
}

#[test]
fn it_is_seen_on_schedule_and_after_a_start() {
    let world = &mut applied_with(LOOKED_AT);
    let mut daemon = world.timed(DAEMON, BEGINS);
    daemon.settle();
    assert_eq!(daemon.next().as_deref(), Some("2099-01-01T12:30:00Z"));
    by_hand(world, "by hand\n");
    daemon.pass(28).settle();
    world.expect_phase("prod", Phase::Synced);
    daemon.pass(1).settle();
    world.expect_phase("prod", Phase::AwaitingApproval);
    assert_eq!(daemon.next().as_deref(), Some("2099-01-01T13:00:00Z"));
    drop(daemon);
    world.approve_by_merge("alice", "prod").tick();
    by_hand(world, "again\n");
    world.timed(DAEMON, "2099-01-01T13:07:00Z").settle();
    expect_plan(world, PlanKind::Drift, 3, 1);
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn a_clock_that_is_set_back_does_not_keep_it_from_looking() {
    let world = &mut applied_with(LOOKED_AT);
    let mut daemon = world.timed(DAEMON, BEGINS);
    daemon.settle();
    by_hand(world, "by hand\n");
    daemon.pass(-121).settle();
    world.expect_phase("prod", Phase::AwaitingApproval);
    drop(daemon);
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn the_zone_of_the_schedule_is_its_own() {
    let world = &mut applied_with(&LOOKED_AT.replace("*/30 * * * *\"", "0 9 * * *\", timezone: Asia/Tokyo"));
    let mut daemon = world.timed(DAEMON, BEGINS);
    daemon.settle();
    assert_eq!(daemon.next().as_deref(), Some("2099-01-02T00:00:00Z"));
    drop(daemon);
    world.finish();
}

#[test]
fn when_the_host_swings_back_the_plan_rests_and_keeps_its_approvals() {
    let mut world = World::with().ruleset("standard", TWO).build();
    world.environment_with("mallory", "prod", "v1\n", LOOKED_AT).push("mallory").tick();
    world.approve_by_record("alice", "prod").approve_by_record("bob", "prod").tick().expect_applied("prod", "v1\n");
    let mut daemon = world.timed(DAEMON, BEGINS);
    by_hand(&world, "by hand\n");
    daemon.settle();
    let first = world.status("prod").plan.expect("a plan").digest;
    world.approve_by_merge("alice", "prod");
    daemon.settle();
    by_hand(&world, "v1\n");
    daemon.run(30);
    world.expect_phase("prod", Phase::Synced);
    assert!(world.branches("countersign/approve/").is_empty() && world.status("prod").plan.is_none());
    assert!(world.journal_file("environments/prod/plan.md").is_none());
    by_hand(&world, "by hand\n");
    daemon.run(30);
    world.expect_waiting_on("prod", "standard/platform");
    assert_eq!(world.status("prod").plan.expect("a plan").digest, first);
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 1);
    drop(daemon);
    world.approve_by_merge("bob", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn what_is_approved_while_the_host_is_put_right_by_hand_is_not_deployed() {
    let mut world = applied_with(LOOKED_AT);
    by_hand(&world, "by hand\n");
    world.tick().approve_by_merge("alice", "prod");
    by_hand(&world, "v1\n");
    world.tick().expect_phase("prod", Phase::Synced);
    assert_eq!(world.deployments("prod"), [(1, 1)]);
    world.finish();
}

#[test]
fn a_push_goes_first_and_what_was_taken_back_shows_the_drift_again() {
    let mut world = applied_with(LOOKED_AT);
    by_hand(&world, "by hand\n");
    world.tick();
    expect_plan(&world, PlanKind::Drift, 2, 1);
    world.change("mallory", "prod", "v2\n").tick();
    expect_plan(&world, PlanKind::Update, 2, 2);
    let close = ["close", "prod", "-m", "not needed"];
    world.client("mallory", &close).text();
    world.tick();
    expect_plan(&world, PlanKind::Drift, 3, 2);
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
}

/// A drift plan that somebody rejected half an hour ago.
fn rejected() -> (World, Timed, PlanId) {
    let mut world = applied_with(LOOKED_AT);
    by_hand(&world, "by hand\n");
    let mut daemon = world.timed(DAEMON, BEGINS);
    daemon.settle();
    let rejected = world.status("prod").plan.expect("a plan").digest;
    world.say("bob", &world.record("bob", "prod", Reject));
    daemon.run(30);
    (world, daemon, rejected)
}

#[test]
fn a_rejection_stands_however_the_host_changes_on() {
    let (mut world, mut daemon, rejected) = rejected();
    std::fs::write(world.target("prod").join("more"), "more\n").expect("a file");
    daemon.run(60);
    world.expect_phase("prod", Phase::Rejected);
    assert_eq!(world.status("prod").plan.expect("a plan").digest, rejected);
    world.client("mallory", &["reopen", "prod", "-m", "settled"]).text();
    daemon.settle();
    world.expect_waiting_on("prod", "standard/platform");
    expect_plan(&world, PlanKind::Drift, 2, 2);
    drop(daemon);
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn p13_who_contributed_and_was_undone_while_a_rejected_plan_stayed_does_not_approve_it() {
    let mut world = applied_with(LOOKED_AT);
    world.change("mallory", "prod", "v2\n");
    let mut daemon = world.timed(DAEMON, BEGINS);
    daemon.settle();
    let rejection = world.record("bob", "prod", Reject);
    world.say("bob", &rejection);
    let (digest, _) = world.sign(&rejection);
    daemon.settle();
    let more = world.target("prod").join("more");
    std::fs::write(&more, "more\n").expect("a file");
    world.change("alice", "prod", "v3\n").change("alice", "prod", "v2\n");
    daemon.settle();
    world.expect_phase("prod", Phase::Rejected);
    std::fs::remove_file(&more).expect("put back");
    let withdrawal = world.record("bob", "prod", Withdraw).previous(digest);
    world.say("bob", &withdrawal);
    let (digest, _) = world.sign(&withdrawal);
    world.approve_by_record("alice", "prod");
    daemon.settle();
    world.expect_waiting_on("prod", "standard/platform");
    assert_eq!(world.applied("prod").as_deref(), Some("v1\n"));
    let approval = world.record("bob", "prod", Approve).previous(digest);
    world.say("bob", &approval);
    daemon.settle();
    world.expect_applied("prod", "v2\n");
    drop(daemon);
    world.tick().finish();
}

#[test]
fn one_that_is_rejected_rests_too_when_the_host_swings_back() {
    let (mut world, mut daemon, rejected) = rejected();
    world.expect_phase("prod", Phase::Rejected);
    by_hand(&world, "v1\n");
    daemon.run(30);
    world.expect_phase("prod", Phase::Synced);
    by_hand(&world, "by hand\n");
    daemon.run(30);
    world.expect_phase("prod", Phase::Rejected);
    assert_eq!(world.status("prod").plan.expect("a plan").digest, rejected);
    drop(daemon);
    world.tick().finish();
}

#[test]
fn a_close_would_leave_it_there_and_is_refused() {
    let mut world = applied_with(LOOKED_AT);
    by_hand(&world, "by hand\n");
    world.tick();
    let plan = world.status("prod").plan.expect("a plan").digest;
    let run = world.client("mallory", &["close", "prod"]);
    assert!(run.code == Some(1) && run.stderr.contains("what changed on the host"), "{run}");
    let ask = world.request("mallory", "prod", RequestAction::Close { plan });
    world.ask("mallory", &ask).tick().expect_not_counted("prod", "the plan is of what changed on the host");
    expect_plan(&world, PlanKind::Drift, 2, 1);
    // Neither is it a wish to deploy again: the plan does that.
    let run = world.client("mallory", &["redeploy", "prod"]);
    assert!(run.code == Some(1) && run.stderr.contains("countersign approve prod"), "{run}");
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn while_suspended_it_is_planned_and_waits() {
    let mut world = applied_with(LOOKED_AT);
    world.client("mallory", &["suspend", "prod"]).text();
    by_hand(&world, "by hand\n");
    world.tick().expect_phase("prod", Phase::Suspended).approve_by_merge("alice", "prod").tick();
    assert_eq!(world.applied("prod").as_deref(), Some("by hand\n"));
    world.client("mallory", &["resume", "prod"]).text();
    world.tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn a_destroyed_environment_is_not_looked_at() {
    let mut world = applied_with(LOOKED_AT);
    by_hand(&world, "by hand\n");
    world.remove("mallory", "environments/prod").tick();
    expect_plan(&world, PlanKind::Destroy, 2, 1);
    world.approve_by_merge("alice", "prod").tick().expect_not_applied("prod");
    std::fs::create_dir(world.target("prod")).expect("a folder");
    world.tick().expect_phase("prod", Phase::Synced).finish();
}

#[test]
fn a_target_that_cannot_be_one_is_told_and_mended() {
    let mut world = applied_with(LOOKED_AT);
    std::fs::rename(world.target("prod"), world.at("elsewhere")).expect("moved");
    std::os::unix::fs::symlink(world.at("elsewhere"), world.target("prod")).expect("a link");
    world.tick().expect_phase("prod", Phase::Invalid).second_tick_changes_nothing();
    std::fs::remove_file(world.target("prod")).expect("the link");
    std::fs::rename(world.at("elsewhere"), world.target("prod")).expect("back");
    world.tick().expect_phase("prod", Phase::Synced).finish();
}

#[test]
fn p13_who_brought_what_was_recorded_contributed_to_the_drift_plan() {
    let two = "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 1\n";
    let mut world = World::with().ruleset("standard", two).build();
    world.environment_with("mallory", "prod", "v1\n", LOOKED_AT).push("mallory").tick();
    world.approve_by_merge("alice", "prod").tick();
    // bob brings a file that nothing deploys yet: recorded without approval.
    world.pull("bob").file("bob", "environments/prod/later/app.conf", "evil\n").push("bob").tick();
    world.expect_phase("prod", Phase::Synced);
    by_hand(&world, "by hand\n");
    world.tick().approve_by_record("bob", "prod").tick().expect_waiting_on("prod", "standard/platform");
    world.expect_not_counted("prod", "contributed to this change");
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn p14_how_the_host_is_looked_at_is_a_gate_setting() {
    let mut world = applied_with("requireApproval: true\nrulesets: [standard]\n");
    by_hand(&world, "by hand\n");
    world.pull("mallory").environment_with("mallory", "prod", "v1\n", &LOOKED_AT.replace(" }", ", correct: true }"));
    world.push("mallory").tick().expect_waiting_on("prod", "standard/platform");
    expect_plan(&world, PlanKind::Update, 2, 1);
    let page = world.journal_file("environments/prod/plan.md").expect("a page");
    assert!(page.contains("drift") && page.contains("*/30 * * * *"), "{page}");
    assert_eq!(world.applied("prod").as_deref(), Some("by hand\n"), "what is merely desired corrects nothing");
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n");
    assert_eq!(world.deployments("prod"), [(1, 1), (2, 1)]);
    world.finish();
}

#[test]
fn what_waits_is_planned_again_on_the_schedule() {
    let world = &mut applied_with(LOOKED_AT);
    let mut daemon = world.timed(DAEMON, BEGINS);
    world.change("mallory", "prod", "v2\n");
    daemon.settle();
    let before = world.status("prod").plan.expect("a plan").digest;
    std::fs::write(world.target("prod").join("other"), "by hand\n").expect("a file");
    daemon.pass(10).settle();
    assert_eq!(world.status("prod").plan.expect("a plan").digest, before);
    daemon.run(30);
    assert_ne!(world.status("prod").plan.expect("a plan").digest, before);
    expect_plan(world, PlanKind::Update, 2, 1);
    drop(daemon);
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v2\n").finish();
}

#[test]
fn what_waits_for_a_window_is_planned_again_an_hour_before_it_opens() {
    let window = "deploy: { windows: [ { kind: allow, schedule: \"0 7 * * *\", duration: 1h, timezone: UTC } ] }\n";
    let world = &mut applied_with(&format!("requireApproval: true\nrulesets: [standard]\n{window}"));
    let mut daemon = world.timed(DAEMON, BEGINS);
    world.change("mallory", "prod", "v2\n");
    daemon.settle();
    world.approve_by_merge("alice", "prod");
    daemon.settle();
    world.expect_phase("prod", Phase::Approved);
    assert_eq!(daemon.next().as_deref(), Some("2099-01-02T06:00:00Z"));
    std::fs::write(world.target("prod").join("other"), "by hand\n").expect("a file");
    daemon.run(18 * 60);
    // Somebody is awake to see that it is another plan, before the window opens.
    world.expect_waiting_on("prod", "standard/platform");
    world.approve_by_merge("alice", "prod");
    daemon.settle();
    world.expect_phase("prod", Phase::Approved);
    assert_eq!(world.applied("prod").as_deref(), Some("v1\n"));
    daemon.run(60);
    world.expect_applied("prod", "v2\n").expect_phase("prod", Phase::Synced);
    drop(daemon);
    world.tick().finish();
}

#[test]
fn a_host_that_does_not_come_to_rest_does_not_fill_the_journal() {
    let world = &mut applied_with(&LOOKED_AT.replace("*/30 * * * *", "* * * * *"));
    let mut daemon = world.timed(DAEMON, BEGINS);
    daemon.settle();
    let before = world.entries().len();
    for minute in 0..80 {
        by_hand(world, if minute % 2 == 0 { "by hand\n" } else { "v1\n" });
        daemon.pass(1).settle();
    }
    let told = world.entries().len() - before;
    assert!((2..=10).contains(&told), "{told} entries in eighty minutes");
    by_hand(world, "v1\n");
    daemon.pass(24 * 60).settle();
    world.expect_phase("prod", Phase::Synced);
    drop(daemon);
    world.tick().finish();
}

#[test]
fn two_daemons_see_one_plan() {
    let mut world = applied_with(LOOKED_AT);
    by_hand(&world, "by hand\n");
    world.tick().tick_of("second").tick();
    let planned = |event: &&Event| matches!(event, Event::Planned { kind: PlanKind::Drift, .. });
    assert_eq!(world.events().iter().filter(planned).count(), 1);
    world.approve_by_merge("alice", "prod").tick_of("second").tick().expect_applied("prod", "v1\n");
    assert_eq!(world.deployments("prod"), [(1, 1), (2, 1)]);
    world.finish();
}

#[test]
fn what_others_import_drifts_and_is_put_back_without_their_noticing() {
    let mut world = imported();
    by_hand(&world, "by hand\n");
    world.tick().expect_phase("user", Phase::Synced);
    expect_plan(&world, PlanKind::Drift, 2, 1);
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n").expect_phase("user", Phase::Synced);
    assert_eq!(world.deployments("user"), [(1, 1)]);
    world.finish();
}

#[test]
fn what_is_planned_anew_before_a_claim_names_what_is_imported_by_then() {
    let mut world = imported();
    let mut daemon = world.timed(DAEMON, BEGINS);
    world.change("mallory", "user", "u2\n");
    daemon.settle();
    by_hand(&world, "by hand\n");
    daemon.run(30);
    world.approve_by_merge("alice", "prod");
    daemon.settle();
    assert_eq!(world.deployments("prod"), [(1, 1), (2, 1)], "the same, by another deployment");
    std::fs::write(world.target("user").join("more"), "more\n").expect("a file");
    world.approve_by_merge("alice", "user");
    daemon.settle();
    world.expect_waiting_on("user", "standard/platform");
    world.approve_by_merge("alice", "user");
    daemon.settle();
    drop(daemon);
    world.tick().expect_applied("user", "u2\n").finish();
}

#[test]
fn a5_a_drift_plan_that_cannot_be_is_found() {
    let mut world = applied_with(LOOKED_AT);
    by_hand(&world, "by hand\n");
    world.tick();
    let (honest, config) = (world.tip("countersign/journal"), world.tip("main").parse().expect("an id"));
    let planned = world.events().into_iter().rfind(|event| matches!(event, Event::Planned { .. })).expect("a plan");
    let of = |change: fn(&mut Event)| {
        let mut told = planned.clone();
        change(&mut told);
        told
    };
    let forgeries = [
        of(|event| {
            if let Event::Planned { kind, .. } = event {
                *kind = PlanKind::Redeploy
            }
        }),
        of(|event| {
            if let Event::Planned { kind, .. } = event {
                *kind = PlanKind::Update
            }
        }),
        of(|event| {
            if let Event::Planned { revision, .. } = event {
                *revision = None
            }
        }),
        Event::AsApplied { environment: "prod".parse().expect("a name") },
    ];
    for forged in forgeries {
        world.git("remote.git", &["update-ref", "refs/heads/countersign/journal", &format!("{honest}~1")]);
        world.forge_entry_reading(config, vec![forged]);
        let proof = world.verify("remote.git");
        assert_eq!(proof.code, Some(1), "{proof}");
        let run = world.try_tick_of("second");
        assert_eq!(run.code, Some(1), "{run}");
    }
    world.git("remote.git", &["update-ref", "refs/heads/countersign/journal", &honest]);
    world.say("alice", &world.record("alice", "prod", Approve)).tick().expect_applied("prod", "v1\n").finish();
}
