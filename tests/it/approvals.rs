//! Approving, rejecting and taking back, by merge and by signed record.

use countersign::lifecycle::Phase;
use countersign::model::ApprovalVerdict::{Approve, Reject, Withdraw};

use crate::world::World;

/// `prod` waits for its first plan.
fn waiting() -> World {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().expect_waiting_on("prod", "standard/platform");
    world
}

#[test]
fn an_approval_by_merge_applies_exactly_what_was_shown() {
    World::new()
        .environment("mallory", "prod", "v1\n")
        .push("mallory")
        .tick()
        .expect_exit(0)
        .expect_waiting_on("prod", "standard/platform")
        .expect_not_applied("prod")
        .approve_by_merge("alice", "prod")
        .tick()
        .expect_phase("prod", Phase::Synced)
        .expect_applied("prod", "v1\n")
        .expect_no_alarm()
        .finish();
}

#[test]
fn an_approval_by_signed_record_counts_from_the_config_branch() {
    let mut world = waiting();
    world.approve_by_record("bob", "prod").tick().expect_applied("prod", "v1\n");
    assert_eq!(world.deployments("prod"), [(1, 1)]);
    world.finish();
}

#[test]
fn an_approval_by_signed_record_counts_from_the_records_branch() {
    let mut world = waiting();
    let record = world.record("bob", "prod", Approve);
    world.put_record("bob", &record);
    world.shell("bob", "git checkout --quiet --orphan records && git rm -r --quiet --cached . && git add approvals");
    world.shell("bob", "git commit --quiet -m record && git push --quiet origin HEAD:countersign/records");
    world.tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn a_merge_on_the_records_branch_counts_for_nothing() {
    let mut world = waiting();
    let branch = world.ready("approve", "prod");
    world.shell(
        "bob",
        &format!("git fetch --quiet origin {branch} && git merge --quiet -S --no-ff --no-edit FETCH_HEAD"),
    );
    world.shell("bob", "git push --quiet origin HEAD:countersign/records");
    world.tick().expect_waiting_on("prod", "standard/platform").expect_not_applied("prod");
    world.expect_not_counted("prod", "counts on the config branch alone").finish();
}

#[test]
fn the_maker_of_a_change_cannot_approve_it_alone() {
    let mut world = World::with().approvers(&["alice", "bob", "mallory"]).build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().expect_waiting_on("prod", "standard/platform");
    let rule = world.rule("prod", "standard/platform");
    let excluded = rule.excluded.iter().find(|excluded| excluded.person.as_str() == "mallory").expect("excluded");
    let commit = world.git("mallory", &["rev-parse", "--short=7", "HEAD"]);
    assert!(excluded.why.contains(&commit), "{} does not name {commit}", excluded.why);
    world.approve_by_merge("mallory", "prod").tick().expect_waiting_on("prod", "standard/platform");
    world.expect_not_counted("prod", "contributed to this change").expect_not_applied("prod");
    world.approve_by_merge("bob", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn two_approvals_are_two_people() {
    let rules = "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 2\n";
    let mut world = World::with().ruleset("standard", rules).build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    world.approve_by_merge("alice", "prod").tick().expect_waiting_on("prod", "standard/platform");
    // The next branch is there for the next person, and a second approval of the first one adds nothing.
    world.approve_by_merge("alice", "prod").tick().expect_waiting_on("prod", "standard/platform");
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 1);
    world.expect_not_applied("prod").approve_by_record("bob", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn one_person_may_meet_two_overlapping_rules() {
    let rules = "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 1\n  - name: owner\n    approvers: { roles: [owner] }\n    required: 1\n";
    let mut world = World::with().ruleset("standard", rules).build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    world.expect_waiting_on("prod", "standard/platform, standard/owner");
    world.approve_by_merge("bob", "prod").tick().expect_waiting_on("prod", "standard/owner");
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn a_customer_approves_its_own_environment_only() {
    let rules = "rules:\n  - name: customer\n    approvers: { customer: true }\n    required: 1\n";
    let mut world = World::with()
        .person("carol")
        .person("dave")
        .ruleset("customer", rules)
        .binding("role: customer, users: [carol], environments: [prod]")
        .binding("role: customer, users: [dave], environments: [other]")
        .build();
    let spec = "requireApproval: true\nrulesets: [customer]\ncustomerEmail: carol@x.example\n";
    world.environment_with("mallory", "prod", "v1\n", spec).push("mallory").tick();
    world.expect_waiting_on("prod", "standard/platform, customer/customer");
    world.approve_by_merge("alice", "prod").tick().expect_waiting_on("prod", "customer/customer");
    world.approve_by_merge("dave", "prod").tick().expect_waiting_on("prod", "customer/customer");
    world.expect_not_counted("prod", "dave does not hold `approve` in prod").expect_not_applied("prod");
    world.approve_by_merge("carol", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn where_only_records_count_a_merge_says_so() {
    let rules =
        "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 1\nevidence: [record]\n";
    let mut world = World::with().ruleset("standard", rules).build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    world.approve_by_merge("alice", "prod").tick().expect_waiting_on("prod", "standard/platform");
    world.expect_not_counted("prod", "only a signed record counts").expect_not_applied("prod");
    world.approve_by_record("bob", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn a_rejected_plan_stays_rejected_until_a_new_push() {
    let mut world = waiting();
    world.reject_by_merge("bob", "prod").tick().expect_phase("prod", Phase::Rejected).expect_not_applied("prod");
    world.approve_by_merge("alice", "prod").tick().expect_phase("prod", Phase::Rejected).expect_not_applied("prod");
    world.change("mallory", "prod", "v2\n").tick().expect_waiting_on("prod", "standard/platform");
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v2\n").finish();
}

#[test]
fn taking_back_a_rejection_returns_the_plan_as_it_was() {
    let mut world = waiting();
    let plan = world.status("prod").plan.expect("a plan");
    let rejection = world.record("bob", "prod", Reject);
    world.approve_by_merge("alice", "prod").say("bob", &rejection).tick().expect_phase("prod", Phase::Rejected);
    let (digest, _) = world.sign(&rejection);
    let withdrawal = world.record("bob", "prod", Withdraw).previous(digest);
    world.say("bob", &withdrawal).tick().expect_applied("prod", "v1\n");
    let history = world.journal_file("environments/prod/history/1/deployment.yaml").expect("a history");
    assert!(history.contains(&plan.digest.to_string()), "{history}");
    world.finish();
}

#[test]
fn taking_back_a_rejection_without_naming_it_does_nothing() {
    let mut world = waiting();
    world.reject_by_record("bob", "prod").tick().expect_phase("prod", Phase::Rejected);
    let withdrawal = world.record("bob", "prod", Withdraw);
    world.say("bob", &withdrawal).approve_by_merge("alice", "prod").tick().expect_phase("prod", Phase::Rejected);
    world.expect_not_counted("prod", "`previous`").expect_not_applied("prod").finish();
}

#[test]
fn an_approval_can_be_taken_back_by_merge_and_given_again() {
    let rules = "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 2\n";
    let mut world = World::with().ruleset("standard", rules).build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("alice", "prod").tick();
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 1);
    world.merge("alice", "prod", "withdraw").tick();
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 0);
    world.approve_by_merge("bob", "prod").tick().expect_waiting_on("prod", "standard/platform");
    world.expect_not_applied("prod").approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn an_approval_and_a_rejection_in_one_push_is_a_rejection() {
    let mut world = waiting();
    let (approval, rejection) = (world.record("alice", "prod", Approve), world.record("alice", "prod", Reject));
    world.put_record("alice", &approval);
    world.say("alice", &rejection).tick().expect_phase("prod", Phase::Rejected).expect_not_applied("prod").finish();
}

#[test]
fn two_peoples_statements_in_one_push_both_count() {
    let rules = "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 2\n";
    let mut world = World::with().ruleset("standard", rules).build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    let (one, two) = (world.record("alice", "prod", Approve), world.record("bob", "prod", Approve));
    world.put_record("mallory", &one);
    world.say("mallory", &two).tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn a_withdrawal_by_somebody_else_takes_nothing_back() {
    let rules = "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 2\n";
    let mut world = World::with().ruleset("standard", rules).build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("alice", "prod").tick();
    world.merge("bob", "prod", "withdraw").tick();
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 1);
    world.expect_not_counted("prod", "nothing of yours to take back").finish();
}
