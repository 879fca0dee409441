//! Who must approve: the policy in force, and the settings on both sides of a change.

use countersign::lifecycle::Phase;
use countersign::model::ApprovalVerdict::Approve;

use crate::world::World;

const TWO: &str = "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 2\n";
const FREE: &str = "requireApproval: false\n";

fn applied() -> World {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("alice", "prod").tick();
    world.expect_applied("prod", "v1\n");
    world
}

#[test]
fn p1_a_weaker_ruleset_in_the_same_commit_changes_nothing() {
    let mut world = World::with().ruleset("standard", TWO).build();
    let weaker = "apiVersion: countersign/v1\nkind: Ruleset\nmetadata:\n  name: standard\nspec:\n  rules:\n    - name: platform\n      approvers: { users: [mallory] }\n      required: 1\n";
    world.tick().environment("mallory", "prod", "v1\n").file("mallory", "governance/rulesets/standard.yaml", weaker);
    world.push("mallory").tick().expect_exit(1).expect_said("governance Invalid");
    world.expect_said("nobody could meet it").expect_waiting_on("prod", "standard/platform");
    assert_eq!(world.rule("prod", "standard/platform").required, 2);
    world.approve_by_merge("alice", "prod").tick().expect_waiting_on("prod", "standard/platform");
    world.expect_not_applied("prod").approve_by_merge("bob", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn p4_deleting_team_ruleset_or_person_leaves_the_policy_in_force() {
    for path in [
        "governance/teams/platform.yaml",
        "governance/rulesets/standard.yaml",
        "governance/people/bob.yaml",
        "governance",
    ] {
        let mut world = applied();
        world.remove("mallory", path).change("mallory", "prod", "v2\n").tick().expect_exit(1);
        world.expect_waiting_on("prod", "standard/platform").expect_applied("prod", "v1\n");
        world.approve_by_merge("bob", "prod").tick().expect_applied("prod", "v2\n").finish();
    }
}

#[test]
fn p4_an_empty_team_can_never_be_met_and_the_status_says_so() {
    let mut world = World::with()
        .team("nobody", "")
        .ruleset("strict", "rules:\n  - name: nobody\n    approvers: { teams: [nobody] }\n    required: 1\n")
        .build();
    world.environment_with("mallory", "prod", "v1\n", "rulesets: [strict]\n").push("mallory").tick();
    world.expect_waiting_on("prod", "standard/platform, strict/nobody").expect_said("nobody can");
    assert!(!world.rule("prod", "strict/nobody").satisfiable);
    world.approve_by_merge("alice", "prod").approve_by_record("bob", "prod").tick();
    world.expect_waiting_on("prod", "strict/nobody").expect_not_applied("prod").finish();
}

#[test]
fn p4_an_unknown_ruleset_is_invalid() {
    let mut world = applied();
    world.environment_with("mallory", "prod", "v2\n", "rulesets: [gone]\n").push("mallory").tick().expect_exit(1);
    world.expect_invalid("prod", "ruleset `gone` does not exist").expect_applied("prod", "v1\n").finish();
}

#[test]
fn p4_an_environment_file_that_is_gone_is_invalid_while_its_folder_stays() {
    let mut world = applied();
    world.remove("mallory", "environments/prod/environment.yaml").tick().expect_exit(1);
    world.expect_invalid("prod", "remove the whole folder").expect_applied("prod", "v1\n").finish();
}

#[test]
fn p5_a_key_under_two_people_is_no_policy() {
    let mut world = World::new();
    let text = std::fs::read_to_string(world.at("alice/governance/people/bob.yaml")).expect("bob");
    let stolen = text.replace(&world.public_key("bob"), &world.public_key("alice"));
    world.file("alice", "governance/people/bob.yaml", &stolen);
    let run = world.countersign(&["-C", "alice", "trust"]);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("alice") && run.stderr.contains("key"), "{run}");
    world.finish_without_tick("no policy, no daemon");
}

#[test]
fn p5_a_person_with_two_keys_counts_once() {
    let mut world = World::with().ruleset("standard", TWO).build();
    world.make_key("laptop", &[]);
    let (first, second) = (world.public_key("alice"), world.public_key("laptop"));
    let person = format!(
        "apiVersion: countersign/v1\nkind: Person\nmetadata:\n  name: alice\nspec:\n  emails: [alice@x.example]\n  keys:\n    - key: \"{first}\"\n    - key: \"{second}\"\n"
    );
    world.file("alice", "governance/people/alice.yaml", &person).push("alice").pin_again();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_record("alice", "prod").tick();
    let (one, _) = world.sign(&world.record("alice", "prod", Approve));
    let again = world.record("alice", "prod", Approve).signed_with("laptop").previous(one);
    world.say("alice", &again).tick().expect_waiting_on("prod", "standard/platform");
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 1);
    world.expect_not_applied("prod").finish();
}

