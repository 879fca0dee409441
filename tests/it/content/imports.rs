//! Values that are taken from other environments, as they are applied there.

use countersign::journal::Event;
use countersign::lifecycle::Phase;
use countersign::model::ApprovalVerdict::Approve;
use countersign::plan::PlanKind;

use super::{on_host, written};
use crate::world::World;

const SERVICES: &[(&str, &str, &str, &str)] = &[("config", "config", ", template: true", "prod")];

fn base(world: &mut World, who: &str, values: &str) {
    written(world, who, "base", &format!("rulesets: [standard]\nvalues: {values}\n"), &[]);
}

fn prod(world: &mut World, who: &str, imports: &str, values: &str) {
    let spec = format!("rulesets: [standard]\nimports: {imports}\nvalues: {values}\n");
    written(world, who, "prod", &spec, SERVICES);
}

/// `prod` renders what `base` has, and both are applied.
fn applied() -> World {
    let mut world = World::new();
    base(&mut world, "mallory", "{ region: eu }");
    prod(&mut world, "mallory", "[{ name: base }]", "{}");
    world.file("mallory", "environments/prod/config/app.conf", "{{region}}\n").environment("mallory", "other", "o1\n");
    world.push("mallory").tick().expect_exit(1);
    world.expect_invalid("prod", "spec.imports[0]: nothing is applied in `base` yet");
    world.approve_by_merge("alice", "base").approve_by_merge("alice", "other").tick();
    world.expect_phase("base", Phase::Synced).expect_waiting_on("prod", "standard/platform");
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "eu\n").expect_applied("other", "o1\n");
    world
}

fn rebase(world: &mut World, who: &str, values: &str) {
    world.pull(who);
    base(world, who, values);
    world.push(who).tick();
}

/// The environments that events since `from` are about.
fn told_since(world: &World, from: usize) -> Vec<String> {
    let mut names: Vec<String> =
        world.events()[from..].iter().filter_map(Event::environment).map(ToString::to_string).collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn what_is_imported_is_what_was_applied_and_shows_up_in_every_importer_and_nowhere_else() {
    let mut world = applied();
    let before = world.events().len();
    rebase(&mut world, "mallory", "{ region: us }");
    world.expect_waiting_on("base", "standard/platform").expect_phase("prod", Phase::Synced);
    assert_eq!(told_since(&world, before), ["base"]);
    world.approve_by_merge("alice", "base").tick().expect_phase("base", Phase::Synced);
    world.expect_waiting_on("prod", "standard/platform").expect_applied("prod", "eu\n");
    assert_eq!(told_since(&world, before), ["base", "prod"]);
    assert!(world.journal_file("environments/prod/plan.diff").expect("a diff").contains("+us"));
    // A rejection of what came by an import leaves it where it is.
    world.reject_by_merge("bob", "prod").tick().expect_phase("prod", Phase::Rejected).expect_applied("prod", "eu\n");
    rebase(&mut world, "mallory", "{ region: asia }");
    world.approve_by_merge("alice", "base").tick().expect_waiting_on("prod", "standard/platform");
    let shown = world.countersign(&["-C", "alice", "diff", "prod"]);
    assert!(shown.stdout.contains("+asia"), "{shown}");
    world.approve_by_record("bob", "prod").tick().expect_applied("prod", "asia\n").finish();
}

#[test]
fn p13_whoever_changed_what_is_imported_contributed() {
    let mut world = applied();
    rebase(&mut world, "alice", "{ region: us }");
    world.approve_by_merge("bob", "base").tick().expect_phase("base", Phase::Synced);
    world.expect_waiting_on("prod", "standard/platform").approve_by_merge("alice", "prod").tick();
    world.expect_waiting_on("prod", "standard/platform").expect_applied("prod", "eu\n");
    let excluded: Vec<String> =
        world.rule("prod", "standard/platform").excluded.iter().map(|one| one.person.to_string()).collect();
    assert_eq!(excluded, ["alice"]);
    world.approve_by_merge("bob", "prod").tick().expect_applied("prod", "us\n").finish();
}

#[test]
fn p14_a_change_of_what_others_import_is_never_recorded_without_approval() {
    let mut world = World::new();
    base(&mut world, "mallory", "{ region: eu }");
    world.push("mallory").tick().approve_by_merge("alice", "base").tick().expect_phase("base", Phase::Synced);
    // Nobody imports it yet, and it sets nothing.
    rebase(&mut world, "mallory", "{ region: evil }");
    world.expect_phase("base", Phase::Synced);
    assert!(matches!(world.events().last(), Some(Event::Recorded { .. })));
    // Now somebody does: what was never approved is not taken, and asks for approval.
    prod(&mut world, "mallory", "[{ name: base }]", "{}");
    world.file("mallory", "environments/prod/config/app.conf", "{{region}}\n").push("mallory").tick();
    world.expect_waiting_on("base", "standard/platform").approve_by_merge("alice", "prod").tick();
    world.expect_applied("prod", "eu\n").expect_waiting_on("base", "standard/platform");
    rebase(&mut world, "mallory", "{ region: us }");
    world.expect_waiting_on("base", "standard/platform").approve_by_merge("alice", "base").tick();
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "us\n").finish();
}

