//! What is told of drafts that have no plan.

use countersign::journal::{Event, NoPlan};
use countersign::lifecycle::Phase;

use super::deployed;
use crate::world::World;

#[test]
fn a_deleted_draft_and_a_rewritten_one() {
    let mut world = deployed();
    world.draft("mallory", "prod", "v2\n").tick().say_on_draft("bob", "prod", "approve").tick();
    let plan = world.draft_plan("prod");
    // Begun anew with the same content, by another commit: drafts may be rewritten.
    world.pull("mallory").shell("mallory", "git commit --quiet --allow-empty -m other && git push --quiet");
    world.draft("mallory", "prod", "v2\n").tick().expect_draft_phase("prod", Phase::Approved).expect_no_alarm();
    assert_eq!(world.draft_plan("prod"), plan);
    world.delete_draft("prod").tick();
    assert!(world.status("prod").draft.is_none());
    assert!(world.branches("countersign/approve/").is_empty());
    // Nothing moved number or round, so this is the very plan that bob approved.
    world.draft("mallory", "prod", "v2\n").tick().expect_draft_phase("prod", Phase::Approved);
    assert_eq!(world.draft_plan("prod"), plan);
    world.finish();
}

#[test]
fn what_both_changed_is_for_a_person_to_merge() {
    let mut world = deployed();
    world.draft("mallory", "prod", "v2\n").change("mallory", "prod", "v3\n").tick();
    world
        .expect_draft_invalid("prod", "environments/prod/config/app.conf: was changed on draft/prod and on the config");
    world.expect_waiting_on("prod", "standard/platform").second_tick_changes_nothing();
    // Main merged into the draft, as it was told: the merge says what shall be.
    world.shell("mallory", "git fetch --quiet && git checkout --quiet --detach origin/draft/prod");
    world.shell("mallory", "git merge --quiet --no-edit -X ours origin/main");
    world.shell("mallory", "git push --quiet origin HEAD:draft/prod && git checkout --quiet main");
    world.tick().expect_draft_waiting_on("prod", "standard/platform");
    let draft = world.draft_plan("prod");
    world.merge_draft("mallory", "prod", "--no-ff --no-edit").tick();
    assert_eq!(world.main_plan("prod"), draft);
    world.delete_draft("prod").tick().finish();
}

#[test]
fn conflicts_elsewhere_are_none_of_the_environment_s() {
    let mut world = deployed();
    world.pull("mallory").file("mallory", "README.md", "from the draft\n").draft_file_too("v2\n");
    world.file("mallory", "README.md", "from main\n").push("mallory").tick();
    world.expect_draft_waiting_on("prod", "standard/platform").finish();
}

#[test]
fn a_draft_changes_its_own_environment_only() {
    let mut world = deployed();
    world.environment("mallory", "qa", "one\n").push("mallory").tick().approve_by_merge("alice", "qa").tick();
    world.pull("mallory").file("mallory", "environments/qa/config/app.conf", "two\n");
    world.file("mallory", "governance/teams/platform.yaml", "not even yaml: [");
    world.file("mallory", "environments/prod/config/app.conf", "v2\n").push_draft("mallory", "prod").tick();
    world.expect_draft_waiting_on("prod", "standard/platform").expect_phase("qa", Phase::Synced);
    assert!(world.status("qa").draft.is_none());
    let diff = world.journal_file("environments/prod/draft.diff").expect("a diff");
    assert!(diff.contains("+v2") && !diff.contains("two"), "{diff}");
    world.finish();
}

#[test]
fn drafts_that_need_no_plan_say_so() {
    let mut world = deployed();
    world.pull("mallory").file("mallory", "README.md", "nothing of prod\n").push_draft("mallory", "prod").tick();
    assert_eq!(world.draft_status("prod").no_plan, Some(NoPlan::Same));
    world.pull("mallory").file("mallory", "environments/prod/note", "no effect\n").push_draft("mallory", "prod").tick();
    assert_eq!(world.draft_status("prod").no_plan, Some(NoPlan::WithoutEffect));
    // Main has a change; the draft takes it back.
    world.delete_draft("prod").change("mallory", "prod", "v2\n").tick().expect_draft_gone("prod");
    world.draft("mallory", "prod", "v1\n").tick();
    assert_eq!(world.draft_status("prod").no_plan, Some(NoPlan::InForce));
    world.expect_waiting_on("prod", "standard/platform").finish();
}

