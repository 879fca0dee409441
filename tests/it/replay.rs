//! Old statements, old history, old keys: what was said once counts once, for what it was said of.

use countersign::journal::{Event, OutcomeResult};
use countersign::lifecycle::Phase;
use countersign::model::ApprovalVerdict::{Approve, Reject, Withdraw};

use crate::world::World;

const TWO: &str = "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 2\n";

fn applied() -> World {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("alice", "prod").tick();
    world.expect_applied("prod", "v1\n");
    world
}

/// `prod` and two approvals needed, so that one can be given without anything being applied.
fn two_needed() -> World {
    let mut world = World::with().ruleset("standard", TWO).build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().expect_waiting_on("prod", "standard/platform");
    world
}

#[test]
fn r1_an_approval_of_superseded_content_does_not_return_with_the_content() {
    let mut world = two_needed();
    world.approve_by_merge("alice", "prod").tick();
    world.change("mallory", "prod", "v2\n").tick().change("mallory", "prod", "v1\n").tick();
    assert_eq!(world.status("prod").plan.map(|plan| plan.round), Some(3));
    world.approve_by_merge("bob", "prod").tick().expect_waiting_on("prod", "standard/platform");
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 1);
    world.expect_not_applied("prod").finish();
}

#[test]
fn r1_an_approval_counts_for_no_other_environment_plan_or_repository() {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").environment("mallory", "test", "v1\n").push("mallory").tick();
    let other_plan = world.status("test").plan.expect("a plan").digest;
    let good = world.record("alice", "prod", Approve);
    // Said of prod, put into the folder of test.
    world.put_record("alice", &good.clone().path("approvals/test/000000000000/a.yaml"));
    // Said of prod, of a plan of test.
    world.put_record("alice", &good.clone().plan(other_plan));
    // Said of another repository with the same content.
    let identity = countersign::digest::RepositoryId(countersign::digest::Digest::of("a fork"));
    world.put_record("alice", &good.clone().repository(identity).path("approvals/prod/b.yaml"));
    world.push("alice").tick();
    world.expect_waiting_on("prod", "standard/platform").expect_waiting_on("test", "standard/platform");
    world.expect_not_counted("prod", "is not open").expect_not_counted("prod", "another repository");
    world.expect_not_counted("prod", "folder of another environment");
    world.expect_not_applied("prod").expect_not_applied("test").finish();
}

#[test]
fn r1_an_approval_is_used_up_by_its_deployment() {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    let record = world.record("alice", "prod", Approve);
    world.say("alice", &record).tick().expect_applied("prod", "v1\n");
    world
        .change("mallory", "prod", "v2\n")
        .tick()
        .approve_by_merge("bob", "prod")
        .tick()
        .expect_applied("prod", "v2\n");
    // Back to v1, with the old approval copied to a path of its own.
    world.change("mallory", "prod", "v1\n").tick();
    world.say("mallory", &record.path("approvals/prod/again.yaml")).tick();
    world.expect_waiting_on("prod", "standard/platform").expect_applied("prod", "v2\n").finish();
}

#[test]
fn r1_an_approval_does_not_survive_destroy_and_recreation() {
    let mut world = two_needed();
    world.approve_by_record("alice", "prod").tick();
    world.remove("mallory", "environments/prod").tick().environment("mallory", "prod", "v1\n").push("mallory").tick();
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 0);
    world.approve_by_record("bob", "prod").tick().expect_waiting_on("prod", "standard/platform");
    world.expect_not_applied("prod").finish();
}

#[test]
fn r2_a_push_together_with_the_approval_is_not_covered_by_it() {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("alice", "prod");
    world.change("mallory", "prod", "evil\n").tick().expect_waiting_on("prod", "standard/platform");
    world.expect_not_applied("prod").finish();
}

#[test]
fn r2_live_state_that_changed_after_the_approval_makes_a_new_plan() {
    let mut world = applied();
    world.change("mallory", "prod", "v2\n").tick();
    let before = world.status("prod").plan.expect("a plan").digest;
    world.approve_by_merge("bob", "prod");
    std::fs::write(world.target("prod").join("other.conf"), "by hand\n").expect("a file");
    world.tick().expect_waiting_on("prod", "standard/platform");
    assert_ne!(world.status("prod").plan.expect("a plan").digest, before);
    assert_eq!(world.applied("prod").as_deref(), Some("v1\n"));
    // What was approved is still approved once the host is as it was shown.
    std::fs::remove_file(world.target("prod").join("other.conf")).expect("taken away");
    world.approve_by_merge("alice", "prod").tick();
    world.finish();
}

