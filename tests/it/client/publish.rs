//! Getting a record to the remote while others push, and where main is protected.

use super::{update_waiting, waiting};
use crate::world::World;

/// While bob pushes for the first time, this shell line runs in the world's folder.
fn while_bob_pushes(world: &World, line: &str) {
    let folder = world.at("").display().to_string();
    let hook = world.clone_of("bob").join(".git/hooks/pre-push");
    let text = format!(
        "#!/bin/sh\nunset $(git rev-parse --local-env-vars)\ncd {folder}\ntest -e raced && exit 0\ntouch raced\n{line} >&2\n"
    );
    std::fs::write(&hook, text).unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

/// The remote refuses pushes to a branch.
fn protect(world: &World, branches: &str) {
    let hook = world.at("remote.git/hooks/update");
    let text = format!("#!/bin/sh\ncase $1 in {branches}) echo protected branch >&2; exit 1;; esac\n");
    std::fs::write(&hook, text).unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

#[test]
fn who_loses_a_race_tries_again() {
    let mut world = update_waiting();
    world.pull("mallory").write("mallory", "notes.txt", "elsewhere\n");
    world.shell("mallory", "git add --all && git commit --quiet -m notes");
    while_bob_pushes(&world, "git -C mallory push --quiet");
    let run = world.client("bob", &["approve", "prod", "--yes"]);
    assert!(run.text().contains("pushed (second try: someone pushed in between)"), "{run}");
    world.tick().expect_applied("prod", "v2\n").expect_no_alarm().finish();
}

#[test]
fn a_race_that_changes_the_environment_ends_the_approval() {
    let mut world = update_waiting();
    world.pull("mallory").write("mallory", "environments/prod/config/app.conf", "v3\n");
    world.shell("mallory", "git add --all && git commit --quiet -m v3");
    while_bob_pushes(&world, "git -C mallory push --quiet");
    let run = world.client("bob", &["approve", "prod", "--yes"]);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("prod was changed by a push") && run.stderr.contains("hint: "), "{run}");
    assert_eq!(world.tip("main"), world.git("mallory", &["rev-parse", "HEAD"]));
    world.tick().expect_waiting_on("prod", "standard/platform").expect_applied("prod", "v1\n").finish();
}

#[test]
fn a_plan_that_ended_meanwhile_is_not_approved() {
    let mut world = update_waiting();
    world.pull("mallory").write("mallory", "environments/prod/config/app.conf", "v3\n");
    world.shell("mallory", "git add --all && git commit --quiet -m v3");
    let tick = world.tick_arguments(crate::world::DAEMON).join(" ");
    let binary = env!("CARGO_BIN_EXE_countersign");
    while_bob_pushes(&world, &format!("git -C mallory push --quiet; {binary} {tick}"));
    let run = world.client("bob", &["approve", "prod", "--yes"]);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("waits no more") && run.stderr.contains("nothing was recorded"), "{run}");
    world.tick().expect_waiting_on("prod", "standard/platform").expect_applied("prod", "v1\n").finish();
}

#[test]
fn where_main_is_protected_the_record_goes_to_its_own_branch() {
    let mut world = update_waiting();
    let main = world.tip("main");
    protect(&world, "refs/heads/main");
    let run = world.client("bob", &["reject", "prod", "--yes"]);
    let said = "on countersign/records · pushed (main refused: hook declined: protected branch";
    assert!(run.text().contains(said), "{run}");
    assert_eq!(world.tip("main"), main);
    // What lies there and was not judged yet is known, and so is the chain.
    world.client("bob", &["withdraw", "prod", "--yes"]).text();
    world.tick().expect_waiting_on("prod", "standard/platform");
    world.client("bob", &["approve", "prod", "--yes"]).text();
    world.tick().expect_applied("prod", "v2\n").finish();
}

#[test]
fn where_everything_is_protected_the_record_is_not_lost_in_silence() {
    let mut world = waiting();
    protect(&world, "refs/heads/main|refs/heads/countersign/records");
    super::expect_refused(&world, "bob", &["approve", "prod", "--yes"], 2, &["refuses both", "--no-push"]);
    world.finish();
}
