//! `reapproveOnChange: false`: an approval counts for a later plan of the same number, as long as nothing that it stood
//! for is another.

use countersign::digest::PlanId;
use countersign::journal::{DeploymentDocument, MetRule, yaml_out};
use countersign::lifecycle::Phase;
use countersign::model::ApprovalVerdict::{Approve, Reject, Withdraw};
use countersign::model::RequestAction;

use crate::world::{DAEMON, Setup, World, document};

const CARRIED: &str =
    "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 2\nreapproveOnChange: false\n";
const ONE: &str =
    "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 1\nreapproveOnChange: false\n";

/// Two of alice, bob and carol approve, and what they said carries over.
fn carrying() -> Setup {
    World::with()
        .person("carol")
        .no_developer("carol")
        .approvers(&["alice", "bob", "carol"])
        .ruleset("standard", CARRIED)
}

/// `prod` is applied as `v1`, and mallory's change to `v2` waits with alice's approval.
fn half_approved() -> World {
    let mut world = carrying().build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    world.approve_by_merge("alice", "prod").approve_by_record("bob", "prod").tick().expect_applied("prod", "v1\n");
    world.change("mallory", "prod", "v2\n").tick().approve_by_record("alice", "prod").tick();
    world
}

impl World {
    fn plan_of(&self, environment: &str) -> PlanId {
        self.status(environment).plan.expect("a plan").digest
    }

    /// Whether an approval of an earlier plan counts for the one that waits, and what is said of it.
    #[track_caller]
    fn carried(&self, environment: &str, by: &str) -> (bool, String) {
        let status = self.status(environment);
        let found = status
            .statements
            .iter()
            .find(|view| view.carried_from.is_some() && view.by.as_ref().is_some_and(|person| person.as_str() == by));
        let found = found.unwrap_or_else(|| panic!("nothing of {by} is told: {:#?}", status.statements));
        (found.counted, found.why.clone())
    }

    #[track_caller]
    fn expect_carried(&mut self, by: &str) -> &mut Self {
        let (counted, why) = self.carried("prod", by);
        assert!(counted, "{why}");
        self
    }

    #[track_caller]
    fn expect_not_carried(&mut self, by: &str, words: &str) -> &mut Self {
        let (counted, why) = self.carried("prod", by);
        assert!(!counted && why.contains(words), "{counted}: {why}");
        self
    }

    fn deployment(&self, environment: &str, number: u64) -> DeploymentDocument {
        let path = format!("environments/{environment}/history/{number}/deployment.yaml");
        yaml_out::from_yaml(self.journal_file(&path).expect("a document").as_bytes()).expect("readable")
    }
}

#[test]
fn an_approval_carries_over_to_a_later_push_and_says_so_everywhere() {
    let mut world = half_approved();
    let first = world.plan_of("prod");
    let page = world.journal_file("environments/prod/plan.md").expect("a page");
    assert!(page.contains("**Approvals carry over to later changes**"), "said before anybody approves: {page}");
    let clone = world.clone_of("bob").display().to_string();
    world.change("mallory", "prod", "v3\n").tick().expect_waiting_on("prod", "standard/platform");
    world.expect_carried("alice");
    let rule = world.rule("prod", "standard/platform");
    assert_eq!((rule.have.len(), rule.eligible.len()), (1, 2), "{rule:#?}");
    let page = world.journal_file("environments/prod/README.md").expect("a page");
    let words = format!("carried over from plan {}", first.short());
    assert!(page.contains(&words) && page.contains("**Approvals carry over to later changes**"), "{page}");
    let status = world.countersign(&["-C", &clone, "status", "prod"]);
    assert!(status.stdout.contains(&words), "{status}");
    assert!(status.stdout.contains("approvals carry over to later changes: reapproveOnChange: false"), "{status}");
    // What was approved then is found again, though another plan waits.
    let then = world.countersign(&["-C", &clone, "diff", "prod", "--plan", &first.short()]);
    assert!(then.stdout.contains("+v2") && !then.stdout.contains("v3"), "{then}");
    // Who approves is told before anything is signed.
    let run = world.countersign(&["-C", &clone, "approve", "prod", "--yes", "-m", "both"]);
    assert!(run.succeeded() && run.stdout.contains("carries over to later changes"), "{run}");
    world.tick().expect_applied("prod", "v3\n");
    let deployment = world.deployment("prod", 2);
    let met: Vec<(&str, Option<PlanId>)> =
        deployment.met[0].statements.iter().map(|one| (one.by.as_str(), one.carried_from)).collect();
    assert!(met.contains(&("alice", Some(first))) && met.contains(&("bob", None)), "{met:?}");
    let evidence = deployment.met[0].statements.iter().find(|one| one.carried_from.is_some()).expect("one");
    let path = format!("environments/prod/history/2/{}", evidence.evidence.clone().expect("a path"));
    assert!(world.journal_file(&path).expect("evidence").contains(&first.to_string()));
    let history = world.countersign(&["-C", &clone, "history", "prod", "2"]);
    assert!(history.stdout.contains(&format!("approved plan {}, carried over", first.short())), "{history}");
    // The next number starts from nothing.
    world.change("mallory", "prod", "v4\n").tick().expect_waiting_on("prod", "standard/platform");
    assert!(world.rule("prod", "standard/platform").have.is_empty());
    world.finish();
}

