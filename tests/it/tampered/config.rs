//! A config branch that was rewritten, and accepted.

use super::*;

#[test]
fn r5_an_amended_config_branch_goes_on_once_it_is_accepted() {
    let mut world = applied();
    world.change("mallory", "prod", "v2\n").tick();
    let before = world.tip("main");
    amend(&mut world, "mallory");
    let word = main_at(&world);
    expect_tampered(&mut world, &format!("--accept-history {word}"));
    accepted(&mut world, &word);
    assert_eq!(accepted_branches(&world), ["main"]);
    assert!(journal_says(&world, "an operator accepted rewritten history: main was at"), "on the first page");
    assert_eq!(world.git("remote.git", &["rev-parse", &format!("refs/countersign/kept/{before}")]), before);
    let plan = world.status("prod").plan.expect("a plan");
    assert_eq!((plan.number, plan.round), (2, 2), "planned anew; the number stays");
    world.expect_proven();
    let proof = world.verify("remote.git");
    assert!(proof.stdout.contains("histories accepted by an operator (1)"), "{proof}");
    world.pull_again("bob").approve_by_merge("bob", "prod").tick().expect_applied("prod", "v2\n").finish();
}

#[test]
fn r5_an_approval_of_a_plan_whose_commit_is_gone_counts_no_more() {
    let mut world = World::with().ruleset("standard", TWO).build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_record("alice", "prod").tick();
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 1);
    // The record stays in the tree, the commit that made the change does not.
    world.shell("mallory", "git pull --quiet --ff-only && git reset --quiet --soft $(git rev-list --max-parents=0 HEAD) && git commit --quiet -m all && git push --quiet --force");
    let word = main_at(&world);
    accepted(&mut world, &word);
    world.expect_waiting_on("prod", "standard/platform");
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 0);
    world.pull_again("bob").approve_by_record("bob", "prod").tick().expect_not_applied("prod");
    world.pull_again("alice").approve_by_record("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn r5_a_rewound_config_branch_that_is_accepted_lowers_nothing() {
    let mut world = applied();
    world
        .change("mallory", "prod", "v2\n")
        .tick()
        .approve_by_merge("bob", "prod")
        .tick()
        .expect_applied("prod", "v2\n");
    let numbers = world.deployments("prod");
    // Back to where v1 was desired.
    world.git("remote.git", &["update-ref", "refs/heads/main", "main~2"]);
    expect_tampered(&mut world, "main was rewritten");
    let word = main_at(&world);
    let run = accept(&mut world, &word);
    assert_eq!(run.code, Some(1), "no commit made this change: {run}");
    world.expect_invalid("prod", "no commit").expect_applied("prod", "v2\n");
    assert_eq!(world.deployments("prod"), numbers);
    world.pull_again("mallory").change("mallory", "prod", "v3\n").tick();
    assert_eq!(world.status("prod").plan.map(|plan| plan.number), Some(3), "numbers go on");
    world.pull_again("alice").approve_by_merge("alice", "prod").tick().expect_applied("prod", "v3\n").finish();
}

#[test]
fn p2_the_policy_in_force_stays_where_rewritten_history_has_an_older_one() {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("alice", "prod").tick();
    world.add_somebody("mallory", "carol").push("mallory").tick().approve_by_record("alice", "governance").tick();
    let version = |world: &World| world.status("prod").policy.max(world.entries().last().expect("one").policy);
    world.change("mallory", "prod", "v2\n").tick();
    assert_eq!(version(&world), 2);
    // Another history, in which carol never was.
    world.pull("mallory").remove("mallory", "governance/people/carol.yaml");
    world.shell("mallory", "git pull --quiet --ff-only; git reset --quiet --soft $(git rev-list --max-parents=0 HEAD) && git commit --quiet -m all && git push --quiet --force");
    let word = main_at(&world);
    accept(&mut world, &word);
    // Nobody made the change back: it holds, until somebody's commit makes it.
    world.expect_invalid("governance", "no commit").expect_applied("prod", "v1\n");
    assert_eq!(version(&world), 2);
    world.pull_again("mallory").file("mallory", "governance/NOTES.md", "without carol\n").push("mallory").tick();
    world.expect_waiting_on("governance", "owners/owners");
    assert_eq!(version(&world), 2);
    world.pull_again("alice").approve_by_record("alice", "governance").tick();
    assert_eq!(version(&world), 3);
    world.finish();
}

#[test]
fn r5_only_exactly_what_is_there_is_accepted() {
    let mut world = applied();
    let good = main_at(&world);
    expect_refused(&mut world, &good, "nothing is to be accepted");
    let old = world.git("remote.git", &["rev-parse", "main~1"]);
    expect_refused(&mut world, &format!("main@{old}"), "now, not at");
    expect_refused(&mut world, &format!("other@{old}"), "is no branch whose history is accepted");
    amend(&mut world, "mallory");
    // Pushed again between the look and the word.
    let word = main_at(&world);
    amend(&mut world, "bob");
    expect_refused(&mut world, &word, "now, not at");
    let word = main_at(&world);
    accepted(&mut world, &word);
    assert!(accept(&mut world, "main").code == Some(2), "not without a commit");
    world.expect_applied("prod", "v1\n").tick().finish();
}

