//! Signatures and git objects: what looks like an approval and is none.

use countersign::model::ApprovalVerdict::{Approve, Reject};

use crate::world::World;

/// `prod` waits for its first plan.
fn waiting() -> World {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().expect_waiting_on("prod", "standard/platform");
    world
}

/// After one more tick nothing was applied, the plan still waits, and the status says why with these words.
#[track_caller]
fn expect_no_evidence(world: &mut World, words: &str) {
    world.tick().expect_waiting_on("prod", "standard/platform").expect_not_applied("prod");
    world.expect_not_counted("prod", words).finish();
}

/// alice's clone is up to date, and `FETCH_HEAD` is the ready-made commit to approve `prod`.
fn fetched(world: &mut World) -> String {
    let branch = world.ready("approve", "prod");
    world.shell("alice", &format!("git pull -q --ff-only && git fetch -q origin {branch}"));
    branch
}

#[test]
fn s1_a_forged_author_or_a_mail_map_makes_nobody_an_approver() {
    let mut world = waiting();
    let branch = world.ready("approve", "prod");
    world.file("mallory", ".mailmap", "alice <alice@x.example> mallory <mallory@x.example>\n").push("mallory");
    world.shell("mallory", &format!("git fetch -q origin {branch} && git -c user.name=alice -c user.email=alice@x.example merge -q -S --no-ff FETCH_HEAD && git push -q"));
    expect_no_evidence(&mut world, "the merge is signed by mallory but its author is <alice@x.example>");
}

#[test]
fn s1_replace_references_on_the_remote_have_no_effect() {
    let mut world = waiting();
    world.approve_by_merge("alice", "prod");
    let (merge, before) = (world.tip("main"), world.git("remote.git", &["rev-parse", "main^1"]));
    world.git("remote.git", &["update-ref", &format!("refs/replace/{merge}"), &before]);
    world.tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn s2_a_signature_for_another_purpose_does_not_count() {
    let mut world = waiting();
    for namespace in ["git", "file", "statement-v1@countersign.example"] {
        let record = world.record("alice", "prod", Approve).namespace(namespace);
        world.put_record("alice", &record.path(&format!("approvals/prod/{namespace}.yaml")));
    }
    world.push("alice");
    expect_no_evidence(&mut world, "purpose");
}

#[test]
fn s2_weak_keys_are_no_keys() {
    let mut world = World::new();
    world.make_key("weak", &["-t", "rsa", "-b", "2048"]);
    let file = "governance/people/bob.yaml";
    let text = std::fs::read_to_string(world.at("alice").join(file)).expect("bob");
    let weak = text.replace(&world.public_key("bob"), &world.public_key("weak"));
    world.file("alice", file, &weak);
    let run = world.countersign(&["-C", "alice", "trust"]);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("3072"), "{run}");
    world.finish_without_tick("no policy, no daemon");
}

#[test]
fn s2_a_key_that_nobody_in_the_policy_has_does_not_count() {
    let mut world = waiting();
    world.make_key("stranger", &[]);
    let record = world.record("alice", "prod", Approve).signed_with("stranger");
    world.say("alice", &record);
    expect_no_evidence(&mut world, "belongs to nobody in the policy");
}

#[test]
fn s2_a_record_in_somebody_elses_name_does_not_count() {
    let mut world = waiting();
    let record = world.record("alice", "prod", Approve).signed_with("mallory");
    world.say("mallory", &record);
    expect_no_evidence(&mut world, "it says `alice` but is signed with a key of mallory");
}

#[test]
fn s4_a_record_that_was_changed_after_it_was_signed_does_not_count() {
    let mut world = waiting();
    let (_, text) = world.sign(&world.record("alice", "prod", Reject));
    world
        .file("mallory", "approvals/prod/x.yaml", &text.replace("verdict: reject", "verdict: approve"))
        .push("mallory");
    expect_no_evidence(&mut world, "signature");
}

#[test]
fn s4_the_same_approval_in_two_files_is_one() {
    let rules = "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 2\n";
    let mut world = World::with().ruleset("standard", rules).build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    let record = world.record("alice", "prod", Approve);
    world.put_record("alice", &record);
    world.say("alice", &record.path("approvals/prod/copy.yaml")).tick();
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 1);
    world.expect_not_applied("prod").finish();
}

