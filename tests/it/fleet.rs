//! Many environments that import one base: a change of it is reviewed as one thing, and stays as many approvals.

use std::collections::BTreeSet;
use std::time::Instant;

use countersign::journal::Event;
use countersign::lifecycle::Phase;

use crate::world::{World, document};

/// How many environments import the base.
const FLEET: usize = 300;

fn name(nth: usize) -> String {
    format!("fleet-{nth:03}")
}

/// `base` and its values, in mallory's clone.
fn base(world: &mut World, values: &str) {
    let text = document("Environment", "base", &format!("rulesets: [standard]\nvalues: {values}\nservices: []\n"));
    world.file("mallory", "environments/base/environment.yaml", &text);
}

/// One that renders what the base has.
fn member(world: &mut World, name: &str, template: &str) {
    let target = world.target(name).display().to_string();
    let spec = format!(
        "rulesets: [standard]\nimports: [{{ name: base }}]\nservices:\n  - {{ name: config, type: files, path: config, target: {target}, template: true }}\n"
    );
    world.file("mallory", &format!("environments/{name}/environment.yaml"), &document("Environment", name, &spec));
    world.file("mallory", &format!("environments/{name}/config/app.conf"), template);
}

/// Says on standard error how long something took: `cargo test fleet -- --nocapture` shows where the time goes.
fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let done = work();
    eprintln!("{what}: {:.1} s", began.elapsed().as_secs_f32());
    done
}

#[test]
fn a_change_of_the_base_is_reviewed_as_one_thing_and_proven_for_each() {
    let fleet: usize = std::env::var("FLEET").ok().and_then(|n| n.parse().ok()).unwrap_or(FLEET);
    let odd = name(fleet / 2);
    // Above a limit of waiting plans nothing is ready-made: a fleet is approved by records.
    let mut world = World::with().settings("limits: { readyMadeBranches: 0 }\n").build();
    // The remote looks after every push whether it is to be packed.
    world.git("remote.git", &["config", "receive.autogc", "false"]);
    base(&mut world, "{ region: eu }");
    for nth in 0..fleet {
        let template = if name(nth) == odd { "here {{region}}\n" } else { "{{region}}\n" };
        member(&mut world, &name(nth), template);
    }
    world.push("mallory");
    timed("the first tick", || world.tick().expect_exit(1));
    world.expect_invalid(&odd, "nothing is applied in `base` yet");
    world.expect_waiting_on("base", "standard/platform").approve_by_record("alice", "base");
    timed("the base is applied and the fleet planned", || world.tick().expect_exit(0));
    world.expect_phase("base", Phase::Synced).expect_waiting_on(&odd, "standard/platform");

    // What waits is told without repeating itself.
    let waiting = timed("pending", || world.client("bob", &["pending"])).text();
    let lines: Vec<&str> = waiting.lines().collect();
    assert_eq!(lines.len(), fleet + 4, "a line each, the rule once, and what to do: {waiting}");
    assert!(lines[fleet].contains(&format!("each of these {fleet}:")), "{waiting}");
    assert!(lines[fleet + 1].contains("standard/platform  0 of 1  waits for alice or bob"), "{waiting}");
    let all_at_once = format!("{fleet} wait · all at once: countersign approve 'fleet-*'");
    assert_eq!(lines.last(), Some(&all_at_once.as_str()), "{waiting}");
    let status = timed("status", || world.client("bob", &["status"])).text();
    assert!(status.contains(&format!("{fleet} of {} wait for someone", fleet + 1)), "{status}");

    // It is read as one thing, with what differs; what stands apart is named, and read last.
    let commits = world.git("remote.git", &["rev-list", "--count", "main"]);
    let run = timed("approve", || world.client("bob", &["approve", "fleet-*", "--yes", "-m", "one region"]));
    let said = run.text();
    assert!(said.starts_with(&format!("{} plans alike · creation · pushed by mallory (signed)", fleet - 1)), "{run}");
    assert_eq!(said.matches("+++ app.conf").count(), 2, "each diff once: {run}");
    assert!(
        said.contains(&format!("{} of {fleet} plans change the same; apart from them: {odd}\n", fleet - 1)),
        "{run}"
    );
    let (alike, apart) = said.split_once(&format!("\n{odd} · plan ")).expect("one apart");
    assert!(alike.contains("  +eu\n") && apart.contains("  +here eu\n"), "{run}");
    assert!(said.contains(&format!("each of the {fleet}: This gives standard/platform 1 of 1")), "{run}");
    let after = world.git("remote.git", &["rev-list", "--count", "main"]);
    assert_eq!(after.parse::<u32>().unwrap(), commits.parse::<u32>().unwrap() + 1, "one commit for all");

    timed("the fleet is deployed", || world.tick().expect_exit(0));
    let mut approvals = BTreeSet::new();
    for event in world.events() {
        if let Event::Claimed(claim) = event {
            approvals.extend(claim.met.iter().flat_map(|met| &met.statements).map(|(digest, _)| *digest));
        }
    }
    assert_eq!(approvals.len(), fleet + 1, "each deployment rests on an approval of its own");
    for nth in 0..fleet {
        let expected = if name(nth) == odd { "here eu\n" } else { "eu\n" };
        world.expect_applied(&name(nth), expected);
    }
    timed("nothing is left to do, and all of it is proven", || world.finish());
}