#[test]
fn r3_deleting_an_approval_or_a_rejection_changes_nothing_and_alarms() {
    let mut world = two_needed();
    world.approve_by_record("alice", "prod").tick();
    world.remove("mallory", "approvals").tick().expect_alarm("was deleted; it counts as before");
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 1);
    world.reject_by_record("bob", "prod").tick().expect_phase("prod", Phase::Rejected);
    world
        .remove("mallory", "approvals")
        .tick()
        .expect_phase("prod", Phase::Rejected)
        .expect_not_applied("prod")
        .finish();
}

#[test]
fn r3_a_rejection_that_was_deleted_before_it_was_seen_counts_and_an_approval_does_not() {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    world.approve_by_record("alice", "prod").remove("mallory", "approvals").tick();
    world.expect_waiting_on("prod", "standard/platform").expect_not_counted("prod", "was gone from the branch");
    world.reject_by_record("bob", "prod").remove("mallory", "approvals").tick();
    world.expect_phase("prod", Phase::Rejected).expect_not_applied("prod").finish();
}

#[test]
fn r3_editing_an_admitted_record_changes_nothing_and_alarms() {
    let mut world = two_needed();
    world.approve_by_record("alice", "prod").tick().pull("mallory");
    let path = world.shell("mallory", "ls approvals/prod/*/*.yaml");
    let text = std::fs::read_to_string(world.at("mallory").join(&path)).expect("a record");
    world.file("mallory", &path, &text.replace("looked at", "looked away")).push("mallory").tick();
    world.expect_alarm("was edited; it counts as before");
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 1);
    world.expect_not_applied("prod").finish();
}

#[test]
fn r3_nobody_can_use_up_a_statement_before_its_maker_says_it() {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    // mallory guesses the words of bob's rejection: signs them with her own key, with a stranger's, and puts a real
    // copy into another folder.
    world.make_key("stranger", &[]);
    let rejection = world.record("bob", "prod", Reject);
    for (n, copy) in [
        rejection.clone().signed_with("mallory"),
        rejection.clone().signed_with("stranger"),
        rejection.clone().path("approvals/other/copy.yaml"),
        rejection.clone().path("approvals/copy.yaml"),
    ]
    .into_iter()
    .enumerate()
    {
        let copy = if n < 2 { copy.path(&format!("approvals/prod/{n}.yaml")) } else { copy };
        world.put_record("mallory", &copy);
    }
    world.push("mallory").tick().expect_waiting_on("prod", "standard/platform");
    world.say("bob", &rejection).approve_by_merge("alice", "prod").tick();
    world.expect_phase("prod", Phase::Rejected).expect_not_applied("prod").finish();
}

#[test]
fn r4_a_key_that_ended_signs_nothing_whatever_date_is_written() {
    let mut world = World::new();
    let file = "governance/people/bob.yaml";
    let text = std::fs::read_to_string(world.at("alice").join(file)).expect("bob");
    world.file("alice", file, &format!("{text}      validUntil: \"2020-01-01T00:00:00Z\"\n")).push("alice").pin_again();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    let branch = world.ready("approve", "prod");
    world.shell("bob", &format!("git pull -q --ff-only && git fetch -q origin {branch} && GIT_AUTHOR_DATE='2019-06-01T00:00:00Z' GIT_COMMITTER_DATE='2019-06-01T00:00:00Z' git merge -q -S --no-ff FETCH_HEAD && git push -q"));
    world
        .tick()
        .expect_waiting_on("prod", "standard/platform")
        .expect_not_counted("prod", "was valid until 2020-01-01");
    world.approve_by_record("bob", "prod").tick().expect_not_applied("prod").finish();
}

