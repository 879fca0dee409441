//! `approve`, `reject` and `withdraw`: what is shown, what would not count, and what comes of what does.

use countersign::lifecycle::Phase;

use super::{expect_refused, shown, update_waiting, waiting};
use crate::world::{DAEMON, World};

#[test]
fn an_approval_shows_the_plan_says_what_it_gives_and_counts() {
    let mut world = update_waiting();
    let run = world.client("bob", &["approve", "prod", "--yes", "-m", "load-tested"]);
    insta::assert_snapshot!(shown(&world, &run), @r#"
    exit 0
    prod · plan [short] · update of deployment 1 · pushed by mallory (signed), 1 commit
      ~ config: change  app.conf
      config: sets the folder `[WORLD]/srv/prod`, which is owned whole
      [commit] mallory@x.example: change
      gates: unchanged

      change 0644 app.conf
      --- app.conf
      +++ app.conf
      @@ -1 +1 @@
      -v1
      +v2

    You are bob <bob@x.example> (ssh-ed25519 [fingerprint]). This gives standard/platform 1 of 1; nothing else is asked for.
    signed · committed [commit] on main · pushed
    the daemon judges your approval when it looks next: countersign status prod
    "#);
    world.tick().expect_applied("prod", "v2\n").expect_no_alarm();
    assert!(world.client("bob", &["history", "prod"]).text().contains("bob (bob: load-tested)"));
    world.finish();
}

#[test]
fn neither_work_tree_nor_local_branch_is_touched() {
    let mut world = update_waiting();
    world.write("bob", "half-done.txt", "mine\n");
    let before = (world.git("bob", &["rev-parse", "HEAD", "main"]), world.git("bob", &["status", "--porcelain"]));
    world.client("bob", &["approve", "prod", "--yes"]).text();
    let after = (world.git("bob", &["rev-parse", "HEAD", "main"]), world.git("bob", &["status", "--porcelain"]));
    assert_eq!(after, before);
    let commit = world.tip("main");
    assert_eq!(world.git("bob", &["log", "-1", "--format=%an <%ae>", &commit]), "bob <bob@x.example>");
    // The commit is signed as any other of this person's.
    assert!(world.git("bob", &["cat-file", "commit", &commit]).contains("gpgsig -----BEGIN SSH SIGNATURE-----"));
    let subject = world.git("bob", &["log", "-1", "--format=%s", &commit]);
    assert_eq!(subject, format!("prod: bob approves plan {}", world.status("prod").plan.unwrap().short));
    world.tick().expect_applied("prod", "v2\n").finish();
}

#[test]
fn nothing_is_signed_unless_somebody_said_yes() {
    let mut world = waiting();
    let words = ["nobody is there to be asked", "--yes"];
    expect_refused(&world, "bob", &["approve", "prod"], 2, &words);
    let run = world.client("bob", &["--output", "json", "approve", "prod"]);
    assert!(run.code == Some(2) && run.stderr.contains("add --yes"), "{run}");
    world.finish();
}

#[test]
fn what_would_not_count_is_said_before_anything_is_signed() {
    let mut world =
        World::with().person("carol").person("dave").approvers(&["alice", "bob", "carol", "mallory"]).build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    let approve = ["approve", "prod", "--yes"];
    let contributed =
        ["your approval would not count: you contributed to this change (", "alice, bob or carol can approve"];
    expect_refused(&world, "mallory", &approve, 1, &contributed);
    expect_refused(&world, "dave", &approve, 1, &["you lack `approve` in prod", "alice, bob or carol can approve"]);
    world.make_key("stranger", &[]);
    let key = world.at("stranger.key").display().to_string();
    expect_refused(
        &world,
        "bob",
        &["approve", "prod", "--yes", "--key", &key],
        1,
        &["belongs to nobody in the policy"],
    );
    let key = world.at(DAEMON).with_extension("key").display().to_string();
    expect_refused(
        &world,
        "bob",
        &["approve", "prod", "--yes", "--key", &key],
        1,
        &["belongs to nobody in the policy"],
    );
    expect_refused(&world, "bob", &["withdraw", "prod", "--yes"], 1, &["nothing that you said on this plan stands"]);
    expect_refused(
        &world,
        "dave",
        &["reject", "prod", "--yes"],
        1,
        &["your rejection would not count: you lack `approve`"],
    );
    world.client("carol", &["reject", "prod", "--yes"]).text();
    expect_refused(&world, "carol", &["reject", "prod", "--yes"], 1, &["you rejected this plan already"]);
    expect_refused(&world, "carol", &approve, 1, &["you rejected this plan", "countersign withdraw prod"]);
    world.tick().expect_phase("prod", Phase::Rejected);
    expect_refused(&world, "bob", &approve, 1, &["carol rejected this plan", "carol can take that back"]);
    expect_refused(&world, "carol", &approve, 1, &["you rejected this plan", "countersign withdraw prod"]);
    world.finish();
}

#[test]
fn an_approval_counts_once() {
    let rules = "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 2\n";
    let mut world = World::with().ruleset("standard", rules).build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    let approve = ["approve", "prod", "--yes"];
    let run = world.client("bob", &approve);
    assert!(run.text().contains("This gives standard/platform 1 of 2; one more is needed."), "{run}");
    // Before the daemon looked, and after.
    expect_refused(&world, "bob", &approve, 1, &["you approved this plan already"]);
    world.tick();
    expect_refused(&world, "bob", &approve, 1, &["you approved this plan already", "alice can approve"]);
    world.client("alice", &approve).text();
    world.tick().expect_applied("prod", "v1\n");
    expect_refused(&world, "bob", &approve, 1, &["no plan of prod waits: it is Synced"]);
    world.finish();
}

#[test]
fn what_was_said_can_be_taken_back_and_said_again() {
    let rules = "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 2\n";
    let mut world = World::with().ruleset("standard", rules).build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    // Each names the one before, whether the daemon has looked in between or not.
    for judged_in_between in [false, true] {
        for command in ["approve", "withdraw", "reject", "withdraw"] {
            let run = world.client("bob", &[command, "prod", "--yes"]);
            assert!(run.succeeded(), "{command}: {run}");
            if judged_in_between {
                world.tick();
            }
        }
        world.tick().expect_waiting_on("prod", "standard/platform");
        assert_eq!(world.rule("prod", "standard/platform").have.len(), 0);
    }
    world.client("bob", &["approve", "prod", "--yes"]).text();
    world.client("alice", &["approve", "prod", "--yes"]).text();
    world.tick().expect_applied("prod", "v1\n").expect_no_alarm().finish();
}

#[test]
fn a_merge_and_a_record_are_one_chain() {
    let rules = "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 2\n";
    let mut world = World::with().ruleset("standard", rules).build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("bob", "prod").tick();
    let run = world.client("bob", &["withdraw", "prod", "--yes"]);
    assert!(run.text().contains("This takes back your approval."), "{run}");
    world.tick();
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 0);
    world.client("bob", &["approve", "prod", "--yes"]).text();
    world.tick();
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 1);
    world.finish();
}

