//! What somebody runs into in the first days: each time the words say what happened and what to do.

use countersign::lifecycle::Phase;
use countersign::model::ApprovalVerdict::Approve;

use super::{expect_refused, shown, update_waiting, waiting};
use crate::world::World;

/// Closed at any time a test may run.
const CLOSED: &str = "rulesets: [standard]\ndeploy:\n  mode: manual\n  windows:\n    \
    - { kind: deny, schedule: \"0 0 * * *\", duration: 24h, timezone: UTC }\n";

#[test]
fn the_status_tells_the_reason_that_was_given() {
    let mut world = update_waiting();
    world.client("bob", &["reject", "prod", "--yes", "-m", "it shouts \u{1b}[31m"]).text();
    world.tick().expect_phase("prod", Phase::Rejected);
    let status = world.client("mallory", &["status", "prod"]).text();
    assert!(
        status.contains("  ✓ bob rejected: rejects the plan\n    reason given: it shouts <U+001B>[31m\n"),
        "{status}"
    );
    assert_eq!(world.status("prod").statements[0].reason, "it shouts \u{1b}[31m");
    // However long it is, the status holds the beginning, and the journal all of it.
    world.client("bob", &["withdraw", "prod", "--yes", "-m", &"long ".repeat(100)]).text();
    world.tick();
    let views = world.status("prod").statements;
    assert_eq!(views.last().map(|view| view.reason.chars().count()), Some(200));
    world.finish();
}

#[test]
fn a_closed_window_is_told_before_it_is_waited_for_and_an_override_is_told_for_good() {
    let mut world = World::new();
    world.environment_with("mallory", "prod", "v1\n", CLOSED).push("mallory").tick();
    world.approve_by_merge("alice", "prod").tick();
    // A new environment has no settings in force yet, and so no window.
    let said = world.client("mallory", &["deploy", "prod"]).text();
    assert!(said.contains(" of prod.\n"), "{said}");
    world.tick().expect_applied("prod", "v1\n");
    world.change("mallory", "prod", "v2\n").tick().approve_by_merge("alice", "prod").tick();
    let table = world.client("bob", &["status"]).text();
    assert!(table.contains("waits to be deployed by alice, bob or mallory\n"), "{table}");
    assert!(table.contains("1 of 1 waits for someone"), "{table}");
    for (who, could) in [("alice", true), ("mallory", true)] {
        let mine = world.client(who, &["pending", "--mine"]).text();
        assert_eq!(mine.ends_with("look: countersign diff prod · deploy: countersign deploy prod"), could, "{mine}");
    }
    let said = world.client("mallory", &["deploy", "prod"]).text();
    let words = ", when its windows are open (no opening is in sight; --override-window does not wait).\n";
    assert!(said.contains(words), "{said}");
    world.tick().expect_phase("prod", Phase::Approved).expect_applied("prod", "v1\n");
    world.client("alice", &["deploy", "prod", "--override-window", "-m", "incident 4711"]).text();
    world.tick().expect_applied("prod", "v2\n");
    let history = world.client("bob", &["history", "prod"]).text();
    assert!(history.contains("alice, started by alice although no window was open\n"), "{history}");
    assert!(history.ends_with("alice, started by mallory"), "{history}");
    let one = world.client("bob", &["history", "prod", "2"]).text();
    assert!(one.contains("\n    started by alice although no window was open: incident 4711\n"), "{one}");
    let table = world.client("bob", &["--output", "csv", "history", "prod"]).text();
    assert!(table.contains(",alice: incident 4711,yes,"), "{table}");
    world.finish();
}

#[test]
fn the_commands_that_a_rewritten_branch_asks_for_work_as_they_stand() {
    let mut world = update_waiting();
    let old = world.tip("main");
    world.shell("mallory", "git commit --quiet --amend -m 'another word' && git push --quiet --force origin main");
    world.try_tick();
    let said = world.last.clone().expect("a run");
    assert_eq!(said.code, Some(1), "{said}");
    let (_, command) =
        said.stderr.split_once("put back what was there, from a clone that has it (").expect("a command");
    let (command, rest) = command.split_once("), or, where the new history is meant: ").expect("another one");
    assert_eq!(command, format!("git push --force REMOTE {old}:refs/heads/main"));
    let settings = world.at("journal.settings.yaml").display().to_string();
    assert!(
        rest.starts_with(&format!("countersign run --settings {settings} --once --accept-history main@")),
        "{rest}"
    );
    world.shell("mallory", &command.replace("REMOTE", "origin"));
    world.tick().expect_waiting_on("prod", "standard/platform");
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v2\n").finish();
}

#[test]
fn a_value_is_not_looked_for_beside_the_settings() {
    let mut world = World::new();
    world.environment_with("mallory", "prod", "v1\n", "values: { greeting: hello }\n").push("mallory").tick();
    let words = ["spec.greeting: unknown field `greeting`", "hint: countersign set prod values.greeting VALUE"];
    expect_refused(&world, "mallory", &["set", "prod", "greeting", "bye"], 1, &words);
    expect_refused(&world, "mallory", &["set", "prod", "greet", "bye"], 1, &["countersign schema Environment"]);
    world.finish();
}

#[test]
fn keys_that_cannot_sign_say_why() {
    let mut world = waiting();
    world.shell("alice", "git config --unset user.signingKey");
    expect_refused(&world, "alice", &["approve", "prod", "--yes"], 2, &["git's user.signingKey names no key"]);
    world.shell("alice", "git config user.signingKey 0A46826A && git config gpg.format openpgp");
    let words = ["a key for gpg.format `openpgp`, and only SSH keys count", "git config gpg.format ssh"];
    expect_refused(&world, "alice", &["approve", "prod", "--yes"], 2, &words);
    world.finish();
}

#[test]
fn what_makes_a_merge_no_evidence_is_named() {
    let mut world = waiting();
    world.make_key("stranger", &[]);
    let key = world.at("stranger.key").display().to_string();
    world.shell("alice", &format!("git config user.signingKey {key}"));
    world.approve_by_merge("alice", "prod").tick().expect_waiting_on("prod", "standard/platform");
    world.expect_not_counted("prod", "the key that signed the merge (SHA256:");
    world.shell("bob", "git config i18n.commitEncoding ISO-8859-1");
    world.approve_by_merge("bob", "prod").tick().expect_waiting_on("prod", "standard/platform");
    world.expect_not_counted("prod", "it has a text encoding of its own (git config --unset i18n.commitEncoding)");
    let record = world.record("bob", "prod", Approve);
    world.say("bob", &record).tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn a_plan_that_changes_values_alone_says_so() {
    let mut world = World::new();
    let spec = |value: &str| format!("rulesets: [standard]\nvalues: {{ greeting: {value} }}\n");
    world.environment_with("mallory", "prod", "v1\n", &spec("hello")).push("mallory").tick();
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n");
    world.environment_with("mallory", "prod", "v1\n", &(spec("hello") + "deploy: { mode: manual }\n"));
    world.push("mallory").tick().expect_waiting_on("prod", "standard/platform");
    let shown = shown(&world, &world.client("bob", &["approve", "prod", "--yes", "--no-push"]));
    let (commits, gates) = shown.split_once("  gates: deploy.mode is auto now, manual then\n").expect("the gates");
    assert!(commits.contains("  no file changes; gates do, see below\n"), "{shown}");
    assert!(!gates.contains("mallory@"), "commits come before gates: {shown}");
    world.finish();
}
