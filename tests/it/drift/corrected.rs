//! `drift` with `correct: true`: what was approved last is applied again, and nothing else ever is.

use countersign::digest::{Digest, PlanId};
use countersign::journal::{Claim, DeploymentDocument, Drifted, Event, OutcomeResult, yaml_out};
use countersign::lifecycle::Phase;
use countersign::plan::PlanKind;

use crate::world::{DAEMON, World};

const CORRECTED: &str =
    "requireApproval: true\nrulesets: [standard]\ndrift: { schedule: \"*/30 * * * *\", correct: true }\n";
/// After anything that the machine's clock writes.
const BEGINS: &str = "2099-01-01T12:01:00Z";

fn applied_with(spec: &str) -> World {
    let mut world = World::with().no_developer("bob").daemon("second").build();
    world.environment_with("mallory", "prod", "v1\n", spec).push("mallory").tick();
    world.approve_by_merge("alice", "prod").tick();
    world
}

fn applied() -> World {
    let mut world = applied_with(CORRECTED);
    world.expect_applied("prod", "v1\n");
    world
}

fn by_hand(world: &World, text: &str) {
    std::fs::write(world.target("prod").join("app.conf"), text).expect("edited on the host");
}

fn document(world: &World, number: u64) -> DeploymentDocument {
    let text = world.journal_file(&format!("environments/prod/history/{number}/deployment.yaml")).expect("a document");
    yaml_out::from_yaml(text.as_bytes()).expect("a document")
}

/// How the attempts of a deployment ended.
fn attempts(world: &World, number: u64) -> Vec<(u64, Option<OutcomeResult>)> {
    let ended = |attempt: countersign::journal::deployment::Attempt| {
        (attempt.attempt, attempt.outcome.map(|outcome| outcome.result))
    };
    document(world, number).attempts.into_iter().map(ended).collect()
}

const APPLIED: Option<OutcomeResult> = Some(OutcomeResult::Applied);

#[test]
fn what_was_approved_last_is_applied_again_as_an_attempt_of_that_deployment() {
    let mut world = applied();
    by_hand(&world, "by hand\n");
    std::fs::write(world.target("prod").join("foreign"), "x\n").expect("a file");
    world.tick().expect_applied("prod", "v1\n").expect_phase("prod", Phase::Synced).expect_exit(0);
    world.expect_said("prod Synced 1.2 corrected drift of config: 1 deleted, 1 changed");
    assert_eq!(world.deployments("prod"), [(1, 1), (1, 2)]);
    let document = document(&world, 1);
    assert_eq!(document.kind, PlanKind::Create);
    assert_eq!(document.met.len(), 1, "who approved it stays: {:?}", document.met);
    let found = document.attempts[1].claim.drift.as_deref().expect("what was found");
    let config = "config".parse().expect("a name");
    assert_eq!(found, [Drifted { service: config, deleted: 1, changed: 1, created: 0 }]);
    let corrections = world.status("prod").corrections.expect("corrections");
    assert!(corrections.times == 1 && corrections.not_before.is_some(), "{corrections:?}");
    let page = world.journal_file("environments/prod/README.md").expect("a page");
    assert!(page.contains("Drift was corrected once, last drift of config: 1 deleted, 1 changed"), "{page}");
    assert!(page.contains("[1.2](history/1/deployment.yaml)") && page.contains("nobody is asked"), "{page}");
    let history = world.client("alice", &["history", "prod", "1"]).text();
    assert!(history.contains("attempt 2") && history.contains("corrected drift of config"), "{history}");
    let status = world.client("alice", &["status", "prod"]).text();
    assert!(status.contains("1.2 corrected drift of config: 1 deleted, 1 changed"), "{status}");
    let log = world.git("remote.git", &["log", "--format=%s", "countersign/journal"]);
    assert!(log.contains("prod: deployment 1.2 corrects drift of config: 1 deleted, 1 changed"), "{log}");
    world.second_tick_changes_nothing();
    // The next change goes on from there as if nothing had been.
    world.change("mallory", "prod", "v2\n").tick().approve_by_merge("alice", "prod").tick();
    world.expect_applied("prod", "v2\n");
    assert_eq!(world.deployments("prod"), [(1, 1), (1, 2), (2, 1)]);
    assert!(world.status("prod").corrections.is_none());
    world.finish();
}

