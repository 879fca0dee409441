//! Manual mode and windows: who starts a deployment, and when.

use countersign::journal::{Event, StartedBy};
use countersign::lifecycle::Phase;
use countersign::model::ApprovalVerdict::{Approve, Reject, Withdraw};
use countersign::model::{PersonName, RequestAction};
use countersign::policy::Hold;

use crate::world::World;

const MANUAL: &str = "requireApproval: true\nrulesets: [standard]\ndeploy: { mode: manual }\n";

/// A window that is never over: closed, or open, at any time a test may run.
fn always(kind: &str) -> String {
    let window = format!("{{ kind: {kind}, schedule: \"* * * * *\", duration: 24h, timezone: Europe/Berlin }}");
    format!("requireApproval: true\nrulesets: [standard]\ndeploy:\n  windows:\n    - {window}\n")
}

/// `prod` deploys by hand and waits for its first plan. bob reviews, and reviews alone; mallory develops.
fn manual() -> World {
    let mut world = World::with().no_developer("bob").build();
    world.environment_with("mallory", "prod", "v1\n", MANUAL).push("mallory").tick();
    world
}

#[track_caller]
fn done(world: &World, who: &str, arguments: &[&str]) -> String {
    world.client(who, arguments).text()
}

#[track_caller]
fn refused(world: &World, who: &str, arguments: &[&str], words: &str) {
    let before = world.references();
    let run = world.client(who, arguments);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains(words) && run.stderr.contains("hint: "), "`{words}` is not in {run}");
    assert_eq!(world.references(), before, "{run}");
}

/// A request to deploy the plan that waits, at once.
fn deploy(world: &World, environment: &str) -> RequestAction {
    RequestAction::Deploy { plan: world.status(environment).plan.unwrap().digest, at: None, override_window: None }
}

fn started(world: &World) -> Vec<Option<StartedBy>> {
    let claimed = |event| match event {
        Event::Claimed(claim) => Some(claim.started),
        _ => None,
    };
    world.events().into_iter().filter_map(claimed).collect()
}

#[test]
fn approvals_unblock_and_somebody_starts_it() {
    let mut world = manual();
    refused(&world, "mallory", &["deploy", "prod"], "standard/platform still waits for approvals");
    world.approve_by_merge("bob", "prod").tick().expect_phase("prod", Phase::Approved).expect_not_applied("prod");
    world.expect_exit(0).expect_said("waits to be deployed by alice or mallory").second_tick_changes_nothing();
    let page = world.journal_file("environments/prod/README.md").expect("a page");
    assert!(page.contains("has everything that is asked for; alice or mallory can deploy it."), "{page}");
    assert!(page.contains("## To deploy\n\n") && page.contains("\ncountersign deploy prod --plan "), "{page}");
    refused(&world, "bob", &["deploy", "prod"], "you lack `deploy` there");
    refused(&world, "mallory", &["deploy", "prod", "--override-window"], "you lack `override` there");
    // A record of somebody who may not, with git alone, starts nothing either.
    let ask = world.request("bob", "prod", deploy(&world, "prod"));
    world.ask("bob", &ask).tick().expect_not_applied("prod").expect_not_counted("prod", "bob does not hold `deploy`");
    let said = done(&world, "mallory", &["deploy", "prod", "-m", "after the standup"]);
    assert!(said.contains("Deploys plan "), "{said}");
    world.tick().expect_applied("prod", "v1\n").expect_phase("prod", Phase::Synced);
    let by = started(&world).remove(0).expect("somebody");
    assert_eq!((by.by.to_string(), by.overrides_window), ("mallory".to_owned(), false));
    let page = world.journal_file("environments/prod/README.md").expect("a page");
    assert!(page.contains("bob, started by mallory"), "{page}");
    world.finish();
}

