//! `plan`: what the work tree would give.

use super::{expect_refused, shown, update_waiting, waiting};
use countersign::lifecycle::Phase;

use crate::world::{Run, World, document};

fn plan(world: &World, who: &str) -> Run {
    world.client(who, &["plan", "prod"])
}

/// `prod` is at v2 and nothing waits; mallory's clone is up to date.
fn synced() -> World {
    let mut world = update_waiting();
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v2\n").pull("mallory");
    world
}

#[test]
fn what_is_not_committed_is_planned_too() {
    let mut world = synced();
    assert_eq!(plan(&world, "mallory").text(), "prod · nothing would change");
    let before = world.references();
    world.write("mallory", "environments/prod/config/app.conf", "v3\n");
    world.write("mallory", "environments/prod/config/more.conf", "new\n");
    insta::assert_snapshot!(shown(&world, &plan(&world, "mallory")), @r#"
    exit 1
    prod · of this work tree · update of deployment 2
      + config: create  more.conf
      ~ config: change  app.conf
      config: sets the folder `[WORLD]/srv/prod`, which is owned whole
      gates: unchanged

      create 0644 more.conf
      --- /dev/null
      +++ more.conf
      @@ -0,0 +1 @@
      +new
      change 0644 app.conf
      --- app.conf
      +++ app.conf
      @@ -1 +1 @@
      -v2
      +v3

    not seen from here:
      what is in the targets on the host now: what is found there is part of the daemon's plan
      whether the operator's settings grant these targets, and whether another environment owns them
    "#);
    assert_eq!(world.references(), before);
    // The daemon's plan of it is the same, but for what only the daemon knows.
    let here: serde_json::Value =
        serde_json::from_str(&world.client("mallory", &["--output", "json", "plan", "prod"]).stdout).unwrap();
    world.push("mallory").tick();
    let published = world.client("bob", &["--output", "json", "diff", "prod"]).stdout;
    let published: serde_json::Value = serde_json::from_str(&published).unwrap();
    for field in ["environment", "kind", "base", "revision"] {
        assert_eq!(here[field], published[field], "{field}");
    }
    assert_eq!(here["services"][0]["effect"], published["services"][0]["effect"]);
    let waits = plan(&world, "mallory");
    assert!(waits.code == Some(1) && waits.stdout.contains("of exactly this waits already"), "{waits}");
    world.finish();
}

#[test]
fn what_git_ignores_is_never_pushed_and_not_planned() {
    let mut world = synced();
    world.write("mallory", ".git/info/exclude", "*.swp\n/environments/prod/config/build\n");
    world.write("mallory", "environments/prod/config/app.conf.swp", "scratch\n");
    world.write("mallory", "environments/prod/config/build/a/b", "built\n");
    assert_eq!(plan(&world, "mallory").text(), "prod · nothing would change");
    // What is tracked is pushed, ignored or not.
    world.shell("mallory", "git add --force environments/prod/config/app.conf.swp");
    let run = plan(&world, "mallory");
    assert!(run.code == Some(1) && run.stdout.contains("create  app.conf.swp"), "{run}");
    world.shell("mallory", "git reset --quiet --hard");
    world.finish();
}

#[test]
fn a_new_environment_and_a_removed_one_are_planned() {
    let mut world = synced();
    world.environment("mallory", "other", "v1\n");
    let run = world.client("mallory", &["plan", "other"]);
    assert!(run.code == Some(1) && run.stdout.contains("other · of this work tree · creation"), "{run}");
    world.shell("mallory", "rm -r environments/prod");
    let run = plan(&world, "mallory");
    assert!(run.code == Some(1) && run.stdout.contains("destroy of deployment 2"), "{run}");
    assert!(run.stdout.contains("- config: delete  app.conf"), "{run}");
    expect_refused(&world, "mallory", &["plan", "nowhere"], 2, &["knows an environment `nowhere`"]);
    world.finish();
}

#[test]
fn a_change_without_effect_is_none_and_gates_are_told() {
    let mut world = synced();
    let file = world.clone_of("mallory").join("environments/prod/environment.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("# a comment\n{text}")).unwrap();
    let run = plan(&world, "mallory");
    assert!(run.text().contains("that is recorded without approval"), "{run}");
    std::fs::write(&file, text.replace("rulesets: [standard]", "rulesets: [owners, nobodys]")).unwrap();
    let run = plan(&world, "mallory");
    assert!(
        run.code == Some(1) && run.stdout.contains("gates: rulesets is standard now, owners, nobodys then"),
        "{run}"
    );
    assert!(run.stdout.contains("ruleset `nobodys` is not in the policy in force"), "{run}");
    world.finish();
}

#[test]
fn what_cannot_be_read_is_no_plan() {
    let mut world = waiting();
    world.pull("mallory").environment_with("mallory", "prod", "v1\n", "requireApproval: maybe\nrulesets: 7\n");
    let run = plan(&world, "mallory");
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("environment.yaml:6:20: spec.requireApproval") && run.stderr.contains(":7:"), "{run}");
    world.shell("mallory", "git reset --quiet --hard");
    world.write("mallory", "environments/prod/config/app.conf", "v7\n");
    let run = world.client("mallory", &["plan", "prod", "--run-code"]);
    assert!(run.code == Some(1) && run.stdout.contains("waits now; pushing this ends it"), "{run}");
    assert!(run.stderr.contains("--run-code adds nothing"), "{run}");
    world.finish();
}

/// mallory's clone, with another team and one more person in it, not committed.
fn policy_changed(world: &World) {
    world.make_key("carol", &[]);
    let carol = format!("emails: [carol@x.example]\nkeys:\n  - key: \"{}\"\n", world.public_key("carol"));
    world.write("mallory", "governance/people/carol.yaml", document("Person", "carol", &carol));
    world.write("mallory", "governance/teams/platform.yaml", document("Team", "platform", "members: [bob, carol]\n"));
}

#[test]
fn of_the_policy_it_says_who_gains_and_loses_what_and_is_the_daemons_plan() {
    let mut world = World::new();
    world.tick().pull("mallory");
    let plan = |world: &World| world.client("mallory", &["plan", "governance"]);
    assert_eq!(plan(&world).text(), "governance · nothing would change");
    policy_changed(&world);
    let before = world.references();
    let told = plan(&world);
    assert_eq!(told.code, Some(1), "{told}");
    for words in [
        "governance · of this work tree · change of the policy",
        "delete  role reviewer of alice in *, alice in team platform",
        "person carol, key SHA256:",
        "create  permissions of carol in *: approve",
        "+++ people/carol.yaml",
    ] {
        assert!(told.stdout.contains(words), "`{words}` is not in {told}");
    }
    assert!(!told.stdout.contains("not seen from here"), "{told}");
    assert_eq!(world.references(), before);
    let json = |world: &World, arguments: &[&str]| -> serde_json::Value {
        let run = world.client("mallory", &[&["--output", "json"], arguments].concat());
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"))
    };
    let here = json(&world, &["plan", "governance"]);
    world.push("mallory").tick().expect_waiting_on("governance", "owners/owners");
    let published = json(&world, &["diff", "governance"]);
    for field in ["environment", "kind", "base", "revision"] {
        assert_eq!(here[field], published[field], "{field}");
    }
    assert_eq!(here["services"][0]["effect"], published["services"][0]["effect"]);
    let waits = plan(&world);
    assert!(waits.code == Some(1) && waits.stdout.contains("of exactly this waits already"), "{waits}");
    // In force, it is what is there.
    world.approve_by_record("alice", "governance").tick().expect_phase("governance", Phase::Synced);
    assert_eq!(plan(&world).text(), "governance · nothing would change");
    world.finish();
}

#[test]
fn p3_a_policy_that_could_not_come_into_force_is_refused_before_it_is_pushed() {
    let mut world = World::new();
    world.tick().pull("mallory");
    let refused = |world: &World, words: &str| {
        let run = world.client("mallory", &["plan", "governance"]);
        assert!(run.code == Some(2) && run.stdout.is_empty() && run.stderr.contains(words), "`{words}`: {run}");
    };
    let file = "governance/people/bob.yaml";
    let bob = std::fs::read_to_string(world.at("mallory").join(file)).expect("bob");
    world.write("mallory", file, document("Person", "bob", "emails: [bob@x.example]\nkeys: []\n"));
    refused(&world, "bob has no key, so nothing that bob says could count: add one");
    world.write("mallory", file, bob);
    let nobody = "rules:\n  - name: owners\n    approvers: { users: [mallory] }\n    required: 1\n";
    world.write("mallory", "governance/rulesets/owners.yaml", document("Ruleset", "owners", nobody));
    refused(&world, "governance/rulesets/owners.yaml");
    world.write("mallory", "governance/rulesets/owners.yaml", "not: one\n");
    refused(&world, "governance/rulesets/owners.yaml:1:");
    std::fs::remove_dir_all(world.at("mallory/governance")).expect("a folder");
    refused(&world, "no governance/ is there or above");
    world.finish();
}
