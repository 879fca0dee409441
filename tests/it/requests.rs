//! Suspending, resuming, closing and reopening, by command and by record.

use countersign::journal::{Event, OutcomeResult};
use countersign::lifecycle::Phase;
use countersign::model::ApprovalVerdict::{Approve, Reject};
use countersign::model::RequestAction;

use crate::world::World;

/// `prod` waits for its first plan. bob reviews, and reviews alone.
fn waiting() -> World {
    let mut world = World::with().no_developer("bob").build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().expect_waiting_on("prod", "standard/platform");
    world
}

/// `prod` is at v1; the change to v2 waits.
fn update_waiting() -> World {
    let mut world = waiting();
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n");
    world.change("mallory", "prod", "v2\n").tick().expect_waiting_on("prod", "standard/platform");
    world
}

/// The command succeeds.
#[track_caller]
fn done(world: &World, who: &str, arguments: &[&str]) -> String {
    world.client(who, arguments).text()
}

/// The answer is no, in these words, and the remote is as it was.
#[track_caller]
fn refused(world: &World, who: &str, arguments: &[&str], words: &str) {
    let before = world.references();
    let run = world.client(who, arguments);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains(words) && run.stderr.contains("hint: "), "`{words}` is not in {run}");
    assert_eq!(world.references(), before, "{run}");
}

fn suspend() -> RequestAction {
    RequestAction::Suspend { number: None }
}

#[test]
fn nothing_is_deployed_while_suspended_and_approvals_count_all_the_same() {
    let mut world = update_waiting();
    let said = done(&world, "mallory", &["suspend", "prod", "-m", "incident 4711"]);
    assert!(said.contains("Suspends prod: nothing is deployed there until somebody resumes it."), "{said}");
    world.tick().expect_phase("prod", Phase::Suspended).expect_exit(0).expect_said("prod Suspended at 1, by mallory");
    world.approve_by_merge("bob", "prod").tick().expect_phase("prod", Phase::Suspended).expect_applied("prod", "v1\n");
    assert_eq!(world.rule("prod", "standard/platform").missing(), 0);
    let status = done(&world, "alice", &["status", "prod"]);
    assert!(
        status.contains("suspended by mallory; goes on with `countersign resume prod` by alice or mallory"),
        "{status}"
    );
    assert!(status.contains("suspended by mallory: incident 4711"), "{status}");
    let page = world.journal_file("environments/prod/README.md").expect("a page");
    assert!(page.contains("# prod: Suspended") && page.contains("- mallory: `incident 4711`"), "{page}");
    assert!(page.contains("By alice or mallory:\n\n```sh\ncountersign resume prod\n```"), "{page}");
    world.second_tick_changes_nothing();
    done(&world, "alice", &["resume", "prod"]);
    world.tick().expect_applied("prod", "v2\n").expect_phase("prod", Phase::Synced).finish();
}

#[test]
fn what_is_synced_can_be_suspended_too() {
    let mut world = waiting();
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n");
    done(&world, "alice", &["suspend", "prod"]);
    world.tick().expect_phase("prod", Phase::Suspended);
    world.change("mallory", "prod", "v2\n").tick().approve_by_merge("bob", "prod").tick();
    world.expect_phase("prod", Phase::Suspended).expect_applied("prod", "v1\n");
    done(&world, "alice", &["resume", "prod"]);
    world.tick().expect_applied("prod", "v2\n").finish();
}

#[test]
fn who_may_not_is_told_before_anything_is_signed_and_a_record_gives_nothing() {
    let mut world = waiting();
    // bob reviews, and reviews alone.
    refused(&world, "bob", &["suspend", "prod"], "you lack `suspend` there");
    refused(&world, "alice", &["resume", "prod"], "it is not suspended");
    refused(&world, "alice", &["reopen", "prod", "-m", "x"], "nothing is rejected: it is AwaitingApproval");
    refused(&world, "bob", &["close", "prod"], "you lack `deploy` there");
    let ask = world.request("bob", "prod", suspend());
    world.ask("bob", &ask).tick().expect_waiting_on("prod", "standard/platform");
    world.expect_not_counted("prod", "bob does not hold `suspend` in prod");
    done(&world, "mallory", &["suspend", "prod"]);
    refused(&world, "bob", &["resume", "prod"], "it is not suspended");
    world.tick();
    refused(&world, "bob", &["resume", "prod"], "you lack `suspend` there");
    refused(&world, "mallory", &["suspend", "prod"], "you suspended it already");
    let ask = world.request("bob", "prod", RequestAction::Resume { number: None });
    world.ask("bob", &ask).tick().expect_phase("prod", Phase::Suspended).approve_by_merge("alice", "prod").tick();
    world.expect_not_applied("prod").finish();
}

