//! The remote and the journal on it: refused pushes, foreign hands, and what one invalid environment does to the rest.

use countersign::lifecycle::Phase;

use crate::world::World;

fn applied() -> World {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("alice", "prod").tick();
    world.expect_applied("prod", "v1\n");
    world
}

#[test]
fn a8_an_unsigned_commit_on_top_of_the_journal_is_alarmed_and_put_back() {
    let mut world = applied();
    let before = world.tip("countersign/journal");
    world.make_clone("junk", "mallory", &["--branch", "countersign/journal"]);
    std::fs::write(world.at("junk/README.md"), "all is well\n").expect("a file");
    world.git("junk", &["commit", "--quiet", "--all", "-m", "tidy"]);
    world.git("junk", &["push", "--quiet", "origin", "HEAD"]);
    world.tick().expect_alarm("was on top of the journal and was taken off").expect_phase("prod", Phase::Synced);
    assert_eq!(world.git("remote.git", &["rev-parse", "countersign/journal~1"]), before);
    world
        .change("mallory", "prod", "v2\n")
        .tick()
        .approve_by_merge("bob", "prod")
        .tick()
        .expect_applied("prod", "v2\n");
    world.finish();
}

#[test]
fn a8_a_merge_on_top_of_the_journal_is_alarmed_and_put_back() {
    let mut world = applied();
    let before = world.tip("countersign/journal");
    world.make_clone("junk", "mallory", &["--branch", "countersign/journal"]);
    world.shell(
        "junk",
        "git merge -q --allow-unrelated-histories -s ours --no-edit origin/main && git push -q origin HEAD",
    );
    world.tick().expect_alarm("was taken off");
    assert_eq!(world.git("remote.git", &["rev-parse", "countersign/journal~1"]), before);
    world.finish();
}

#[test]
fn a8_a_merge_that_puts_the_journal_second_is_no_journal() {
    let mut world = applied();
    world.shell("mallory", "git pull -q --ff-only && git fetch -q && git merge -q --allow-unrelated-histories -s ours --no-edit origin/countersign/journal && git push -q origin HEAD:countersign/journal");
    world.change("bob", "prod", "v2\n");
    let run = world.try_tick();
    assert!(matches!(run.code, Some(0 | 1)), "put back, or Tampered; never just an error: {run}");
    assert!(!run.stdout.is_empty(), "the environments are named: {run}");
    world.expect_applied("prod", "v1\n").finish_unproven(1, "it holds no entry.json");
}

#[test]
fn r5_an_entry_signed_by_the_journal_key_that_cannot_follow_is_tampered() {
    let mut world = applied();
    world.forge_claim_out_of_order("prod");
    let run = world.try_tick();
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stdout.contains("prod Tampered"), "{run}");
    world.expect_applied("prod", "v1\n").finish_unproven(1, "is out of order");
}

#[test]
fn a_remote_that_refuses_the_journal_is_an_error_and_nothing_is_applied() {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("alice", "prod");
    world.hook("update", "case $1 in refs/heads/countersign/journal) echo 'protected branch' >&2; exit 1;; esac");
    let run = world.try_tick();
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("refused") && run.stderr.contains("refs/heads/countersign/journal"), "{run}");
    world.expect_not_applied("prod");
    std::fs::remove_file(world.at("remote.git/hooks/update")).expect("the hook");
    world.tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn a_remote_that_refuses_ready_made_branches_leaves_the_signed_record() {
    let mut world = World::new();
    world.hook("update", "case $1 in refs/heads/countersign/approve/*) exit 1;; esac");
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().expect_waiting_on("prod", "standard/platform");
    world.approve_by_record("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn a_remote_that_is_away_is_an_error_and_nothing_is_lost() {
    let mut world = applied();
    world.change("mallory", "prod", "v2\n");
    std::fs::rename(world.at("remote.git"), world.at("away.git")).expect("moved");
    let run = world.try_tick();
    assert_eq!(run.code, Some(2), "{run}");
    std::fs::rename(world.at("away.git"), world.at("remote.git")).expect("moved");
    world.tick().expect_waiting_on("prod", "standard/platform").finish();
}

#[test]
fn an_outcome_that_the_remote_refuses_is_settled_later_and_applied_once() {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("alice", "prod");
    // The claim passes, what follows it does not.
    world.hook("update",
        "[ $1 = refs/heads/countersign/journal ] || exit 0\nif git show $2:entry.json | grep -q '\"event\":\"claimed\"'; then exit 1; fi",
    );
    let run = world.try_tick();
    assert_eq!(run.code, Some(2), "{run}");
    world.expect_applied("prod", "v1\n").expect_phase("prod", Phase::Deploying);
    std::fs::remove_file(world.at("remote.git/hooks/update")).expect("the hook");
    world.tick().expect_phase("prod", Phase::Synced).expect_applied("prod", "v1\n");
    assert_eq!(world.deployments("prod"), [(1, 1)]);
    world.finish();
}

#[test]
fn an_interrupted_deployment_of_a_lost_state_folder_waits_for_the_operator() {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("alice", "prod");
    world.hook("update",
        "[ $1 = refs/heads/countersign/journal ] || exit 0\nif git show $2:entry.json | grep -q '\"event\":\"claimed\"'; then exit 1; fi",
    );
    world.try_tick();
    std::fs::remove_file(world.at("remote.git/hooks/update")).expect("the hook");
    std::fs::remove_dir_all(world.at("journal.state")).expect("the state folder");
    world.tick().expect_phase("prod", Phase::Deploying);
    let settings = world.at("journal.settings.yaml").display().to_string();
    let run = world.countersign(&["run", "--settings", &settings, "--once", "--take-over", "prod/1.1"]);
    assert!(run.succeeded(), "{run}");
    world.expect_phase("prod", Phase::Synced).expect_applied("prod", "v1\n").tick();
    assert_eq!(world.deployments("prod"), [(1, 1)]);
    world.finish();
}

#[test]
fn one_invalid_environment_never_stops_another() {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").file("mallory", "environments/broken/environment.yaml", "kind: [\n");
    world.file(
        "mallory",
        "environments/misnamed/environment.yaml",
        "apiVersion: countersign/v1\nkind: Environment\nmetadata:\n  name: other\nspec:\n  services: []\n",
    );
    world.push("mallory").tick().expect_exit(1);
    world.expect_invalid("broken", "environments/broken/environment.yaml:").expect_phase("misnamed", Phase::Invalid);
    world.approve_by_merge("alice", "prod").tick().expect_exit(1).expect_applied("prod", "v1\n").finish();
}

#[test]
fn an_invalid_environment_names_file_line_column_and_field_and_mends_with_the_next_push() {
    let mut world = applied();
    let file = "environments/prod/environment.yaml";
    let good = std::fs::read_to_string(world.clone_of("mallory").join(file)).expect("a file");
    world.pull("mallory").file("mallory", file, &good.replace("path: config", "pth: config")).push("mallory").tick();
    world.expect_exit(1).expect_invalid(
        "prod",
        "environments/prod/environment.yaml:11:7: spec.services[0].pth: unknown field `pth`; did you mean `path`?",
    );
    world.expect_said("prod Invalid holds at 1").expect_applied("prod", "v1\n");
    world
        .file("mallory", file, &good)
        .push("mallory")
        .tick()
        .expect_exit(0)
        .expect_phase("prod", Phase::Synced)
        .finish();
}

#[test]
fn an_environment_named_governance_is_refused() {
    let mut world = applied();
    world.environment("mallory", "governance", "evil\n").push("mallory").tick();
    world.expect_not_applied("governance").expect_applied("prod", "v1\n").finish();
}
