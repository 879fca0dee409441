//! Going back to what an earlier deployment had: by command and by plain git.

use countersign::journal::Event;
use countersign::lifecycle::Phase;
use countersign::model::RequestAction;
use countersign::plan::PlanKind;

use crate::world::World;

/// What a rollback of `prod` asks for: what an update does, and more.
const BOTH: &str = "standard/platform, back/ops";

/// `prod` had v1 and has v2; a rollback asks for one of `ops` (carol) too. mallory develops, bob and carol review alone.
fn twice() -> World {
    let standard = "actions: [update]\nrules:\n  - { name: platform, approvers: { teams: [platform] }, required: 1 }\n";
    let back = "actions: [rollback]\nrules:\n  - { name: ops, approvers: { teams: [ops] }, required: 1 }\n";
    let mut world = World::with()
        .person("carol")
        .no_developer("bob")
        .no_developer("carol")
        .team("ops", "carol")
        .binding("role: reviewer, teams: [ops], environments: [prod]")
        .ruleset("back", back)
        .ruleset("standard", standard)
        .build();
    world.environment_with("mallory", "prod", "v1\n", "requireApproval: true\nrulesets: [standard, back]\n");
    world.file("mallory", "environments/prod/only-then", "v1\n").push("mallory").tick();
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n");
    world.remove("mallory", "environments/prod/only-then").change("mallory", "prod", "v2\n").tick();
    world.approve_by_merge("bob", "prod").tick().expect_applied("prod", "v2\n");
    world
}

#[track_caller]
fn refused(world: &World, who: &str, arguments: &[&str], words: &str) {
    let before = world.references();
    let run = world.client(who, arguments);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains(words) && run.stderr.contains("hint: "), "`{words}` is not in {run}");
    assert_eq!(world.references(), before, "{run}");
}

#[track_caller]
fn expect_kind(world: &World, environment: &str, kind: PlanKind) {
    assert_eq!(world.status(environment).plan.expect("a plan").kind, kind);
}

#[test]
fn a_rollback_is_planned_and_approved_as_one() {
    let mut world = twice();
    let said = world.client("mallory", &["rollback", "prod", "--to", "1", "-m", "2 loses orders"]).text();
    assert!(said.contains("environments/prod is put back to deployment 1\n"), "{said}");
    assert!(said.contains("countersign wait prod --for planned"), "{said}");
    assert_eq!(world.git("remote.git", &["show", "main:environments/prod/only-then"]).trim(), "v1");
    let message = world.git("remote.git", &["log", "-1", "--format=%B", "main"]);
    assert_eq!(message.trim(), "prod: back to deployment 1\n\n2 loses orders");
    world.tick().expect_waiting_on("prod", BOTH).second_tick_changes_nothing();
    expect_kind(&world, "prod", PlanKind::Rollback);
    let page = world.journal_file("environments/prod/plan.md").expect("a page");
    assert!(page.contains("rollback of deployment 2, would become deployment 3"), "{page}");
    // Whoever is enough for an update is not for a rollback.
    world.approve_by_merge("bob", "prod").tick().expect_waiting_on("prod", "back/ops").expect_applied("prod", "v2\n");
    world.approve_by_merge("carol", "prod").tick().expect_applied("prod", "v1\n").expect_phase("prod", Phase::Synced);
    let history = world.client("alice", &["--output", "json", "history", "prod", "3"]).text();
    assert!(history.contains("\"kind\": \"rollback\"") || history.contains("\"kind\":\"rollback\""), "{history}");
    // What is in force is no rollback, and neither is what never was there.
    let said = world.client("mallory", &["rollback", "prod", "--to", "1"]).text();
    assert!(said.contains("prod is on main as deployment 1 had it"), "{said}");
    world.change("mallory", "prod", "v3\n").tick().expect_waiting_on("prod", "standard/platform");
    expect_kind(&world, "prod", PlanKind::Update);
    world.finish();
}

#[test]
fn plain_git_does_the_same_and_the_work_tree_says_so_before() {
    let mut world = twice();
    world.pull("bob").file("bob", "environments/prod/config/app.conf", "v1\n");
    let here = world.client("bob", &["--output", "json", "plan", "prod"]);
    assert!(here.stdout.contains("\"update\""), "{here}");
    world.file("bob", "environments/prod/only-then", "v1\n");
    let here = world.client("bob", &["--output", "json", "plan", "prod"]);
    assert!(here.code == Some(1) && here.stdout.contains("\"rollback\""), "{here}");
    world.push("bob").tick().expect_waiting_on("prod", BOTH);
    expect_kind(&world, "prod", PlanKind::Rollback);
    world.approve_by_record("carol", "prod").approve_by_record("alice", "prod").tick();
    world.expect_applied("prod", "v1\n").finish();
}