#[test]
fn a_missing_target_is_made_again() {
    let mut world = applied();
    std::fs::remove_dir_all(world.target("prod")).expect("gone");
    world.tick().expect_applied("prod", "v1\n").expect_said("1.2 corrected drift of config: 1 created").finish();
}

#[test]
fn also_while_a_newer_change_waits_and_in_manual_mode() {
    let mut world = applied_with(&format!("{CORRECTED}deploy: {{ mode: manual }}\n"));
    world.client("mallory", &["deploy", "prod"]).text();
    world.tick().expect_applied("prod", "v1\n").change("mallory", "prod", "v2\n").tick();
    let plan = world.status("prod").plan.expect("a plan");
    by_hand(&world, "by hand\n");
    world.tick().expect_applied("prod", "v1\n").expect_phase("prod", Phase::AwaitingApproval);
    assert_eq!(world.deployments("prod"), [(1, 1), (1, 2)]);
    // It is the plan of a host that is as it was applied again.
    assert_eq!(world.status("prod").plan.expect("a plan").digest, plan.digest);
    world.approve_by_merge("alice", "prod").tick();
    world.client("mallory", &["deploy", "prod"]).text();
    world.tick().expect_applied("prod", "v2\n").finish();
}

#[test]
fn also_while_the_branch_cannot_be_read_and_until_a_destroy_is_applied() {
    let mut world = applied();
    world.pull("mallory").file("mallory", "environments/prod/environment.yaml", "nothing: of it\n");
    world.push("mallory").tick().expect_phase("prod", Phase::Invalid);
    by_hand(&world, "by hand\n");
    world.tick().expect_applied("prod", "v1\n").expect_phase("prod", Phase::Invalid);
    world.remove("mallory", "environments/prod").tick().expect_waiting_on("prod", "standard/platform");
    world.approve_by_merge("alice", "prod").tick().expect_not_applied("prod");
    std::fs::create_dir(world.target("prod")).expect("a folder");
    world.tick().finish();
}

#[test]
fn what_is_recorded_without_effect_changes_nothing_of_it() {
    let mut world = applied();
    world.pull("mallory").file("mallory", "environments/prod/notes.md", "nothing\n").push("mallory").tick();
    by_hand(&world, "by hand\n");
    world.tick().expect_applied("prod", "v1\n");
    assert_eq!(world.deployments("prod"), [(1, 1), (1, 2)]);
    world.finish();
}

#[test]
fn services_that_did_not_drift_are_left_alone() {
    use std::os::unix::fs::MetadataExt as _;
    let mut world = World::new();
    let services = |world: &World| {
        let (one, two) = (world.target("prod").display().to_string(), world.target("other").display().to_string());
        format!(
            "{CORRECTED}services:\n  - {{ name: one, type: files, path: config, target: {one} }}\n  \
             - {{ name: two, type: files, path: config, target: {two} }}\n"
        )
    };
    let text = crate::world::document("Environment", "prod", &services(&world));
    world.file("mallory", "environments/prod/environment.yaml", &text);
    world.file("mallory", "environments/prod/config/app.conf", "v1\n").push("mallory").tick();
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n").expect_applied("other", "v1\n");
    let inode = |world: &World| std::fs::metadata(world.target("prod")).expect("a target").ino();
    let before = inode(&world);
    std::fs::write(world.target("other").join("app.conf"), "by hand\n").expect("edited");
    world.tick().expect_applied("other", "v1\n").expect_said("1.2 corrected drift of two: 1 changed");
    assert_eq!(inode(&world), before);
    world.finish();
}