#[test]
fn a_suspension_counts_whatever_it_names_and_a_resumption_only_as_the_next_word() {
    let mut world = waiting();
    let first = world.request("mallory", "prod", suspend());
    world.ask("mallory", &first).tick().expect_phase("prod", Phase::Suspended);
    let resume = RequestAction::Resume { number: None };
    let replayed = world.request("mallory", "prod", resume.clone()).previous(None);
    world.ask("mallory", &replayed).tick().expect_phase("prod", Phase::Suspended);
    world.expect_not_counted("prod", "its `previous` is not mallory's last statement in prod");
    let elsewhere = world.request("mallory", "prod", RequestAction::Resume { number: Some(4) });
    world.ask("mallory", &elsewhere).tick().expect_phase("prod", Phase::Suspended);
    world.expect_not_counted("prod", "it starts from deployment 4, and prod is at none");
    let right = world.request("mallory", "prod", resume);
    world.ask("mallory", &right).tick().expect_waiting_on("prod", "standard/platform");
    // The very same record in another file is no second word; another suspension with a wrong `previous` is one.
    world.ask("mallory", &right.clone().path("requests/prod/again.yaml")).tick();
    let out_of_order = world.request("mallory", "prod", suspend()).previous(None).because("once more");
    world.ask("mallory", &out_of_order).tick().expect_phase("prod", Phase::Suspended).finish();
}

#[test]
fn a_resumption_does_not_lift_what_its_maker_cannot_have_seen() {
    let mut world = waiting();
    let first = world.request("mallory", "prod", suspend());
    world.ask("mallory", &first).tick();
    let other = world.request("alice", "prod", suspend()).because("another reason");
    let resume = world.request("mallory", "prod", RequestAction::Resume { number: None });
    world.pull("alice").put_request("alice", &other);
    world.push("alice").ask("mallory", &resume).tick().expect_phase("prod", Phase::Suspended);
    let by: Vec<String> =
        world.status("prod").suspended.into_iter().flat_map(|s| s.by).map(|one| one.by.to_string()).collect();
    assert_eq!(by, ["alice"]);
    done(&world, "mallory", &["resume", "prod"]);
    world.tick().expect_waiting_on("prod", "standard/platform").finish();
}

#[test]
fn a_request_is_its_makers_own_and_in_its_own_place() {
    let mut world = waiting();
    let forged = world.request("alice", "prod", suspend()).signed_with("mallory");
    world
        .ask("mallory", &forged)
        .tick()
        .expect_not_counted("prod", "it says `alice` but is signed with a key of mallory");
    let moved = world.request("mallory", "prod", suspend()).path("requests/other/x.yaml");
    world.ask("mallory", &moved);
    let among = world.request("mallory", "prod", suspend()).because("misplaced").path("approvals/prod/x.yaml");
    world.ask("mallory", &among).tick().expect_not_counted("prod", "a request does not lie among the approvals");
    world.expect_waiting_on("prod", "standard/platform");
    let unknown = world.request(
        "mallory",
        "prod",
        RequestAction::Open {
            number: None,
            access_duration: "2h".parse().unwrap(),
            grant_expiration: "2h".parse().unwrap(),
        },
    );
    world.ask("mallory", &unknown).tick().expect_not_counted("prod", "`open` requests are not built yet");
    // None of these used up the statement itself.
    world.ask("mallory", &world.request("mallory", "prod", suspend())).tick().expect_phase("prod", Phase::Suspended);
    world.finish();
}

#[test]
fn a_resumption_that_is_gone_when_first_seen_gives_nothing_and_a_suspension_counts() {
    let mut world = waiting();
    let ask = world.request("mallory", "prod", suspend()).path("requests/prod/x.yaml");
    world.ask("mallory", &ask).remove("mallory", "requests").tick().expect_phase("prod", Phase::Suspended);
    let ask = world.request("mallory", "prod", RequestAction::Resume { number: None }).path("requests/prod/y.yaml");
    world.ask("mallory", &ask).remove("mallory", "requests").tick().expect_phase("prod", Phase::Suspended);
    world.expect_not_counted("prod", "its record was gone").finish();
}

