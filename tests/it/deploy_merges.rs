//! Deployments started by merging a ready-made branch: what counts, and what looks like it and does not.

use countersign::journal::{Event, ReadyWord, StartedBy};
use countersign::lifecycle::Phase;
use countersign::model::ApprovalVerdict::{Approve, Withdraw};
use countersign::model::{EvidenceKind, RequestAction};

use crate::world::World;

const MANUAL: &str = "requireApproval: true\nrulesets: [standard]\ndeploy: { mode: manual }\n";

/// `prod` deploys by hand and waits for its first plan. bob reviews, and reviews alone; mallory develops.
fn manual() -> World {
    let mut world = World::with().no_developer("bob").build();
    world.environment_with("mallory", "prod", "v1\n", MANUAL).push("mallory").tick();
    world
}

/// As [`manual`], with everything that is asked for: it waits to be deployed.
fn approved() -> World {
    let mut world = manual();
    world.approve_by_record("bob", "prod").tick().expect_phase("prod", Phase::Approved).expect_not_applied("prod");
    world
}

/// By whose word the last deployment started.
fn started(world: &World) -> StartedBy {
    let claimed = |event| match event {
        Event::Claimed(claim) => Some(claim.started),
        _ => None,
    };
    world.events().into_iter().filter_map(claimed).next_back().flatten().expect("somebody started it")
}

/// The words that the pending plan's ready-made branches say.
fn offered(world: &World) -> Vec<String> {
    let word = |branch: String| branch.split('/').nth(1).map(str::to_owned);
    let mut words: Vec<String> = world.branches("countersign/").into_iter().filter_map(word).collect();
    words.retain(|word| ReadyWord::ALL.iter().any(|known| known.name() == word));
    words.sort();
    words
}

/// After one more tick nothing was applied and the plan still waits to be deployed; the status says why.
#[track_caller]
fn expect_nothing_started(world: &mut World, words: &str) {
    world.tick().expect_phase("prod", Phase::Approved).expect_not_applied("prod").expect_not_counted("prod", words);
}

#[test]
fn a_merge_approves_another_deploys_and_pages_say_how() {
    let mut world = manual();
    assert_eq!(offered(&world), ["approve", "approve-and-deploy", "reject"]);
    let page = world.journal_file("environments/prod/README.md").expect("a page");
    let (both, plan) = (world.ready("approve-and-deploy", "prod"), world.status("prod").plan.expect("a plan").short);
    assert!(page.contains("## To approve and deploy"), "{page}");
    assert!(page.contains(&countersign::lifecycle::merge_command(&both)), "{page}");
    assert!(page.contains(&format!("countersign approve prod --plan {plan} --deploy")), "{page}");
    let told = world.client("alice", &["status", "prod"]).text();
    assert!(told.contains(&countersign::lifecycle::merge_command(&both)), "{told}");

    world.approve_by_merge("bob", "prod").tick().expect_phase("prod", Phase::Approved).expect_not_applied("prod");
    assert_eq!(offered(&world), ["approve", "approve-and-deploy", "deploy", "reject", "withdraw"]);
    let deploy = world.ready("deploy", "prod");
    let page = world.journal_file("environments/prod/README.md").expect("a page");
    let merge = countersign::lifecycle::merge_command(&deploy);
    assert!(
        page.contains(&format!("## To deploy\n\nWith git alone, in a clone, on branch `main`:\n\n```sh\n{merge}\n```")),
        "{page}"
    );
    assert!(world.client("alice", &["status", "prod"]).text().contains(&merge));
    let message = world.git("remote.git", &["show", "--stat=200", "--format=%B", &deploy]);
    assert!(message.starts_with(&format!("Deploy plan {plan} of prod\n")), "{message}");
    assert!(message.contains(&format!("requests/prod/{plan}/deploy-1.yaml")), "{message}");

    world.second_tick_changes_nothing().merge("mallory", "prod", "deploy").tick().expect_applied("prod", "v1\n");
    assert_eq!(started(&world).by.to_string(), "mallory");
    let evidence = world.git("remote.git", &["ls-tree", "-r", "--name-only", "countersign/journal"]);
    assert_eq!(evidence.matches("environments/prod/history/1/evidence/").count(), 4, "{evidence}");
    let log = world.git("remote.git", &["log", "--format=%s", "countersign/journal"]);
    assert!(log.contains("prod: mallory asked to deploy"), "{log}");
    assert!(offered(&world).is_empty());
    world.expect_no_alarm().finish();
}