#[test]
fn a_suspension_holds_it_and_one_that_comes_with_the_claim_too() {
    let mut world = applied();
    world.client("mallory", &["suspend", "prod"]).text();
    by_hand(&world, "by hand\n");
    world.tick().expect_phase("prod", Phase::Suspended);
    assert_eq!(world.applied("prod").as_deref(), Some("by hand\n"));
    world.client("mallory", &["resume", "prod"]).text();
    // Suspended again in the moment of the claim.
    world.tick_of("second");
    world.expect_applied("prod", "v1\n");
    let suspend = countersign::model::RequestAction::Suspend { number: Some(1) };
    let ask = world.request("mallory", "prod", suspend);
    world.pull("mallory").put_request("mallory", &ask);
    world.shell("mallory", "git add --all && git commit --quiet -m said && git push --quiet origin HEAD:prepared");
    world.when_claimed("git update-ref refs/heads/main prepared");
    by_hand(&world, "again\n");
    world.timed(DAEMON, BEGINS).settle();
    std::fs::remove_file(world.at("remote.git/hooks/post-receive")).expect("the hook");
    world.expect_phase("prod", Phase::Suspended);
    assert_eq!(world.applied("prod").as_deref(), Some("again\n"));
    assert_eq!(attempts(&world, 1), [(1, APPLIED), (2, APPLIED), (3, Some(OutcomeResult::Abandoned))]);
    world.pull("mallory");
    world.client("mallory", &["resume", "prod"]).text();
    world.timed(DAEMON, BEGINS).settle();
    world
        .tick()
        .expect_applied("prod", "v1\n")
        .expect_said("prod Synced 1.4 corrected drift of config: 1 changed, 2 times");
    assert_eq!(attempts(&world, 1)[3], (4, APPLIED));
    world.finish();
}

#[test]
fn what_is_merged_in_the_moment_of_the_claim_is_followed_by_the_next_branches() {
    let two = "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 2\n";
    let mut world = World::with().ruleset("standard", two).build();
    world.environment_with("mallory", "prod", "v1\n", CORRECTED).push("mallory").tick();
    world.approve_by_record("alice", "prod").approve_by_record("bob", "prod").tick().expect_applied("prod", "v1\n");
    world.change("mallory", "prod", "v2\n").tick();
    let merge = countersign::lifecycle::merge_command(&world.ready("approve", "prod"));
    let prepared = merge.replace("git push", "git push --quiet origin HEAD:prepared");
    assert_ne!(prepared, merge);
    world.shell("alice", &prepared);
    world.when_claimed("git update-ref refs/heads/main prepared");
    by_hand(&world, "by hand\n");
    world.timed(DAEMON, BEGINS).settle();
    std::fs::remove_file(world.at("remote.git/hooks/post-receive")).expect("the hook");
    assert_eq!(attempts(&world, 1), [(1, APPLIED), (2, APPLIED)]);
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 1);
    world.pull("alice").tick().finish();
}

#[test]
fn a_target_that_was_claimed_in_vain_does_not_keep_it() {
    let mut world = applied();
    let moved = world.target("moved").display().to_string();
    world.environment_at("mallory", "prod", "v1\n", CORRECTED, &moved).push("mallory").tick();
    world.approve_by_merge("alice", "prod");
    let merge = countersign::lifecycle::merge_command(&world.ready("reject", "prod"));
    world.shell("bob", &merge.replace("git push", "git push --quiet origin HEAD:prepared"));
    world.when_claimed("git update-ref refs/heads/main prepared");
    world.tick().expect_phase("prod", Phase::Rejected);
    std::fs::remove_file(world.at("remote.git/hooks/post-receive")).expect("the hook");
    let abandoned = |event: &Event| matches!(event, Event::Outcome { result: OutcomeResult::Abandoned, .. });
    assert!(world.events().iter().any(abandoned));
    by_hand(&world, "by hand\n");
    world.timed(DAEMON, BEGINS).settle();
    assert_eq!(attempts(&world, 1), [(1, APPLIED), (2, APPLIED)]);
    world.expect_applied("prod", "v1\n").finish();
}

