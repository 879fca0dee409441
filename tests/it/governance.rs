//! The policy's own change: planned, approved by the policy in force, and in force from then on.

use countersign::journal::{Event, OutcomeResult};
use countersign::lifecycle::Phase;
use countersign::model::ApprovalVerdict::{Approve, Reject};

use crate::world::{DAEMON, Setup, World, document};

const POLICY: &str = "governance";
/// Two who may approve changes of the policy, not their own ones.
const OWNERS: &str = "rules:\n  - name: owners\n    approvers: { users: [alice, bob] }\n    required: 1\n";
const TWO: &str = "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 2\n";

fn two_owners() -> Setup {
    World::with().ruleset("owners", OWNERS).binding("role: reviewer, users: [bob], environments: [governance]")
}

impl World {
    /// One more person in the policy, with a key of their own, as mallory would add them.
    fn add_person(&mut self, who: &str, name: &str) -> &mut Self {
        self.make_key(name, &[]);
        let key = self.public_key(name);
        let spec = format!("emails: [{name}@x.example]\nkeys:\n  - key: \"{key}\"\n");
        self.file(who, &format!("governance/people/{name}.yaml"), &document("Person", name, &spec))
    }

    /// The team `platform` becomes this.
    fn platform(&mut self, who: &str, members: &str) -> &mut Self {
        let text = document("Team", "platform", &format!("members: [{members}]\n"));
        self.file(who, "governance/teams/platform.yaml", &text)
    }

    /// Changes a file in a clone.
    fn edit(&mut self, who: &str, path: &str, edit: impl FnOnce(String) -> String) -> &mut Self {
        let clone = self.clone_of(who);
        let text = std::fs::read_to_string(clone.join(path)).expect("a file");
        let text = edit(text);
        self.file(who, path, &text)
    }

    fn version(&self) -> u64 {
        let admitted = |event| match event {
            Event::PolicyAdmitted { version, .. } => Some(version),
            _ => None,
        };
        self.events().into_iter().filter_map(admitted).next_back().expect("a policy")
    }
}

#[test]
fn a_person_is_added_and_counts_from_then_on() {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    world.add_person("mallory", "carol").platform("mallory", "alice, bob, carol").push("mallory");
    world
        .tick()
        .expect_exit(0)
        .expect_waiting_on(POLICY, "owners/owners")
        .expect_phase("prod", Phase::AwaitingApproval);
    let plan = world.journal_file("environments/governance/plan.md").expect("a plan");
    for words in ["create `person carol`", "`permissions of carol in *: approve`", "people/carol.yaml"] {
        assert!(plan.contains(words), "`{words}` is not in\n{plan}");
    }
    assert_eq!(world.branches("countersign/approve/governance"), [""; 0], "signed records only");
    world.approve_by_record("alice", POLICY).tick().expect_phase(POLICY, Phase::Synced);
    assert_eq!(world.version(), 2);
    assert!(world.journal_file("policy/2/people/carol.yaml").is_some());
    assert_eq!(world.rule("prod", "standard/platform").eligible.len(), 3, "the waiting plan is judged anew");
    world.approve_by_record("carol", "prod").tick().expect_applied("prod", "v1\n");
    assert_eq!(world.deployments(POLICY), [(1, 1)]);
    world.finish();
}

