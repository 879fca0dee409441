//! Records and journals that were rewound, deleted, forked or forged.

use countersign::model::ApprovalVerdict::Reject;

use super::*;

/// What is on no branch any more is asked for, and brought under a name of its own.
#[track_caller]
fn expect_missing(world: &mut World, commit: &str) {
    let run = world.try_tick();
    assert_eq!(run.code, Some(2), "{run}");
    let words = format!("{commit} is missing here");
    assert!(run.stderr.contains(&words) && run.stderr.contains("refs/countersign/kept/"), "{run}");
    world.git("remote.git", &["update-ref", &format!("refs/countersign/kept/{commit}"), commit]);
}

/// bob's rejection on the branch of records, and a tick that heard it.
fn with_records() -> World {
    let mut world = World::with().ruleset("standard", TWO).build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    let record = world.record("bob", "prod", Reject);
    world.put_record("bob", &record);
    world.shell(
        "bob",
        "git add --all && git commit --quiet -m record && git push --quiet origin HEAD:countersign/records",
    );
    world.tick().expect_phase("prod", Phase::Rejected);
    world
}

#[test]
fn r5_records_that_are_rewound_or_deleted_are_put_back() {
    let mut world = with_records();
    let known = world.tip("countersign/records");
    put_at(&world, "countersign/records", "countersign/records~1");
    world.tick().expect_alarm("was rewound to").expect_phase("prod", Phase::Rejected);
    assert_eq!(world.tip("countersign/records"), known);
    delete(&world, "countersign/records");
    // A state folder that remembers nothing knows it from the journal.
    std::fs::remove_dir_all(world.at("journal.state")).expect("the state folder");
    expect_missing(&mut world, &known);
    world.tick().expect_alarm("countersign/records was gone; it was put back").expect_phase("prod", Phase::Rejected);
    assert_eq!(world.tip("countersign/records"), known);
    world.finish();
}

#[test]
fn r5_rewritten_records_are_tampered_until_they_are_accepted() {
    let mut world = with_records();
    world.shell("bob", "git commit --quiet --amend -m other --date=2031-01-01T00:00:00Z && git push --quiet --force origin HEAD:countersign/records");
    let word = format!("countersign/records@{}", world.tip("countersign/records"));
    expect_tampered(&mut world, &word);
    accepted(&mut world, &word);
    assert_eq!(accepted_branches(&world), ["countersign/records"]);
    // What was said stays said, once.
    world.expect_phase("prod", Phase::Rejected).finish();
}

#[test]
fn r5_a_rewound_journal_is_put_back_and_never_shortened() {
    let mut world = applied();
    let known = world.tip(JOURNAL);
    put_at(&world, JOURNAL, "countersign/journal~2");
    let short = world.tip(JOURNAL);
    expect_tampered(&mut world, &format!("--accept-history {JOURNAL}@{known}"));
    expect_refused(&mut world, &format!("{JOURNAL}@{short}"), "never go back");
    accepted(&mut world, &format!("{JOURNAL}@{known}"));
    assert_eq!(world.git("remote.git", &["rev-parse", "countersign/journal~1"]), known);
    assert_eq!(accepted_branches(&world), [JOURNAL]);
    assert_eq!(world.deployments("prod"), [(1, 1)]);
    world.change("mallory", "prod", "v2\n").tick().approve_by_merge("bob", "prod").tick();
    world.expect_applied("prod", "v2\n").finish();
}

#[test]
fn r11_a_deleted_journal_is_put_back() {
    let mut world = applied();
    let known = world.tip(JOURNAL);
    delete(&world, JOURNAL);
    expect_tampered(&mut world, &format!("--accept-history {JOURNAL}@{known}"));
    accepted(&mut world, &format!("{JOURNAL}@{known}"));
    assert!(journal_says(&world, "was gone and is at"), "on the first page");
    world.expect_phase("prod", Phase::Synced).finish();
}

#[test]
fn r5_of_a_forked_journal_the_side_that_is_known_is_put_back() {
    let mut world = applied();
    let known = world.tip(JOURNAL);
    // Another entry on the one before, signed by the same key.
    put_at(&world, JOURNAL, "countersign/journal~1");
    world.forge_entry(vec![Event::Alarm { environment: None, message: "all is well".to_owned() }]);
    let fork = world.tip(JOURNAL);
    expect_tampered(&mut world, "does not continue");
    accepted(&mut world, &format!("{JOURNAL}@{known}"));
    assert_eq!(
        world.git("remote.git", &["rev-parse", &format!("refs/countersign/kept/{fork}")]),
        fork,
        "kept as evidence"
    );
    world.expect_phase("prod", Phase::Synced).finish();
}

#[test]
fn r10_a_forged_entry_is_taken_off_on_the_operator_s_word() {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    let known = world.tip(JOURNAL);
    world.forge_claim("prod");
    expect_tampered(&mut world, &format!("--accept-history {JOURNAL}@{known}"));
    accepted(&mut world, &format!("{JOURNAL}@{known}"));
    world.expect_waiting_on("prod", "standard/platform").expect_not_applied("prod");
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn r11_a_fresh_state_folder_knows_nothing_to_put_back() {
    let mut world = applied();
    let known = world.tip(JOURNAL);
    put_at(&world, JOURNAL, "countersign/journal~1");
    std::fs::remove_dir_all(world.at("journal.state")).expect("the state folder");
    expect_refused(&mut world, &format!("{JOURNAL}@{known}"), "never saw the journal");
    put_at(&world, JOURNAL, &known);
    world.tick().finish();
}

#[test]
fn r11_a_fresh_state_folder_sees_what_the_journal_read_of_a_rewound_branch() {
    let mut world = applied();
    world.change("mallory", "prod", "v2\n").tick();
    let known = world.tip("main");
    put_at(&world, "main", "main~1");
    std::fs::remove_dir_all(world.at("journal.state")).expect("the state folder");
    expect_missing(&mut world, &known);
    expect_tampered(&mut world, "main was rewritten");
    let word = main_at(&world);
    accept(&mut world, &word);
    world.expect_phase("prod", Phase::Synced).expect_applied("prod", "v1\n").finish();
}

#[test]
fn every_daemon_that_saw_the_old_history_hears_the_word_itself() {
    let mut world = World::with().daemon("second").build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().tick_of("second");
    amend(&mut world, "mallory");
    let word = main_at(&world);
    accepted(&mut world, &word);
    let run = world.try_tick_of("second");
    assert_eq!(run.code, Some(1), "{run}");
    let run = accept_by(&mut world, "second", &word);
    assert!(run.succeeded(), "{run}");
    assert_eq!(accepted_branches(&world), ["main"], "told once");
    world.tick_of("second").tick().finish();
}

#[test]
fn r5_a_word_forged_onto_the_journal_moves_no_daemon_that_knows_better() {
    let mut world = applied();
    let old = world.tip("main").parse().expect("an id");
    amend(&mut world, "mallory");
    let new = world.tip("main").parse().expect("an id");
    world.forge_entry(vec![Event::HistoryAccepted { branch: "main".to_owned(), old: Some(old), new }]);
    expect_tampered(&mut world, "main was rewritten");
    world.finish_without_tick("whoever did this holds the daemon's key");
}
