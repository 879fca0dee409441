//! Drafts by somebody who means harm, and what a stolen daemon key could make of them.

use countersign::digest::{Digest, PlanId};
use countersign::journal::{Event, NoPlan};
use countersign::lifecycle::Phase;
use countersign::model::{ApprovalVerdict, RequestAction};
use countersign::object::Oid;

use super::deployed;
use crate::world::World;

/// An approved draft of `prod`: its plan's digest and number.
fn approved(world: &mut World) -> (PlanId, u64) {
    world.draft("mallory", "prod", "v2\n").tick().say_on_draft("bob", "prod", "approve").tick();
    world.expect_draft_phase("prod", Phase::Approved);
    let plan = world.draft_status("prod").plan.expect("a plan");
    (plan.digest, plan.number)
}

#[test]
fn a_draft_s_plan_is_never_claimed_before_it_is_main_s() {
    let mut world = deployed();
    let (plan, number) = approved(&mut world);
    for _ in 0..3 {
        world.tick();
    }
    world.expect_applied("prod", "v1\n");
    let claims = |event: &Event| matches!(event, Event::Claimed(claim) if claim.plan == plan);
    assert!(!world.events().iter().any(claims));
    // With the daemon's stolen key: neither the daemon nor the proof goes on from that.
    let before = world.tip("countersign/journal");
    world.forge_claim_of("prod", plan, number, Vec::new());
    let run = world.try_tick();
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("a claim of prod for a plan of its draft, which is not merged"), "{run}");
    let proof = world.verify("remote.git");
    assert_eq!(proof.code, Some(1), "{proof}");
    assert!(proof.stdout.contains("is the plan of a draft, which is not merged"), "{proof}");
    world.expect_applied("prod", "v1\n");
    world.git("remote.git", &["update-ref", "refs/heads/countersign/journal", &before]);
    world.tick().finish();
}

