//! What is said on a draft, and what of it holds once it is merged.

use countersign::journal::{Event, NoPlan};
use countersign::lifecycle::Phase;
use countersign::model::ApprovalVerdict;
use countersign::plan::PlanKind;

use super::deployed;
use crate::world::World;

#[test]
fn a_draft_is_approved_merged_and_deployed_with_plain_git() {
    let mut world = deployed();
    world.draft("mallory", "prod", "v2\n").tick().expect_draft_waiting_on("prod", "standard/platform");
    world.expect_phase("prod", Phase::Synced).second_tick_changes_nothing();
    let plan = world.draft_plan("prod");
    assert_eq!((plan.1, plan.2), (2, 1));
    let diff = world.journal_file("environments/prod/draft.diff").expect("a diff");
    assert!(diff.contains("-v1\n+v2\n"), "{diff}");
    assert!(world.journal_file("environments/prod/plan.json").is_none());
    let page = world.journal_file("environments/prod/README.md").expect("a page");
    assert!(page.contains("## Draft") && page.contains("--draft --plan") && page.contains("git merge -S"), "{page}");

    // Approved before the merge: nothing is applied by that.
    world.say_on_draft("bob", "prod", "approve").tick().expect_draft_phase("prod", Phase::Approved);
    world.expect_applied("prod", "v1\n").expect_phase("prod", Phase::Synced).second_tick_changes_nothing();

    // Merged as it is, it is the same plan, and nobody is asked again.
    world.merge_draft("mallory", "prod", "--no-ff --no-edit").tick();
    world.expect_applied("prod", "v2\n").expect_phase("prod", Phase::Synced);
    let claimed = world.events().into_iter().rev().find_map(|event| match event {
        Event::Claimed(claim) => Some(claim.plan.to_string()),
        _ => None,
    });
    assert_eq!(claimed.as_deref(), Some(plan.0.as_str()));
    assert_eq!(world.draft_status("prod").no_plan, Some(NoPlan::Same));
    assert!(world.branches("countersign/approve/").is_empty());
    world.delete_draft("prod").tick();
    assert!(world.status("prod").draft.is_none());
    assert!(world.journal_file("environments/prod/draft.md").is_none());
    world.finish();
}

#[test]
fn a_fast_forward_and_a_squash_keep_the_plan() {
    for arguments in ["--ff-only", "--squash"] {
        let mut world = deployed();
        world.draft("mallory", "prod", "v2\n").tick();
        let plan = world.draft_plan("prod").0;
        let record = world.draft_record("bob", "prod", ApprovalVerdict::Approve);
        // On the branch of records, so that main can be fast-forwarded.
        world.say_on_records("bob", &record).tick().expect_draft_phase("prod", Phase::Approved);
        world.merge_draft("mallory", "prod", arguments).tick().expect_applied("prod", "v2\n");
        assert!(
            world.events().iter().any(|event| matches!(event, Event::Claimed(claim) if claim.plan.to_string() == plan))
        );
        world.delete_draft("prod").tick().finish();
    }
}

#[test]
fn merged_and_deleted_at_once_as_forges_do() {
    let mut world = deployed();
    world.draft("mallory", "prod", "v2\n").tick().say_on_draft("bob", "prod", "approve").tick();
    world.merge_draft("mallory", "prod", "--squash").delete_draft("prod").tick().expect_applied("prod", "v2\n");
    assert!(world.status("prod").draft.is_none());
    // The same with a state folder that never saw it.
    world.draft("mallory", "prod", "v3\n").tick().say_on_draft("bob", "prod", "approve");
    world.merge_draft("mallory", "prod", "--no-ff --no-edit").delete_draft("prod");
    std::fs::remove_dir_all(world.at("journal.state")).expect("the state folder is a cache");
    world.tick().expect_applied("prod", "v3\n").finish();
}