#[test]
fn p6_the_daemons_key_approves_nothing() {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    let forged = world.record("alice", "prod", Approve).signed_with("journal");
    world.say("mallory", &forged).tick().expect_not_counted("prod", "belongs to nobody in the policy");
    let branch = world.ready("approve", "prod");
    let key = world.at("journal.key.pub").display().to_string();
    world.shell("mallory", &format!("git pull -q --ff-only && git fetch -q origin {branch} && git -c user.signingKey={key} merge -q -S --no-ff FETCH_HEAD && git push -q"));
    world.tick().expect_waiting_on("prod", "standard/platform").expect_not_applied("prod").finish();
}

#[test]
fn p6_a_journal_key_under_a_person_is_no_policy() {
    let mut world = World::new();
    let text = std::fs::read_to_string(world.at("alice/governance/people/bob.yaml")).expect("bob");
    let machine = text.replace(&world.public_key("bob"), &world.public_key("journal"));
    world.file("alice", "governance/people/bob.yaml", &machine);
    let run = world.countersign(&["-C", "alice", "trust"]);
    assert_eq!(run.code, Some(2), "{run}");
    world.finish_without_tick("no policy, no daemon");
}

#[test]
fn p7_only_the_pinned_policy_starts_a_journal() {
    let mut world = World::new();
    world.remove("mallory", "governance/rulesets/owners.yaml");
    let run = world.try_tick();
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("the settings pin sha256:") && run.stderr.contains("hint: "), "{run}");
    assert!(world.branches("countersign/").is_empty(), "nothing was written");
    world.finish_unproven(2, "`countersign/journal` is not in this clone");
}

#[test]
fn p7_another_pin_than_the_journals_is_refused() {
    let mut world = applied();
    let other = format!("sha256:{}", "0".repeat(64));
    world.edit_settings("journal", |text| {
        let at = text.find("sha256:").expect("a pin");
        format!("{}{other}{}", &text[..at], &text[at + other.len()..])
    });
    let run = world.try_tick();
    assert_eq!(run.code, Some(2), "{run}");
    world.expect_applied("prod", "v1\n").finish();
}

#[test]
fn p8_turning_approval_off_needs_approval() {
    let mut world = applied();
    world.environment_with("mallory", "prod", "v2\n", FREE).push("mallory").tick();
    world.expect_waiting_on("prod", "standard/platform").expect_applied("prod", "v1\n");
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v2\n");
    // From here on nobody is asked.
    world.change("mallory", "prod", "v3\n").tick().expect_applied("prod", "v3\n").finish();
}

#[test]
fn p8_turning_approval_on_gates_the_change_that_turns_it_on() {
    let mut world = applied();
    world.environment_with("mallory", "prod", "v1\n", FREE).push("mallory").tick();
    world.approve_by_merge("alice", "prod").tick().expect_phase("prod", Phase::Synced);
    world.environment("mallory", "prod", "v2\n").push("mallory").tick();
    world.expect_waiting_on("prod", "standard/platform").expect_applied("prod", "v1\n");
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v2\n").finish();
}

#[test]
fn p8_a_change_of_rulesets_must_satisfy_both() {
    let one = "rules:\n  - name: bob\n    approvers: { users: [bob] }\n    required: 1\n";
    let mut world = World::with().ruleset("weak", one).build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("alice", "prod").tick();
    world.environment_with("mallory", "prod", "v2\n", "rulesets: [weak]\n").push("mallory").tick();
    world.expect_waiting_on("prod", "standard/platform, weak/bob").approve_by_merge("alice", "prod").tick();
    world.expect_waiting_on("prod", "weak/bob").expect_applied("prod", "v1\n");
    world.approve_by_merge("bob", "prod").tick().expect_applied("prod", "v2\n").finish();
}

