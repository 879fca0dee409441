//! `countersign verify` in clones: whole, shallow, partial, bare, and with git's own means of showing another history.

use insta::assert_snapshot;

use crate::world::{Run, World};

/// One environment, applied after alice's approval.
fn applied() -> World {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("alice", "prod").tick();
    world.expect_applied("prod", "v1\n");
    world
}

/// What a run said, with every digest and commit id replaced.
fn readable(run: &Run) -> String {
    let mut text = String::new();
    let mut rest = format!("exit {:?}\n{}{}", run.code, run.stdout, run.stderr);
    while let Some(at) = rest.find(|c: char| c.is_ascii_hexdigit()) {
        let digits = rest[at..].find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len() - at);
        text.push_str(&rest[..at]);
        let word = &rest[at..at + digits];
        text.push_str(match digits {
            64 => "[digest]",
            40 => "[commit]",
            _ => word,
        });
        rest = rest[at + digits..].to_owned();
    }
    text + &rest
}

#[test]
fn a_fresh_clone_proves_everything() {
    let mut world = applied();
    world.make_clone("auditor", "bob", &[]);
    assert_snapshot!(readable(&world.verify("auditor")), @"
    exit Some(0)
    proven: 1 deployment of 1 environment, 5 entries, 1 statement
    root sha256:[digest] (pinned)
    attested by the daemon alone: times and sights of the branches (5), outcomes (1), ready-made commits gone unmerged (1), state folders that claimed (1)
    ");
    let unpinned = world.countersign(&["-C", "auditor", "verify"]);
    assert!(unpinned.succeeded() && unpinned.stdout.contains("(unpinned"), "{unpinned}");
    world.finish();
}

#[test]
fn another_root_than_the_pinned_one_is_a_violation() {
    let mut world = applied();
    let other = format!("sha256:{}", "0".repeat(64));
    let run = world.countersign(&["-C", "remote.git", "verify", "--root", &other]);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stdout.contains("violated: entry 0") && run.stdout.contains("not with the pinned"), "{run}");
    world.finish();
}

#[test]
fn a_shallow_clone_names_the_fetch_that_is_missing() {
    let mut world = applied();
    world.make_clone("auditor", "bob", &["--depth=1", "--no-single-branch"]);
    let run = world.verify("auditor");
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("hint: git fetch --unshallow origin"), "{run}");
    world.git("auditor", &["fetch", "--quiet", "--unshallow", "origin"]);
    let run = world.verify("auditor");
    assert!(run.succeeded(), "the hint does not help: {run}");
    world.finish();
}

#[test]
fn a_clone_without_the_journal_names_the_fetch_of_it() {
    let mut world = applied();
    world.make_clone("auditor", "bob", &["--single-branch"]);
    let run = world.verify("auditor");
    assert_eq!(run.code, Some(2), "{run}");
    let hint = run.stderr.lines().find_map(|line| line.strip_prefix("hint: ")).expect("a hint").to_owned();
    world.shell("auditor", &hint);
    let run = world.verify("auditor");
    assert!(run.succeeded(), "the hint does not help: {hint}: {run}");
    world.finish();
}

#[test]
fn a_partial_clone_names_the_fetch_of_the_rest() {
    let mut world = applied();
    world.git("remote.git", &["config", "uploadpack.allowFilter", "true"]);
    world.make_clone("auditor", "bob", &["--filter=blob:none", "--no-checkout"]);
    let run = world.verify("auditor");
    assert_eq!(run.code, Some(2), "{run}");
    let hint = run.stderr.lines().find_map(|line| line.strip_prefix("hint: ")).expect("a hint").to_owned();
    world.shell("auditor", &hint);
    let run = world.verify("auditor");
    assert!(run.succeeded(), "the hint does not help: {hint}: {run}");
    world.finish();
}

#[test]
fn a_config_branch_that_was_not_fetched_is_told() {
    let mut world = applied();
    world.make_clone("auditor", "bob", &[]);
    world.change("mallory", "prod", "v2\n").tick();
    let fetch = "git fetch --quiet origin +refs/heads/countersign/journal:refs/remotes/origin/countersign/journal";
    world.shell("auditor", fetch);
    world.shell("auditor", "git update-ref refs/remotes/origin/main refs/remotes/origin/main~1");
    let run = world.verify("auditor");
    assert_eq!(run.code, Some(2), "{run}");
    let hint = run.stderr.lines().find_map(|line| line.strip_prefix("hint: ")).expect("a hint").to_owned();
    world.shell("auditor", &hint);
    assert!(world.verify("auditor").succeeded(), "the hint does not help: {hint}");
    world.finish();
}

#[test]
fn replace_references_and_grafts_have_no_say() {
    let mut world = applied();
    world.make_clone("auditor", "bob", &[]);
    let tree = "git rev-parse origin/main~1^{tree}";
    world.shell("auditor", &format!("git replace origin/main $(git commit-tree -m other $({tree}) </dev/null)"));
    world.shell("auditor", "git replace origin/countersign/journal origin/countersign/journal~1");
    world.shell("auditor", "git rev-parse origin/main >.git/info/grafts");
    let run = world.verify("auditor");
    assert!(run.succeeded(), "{run}");
    world.finish();
}

#[test]
fn what_was_proven_before_is_only_followed() {
    let mut world = applied();
    let since = world.tip("countersign/journal");
    world.change("mallory", "prod", "v2\n").tick().approve_by_merge("bob", "prod").tick();
    let run = world.countersign(&["-C", "remote.git", "verify", "--since", &since]);
    assert!(run.succeeded() && run.stdout.contains("taken as proven before: the first "), "{run}");
    let other = world.countersign(&["-C", "remote.git", "verify", "--since", &"0".repeat(40)]);
    assert_eq!(other.code, Some(2), "{other}");
    assert!(other.stdout.contains("is not on the journal"), "{other}");
    world.finish();
}

#[test]
fn the_answer_for_programs_is_one_document() {
    let mut world = applied();
    let run = world.countersign(&["-C", "remote.git", "--output", "json", "verify"]);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(report["verdict"], "proven", "{run}");
    assert_eq!(report["pinned"], false);
    assert_eq!(report["deployments"][0]["approvedBy"], serde_json::json!(["alice"]));
    assert_eq!(report["deployments"][0]["result"], "applied");
    assert!(report["findings"].as_array().is_some_and(Vec::is_empty));
    world.finish();
}