#[test]
fn r9_a_suspension_that_arrives_with_the_claim_is_heard() {
    let mut world = waiting();
    world.approve_by_merge("alice", "prod").pull("mallory");
    let ask = world.request("mallory", "prod", suspend());
    world.put_request("mallory", &ask);
    world.shell("mallory", "git add --all && git commit --quiet -m suspend && git push --quiet origin HEAD:prepared");
    world.move_main_when_claimed(&world.shell("mallory", "git rev-parse HEAD"));
    world.tick().expect_not_applied("prod").expect_phase("prod", Phase::Suspended);
    let abandoned = |event: &Event| match event {
        Event::Outcome { result: OutcomeResult::Abandoned, message, .. } => Some(message.clone()),
        _ => None,
    };
    assert_eq!(world.events().iter().filter_map(abandoned).collect::<Vec<_>>(), ["suspended by mallory"]);
    std::fs::remove_file(world.at("remote.git/hooks/post-receive")).expect("the hook");
    done(&world, "mallory", &["resume", "prod"]);
    world.tick().expect_applied("prod", "v1\n");
    assert_eq!(world.deployments("prod"), [(1, 2)]);
    world.finish();
}

#[test]
fn r9_a_close_that_arrives_with_the_claim_is_heard_and_consumes_the_number() {
    let mut world = update_waiting();
    world.approve_by_merge("alice", "prod").pull("mallory");
    let plan = world.status("prod").plan.unwrap().digest;
    world.put_request("mallory", &world.request("mallory", "prod", RequestAction::Close { plan }));
    world.file("mallory", "environments/prod/config/app.conf", "v1\n");
    world.shell("mallory", "git add --all && git commit --quiet -m close && git push --quiet origin HEAD:prepared");
    world.move_main_when_claimed(&world.shell("mallory", "git rev-parse HEAD"));
    world.tick().expect_applied("prod", "v1\n").expect_phase("prod", Phase::Synced);
    world.change("mallory", "prod", "v3\n").tick();
    assert_eq!(world.status("prod").plan.map(|plan| plan.number), Some(3));
    world.finish();
}

#[test]
fn a_close_puts_the_folder_back_and_consumes_the_number() {
    let mut world = update_waiting();
    let plan = world.status("prod").plan.unwrap();
    let said = done(&world, "mallory", &["close", "prod", "-m", "not needed"]);
    assert!(said.contains(&format!("Drops plan {} of prod: puts environments/prod back", plan.short)), "{said}");
    assert!(said.contains("number 2 is consumed"), "{said}");
    world.tick().expect_phase("prod", Phase::Synced).expect_applied("prod", "v1\n");
    assert!(world.branches("countersign/approve/").is_empty());
    // The same content again is another number: what was said on the closed plan counts no more.
    let old = world.request("bob", "prod", RequestAction::Close { plan: plan.digest });
    world.change("mallory", "prod", "v2\n").tick();
    assert_eq!(world.status("prod").plan.map(|plan| plan.number), Some(3));
    world.ask("bob", &old).tick().expect_not_counted("prod", "is not open: it ended, or never was");
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v2\n");
    assert_eq!(world.deployments("prod"), [(1, 1), (3, 1)]);
    world.finish();
}