#[test]
fn r5_a_rewound_config_branch_is_tampered_and_nothing_is_applied() {
    let mut world = applied();
    world.change("mallory", "prod", "v2\n").tick();
    world.git("remote.git", &["update-ref", "refs/heads/main", "main~1"]);
    let run = world.try_tick();
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stdout.contains("prod Tampered") && run.stderr.contains("main was rewritten"), "{run}");
    world.expect_applied("prod", "v1\n").finish_unproven(2, "it was rewound");
}

#[test]
fn r5_an_amended_commit_on_the_config_branch_is_tampered() {
    let mut world = applied();
    world.change("mallory", "prod", "v2\n").tick().approve_by_merge("bob", "prod");
    world.shell(
        "bob",
        "git reset --quiet --hard HEAD~1 && git commit --quiet --amend --no-edit -m other && git push --quiet --force",
    );
    let run = world.try_tick();
    assert_eq!(run.code, Some(1), "{run}");
    world.expect_applied("prod", "v1\n").finish_unproven(1, "history was rewritten");
}

#[test]
fn r5_a_rewound_journal_is_tampered() {
    let mut world = applied();
    world.git("remote.git", &["update-ref", "refs/heads/countersign/journal", "countersign/journal~1"]);
    let run = world.try_tick();
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stdout.contains("prod Tampered") && run.stderr.contains("countersign/journal was rewritten"), "{run}");
    world.change("mallory", "prod", "v2\n").expect_applied("prod", "v1\n").finish();
}

#[test]
fn r5_a_rewound_records_branch_is_never_taken_for_fewer_statements() {
    let mut world = two_needed();
    let record = world.record("bob", "prod", Reject);
    world.say_on_records("bob", &record).tick().expect_phase("prod", Phase::Rejected);
    world.git("remote.git", &["update-ref", "refs/heads/countersign/records", "countersign/records~1"]);
    world.tick().expect_phase("prod", Phase::Rejected).expect_not_applied("prod").finish();
}

#[test]
fn r7_two_daemons_at_once_apply_once() {
    let mut world = World::with().daemon("second").build();
    world.environment("mallory", "prod", "v0\n").push("mallory").tick().tick_of("second");
    let rounds = 6;
    for round in 1..=rounds {
        world.approve_by_merge("alice", "prod");
        let mut both: Vec<_> = ["journal", "second"]
            .into_iter()
            .map(|daemon| world.daemon_command(daemon).spawn().expect("a daemon"))
            .collect();
        for daemon in &mut both {
            assert!(daemon.wait().expect("it ends").success());
        }
        world.tick().tick_of("second").expect_applied("prod", &format!("v{}\n", round - 1));
        let expected: Vec<_> = (1..=round).map(|number| (number, 1)).collect();
        assert_eq!(world.deployments("prod"), expected, "each number once");
        world.change("mallory", "prod", &format!("v{round}\n")).tick();
    }
    let claims = world.events().into_iter().filter(|event| matches!(event, Event::Claimed(_))).count();
    let outcomes = world.events().into_iter().filter(|event| matches!(event, Event::Outcome { .. })).count();
    assert_eq!(claims, outcomes);
    world.expect_no_alarm().finish();
}

#[test]
fn r7_one_key_serves_one_daemon_only() {
    let mut world = applied();
    let key = world.at("journal.key");
    let held = std::fs::File::open(&key).expect("the key");
    rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).expect("locked");
    let run = world.try_tick();
    assert_eq!(run.code, Some(2), "{run}");
    drop(held);
    world.tick().finish();
}

#[test]
fn r8_a_withdrawn_approval_does_not_return_as_a_copy() {
    let mut world = two_needed();
    let record = world.record("alice", "prod", Approve);
    let (digest, _) = world.sign(&record);
    world.say("alice", &record).tick();
    let withdrawal = world.record("alice", "prod", Withdraw).previous(digest);
    world.say("alice", &withdrawal).tick();
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 0);
    world.say("mallory", &record.path("approvals/prod/copy.yaml")).approve_by_merge("bob", "prod").tick();
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 1);
    world.expect_not_applied("prod").finish();
}