#[test]
fn what_is_complete_goes_on_with_the_next_push() {
    let mut world = carrying().ruleset("standard", ONE).build();
    let window = "rulesets: [standard]\ndeploy: { mode: manual }\n";
    world.environment_with("mallory", "prod", "v1\n", window).push("mallory").tick();
    let record = world.record("alice", "prod", Approve).saying(|approval| approval.deploy = false);
    world.say("alice", &record).tick().expect_phase("prod", Phase::Approved);
    // Carried, it is approved at once; that somebody starts it is asked all the same.
    world.change("mallory", "prod", "v2\n").tick().expect_phase("prod", Phase::Approved).expect_not_applied("prod");
    world.expect_carried("alice").finish();
}

#[test]
fn a_carried_word_to_deploy_starts_nothing() {
    let mut world = carrying().build();
    world.environment_with("mallory", "prod", "v1\n", "rulesets: [standard]\ndeploy: { mode: manual }\n");
    world.push("mallory").tick().approve_by_record("bob", "prod").tick();
    // Suspended, so that what she starts does not start.
    let suspend = world.request("mallory", "prod", RequestAction::Suspend { number: None });
    world.ask("mallory", &suspend).tick();
    let record = world.record("alice", "prod", Approve).saying(|approval| approval.deploy = true);
    world.say("alice", &record).tick();
    world.change("mallory", "prod", "v2\n").tick().expect_phase("prod", Phase::Suspended);
    let resume = world.request("mallory", "prod", RequestAction::Resume { number: None });
    world.ask("mallory", &resume).tick();
    world.expect_phase("prod", Phase::Approved).expect_not_applied("prod");
    world.expect_carried("alice").expect_carried("bob").finish();
}

#[test]
fn a_ruleset_without_it_and_the_single_approval_ask_again() {
    let strict = "rules:\n  - name: carol\n    approvers: { users: [carol] }\n    required: 1\n";
    let minimum = "minimum:\n  - { environments: [prod], rulesets: [strict] }\n";
    let mut world = carrying().ruleset("strict", strict).policy(minimum).build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_record("alice", "prod").tick();
    world.change("mallory", "prod", "v2\n").tick().expect_carried("alice");
    world.expect_waiting_on("prod", "standard/platform, strict/carol").approve_by_record("carol", "prod").tick();
    world.expect_applied("prod", "v2\n");
    world.change("mallory", "prod", "v3\n").tick().approve_by_record("carol", "prod").tick();
    world.change("mallory", "prod", "v4\n").tick();
    // carol's is in the team's rule as well, and carries over for that one alone.
    world.expect_carried("carol").expect_waiting_on("prod", "standard/platform, strict/carol");
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 1);
    assert!(world.rule("prod", "strict/carol").have.is_empty());
    world.finish();
}

#[test]
fn a_deployment_that_failed_keeps_what_let_it_through() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: mounting a small file system takes root");
        return;
    }
    let mut world = carrying().build();
    let Some((mount, _unmount)) = crate::targets::small_disk(&world) else {
        return world.finish_without_tick("skipped");
    };
    let target = mount.join("prod").display().to_string();
    world.environment_at("mallory", "prod", "v1\n", "requireApproval: true\nrulesets: [standard]\n", &target);
    world.push("mallory").tick();
    let knowing = world.record("alice", "prod", Approve).acknowledging_truncation();
    world.say("alice", &knowing).tick();
    let noise: String = (0..40_000_u64).map(|n| format!("{}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    world.change("mallory", "prod", &noise).tick().expect_carried("alice");
    let knowing = world.record("bob", "prod", Approve).acknowledging_truncation();
    world.say("bob", &knowing).tick().expect_exit(1).expect_phase("prod", Phase::Failed).expect_carried("alice");
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 2);
    world.finish();
}

