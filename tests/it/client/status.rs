//! `status`, `pending` and `diff`: what waits, for whom, and what it would do.

use countersign::journal::Status;
use countersign::lifecycle::Phase;
use countersign::plan::PlanDocument;

use super::{expect_refused, shown, update_waiting, waiting};
use crate::world::World;

const TWO: &str = "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 2\n";

#[test]
fn the_status_answers_what_it_waits_for_and_who_can() {
    let mut world = update_waiting();
    insta::assert_snapshot!(shown(&world, &world.client("bob", &["status", "prod"])), @r#"
    exit 0
    prod AwaitingApproval: waits for alice or bob (standard/platform 0 of 1)
      plan [short] · update of deployment 1 · since [time] UTC
      deployment 1 was applied [time] UTC
      standard/platform  0 of 1  waits for alice or bob
      you can give standard/platform
      look     countersign diff prod
      approve  countersign approve prod --plan [short]
      or       git pull --ff-only && git fetch origin countersign/approve/prod/[short] && git merge -S --no-ff FETCH_HEAD && git push
      reject   countersign reject prod --plan [short]
      or       git pull --ff-only && git fetch origin countersign/reject/prod/[short] && git merge -S --no-ff FETCH_HEAD && git push
    policy 1 · daemon seen [n] s ago
    "#);
    insta::assert_snapshot!(shown(&world, &world.client("bob", &["status"])), @r#"
    exit 0
    prod  AwaitingApproval  1 ← plan [short]  update  [n] s
          standard/platform  0 of 1  waits for alice or bob
    1 of 1 waits for someone · `countersign pending --mine` shows yours · daemon seen [n] s ago
    "#);
    // Nothing in it is for mallory to do.
    assert!(!world.client("mallory", &["status", "prod"]).stdout.contains("you can"));
    world.finish();
}

#[test]
fn the_last_line_counts_only_where_somebody_is_waited_for() {
    let mut world = update_waiting();
    world.approve_by_merge("bob", "prod").tick();
    insta::assert_snapshot!(shown(&world, &world.client("bob", &["status"])), @r#"
    exit 0
    prod  Synced  2
    1 environment, none waits for anybody · daemon seen [n] s ago
    "#);
    world.finish();
}

#[test]
fn the_commands_of_the_status_work_as_they_stand() {
    let mut world = update_waiting();
    let status = world.client("bob", &["status", "prod"]).text();
    let line = status.lines().find(|line| line.contains("git merge")).expect("a command");
    world.shell("bob", line.trim().strip_prefix("or").expect("an alternative"));
    world.tick().expect_applied("prod", "v2\n").finish();
}

#[test]
fn a_statement_that_does_not_count_is_told_with_what_would() {
    let mut world = update_waiting();
    let branch = world.ready("approve", "prod");
    world.shell("bob", "git pull --quiet --ff-only");
    world.shell("bob", &format!("git fetch --quiet origin {branch} && git merge --quiet --no-gpg-sign --no-ff --no-edit FETCH_HEAD && git push --quiet"));
    world.tick();
    insta::assert_snapshot!(shown(&world, &world.client("alice", &["status", "prod"])), @r#"
    exit 0
    prod AwaitingApproval: waits for alice or bob (standard/platform 0 of 1)
      plan [short] · update of deployment 1 · since [time] UTC
      deployment 1 was applied [time] UTC
      standard/platform  0 of 1  waits for alice or bob
      ✗ somebody approved ([commit]), which does not count: it is not signed (merge with `-S`)
        what would count: git pull --ff-only && git fetch origin countersign/approve/prod/[short] && git merge -S --no-ff FETCH_HEAD && git push
      you can give standard/platform
      look     countersign diff prod
      approve  countersign approve prod --plan [short]
      or       git pull --ff-only && git fetch origin countersign/approve/prod/[short] && git merge -S --no-ff FETCH_HEAD && git push
      reject   countersign reject prod --plan [short]
      or       git pull --ff-only && git fetch origin countersign/reject/prod/[short] && git merge -S --no-ff FETCH_HEAD && git push
    policy 1 · daemon seen [n] s ago
    "#);
    insta::assert_snapshot!(shown(&world, &world.client("alice", &["status"])), @r"
    exit 0
    prod  AwaitingApproval  1 ← plan [short]  update  [n] s
          standard/platform  0 of 1  waits for alice or bob
          ✗ somebody approved ([commit]), in a way that does not count: `countersign status prod` says what would
    1 of 1 waits for someone · `countersign pending --mine` shows yours · daemon seen [n] s ago
    ");
    world.approve_by_merge("bob", "prod").tick().expect_applied("prod", "v2\n");
    assert!(!world.client("alice", &["status"]).text().contains("does not count"));
    world.finish();
}

#[test]
fn problems_are_told_with_their_place() {
    let mut world = waiting();
    world.environment_with("mallory", "broken", "v1\n", "requireApproval: maybe\n").push("mallory").tick();
    insta::assert_snapshot!(shown(&world, &world.client("bob", &["status", "broken"])), @r#"
    exit 0
    broken Invalid: the configuration cannot be used; what was applied stays until a fix is pushed
      environments/broken/environment.yaml:6:20: spec.requireApproval: expected `true` or `false`, found `maybe`
    policy 1 · daemon seen [n] s ago
    "#);
    world.finish();
}

#[test]
fn what_was_said_on_a_plan_that_rests_is_listed_and_counts_again_after_a_fix() {
    let mut world = World::with().ruleset("standard", TWO).build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("alice", "prod").tick();
    std::fs::write(world.target("prod"), "in the way").expect("a file");
    world.approve_by_merge("bob", "prod").tick().expect_phase("prod", Phase::Invalid);
    insta::assert_snapshot!(shown(&world, &world.client("bob", &["status", "prod"])), @r#"
    exit 0
    prod Invalid: the configuration cannot be used; what was applied stays until a fix is pushed
      plan [short] · creation · since [time] UTC
      environments/prod/environment.yaml: service `config`: the target `[WORLD]/srv/prod` is a file; remove it or choose another target
      ✗ alice approved, which does not count: the configuration is invalid; it counts again if a fix leaves this plan as it is
      ✗ bob approved, which does not count: the configuration is invalid; it counts again if a fix leaves this plan as it is
    policy 1 · daemon seen [n] s ago
    "#);
    std::fs::remove_file(world.target("prod")).expect("removed");
    world.tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn a_rule_that_nobody_can_meet_says_who_is_excluded() {
    let mut world = World::with().approvers(&["mallory"]).build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    insta::assert_snapshot!(shown(&world, &world.client("bob", &["status"])), @r#"
    exit 0
    prod  AwaitingApproval  nothing applied yet ← plan [short]  create  [n] s
          standard/platform  0 of 1  nobody can meet this: mallory contributed to this change ([commit])
    1 of 1 waits for someone · `countersign pending --mine` shows yours · daemon seen [n] s ago
    "#);
    world.finish();
}

#[test]
fn json_is_the_status_document() {
    let mut world = update_waiting();
    let one: Status =
        serde_json::from_str(&world.client("bob", &["--output", "json", "status", "prod"]).text()).unwrap();
    assert_eq!(one, world.status("prod"));
    let all = world.client("bob", &["--output", "json", "status"]).text();
    assert_eq!(serde_json::from_str::<Vec<Status>>(&all).unwrap(), std::slice::from_ref(&one));
    let pending = world.client("bob", &["--output", "json", "pending"]).text();
    assert_eq!(serde_json::from_str::<Vec<Status>>(&pending).unwrap(), [one]);
    world.finish();
}

#[test]
fn the_policy_is_an_environment_too() {
    let mut world = waiting();
    let status = |world: &World| -> Status {
        serde_json::from_str(&world.client("bob", &["--output", "json", "status", "governance"]).text()).unwrap()
    };
    assert_eq!((status(&world).phase, status(&world).policy), (Phase::Synced, 1));
    world.pull("alice").write("alice", "governance/rulesets/standard.yaml", "kind: Ruleset\n");
    world.push("alice").tick();
    let pending = status(&world);
    assert_eq!(pending.phase, Phase::Invalid);
    assert!(pending.problems[0].file.ends_with("standard.yaml"), "{pending:#?}");
    // A policy that cannot be read on the branch does not hide what is in force.
    let all = world.client("bob", &["status"]).text();
    assert!(all.contains("governance  Invalid") && all.contains("waits for alice or bob"), "{all}");
    world.finish();
}

#[test]
fn mine_is_what_i_could_give() {
    let mut world = update_waiting();
    let pending =
        |who: &str, arguments: &[&str]| world.client(who, &[["pending"].as_slice(), arguments].concat()).text();
    assert!(pending("mallory", &[]).contains("prod  AwaitingApproval"));
    assert!(pending("bob", &["--mine"]).contains("prod  AwaitingApproval"));
    assert_eq!(pending("mallory", &["--mine"]), "nothing waits for you");
    // By key, whatever the clone is configured for; by address, where the key is nobody's.
    let key = world.at("bob.key").display().to_string();
    assert!(pending("mallory", &["--mine", "--key", &key]).contains("prod"));
    world.make_key("new", &[]);
    world.make_clone("elsewhere", "new", &[]);
    world.git("elsewhere", &["config", "user.email", "bob@x.example"]);
    let elsewhere = |arguments: &[&str]| world.countersign(&[["-C", "elsewhere"].as_slice(), arguments].concat());
    assert!(elsewhere(&["pending", "--mine"]).text().contains("prod"));
    world.git("elsewhere", &["config", "user.email", "nobody@x.example"]);
    let nobody = elsewhere(&["pending", "--mine"]);
    assert!(nobody.code == Some(2) && nobody.stderr.contains("hint: name a registered key"), "{nobody}");
    world.finish();
}

#[test]
fn diff_says_by_its_exit_code_whether_a_plan_waits() {
    let mut world = update_waiting();
    insta::assert_snapshot!(shown(&world, &world.client("bob", &["diff", "prod"])), @r#"
    exit 1
    # prod: plan [short]
    # config: 1 changed
    # sets the folder `[WORLD]/srv/prod`, which is owned whole
    change 0644 app.conf
    --- app.conf
    +++ app.conf
    @@ -1 +1 @@
    -v1
    +v2
    "#);
    let run = world.client("bob", &["--output", "json", "diff", "prod"]);
    assert_eq!(run.code, Some(1));
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(json["diff"].as_str().unwrap().contains("+v2\n"), "{json}");
    let document: PlanDocument = serde_json::from_value(json).unwrap();
    assert_eq!(document.plan.id(), world.status("prod").plan.unwrap().digest);
    world.approve_by_merge("bob", "prod").tick();
    let none = world.client("bob", &["diff", "prod"]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(0), ""));
    assert_eq!(world.client("bob", &["--output", "json", "diff", "prod"]).text(), "null");
    world.finish();
}

#[test]
fn what_cannot_be_done_is_refused_with_a_hint() {
    let mut world = waiting();
    expect_refused(&world, "bob", &["status", "prox"], 2, &["knows no environment `prox`"]);
    expect_refused(&world, "bob", &["status", "pro"], 2, &["knows no environment `pro`", "perhaps prod"]);
    world.git("bob", &["config", "countersign.branch", "production"]);
    expect_refused(&world, "bob", &["status"], 2, &["has no branch `production`", "countersign.branch"]);
    world.git("bob", &["config", "countersign.remote", "upstream"]);
    let run = world.client("bob", &["status"]);
    assert!(run.code == Some(2) && run.stderr.contains("countersign.remote"), "{run}");
    world.finish();
}

#[test]
fn a_sharded_journal_reads_the_same() {
    let mut world = World::new();
    world.edit_settings(crate::world::DAEMON, |text| {
        text.replace("      trust:", "      journal: { branch: countersign/journal, layout: sharded }\n      trust:")
    });
    world.environment("mallory", "prod", "v1\n").environment("mallory", "ab", "v1\n").push("mallory").tick();
    let all = world.client("bob", &["status"]).text();
    assert!(all.contains("prod  AwaitingApproval") && all.contains("ab    AwaitingApproval"), "{all}");
    world.client("bob", &["approve", "prod", "ab", "--yes"]).text();
    world.tick().expect_applied("prod", "v1\n").expect_applied("ab", "v1\n");
    assert!(world.client("bob", &["history", "prod", "1"]).text().contains("deployment 1: create"));
    world.finish();
}

#[test]
fn nothing_from_the_repository_reaches_the_terminal_raw() {
    let mut world = World::with().approvers(&["alice", "bob"]).build();
    world.environment("mallory", "prod", "v1 \u{1b}[2J\u{202e}\n");
    world.shell(
        "mallory",
        "git add --all && git commit --quiet -m \"$(printf 'evil \\033[2J subject')\" && git push --quiet",
    );
    world.tick();
    let said = "because \u{1b}[31m\u{202e}";
    let runs = [
        world.client("bob", &["diff", "prod"]),
        world.client("bob", &["approve", "prod"]),
        world.client("bob", &["reject", "prod", "--yes", "-m", said]),
    ];
    world.tick();
    for run in runs.iter().chain([&world.client("bob", &["status", "prod"])]) {
        let all = format!("{}{}", run.stdout, run.stderr);
        assert!(!all.contains(['\u{1b}', '\u{202e}']), "{all:?}");
    }
    assert!(runs[1].stdout.contains("evil <U+001B>[2J subject"), "{}", runs[1]);
    world.finish();
}

#[test]
fn completions_and_manual_pages_name_every_command() {
    let world = World::new();
    for shell in ["bash", "fish", "zsh"] {
        let script = world.countersign(&["completions", shell]).text();
        assert!(script.contains("approve") && script.contains("withdraw"), "{shell}");
    }
    let page = world.countersign(&["man"]).text();
    assert!(page.contains(".TH countersign 1") && page.contains("approve"), "{page}");
    let page = world.countersign(&["man", "approve"]).text();
    assert!(page.contains(".TH countersign-approve 1") && page.contains("acknowledge"), "{page}");
    assert_eq!(world.countersign(&["man", "nothing"]).code, Some(2));
    World::finish_without_tick(&mut { world }, "no daemon was needed");
}