#[test]
fn r1_a_rejection_is_not_got_rid_of_by_changing_a_draft_there_and_back() {
    let mut world = deployed();
    world.draft("mallory", "prod", "v2\n").tick().say_on_draft("bob", "prod", "reject").tick();
    let rejected = world.draft_plan("prod");
    world.draft("mallory", "prod", "v3\n").tick().expect_draft_waiting_on("prod", "standard/platform");
    world.draft("mallory", "prod", "v2\n").tick().expect_draft_phase("prod", Phase::Rejected);
    assert_eq!(world.draft_plan("prod"), rejected);
    // Nor by a draft that is deleted, nor by a push past it.
    world.delete_draft("prod").tick().change("mallory", "prod", "v2\n").tick().expect_phase("prod", Phase::Rejected);
    assert_eq!(world.main_plan("prod"), rejected);
    world.approve_by_record("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn a_branch_of_what_the_draft_was_before_can_be_merged_late() {
    let mut world = deployed();
    world.draft("mallory", "prod", "v2\n").tick();
    let (plan, branch) = (world.draft_plan("prod"), world.draft_status("prod").branches["approve"].clone());
    world.shell("bob", &format!("git fetch --quiet origin {branch} && git tag late FETCH_HEAD"));
    world.draft("mallory", "prod", "v3\n").tick();
    world.shell(
        "bob",
        &format!("git pull --quiet --ff-only && git merge -q -S --no-ff -m \"Merge branch '{branch}'\" late"),
    );
    world.shell("bob", "git push --quiet").clear();
    world.tick().expect_draft_waiting_on("prod", "standard/platform");
    // What it was before comes back with what was said on it.
    world.draft("mallory", "prod", "v2\n").tick().expect_draft_phase("prod", Phase::Approved);
    assert_eq!(world.draft_plan("prod"), plan);
    world.finish();
}

#[test]
fn nothing_starts_closes_or_reopens_a_draft() {
    let mut world = World::new();
    world.environment_with("mallory", "prod", "v1\n", "rulesets: [standard]\ndeploy: { mode: manual }\n");
    world.push("mallory").tick().approve_by_record("bob", "prod").tick();
    let deploy = |plan| RequestAction::Deploy { plan, at: None, override_window: None };
    let plan = world.status("prod").plan.expect("a plan").digest;
    let ask = world.request("alice", "prod", deploy(plan));
    world.ask("alice", &ask).tick().expect_applied("prod", "v1\n");
    world.draft("mallory", "prod", "v2\n").tick();
    let plan = world.draft_status("prod").plan.expect("a plan").digest;
    let ask = world.request("alice", "prod", deploy(plan));
    world.ask("alice", &ask).tick().expect_not_counted("prod", "it is about a plan of draft/prod, which is not merged");
    let ask = world.request("alice", "prod", RequestAction::Close { plan });
    world.ask("alice", &ask).tick().expect_draft_waiting_on("prod", "standard/platform");
    // To approve and deploy is a plain approval: merged, the plan waits for somebody to start it.
    let both = world.draft_record("alice", "prod", ApprovalVerdict::Approve).saying(|approval| approval.deploy = true);
    world.say("alice", &both).tick().expect_draft_phase("prod", Phase::Approved);
    world.merge_draft("mallory", "prod", "--no-ff --no-edit").tick().expect_phase("prod", Phase::Approved);
    world.expect_applied("prod", "v1\n");
    let ask = world.request("alice", "prod", deploy(plan));
    world.ask("alice", &ask).tick().expect_applied("prod", "v2\n");
    world.delete_draft("prod").tick().finish();
}

#[test]
fn a_statement_on_the_draft_branch_is_none_until_it_is_on_main() {
    let mut world = deployed();
    world.draft("mallory", "prod", "v2\n").tick();
    let record = world.draft_record("bob", "prod", ApprovalVerdict::Approve);
    world.shell("bob", "git fetch --quiet && git reset --quiet --hard origin/draft/prod");
    world.put_record("bob", &record);
    world.push_draft("bob", "prod").tick().expect_draft_waiting_on("prod", "standard/platform");
    assert!(world.draft_status("prod").statements.is_empty());
    world.merge_draft("mallory", "prod", "--no-ff --no-edit").tick().expect_applied("prod", "v2\n");
    world.delete_draft("prod").tick().finish();
}

#[test]
fn what_is_forged_about_drafts_is_found() {
    let mut world = deployed();
    world.draft("mallory", "prod", "v2\n").tick();
    let told =
        world.events().into_iter().rev().find(|event| matches!(event, Event::DraftPlanned { .. })).expect("told");
    let before = world.tip("countersign/journal");
    type Forgery = (fn(Event) -> Event, &'static str);
    let forgeries: [Forgery; 4] = [
        (|event| with(event, |_, number, _, _| *number += 1), "but merged it would have 2 round 1"),
        (|event| with(event, |_, _, round, _| *round += 1), "but merged it would have 2 round 1"),
        (|event| with(event, |plan, _, _, _| *plan = PlanId(Digest::of("another"))), "it sets something else"),
        (|event| with(event, |_, _, _, settings| *settings = None), "its settings are not those of the merge"),
    ];
    for (forge, words) in forgeries {
        world.forge_entry(vec![forge(told.clone())]);
        let proof = world.verify("remote.git");
        assert!(proof.code == Some(1) && proof.stdout.contains(words), "`{words}`: {proof}");
        let run = world.try_tick();
        assert!(run.code == Some(1) && run.stdout.contains("prod Tampered"), "{words}: {run}");
        world.git("remote.git", &["update-ref", "refs/heads/countersign/journal", &before]);
    }
    // That it has no plan, though it has; and that a branch is gone, though no daemon could know of it.
    let (draft, commit) = match &told {
        Event::DraftPlanned { draft, commit, .. } => (*draft, *commit),
        _ => unreachable!(),
    };
    let same = Event::DraftUnplanned {
        environment: "prod".parse().expect("a name"),
        draft: Some(draft),
        commit,
        why: NoPlan::Same,
        problems: Vec::new(),
    };
    world.forge_entry(vec![same]);
    let proof = world.verify("remote.git");
    assert!(proof.code == Some(1) && proof.stdout.contains("nothing is planned (Same), though"), "{proof}");
    world.git("remote.git", &["update-ref", "refs/heads/countersign/journal", &before]);
    world.tick().finish();
}

fn with(event: Event, change: impl FnOnce(&mut PlanId, &mut u64, &mut u64, &mut Option<Oid>)) -> Event {
    let mut event = event;
    if let Event::DraftPlanned { plan, number, round, settings, .. } = &mut event {
        change(plan, number, round, settings);
    }
    event
}

#[test]
fn where_the_draft_s_commits_are_gone_the_rest_is_still_proven() {
    let mut world = deployed();
    world.draft("mallory", "prod", "v2\n").tick().say_on_draft("bob", "prod", "approve").tick();
    world.amend_draft("mallory", "prod", "v3\n").tick();
    world.merge_draft("mallory", "prod", "--squash").tick().approve_by_merge("alice", "prod").tick();
    world.expect_applied("prod", "v3\n").delete_draft("prod").tick();
    // A clone has nothing of it.
    let url = format!("file://{}", world.at("remote.git").display());
    world.git(".", &["clone", "--quiet", "--mirror", &url, "copy.git"]);
    let proof = world.verify("copy.git");
    assert!(proof.succeeded() && proof.stdout.contains("drafts that are gone"), "{proof}");
    // Nor has a daemon that comes later.
    std::fs::remove_dir_all(world.at("journal.state")).expect("the state folder is a cache");
    world.tick().expect_phase("prod", Phase::Synced);
    world.finish();
}

#[test]
fn d7_many_drafts_of_nothing_hold_nobody_up() {
    let mut world = deployed();
    world.pull("mallory");
    world.environment("mallory", "new0", "x\n");
    world.push_draft("mallory", "new0").tick().expect_draft_waiting_on("new0", "standard/platform");
    let tip = world.tip("draft/new0");
    let lines: String = (0..130).map(|n| format!("create refs/heads/draft/a{n:03} {tip}\n")).collect();
    world.write("mallory", "../refs", &lines);
    world.shell("mallory", "git -C ../remote.git update-ref --stdin < ../refs");
    world.draft("mallory", "prod", "v2\n").tick().expect_draft_waiting_on("prod", "standard/platform");
    // Those that had a plan keep it, and those of environments that are there have one.
    world.expect_draft_waiting_on("new0", "standard/platform").expect_said("more drafts of new environments");
    world.finish();
}

#[test]
fn d6_a_draft_with_an_object_that_is_none_is_told_of_that_draft_alone() {
    let mut world = deployed();
    // A tree whose entry has a mode that no git writes.
    let blob = world.git("remote.git", &["rev-parse", "main:environments/prod/config/app.conf"]);
    let raw: Vec<u8> = (0..20).map(|at| u8::from_str_radix(&blob[at * 2..at * 2 + 2], 16).expect("hex")).collect();
    let bytes = [b"777777 x\0".as_slice(), &raw].concat();
    world.write("mallory", "../tree", bytes);
    let tree = world.shell("mallory", "git hash-object -t tree --literally -w ../tree");
    let line = format!("git commit-tree {tree} -p origin/main -m bad");
    let commit = world.shell("mallory", &line);
    // What no git would take over a wire.
    world.shell("mallory", "cp -r .git/objects/?? ../remote.git/objects/");
    world.git("remote.git", &["update-ref", "refs/heads/draft/prod", &commit]);
    world
        .change("mallory", "prod", "v2\n")
        .tick()
        .approve_by_merge("alice", "prod")
        .tick()
        .expect_applied("prod", "v2\n");
    world.expect_draft_phase("prod", Phase::Invalid);
    world.delete_draft("prod").tick().finish();
}

#[test]
fn unrelated_and_crossed_histories_are_refused_with_words() {
    let mut world = deployed();
    world.shell("mallory", "git checkout --quiet --orphan other && git commit --quiet -m other");
    world.shell("mallory", "git push --quiet origin HEAD:draft/prod && git checkout --quiet main");
    world.tick().expect_draft_invalid("prod", "has no commit in common with the config branch");
    // Two that merged each other.
    world.pull("mallory").shell("mallory", "git checkout --quiet -B one && git commit --quiet --allow-empty -m one");
    world.shell("mallory", "git checkout --quiet -B two main && git commit --quiet --allow-empty -m two");
    world.shell("mallory", "git merge --quiet --no-edit one && git checkout --quiet one");
    world.shell("mallory", "git merge --quiet --no-edit two^1 && git push --quiet origin HEAD:main");
    world.shell("mallory", "git push --quiet --force origin two:draft/prod && git checkout --quiet main");
    world.tick().expect_draft_invalid("prod", "have several common ancestors: merge the config branch");
    world.finish();
}

#[test]
fn a_record_that_is_deleted_raises_an_alarm_while_the_draft_s_plan_lives() {
    let mut world = deployed();
    world.draft("mallory", "prod", "v2\n").tick();
    let record = world.draft_record("bob", "prod", ApprovalVerdict::Approve);
    world.say("bob", &record).tick().expect_draft_phase("prod", Phase::Approved);
    world.remove("mallory", "approvals").tick().expect_alarm("was deleted; it counts as before");
    world.expect_draft_phase("prod", Phase::Approved).finish();
}

#[test]
fn the_limit_on_ready_made_branches_covers_drafts() {
    let mut world = World::with().settings("limits:\n  readyMadeBranches: 1\n").build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    world.environment("mallory", "qa", "x\n").push_draft("mallory", "qa").tick();
    assert!(world.draft_status("qa").branches.is_empty());
    assert!(!world.status("prod").branches.is_empty());
    let record = world.draft_record("bob", "qa", ApprovalVerdict::Approve);
    world.say("bob", &record).tick().expect_draft_phase("qa", Phase::Approved).finish();
}