#[test]
fn an_invalid_draft_says_so_and_holds_nothing_up() {
    let mut world = deployed();
    world
        .pull("mallory")
        .file("mallory", "environments/prod/environment.yaml", "{")
        .push_draft("mallory", "prod")
        .tick();
    world.expect_draft_phase("prod", Phase::Invalid).expect_exit(0);
    let page = world.journal_file("environments/prod/README.md").expect("a page");
    assert!(page.contains("cannot be planned") && page.contains("environment.yaml"), "{page}");
    world
        .change("mallory", "prod", "v2\n")
        .tick()
        .approve_by_merge("alice", "prod")
        .tick()
        .expect_applied("prod", "v2\n");
    // Mended by a commit on top.
    world.shell("mallory", "git fetch --quiet && git reset --quiet --hard origin/draft/prod");
    world.shell("mallory", "git checkout --quiet origin/main -- environments/prod");
    world.write("mallory", "environments/prod/config/app.conf", "v3\n");
    world.push_draft("mallory", "prod").tick().expect_draft_invalid("prod", "merge the config branch into the draft");
    world.draft("mallory", "prod", "v3\n").tick().expect_draft_waiting_on("prod", "standard/platform").finish();
}

#[test]
fn a_ruleset_that_is_not_there_and_a_target_of_another() {
    let mut world = deployed();
    world.pull("mallory");
    world.environment_with("mallory", "prod", "v2\n", "requireApproval: true\nrulesets: [nowhere]\n");
    world.push_draft("mallory", "prod").tick().expect_draft_invalid("prod", "nowhere");
    let target = world.target("prod").display().to_string();
    world.environment_at("mallory", "qa", "x\n", "rulesets: [standard]\n", &target);
    world.push_draft("mallory", "qa").tick().expect_draft_invalid("qa", "belongs to prod");
    world.finish();
}

#[test]
fn the_settings_of_the_merge_are_asked_both_ways() {
    let owner = "rules:\n  - { name: owner, approvers: { users: [alice] }, required: 1 }\n";
    let mut world = World::with().ruleset("strict", owner).build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("bob", "prod").tick();
    world.pull("mallory");
    world.environment_with("mallory", "prod", "v1\n", "requireApproval: true\nrulesets: [strict]\n");
    world.push_draft("mallory", "prod").tick().expect_draft_waiting_on("prod", "standard/platform, strict/owner");
    world.say_on_draft("bob", "prod", "approve").tick().expect_draft_waiting_on("prod", "strict/owner");
    world.merge_draft("mallory", "prod", "--no-ff --no-edit").tick().expect_waiting_on("prod", "strict/owner");
    world.delete_draft("prod").tick().finish();
}

#[test]
fn an_idle_tick_looks_once_and_drafts_that_are_none_are_left_alone() {
    let mut world = deployed();
    for branch in ["draft/Not-A-Name", "draft/prod/deeper", "draft/governance", "draftless"] {
        world.git("remote.git", &["update-ref", &format!("refs/heads/{branch}"), "main"]);
    }
    let entries = world.events().len();
    world.tick().expect_no_alarm();
    assert_eq!(world.events().len(), entries);
    assert!(
        !world.events().iter().any(|event| matches!(event, Event::DraftPlanned { .. } | Event::DraftUnplanned { .. }))
    );
    world.finish();
}

impl World {
    /// What is written in mallory's clone, with this `app.conf` of `prod`, as its draft.
    #[track_caller]
    fn draft_file_too(&mut self, content: &str) -> &mut Self {
        self.write("mallory", "environments/prod/config/app.conf", content);
        self.push_draft("mallory", "prod")
    }

    #[track_caller]
    fn expect_draft_gone(&mut self, environment: &str) -> &mut Self {
        assert!(self.status(environment).draft.is_none());
        self
    }
}