#[test]
fn r8_a_new_approval_names_the_statement_before_it() {
    let mut world = two_needed();
    let record = world.record("alice", "prod", Approve);
    let (first, _) = world.sign(&record);
    world.say("alice", &record).tick();
    let withdrawal = world.record("alice", "prod", Withdraw).previous(first);
    let (second, _) = world.sign(&withdrawal);
    world.say("alice", &withdrawal).tick();
    let forgetful = world.record("alice", "prod", Approve).saying(|approval| approval.reason = "again".to_owned());
    world.say("alice", &forgetful).tick().expect_not_counted("prod", "its `previous` is not alice's last statement");
    let right = forgetful.saying(|approval| approval.reason = "again, rightly".to_owned()).previous(second);
    world.say("alice", &right).tick();
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 1);
    world.approve_by_merge("bob", "prod").tick().expect_applied("prod", "v1\n").finish();
}

/// As soon as a claim arrives on the remote, the config branch is moved there to `commit`.
fn move_main_when_claimed(world: &World, commit: &str) {
    world.move_main_when_claimed(commit);
}

/// bob's next commit, which is on the remote without being on any branch that counts.
fn prepared(
    world: &mut World,
    verdict: countersign::model::ApprovalVerdict,
    previous: Option<&crate::world::Record>,
) -> String {
    let mut record = world.record("bob", "prod", verdict);
    if let Some(previous) = previous {
        record = record.previous(world.sign(previous).0);
    }
    world.pull("bob").put_record("bob", &record);
    world.shell("bob", "git add --all && git commit --quiet -m said && git push --quiet origin HEAD:prepared");
    world.shell("bob", "git rev-parse HEAD")
}

#[test]
fn r9_a_rejection_that_arrives_with_the_claim_is_heard() {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("alice", "prod");
    let commit = prepared(&mut world, Reject, None);
    move_main_when_claimed(&world, &commit);
    world.tick();
    world.expect_phase("prod", Phase::Rejected).expect_not_applied("prod");
    let abandoned = |event: &Event| matches!(event, Event::Outcome { result: OutcomeResult::Abandoned, .. });
    assert_eq!(world.events().iter().filter(|event| abandoned(event)).count(), 1);
    // The number was not consumed.
    world.change("mallory", "prod", "v2\n").tick();
    assert_eq!(world.status("prod").plan.map(|plan| plan.number), Some(1));
    world.finish();
}

#[test]
fn r9_a_withdrawal_that_arrives_with_the_claim_is_heard() {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    let approval = world.record("bob", "prod", Approve);
    world.say("bob", &approval);
    let commit = prepared(&mut world, Withdraw, Some(&approval));
    move_main_when_claimed(&world, &commit);
    world.tick().expect_waiting_on("prod", "standard/platform").expect_not_applied("prod");
    std::fs::remove_file(world.at("remote.git/hooks/post-receive")).expect("the hook");
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n");
    assert_eq!(world.deployments("prod"), [(1, 2)]);
    world.finish();
}

#[test]
fn r9_a_push_that_arrives_with_the_claim_waits_for_its_own_approval() {
    let mut world = World::new();
    world
        .environment("mallory", "prod", "v1\n")
        .push("mallory")
        .tick()
        .approve_by_merge("alice", "prod")
        .pull("mallory");
    world.file("mallory", "environments/prod/config/app.conf", "v2\n");
    world.shell("mallory", "git add --all && git commit --quiet -m v2 && git push --quiet origin HEAD:prepared");
    move_main_when_claimed(&world, &world.shell("mallory", "git rev-parse HEAD"));
    world.tick().expect_applied("prod", "v1\n").expect_waiting_on("prod", "standard/platform");
    assert_eq!(world.status("prod").plan.map(|plan| plan.number), Some(2));
    world.finish();
}

/// `prod` waits for its first approval.
fn waiting() -> World {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().expect_waiting_on("prod", "standard/platform");
    world
}

/// The daemon refuses what is on the journal, with these words, and does nothing because of it.
#[track_caller]
fn expect_refused(world: &mut World, words: &str) {
    let run = world.try_tick();
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stdout.contains("prod Tampered") && run.stderr.contains(words), "{run}");
    world.expect_not_applied("prod");
}