#[test]
fn p1_the_change_of_a_rule_and_what_it_guards_are_two_changes() {
    let mut world = World::with().ruleset("standard", TWO).build();
    let weaker = "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 1\n";
    world.tick().environment("mallory", "prod", "v1\n");
    world.file("mallory", "governance/rulesets/standard.yaml", &document("Ruleset", "standard", weaker));
    world
        .push("mallory")
        .tick()
        .expect_waiting_on("prod", "standard/platform")
        .expect_waiting_on(POLICY, "owners/owners");
    assert_eq!(world.rule("prod", "standard/platform").required, 2);
    world
        .approve_by_merge("bob", "prod")
        .tick()
        .expect_waiting_on("prod", "standard/platform")
        .expect_not_applied("prod");
    // Once the policy is another, the approval that is there is enough.
    world.approve_by_record("alice", POLICY).tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn p1_a_policy_that_asks_for_more_is_judged_by_the_one_it_replaces() {
    let mut world = two_owners().build();
    world.tick().edit("mallory", "governance/rulesets/owners.yaml", |text| text.replace("required: 1", "required: 2"));
    world.push("mallory").tick().approve_by_record("alice", POLICY).tick();
    assert_eq!(world.version(), 2);
    world.platform("mallory", "alice, bob, mallory").push("mallory").tick().approve_by_record("alice", POLICY);
    world.tick().expect_waiting_on(POLICY, "owners/owners").approve_by_record("bob", POLICY).tick();
    assert_eq!(world.version(), 3);
    world.finish();
}

#[test]
fn p1_a_policy_that_takes_its_approver_s_place_away_comes_into_force() {
    let mut world = two_owners().build();
    world.tick().edit("mallory", "governance/rulesets/owners.yaml", |text| text.replace("[alice, bob]", "[bob]"));
    world.push("mallory").tick().approve_by_record("alice", POLICY).tick().expect_phase(POLICY, Phase::Synced);
    assert_eq!(world.version(), 2);
    world.finish();
}

#[test]
fn a_contributor_cannot_approve_the_policy_they_wrote() {
    let mut world = two_owners().build();
    world.tick().platform("bob", "alice, bob, mallory").push("bob").tick().expect_waiting_on(POLICY, "owners/owners");
    world.approve_by_record("bob", POLICY).tick().expect_waiting_on(POLICY, "owners/owners");
    world.expect_not_counted(POLICY, "contributed to this change");
    assert_eq!(world.version(), 1);
    world.approve_by_record("alice", POLICY).tick().expect_phase(POLICY, Phase::Synced);
    assert_eq!(world.version(), 2);
    world.finish();
}

#[test]
fn nobody_outside_the_policy_s_own_rulesets_moves_it() {
    let mut world = World::new();
    world.tick().platform("mallory", "mallory").push("mallory").tick();
    world.approve_by_record("bob", POLICY).tick().expect_waiting_on(POLICY, "owners/owners");
    world.expect_not_counted(POLICY, "does not hold `approve` in governance");
    assert_eq!(world.version(), 1);
    world.finish();
}

#[test]
fn a_rejected_policy_stays_out_until_that_is_taken_back() {
    let mut world = two_owners().build();
    world.tick().platform("mallory", "mallory, bob").push("mallory").tick();
    world
        .reject_by_record("bob", POLICY)
        .approve_by_record("alice", POLICY)
        .tick()
        .expect_phase(POLICY, Phase::Rejected);
    assert_eq!(world.version(), 1);
    world.remove("bob", "governance/people/mallory.yaml").tick().expect_invalid(POLICY, "mallory");
    world.finish();
}

#[test]
fn p3_a_policy_that_would_lock_is_refused_when_planned() {
    type Change = fn(&mut World);
    let cases: [(&str, Change, &str); 5] = [
        (
            "a person without a key",
            |world| {
                let text = document("Person", "zoe", "emails: [zoe@x.example]\n");
                world.file("mallory", "governance/people/zoe.yaml", &text);
            },
            "zoe has no key",
        ),
        (
            "nobody could approve the next one",
            |world| {
                let text = "rules:\n  - name: owners\n    approvers: { users: [mallory] }\n    required: 1\n";
                world.file("mallory", "governance/rulesets/owners.yaml", &document("Ruleset", "owners", text));
            },
            "nobody could approve the next change of the policy",
        ),
        (
            "a rule that asks for more people than there are",
            |world| {
                let text = "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 3\n";
                world.file("mallory", "governance/rulesets/standard.yaml", &document("Ruleset", "standard", text));
            },
            "rule `platform` asks for 3",
        ),
        (
            "an empty team",
            |world| {
                world.platform("mallory", "");
            },
            "nobody could meet it",
        ),
        (
            "no key for the journal",
            |world| {
                world.edit("mallory", "governance/policy.yaml", |text| {
                    let at = text.find("  journalKeys:").expect("keys");
                    format!("{}  journalKeys: []\n", &text[..at])
                });
            },
            "no daemon could write the journal",
        ),
    ];
    for (what, change, words) in cases {
        let mut world = World::new();
        world.environment("mallory", "prod", "v1\n").push("mallory").tick();
        change(&mut world);
        world.push("mallory").tick().expect_exit(1).expect_said("governance Invalid").expect_invalid(POLICY, words);
        assert_eq!(world.version(), 1, "{what}");
        world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
    }
}

#[test]
fn p2_an_older_policy_comes_back_only_as_a_newer_version() {
    let mut world = World::new();
    world.tick().platform("mallory", "alice").push("mallory").tick().approve_by_record("alice", POLICY).tick();
    assert_eq!(world.version(), 2);
    world.pull("mallory").shell("mallory", "git revert --no-edit HEAD~1 && git push --quiet");
    world.tick().expect_waiting_on(POLICY, "owners/owners");
    let plan = world.status(POLICY).plan.expect("a plan");
    assert_eq!((plan.number, plan.round), (2, 1));
    world.approve_by_record("alice", POLICY).tick();
    assert_eq!(world.version(), 3);
    world.finish();
}

#[test]
fn p12_an_approval_lapses_with_its_maker_s_place() {
    let mut world =
        World::with().ruleset("standard", TWO).person("carol").approvers(&["alice", "bob", "carol"]).build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("bob", "prod").tick();
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 1);
    world.pull("mallory").platform("mallory", "alice, carol").push("mallory").tick();
    world.approve_by_record("alice", POLICY).tick().expect_waiting_on("prod", "standard/platform");
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 0);
    world.expect_not_counted("prod", "no longer holds `approve`");
    world.approve_by_merge("alice", "prod").tick().expect_not_applied("prod");
    world.approve_by_merge("carol", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn p12_a_veto_lapses_likewise() {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().reject_by_merge("bob", "prod").tick();
    world.expect_phase("prod", Phase::Rejected).approve_by_merge("alice", "prod").tick();
    world.expect_phase("prod", Phase::Rejected).expect_not_applied("prod");
    world.pull("mallory").platform("mallory", "alice").push("mallory").tick();
    world.approve_by_record("alice", POLICY).tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn p12_a_key_that_is_replaced_takes_its_words_with_it() {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    // The policy that replaces bob's key and bob's approval with the old one arrive together: the policy comes first.
    world.make_key("newbob", &[]);
    let key = world.public_key("newbob");
    let spec = format!("emails: [bob@x.example]\nkeys:\n  - key: \"{key}\"\n");
    world.pull("mallory").file("mallory", "governance/people/bob.yaml", &document("Person", "bob", &spec));
    world.push("mallory").tick().approve_by_record("alice", POLICY).approve_by_merge("bob", "prod").tick();
    world.expect_waiting_on("prod", "standard/platform").expect_not_applied("prod");
    world.expect_not_counted("prod", "is no longer one of bob");
    let by_bob = |view: &&countersign::policy::StatementView| view.by.as_ref().is_some_and(|by| by.as_str() == "bob");
    let before = world.status("prod").statements.iter().find(by_bob).expect("bob's").digest;
    let again = world.record("bob", "prod", Approve).signed_with("newbob").previous(before);
    world.say("bob", &again).tick();
    world.expect_applied("prod", "v1\n").finish();
}

#[test]
fn p4_a_ruleset_that_a_waiting_plan_needs_is_taken_away() {
    let extra = "rules:\n  - name: extra\n    approvers: { users: [bob] }\n    required: 1\n";
    let mut world = World::with().ruleset("extra", extra).build();
    world.environment_with("mallory", "prod", "v1\n", "rulesets: [extra]\n").push("mallory").tick();
    world.approve_by_merge("alice", "prod").tick().expect_waiting_on("prod", "extra/extra");
    world.remove("mallory", "governance/rulesets/extra.yaml").tick();
    world.approve_by_record("alice", POLICY).tick().expect_exit(1);
    world.expect_invalid("prod", "ruleset `extra` does not exist").expect_not_applied("prod");
    world.environment_with("mallory", "prod", "v1\n", "rulesets: [standard]\n").push("mallory").tick();
    world.approve_by_merge("bob", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn a_new_address_makes_an_author_a_contributor_of_what_waits() {
    let mut world =
        World::with().ruleset("standard", TWO).person("carol").approvers(&["alice", "bob", "carol"]).build();
    world.environment("mallory", "prod", "v1\n");
    world.shell(
        "mallory",
        "git add --all && git -c user.email=home@bob.example commit --quiet -m change && git push --quiet",
    );
    world.tick().approve_by_merge("bob", "prod").tick();
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 1, "nobody knows that address");
    world.pull("alice").edit("alice", "governance/people/bob.yaml", |text| {
        text.replace("[bob@x.example]", "[bob@x.example, home@bob.example]")
    });
    world.push("alice").tick().approve_by_record("alice", POLICY).approve_by_merge("alice", "prod").tick();
    world.expect_waiting_on("prod", "standard/platform").expect_not_applied("prod");
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 1);
    world.expect_not_counted("prod", "contributed to this change");
    world.approve_by_merge("carol", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn the_journal_s_key_is_rotated_by_the_policy() {
    let mut world = World::with().daemon("second").build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    let old = world.public_key(DAEMON);
    world
        .pull("mallory")
        .edit("mallory", "governance/policy.yaml", |text| text.replace(&format!("    - key: \"{old}\"\n"), ""));
    world.push("mallory").tick().expect_said(POLICY);
    world.approve_by_record("alice", POLICY);
    let run = world.try_tick();
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("is not among the journalKeys of the policy in force"), "{run}");
    assert_eq!(world.version(), 2);
    world.tick_of("second").approve_by_merge("bob", "prod").tick_of("second").expect_applied("prod", "v1\n");
    world.expect_proven().finish_without_tick("the first daemon has no key any more");
}

#[test]
fn a5_the_journal_s_key_alone_brings_no_policy_into_force() {
    let mut world = World::new();
    world.tick().platform("mallory", "mallory").push("mallory").tick();
    let status = world.status(POLICY);
    let commit = world.tip("main").parse().expect("an id");
    let revision = status.desired.expect("a revision");
    world.forge_entry(vec![Event::PolicyAdmitted { version: 2, revision, commit }]);
    let run = world.try_tick();
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("comes into force without a claim for it"), "{run}");
    let proof = world.verify("remote.git");
    assert_eq!(proof.code, Some(1), "{proof}");
    world.finish_without_tick("the journal is tampered with");
}

#[test]
fn r9_a_rejection_that_arrives_with_the_claim_keeps_the_policy_out() {
    let mut world = two_owners().build();
    world.tick().platform("mallory", "mallory, bob").push("mallory").tick().approve_by_record("alice", POLICY);
    let rejection = world.record("bob", POLICY, Reject);
    world.pull("bob").put_record("bob", &rejection);
    world.shell("bob", "git add --all && git commit --quiet -m said && git push --quiet origin HEAD:prepared");
    let commit = world.shell("bob", "git rev-parse HEAD");
    world.move_main_when_claimed(&commit);
    world.tick().expect_phase(POLICY, Phase::Rejected);
    assert_eq!(world.version(), 1);
    let abandoned = |event: &Event| matches!(event, Event::Outcome { result: OutcomeResult::Abandoned, .. });
    assert_eq!(world.events().iter().filter(|event| abandoned(event)).count(), 1);
    world.finish();
}

#[test]
fn two_daemons_bring_one_policy_into_force_once() {
    let mut world = World::with().daemon("second").build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    world.platform("mallory", "alice, mallory").push("mallory").tick().tick_of("second");
    world.approve_by_record("alice", POLICY).tick_of("second").tick();
    assert_eq!(world.version(), 2);
    assert_eq!(world.deployments(POLICY), [(1, 1)]);
    world.approve_by_merge("alice", "prod").tick_of("second").expect_applied("prod", "v1\n").tick().finish();
}

#[test]
fn the_policy_s_change_is_handled_by_the_same_commands() {
    let mut world = World::new();
    world.tick().add_person("mallory", "carol").push("mallory").tick();
    let status = world.countersign(&["-C", "alice", "status", POLICY]).text();
    assert!(status.contains("AwaitingApproval") && status.contains("alice"), "{status}");
    let pending = world.countersign(&["-C", "alice", "pending", "--mine"]).text();
    assert!(pending.contains(POLICY), "{pending}");
    let diff = world.countersign(&["-C", "alice", "diff", POLICY]);
    assert_eq!(diff.code, Some(1), "{diff}");
    assert!(diff.stdout.contains("person carol"), "{diff}");
    let refused = world.countersign(&["-C", &world.clone_of("bob").display().to_string(), "approve", POLICY, "--yes"]);
    assert_eq!(refused.code, Some(1), "{refused}");
    let approved = world.countersign(&["-C", "alice", "approve", POLICY, "--yes", "-m", "carol joins"]);
    assert!(approved.succeeded(), "{approved}");
    world.tick().expect_phase(POLICY, Phase::Synced);
    let history = world.countersign(&["-C", "alice", "history", POLICY]).text();
    assert!(history.contains("alice") && history.contains("carol joins"), "{history}");
    let status = world.countersign(&["-C", "alice", "status", POLICY]).text();
    assert!(status.contains("policy 2 is in force"), "{status}");
    world.finish();
}

#[test]
fn what_nobody_gains_is_said() {
    let mut world = World::new();
    world.tick().file("mallory", "governance/NOTES.md", "who is who\n").push("mallory").tick();
    world.expect_waiting_on(POLICY, "owners/owners");
    let plan = world.journal_file("environments/governance/plan.md").expect("a plan");
    assert!(plan.contains("nobody gains or loses anything"), "{plan}");
    world.say("alice", &world.record("alice", POLICY, Reject)).tick().expect_phase(POLICY, Phase::Rejected).finish();
}