#[test]
fn p9_a_new_environment_leaves_the_defaults() {
    let mut world = World::new();
    world.environment_with("mallory", "prod", "v1\n", FREE).push("mallory").tick();
    world.expect_waiting_on("prod", "standard/platform").expect_not_applied("prod");
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn p9_a_renamed_environment_is_a_new_one() {
    let mut world = applied();
    world.pull("mallory").shell("mallory", "git mv environments/prod environments/production");
    let target = world.target("production").display().to_string();
    world.environment_at("mallory", "production", "v1\n", FREE, &target).push("mallory").tick();
    world.expect_waiting_on("production", "standard/platform").expect_waiting_on("prod", "standard/platform");
    world.expect_not_applied("production").expect_applied("prod", "v1\n").finish();
}

#[test]
fn p9_minimum_rulesets_hold_whatever_the_environment_says() {
    let minimum = "minimum:\n  - environments: [\"*-prod\"]\n    rulesets: [owners]\n";
    let mut world = World::with().policy(minimum).build();
    world.environment_with("mallory", "acme-prod", "v1\n", FREE).push("mallory").tick();
    world
        .expect_waiting_on("acme-prod", "standard/platform, owners/owners")
        .approve_by_merge("alice", "acme-prod")
        .tick();
    world.expect_applied("acme-prod", "v1\n").change("mallory", "acme-prod", "v2\n").tick();
    world.expect_waiting_on("acme-prod", "owners/owners").approve_by_merge("bob", "acme-prod").tick();
    world.expect_waiting_on("acme-prod", "owners/owners").expect_applied("acme-prod", "v1\n");
    world.approve_by_merge("alice", "acme-prod").tick().expect_applied("acme-prod", "v2\n").finish();
}

#[test]
fn p11_a_rule_for_nobody_is_an_error_and_not_met() {
    for rules in [
        "rules: []\n",
        "rules:\n  - name: none\n    approvers: { teams: [platform] }\n    required: 0\n",
        "rules:\n  - name: none\n    approvers: {}\n    required: 1\n",
    ] {
        let mut world = World::with().ruleset("standard", rules).build();
        let trust = world.countersign(&["-C", "alice", "trust"]);
        assert_eq!(trust.code, Some(2), "{rules}: {trust}");
        assert!(trust.stderr.contains("governance/rulesets/standard.yaml:"), "{trust}");
        world.finish_without_tick("no policy, no daemon");
    }
}

#[test]
fn p11_a_disabled_or_inapplicable_ruleset_falls_back_to_one_approval() {
    let rules = "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 2\n";
    for spec in [format!("enabled: false\n{rules}"), format!("actions: [promotion]\n{rules}")] {
        let mut world = World::with().ruleset("standard", &spec).build();
        world
            .environment("mallory", "prod", "v1\n")
            .push("mallory")
            .tick()
            .expect_waiting_on("prod", "single approval");
        world.approve_by_merge("mallory", "prod").tick().expect_waiting_on("prod", "single approval");
        world.expect_not_applied("prod").approve_by_merge("bob", "prod").tick().expect_applied("prod", "v1\n").finish();
    }
}

#[test]
fn p13_work_that_was_only_merged_or_co_authored_still_excludes_its_maker() {
    let mut world = World::with().approvers(&["alice", "bob", "mallory"]).build();
    world.environment("mallory", "prod", "v1\n");
    // mallory's work, committed under bob's name with alice as co-author: claimed names exclude too.
    world.shell("mallory", "git add --all && git -c user.name=bob -c user.email=bob@x.example commit --quiet -m 'work\n\nCo-authored-by: alice <alice@x.example>' && git push --quiet");
    world.tick().expect_phase("prod", Phase::AwaitingApproval);
    let rule = world.rule("prod", "standard/platform");
    let names: Vec<_> = rule.excluded.iter().map(|excluded| excluded.person.as_str()).collect();
    assert_eq!(names, ["alice", "bob", "mallory"], "author, co-author, and whose key signed");
    assert!(!rule.satisfiable);
    world.approve_by_merge("alice", "prod").tick().expect_not_applied("prod").finish();
}

#[test]
fn p13_undoing_somebodys_work_with_a_merge_is_a_contribution() {
    let mut world = World::with().approvers(&["alice", "bob"]).build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("alice", "prod").tick();
    world.change("mallory", "prod", "v2\n");
    // bob merges a side branch with `-s ours` from before v2: the merge undoes v2.
    world.shell("bob", "git fetch --quiet && git checkout --quiet -b side origin/main~1 && git merge --quiet -S -s ours --no-edit origin/main && git push --quiet origin HEAD:main");
    world.tick().expect_phase("prod", Phase::Synced);
    world.pull("mallory").change("mallory", "prod", "v3\n").tick();
    let rule = world.rule("prod", "standard/platform");
    assert!(rule.excluded.iter().any(|excluded| excluded.person.as_str() == "bob"), "{rule:#?}");
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v3\n").finish();
}

#[test]
fn p14_gates_that_change_without_any_effect_on_services_need_approval() {
    let mut world = applied();
    world.environment_with("mallory", "prod", "v1\n", FREE).push("mallory").tick();
    world.expect_waiting_on("prod", "standard/platform");
    world.approve_by_merge("alice", "prod").tick().expect_phase("prod", Phase::Synced);
    assert_eq!(world.deployments("prod"), [(1, 1), (2, 1)]);
    world.finish();
}

#[test]
fn p14_live_state_that_was_edited_beforehand_does_not_make_a_change_pass_as_one_without_effect() {
    let mut world = applied();
    std::fs::write(world.target("prod").join("app.conf"), "v2\n").expect("edited on the host");
    world.change("mallory", "prod", "v2\n").tick().expect_waiting_on("prod", "standard/platform");
    world.approve_by_merge("bob", "prod").tick().expect_applied("prod", "v2\n").finish();
}