#[test]
fn a_first_change_that_is_closed_leaves_nothing() {
    let mut world = waiting();
    done(&world, "alice", &["close", "prod"]);
    world.tick().expect_phase("prod", Phase::Synced).expect_not_applied("prod");
    assert_eq!(world.git("remote.git", &["ls-tree", "main", "environments/"]), "");
    // The place is free again, and the name goes on with the next number.
    world.pull("mallory").environment("mallory", "prod", "v1\n").push("mallory").tick();
    assert_eq!(world.status("prod").plan.map(|plan| plan.number), Some(2));
    // Who removed the folder contributed to what is made there next.
    world.approve_by_merge("bob", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn a_close_without_the_folder_put_back_drops_nothing() {
    let mut world = update_waiting();
    let plan = world.status("prod").plan.unwrap().digest;
    let ask = world.request("mallory", "prod", RequestAction::Close { plan });
    world.ask("mallory", &ask).tick().expect_waiting_on("prod", "standard/platform");
    world.expect_not_counted("prod", "the folder environments/prod is not what is in force");
    assert_eq!(world.status("prod").plan.map(|plan| plan.digest), Some(plan));
    world.finish();
}

#[test]
fn by_hand_a_close_is_one_commit_with_git_alone() {
    let mut world = update_waiting();
    let status = world.status("prod");
    let ask = world.request("mallory", "prod", RequestAction::Close { plan: status.plan.unwrap().digest });
    let at = status.in_force_at.unwrap();
    world.pull("mallory").put_request("mallory", &ask);
    world.shell("mallory", &format!("git checkout --quiet {at} -- environments/prod && git add --all && git commit --quiet -m close && git push --quiet"));
    world.tick().expect_phase("prod", Phase::Synced).finish();
}

#[test]
fn a_close_goes_through_a_pull_request_where_main_is_protected() {
    let mut world = update_waiting();
    done(&world, "mallory", &["close", "prod", "--branch", "drop-it"]);
    world.tick().expect_waiting_on("prod", "standard/platform");
    world.shell("alice", "git pull --quiet --ff-only && git fetch --quiet && git merge --quiet --no-ff --no-edit origin/drop-it && git push --quiet");
    world.tick().expect_phase("prod", Phase::Synced).finish();
}

#[test]
fn a_rejected_change_is_planned_anew_with_a_reason() {
    let mut world = update_waiting();
    let old = world.status("prod").plan.unwrap();
    world.reject_by_record("bob", "prod").tick().expect_phase("prod", Phase::Rejected);
    refused(&world, "mallory", &["reopen", "prod"], "takes a reason");
    refused(&world, "bob", &["reopen", "prod", "-m", "x"], "you lack `deploy` there");
    let silent = world.request("mallory", "prod", RequestAction::Reopen { plan: old.digest });
    world.ask("mallory", &silent).tick().expect_phase("prod", Phase::Rejected);
    world.expect_not_counted("prod", "it gives no reason");
    done(&world, "mallory", &["reopen", "prod", "-m", "settled with bob"]);
    // An approval of the old plan that is seen at the same time gives nothing to the new one.
    world.say("alice", &world.record("alice", "prod", Approve)).tick().expect_waiting_on("prod", "standard/platform");
    let new = world.status("prod").plan.unwrap();
    assert_eq!((new.number, new.round), (old.number, old.round + 1));
    assert_ne!(new.digest, old.digest);
    world.approve_by_merge("bob", "prod").tick().expect_applied("prod", "v2\n").finish();
}

#[test]
fn what_nobody_rejected_is_not_reopened() {
    let mut world = waiting();
    let plan = world.status("prod").plan.unwrap().digest;
    let ask = world.request("mallory", "prod", RequestAction::Reopen { plan }).because("again");
    world.ask("mallory", &ask).tick().expect_not_counted("prod", "nobody's rejection of the plan stands");
    assert_eq!(world.status("prod").plan.map(|plan| plan.digest), Some(plan));
    // One that is pushed with the rejection follows it.
    let rejection = world.record("bob", "prod", Reject);
    world.pull("bob").put_record("bob", &rejection);
    let ask = world.request("mallory", "prod", RequestAction::Reopen { plan }).because("at once");
    world.push("bob").ask("mallory", &ask).tick().expect_waiting_on("prod", "standard/platform");
    assert_ne!(world.status("prod").plan.map(|plan| plan.digest), Some(plan));
    world.finish();
}

#[test]
fn a_request_names_the_last_statement_of_any_kind() {
    let mut world = update_waiting();
    // Nobody looked in between: the commands know what is on the branch already.
    done(&world, "alice", &["suspend", "prod"]);
    done(&world, "alice", &["reject", "prod", "--yes"]);
    world.tick().expect_phase("prod", Phase::Suspended);
    done(&world, "alice", &["resume", "prod", "--no-push"]);
    done(&world, "alice", &["resume", "prod"]);
    done(&world, "alice", &["withdraw", "prod", "--yes"]);
    world.tick().expect_waiting_on("prod", "standard/platform");
    done(&world, "alice", &["approve", "prod", "--yes"]);
    world.tick().expect_applied("prod", "v2\n").finish();
}