#[test]
fn the_command_says_no_before_anything_is_pushed() {
    let mut world = twice();
    refused(&world, "bob", &["rollback", "prod", "--to", "1"], "you lack `rollback` there");
    refused(&world, "mallory", &["rollback", "prod", "--to", "2"], "deployment 2 is what is applied in prod");
    refused(&world, "mallory", &["rollback", "prod", "--to", "9"], "prod has no deployment 9");
    let policy = world.client("mallory", &["rollback", "governance", "--to", "1"]);
    assert_eq!(policy.code, Some(2), "{policy}");
    world.remove("mallory", "environments/prod").tick().approve_by_merge("alice", "prod").tick();
    world.expect_not_applied("prod");
    // Nothing is there to be rolled back: it is made again.
    world.client("mallory", &["rollback", "prod", "--to", "2"]).text();
    world.tick().expect_waiting_on("prod", "standard/platform");
    expect_kind(&world, "prod", PlanKind::Create);
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v2\n");
    refused(&world, "mallory", &["rollback", "prod", "--to", "3"], "took it down: there is nothing to restore");
    world.finish();
}

#[test]
fn to_a_branch_of_its_own_it_counts_once_it_is_merged() {
    let mut world = twice();
    let main = world.tip("main");
    let said = world.client("mallory", &["rollback", "prod", "--to", "1", "--branch", "back-to-1"]).text();
    assert!(said.contains("it is planned once back-to-1 is merged into main"), "{said}");
    assert_eq!(world.tip("main"), main);
    world.tick().expect_phase("prod", Phase::Synced);
    world.pull("alice");
    world.shell("alice", "git fetch --quiet && git merge --quiet --no-edit origin/back-to-1 && git push --quiet");
    world
        .tick()
        .expect_waiting_on("prod", BOTH)
        .approve_by_merge("carol", "prod")
        .approve_by_record("bob", "prod")
        .tick();
    world.expect_applied("prod", "v1\n").finish();
}

#[test]
fn shared_folders_are_not_put_back_and_that_is_said() {
    let mut world = World::new();
    let target = world.target("prod").display().to_string();
    let text = format!(
        "rulesets: [standard]\nservices:\n  - {{ name: config, type: files, path: /shared/config, target: {target} }}\n"
    );
    let text = crate::world::document("Environment", "prod", &text);
    world.file("mallory", "environments/prod/environment.yaml", &text);
    world.file("mallory", "environments/prod/note", "one\n").file("mallory", "shared/config/app.conf", "v1\n");
    world.push("mallory").tick().approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n");
    world.pull("mallory").file("mallory", "environments/prod/note", "two\n");
    world.file("mallory", "shared/config/app.conf", "v2\n").push("mallory").tick();
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v2\n");
    let said = world.client("mallory", &["rollback", "prod", "--to", "1"]).text();
    assert!(said.contains("not put back: /shared/config has changed since, and is shared"), "{said}");
    world.tick().expect_phase("prod", Phase::Synced).expect_applied("prod", "v2\n");
    world.pull("mallory").file("mallory", "shared/config/app.conf", "v1\n").push("mallory").tick();
    expect_kind(&world, "prod", PlanKind::Rollback);
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn a_request_to_roll_back_is_refused_by_name() {
    let mut world = twice();
    let ask = world.request("mallory", "prod", RequestAction::Rollback { number: 2, to: 1 });
    world.ask("mallory", &ask).tick().expect_phase("prod", Phase::Synced);
    let refused = |event: &Event| format!("{event:?}").contains("Refused");
    assert!(world.events().iter().any(refused), "{:#?}", world.events().last());
    world.finish();
}

#[test]
fn r1_a_rollback_told_as_an_update_is_found() {
    let mut world = twice();
    world.client("mallory", &["rollback", "prod", "--to", "1"]).text();
    world.tick().expect_waiting_on("prod", BOTH);
    let planned = world.events().into_iter().rfind(|event| matches!(event, Event::Planned { .. })).expect("a plan");
    let Event::Planned { kind, .. } = &planned else { unreachable!() };
    assert_eq!(*kind, PlanKind::Rollback);
    let mut told = planned;
    if let Event::Planned { kind, .. } = &mut told {
        *kind = PlanKind::Update;
    }
    let (honest, config) = (world.tip("countersign/journal"), world.tip("main").parse().expect("an id"));
    world.take_off_the_last_entry().forge_entry_reading(config, vec![told]);
    let proof = world.verify("remote.git");
    assert_eq!(proof.code, Some(1), "{proof}");
    assert!(proof.stdout.contains("it says `update`, but it is a `rollback`"), "{proof}");
    world.git("remote.git", &["update-ref", "refs/heads/countersign/journal", &honest]);
    world.finish();
}
