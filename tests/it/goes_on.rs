//! A daemon that goes on running takes up only what may have changed: these are changes that come from elsewhere.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use countersign::lifecycle::Phase;
use countersign::model::RequestAction;

use crate::world::{DAEMON, World, document};

/// After anything that the machine's clock writes.
const BEGINS: &str = "2099-01-01T12:01:00Z";

#[test]
fn what_is_missing_in_a_shared_folder_is_noticed_when_it_comes() {
    let mut world = World::new();
    world.tick();
    let target = world.target("prod").display().to_string();
    let spec = format!(
        "rulesets: [standard]\nservices:\n  - {{ name: config, type: files, path: /shared, target: {target} }}\n"
    );
    world.file("mallory", "environments/prod/environment.yaml", &document("Environment", "prod", &spec));
    world.push("mallory");
    let mut daemon = world.timed(DAEMON, BEGINS);
    daemon.settle();
    world.expect_invalid("prod", "does not exist");
    world.file("mallory", "shared/app.conf", "v1\n").push("mallory");
    daemon.settle();
    world.expect_waiting_on("prod", "standard/platform").approve_by_merge("alice", "prod");
    daemon.settle();
    world.expect_applied("prod", "v1\n");
    world.file("mallory", "shared/app.conf", "v2\n").push("mallory");
    daemon.settle();
    world.expect_waiting_on("prod", "standard/platform");
    drop(daemon);
    world.tick().finish();
}

#[test]
fn a_target_that_is_given_up_is_there_for_who_waits_for_it() {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("alice", "prod").tick();
    let target = world.target("prod").display().to_string();
    let standard = "requireApproval: true\nrulesets: [standard]\n";
    let mut daemon = world.timed(DAEMON, BEGINS);
    daemon.settle();
    world.remove("mallory", "environments/prod").environment_at("mallory", "next", "n1\n", standard, &target);
    world.push("mallory");
    daemon.settle();
    world.expect_invalid("next", "belongs to prod").approve_by_merge("alice", "prod");
    daemon.settle();
    world.expect_phase("prod", Phase::Synced).expect_waiting_on("next", "standard/platform");
    drop(daemon);
    world.tick().finish();
}

#[test]
fn a_time_that_was_named_is_one_to_wake_up_at_in_a_closed_window_too() {
    let mut world = World::new();
    let window = "{ kind: deny, schedule: \"* * * * *\", duration: 24h, timezone: UTC }";
    let closed = format!("requireApproval: true\nrulesets: [standard]\ndeploy:\n  windows: [{window}]\n");
    world.environment_with("mallory", "prod", "v1\n", &closed).push("mallory").tick();
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n");
    world.change("mallory", "prod", "v2\n").tick().approve_by_merge("alice", "prod").tick();
    let (plan, at) = (world.status("prod").plan.expect("a plan").digest, "2099-01-01T13:00:00Z");
    let action = RequestAction::Deploy { plan, at: Some(at.parse().expect("a time")), override_window: Some(true) };
    let ask = world.request("alice", "prod", action);
    world.ask("alice", &ask);
    let mut daemon = world.timed(DAEMON, BEGINS);
    daemon.settle();
    assert_eq!(daemon.next().as_deref(), Some(at));
    world.expect_applied("prod", "v1\n");
    daemon.run(60);
    world.expect_applied("prod", "v2\n");
    drop(daemon);
    world.tick().finish();
}

#[test]
fn a_plan_for_which_there_was_no_room_gets_its_branches_once_there_is() {
    let mut world = World::with().settings("limits:\n  readyMadeBranches: 1\n").build();
    for name in ["prod", "qa", "test"] {
        world.environment("mallory", name, "v1\n");
    }
    world.push("mallory").tick();
    let have = |world: &mut World| ["prod", "qa", "test"].map(|name| !world.status(name).branches.is_empty());
    assert_eq!(have(&mut world), [true, false, false]);
    let mut daemon = world.timed(DAEMON, BEGINS);
    daemon.settle();
    world.approve_by_merge("bob", "prod");
    daemon.settle();
    // Not before it is looked at anew, by a daemon that starts, but as soon as the first one is deployed.
    assert_eq!(have(&mut world), [false, true, false]);
    world.expect_phase("prod", Phase::Synced);
    drop(daemon);
    let before = world.events().len();
    world.tick();
    assert_eq!(world.events().len(), before, "nothing is left to do for one that starts");
    world.approve_by_merge("bob", "qa").tick();
    assert_eq!(have(&mut world), [false, false, true]);
    world.finish();
}

