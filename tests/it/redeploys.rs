//! What is applied is applied again: by somebody's wish, with a plan and approvals like any other.

use std::os::unix::fs::MetadataExt as _;

use countersign::journal::{Event, Status};
use countersign::lifecycle::Phase;
use countersign::model::RequestAction;
use countersign::plan::PlanKind;
use countersign::policy::Hold;

use crate::world::World;

/// `prod` is at v1. mallory develops; bob reviews, and reviews alone.
fn applied() -> World {
    let mut world = World::with().no_developer("bob").daemon("second").build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("alice", "prod").tick();
    world.expect_applied("prod", "v1\n");
    world
}

/// As [`applied`], and mallory asked.
fn asked() -> World {
    let mut world = applied();
    world.client("mallory", &["redeploy", "prod", "-m", "the disk was replaced"]).text();
    world.tick().expect_waiting_on("prod", "standard/platform");
    world
}

#[track_caller]
fn refused(world: &World, who: &str, arguments: &[&str], words: &str) {
    let before = world.references();
    let run = world.client(who, arguments);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains(words) && run.stderr.contains("hint: "), "`{words}` is not in {run}");
    assert_eq!(world.references(), before, "{run}");
}

#[track_caller]
fn plan_of(status: &Status) -> (PlanKind, u64, u64) {
    let plan = status.plan.as_ref().expect("a plan");
    (plan.kind, plan.number, plan.round)
}

fn again(number: u64) -> RequestAction {
    RequestAction::Redeploy { number }
}

#[test]
fn what_is_applied_is_planned_approved_and_applied_again() {
    let mut world = applied();
    let inode = |world: &World| std::fs::metadata(world.target("prod")).expect("a target").ino();
    let before = inode(&world);
    let said = world.client("mallory", &["redeploy", "prod", "-m", "the disk was replaced"]).text();
    assert!(said.contains("Has deployment 1 of prod planned again"), "{said}");
    world.tick().expect_waiting_on("prod", "standard/platform").second_tick_changes_nothing();
    assert_eq!(plan_of(&world.status("prod")), (PlanKind::Redeploy, 2, 1));
    let page = world.journal_file("environments/prod/plan.md").expect("a page");
    assert!(page.contains("redeployment of deployment 1, would become deployment 2"), "{page}");
    assert!(page.contains("- **Who:** mallory (asked for it)") && page.contains("it is to be applied again"), "{page}");
    assert!(page.contains("nothing differs; all of it is set again"), "{page}");
    let json = world.journal_file("environments/prod/plan.json").expect("a plan");
    assert!(json.contains("\"action\": \"update\"") && json.contains("\"basis\": \"asked\""), "{json}");
    let page = world.journal_file("environments/prod/README.md").expect("a page");
    assert!(page.contains("mallory asked to redeploy") && page.contains("the disk was replaced"), "{page}");
    let seen = world.client("bob", &["approve", "prod", "--yes"]).text();
    assert!(seen.contains("mallory (asked for it)") && !seen.contains("on the host, by the daemon's word"), "{seen}");
    world.tick().expect_applied("prod", "v1\n").expect_phase("prod", Phase::Synced);
    assert_eq!(world.deployments("prod"), [(1, 1), (2, 1)]);
    assert_ne!(inode(&world), before, "it was set anew");
    world.expect_said("prod Synced 2").finish();
}

#[test]
fn p13_who_asks_cannot_approve_it() {
    let mut world = applied();
    world.client("alice", &["redeploy", "prod"]).text();
    world.tick();
    refused(&world, "alice", &["approve", "prod", "--yes"], "contributed to this change");
    world.approve_by_record("alice", "prod").tick().expect_waiting_on("prod", "standard/platform");
    world.expect_not_counted("prod", "contributed to this change");
    world.approve_by_merge("bob", "prod").tick().expect_phase("prod", Phase::Synced);
    assert_eq!(world.deployments("prod"), [(1, 1), (2, 1)]);
    world.finish();
}

