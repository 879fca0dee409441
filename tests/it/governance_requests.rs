//! Requests about the policy itself: suspended and resumed, closed and reopened; never started by anybody.

use countersign::journal::{Event, OutcomeResult};
use countersign::lifecycle::{NOTHING_TO_START, Phase};
use countersign::model::ApprovalVerdict::{Approve, Reject};
use countersign::model::RequestAction;

use crate::world::{World, document};

const POLICY: &str = "governance";

/// mallory, who holds nothing in `governance`, pushed a change of the team; alice owns the policy, bob may approve there.
fn waiting() -> World {
    let owners = "rules:\n  - name: owners\n    approvers: { users: [alice, bob] }\n    required: 1\n";
    let mut world = World::with()
        .ruleset("owners", owners)
        .binding("role: reviewer, users: [bob], environments: [governance]")
        .build();
    world.tick();
    team(&mut world, "bob, mallory").expect_waiting_on(POLICY, "owners/owners");
    world
}

/// The team `platform` becomes this.
fn team<'w>(world: &'w mut World, members: &str) -> &'w mut World {
    let text = document("Team", "platform", &format!("members: [{members}]\n"));
    world.pull("mallory").file("mallory", "governance/teams/platform.yaml", &text).push("mallory").tick()
}

fn version(world: &World) -> u64 {
    let admitted = |event| match event {
        Event::PolicyAdmitted { version, .. } => Some(version),
        _ => None,
    };
    world.events().into_iter().filter_map(admitted).next_back().expect("a policy")
}

fn results(world: &World) -> Vec<OutcomeResult> {
    let ended = |event| match event {
        Event::Outcome { environment, result, .. } if environment.is_governance() => Some(result),
        _ => None,
    };
    world.events().into_iter().filter_map(ended).collect()
}

/// The command is refused in these words, and the remote is as it was.
#[track_caller]
fn refused(world: &World, who: &str, arguments: &[&str], words: &str) {
    let before = world.references();
    let run = world.client(who, arguments);
    assert!(run.code == Some(1) && run.stderr.contains(words) && run.stderr.contains("hint: "), "{run}");
    assert_eq!(world.references(), before, "{run}");
}

/// As soon as the claim arrives, the config branch moves to what `who` has committed on top of it.
fn prepared(world: &mut World, who: &str) {
    world.shell(who, "git add --all && git commit --quiet -m prepared && git push --quiet origin HEAD:prepared");
    world.move_main_when_claimed(&world.shell(who, "git rev-parse HEAD"));
}

#[test]
fn suspended_the_policy_stays_as_it_is_until_somebody_resumes() {
    let mut world = waiting();
    refused(&world, "mallory", &["suspend", POLICY], "you lack `suspend` there");
    refused(&world, "alice", &["resume", POLICY], "it is not suspended");
    let said = world.client("alice", &["suspend", POLICY, "-m", "who is bob?"]).text();
    assert!(said.contains("Suspends governance"), "{said}");
    world.tick().expect_phase(POLICY, Phase::Suspended).expect_exit(0);
    // It is approved meanwhile, and not claimed.
    world.approve_by_record("bob", POLICY).tick().expect_phase(POLICY, Phase::Suspended);
    assert!(version(&world) == 1 && results(&world).is_empty());
    let page = world.journal_file("environments/governance/README.md").expect("a page");
    assert!(page.contains("Suspended by alice") && page.contains("Policy 1 stays in force."), "{page}");
    world.second_tick_changes_nothing();
    world.client("alice", &["resume", POLICY]).text();
    world.tick().expect_phase(POLICY, Phase::Synced);
    assert_eq!(version(&world), 2);
    world.finish();
}

#[test]
fn a_policy_that_nobody_changed_yet_can_be_suspended_by_record_and_holds_the_first_change() {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    let suspend = RequestAction::Suspend { number: None };
    // A request is signed for the repository, whose identity any status has.
    let about = |world: &World, who: &str, action| {
        let mut ask =
            world.request(who, "prod", action).saying(|request| request.environment = POLICY.parse().unwrap());
        if let Some(status) = world.journal_file("environments/governance/status.yaml") {
            let status: countersign::journal::Status =
                countersign::journal::yaml_out::from_yaml(status.as_bytes()).expect("a status");
            ask = ask.previous(status.last_statements.get(who).copied());
        }
        ask
    };
    let powerless = about(&world, "mallory", suspend.clone());
    world.ask("mallory", &powerless).tick();
    world.expect_not_counted(POLICY, "mallory does not hold `suspend` in governance");
    let ask = about(&world, "alice", suspend);
    world.ask("alice", &ask).tick().expect_phase(POLICY, Phase::Suspended);
    world.approve_by_merge("bob", "prod").tick().expect_applied("prod", "v1\n");
    team(&mut world, "bob, mallory").expect_phase(POLICY, Phase::Suspended);
    world.approve_by_record("alice", POLICY).tick().expect_phase(POLICY, Phase::Suspended);
    let resume = about(&world, "alice", RequestAction::Resume { number: None });
    world.ask("alice", &resume).tick().expect_phase(POLICY, Phase::Synced);
    assert_eq!(version(&world), 2);
    world.finish();
}