#[test]
fn a_request_made_before_the_approvals_starts_nothing() {
    let mut world = manual();
    let early = world.request("mallory", "prod", deploy(&world, "prod"));
    world.ask("mallory", &early).tick().approve_by_merge("bob", "prod").tick();
    world.expect_phase("prod", Phase::Approved).expect_not_applied("prod");
    world.expect_not_counted("prod", "it was made before everything that is asked for was given");
    done(&world, "mallory", &["deploy", "prod"]);
    world.tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn a_request_is_spent_by_its_claim_abandoned_or_not() {
    let mut world = manual();
    world.approve_by_record("bob", "prod").tick();
    let ask = world.request("mallory", "prod", deploy(&world, "prod"));
    world.ask("mallory", &ask);
    let bob: PersonName = "bob".parse().unwrap();
    let first = world.status("prod").last_statements[&bob];
    let taken = world.record("bob", "prod", Withdraw).previous(first);
    world.pull("bob");
    world.put_record("bob", &taken);
    world.shell("bob", "git add --all && git commit --quiet -m said && git push --quiet origin HEAD:prepared");
    world.move_main_when_claimed(&world.shell("bob", "git rev-parse HEAD"));
    world.tick().expect_waiting_on("prod", "standard/platform").expect_not_applied("prod");
    std::fs::remove_file(world.at("remote.git/hooks/post-receive")).expect("the hook");
    world.approve_by_merge("alice", "prod").tick().expect_phase("prod", Phase::Approved).expect_not_applied("prod");
    world.expect_not_counted("prod", "it was spent by a claim");
    done(&world, "alice", &["deploy", "prod"]);
    world.tick().expect_applied("prod", "v1\n");
    assert_eq!(world.deployments("prod"), [(1, 2)]);
    world.finish();
}

#[test]
fn a_rejection_stops_what_somebody_started() {
    let mut world = manual();
    world.approve_by_merge("bob", "prod").tick();
    let ask = world.request("mallory", "prod", deploy(&world, "prod"));
    let rejection = world.record("alice", "prod", Reject);
    world.ask("mallory", &ask).say("alice", &rejection).tick();
    world.expect_phase("prod", Phase::Rejected).expect_not_applied("prod").finish();
}

#[test]
fn a_later_time_is_waited_for() {
    let mut world = manual();
    world.approve_by_merge("bob", "prod").tick();
    done(&world, "mallory", &["deploy", "prod", "--at", "2199-01-01T00:00:00+01:00"]);
    world.tick().expect_phase("prod", Phase::Approved).expect_not_applied("prod");
    world.expect_said("waits until 2198-12-31T23:00:00Z, as mallory asked");
    assert!(matches!(world.status("prod").hold, Some(Hold::Time { .. })));
    let run = world.client("mallory", &["deploy", "prod", "--at", "2001-01-01T00:00:00Z"]);
    assert!(run.code == Some(2) && run.stderr.contains("is past"), "{run}");
    // Somebody who does not want to wait says so; a time that is past by the daemon's clock is no wait.
    let plan = world.status("prod").plan.unwrap().digest;
    let at = Some("2026-01-01T00:00:00Z".parse().unwrap());
    let ask = world.request("alice", "prod", RequestAction::Deploy { plan, at, override_window: None });
    world.ask("alice", &ask).tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn approve_and_deploy_does_both_for_who_may() {
    let mut world = manual();
    let said = done(&world, "bob", &["approve", "prod", "--deploy", "--yes"]);
    assert!(said.contains("It starts nothing: you lack `deploy` there, so this is a plain approval."), "{said}");
    world.tick().expect_phase("prod", Phase::Approved).expect_not_applied("prod");
    done(&world, "mallory", &["deploy", "prod"]);
    world.tick().change("mallory", "prod", "v2\n").tick();
    let said = done(&world, "alice", &["approve", "prod", "--deploy", "--yes"]);
    assert!(said.contains("nothing else is asked for. It starts the deployment."), "{said}");
    world.tick().expect_applied("prod", "v2\n").finish();
}

#[test]
fn approve_and_deploy_by_record_is_a_plain_approval_where_more_is_missing_or_its_maker_may_not() {
    let rules = "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 2\n";
    let mut world = World::with().no_developer("bob").ruleset("standard", rules).build();
    world.environment_with("mallory", "prod", "v1\n", MANUAL).push("mallory").tick();
    let said = done(&world, "alice", &["approve", "prod", "--deploy", "--yes"]);
    assert!(said.contains("It starts nothing: more is asked for than yours"), "{said}");
    world.tick();
    // bob's completes the rules, but he may start nothing.
    let both = world.record("bob", "prod", Approve).saying(|approval| approval.deploy = true);
    world.say("bob", &both).tick().expect_phase("prod", Phase::Approved).expect_not_applied("prod");
    done(&world, "alice", &["deploy", "prod"]);
    world.tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn manual_is_judged_both_ways() {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("alice", "prod").tick();
    // The change that turns it on already waits for somebody, and so does the one that turns it off.
    world.pull("mallory").environment_with("mallory", "prod", "v1\n", MANUAL).push("mallory").tick();
    let plan = world.journal_file("environments/prod/plan.md").expect("a plan");
    assert!(plan.contains("deploy.mode") && plan.contains("manual"), "{plan}");
    world.approve_by_merge("alice", "prod").tick().expect_phase("prod", Phase::Approved);
    done(&world, "alice", &["deploy", "prod"]);
    world.tick().expect_phase("prod", Phase::Synced);
    world.pull("mallory").environment("mallory", "prod", "v1\n").push("mallory").tick();
    world.approve_by_merge("alice", "prod").tick().expect_phase("prod", Phase::Approved);
    done(&world, "alice", &["deploy", "prod"]);
    world.tick().expect_phase("prod", Phase::Synced);
    world.change("mallory", "prod", "v2\n").tick().approve_by_merge("alice", "prod").tick();
    world.expect_applied("prod", "v2\n").finish();
}

#[test]
fn a_closed_window_holds_what_is_approved_and_only_an_override_breaks_it() {
    let mut world = World::with().no_developer("bob").build();
    world.environment_with("mallory", "prod", "v1\n", &always("deny")).push("mallory").tick();
    // No settings are in force yet, so no window is.
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n");
    world.change("mallory", "prod", "v2\n").tick().approve_by_merge("alice", "prod").tick();
    world.expect_phase("prod", Phase::Approved).expect_applied("prod", "v1\n").expect_exit(0);
    world.expect_said("waits for a window (deny `* * * * *` for 24h Europe/Berlin)").second_tick_changes_nothing();
    refused(&world, "alice", &["deploy", "prod"], "it goes out by itself when its windows allow it");
    refused(&world, "mallory", &["deploy", "prod", "--override-window"], "you lack `override` there");
    let override_window = Some(true);
    let plan = world.status("prod").plan.unwrap().digest;
    let ask = world.request("mallory", "prod", RequestAction::Deploy { plan, at: None, override_window });
    world.ask("mallory", &ask).tick().expect_applied("prod", "v1\n");
    world.expect_not_counted("prod", "mallory does not hold `override` in prod");
    // One who may, but does not say so.
    let ask = world.request("alice", "prod", deploy(&world, "prod"));
    world.ask("alice", &ask).tick().expect_applied("prod", "v1\n");
    let said = done(&world, "alice", &["deploy", "prod", "--override-window", "-m", "incident 4711"]);
    assert!(said.contains("ALTHOUGH NO WINDOW MAY BE OPEN; this is marked."), "{said}");
    world.tick().expect_applied("prod", "v2\n");
    assert!(started(&world).pop().flatten().is_some_and(|by| by.overrides_window));
    let page = world.journal_file("environments/prod/README.md").expect("a page");
    assert!(page.contains("started by alice **although no window was open**"), "{page}");
    let log = world.git("remote.git", &["log", "--format=%s", "countersign/journal"]);
    assert!(log.contains("started by alice although no window was open"), "{log}");
    world.finish();
}

#[test]
fn p14_a_window_is_a_gate_setting_and_the_one_in_force_decides() {
    let mut world = World::new();
    world.environment_with("mallory", "prod", "v1\n", &always("allow")).push("mallory").tick();
    world.approve_by_merge("alice", "prod").tick().change("mallory", "prod", "v2\n").tick();
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v2\n");
    // Windows alone are a change that takes approval; a closing one does not hold itself.
    world.pull("mallory").environment_with("mallory", "prod", "v2\n", &always("deny")).push("mallory").tick();
    world.expect_waiting_on("prod", "standard/platform").approve_by_merge("alice", "prod").tick();
    world.expect_phase("prod", Phase::Synced);
    // And one that opens waits like any other.
    world.pull("mallory").environment_with("mallory", "prod", "v2\n", &always("allow")).push("mallory").tick();
    world.approve_by_merge("alice", "prod").tick().expect_phase("prod", Phase::Approved).finish();
}

#[test]
fn windows_that_cannot_be_are_invalid() {
    let mut world = World::new();
    for (window, words) in [
        ("{ kind: deny, schedule: \"*/70 * * * *\", duration: 1h, timezone: UTC }", "has a step beyond its range"),
        ("{ kind: deny, schedule: \"0 0 31 2 *\", duration: 1h, timezone: UTC }", "would never begin"),
        ("{ kind: deny, schedule: \"0 0 * * *\", duration: 1h, timezone: Mars/Base }", "expected an IANA time zone"),
        ("{ kind: shut, schedule: \"0 0 * * *\", duration: 1h, timezone: UTC }", "allow"),
        ("{ kind: deny, schedule: \"0 0 * * *\", duration: 9000h, timezone: UTC }", "at most 366 days"),
    ] {
        let spec = format!("requireApproval: true\nrulesets: [standard]\ndeploy: {{ windows: [{window}] }}\n");
        world.environment_with("mallory", "prod", "v1\n", &spec).push("mallory").tick().expect_invalid("prod", words);
    }
    world.finish();
}