#[test]
fn a_closed_window_holds_it() {
    let window = "deploy: { windows: [ { kind: deny, schedule: \"0 12 * * *\", duration: 2h, timezone: UTC } ] }\n";
    let world = &mut applied_with(&format!("{CORRECTED}{window}"));
    world.expect_applied("prod", "v1\n");
    let mut daemon = world.timed(DAEMON, BEGINS);
    by_hand(world, "by hand\n");
    daemon.run(100);
    assert_eq!(world.applied("prod").as_deref(), Some("by hand\n"));
    daemon.run(30);
    world.expect_applied("prod", "v1\n");
    drop(daemon);
    let proof = world.verify("remote.git");
    assert!(proof.stdout.contains("sights of hosts that had drifted (1)"), "{proof}");
    world.tick().finish();
}

#[test]
fn the_settings_in_force_decide() {
    let mut world = applied();
    let off = CORRECTED.replace("true }", "false }");
    world.pull("mallory").environment_with("mallory", "prod", "v1\n", &off).push("mallory").tick();
    by_hand(&world, "by hand\n");
    // The change that turns it off waits: until then it is corrected.
    world.tick().expect_applied("prod", "v1\n").approve_by_merge("alice", "prod").tick();
    by_hand(&world, "again\n");
    world.tick().expect_waiting_on("prod", "standard/platform");
    assert_eq!(world.applied("prod").as_deref(), Some("again\n"));
    assert_eq!(world.status("prod").plan.expect("a plan").kind, PlanKind::Drift);
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn after_a_deployment_that_ended_part_way_there_is_nothing_to_correct_to() {
    let mut world = World::new();
    let (one, two) = (world.target("prod").display().to_string(), world.at("srv/sub/two").display().to_string());
    std::fs::create_dir(world.at("srv/sub")).expect("a folder");
    let text = format!(
        "{CORRECTED}services:\n  - {{ name: one, type: files, path: config, target: {one} }}\n  \
         - {{ name: two, type: files, path: config, target: {two} }}\n"
    );
    let text = crate::world::document("Environment", "prod", &text);
    world.file("mallory", "environments/prod/environment.yaml", &text);
    world.file("mallory", "environments/prod/config/app.conf", "v1\n").push("mallory").tick();
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n");
    world.change("mallory", "prod", "v2\n").tick();
    let (sub, away) = (world.at("srv/sub"), world.at("away"));
    world.when_claimed(&format!("mv {} {}", sub.display(), away.display()));
    world.approve_by_merge("bob", "prod").tick().expect_phase("prod", Phase::Failed);
    std::fs::remove_file(world.at("remote.git/hooks/post-receive")).expect("the hook");
    std::fs::rename(&away, &sub).expect("back");
    // One has v2 by now: v1 is not put back over it, whatever happens there.
    by_hand(&world, "by hand\n");
    world.tick().expect_phase("prod", Phase::Failed);
    assert_eq!(world.applied("prod").as_deref(), Some("by hand\n"));
    assert_eq!(world.deployments("prod"), [(1, 1)]);
    // Another change, approved, is applied; from then on it is looked after again.
    world
        .change("mallory", "prod", "v3\n")
        .tick()
        .approve_by_merge("bob", "prod")
        .tick()
        .expect_applied("prod", "v3\n");
    by_hand(&world, "by hand\n");
    world.tick().expect_applied("prod", "v3\n").finish();
}

#[test]
fn one_that_fails_is_said_to_have_and_is_tried_again() {
    let world = &mut applied();
    let mut daemon = world.timed(DAEMON, BEGINS);
    daemon.settle();
    let (here, away) = (world.at("srv"), world.at("srv.away"));
    world.when_claimed(&format!("mv {} {}", here.display(), away.display()));
    by_hand(world, "by hand\n");
    daemon.run(30);
    world.expect_phase("prod", Phase::Failed);
    assert!(daemon.line("prod").contains("1.2 did not correct drift of config"), "{}", daemon.line("prod"));
    let page = world.journal_file("environments/prod/README.md").expect("a page");
    assert!(page.contains("Deployment 1.2 was to correct drift of config: 1 changed, and did not"), "{page}");
    std::fs::remove_file(world.at("remote.git/hooks/post-receive")).expect("the hook");
    std::fs::rename(away, here).expect("back");
    daemon.run(30);
    world.expect_applied("prod", "v1\n").expect_phase("prod", Phase::Synced);
    assert_eq!(attempts(world, 1), [(1, APPLIED), (2, Some(OutcomeResult::Failed)), (3, APPLIED)]);
    drop(daemon);
    world.tick().finish();
}

#[test]
fn one_that_failed_is_moot_once_somebody_puts_it_right() {
    let world = &mut applied();
    let mut daemon = world.timed(DAEMON, BEGINS);
    daemon.settle();
    let (here, away) = (world.at("srv"), world.at("srv.away"));
    world.when_claimed(&format!("mv {} {}", here.display(), away.display()));
    by_hand(world, "by hand\n");
    daemon.run(30);
    std::fs::remove_file(world.at("remote.git/hooks/post-receive")).expect("the hook");
    std::fs::rename(away, here).expect("back");
    by_hand(world, "v1\n");
    daemon.run(30);
    world.expect_phase("prod", Phase::Synced);
    drop(daemon);
    world.tick().finish();
}

#[test]
fn somebody_who_fights_with_it_is_answered_less_and_less() {
    let world = &mut applied_with(&CORRECTED.replace("*/30 * * * *", "* * * * *"));
    let mut daemon = world.timed(DAEMON, BEGINS);
    daemon.settle();
    let before = world.entries().len();
    for _ in 0..80 {
        by_hand(world, "by hand\n");
        daemon.pass(1).settle();
    }
    let times = world.status("prod").corrections.expect("corrections").times;
    assert!((4..=8).contains(&times), "{times} corrections in eighty minutes");
    assert_eq!(world.entries().len() - before, 2 * usize::try_from(times).expect("few"));
    assert!(
        daemon.line("prod").contains(&format!("{times} times; not again before 2099-01-0")),
        "{}",
        daemon.line("prod")
    );
    // The page has one line for all of them.
    let page = world.journal_file("environments/prod/README.md").expect("a page");
    assert_eq!(page.matches("corrected drift of config").count(), 1, "{page}");
    daemon.pass(24 * 60).settle();
    world.expect_applied("prod", "v1\n");
    // After some days of peace it is answered at once again.
    daemon.pass(3 * 24 * 60).settle();
    by_hand(world, "by hand\n");
    daemon.pass(1).settle();
    world.expect_applied("prod", "v1\n");
    drop(daemon);
    world.tick().finish();
}

#[test]
fn killed_between_claim_and_outcome_it_is_settled() {
    for undone in [true, false] {
        let mut world = applied();
        by_hand(&world, "by hand\n");
        // The daemon is gone as soon as its claim is there.
        world.when_claimed("kill -9 $(cat ../daemon.pid)");
        let line = world.tick_arguments(DAEMON).join(" ");
        let binary = env!("CARGO_BIN_EXE_countersign");
        let mut command = world.command("sh");
        command.arg("-c").arg(format!("echo $$ > daemon.pid; exec {binary} {line}"));
        let run = world.run(command);
        assert_eq!(run.code, None, "{run}");
        std::fs::remove_file(world.at("remote.git/hooks/post-receive")).expect("the hook");
        world.expect_phase("prod", Phase::Deploying);
        assert_eq!(world.applied("prod").as_deref(), Some("by hand\n"));
        let page = world.journal_file("environments/prod/README.md").expect("a page");
        assert!(page.contains("Deployment 1.2 corrects drift of config: 1 changed"), "{page}");
        if undone {
            // Somebody suspended it in the meantime: then it is not proven any more, and nothing was done.
            world.client("mallory", &["suspend", "prod"]).text();
            // Another daemon leaves it alone.
            world.tick_of("second");
            assert_eq!(world.applied("prod").as_deref(), Some("by hand\n"));
            world.tick();
            assert_eq!(attempts(&world, 1), [(1, APPLIED), (2, Some(OutcomeResult::Abandoned))]);
            world.client("mallory", &["resume", "prod"]).text();
        }
        world.tick().expect_applied("prod", "v1\n").expect_phase("prod", Phase::Synced);
        assert_eq!(attempts(&world, 1).last().map(|(_, result)| *result), Some(APPLIED));
        world.finish();
    }
}

#[test]
fn two_daemons_correct_once() {
    let mut world = applied();
    by_hand(&world, "by hand\n");
    world.tick().tick_of("second").tick();
    assert_eq!(world.deployments("prod"), [(1, 1), (1, 2)]);
    world.finish();
}

#[test]
fn what_others_import_is_corrected_without_their_noticing() {
    let mut world = applied_with(&format!("{CORRECTED}values: {{ region: eu }}\n"));
    let spec = "requireApproval: true\nrulesets: [standard]\nimports: [{ name: prod }]\n";
    world.pull("mallory").environment_with("mallory", "user", "u1\n", spec).push("mallory").tick();
    world.approve_by_merge("alice", "user").tick();
    by_hand(&world, "by hand\n");
    world.tick().expect_applied("prod", "v1\n").expect_phase("user", Phase::Synced);
    assert_eq!((world.deployments("prod").len(), world.deployments("user").len()), (2, 1));
    world.finish();
}

#[test]
fn after_a_rollback_what_was_rolled_back_to_is_kept() {
    let mut world = applied();
    world.change("mallory", "prod", "v2\n").tick().approve_by_merge("alice", "prod").tick();
    world.client("mallory", &["rollback", "prod", "--to", "1"]).text();
    world.tick().approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n");
    by_hand(&world, "v2\n");
    world.tick().expect_applied("prod", "v1\n");
    assert_eq!(world.deployments("prod").last(), Some(&(3, 2)));
    world.finish();
}

/// The honest claim of a correction with something else in it, at the place of the honest one.
#[track_caller]
fn expect_found(world: &mut World, honest: &str, words: &str, forge: impl FnOnce(&mut Claim)) {
    world.git("remote.git", &["update-ref", "refs/heads/countersign/journal", &format!("{honest}~2")]);
    let entries = world.entries();
    let config = entries.last().expect("an entry").heads.config;
    let journal = world.tip("countersign/journal").parse().expect("an id");
    let mut claim = world.correction(honest);
    claim.journal = journal;
    forge(&mut claim);
    let told = format!("{claim:?}");
    world.forge_entry_reading(config, vec![Event::Claimed(claim)]);
    let proof = world.verify("remote.git");
    assert_eq!(proof.code, Some(1), "{told}: {proof}");
    assert!(proof.stdout.contains(words), "`{words}`: {told}: {proof}");
    let run = world.try_tick_of("second");
    assert_eq!(run.code, Some(1), "{told}: {run}");
}

impl World {
    /// The claim of the last correction on the journal at a commit.
    #[track_caller]
    fn correction(&self, commit: &str) -> Claim {
        let text = self.git("remote.git", &["show", &format!("{commit}~1:entry.json")]);
        let entry: countersign::journal::JournalEntry = serde_json::from_str(&text).expect("an entry");
        match entry.events.into_iter().next() {
            Some(Event::Claimed(claim)) if claim.drift.is_some() => claim,
            other => panic!("no correction: {other:?}"),
        }
    }
}

#[test]
fn a5_a_correction_to_anything_else_is_found() {
    let mut world = applied();
    world.change("mallory", "prod", "v2\n").tick().approve_by_merge("alice", "prod").tick();
    by_hand(&world, "by hand\n");
    world.tick().expect_applied("prod", "v2\n");
    let honest = world.tip("countersign/journal");
    world.tick_of("second");
    let first = document(&world, 1).plan;
    expect_found(&mut world, &honest, "a correction of prod to something else than was applied last", |claim| {
        (claim.number, claim.plan) = (1, first)
    });
    expect_found(&mut world, &honest, "a correction of prod to something else than was applied last", |claim| {
        claim.plan = PlanId(Digest::of("another plan"))
    });
    expect_found(&mut world, &honest, "a correction of prod to something else than was applied last", |claim| {
        claim.number = 3
    });
    expect_found(&mut world, &honest, "correction 2.3 of prod is out of order", |claim| claim.attempt = 3);
    expect_found(&mut world, &honest, "correction 2.2 of prod says what none can say", |claim| {
        claim.targets.push("/srv/other".to_owned())
    });
    expect_found(&mut world, &honest, "are not those of what was applied last", |claim| claim.targets.clear());
    expect_found(&mut world, &honest, "correction 2.2 of prod says what none can say", |claim| {
        claim.drift = Some(Vec::new())
    });
    expect_found(&mut world, &honest, "a claim of prod", |claim| claim.drift = None);
    expect_found(&mut world, &honest, "is not of the services that were applied last", |claim| {
        let name = "elsewhere".parse().expect("a name");
        claim.drift = Some(vec![Drifted { service: name, deleted: 1, changed: 0, created: 0 }]);
    });
    // And an honest one a moment after the last.
    world.git("remote.git", &["update-ref", "refs/heads/countersign/journal", &honest]);
    let mut early = world.correction(&honest);
    early.attempt = 3;
    early.journal = honest.parse().expect("an id");
    world.forge_entry_reading(early.heads.config, vec![Event::Claimed(early)]);
    let proof = world.verify("remote.git");
    assert!(proof.stdout.contains("was corrected again before its time"), "{proof}");
    world.git("remote.git", &["update-ref", "refs/heads/countersign/journal", &honest]);
    world.finish();
}

#[test]
fn a5_a_correction_that_the_settings_in_force_do_not_ask_for_is_found() {
    for held in ["not asked for", "suspended"] {
        let off = CORRECTED.replace("true }", "false }");
        let mut world = applied_with(if held == "suspended" { CORRECTED } else { &off });
        if held == "suspended" {
            world.client("mallory", &["suspend", "prod"]).text();
            world.tick();
        }
        world.tick_of("second");
        let honest = world.tip("countersign/journal");
        let claimed = |event| match event {
            Event::Claimed(claim) => Some(claim),
            _ => None,
        };
        let mut claim = world.events().into_iter().filter_map(claimed).next_back().expect("a claim");
        let last = world.entries().pop().expect("an entry");
        claim.attempt = 2;
        (claim.met, claim.heads) = (Vec::new(), last.heads);
        claim.journal = honest.parse().expect("an id");
        let name = "config".parse().expect("a name");
        claim.drift = Some(vec![Drifted { service: name, deleted: 0, changed: 1, created: 0 }]);
        world.forge_entry_reading(last.heads.config, vec![Event::Claimed(claim)]);
        let proof = world.verify("remote.git");
        assert_eq!(proof.code, Some(1), "{held}: {proof}");
        let words = match held {
            "suspended" => "was corrected, though suspended by mallory",
            _ => "was corrected, though the settings in force do not ask for it",
        };
        assert!(proof.stdout.contains(words), "{held}: {proof}");
        for daemon in ["second", DAEMON] {
            let run = world.try_tick_of(daemon);
            assert_eq!(run.code, Some(1), "{held}: {run}");
        }
        world.git("remote.git", &["update-ref", "refs/heads/countersign/journal", &honest]);
        world.tick().finish();
    }
}