#[test]
fn a_history_accepted_out_of_place_is_no_proof() {
    // Where nothing was rewritten.
    let mut world = applied();
    let old = world.entries().last().expect("an entry").heads.config;
    world.change("mallory", "prod", "v2\n");
    let new = world.tip("main").parse().expect("an id");
    let word = Event::HistoryAccepted { branch: "main".to_owned(), old: Some(old), new };
    world.forge_entry(vec![word.clone()]).finish_forged("nothing was rewritten");

    // Beside something else.
    let mut world = applied();
    let old = world.entries().last().expect("an entry").heads.config;
    amend(&mut world, "mallory");
    let new = world.tip("main").parse().expect("an id");
    let word = Event::HistoryAccepted { branch: "main".to_owned(), old: Some(old), new };
    let alarm = Event::Alarm { environment: None, message: "all is well".to_owned() };
    world.forge_entry(vec![word.clone(), alarm.clone()]).finish_forged("is an entry of its own");

    // With what it accepts read at once.
    let mut world = applied();
    amend(&mut world, "mallory");
    let new: countersign::object::Oid = world.tip("main").parse().expect("an id");
    world.forge_entry_reading(new, vec![alarm]).finish_forged("which was read before");

    // In place of what was never read.
    let mut world = applied();
    let new = world.tip("main").parse().expect("an id");
    let other = world.git("remote.git", &["rev-parse", "main~1"]).parse().expect("an id");
    world.forge_entry(vec![Event::HistoryAccepted { branch: "main".to_owned(), old: Some(other), new }]);
    world.finish_forged("in place of another one than was read");

    // The journal, put back to what was not before.
    let mut world = applied();
    let other = world.git("remote.git", &["rev-parse", "countersign/journal~1"]).parse().expect("an id");
    world.forge_entry(vec![Event::HistoryAccepted { branch: JOURNAL.to_owned(), old: None, new: other }]);
    world.finish_forged("another entry than the one before");
}

#[test]
fn plans_that_are_not_ended_with_their_history_are_noticed() {
    let mut world = applied();
    world.change("mallory", "prod", "v2\n").tick();
    let old = world.entries().last().expect("an entry").heads.config;
    amend(&mut world, "mallory");
    let new = world.tip("main").parse().expect("an id");
    world.forge_entry(vec![Event::HistoryAccepted { branch: "main".to_owned(), old: Some(old), new }]);
    world.forge_entry_reading(new, vec![Event::Alarm { environment: None, message: "all is well".to_owned() }]);
    world.finish_forged("a plan lives on that was made from a commit");
}

#[test]
fn a_fresh_clone_is_told_what_to_fetch_of_accepted_history() {
    let mut world = applied();
    world.change("mallory", "prod", "v2\n").tick();
    amend(&mut world, "mallory");
    let word = main_at(&world);
    accepted(&mut world, &word);
    world.make_clone("auditor", "bob", &[]);
    let root = world.root();
    let proof = world.countersign(&["-C", "auditor", "verify", "--root", &root]);
    assert_eq!(proof.code, Some(2), "{proof}");
    let hint = proof.stderr.lines().find_map(|line| line.strip_prefix("hint: ")).expect("a hint").to_owned();
    assert!(hint.contains("refs/countersign/kept/"), "{hint}");
    world.shell("auditor", &hint);
    let proof = world.countersign(&["-C", "auditor", "verify", "--root", &root]);
    assert!(proof.succeeded(), "{proof}");
    let events = world.countersign(&["-C", "auditor", "events"]);
    assert!(events.stdout.contains("an operator accepted rewritten history"), "{events}");
    let status = world.countersign(&["-C", "auditor", "status"]);
    assert!(status.succeeded() && status.stdout.contains("an operator accepted rewritten history"), "{status}");
    world.finish();
}

#[test]
fn r5_an_unrelated_history_goes_on_once_it_is_accepted() {
    let mut world = applied();
    world.change("mallory", "prod", "v2\n").tick().pull("mallory");
    world.shell("mallory", "git checkout --quiet --orphan new && git commit --quiet -m all && git push --quiet --force origin new:main && git checkout --quiet main");
    let word = main_at(&world);
    expect_tampered(&mut world, &word);
    accepted(&mut world, &word);
    world.pull_again("bob").approve_by_merge("bob", "prod").tick().expect_applied("prod", "v2\n");
    world.pull_again("alice").change("alice", "prod", "v3\n").tick().approve_by_merge("bob", "prod").tick();
    world.expect_applied("prod", "v3\n").finish();
}

#[test]
fn r5_an_interrupted_deployment_is_settled_from_what_was_claimed() {
    let mut world = applied();
    world.change("mallory", "prod", "v2\n").tick().approve_by_merge("bob", "prod");
    // The claim passes, what follows it does not.
    let script = "[ $1 = refs/heads/countersign/journal ] || exit 0\nif git show $2:entry.json | grep -q '\"event\":\"claimed\"'; then exit 1; fi";
    world.hook("update", script);
    let run = world.try_tick();
    assert_eq!(run.code, Some(2), "{run}");
    std::fs::remove_file(world.at("remote.git/hooks/update")).expect("the hook");
    world.expect_phase("prod", Phase::Deploying).expect_applied("prod", "v2\n");
    amend(&mut world, "mallory");
    let word = main_at(&world);
    expect_tampered(&mut world, &word);
    accepted(&mut world, &word);
    assert_eq!(world.deployments("prod"), [(1, 1), (2, 1)]);
    world.expect_phase("prod", Phase::Synced).expect_applied("prod", "v2\n").finish();
}
