//! Values, and files that are rendered with them.

use countersign::journal::Event;
use countersign::lifecycle::Phase;

use super::{on_host, written};
use crate::world::World;

const APP: &str = "region = {{region}}\n{{#each hosts}}\nhost {{this}}\n{{/each}}\n";
const SERVICES: &[(&str, &str, &str, &str)] = &[("config", "config", ", template: true", "prod")];

fn spec(values: &str) -> String {
    format!("rulesets: [standard]\nvalues: {values}\n")
}

fn applied() -> World {
    let mut world = World::new();
    written(&mut world, "mallory", "prod", &spec("{ region: eu, hosts: [a, b] }"), SERVICES);
    world.file("mallory", "environments/prod/config/app.conf", APP).push("mallory").tick();
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "region = eu\nhost a\nhost b\n");
    world
}

fn revalue(world: &mut World, values: &str) {
    world.pull("mallory");
    written(world, "mallory", "prod", &spec(values), SERVICES);
    world.push("mallory").tick();
}

#[test]
fn what_is_shown_and_applied_is_rendered() {
    let mut world = applied();
    revalue(&mut world, "{ region: us, hosts: [a] }");
    let diff = world.journal_file("environments/prod/plan.diff").expect("a diff");
    insta::assert_snapshot!(
        diff.lines().skip(1).collect::<Vec<_>>().join("\n").replace(&world.at("").display().to_string(), "WORLD/")
    );
    let page = world.journal_file("environments/prod/plan.md").expect("a page");
    assert!(page.contains("## Values\n\n```diff\n--- values\n+++ values\n"), "{page}");
    let shown = world.countersign(&["-C", "alice", "diff", "prod"]);
    assert!(shown.stdout.contains("-region = \"eu\"") && shown.stdout.contains("+region = us"), "{shown}");
    world.approve_by_record("bob", "prod").tick().expect_applied("prod", "region = us\nhost a\n").finish();
}

#[test]
fn values_that_change_nothing_that_is_rendered_are_recorded_without_approval() {
    let mut world = applied();
    revalue(&mut world, "{ region: \"eu\", hosts: [a, b], unused: 1 }");
    world.expect_phase("prod", Phase::Synced);
    assert!(world.events().iter().any(|event| matches!(event, Event::Recorded { .. })));
    // And so is a template that renders to the same.
    world.change("mallory", "prod", "region = eu\nhost {{hosts_}}\nhost b\n").tick().expect_invalid("prod", "`hosts_`");
    world.change("mallory", "prod", "region = eu\nhost a\nhost b\n").tick().expect_phase("prod", Phase::Synced);
    assert_eq!(world.deployments("prod"), [(1, 1)]);
    world.finish();
}

#[test]
fn a_value_that_is_missing_makes_the_environment_invalid_and_says_where() {
    let mut world = applied();
    world.change("mallory", "prod", "region = {{region}}\nzone = {{zone.name}}\n").tick().expect_exit(1);
    world.expect_invalid("prod", "environments/prod/config/app.conf:2:8: `zone.name` has no value");
    world.expect_applied("prod", "region = eu\nhost a\nhost b\n");
    let checked = world.countersign(&["-C", "mallory", "validate"]);
    assert_eq!(checked.code, Some(1), "{checked}");
    assert!(checked.stderr.contains("app.conf:2:8: `zone.name` has no value"), "{checked}");
    revalue(&mut world, "{ region: eu, zone: { name: z1 } }");
    world.expect_waiting_on("prod", "standard/platform").approve_by_merge("alice", "prod").tick();
    world.expect_applied("prod", "region = eu\nzone = z1\n").finish();
}

#[test]
fn d7_a_template_that_runs_away_is_refused_and_stops_nobody_else() {
    let mut world = applied();
    world.pull("mallory");
    let nested = "{{#each @root.hosts}}".repeat(12) + "{{/each}}".repeat(12).as_str();
    let many: Vec<String> = (0..64).map(|n| format!("h{n}")).collect();
    written(&mut world, "mallory", "prod", &spec(&format!("{{ region: eu, hosts: [{}] }}", many.join(", "))), SERVICES);
    world.file("mallory", "environments/prod/config/app.conf", &nested).environment("mallory", "other", "o1\n");
    world.push("mallory").tick().expect_exit(1).expect_invalid("prod", "take too many steps");
    world.expect_waiting_on("other", "standard/platform").approve_by_merge("alice", "other").tick();
    world.expect_applied("other", "o1\n").expect_applied("prod", "region = eu\nhost a\nhost b\n").finish();
}

#[test]
fn p11_values_set_no_gates() {
    let mut world = applied();
    revalue(
        &mut world,
        "{ region: us, hosts: [a, b], requireApproval: false, rulesets: [], spec: { requireApproval: false } }",
    );
    world
        .expect_waiting_on("prod", "standard/platform")
        .expect_applied("prod", "region = eu\nhost a\nhost b\n")
        .finish();
}

#[test]
fn d4_markup_in_values_stays_text() {
    let mut world = applied();
    revalue(&mut world, "{ region: \"```\\n<img src=x> \\u202e\", hosts: [] }");
    let page = world.journal_file("environments/prod/plan.md").expect("a page");
    assert!(!page.contains('\u{202e}') && page.contains("<U+202E>"), "{page}");
    // The fence around it is longer than the one inside.
    assert!(page.contains("````diff\n--- values"), "{page}");
    world.approve_by_merge("alice", "prod").tick();
    assert_eq!(on_host(&world, "prod", "app.conf").expect("applied"), "region = ```\n<img src=x> \u{202e}\n");
    world.finish();
}

#[test]
fn values_above_the_display_limit_have_to_be_acknowledged() {
    let mut world = World::with().settings("limits: { preview: 4KiB }\n").build();
    let long = "x".repeat(6000);
    written(&mut world, "mallory", "prod", &spec(&format!("{{ region: {long} }}")), &[]);
    world.push("mallory").tick().expect_waiting_on("prod", "standard/platform");
    assert!(world.status("prod").plan.expect("a plan").truncated);
    assert!(world.branches("countersign/approve/").is_empty());
    let knowing = world.record("bob", "prod", countersign::model::ApprovalVerdict::Approve).acknowledging_truncation();
    world.say("bob", &knowing).tick().expect_phase("prod", Phase::Synced).finish();
}

#[test]
fn templates_below_a_shared_folder_and_a_root_folder() {
    let mut world = World::new();
    let services = &[("config", "/shared", ", template: true", "prod")];
    written(&mut world, "mallory", "prod", &spec("{ region: eu }"), services);
    world.file("mallory", "shared/app.conf", "{{region}}\n").push("mallory").tick();
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "eu\n");
    world.pull("mallory").file("mallory", "shared/app.conf", "{{region}}!\n").push("mallory").tick();
    world.approve_by_merge("bob", "prod").tick().expect_applied("prod", "eu!\n").finish();
}