#[test]
fn a_glob_means_the_plans_that_wait_and_what_is_the_same_is_shown_once() {
    let mut world = World::new();
    world.environment("mallory", "acme-prod", "v1\n").environment("mallory", "acme-test", "v1\n");
    world.environment("mallory", "other", "v1\n").push("mallory").tick();
    let commits = world.git("remote.git", &["rev-list", "--count", "main"]);
    let run = world.client("bob", &["approve", "acme-*", "--yes"]);
    insta::assert_snapshot!(shown(&world, &run), @r#"
    exit 0
    2 plans alike · creation · pushed by mallory (signed), 1 commit
      acme-prod  plan [short]  config: sets the folder `[WORLD]/srv/acme-prod`, which is owned whole
      acme-test  plan [short]  config: sets the folder `[WORLD]/srv/acme-test`, which is owned whole
      + config: create  app.conf
      [commit] mallory@x.example: change
      gates: requireApproval is the policy's default now, true then
      gates: rulesets is the policy's default now, standard then

      create 0644 app.conf
      --- /dev/null
      +++ app.conf
      @@ -0,0 +1 @@
      +v1

    You are bob <bob@x.example> (ssh-ed25519 [fingerprint]).
      each of the 2: This gives standard/platform 1 of 1; nothing else is asked for.
    signed · committed [commit] on main · pushed
    the daemon judges your approvals when it looks next: countersign status
    "#);
    let after = world.git("remote.git", &["rev-list", "--count", "main"]);
    assert_eq!(after.parse::<u32>().unwrap(), commits.parse::<u32>().unwrap() + 1, "one commit for both");
    world.tick().expect_applied("acme-prod", "v1\n").expect_applied("acme-test", "v1\n").expect_not_applied("other");
    expect_refused(
        &world,
        "bob",
        &["approve", "acme*", "--yes"],
        1,
        &["no environment of these has a plan that waits"],
    );
    world.finish();
}

#[test]
fn of_a_glob_what_would_not_count_is_left_out_and_said() {
    let mut world = World::with().approvers(&["alice", "bob", "mallory"]).build();
    world.environment("mallory", "acme-prod", "v1\n").push("mallory");
    world.environment("alice", "acme-test", "v1\n").push("alice").tick();
    let run = world.client("mallory", &["--output", "json", "approve", "acme-*", "--yes"]);
    assert_eq!(run.code, Some(1), "{run}");
    let words = "acme-prod: your approval would not count: you contributed to this change";
    assert!(run.stderr.contains(&format!("error: {words}")) && run.stderr.contains("hint: "), "{run}");
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(json["refused"][0].as_str().unwrap().starts_with(words), "{json}");
    assert_eq!(
        (json["statements"].as_array().unwrap().len(), &json["statements"][0]["environment"]),
        (1, &"acme-test".into())
    );
    world.tick().expect_applied("acme-test", "v1\n").expect_not_applied("acme-prod").finish();
}

#[test]
fn a_fleet_is_rejected_and_taken_back_in_one_commit_each() {
    let mut world = World::new();
    world.environment("mallory", "acme-prod", "v1\n").environment("mallory", "acme-test", "v1\n");
    world.push("mallory").tick();
    let commits = || world.git("remote.git", &["rev-list", "--count", "main"]).parse::<u32>().unwrap();
    let before = commits();
    world.client("bob", &["reject", "acme-prod", "acme-test", "--yes", "-m", "not on a Friday"]).text();
    assert_eq!(commits(), before + 1);
    world.tick();
    for name in ["acme-prod", "acme-test"] {
        assert_eq!(world.status(name).phase, countersign::lifecycle::Phase::Rejected);
    }
    // None of them counts twice, and each is named.
    let again = world.client("bob", &["reject", "acme-*", "--yes"]);
    assert_eq!(again.code, Some(1), "{again}");
    assert!(again.stderr.contains("acme-prod: ") && again.stderr.contains("acme-test: "), "{again}");
    world.client("bob", &["withdraw", "acme-*", "--yes"]).text();
    world.tick();
    let run = world.client("bob", &["approve", "acme-*", "prox", "--yes"]);
    assert!(run.code == Some(2) && run.stderr.contains("knows no environment `prox`"), "{run}");
    world.client("bob", &["approve", "acme-*", "--yes"]).text();
    world.tick().expect_applied("acme-prod", "v1\n").expect_applied("acme-test", "v1\n").finish();
}

#[test]
fn a_plan_that_is_named_must_be_the_one_that_waits() {
    let mut world = waiting();
    let plan = world.status("prod").plan.unwrap();
    let other = if plan.short.starts_with("0000") { "1111" } else { "0000" };
    let words = [format!("prod waits with plan {}, not with {other}", plan.short)];
    expect_refused(
        &world,
        "bob",
        &["approve", "prod", "--yes", "--plan", other],
        1,
        &[&words[0], "countersign diff prod"],
    );
    expect_refused(
        &world,
        "bob",
        &["approve", "prod", "--yes", "--plan", "xyz"],
        2,
        &["no beginning of a plan's digest"],
    );
    world.client("bob", &["approve", "prod", "--yes", "--plan", &plan.digest.to_string()]).text();
    world.tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn a_cut_preview_must_be_acknowledged() {
    let mut world = World::with().settings("limits: { preview: 1KiB }\n").build();
    let long: String = (0..500).map(|line| format!("line {line}\n")).collect();
    world.environment("mallory", "prod", &long).push("mallory").tick();
    let words = ["the published preview is cut", "--acknowledge truncated"];
    expect_refused(&world, "bob", &["approve", "prod", "--yes"], 1, &words);
    let run = world.client("bob", &["approve", "prod", "--yes", "--acknowledge", "truncated"]);
    // Here, all of it is shown.
    assert!(run.text().contains("+line 499"), "{run}");
    world.tick().expect_applied("prod", &long).finish();
}

#[test]
fn where_only_merges_count_the_command_says_how_to_merge() {
    let rules =
        "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 1\nevidence: [merge]\n";
    let mut world = World::with().ruleset("standard", rules).build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    expect_refused(
        &world,
        "bob",
        &["approve", "prod", "--yes"],
        1,
        &["only merges do", "git merge -S --no-ff FETCH_HEAD"],
    );
    world.finish();
}

#[test]
fn a_record_that_is_not_pushed_counts_wherever_it_gets_in() {
    let mut world = waiting();
    let before = world.references();
    let run = world.client("bob", &["approve", "prod", "--yes", "--no-push"]);
    assert_eq!(world.references(), before);
    let (path, record) = run.stdout.split_once('\n').expect("a path, and the record");
    world.write("mallory", path.strip_prefix("# ").expect("a comment"), record);
    world.push("mallory").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn json_says_what_was_made_and_where_it_went() {
    let mut world = waiting();
    let run = world.client("bob", &["--output", "json", "approve", "prod", "--yes", "--deploy"]);
    let json: serde_json::Value = serde_json::from_str(&run.text()).unwrap();
    assert_eq!(json["commit"], world.tip("main"));
    assert_eq!((&json["branch"], &json["tries"]), (&"main".into(), &1.into()));
    let said = &json["statements"][0];
    assert_eq!(
        (&said["environment"], &said["verdict"], &said["by"]),
        (&"prod".into(), &"approve".into(), &"bob".into())
    );
    assert!(run.stderr.contains("It starts nothing: the environment deploys by itself."), "{run}");
    world.tick().expect_applied("prod", "v1\n");
    let history = world.journal_file("environments/prod/history/1/deployment.yaml").expect("a history");
    assert!(history.contains(said["digest"].as_str().unwrap()), "{history}");
    world.finish();
}

#[test]
fn a_private_key_with_a_passphrase_is_known_by_its_public_half() {
    let mut world = waiting();
    // Its owner is told at once that it is nobody's, and is not asked for the passphrase.
    world.run({
        let mut command = world.command("ssh-keygen");
        command.args(["-q", "-t", "ed25519", "-N", "secret", "-f"]).arg(world.at("locked.key"));
        command
    });
    std::fs::remove_file(world.at("locked.key.pub")).unwrap();
    let key = world.at("locked.key").display().to_string();
    expect_refused(
        &world,
        "bob",
        &["approve", "prod", "--yes", "--key", &key],
        1,
        &["belongs to nobody in the policy"],
    );
    expect_refused(&world, "bob", &["approve", "prod", "--yes", "--key", "/nowhere"], 2, &["cannot be read"]);
    world.finish();
}
