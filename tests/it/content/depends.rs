//! Services that are applied after others.

use countersign::journal::{Event, ServiceResult};
use countersign::lifecycle::Phase;

use super::{on_host, written};
use crate::world::World;

const SPEC: &str = "rulesets: [standard]";

fn file(world: &mut World, path: &str, text: &str) {
    world.file("mallory", &format!("environments/prod/{path}/f"), text);
}

/// The services of the newest claim or plan, in the order of the plan.
fn planned(world: &World) -> Vec<String> {
    let text = world.journal_file("environments/prod/plan.json").expect("a plan");
    let plan: countersign::plan::PlanDocument = serde_json::from_str(&text).expect("a plan");
    plan.plan.services.iter().map(|line| format!("{} {}", line.action.name(), line.name)).collect()
}

fn outcomes(world: &World) -> Vec<(String, ServiceResult)> {
    let last = world.events().into_iter().rev().find_map(|event| match event {
        Event::Outcome { services, .. } => Some(services),
        _ => None,
    });
    last.expect("an outcome").into_iter().map(|service| (service.name.to_string(), service.result)).collect()
}

fn three(world: &mut World) {
    std::fs::create_dir(world.at("srv/sub")).expect("a folder");
    let services = &[
        ("web", "web", ", dependsOn: [api, base]", "web"),
        ("api", "api", ", dependsOn: [base]", "sub/api"),
        ("free", "free", "", "free"),
        ("base", "base", "", "base"),
    ];
    written(world, "mallory", "prod", SPEC, services);
    for path in ["web", "api", "free", "base"] {
        file(world, path, "1\n");
    }
}

#[test]
fn services_come_after_what_they_depend_on_and_go_before_it() {
    let mut world = World::new();
    three(&mut world);
    world.push("mallory").tick();
    assert_eq!(planned(&world), ["create free", "create base", "create api", "create web"]);
    world.approve_by_merge("alice", "prod").tick().expect_phase("prod", Phase::Synced);
    let done = ["free", "base", "api", "web"].map(|name| (name.to_owned(), ServiceResult::Done));
    assert_eq!(outcomes(&world), done);
    world.remove("mallory", "environments/prod").tick();
    assert_eq!(planned(&world), ["destroy web", "destroy api", "destroy base", "destroy free"]);
    world.approve_by_merge("alice", "prod").tick();
    assert_eq!(on_host(&world, "base", "f"), None);
    world.finish();
}

#[test]
fn another_order_alone_is_no_change() {
    let mut world = World::new();
    three(&mut world);
    world.push("mallory").tick().approve_by_merge("alice", "prod").tick().expect_phase("prod", Phase::Synced);
    world.pull("mallory");
    let services = &[
        ("web", "web", "", "web"),
        ("base", "base", ", dependsOn: [web]", "base"),
        ("free", "free", "", "free"),
        ("api", "api", "", "sub/api"),
    ];
    written(&mut world, "mallory", "prod", SPEC, services);
    world.push("mallory").tick().expect_phase("prod", Phase::Synced);
    assert_eq!(world.deployments("prod"), [(1, 1)]);
    world.finish();
}

#[test]
fn after_one_that_fails_nothing_else_is_touched() {
    let mut world = World::new();
    three(&mut world);
    world.push("mallory").tick().approve_by_merge("alice", "prod").tick().expect_phase("prod", Phase::Synced);
    world.pull("mallory");
    for path in ["web", "api", "base"] {
        file(&mut world, path, "2\n");
    }
    world.push("mallory").tick();
    assert_eq!(planned(&world), ["none free", "update base", "update api", "update web"]);
    world.approve_by_merge("alice", "prod");
    // The folder that `api` is put into goes away when the claim is there.
    let (here, away) = (world.at("srv/sub"), world.at("away"));
    world.when_claimed(&format!("mv {} {}", here.display(), away.display()));
    world.tick().expect_exit(1).expect_phase("prod", Phase::Failed);
    let results = outcomes(&world).into_iter().map(|(name, result)| format!("{name} {result:?}")).collect::<Vec<_>>();
    assert_eq!(results, ["free Done", "base Done", "api Failed", "web Untouched"]);
    assert_eq!(on_host(&world, "base", "f").as_deref(), Some("2\n"));
    assert_eq!(on_host(&world, "web", "f").as_deref(), Some("1\n"));
    std::fs::remove_file(world.at("remote.git/hooks/post-receive")).expect("removed");
    std::fs::rename(away, here).expect("it is back");
    for path in ["web", "api", "base"] {
        file(&mut world, path, "3\n");
    }
    world.push("mallory").tick().approve_by_merge("bob", "prod").tick();
    assert_eq!(on_host(&world, "web", "f").as_deref(), Some("3\n"));
    world.finish();
}

#[test]
fn circles_and_unknown_names_are_invalid() {
    let mut world = World::new();
    let services = &[("a", "a", ", dependsOn: [b]", "a"), ("b", "a", ", dependsOn: [a]", "b")];
    written(&mut world, "mallory", "prod", SPEC, services);
    file(&mut world, "a", "1\n");
    world.push("mallory").tick().expect_exit(1);
    world.expect_invalid("prod", "spec.services[0].dependsOn: depends on itself: `a` → `b` → `a`");
    written(&mut world, "mallory", "prod", SPEC, &[("a", "a", ", dependsOn: [c]", "a")]);
    world.push("mallory").tick().expect_invalid("prod", "there is no service `c` in this environment").finish();
}