#[test]
fn later_wins_and_the_environment_itself_last() {
    let mut world = World::new();
    let one = "{ a: one, b: one, c: one, map: { u: 1, v: 1 }, list: [1, 2] }";
    base(&mut world, "mallory", one);
    written(&mut world, "mallory", "inner", "rulesets: [standard]\nvalues: { deep: yes-it-is, b: inner }\n", &[]);
    let region = "rulesets: [standard]\nimports: [{ name: inner }]\nvalues: { b: two, c: two, map: { v: 2, w: 2 }, list: [3] }\n";
    written(&mut world, "mallory", "region", region, &[]);
    prod(&mut world, "mallory", "[{ name: base }, { name: region }]", "{ c: own, map: { w: 3 } }");
    let all = "{{a}} {{b}} {{c}} {{map.u}}{{map.v}}{{map.w}} {{#each list}}{{this}}{{/each}} {{deep}}\n";
    world.file("mallory", "environments/prod/config/app.conf", all).push("mallory").tick();
    world.approve_by_merge("alice", "base").approve_by_merge("alice", "inner").tick();
    world.expect_invalid("prod", "nothing is applied in `region` yet").approve_by_merge("alice", "region").tick();
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "one two own 123 3 yes-it-is\n");
    // What is imported twice removed comes along once the one between takes it.
    world.pull("mallory");
    written(&mut world, "mallory", "inner", "rulesets: [standard]\nvalues: { deep: deeper, b: inner }\n", &[]);
    world.push("mallory").tick().approve_by_merge("alice", "inner").tick().expect_phase("prod", Phase::Synced);
    world.expect_waiting_on("region", "standard/platform").approve_by_merge("alice", "region").tick();
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "one two own 123 3 deeper\n").finish();
}

#[test]
fn a_rollback_pins_what_was_imported_then() {
    let mut world = applied();
    let first = world.status("base").applied.and_then(|base| base.revision).expect("a revision");
    rebase(&mut world, "mallory", "{ region: us }");
    world.approve_by_merge("alice", "base").tick().approve_by_merge("alice", "prod").tick();
    world.expect_applied("prod", "us\n");
    let said = world.client("mallory", &["rollback", "prod", "--to", "1"]).text();
    assert!(said.contains("pinned to the revision of then: base\n"), "{said}");
    let settings = world.git("remote.git", &["show", "main:environments/prod/environment.yaml"]);
    assert!(settings.contains(&format!("name: base, revision: {first}")), "{settings}");
    let here = world.pull("mallory").client("mallory", &["--output", "json", "plan", "prod"]);
    assert!(here.stdout.contains("\"rollback\""), "{here}");
    world.tick();
    assert_eq!(world.status("prod").plan.expect("a plan").kind, PlanKind::Rollback);
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "eu\n");
    // And there it stays, whatever becomes of what is imported.
    rebase(&mut world, "mallory", "{ region: asia }");
    world.approve_by_merge("alice", "base").tick().expect_phase("prod", Phase::Synced).expect_applied("prod", "eu\n");
    // Without the pin it follows again, which nothing earlier was.
    world.pull("mallory");
    prod(&mut world, "mallory", "[{ name: base }]", "{}");
    world.push("mallory").tick();
    assert_eq!(world.status("prod").plan.expect("a plan").kind, PlanKind::Update);
    world.finish();
}