#[test]
fn half_of_what_is_asked_for_goes_on_with_the_merge() {
    let rules = "rules:\n  - { name: platform, approvers: { teams: [platform] }, required: 2 }\n";
    let mut world =
        World::with().person("carol").team("platform", "alice, bob, carol").ruleset("standard", rules).build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    world.approve_by_record("alice", "prod").approve_by_record("bob", "prod").tick().expect_applied("prod", "v1\n");
    world.draft("mallory", "prod", "v2\n").tick().say_on_draft("alice", "prod", "approve").tick();
    world.expect_draft_waiting_on("prod", "standard/platform");
    let plan = world.draft_plan("prod");
    world.merge_draft("mallory", "prod", "--no-ff --no-edit").tick().expect_waiting_on("prod", "standard/platform");
    assert_eq!(world.main_plan("prod"), plan);
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 1);
    // The branch that was there for the draft is still the one to be merged.
    world.approve_by_merge("carol", "prod").tick().expect_applied("prod", "v2\n");
    world.delete_draft("prod").tick().finish();
}

#[test]
fn a_rejection_stays_with_the_plan_through_the_merge() {
    let mut world = deployed();
    world.draft("mallory", "prod", "v2\n").tick().say_on_draft("bob", "prod", "reject").tick();
    world.expect_draft_phase("prod", Phase::Rejected);
    world.merge_draft("mallory", "prod", "--no-ff --no-edit").tick().expect_phase("prod", Phase::Rejected);
    world
        .approve_by_record("alice", "prod")
        .tick()
        .expect_applied("prod", "v1\n")
        .expect_phase("prod", Phase::Rejected);
    let said = world.status("prod").statements;
    let rejection = said.iter().find(|view| view.verdict == Some(ApprovalVerdict::Reject)).expect("a rejection").digest;
    let withdraw = world.record("bob", "prod", ApprovalVerdict::Withdraw).previous(rejection);
    world.say("bob", &withdraw).tick().expect_applied("prod", "v2\n");
    world.delete_draft("prod").tick().finish();
}

#[test]
fn an_edited_draft_is_another_plan_and_is_approved_anew() {
    let mut world = deployed();
    world.draft("mallory", "prod", "v2\n").tick().say_on_draft("bob", "prod", "approve").tick();
    let first = world.draft_plan("prod");
    world.expect_draft_phase("prod", Phase::Approved);
    world.amend_draft("mallory", "prod", "v3\n").tick().expect_draft_waiting_on("prod", "standard/platform");
    let second = world.draft_plan("prod");
    assert_ne!(first.0, second.0);
    // A draft moves no round: nothing ended on the config branch.
    assert_eq!((first.1, first.2), (second.1, second.2));
    assert_eq!(world.branches("countersign/approve/prod/").len(), 1);
    world.merge_draft("mallory", "prod", "--no-ff --no-edit").tick().expect_waiting_on("prod", "standard/platform");
    world.expect_applied("prod", "v1\n");
    assert_eq!(world.main_plan("prod"), second);
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v3\n");
    world.delete_draft("prod").tick().finish();
}

#[test]
fn p13_who_worked_on_a_draft_does_not_approve_it_not_even_after_a_squash_by_somebody_else() {
    let mut world = deployed();
    world.draft("bob", "prod", "v2\n").tick();
    let record = world.draft_record("bob", "prod", ApprovalVerdict::Approve);
    world.say("bob", &record).tick().expect_draft_waiting_on("prod", "standard/platform");
    let excluded = world.draft_status("prod").waiting_on[0].excluded.clone();
    assert!(
        excluded.iter().any(|one| one.person.to_string() == "bob" && one.why.contains("contributed")),
        "{excluded:?}"
    );
    // The squash bears another name. It is the same plan, and bob is still one of those who made it.
    world.merge_draft("mallory", "prod", "--squash").tick().expect_waiting_on("prod", "standard/platform");
    world.expect_applied("prod", "v1\n");
    let excluded = world.rule("prod", "standard/platform").excluded;
    assert!(
        excluded.iter().any(|one| one.person.to_string() == "bob" && one.why.contains("contributed")),
        "{excluded:?}"
    );
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v2\n");
    world.delete_draft("prod").tick().finish();
}

#[test]
fn a_commit_sneaked_in_after_the_approval_makes_another_plan() {
    let mut world = deployed();
    world.draft("mallory", "prod", "v2\n").tick().say_on_draft("bob", "prod", "approve").tick();
    world.expect_draft_phase("prod", Phase::Approved);
    // Between two looks of the daemon: changed and merged at once.
    world.amend_draft("mallory", "prod", "evil\n").merge_draft("mallory", "prod", "--no-ff --no-edit").tick();
    world.expect_waiting_on("prod", "standard/platform").expect_applied("prod", "v1\n");
    world.delete_draft("prod").tick().finish();
}