#[test]
fn rulesets_of_redeployments_are_asked_for() {
    let again = "actions: [redeploy]\nrules:\n  - { name: ops, approvers: { users: [carol] }, required: 1 }\n";
    let mut world = World::with()
        .person("carol")
        .no_developer("carol")
        .binding("role: reviewer, users: [carol], environments: [prod]")
        .ruleset("again", again)
        .build();
    world.environment_with("mallory", "prod", "v1\n", "requireApproval: true\nrulesets: [standard, again]\n");
    world.push("mallory").tick().expect_waiting_on("prod", "standard/platform").approve_by_merge("bob", "prod").tick();
    world.client("mallory", &["redeploy", "prod"]).text();
    world.tick().expect_waiting_on("prod", "standard/platform, again/ops").approve_by_merge("bob", "prod").tick();
    world.expect_waiting_on("prod", "again/ops").approve_by_merge("carol", "prod").tick();
    assert_eq!(world.deployments("prod"), [(1, 1), (2, 1)]);
    world.finish();
}

#[test]
fn it_counts_only_of_what_is_there_and_where_nothing_else_waits() {
    let mut world = applied();
    refused(&world, "bob", &["redeploy", "prod"], "you lack `force` there");
    for (who, number, words) in [
        ("mallory", 9, "it is to deploy 9 again, and prod is at deployment 1"),
        ("bob", 1, "bob does not hold `force` in prod"),
    ] {
        let ask = world.request(who, "prod", again(number));
        world.ask(who, &ask).tick().expect_phase("prod", Phase::Synced).expect_not_counted("prod", words);
    }
    world.change("mallory", "prod", "v2\n").tick();
    refused(&world, "mallory", &["redeploy", "prod"], "waits");
    let ask = world.request("mallory", "prod", again(1));
    world.ask("mallory", &ask).tick().expect_not_counted("prod", "of prod waits");
    assert_eq!(plan_of(&world.status("prod")).0, PlanKind::Update);
    world.approve_by_merge("bob", "prod").tick().expect_applied("prod", "v2\n");
    // Two at once are one; one more is told that it waits.
    let (first, second) = (world.request("mallory", "prod", again(2)), world.request("alice", "prod", again(2)));
    world.pull("mallory").put_request("mallory", &first);
    world.push("mallory").ask("alice", &second).tick().expect_not_counted("prod", "somebody asked for it already");
    let third = world.request("mallory", "prod", again(2));
    world.ask("mallory", &third).tick().expect_not_counted("prod", "somebody asked for it already");
    world.approve_by_merge("bob", "prod").tick();
    assert_eq!(world.deployments("prod"), [(1, 1), (2, 1), (3, 1)]);
    world.remove("mallory", "environments/prod").tick().approve_by_merge("bob", "prod").tick();
    refused(&world, "mallory", &["redeploy", "prod"], "nothing is applied there");
    let ask = world.request("mallory", "prod", again(4));
    world.ask("mallory", &ask).tick().expect_not_counted("prod", "prod is at nothing").finish();
}

#[test]
fn another_change_ends_it_and_it_does_not_come_back() {
    let mut world = asked();
    world.change("mallory", "prod", "v2\n").tick().expect_not_counted("prod", "its plan has ended");
    assert_eq!(plan_of(&world.status("prod")), (PlanKind::Update, 2, 2));
    world.change("mallory", "prod", "v1\n").tick().expect_phase("prod", Phase::Synced);
    // One that is pushed with a change is not even planned.
    world.pull("mallory");
    let ask = world.request("mallory", "prod", again(1));
    world.put_request("mallory", &ask);
    world.file("mallory", "environments/prod/config/app.conf", "v3\n").push("mallory").tick();
    assert_eq!(plan_of(&world.status("prod")).0, PlanKind::Update);
    world.change("mallory", "prod", "v1\n").tick().expect_phase("prod", Phase::Synced);
    assert_eq!(world.deployments("prod"), [(1, 1)]);
    world.finish();
}

#[test]
fn a_change_without_effect_ends_it_too() {
    let mut world = asked();
    world.pull("mallory").file("mallory", "environments/prod/notes.md", "nothing\n").push("mallory").tick();
    world.expect_phase("prod", Phase::Synced).expect_not_counted("prod", "its plan has ended");
    world.client("mallory", &["redeploy", "prod"]).text();
    // Whoever brought what was recorded has contributed: from here on it counts as deployed.
    world.tick().approve_by_merge("bob", "prod").tick();
    assert_eq!(world.deployments("prod"), [(1, 1), (2, 1)]);
    world.finish();
}