#[test]
fn r10_a_claim_forged_with_the_stolen_daemon_key_is_not_resumed() {
    let mut world = waiting();
    world.forge_claim("prod").expect_phase_of_fold("prod", Phase::Deploying);
    expect_refused(&mut world, "the plan was not approved: standard/platform had 0 of 1");
    expect_refused(&mut world, "the plan was not approved");
    world.take_off_the_last_entry().tick().expect_waiting_on("prod", "standard/platform");
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn r10_a_forged_approval_on_the_journal_approves_nothing() {
    let mut world = waiting();
    world.forge_approval("alice", "prod");
    expect_refused(&mut world, "is in no commit that this entry read");
    world.take_off_the_last_entry().approve_by_merge("bob", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn r10_a_forged_outcome_deploys_nothing() {
    let mut world = waiting();
    world.forge_claim("prod").forge_outcome("prod", OutcomeResult::Applied);
    world.expect_phase_of_fold("prod", Phase::Synced);
    expect_refused(&mut world, "the plan was not approved");
    world.take_off_the_last_entry();
    expect_refused(&mut world, "the plan was not approved");
    world.take_off_the_last_entry().approve_by_merge("bob", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn r10_an_approval_that_was_left_out_or_refused_falsely_is_noticed() {
    let mut world = waiting();
    world.approve_by_merge("alice", "prod");
    // An entry that reads the commit with the approval and says nothing of it.
    let main = world.tip("main").parse().expect("an id");
    let message = "all is well".to_owned();
    world.forge_entry_reading(main, vec![Event::Alarm { environment: None, message }]);
    expect_refused(&mut world, "was left out");
    world.take_off_the_last_entry().tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn r10_a_daemon_that_sees_a_journal_for_the_first_time_proves_all_of_it() {
    let mut world = waiting();
    world.forge_approval("alice", "prod");
    std::fs::remove_dir_all(world.at("journal.state")).expect("the state folder");
    let run = world.try_tick();
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("is in no commit that this entry read"), "{run}");
    world.expect_not_applied("prod").take_off_the_last_entry();
    world.approve_by_merge("bob", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn r10_a_replica_refuses_what_was_forged_with_the_other_replicas_key() {
    let mut world = World::with().daemon("second").build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().tick_of("second").forge_approval("bob", "prod");
    for daemon in ["second", "journal"] {
        let run = world.try_tick_of(daemon);
        assert_eq!(run.code, Some(1), "{run}");
        assert!(run.stderr.contains("is in no commit that this entry read"), "{run}");
    }
    world.expect_not_applied("prod").take_off_the_last_entry();
    world.approve_by_merge("alice", "prod").tick_of("second").expect_applied("prod", "v1\n").tick().finish();
}

#[test]
fn r11_a_deleted_journal_is_tampered_and_never_begun_again() {
    let mut world = applied();
    world.git("remote.git", &["update-ref", "-d", "refs/heads/countersign/journal"]);
    let run = world.try_tick();
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stdout.contains("prod Tampered") && run.stderr.contains("it is gone"), "{run}");
    let settings = world.at("journal.settings.yaml").display().to_string();
    let again = world.countersign(&["run", "--settings", &settings, "--once", "--start-journal"]);
    assert_eq!(again.code, Some(1), "not even on that word, while the state folder knows better: {again}");
    world.expect_applied("prod", "v1\n").finish_unproven(2, "`countersign/journal` is not in this clone");
}

#[test]
fn r11_a_missing_journal_is_started_only_on_the_operators_word() {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory");
    let settings = world.at("journal.settings.yaml").display().to_string();
    let run = world.countersign(&["run", "--settings", &settings, "--once"]);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("--start-journal"), "{run}");
    assert!(world.branches("countersign/").is_empty());
    world.tick().expect_waiting_on("prod", "standard/platform").finish();
}

#[test]
fn r11_where_tips_are_required_a_journal_never_seen_is_refused() {
    let mut world = applied();
    world.edit_settings("journal", |text| text.replace("trust:\n", "trust:\n        requireTips: true\n"));
    std::fs::remove_dir_all(world.at("journal.state")).expect("the state folder");
    let run = world.try_tick();
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("never seen before"), "{run}");
    let identity = world.status("prod").repository.to_string();
    world.edit_settings("journal", |text| {
        text.replace("requireTips: true\n", &format!("requireTips: true\n        journal: \"{identity}\"\n"))
    });
    world.tick().expect_phase("prod", Phase::Synced).finish();
}
