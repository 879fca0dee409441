//! `wait`: for scripts and CI.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{expect_refused, shown, update_waiting, waiting};
use crate::world::{Run, World};

/// It gets there, and there is no hurry.
#[track_caller]
fn wait(world: &World, goal: &str) -> Run {
    let run = world.client("bob", &["wait", "prod", "--timeout", "5m", "--for", goal]);
    assert!(run.succeeded(), "{run}");
    run
}

/// It does not get there, and these words say why.
#[track_caller]
fn expect_timeout(world: &World, goal: &str, words: &str) {
    let run = world.client("bob", &["wait", "prod", "--timeout", "3s", "--for", goal]);
    assert!(run.code == Some(124) && run.stderr.contains(words), "{run}");
}

#[test]
fn what_is_there_already_is_not_waited_for() {
    let mut world = update_waiting();
    insta::assert_snapshot!(shown(&world, &wait(&world, "planned")), @r#"
    exit 0
    prod AwaitingApproval (plan [short]): waits for alice or bob (standard/platform 0 of 1)
    "#);
    expect_timeout(&world, "approved", "prod is not approved after 3s: it is AwaitingApproval");
    world.approve_by_merge("alice", "prod").tick();
    for goal in ["planned", "approved", "synced"] {
        assert!(wait(&world, goal).text().contains("prod Synced"), "{goal}");
    }
    world.finish();
}

#[test]
fn what_comes_meanwhile_ends_the_waiting() {
    let mut world = waiting();
    let folder = world.clone_of("bob").display().to_string();
    let mut command = world.command(env!("CARGO_BIN_EXE_countersign"));
    command.args(["-C", &folder, "wait", "prod", "--for", "synced", "--timeout", "5m"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    world.approve_by_merge("alice", "prod").tick();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("prod Synced"), "{output:?}");
    world.finish();
}

#[test]
fn what_was_true_before_a_push_is_not_taken_for_its_result() {
    let mut world = update_waiting();
    world.approve_by_merge("alice", "prod").tick();
    wait(&world, "synced");
    world.change("mallory", "prod", "v3\n");
    expect_timeout(&world, "planned", "the daemon has not looked at");
    world.tick();
    wait(&world, "planned");
    expect_timeout(&world, "synced", "it is AwaitingApproval");
    world.finish();
}

#[test]
fn a_no_ends_the_waiting_with_1() {
    let mut world = update_waiting();
    world.client("alice", &["reject", "prod", "--yes"]).text();
    world.tick();
    expect_refused(&world, "bob", &["wait", "prod", "--for", "approved"], 1, &["prod is Rejected: rejected by alice"]);
    let run = world.client("bob", &["--output", "json", "wait", "prod", "--for", "synced"]);
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((run.code, &json["reached"], &json["status"]["phase"]), (Some(1), &false.into(), &"Rejected".into()));
    // What cannot be read will never be planned: that needs no daemon.
    world.environment_with("mallory", "prod", "v3\n", "requireApproval: maybe\n").push("mallory");
    let words = ["prod on main cannot be used: environments/prod/environment.yaml:6:20"];
    expect_refused(&world, "bob", &["wait", "prod", "--for", "planned"], 1, &words);
    // What only the daemon can refuse, it refuses.
    world.pull("mallory").environment_at("mallory", "prod", "v3\n", "", "/etc/elsewhere").push("mallory");
    expect_timeout(&world, "planned", "prod is not planned");
    world.tick();
    expect_refused(
        &world,
        "bob",
        &["wait", "prod", "--for", "planned"],
        1,
        &["prod cannot be used:", "/etc/elsewhere"],
    );
    // And a mended one is not taken for it.
    world.pull("mallory").environment("mallory", "prod", "v4\n").push("mallory");
    expect_timeout(&world, "planned", "last word is of an earlier push");
    world.tick();
    wait(&world, "planned");
    world.finish();
}

#[test]
fn nothing_hangs_past_the_timeout() {
    let mut world = waiting();
    world.client("bob", &["status"]).text();
    world.git("bob", &["config", "core.sshCommand", "sleep 300 #"]);
    world.git("bob", &["remote", "set-url", "origin", "ssh://nowhere.example/x"]);
    let started = Instant::now();
    expect_timeout(&world, "planned", "the remote did not answer in time");
    assert!(started.elapsed() < Duration::from_secs(120));
    world.finish();
}

#[test]
fn what_is_nowhere_is_not_waited_for() {
    let mut world = waiting();
    expect_refused(&world, "bob", &["wait", "prox", "--for", "synced"], 2, &["neither main nor the journal knows"]);
    expect_refused(&world, "bob", &["wait", "governance", "--for", "synced"], 2, &["not built yet"]);
    world.finish();
}
