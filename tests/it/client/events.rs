//! `events`: what happened, in words and as the journal has it.

use countersign::journal::Event;

use super::{expect_refused, shown, update_waiting};
use crate::world::World;

#[test]
fn the_events_tell_the_story_newest_last() {
    let mut world = update_waiting();
    world.client("alice", &["reject", "prod", "--yes", "-m", "not before Monday"]).text();
    world.tick();
    insta::assert_snapshot!(shown(&world, &world.client("bob", &["events"])), @r#"
    exit 0
    [time]  -           the journal of branch main begins
    [time]  governance  policy 1 is in force
    [time]  prod        plan [short] waits for approval
    [time]  prod        a branch to approve [short] is made
    [time]  prod        a branch to reject [short] is made
    [time]  prod        alice approved [short]
    [time]  prod        deployment 1 of [short] begins
    [time]  prod        deployment 1 applied
    [time]  prod        plan [short] waits for approval
    [time]  prod        a branch to approve [short] is made
    [time]  prod        a branch to reject [short] is made
    [time]  prod        alice rejected [short]
    "#);
    let last = world.client("bob", &["events", "prod", "--last", "1"]).text();
    assert!(last.contains("alice rejected") && last.lines().count() == 1, "{last}");
    world.finish();
}

#[test]
fn the_events_of_one_environment_are_those_about_it() {
    let mut world = update_waiting();
    world.environment("mallory", "other", "v1\n").push("mallory").tick();
    let events = |arguments: &[&str]| world.client("bob", &[["events"].as_slice(), arguments].concat()).text();
    let other = events(&["other"]);
    assert!(!other.is_empty() && other.lines().all(|line| line.contains("  other  ")), "{other}");
    assert!(events(&["governance"]).ends_with("policy 1 is in force"));
    assert_eq!(events(&["--until", "2020-01-01"]), "nothing happened");
    expect_refused(&world, "bob", &["events", "prox"], 2, &["knows no environment `prox`"]);
    expect_refused(&world, "bob", &["events", "--since", "soon"], 2, &["`soon` is no time"]);
    world.finish();
}

#[test]
fn as_json_each_is_the_journal_s_own_event() {
    let mut world = update_waiting();
    let json = world.client("bob", &["--output", "json", "events"]).text();
    let told: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    let sequences: Vec<u64> = told.iter().map(|told| told["sequence"].as_u64().unwrap()).collect();
    assert!(sequences.is_sorted() && sequences.first() == Some(&0), "{sequences:?}");
    let events: Vec<Event> = told.iter().map(|told| serde_json::from_value(told["event"].clone()).unwrap()).collect();
    assert_eq!(events, all_events(&world));
    world.finish();
}

/// Every event on the journal, read by the library.
fn all_events(world: &World) -> Vec<Event> {
    let commits = world.git("remote.git", &["rev-list", "--reverse", "countersign/journal"]);
    let entry = |commit: &str| -> countersign::journal::JournalEntry {
        serde_json::from_str(&world.git("remote.git", &["show", &format!("{commit}:entry.json")])).unwrap()
    };
    commits.lines().flat_map(|commit| entry(commit).events).collect()
}