#[test]
fn main_with_a_change_of_its_own_goes_on_and_the_draft_has_the_round_that_follows() {
    let mut world = deployed();
    world.pull("mallory").file("mallory", "environments/prod/config/other.conf", "one\n").push("mallory").tick();
    let main = world.main_plan("prod");
    world.draft("mallory", "prod", "v2\n").tick().expect_draft_waiting_on("prod", "standard/platform");
    let draft = world.draft_plan("prod");
    assert_eq!((draft.1, draft.2), (main.1, main.2 + 1));
    world.expect_waiting_on("prod", "standard/platform");
    assert_eq!(world.main_plan("prod"), main);
    // Both wait, and both have branches of their own.
    assert_eq!(world.branches("countersign/approve/prod/").len(), 2);
    world.say_on_draft("bob", "prod", "approve").tick().expect_draft_phase("prod", Phase::Approved);
    world.merge_draft("mallory", "prod", "--no-ff --no-edit").tick().expect_phase("prod", Phase::Synced);
    // Both are in it: that is what was approved.
    assert_eq!(world.applied("prod").as_deref(), Some("v2\n"));
    assert!(world.target("prod").join("other.conf").exists());
    world.delete_draft("prod").tick().finish();
}

#[test]
fn a_deployment_meanwhile_makes_the_draft_another_plan() {
    let mut world = deployed();
    world.draft("mallory", "prod", "v2\n").tick().say_on_draft("bob", "prod", "approve").tick();
    let before = world.draft_plan("prod");
    let ended = world.draft_status("prod").plan.expect("a plan").digest;
    world.pull("mallory").file("mallory", "environments/prod/config/other.conf", "more\n").push("mallory").tick();
    // Another plan waits on main: merged, the draft would supersede it.
    let between = world.draft_plan("prod");
    assert_eq!((between.1, between.2), (before.1, before.2 + 1));
    world.expect_draft_waiting_on("prod", "standard/platform");
    let branch = world.status("prod").branches["approve"].clone();
    world.shell("alice", &countersign::lifecycle::merge_command(&branch));
    world.tick().expect_phase("prod", Phase::Synced).expect_draft_waiting_on("prod", "standard/platform");
    let after = world.draft_plan("prod");
    assert_eq!((after.1, after.2), (before.1 + 1, before.2));
    // What was the draft's plan before has ended, and is nobody's to speak of.
    let late = world.record_on("alice", "prod", ended, ApprovalVerdict::Approve);
    world.say("alice", &late).tick().expect_not_counted("prod", "is not open: it ended, or never was");
    world.merge_draft("mallory", "prod", "--no-ff --no-edit").tick().expect_waiting_on("prod", "standard/platform");
    assert_eq!(world.main_plan("prod"), after);
    world.delete_draft("prod").tick().finish();
}

#[test]
fn a_draft_makes_a_new_environment_and_takes_one_down() {
    let mut world = deployed();
    world.environment("mallory", "qa", "one\n").push_draft("mallory", "qa").tick();
    let plan = world.draft_plan("qa");
    assert_eq!(world.draft_status("qa").plan.expect("a plan").kind, PlanKind::Create);
    world
        .say_on_draft("bob", "qa", "approve")
        .tick()
        .expect_draft_phase("qa", Phase::Approved)
        .expect_not_applied("qa");
    world.merge_draft("mallory", "qa", "--no-ff --no-edit").tick().expect_applied("qa", "one\n");
    assert_eq!(plan.1, 1);
    world.pull("mallory").shell("mallory", "git rm -r --quiet environments/qa");
    world.push_draft("mallory", "qa").tick();
    assert_eq!(world.draft_status("qa").plan.expect("a plan").kind, PlanKind::Destroy);
    world
        .say_on_draft("bob", "qa", "approve")
        .tick()
        .expect_draft_phase("qa", Phase::Approved)
        .expect_applied("qa", "one\n");
    world.merge_draft("mallory", "qa", "--no-ff --no-edit").tick().expect_not_applied("qa");
    world.delete_draft("qa").tick().finish();
}