#[test]
fn another_contributor_asks_anew() {
    let mut world = half_approved();
    world.change("bob", "prod", "v3\n").tick().expect_not_carried("alice", "other people contributed");
    world.expect_waiting_on("prod", "standard/platform").finish();
}

#[test]
fn a_contributor_who_came_after_the_approval_asks_anew() {
    let mut world = half_approved();
    // The same content by other commits: the plan stays, and who contributed is told anew.
    world.change("bob", "prod", "v9\n").change("bob", "prod", "v2\n").tick();
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 1, "it is her approval of exactly this");
    world.change("mallory", "prod", "v3\n").tick();
    world.expect_not_carried("alice", "changed after it was given").finish();
}

#[test]
fn other_gates_ask_anew() {
    let mut world = half_approved();
    let spec = "requireApproval: true\nrulesets: [standard]\ncustomerEmail: ops@x.example\n";
    world
        .environment_with("mallory", "prod", "v3\n", spec)
        .push("mallory")
        .tick()
        .expect_not_carried("alice", "gate settings")
        .finish();
}

#[test]
fn another_kind_asks_anew() {
    let mut world = half_approved();
    world.approve_by_record("bob", "prod").tick().expect_applied("prod", "v2\n");
    world.change("mallory", "prod", "v3\n").tick().approve_by_record("alice", "prod").tick();
    // Back to what was deployed once: a rollback.
    world.change("mallory", "prod", "v1\n").tick().expect_not_carried("alice", "of kind `update`");
    world.finish();
}

#[test]
fn a_deletion_that_is_added_asks_anew_and_one_that_was_approved_does_not() {
    let mut world = carrying().build();
    world.environment("mallory", "prod", "v1\n");
    for file in ["a.conf", "b.conf"] {
        world.write("mallory", &format!("environments/prod/config/{file}"), "x\n");
    }
    world.push("mallory").tick().approve_by_record("alice", "prod").approve_by_record("bob", "prod").tick();
    world.shell("mallory", "git pull --quiet --ff-only && git rm --quiet environments/prod/config/a.conf");
    world.push("mallory").tick().approve_by_record("alice", "prod").tick();
    world.change("mallory", "prod", "v2\n").tick().expect_carried("alice");
    world.shell("mallory", "git pull --quiet --ff-only && git rm --quiet environments/prod/config/b.conf");
    world.push("mallory").tick().expect_not_carried("alice", "deletes something");
    // What the host has and nobody approved the loss of is a deletion too.
    world.write("mallory", "environments/prod/config/b.conf", "x\n");
    world.push("mallory").tick().expect_carried("alice");
    std::fs::write(world.target("prod").join("data.db"), "precious").expect("written");
    world.change("mallory", "prod", "v3\n").tick().expect_not_carried("alice", "deletes something").finish();
}

#[test]
fn what_is_found_on_the_host_before_it_is_applied_asks_anew_only_where_it_is_lost() {
    let mut world = half_approved();
    // Somebody edited what is replaced: the plan is another, and nothing that was approved is otherwise.
    std::fs::write(world.target("prod").join("app.conf"), "edited\n").expect("written");
    world.approve_by_record("bob", "prod").tick().expect_applied("prod", "v2\n");
    world.change("mallory", "prod", "v3\n").tick().approve_by_record("alice", "prod").tick();
    let before = world.plan_of("prod");
    std::fs::write(world.target("prod").join("data.db"), "precious").expect("written");
    world.approve_by_record("bob", "prod").tick().expect_waiting_on("prod", "standard/platform");
    world.expect_not_carried("alice", "deletes something").expect_not_carried("bob", "deletes something");
    // Whoever approves the plan that rests now did not approve the one that was there to be seen.
    let late = world.record("carol", "prod", Approve).plan(before);
    world.say("carol", &late).tick().expect_not_carried("carol", "given after this plan was made").finish();
}

#[test]
fn a_rejection_since_asks_anew_also_when_it_was_taken_back() {
    let mut world = half_approved();
    world.change("mallory", "prod", "v3\n").tick().expect_carried("alice");
    let rejection = world.record("carol", "prod", Reject);
    world.say("carol", &rejection).tick().expect_phase("prod", Phase::Rejected);
    world.expect_not_carried("alice", "rejected this change");
    let (digest, _) = world.sign(&rejection);
    let back = world.record("carol", "prod", Withdraw).previous(digest);
    world.say("carol", &back).tick().expect_not_carried("alice", "rejected this change");
    world.change("mallory", "prod", "v4\n").tick().expect_not_carried("alice", "rejected this change");
    world.expect_waiting_on("prod", "standard/platform").finish();
}