#[test]
fn who_gets_branches_in_the_place_of_another_is_told_in_order() {
    let mut world = World::with().settings("limits:\n  readyMadeBranches: 2\n").build();
    world.environment("mallory", "qa", "v1\n").environment("mallory", "test", "v1\n").push("mallory").tick();
    world.environment("mallory", "first", "v1\n").push("mallory");
    let mut daemon = world.timed(DAEMON, BEGINS);
    daemon.settle();
    assert!(world.status("first").branches.is_empty());
    // One goes, and one is planned anew: the entry gives branches to that one, and then to who comes before it.
    world.remove("mallory", "environments/qa").change("mallory", "test", "v2\n");
    daemon.settle();
    drop(daemon);
    assert!(!world.status("first").branches.is_empty() && !world.status("test").branches.is_empty());
    world.tick().finish();
}

#[test]
fn what_was_found_is_there_for_everybody_to_see_before_anything_is_applied() {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("bob", "prod");
    world.environment("mallory", "qa", "x\n");
    world.shell(
        "mallory",
        "git pull -q --ff-only && git add -A && git commit -qm qa && git push -q origin HEAD:refs/heads/later",
    );
    // It is pushed to the config branch in the moment of the claim.
    world.when_claimed("git update-ref refs/heads/main refs/heads/later");
    let (remote, seen) = (world.at("remote.git"), Arc::new(Mutex::new(Vec::new())));
    let told = Arc::clone(&seen);
    let look = move || {
        let show = |path: &str| {
            let mut git = Command::new("git");
            git.arg("-C").arg(&remote).args(["cat-file", "-e", &format!("countersign/journal:environments/{path}")]);
            git.stderr(Stdio::null()).status().expect("git runs").success()
        };
        told.lock().expect("nobody panics").push((show("prod/history/1/deployment.yaml"), show("qa/plan.json")));
    };
    let mut daemon = world.timed_before(DAEMON, BEGINS, look);
    daemon.settle();
    drop(daemon);
    assert_eq!(*seen.lock().expect("nobody panics"), [(true, true)]);
    world.expect_applied("prod", "v1\n").expect_waiting_on("qa", "standard/platform").tick().finish();
}

#[test]
fn a_daemon_that_rested_goes_on_where_it_was() {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    let mut command = world.resident_command(DAEMON);
    command.args(["-v", "-v"]).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut daemon = command.spawn().expect("it runs");
    let log = BufReader::new(daemon.stderr.take().expect("a log"));
    let (tell, told) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        for _ in log.lines().map_while(Result::ok).filter(|line| line.contains("at rest")) {
            tell.send(()).expect("the test goes on");
        }
    });
    let rests = || told.recv_timeout(Duration::from_secs(60)).expect("it rests");
    rests();
    // What it was reading from is gone, and was replaced by something else.
    world.git("remote.git", &["gc", "--quiet", "--prune=now"]);
    let store = world.at(format!("{DAEMON}.state/world/git"));
    world.git(store, &["repack", "-a", "-d", "--quiet"]);
    world.approve_by_merge("alice", "prod");
    rests();
    world.expect_applied("prod", "v1\n");
    world.file("mallory", "environments/prod/config/app.conf", "v2\n").push("mallory");
    rests();
    world.expect_waiting_on("prod", "standard/platform");
    daemon.kill().expect("killed");
    daemon.wait().expect("it ends");
    reader.join().expect("it read to the end");
    world.tick().finish();
}