/// More than are deployed in one tick.
const MANY: usize = 20;

/// As many environments, planned.
fn planned() -> World {
    let mut world = World::with().settings("limits: { readyMadeBranches: 0 }\n").build();
    for nth in 0..MANY {
        world.environment("mallory", &name(nth), "v1\n");
    }
    world.push("mallory").tick();
    world
}

/// Has a daemon that stays, sends it this signal while it pushes a claim, and waits for its end.
fn signalled_at_a_claim(world: &mut World, signal: &str) -> std::process::ExitStatus {
    let pid = world.at("pid").display().to_string();
    world.when_claimed(&format!("until [ -s {pid} ]; do sleep 0.01; done; kill -{signal} $(cat {pid})"));
    let mut daemon = world.resident_command(crate::world::DAEMON).spawn().expect("it runs");
    std::fs::write(&pid, daemon.id().to_string()).expect("a file");
    let status = daemon.wait().expect("it ends");
    std::fs::remove_file(world.at("remote.git/hooks/post-receive")).expect("the hook");
    status
}

fn claims(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(event, Event::Claimed(_))).count()
}

#[test]
fn a_daemon_that_is_told_to_leave_does_not_deploy_all_that_waits_before() {
    let mut world = planned();
    world.client("bob", &["approve", "fleet-*", "--yes"]).text();
    assert!(signalled_at_a_claim(&mut world, "TERM").success());
    let before = claims(&world.events());
    assert!((1..MANY).contains(&before), "after {before} claims");
    world.tick();
    assert_eq!(claims(&world.events()), MANY);
    world.finish();
}

#[test]
fn what_was_interrupted_is_settled_before_anything_else_begins() {
    let (mut world, last) = (planned(), name(MANY - 1));
    world.client("bob", &["approve", &last, "--yes"]).text();
    assert!(!signalled_at_a_claim(&mut world, "KILL").success());
    world.expect_phase(&last, Phase::Deploying);
    let others = world.client("bob", &["approve", "fleet-*", "--yes"]);
    assert!(others.code == Some(1) && others.to_string().contains("being deployed already"), "{others}");
    let before = world.events().len();
    world.tick();
    let events = world.events();
    let deployed = events[before..].iter().filter(|event| matches!(event, Event::Claimed(_) | Event::Outcome { .. }));
    let mut names = deployed.filter_map(|event| event.environment().map(ToString::to_string));
    assert_eq!(names.next(), Some(last));
    assert_eq!(claims(&events), MANY);
    world.finish();
}