#[test]
fn it_is_closed_rejected_and_reopened_like_any_other() {
    let mut world = asked();
    world.reject_by_record("bob", "prod").tick().expect_phase("prod", Phase::Rejected);
    world.client("mallory", &["reopen", "prod", "-m", "settled"]).text();
    world.tick().expect_waiting_on("prod", "standard/platform");
    assert_eq!(plan_of(&world.status("prod")), (PlanKind::Redeploy, 2, 2));
    world.client("mallory", &["close", "prod"]).text();
    world.tick().expect_phase("prod", Phase::Synced);
    assert_eq!(world.deployments("prod"), [(1, 1)]);
    world.client("mallory", &["redeploy", "prod"]).text();
    world.tick();
    assert_eq!(plan_of(&world.status("prod")), (PlanKind::Redeploy, 3, 2));
    // Another daemon takes it up, and sees the same plan.
    let before = world.tip("countersign/journal");
    world.tick_of("second");
    assert_eq!(world.tip("countersign/journal"), before);
    world.approve_by_merge("bob", "prod").tick_of("second").tick();
    assert_eq!(world.deployments("prod"), [(1, 1), (3, 1)]);
    world.finish();
}

#[test]
fn what_was_changed_on_the_host_is_shown_and_set() {
    let mut world = applied();
    std::fs::write(world.target("prod").join("app.conf"), "by hand\n").expect("edited");
    world.client("mallory", &["redeploy", "prod"]).text();
    world.tick();
    let page = world.journal_file("environments/prod/plan.md").expect("a page");
    assert!(page.contains("differs on the host from what was applied"), "{page}");
    world.approve_by_merge("bob", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn a_failed_one_is_tried_again_and_a_push_ends_it() {
    let mut world = asked();
    let (here, away) = (world.at("srv"), world.at("srv.away"));
    world.when_claimed(&format!("mv {} {}", here.display(), away.display()));
    world.approve_by_merge("bob", "prod").tick().expect_phase("prod", Phase::Failed);
    std::fs::remove_file(world.at("remote.git/hooks/post-receive")).expect("the hook");
    std::fs::rename(away, here).expect("back");
    assert_eq!(plan_of(&world.status("prod")), (PlanKind::Redeploy, 2, 1));
    world.second_tick_changes_nothing();
    world.change("mallory", "prod", "v2\n").tick();
    assert_eq!(plan_of(&world.status("prod")).0, PlanKind::Update);
    world.approve_by_merge("bob", "prod").tick().expect_applied("prod", "v2\n").finish();
}

#[test]
fn p12_who_asked_and_no_longer_may_starts_nothing() {
    let mut world = asked();
    world.pull("alice").make_key("mallory2", &[]);
    let person = "governance/people/mallory.yaml";
    let text = std::fs::read_to_string(world.clone_of("alice").join(person)).expect("a person");
    let text = text.replace(&world.public_key("mallory"), &world.public_key("mallory2"));
    world.file("alice", person, &text);
    world.push("alice").tick().approve_by_record("alice", "governance").tick();
    world.approve_by_merge("bob", "prod").tick().expect_phase("prod", Phase::Approved);
    assert!(matches!(world.status("prod").hold, Some(Hold::Lapsed { .. })), "{:?}", world.status("prod").hold);
    assert_eq!(world.deployments("prod"), [(1, 1)]);
    world.client("alice", &["close", "prod"]).text();
    world.tick().expect_phase("prod", Phase::Synced).finish();
}

#[test]
fn a5_a_redeployment_that_nobody_asked_for_is_found() {
    let mut world = asked();
    let planned = world.events().into_iter().rfind(|event| matches!(event, Event::Planned { .. })).expect("a plan");
    let (honest, config) = (world.tip("countersign/journal"), world.tip("main").parse().expect("an id"));
    // The same plan, told as one of drift, and told without the request.
    let mut told = planned.clone();
    if let Event::Planned { kind, .. } = &mut told {
        *kind = PlanKind::Drift;
    }
    world.take_off_the_last_entry();
    let before = world.tip("main");
    for events in [vec![told], vec![planned]] {
        world.git("remote.git", &["update-ref", "refs/heads/countersign/journal", &format!("{honest}~1")]);
        world.forge_entry_reading(config, events);
        let proof = world.verify("remote.git");
        assert_eq!(proof.code, Some(1), "{proof}");
        let run = world.try_tick_of("second");
        assert_eq!(run.code, Some(1), "{run}");
    }
    assert_eq!(world.tip("main"), before);
    world.git("remote.git", &["update-ref", "refs/heads/countersign/journal", &honest]);
    world.approve_by_merge("bob", "prod").tick().finish();
}