#[test]
fn s5_a_merge_that_brings_something_else_is_no_evidence() {
    let mut world = waiting();
    fetched(&mut world);
    world.shell("alice", "git merge -q --no-ff --no-commit FETCH_HEAD && echo more > README && git add README && git commit -q -S --no-edit && git push -q");
    expect_no_evidence(&mut world, "it also changes `README`");
}

#[test]
fn s5_a_commit_that_the_journal_never_published_is_no_evidence() {
    let mut world = waiting();
    let branch = fetched(&mut world);
    // The same record and message under another id: re-made, and put where the daemon's was.
    world.shell("alice", "git checkout -q -b copied FETCH_HEAD && git commit -q --amend --no-edit --reset-author && git checkout -q main");
    world.shell("alice", &format!("git branch -q -m copied {branch} && git merge -q -S --no-ff --no-edit {branch} && git push -q origin HEAD:main"));
    expect_no_evidence(&mut world, "it names nobody");
}

#[test]
fn s6_an_unsigned_merge_says_so_and_the_next_branch_is_there() {
    let mut world = waiting();
    fetched(&mut world);
    world.shell("alice", "git -c commit.gpgSign=false merge -q --no-gpg-sign --no-ff FETCH_HEAD && git push -q");
    world.tick().expect_waiting_on("prod", "standard/platform").expect_not_counted("prod", "it is not signed");
    world.expect_not_applied("prod").approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn s6_squash_cherry_pick_and_rebase_are_no_evidence() {
    for line in [
        "git merge -q --squash FETCH_HEAD && git commit -q -S -m squashed",
        "git cherry-pick -S FETCH_HEAD",
        "git checkout -q -b r FETCH_HEAD && git rebase -q origin/main && git checkout -q main && git merge -q --ff-only r",
    ] {
        let mut world = waiting();
        fetched(&mut world);
        world.shell("alice", &format!("{line} && git push -q origin HEAD:main"));
        expect_no_evidence(&mut world, "it names nobody");
    }
}

#[test]
fn s6_an_amended_merge_is_no_evidence() {
    let mut world = waiting();
    fetched(&mut world);
    world.shell("mallory", "true");
    // mallory signs alice's unpushed merge again: the author stays alice, the committer becomes mallory.
    world.shell("alice", "git merge -q -S --no-ff FETCH_HEAD && git push -q origin HEAD:refs/heads/side");
    world.shell("mallory", "git fetch -q origin side && git reset -q --hard FETCH_HEAD && git commit -q --amend -S --no-edit && git push -q origin HEAD:main");
    expect_no_evidence(&mut world, "author and committer differ");
}

#[test]
fn s6_a_revert_takes_no_approval_back_once_it_was_seen() {
    let rules = "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 2\n";
    let mut world = World::with().ruleset("standard", rules).build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("alice", "prod").tick();
    world.pull("alice").shell("alice", "git revert -m 1 --no-edit HEAD && git push -q");
    world.tick().expect_alarm("it counts as before").approve_by_merge("bob", "prod").tick();
    world.expect_applied("prod", "v1\n").finish();
}

#[test]
fn s6_a_merge_with_words_of_its_own_as_subject_is_no_evidence() {
    let mut world = waiting();
    fetched(&mut world);
    world.shell("alice", "git merge -q -S --no-ff -m 'sync with upstream' FETCH_HEAD && git push -q");
    expect_no_evidence(&mut world, "its subject is not the one git gives a merge");
}

#[test]
fn s8_a_record_without_a_name_and_a_signed_pull_is_no_evidence() {
    let mut world = waiting();
    let branch = world.ready("approve", "prod");
    // mallory copies the ready-made record onto main; alice pulls that with a signed merge.
    world.write("alice", "notes.md", "mine\n");
    world.shell("alice", "git add --all && git commit -q -m notes");
    world.shell("mallory", &format!("git fetch -q origin {branch} && git checkout -q FETCH_HEAD -- approvals && git commit -q -m record && git push -q"));
    world.shell("alice", "git pull -q --no-rebase --no-edit -S && git push -q");
    expect_no_evidence(&mut world, "it names nobody");
}

#[test]
fn s8_a_shared_branch_moved_to_the_ready_made_commit_is_no_evidence() {
    let mut world = waiting();
    let branch = world.ready("approve", "prod");
    world
        .shell("mallory", &format!("git fetch -q origin {branch} && git push -q origin FETCH_HEAD:refs/heads/feature"));
    world.shell(
        "alice",
        "git pull -q --ff-only && git fetch -q && git merge -q -S --no-ff --no-edit origin/feature && git push -q",
    );
    expect_no_evidence(&mut world, "which is not the branch of what it merges");
}

#[test]
fn s9_a_ready_made_branch_that_was_replaced_is_put_back_and_alarmed() {
    let mut world = waiting();
    let (approve, reject) = (world.ready("approve", "prod"), world.ready("reject", "prod"));
    let right = world.tip(&reject);
    // Whoever merges "reject" would approve.
    world.shell("mallory", &format!("git fetch -q origin {approve} && git push -q --force origin FETCH_HEAD:{reject}"));
    let wrong = world.tip(&reject);
    assert_ne!(wrong, right);
    world.shell("bob", &format!("git fetch -q origin {reject} && git pull -q --ff-only && git fetch -q origin {reject} && git merge -q -S --no-ff FETCH_HEAD && git push -q"));
    world.tick().expect_waiting_on("prod", "standard/platform").expect_not_applied("prod");
    world.expect_not_counted("prod", "which is not the branch of what it merges");
    assert_eq!(world.tip(&reject), right);
    world.expect_alarm(&format!("branch refs/heads/{reject} was at {wrong}, which belongs to refs/heads/{approve}"));
    world.finish();
}

#[test]
fn s9_a_ready_made_branch_moved_to_the_commit_of_another_plan_is_alarmed_even_when_it_is_removed() {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").environment("mallory", "test", "v1\n").push("mallory").tick();
    let (prod, test) = (world.ready("approve", "prod"), world.ready("approve", "test"));
    world.shell("mallory", &format!("git fetch -q origin {test} && git push -q --force origin FETCH_HEAD:{prod}"));
    world.approve_by_record("bob", "prod").tick().expect_applied("prod", "v1\n");
    world.expect_alarm(&format!("which belongs to refs/heads/{test}; it was"));
    world.finish();
}

#[test]
fn s9_branches_that_end_or_are_renewed_alarm_nobody() {
    let mut world = World::with()
        .ruleset("standard", "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 2\n")
        .build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    // Used up by a merge: the next one takes its place.
    world.approve_by_merge("alice", "prod").tick();
    // Another plan: the branches of the one before go.
    world.change("mallory", "prod", "v2\n").tick().approve_by_merge("alice", "prod").tick();
    world.approve_by_merge("bob", "prod").tick().expect_applied("prod", "v2\n").expect_no_alarm().finish();
}

#[test]
fn s9_a_foreign_commit_on_a_ready_made_branch_is_put_back_and_alarmed() {
    let mut world = waiting();
    let branch = world.ready("approve", "prod");
    let right = world.tip(&branch);
    world.shell("mallory", &format!("git push -q --force origin HEAD:{branch}"));
    world.tick().expect_alarm("which this daemon never made; it was put back");
    assert_eq!(world.tip(&branch), right);
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn s9_branches_that_the_daemon_never_made_are_removed() {
    let mut world = waiting();
    world.shell("mallory", "git push -q origin HEAD:countersign/approve/prod/000000000000");
    world.tick().expect_alarm("never made");
    assert_eq!(world.branches("countersign/approve/").len(), 1);
    world.finish();
}

#[test]
fn s10_an_approval_off_the_first_parent_line_counts() {
    let mut world = waiting();
    world.write("mallory", "notes.md", "mine\n");
    world.shell("mallory", "git add --all && git commit -q -m notes");
    world.approve_by_merge("alice", "prod");
    // mallory's pull makes her own line the first parent.
    world.shell("mallory", "git pull -q --no-rebase --no-edit && git push -q");
    world.tick().expect_applied("prod", "v1\n").finish();
}
