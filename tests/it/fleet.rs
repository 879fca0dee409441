//! Many environments that import one base: a change of it is reviewed as one thing, and stays as many approvals.

use std::time::Instant;

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
    let mut world = World::with().settings("limits: { readyMadeBranches: 0 }\n").build();
    base(&mut world, "{ region: eu }");
    for nth in 0..fleet {
        let template = if name(nth) == odd { "here {{region}}\n" } else { "{{region}}\n" };
        member(&mut world, &name(nth), template);
    }
    world.push("mallory");
    timed("the first tick", || world.tick().expect_exit(1));
    world.expect_waiting_on("base", "standard/platform").approve_by_record("alice", "base");
    timed("the base is applied and the fleet planned", || world.tick().expect_exit(0));
    world.expect_phase("base", Phase::Synced).expect_waiting_on(&odd, "standard/platform");

    let waiting = timed("pending", || world.client("bob", &["pending"]));
    eprintln!("{}", waiting.stdout.lines().rev().take(5).collect::<Vec<_>>().join("\n"));
    let status = timed("status", || world.client("bob", &["status"]));
    eprintln!("{}", status.stdout.lines().rev().take(5).collect::<Vec<_>>().join("\n"));
    let run = timed("approve", || world.client("bob", &["approve", "fleet-*", "--yes", "-m", "one region"]));
    eprintln!("{}", run.stdout.lines().take(3).chain(run.stdout.lines().rev().take(30)).collect::<Vec<_>>().join("\n"));
    timed("the fleet is deployed", || world.tick().expect_exit(0));
    for nth in 0..fleet {
        let expected = if name(nth) == odd { "here eu\n" } else { "eu\n" };
        assert_eq!(world.applied(&name(nth)).as_deref(), Some(expected), "{}", name(nth));
    }
    // A sign of life may be due again by now.
    world.tick();
    timed("the end", || world.finish());
}