#[test]
fn closed_the_policy_in_force_is_put_back_and_nothing_approves_the_change_again() {
    let mut world = waiting();
    refused(&world, "bob", &["close", POLICY], "you lack `deploy` there");
    // A record alone drops nothing: the folder is not what is in force.
    let plan = world.status(POLICY).plan.expect("a plan");
    let alone = world.request("alice", POLICY, RequestAction::Close { plan: plan.digest });
    world.ask("alice", &alone).tick().expect_waiting_on(POLICY, "owners/owners");
    world.expect_not_counted(POLICY, "the folder governance is not what is in force");
    let approval = world.record("bob", POLICY, Approve);
    let said = world.client("alice", &["close", POLICY, "-m", "not like this"]).text();
    assert!(said.contains("puts governance/ back to policy 1"), "{said}");
    world.tick().expect_phase(POLICY, Phase::Synced);
    let team_now = world.git("remote.git", &["show", "main:governance/teams/platform.yaml"]);
    assert!(team_now.contains("alice, bob"), "{team_now}");
    // The number is consumed, and the change that comes back is another plan.
    team(&mut world, "bob, mallory").expect_waiting_on(POLICY, "owners/owners");
    assert_eq!(world.status(POLICY).plan.expect("a plan").number, plan.number + 1);
    world.say("bob", &approval).tick().expect_waiting_on(POLICY, "owners/owners");
    world.expect_not_counted(POLICY, "is not open: it ended, or never was");
    assert_eq!(version(&world), 1);
    world.finish();
}

#[test]
fn closed_by_hand_it_takes_one_commit() {
    let mut world = waiting();
    let status = world.status(POLICY);
    let (plan, back) = (status.plan.expect("a plan").digest, status.in_force_at.expect("a policy is in force"));
    let close = world.request("alice", POLICY, RequestAction::Close { plan });
    world.pull("alice").shell("alice", &format!("git checkout --quiet {back} -- governance"));
    world.put_request("alice", &close);
    world.push("alice").tick().expect_phase(POLICY, Phase::Synced);
    assert_eq!(version(&world), 1);
    world.finish();
}

#[test]
fn reopened_a_rejected_change_of_the_policy_asks_for_everything_again() {
    let mut world = waiting();
    refused(&world, "alice", &["reopen", POLICY, "-m", "x"], "nothing is rejected");
    let approval = world.record("alice", POLICY, Approve);
    let rejection = world.record("bob", POLICY, Reject);
    world.say("alice", &approval).say("bob", &rejection).tick().expect_phase(POLICY, Phase::Rejected);
    refused(&world, "bob", &["reopen", POLICY, "-m", "x"], "you lack `deploy` there");
    let before = world.status(POLICY).plan.expect("a plan");
    world.client("alice", &["reopen", POLICY, "-m", "bob and I talked"]).text();
    world.tick().expect_waiting_on(POLICY, "owners/owners");
    let after = world.status(POLICY).plan.expect("a plan");
    assert!((before.number, before.round + 1) == (after.number, after.round) && before.digest != after.digest);
    world.approve_by_record("bob", POLICY).tick().expect_phase(POLICY, Phase::Synced);
    assert_eq!(version(&world), 2);
    world.finish();
}

#[test]
fn nobody_starts_a_change_of_the_policy() {
    let mut world = waiting();
    refused(&world, "alice", &["deploy", POLICY], NOTHING_TO_START);
    let plan = world.status(POLICY).plan.expect("a plan").digest;
    for action in [
        RequestAction::Deploy { plan, at: None, override_window: None },
        RequestAction::Deploy { plan, at: Some("2199-01-01T00:00:00Z".parse().unwrap()), override_window: Some(true) },
    ] {
        let ask = world.request("alice", POLICY, action);
        world.ask("alice", &ask).tick().expect_waiting_on(POLICY, "owners/owners");
        world.expect_not_counted(POLICY, NOTHING_TO_START);
    }
    world.finish();
}

#[test]
fn r9_a_suspension_that_arrives_with_the_claim_keeps_the_policy_out() {
    let mut world = waiting();
    world.approve_by_record("bob", POLICY);
    let ask = world.request("alice", POLICY, RequestAction::Suspend { number: None });
    world.pull("alice").put_request("alice", &ask);
    prepared(&mut world, "alice");
    world.tick().expect_phase(POLICY, Phase::Suspended);
    assert_eq!((version(&world), results(&world)), (1, vec![OutcomeResult::Abandoned]));
    assert!(world.status(POLICY).last.expect("an attempt").message.contains("suspended by alice"));
    std::fs::remove_file(world.at("remote.git/hooks/post-receive")).expect("the hook");
    // The approvals stand: resumed, it comes into force by the next attempt.
    world.client("alice", &["resume", POLICY]).text();
    world.tick().expect_phase(POLICY, Phase::Synced);
    assert_eq!((version(&world), world.deployments(POLICY)), (2, vec![(1, 2)]));
    world.finish();
}

#[test]
fn r9_a_close_that_arrives_with_the_claim_keeps_the_policy_out_for_good() {
    let mut world = waiting();
    world.approve_by_record("bob", POLICY);
    let status = world.status(POLICY);
    let (plan, back) = (status.plan.expect("a plan").digest, status.in_force_at.expect("a policy is in force"));
    let close = world.request("alice", POLICY, RequestAction::Close { plan });
    world.pull("alice").shell("alice", &format!("git checkout --quiet {back} -- governance"));
    world.put_request("alice", &close);
    prepared(&mut world, "alice");
    world.tick().expect_phase(POLICY, Phase::Synced);
    assert_eq!((version(&world), results(&world)), (1, vec![OutcomeResult::Abandoned]));
    std::fs::remove_file(world.at("remote.git/hooks/post-receive")).expect("the hook");
    // Its number is gone with it.
    team(&mut world, "bob, mallory").expect_waiting_on(POLICY, "owners/owners");
    assert_eq!(world.status(POLICY).plan.expect("a plan").number, 2);
    world.finish();
}