#[test]
fn what_was_approved_although_somebody_rejected_it_asks_anew() {
    let mut world = half_approved();
    world.reject_by_record("carol", "prod").tick();
    let (alice, _) = world.sign(&world.record("alice", "prod", Approve));
    let again = world.record("alice", "prod", Approve).previous(alice);
    world.say("alice", &again).tick().expect_phase("prod", Phase::Rejected);
    world.change("mallory", "prod", "v3\n").tick().expect_not_carried("alice", "is rejected").finish();
}

#[test]
fn another_policy_asks_anew() {
    let mut world = half_approved();
    world.file("alice", "governance/teams/more.yaml", &document("Team", "more", "members: [bob]\n"));
    world
        .push("alice")
        .tick()
        .approve_by_record("alice", "governance")
        .tick()
        .expect_phase("governance", Phase::Synced);
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 1, "her approval of exactly this still counts");
    world.change("mallory", "prod", "v3\n").tick().expect_not_carried("alice", "the policy");
    world.finish();
}

#[test]
fn what_was_said_on_a_draft_before_another_policy_carries_nowhere() {
    let mut world = carrying().build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    world.approve_by_merge("alice", "prod").approve_by_record("bob", "prod").tick().expect_applied("prod", "v1\n");
    world.draft("mallory", "prod", "v2\n").tick();
    world.client("alice", &["approve", "prod", "--draft", "--yes"]).text();
    world.file("alice", "governance/teams/more.yaml", &document("Team", "more", "members: [bob]\n"));
    world.push("alice").tick().approve_by_record("alice", "governance").tick();
    world.expect_phase("governance", Phase::Synced).merge_draft("mallory", "prod", "").tick();
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 1, "her approval of exactly this still counts");
    world.change("mallory", "prod", "v3\n").tick().expect_not_carried("alice", "the policy");
    world.finish();
}

#[test]
fn r1_a_change_that_was_dropped_takes_its_approvals_with_it() {
    let mut world = half_approved();
    world.change("mallory", "prod", "v1\n").tick().expect_phase("prod", Phase::Synced);
    world.change("mallory", "prod", "v3\n").tick().expect_waiting_on("prod", "standard/platform");
    let status = world.status("prod");
    assert!(status.statements.iter().all(|view| view.carried_from.is_none()), "{:#?}", status.statements);
    assert!(world.rule("prod", "standard/platform").have.is_empty());
    world.finish();
}

#[test]
fn an_invalid_push_in_between_takes_nothing() {
    let mut world = half_approved();
    world.environment_with("mallory", "prod", "v3\n", "rulesets: [nowhere]\n").push("mallory").tick();
    world.expect_phase("prod", Phase::Invalid);
    world.environment("mallory", "prod", "v3\n").push("mallory").tick();
    world.expect_waiting_on("prod", "standard/platform").expect_carried("alice").finish();
}

#[test]
fn a_truncated_plan_takes_no_approval_that_did_not_acknowledge_one() {
    let mut world = carrying().settings("limits: { preview: 1KiB }\n").build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    world.approve_by_record("alice", "prod").tick();
    let long: String = (0..400).map(|line| format!("line {line}\n")).collect();
    world.change("mallory", "prod", &long).tick();
    world.expect_not_carried("alice", "the preview was cut");
    let knowing = world.record("bob", "prod", Approve).acknowledging_truncation();
    world.say("bob", &knowing).tick();
    world.change("mallory", "prod", &format!("{long}more\n")).tick();
    world.expect_carried("bob").expect_not_carried("alice", "the preview was cut").finish();
}