#[test]
fn approve_and_deploy_by_merge_does_both_for_who_may() {
    let mut world = manual();
    world.merge("alice", "prod", "approve-and-deploy").tick().expect_applied("prod", "v1\n");
    assert_eq!(started(&world).by.to_string(), "alice");
    world.finish();
}

#[test]
fn approve_and_deploy_by_merge_is_a_plain_approval_for_who_may_not_and_the_status_says_so() {
    let mut world = manual();
    world.merge("bob", "prod", "approve-and-deploy").tick().expect_phase("prod", Phase::Approved);
    world.expect_not_applied("prod");
    let said = "it starts nothing, so it is a plain approval: bob does not hold `deploy` in prod";
    let told =
        |world: &World| world.status("prod").statements.into_iter().any(|view| view.counted && view.why.contains(said));
    assert!(told(&world), "{:#?}", world.status("prod").statements);
    let page = world.journal_file("environments/prod/README.md").expect("a page");
    assert!(page.contains("it starts nothing, so it is a plain approval"), "{page}");
    world.merge("mallory", "prod", "deploy").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn approve_and_deploy_by_merge_starts_nothing_while_more_is_asked_for() {
    let rules = "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 2\n";
    let mut world = World::with().no_developer("bob").ruleset("standard", rules).build();
    world.environment_with("mallory", "prod", "v1\n", MANUAL).push("mallory").tick();
    world.merge("alice", "prod", "approve-and-deploy").tick().expect_waiting_on("prod", "standard/platform");
    let why = "it was made before everything that is asked for was given";
    assert!(world.status("prod").statements.iter().any(|view| view.counted && view.why.contains(why)));
    world.approve_by_merge("bob", "prod").tick().expect_phase("prod", Phase::Approved).expect_not_applied("prod");
    world.merge("alice", "prod", "deploy").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn deploy_is_offered_once_the_rules_are_met_and_in_manual_mode_alone() {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    assert_eq!(offered(&world), ["approve", "reject"]);
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n");
    // The settings that are entered say manual.
    world.pull("mallory").environment_with("mallory", "prod", "v2\n", MANUAL).push("mallory").tick();
    assert_eq!(offered(&world), ["approve", "approve-and-deploy", "reject"]);
    world.merge("bob", "prod", "approve-and-deploy").tick().expect_applied("prod", "v2\n");
    // And those that are left.
    world.pull("mallory").environment("mallory", "prod", "v3\n").push("mallory").tick();
    assert_eq!(offered(&world), ["approve", "approve-and-deploy", "reject"]);
    world.finish();
}

#[test]
fn who_may_not_deploy_starts_nothing_by_merging_and_the_next_branch_is_there() {
    let mut world = approved();
    let before = world.tip(&world.ready("deploy", "prod"));
    world.merge("bob", "prod", "deploy");
    expect_nothing_started(&mut world, "bob does not hold `deploy` in prod");
    assert_ne!(world.tip(&world.ready("deploy", "prod")), before, "the next one");
    world.merge("alice", "prod", "deploy").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn a_merge_that_deploys_is_spent_by_its_claim_and_by_a_withdrawal_before_it() {
    let mut world = approved();
    // bob takes his approval back while mallory starts it: nothing is left to start.
    let said = world.status("prod").last_statements.values().next().copied().expect("bob's");
    let withdrawal = world.record("bob", "prod", Withdraw).previous(said);
    world.say("bob", &withdrawal).merge("mallory", "prod", "deploy").tick();
    world.expect_waiting_on("prod", "standard/platform").expect_not_applied("prod");
    world.expect_not_counted("prod", "it was made before everything that is asked for was given");
    // The word is void for good; approved again it takes a new one.
    world.approve_by_merge("alice", "prod").tick().expect_phase("prod", Phase::Approved).expect_not_applied("prod");
    world.merge("mallory", "prod", "deploy").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn a_merge_of_a_branch_older_than_ones_last_word_starts_nothing() {
    let mut world = approved();
    for action in [RequestAction::Suspend { number: None }, RequestAction::Resume { number: None }] {
        let ask = world.request("mallory", "prod", action);
        world.ask("mallory", &ask).tick();
    }
    world.merge("mallory", "prod", "deploy");
    expect_nothing_started(&mut world, "the branch it merged was made before mallory's newest statement in prod");
    // The next one was made after it.
    world.merge("mallory", "prod", "deploy").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn one_merge_of_all_branches_says_each_thing_once() {
    let mut world = manual();
    let (one, both) = (world.ready("approve", "prod"), world.ready("approve-and-deploy", "prod"));
    world.shell(
        "alice",
        &format!("git pull -q --ff-only && git fetch -q origin {one} {both} && git merge -q -S --no-ff FETCH_HEAD"),
    );
    // git merges both at once, and the second word comes too late to follow the first.
    world.shell("alice", "git push -q");
    world.tick();
    let said = world.events().into_iter().filter(|event| matches!(event, Event::Statement(_))).count();
    assert_eq!(said, 2);
    world.expect_not_counted("prod", "was made before alice's newest statement on this plan");
    world.expect_phase("prod", Phase::Approved).expect_not_applied("prod").finish();
}

#[test]
fn s5_a_merge_that_deploys_and_brings_something_else_is_no_evidence() {
    let mut world = approved();
    let branch = world.ready("deploy", "prod");
    world.shell("alice", &format!("git pull -q --ff-only && git fetch -q origin {branch} && git merge -q --no-ff --no-commit FETCH_HEAD && echo more > README && git add README && git commit -q -S --no-edit && git push -q"));
    expect_nothing_started(&mut world, "it also changes `README`");
    world.finish();
}

#[test]
fn s6_an_unsigned_merge_starts_nothing_and_the_hint_is_the_next_branch() {
    let mut world = approved();
    let branch = world.ready("deploy", "prod");
    world.shell("alice", &format!("git pull -q --ff-only && git fetch -q origin {branch} && git -c commit.gpgSign=false merge -q --no-gpg-sign --no-ff FETCH_HEAD && git push -q"));
    expect_nothing_started(&mut world, "it is not signed");
    world.expect_not_counted("prod", &countersign::lifecycle::merge_command(&branch));
    world.merge("alice", "prod", "deploy").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn s6_a_merge_that_deploys_and_is_reverted_before_it_is_seen_starts_nothing() {
    let mut world = approved();
    world.merge("alice", "prod", "deploy");
    world.shell("alice", "git revert --no-edit -m 1 HEAD && git push -q");
    expect_nothing_started(&mut world, "its record had been taken away again");
    // Used up all the same, though its path is free.
    world.merge("alice", "prod", "deploy").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn s8_a_request_without_a_name_on_main_starts_nothing() {
    let mut world = approved();
    let branch = world.ready("deploy", "prod");
    world.write("alice", "notes.md", "mine\n");
    world.shell("alice", "git pull -q --ff-only && git add --all && git commit -q -m notes");
    world.pull("mallory");
    world.shell("mallory", &format!("git fetch -q origin {branch} && git checkout -q FETCH_HEAD -- requests && git commit -q -m record && git push -q"));
    world.shell("alice", "git pull -q --no-rebase --no-edit -S && git push -q");
    expect_nothing_started(&mut world, "it names nobody");
    // By hand as well, for a plan that waits.
    let (_, text) = world.sign_request(&world.request("alice", "prod", deploy(&world)));
    let nobody: String =
        text.lines().take_while(|line| !line.starts_with("  by:")).map(|line| format!("{line}\n")).collect();
    world.pull("mallory").file("mallory", "requests/prod/mine.yaml", &format!("{nobody}  n: 9\n")).push("mallory");
    expect_nothing_started(&mut world, "it names nobody");
    world.finish();
}

#[test]
fn s8_a_shared_branch_moved_to_the_commit_that_deploys_is_no_evidence() {
    let mut world = approved();
    let branch = world.ready("deploy", "prod");
    world
        .shell("mallory", &format!("git fetch -q origin {branch} && git push -q origin FETCH_HEAD:refs/heads/feature"));
    world.shell(
        "alice",
        "git pull -q --ff-only && git fetch -q && git merge -q -S --no-ff --no-edit origin/feature && git push -q",
    );
    expect_nothing_started(&mut world, "which is not the branch of what it merges");
    world.finish();
}

#[test]
fn s9_deploy_merged_under_the_name_of_an_approval_is_no_evidence() {
    let mut world = approved();
    let (approve, deploy) = (world.ready("approve", "prod"), world.ready("deploy", "prod"));
    let right = world.tip(&approve);
    world.shell("mallory", &format!("git fetch -q origin {deploy} && git push -q --force origin FETCH_HEAD:{approve}"));
    // alice means to approve; what she merges would deploy.
    world.merge("alice", "prod", "approve");
    expect_nothing_started(&mut world, "which is not the branch of what it merges");
    assert_eq!(world.tip(&approve), right);
    world.expect_alarm(&format!("which belongs to refs/heads/{deploy}; it was put back")).finish();
}

#[test]
fn s9_approve_and_deploy_merged_under_the_name_of_a_plain_approval_is_no_evidence() {
    let mut world = manual();
    let (approve, both) = (world.ready("approve", "prod"), world.ready("approve-and-deploy", "prod"));
    world.shell("mallory", &format!("git fetch -q origin {both} && git push -q --force origin FETCH_HEAD:{approve}"));
    world.merge("alice", "prod", "approve").tick().expect_waiting_on("prod", "standard/platform");
    world.expect_not_counted("prod", "which is not the branch of what it merges");
    world
        .expect_not_applied("prod")
        .expect_alarm(&format!("which belongs to refs/heads/{both}; it was put back"))
        .finish();
}

#[test]
fn a_record_and_a_merge_that_deploy_are_judged_alike() {
    let mut world = manual();
    let approval = world.record("alice", "prod", Approve).saying(|approval| approval.deploy = true);
    world.say("alice", &approval).tick().expect_applied("prod", "v1\n");
    world.change("mallory", "prod", "v2\n").tick().merge("alice", "prod", "approve-and-deploy").tick();
    world.expect_applied("prod", "v2\n");
    let kinds: Vec<Option<EvidenceKind>> = world
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Statement(judged) => Some(judged.evidence),
            _ => None,
        })
        .collect();
    assert_eq!(kinds, [Some(EvidenceKind::Record), Some(EvidenceKind::Merge)]);
    world.finish();
}

fn deploy(world: &World) -> RequestAction {
    RequestAction::Deploy { plan: world.status("prod").plan.expect("a plan").digest, at: None, override_window: None }
}

#[test]
fn a5_a_journal_that_offers_a_deployment_where_none_may_be_started_is_refused() {
    for (spec, says) in [
        ("requireApproval: true\nrulesets: [standard]\n", ReadyWord::ApproveAndDeploy),
        ("requireApproval: true\nrulesets: [standard]\n", ReadyWord::Deploy),
        // Manual, but nobody approved yet.
        (MANUAL, ReadyWord::Deploy),
    ] {
        let mut world = World::new();
        world.environment_with("mallory", "prod", "v1\n", spec).push("mallory").tick();
        let made = world.events().into_iter().find_map(|event| match event {
            Event::Ready(ready) => Some(ready),
            _ => None,
        });
        let made = made.expect("a ready-made commit");
        world.forge_entry(vec![Event::Ready(countersign::journal::ReadyMade { says, n: 1, ..made })]);
        let proof = world.verify("remote.git");
        assert_eq!(proof.code, Some(1), "{proof}");
        assert!(proof.stdout.contains("where nobody has to start it or the rules are not met"), "{proof}");
        let tick = world.try_tick();
        assert!(tick.code == Some(1) && tick.stdout.contains("prod Tampered"), "{tick}");
        world.finish_without_tick("the journal was tampered with");
    }
}
