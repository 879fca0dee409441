//! `requireSignedCommits`: every commit of a change is signed by somebody who may make it, or no approval is enough.

use countersign::lifecycle::Phase;

use crate::world::{Setup, World, document};

const SIGNED: &str =
    "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 1\nrequireSignedCommits: true\n";
const TWO_SIGNED: &str =
    "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 2\nrequireSignedCommits: true\n";
const UNSIGNED: &str = "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 1\n";
const MISSING: &str = "standard: signed commits";
const UNSIGNED_PUSH: &str =
    "git add --all && git -c commit.gpgSign=false commit --quiet -m unsigned && git push --quiet";

fn signed() -> Setup {
    World::with().ruleset("standard", SIGNED)
}

impl World {
    /// Pushes a change that nobody signed.
    fn unsigned_change(&mut self, who: &str, content: &str) -> String {
        self.pull(who).write(who, "environments/prod/config/app.conf", content);
        self.shell(who, UNSIGNED_PUSH);
        self.tip("main")
    }

    /// The plan waits for the signature of exactly this commit, whoever approves.
    #[track_caller]
    fn expect_unsigned(&mut self, commit: &str, by: &str, words: &str) -> &mut Self {
        let rule = self.rule("prod", MISSING);
        assert_eq!(rule.unsigned.len(), 1, "{rule:#?}");
        assert_eq!((rule.unsigned[0].commit.to_string(), rule.unsigned[0].by.as_str()), (commit.to_owned(), by));
        assert!(rule.unsigned[0].why.contains(words) && !rule.satisfiable && rule.eligible.is_empty(), "{rule:#?}");
        self
    }
}

#[test]
fn a_change_of_signed_commits_by_developers_is_applied() {
    let mut world = signed().build();
    world.environment("mallory", "prod", "v1\n").push("mallory").change("mallory", "prod", "v2\n").tick();
    world.expect_waiting_on("prod", "standard/platform").approve_by_merge("alice", "prod").tick();
    world.expect_applied("prod", "v2\n").finish();
}

#[test]
fn a_redeployment_is_of_no_commit_and_its_request_is_signed_itself() {
    let mut world = signed().build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("alice", "prod").tick();
    world.expect_applied("prod", "v1\n");
    world.client("mallory", &["redeploy", "prod", "-m", "the disk was replaced"]).text();
    world.tick().expect_waiting_on("prod", "standard/platform").approve_by_merge("alice", "prod").tick();
    assert_eq!(world.deployments("prod"), [(1, 1), (2, 1)]);
    world.finish();
}

#[test]
fn p13_an_unsigned_commit_in_the_middle_makes_every_approval_too_little() {
    let mut world = signed().build();
    world.environment("mallory", "prod", "v1\n").push("mallory");
    let commit = world.unsigned_change("mallory", "v2\n");
    world.change("mallory", "prod", "v3\n").tick().expect_exit(0).expect_said("not signed by anybody");
    world.expect_waiting_on("prod", &format!("standard/platform, {MISSING}"));
    world.expect_unsigned(&commit, "mallory", "is not signed by anybody");
    let page = world.journal_file("environments/prod/README.md").expect("a page");
    assert!(page.contains(&format!("commit `{}` by mallory is not signed", &commit[..7])), "{page}");
    assert!(page.contains("So no approval is enough"), "{page}");
    // A record is not even made; a merge counts for its rule and opens nothing.
    let clone = world.clone_of("bob").display().to_string();
    let refused = world.countersign(&["-C", &clone, "approve", "prod", "--yes"]);
    assert_eq!(refused.code, Some(1), "{refused}");
    assert!(refused.stderr.contains("no approval makes up for that"), "{refused}");
    assert!(refused.stderr.contains("requireSignedCommits"), "{refused}");
    let status = world.countersign(&["-C", &clone, "status", "prod"]);
    assert!(status.stdout.contains(&format!("commit {} by mallory", &commit[..7])), "{status}");
    world.approve_by_merge("alice", "prod").tick().expect_waiting_on("prod", MISSING).expect_not_applied("prod");
    // The policy decides: once it no longer asks for signatures, what was approved is enough.
    world.pull("mallory");
    world.file("mallory", "governance/rulesets/standard.yaml", &document("Ruleset", "standard", UNSIGNED));
    world.push("mallory").tick().expect_not_applied("prod");
    world.approve_by_record("alice", "governance").tick().expect_applied("prod", "v3\n").finish();
}