#[test]
fn p12_a_carried_approval_needs_key_and_membership_now() {
    let mut world = half_approved();
    world.change("mallory", "prod", "v3\n").tick().expect_carried("alice");
    let members = document("Team", "platform", "members: [bob, carol]\n");
    world.pull("alice").file("alice", "governance/teams/platform.yaml", &members).push("alice").tick();
    world.approve_by_record("alice", "governance").tick().expect_phase("governance", Phase::Synced);
    assert!(world.rule("prod", "standard/platform").have.is_empty());
    world.approve_by_record("bob", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn a_carried_approval_is_taken_back_by_record_and_by_merge() {
    for by_merge in [false, true] {
        let mut world = half_approved();
        world.change("mallory", "prod", "v3\n").tick().expect_carried("alice");
        if by_merge {
            world.merge("alice", "prod", "withdraw");
        } else {
            let clone = world.clone_of("alice").display().to_string();
            let run = world.countersign(&["-C", &clone, "withdraw", "prod", "--yes"]);
            assert!(run.succeeded(), "{run}");
        }
        world.tick();
        assert!(world.rule("prod", "standard/platform").have.is_empty());
        world.approve_by_record("bob", "prod").tick().expect_waiting_on("prod", "standard/platform");
        // It does not come back with the next plan either.
        world.change("mallory", "prod", "v4\n").tick().expect_waiting_on("prod", "standard/platform");
        world.expect_carried("bob");
        assert_eq!(world.rule("prod", "standard/platform").have.len(), 1);
        world.finish();
    }
}

#[test]
fn where_nothing_carries_over_there_is_nothing_to_take_back_later() {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    world.environment_with(
        "mallory",
        "prod",
        "v1\n",
        "requireApproval: true\nrulesets: [standard]\ndeploy: { mode: manual }\n",
    );
    world.push("mallory").tick().approve_by_record("alice", "prod").tick().expect_phase("prod", Phase::Approved);
    world.change("mallory", "prod", "v2\n").tick().expect_waiting_on("prod", "standard/platform");
    assert!(world.branches("countersign/withdraw/").is_empty());
    let back = world.record("alice", "prod", Withdraw);
    world.say("alice", &back).tick().expect_not_counted("prod", "nothing of yours to take back").finish();
}

#[test]
fn a_claim_by_an_approval_that_does_not_carry_over_is_no_honest_daemon_s() {
    let mut world = half_approved();
    let alice = world.status("prod").statements[0].digest;
    world.change("bob", "prod", "v3\n").tick().approve_by_record("carol", "prod").tick();
    world.expect_waiting_on("prod", "standard/platform");
    let name = |name: &str| name.parse().expect("a name");
    let carol = world.status("prod").statements.iter().find(|view| view.counted).expect("hers").digest;
    let met = MetRule {
        ruleset: Some("standard".parse().expect("a name")),
        rule: Some("platform".parse().expect("a name")),
        statements: vec![(alice, name("alice")), (carol, name("carol"))],
    };
    world.forge_claim_met("prod", vec![met]).expect_phase_of_fold("prod", Phase::Deploying);
    let run = world.try_tick();
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("the plan was not approved: standard/platform had 1 of 2"), "{run}");
    world.expect_applied("prod", "v1\n").take_off_the_last_entry().tick().finish();
}

#[test]
fn it_never_carries_to_another_policy() {
    let owners = "rules:\n  - name: owners\n    approvers: { users: [alice, bob] }\n    required: 2\nallowSelfApproval: true\nreapproveOnChange: false\n";
    let binding = "role: reviewer, users: [bob], environments: [governance]";
    let mut world = carrying().ruleset("owners", owners).binding(binding).build();
    world.tick();
    world.file("mallory", "governance/teams/more.yaml", &document("Team", "more", "members: [bob]\n"));
    world.push("mallory").tick().approve_by_record("alice", "governance").tick();
    assert_eq!(world.rule("governance", "owners/owners").have.len(), 1);
    world.file("mallory", "governance/teams/more.yaml", &document("Team", "more", "members: [bob, carol]\n"));
    world.push("mallory").tick().expect_waiting_on("governance", "owners/owners");
    let status = world.status("governance");
    assert!(status.carries_over.is_empty() && status.statements.is_empty(), "{status:#?}");
    assert!(world.rule("governance", "owners/owners").have.is_empty());
    world.approve_by_record("bob", "governance").tick().expect_waiting_on("governance", "owners/owners").finish();
}

#[test]
fn what_was_said_of_one_drift_carries_over_to_none_that_comes_after_the_host_was_as_applied() {
    let spec = "requireApproval: true\nrulesets: [standard]\ndrift: { schedule: \"*/30 * * * *\" }\n";
    let mut world = carrying().build();
    world.environment_with("mallory", "prod", "v1\n", spec).push("mallory").tick();
    world.approve_by_merge("alice", "prod").approve_by_record("bob", "prod").tick().expect_applied("prod", "v1\n");
    let host = world.target("prod").join("app.conf");
    let by_hand = |text: &str| std::fs::write(&host, text).expect("edited on the host");
    let mut daemon = world.timed(DAEMON, "2099-01-01T12:01:00Z");
    daemon.settle();
    by_hand("by hand\n");
    daemon.run(30);
    world.approve_by_record("alice", "prod");
    daemon.settle();
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 1);
    by_hand("v1\n");
    daemon.run(60);
    world.expect_phase("prod", Phase::Synced);
    std::fs::remove_file(&host).expect("removed on the host");
    daemon.run(24 * 60);
    world.expect_waiting_on("prod", "standard/platform");
    assert!(world.rule("prod", "standard/platform").have.is_empty(), "another change");
    drop(daemon);
    world.tick().finish();
}