#[test]
fn a_pin_stays_where_it_is() {
    let mut world = applied();
    let first = world.status("base").applied.and_then(|base| base.revision).expect("a revision");
    rebase(&mut world, "mallory", "{ region: us }");
    world.approve_by_merge("alice", "base").tick().approve_by_merge("alice", "prod").tick();
    world.expect_applied("prod", "us\n").pull("mallory");
    prod(&mut world, "mallory", &format!("[{{ name: base, revision: {first} }}]"), "{}");
    world.push("mallory").tick().approve_by_merge("alice", "prod").tick().expect_applied("prod", "eu\n");
    rebase(&mut world, "mallory", "{ region: asia }");
    world.approve_by_merge("alice", "base").tick().expect_phase("prod", Phase::Synced);
    let unknown = format!("sha256:{}", "a1".repeat(32));
    prod(&mut world, "mallory", &format!("[{{ name: base, revision: {unknown} }}]"), "{}");
    world.pull("mallory").push("mallory").tick().expect_exit(1);
    world.expect_invalid("prod", "`base` never had sha256:").expect_applied("prod", "eu\n").finish();
}

#[test]
fn circles_are_errors_and_so_is_what_was_destroyed() {
    let mut world = applied();
    world.pull("mallory");
    let spec = "rulesets: [standard]\nimports: [{ name: prod }]\nvalues: { region: eu }\n";
    written(&mut world, "mallory", "base", spec, &[]);
    world.push("mallory").tick().expect_exit(1);
    world.expect_invalid("base", "imports itself: `base` → `prod` → `base`");
    let checked = world.countersign(&["-C", "mallory", "validate"]);
    assert_eq!(checked.code, Some(1), "{checked}");
    world.remove("mallory", "environments/base").tick().expect_phase("prod", Phase::Synced);
    world.approve_by_merge("alice", "base").tick().expect_invalid("prod", "`base` was destroyed");
    world.expect_applied("prod", "eu\n").pull("mallory");
    prod(&mut world, "mallory", "[]", "{ region: own }");
    world.push("mallory").tick().approve_by_merge("alice", "prod").tick().expect_applied("prod", "own\n").finish();
}

#[test]
fn a_plan_is_not_applied_with_what_was_imported_before() {
    let mut world = applied();
    rebase(&mut world, "mallory", "{ region: us }");
    world.change("mallory", "prod", "now {{region}}\n").tick();
    // Both wait, and both are approved in one go: what `prod` was approved with is gone by the time it is its turn.
    let both = [world.record("bob", "base", Approve), world.record("bob", "prod", Approve)];
    world.pull("bob");
    for record in &both {
        world.put_record("bob", record);
    }
    world.push("bob").tick().expect_phase("base", Phase::Synced);
    world.expect_waiting_on("prod", "standard/platform").expect_applied("prod", "eu\n");
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "now us\n").finish();
}

#[test]
fn p11_gates_come_from_no_import_and_importing_is_a_gate() {
    let mut world = applied();
    world.pull("mallory");
    written(&mut world, "mallory", "free", "requireApproval: false\nvalues: { requireApproval: false }\n", &[]);
    world.push("mallory").tick().approve_by_merge("alice", "free").tick().expect_phase("free", Phase::Synced);
    prod(&mut world, "mallory", "[{ name: base }, { name: free }]", "{}");
    world.pull("mallory").push("mallory").tick().expect_waiting_on("prod", "standard/platform");
    let page = world.journal_file("environments/prod/plan.md").expect("a page");
    assert!(page.contains("| imports | base | base, free |"), "{page}");
    world.approve_by_merge("alice", "prod").tick().expect_phase("prod", Phase::Synced);
    assert_eq!(world.deployments("prod"), [(1, 1), (2, 1)]);
    assert_eq!(on_host(&world, "prod", "app.conf").as_deref(), Some("eu\n"));
    world.finish();
}