#[test]
fn a_rebase_by_another_person_signs_their_work() {
    let mut world = signed().build();
    world.environment("mallory", "prod", "v1\n");
    world.shell(
        "mallory",
        "git add --all && git -c commit.gpgSign=false commit --quiet -m work && git push --quiet origin HEAD:work",
    );
    world.shell(
        "bob",
        "git fetch --quiet && git checkout --quiet -B mine origin/work && git rebase --quiet --force-rebase origin/main && git push --quiet origin HEAD:main",
    );
    world.tick().expect_waiting_on("prod", "standard/platform");
    let excluded = world.rule("prod", "standard/platform").excluded;
    assert!(excluded.iter().any(|excluded| excluded.person.as_str() == "bob"), "who signed it made it: {excluded:#?}");
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn p13_a_signed_merge_of_unsigned_work_does_not_sign_it() {
    let mut world = signed().build();
    world.environment("mallory", "prod", "v1\n");
    world.shell(
        "mallory",
        "git add --all && git -c commit.gpgSign=false commit --quiet -m work && git push --quiet origin HEAD:work",
    );
    let commit = world.tip("work");
    world.shell("bob", "git fetch --quiet && git merge --quiet -S --no-ff --no-edit origin/work && git push --quiet");
    world.tick().expect_unsigned(&commit, "mallory", "is not signed by anybody");
    world
        .approve_by_merge("alice", "prod")
        .tick()
        .expect_waiting_on("prod", MISSING)
        .expect_not_applied("prod")
        .finish();
}

#[test]
fn a_merge_that_changes_nothing_of_its_own_needs_no_signature() {
    let mut world = signed().build();
    world.environment("mallory", "prod", "v1\n");
    world.shell("mallory", "git add --all && git commit --quiet -m work && git push --quiet origin HEAD:work");
    // As a forge's button does it.
    world.shell("bob", "git fetch --quiet && git -c commit.gpgSign=false merge --quiet --no-ff --no-edit origin/work && git push --quiet");
    world.tick().expect_waiting_on("prod", "standard/platform");
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn p13_an_unsigned_merge_that_was_edited_is_a_commit_like_any_other() {
    let mut world = signed().build();
    world.environment("mallory", "prod", "v1\n");
    world.shell("mallory", "git add --all && git commit --quiet -m work && git push --quiet origin HEAD:work");
    world.shell(
        "bob",
        "git fetch --quiet && git -c commit.gpgSign=false merge --quiet --no-ff --no-commit origin/work && echo more >>environments/prod/config/app.conf && git add --all && git -c commit.gpgSign=false -c user.name=web -c user.email=noreply@forge.example commit --quiet -m merge && git push --quiet",
    );
    let commit = world.tip("main");
    world.tick().expect_unsigned(&commit, "noreply@forge.example", "is not signed by anybody");
    world
        .approve_by_merge("alice", "prod")
        .tick()
        .expect_waiting_on("prod", MISSING)
        .expect_not_applied("prod")
        .finish();
}

#[test]
fn p13_a_signature_of_somebody_without_write_does_not_count_until_they_hold_it() {
    let mut world = signed().person("carol").no_developer("carol").build();
    world.environment("carol", "prod", "v1\n").push("carol").tick();
    let commit = world.tip("main");
    world.expect_unsigned(&commit, "carol", "is signed by carol, who lacks `write` in prod");
    world.approve_by_merge("alice", "prod").tick().expect_waiting_on("prod", MISSING).expect_not_applied("prod");
    let clone = world.clone_of("mallory");
    world.pull("mallory");
    let policy = std::fs::read_to_string(clone.join("governance/policy.yaml")).expect("the policy");
    let more = policy.replace("users: [alice, bob, mallory]", "users: [alice, bob, mallory, carol]");
    assert_ne!(policy, more);
    world.file("mallory", "governance/policy.yaml", &more).push("mallory").tick();
    world.approve_by_record("alice", "governance").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn p13_a_signer_who_lost_write_by_the_time_of_the_claim_signs_nothing() {
    let mut world = World::with().ruleset("standard", TWO_SIGNED).build();
    world.environment("mallory", "prod", "v1\n").push("mallory");
    let commit = world.tip("main");
    world.tick().approve_by_merge("alice", "prod").tick();
    let clone = world.clone_of("mallory");
    world.pull("mallory");
    let policy = std::fs::read_to_string(clone.join("governance/policy.yaml")).expect("the policy");
    let less = policy.replace("users: [alice, bob, mallory]", "users: [alice, bob]");
    assert_ne!(policy, less);
    world.file("mallory", "governance/policy.yaml", &less).push("mallory").tick();
    world.approve_by_record("alice", "governance").approve_by_merge("bob", "prod").tick();
    world.expect_waiting_on("prod", MISSING).expect_not_applied("prod");
    world.expect_unsigned(&commit, "mallory", "who lacks `write` in prod").finish();
}

#[test]
fn p13_a_key_that_left_the_policy_signs_nothing() {
    let mut world = World::with().ruleset("standard", TWO_SIGNED).build();
    world.environment("mallory", "prod", "v1\n").push("mallory");
    let commit = world.tip("main");
    world.tick().approve_by_merge("alice", "prod").tick();
    world.make_key("newmallory", &[]);
    let key = world.public_key("newmallory");
    let spec = format!("emails: [mallory@x.example]\nkeys:\n  - key: \"{key}\"\n");
    world.pull("bob").file("bob", "governance/people/mallory.yaml", &document("Person", "mallory", &spec));
    world.push("bob").tick().approve_by_record("alice", "governance").approve_by_merge("bob", "prod").tick();
    world.expect_waiting_on("prod", MISSING).expect_not_applied("prod");
    world.expect_unsigned(&commit, "mallory", "is not signed by anybody").finish();
}

#[test]
fn p13_a_claim_for_unsigned_work_is_no_honest_daemon_s() {
    let mut world = signed().build();
    world.environment("mallory", "prod", "v1\n").shell("mallory", UNSIGNED_PUSH);
    world.tick().approve_by_merge("alice", "prod").tick().expect_waiting_on("prod", MISSING);
    world.forge_claim("prod").expect_phase_of_fold("prod", Phase::Deploying);
    let run = world.try_tick();
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("the plan was not approved: standard: signed commits had 0 of 1"), "{run}");
    world.expect_not_applied("prod").take_off_the_last_entry().tick().expect_waiting_on("prod", MISSING).finish();
}

#[test]
fn p13_the_policy_s_own_rulesets_ask_for_signatures_too() {
    let owners = "rules:\n  - name: owners\n    approvers: { users: [alice] }\n    required: 1\nallowSelfApproval: true\nrequireSignedCommits: true\n";
    let mut world = World::with().ruleset("owners", owners).build();
    world.tick();
    let members = document("Team", "platform", "members: [alice]\n");
    world.file("alice", "governance/teams/platform.yaml", &members).push("alice").tick();
    world.expect_waiting_on("governance", "owners/owners").approve_by_record("alice", "governance").tick();
    world.expect_phase("governance", Phase::Synced);
    // Whoever holds `write` in environments does not hold it in governance.
    let members = document("Team", "platform", "members: [alice, bob]\n");
    world.pull("mallory").file("mallory", "governance/teams/platform.yaml", &members).push("mallory").tick();
    let rule = world.rule("governance", "owners: signed commits");
    assert_eq!(rule.unsigned[0].why, "is signed by mallory, who lacks `write` in governance");
    world.approve_by_record("alice", "governance").tick().expect_waiting_on("governance", "owners: signed commits");
    world.finish();
}
