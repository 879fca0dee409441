//! Rewritten history, and the ways out of it: nothing is lowered by any of them.

use std::os::unix::fs::PermissionsExt as _;

use countersign::journal::Event;
use countersign::lifecycle::Phase;
use countersign::model::ApprovalVerdict::Reject;

use crate::world::{DAEMON, Run, World, document};

const JOURNAL: &str = "countersign/journal";
const TWO: &str = "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 2\n";

fn applied() -> World {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("alice", "prod").tick();
    world.expect_applied("prod", "v1\n");
    world
}

/// A tick with the operator's word.
fn accept(world: &mut World, word: &str) -> Run {
    accept_by(world, DAEMON, word)
}

fn accept_by(world: &mut World, daemon: &str, word: &str) -> Run {
    let mut command = world.daemon_command(daemon);
    command.args(["--accept-history", word]);
    let run = world.run(command);
    world.last = Some(run.clone());
    run
}

#[track_caller]
fn accepted(world: &mut World, word: &str) {
    let run = accept(world, word);
    assert!(run.succeeded(), "{run}");
}

#[track_caller]
fn expect_tampered(world: &mut World, words: &str) {
    let run = world.try_tick();
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stdout.contains("prod Tampered"), "{run}");
    assert!(run.stderr.contains(words), "`{words}`: {run}");
}

#[track_caller]
fn expect_refused(world: &mut World, word: &str, words: &str) {
    let before = world.references();
    let run = accept(world, word);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains(words), "`{words}`: {run}");
    assert_eq!(world.references(), before, "nothing is written: {run}");
}

fn main_at(world: &World) -> String {
    format!("main@{}", world.tip("main"))
}

/// The last commit on main becomes another one with the same content.
fn amend(world: &mut World, who: &str) {
    world.pull_again(who);
    world.shell(who, "git commit --quiet --amend -m other --date=2031-01-01T00:00:00Z && git push --quiet --force");
}

impl World {
    /// A clone takes over what is on the remote, whatever it had.
    #[track_caller]
    fn pull_again(&mut self, who: &str) -> &mut Self {
        self.shell(who, "git fetch --quiet --force && git reset --quiet --hard origin/main");
        self
    }

    /// The proof finds this, and no daemon goes on.
    #[track_caller]
    fn finish_forged(&mut self, words: &str) {
        let proof = self.verify("remote.git");
        assert_eq!(proof.code, Some(1), "{proof}");
        assert!(proof.stdout.contains(words), "`{words}`: {proof}");
        let run = self.try_tick();
        assert_eq!(run.code, Some(1), "{run}");
        self.finish_without_tick("the journal is forged");
    }

    fn rewrite(&mut self, who: &str, path: &str, change: impl FnOnce(String) -> String) -> &mut Self {
        let text = std::fs::read_to_string(self.clone_of(who).join(path)).expect("a file");
        self.file(who, path, &change(text))
    }

    fn remove_file(&mut self, who: &str, path: &str) -> &mut Self {
        std::fs::remove_file(self.clone_of(who).join(path)).expect("a file");
        self
    }

    fn add_somebody(&mut self, who: &str, name: &str) -> &mut Self {
        self.make_key(name, &[]);
        let spec = format!("emails: [{name}@x.example]\nkeys:\n  - key: \"{}\"\n", self.public_key(name));
        self.file(who, &format!("governance/people/{name}.yaml"), &document("Person", name, &spec))
    }
}

fn accepted_branches(world: &World) -> Vec<String> {
    let branch = |event| match event {
        Event::HistoryAccepted { branch, .. } => Some(branch),
        _ => None,
    };
    world.events().into_iter().filter_map(branch).collect()
}

fn journal_says(world: &World, words: &str) -> bool {
    world.journal_file("README.md").is_some_and(|page| page.contains(words))
}

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
    let hook = world.at("remote.git/hooks/update");
    let script = "#!/bin/sh\n[ $1 = refs/heads/countersign/journal ] || exit 0\nif git show $2:entry.json | grep -q '\"event\":\"claimed\"'; then exit 1; fi\n";
    std::fs::write(&hook, script).expect("a hook");
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("a hook");
    let run = world.try_tick();
    assert_eq!(run.code, Some(2), "{run}");
    std::fs::remove_file(&hook).expect("the hook");
    world.expect_phase("prod", Phase::Deploying).expect_applied("prod", "v2\n");
    amend(&mut world, "mallory");
    let word = main_at(&world);
    expect_tampered(&mut world, &word);
    accepted(&mut world, &word);
    assert_eq!(world.deployments("prod"), [(1, 1), (2, 1)]);
    world.expect_phase("prod", Phase::Synced).expect_applied("prod", "v2\n").finish();
}

fn put_at(world: &World, branch: &str, commit: &str) {
    world.git("remote.git", &["update-ref", &format!("refs/heads/{branch}"), commit]);
}

fn delete(world: &World, branch: &str) {
    world.git("remote.git", &["update-ref", "-d", &format!("refs/heads/{branch}")]);
}

/// What is on no branch any more is asked for, and brought under a name of its own.
#[track_caller]
fn expect_missing(world: &mut World, commit: &str) {
    let run = world.try_tick();
    assert_eq!(run.code, Some(2), "{run}");
    let words = format!("{commit} is missing here");
    assert!(run.stderr.contains(&words) && run.stderr.contains("refs/countersign/kept/"), "{run}");
    world.git("remote.git", &["update-ref", &format!("refs/countersign/kept/{commit}"), commit]);
}

/// bob's rejection on the branch of records, and a tick that heard it.
fn with_records() -> World {
    let mut world = World::with().ruleset("standard", TWO).build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    let record = world.record("bob", "prod", Reject);
    world.put_record("bob", &record);
    world.shell(
        "bob",
        "git add --all && git commit --quiet -m record && git push --quiet origin HEAD:countersign/records",
    );
    world.tick().expect_phase("prod", Phase::Rejected);
    world
}

#[test]
fn r5_records_that_are_rewound_or_deleted_are_put_back() {
    let mut world = with_records();
    let known = world.tip("countersign/records");
    put_at(&world, "countersign/records", "countersign/records~1");
    world.tick().expect_alarm("was rewound to").expect_phase("prod", Phase::Rejected);
    assert_eq!(world.tip("countersign/records"), known);
    delete(&world, "countersign/records");
    // A state folder that remembers nothing knows it from the journal.
    std::fs::remove_dir_all(world.at("journal.state")).expect("the state folder");
    expect_missing(&mut world, &known);
    world.tick().expect_alarm("countersign/records was gone; it was put back").expect_phase("prod", Phase::Rejected);
    assert_eq!(world.tip("countersign/records"), known);
    world.finish();
}

#[test]
fn r5_rewritten_records_are_tampered_until_they_are_accepted() {
    let mut world = with_records();
    world.shell("bob", "git commit --quiet --amend -m other --date=2031-01-01T00:00:00Z && git push --quiet --force origin HEAD:countersign/records");
    let word = format!("countersign/records@{}", world.tip("countersign/records"));
    expect_tampered(&mut world, &word);
    accepted(&mut world, &word);
    assert_eq!(accepted_branches(&world), ["countersign/records"]);
    // What was said stays said, once.
    world.expect_phase("prod", Phase::Rejected).finish();
}

#[test]
fn r5_a_rewound_journal_is_put_back_and_never_shortened() {
    let mut world = applied();
    let known = world.tip(JOURNAL);
    put_at(&world, JOURNAL, "countersign/journal~2");
    let short = world.tip(JOURNAL);
    expect_tampered(&mut world, &format!("--accept-history {JOURNAL}@{known}"));
    expect_refused(&mut world, &format!("{JOURNAL}@{short}"), "never go back");
    accepted(&mut world, &format!("{JOURNAL}@{known}"));
    assert_eq!(world.git("remote.git", &["rev-parse", "countersign/journal~1"]), known);
    assert_eq!(accepted_branches(&world), [JOURNAL]);
    assert_eq!(world.deployments("prod"), [(1, 1)]);
    world.change("mallory", "prod", "v2\n").tick().approve_by_merge("bob", "prod").tick();
    world.expect_applied("prod", "v2\n").finish();
}

#[test]
fn r11_a_deleted_journal_is_put_back() {
    let mut world = applied();
    let known = world.tip(JOURNAL);
    delete(&world, JOURNAL);
    expect_tampered(&mut world, &format!("--accept-history {JOURNAL}@{known}"));
    accepted(&mut world, &format!("{JOURNAL}@{known}"));
    assert!(journal_says(&world, "was gone and is at"), "on the first page");
    world.expect_phase("prod", Phase::Synced).finish();
}

#[test]
fn r5_of_a_forked_journal_the_side_that_is_known_is_put_back() {
    let mut world = applied();
    let known = world.tip(JOURNAL);
    // Another entry on the one before, signed by the same key.
    put_at(&world, JOURNAL, "countersign/journal~1");
    world.forge_entry(vec![Event::Alarm { environment: None, message: "all is well".to_owned() }]);
    let fork = world.tip(JOURNAL);
    expect_tampered(&mut world, "does not continue");
    accepted(&mut world, &format!("{JOURNAL}@{known}"));
    assert_eq!(
        world.git("remote.git", &["rev-parse", &format!("refs/countersign/kept/{fork}")]),
        fork,
        "kept as evidence"
    );
    world.expect_phase("prod", Phase::Synced).finish();
}

#[test]
fn r10_a_forged_entry_is_taken_off_on_the_operator_s_word() {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    let known = world.tip(JOURNAL);
    world.forge_claim("prod");
    expect_tampered(&mut world, &format!("--accept-history {JOURNAL}@{known}"));
    accepted(&mut world, &format!("{JOURNAL}@{known}"));
    world.expect_waiting_on("prod", "standard/platform").expect_not_applied("prod");
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn r11_a_fresh_state_folder_knows_nothing_to_put_back() {
    let mut world = applied();
    let known = world.tip(JOURNAL);
    put_at(&world, JOURNAL, "countersign/journal~1");
    std::fs::remove_dir_all(world.at("journal.state")).expect("the state folder");
    expect_refused(&mut world, &format!("{JOURNAL}@{known}"), "never saw the journal");
    put_at(&world, JOURNAL, &known);
    world.tick().finish();
}

#[test]
fn r11_a_fresh_state_folder_sees_what_the_journal_read_of_a_rewound_branch() {
    let mut world = applied();
    world.change("mallory", "prod", "v2\n").tick();
    let known = world.tip("main");
    put_at(&world, "main", "main~1");
    std::fs::remove_dir_all(world.at("journal.state")).expect("the state folder");
    expect_missing(&mut world, &known);
    expect_tampered(&mut world, "main was rewritten");
    let word = main_at(&world);
    accept(&mut world, &word);
    world.expect_phase("prod", Phase::Synced).expect_applied("prod", "v1\n").finish();
}

#[test]
fn every_daemon_that_saw_the_old_history_hears_the_word_itself() {
    let mut world = World::with().daemon("second").build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().tick_of("second");
    amend(&mut world, "mallory");
    let word = main_at(&world);
    accepted(&mut world, &word);
    let run = world.try_tick_of("second");
    assert_eq!(run.code, Some(1), "{run}");
    let run = accept_by(&mut world, "second", &word);
    assert!(run.succeeded(), "{run}");
    assert_eq!(accepted_branches(&world), ["main"], "told once");
    world.tick_of("second").tick().finish();
}

#[test]
fn r5_a_word_forged_onto_the_journal_moves_no_daemon_that_knows_better() {
    let mut world = applied();
    let old = world.tip("main").parse().expect("an id");
    amend(&mut world, "mallory");
    let new = world.tip("main").parse().expect("an id");
    world.forge_entry(vec![Event::HistoryAccepted { branch: "main".to_owned(), old: Some(old), new }]);
    expect_tampered(&mut world, "main was rewritten");
    world.finish_without_tick("whoever did this holds the daemon's key");
}

/// The policy that mallory's clone has: alice's key is lost, zoe is the owner now.
fn lost_key() -> (World, String) {
    let mut world = applied();
    world.change("mallory", "prod", "v2\n").tick();
    world.pull("mallory").add_somebody("mallory", "zoe");
    world.rewrite("mallory", "governance/policy.yaml", |text| text.replace("alice", "zoe"));
    world.rewrite("mallory", "governance/teams/platform.yaml", |text| text.replace("alice", "zoe"));
    world.rewrite("mallory", "governance/rulesets/owners.yaml", |text| text.replace("alice", "zoe"));
    world.remove_file("mallory", "governance/people/alice.yaml").push("mallory").tick();
    world.expect_waiting_on("governance", "owners/owners");
    let pin = world.countersign(&["-C", "mallory", "trust"]).text();
    (world, pin)
}

fn pin_in_settings(world: &mut World, daemon: &str, pin: &str) {
    world.edit_settings(daemon, |text| {
        let lines = text.lines().map(|line| match line.trim_start().strip_prefix("policy: ") {
            Some(_) => format!("        policy: \"{pin}\"\n"),
            None => format!("{line}\n"),
        });
        lines.collect()
    });
}

#[test]
fn a_new_pin_brings_a_policy_into_force_whose_owner_lost_the_key() {
    let (mut world, pin) = lost_key();
    let old_root = world.root();
    let word = format!("governance@{}", world.tip("main"));
    // Neither the word nor the pin alone.
    expect_refused(&mut world, &word, "but the settings pin");
    pin_in_settings(&mut world, DAEMON, &pin);
    let run = world.try_tick();
    assert_eq!(run.code, Some(2), "{run}");
    assert!(
        run.stderr.contains("but the settings pin") && run.stderr.contains("--accept-history governance@"),
        "{run}"
    );
    accepted(&mut world, &word);
    world.expect_phase("governance", Phase::Synced);
    assert_eq!(world.status("prod").policy, 2);
    assert!(journal_says(&world, "an operator's pin alone brought policy 2 into force"), "on the first page");
    // The newest pin proves it; the older one does not, and says why.
    let proof = world.verify("remote.git");
    assert_eq!(proof.code, Some(1), "{proof}");
    assert!(proof.stdout.contains("is an older pin"), "{proof}");
    let unpinned = world.countersign(&["-C", "remote.git", "verify"]);
    assert!(unpinned.succeeded() && unpinned.stdout.contains("policies by an operator's pin alone (1)"), "{unpinned}");
    world.take_root(&pin);
    let proof = world.verify("remote.git");
    assert!(proof.succeeded() && !proof.stdout.contains("pin alone"), "{proof}");
    assert_ne!(old_root, pin);
    // alice approves nothing any more, and what zoe's policy asks for is enough.
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n");
    world.approve_by_merge("bob", "prod").tick().expect_applied("prod", "v2\n").finish();
}

#[test]
fn a5_a_pin_written_with_the_stolen_journal_key_moves_nobody() {
    let (mut world, pin) = lost_key();
    let commit = world.tip("main").parse().expect("an id");
    world.forge_entry(vec![Event::PolicyPinned { version: 2, revision: pin.parse().expect("a revision"), commit }]);
    let run = world.try_tick();
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("the journal rests on policy"), "{run}");
    world.expect_applied("prod", "v1\n");
    let proof = world.verify("remote.git");
    assert_eq!(proof.code, Some(1), "{proof}");
    world.take_off_the_last_entry().tick().expect_waiting_on("governance", "owners/owners").finish();
}

#[test]
fn a_replica_with_the_older_pin_goes_no_further() {
    let mut world = World::with().daemon("second").build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().tick_of("second");
    world.pull("mallory").add_somebody("mallory", "zoe").push("mallory").tick();
    let pin = world.countersign(&["-C", "mallory", "trust"]).text();
    pin_in_settings(&mut world, DAEMON, &pin);
    let word = format!("governance@{}", world.tip("main"));
    accepted(&mut world, &word);
    let run = world.try_tick_of("second");
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("the journal rests on policy"), "{run}");
    pin_in_settings(&mut world, "second", &pin);
    world.take_root(&pin);
    world.tick_of("second").tick().finish();
}

#[test]
fn a_pin_of_a_policy_that_would_lock_is_refused() {
    let mut world = applied();
    let file = "governance/people/bob.yaml";
    world.pull("mallory").rewrite("mallory", file, |text| text.split("keys:").next().unwrap_or_default().to_owned());
    world.push("mallory").tick();
    let pin = world.countersign(&["-C", "mallory", "trust"]).text();
    pin_in_settings(&mut world, DAEMON, &pin);
    let word = format!("governance@{}", world.tip("main"));
    expect_refused(&mut world, &word, "the pinned policy cannot be used");
    let root = world.root();
    pin_in_settings(&mut world, DAEMON, &root);
    world.tick().finish();
}

#[test]
fn a8_branches_in_the_way_are_removed_and_named() {
    let mut world = World::new();
    world.tick();
    let main = world.tip("main");
    put_at(&world, "countersign/approve", &main);
    put_at(&world, "countersign/reject/prod", &main);
    put_at(&world, "countersign/records/mine", &main);
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    for branch in ["countersign/approve", "countersign/reject/prod", "countersign/records/mine"] {
        world.expect_alarm(&format!("branch refs/heads/{branch} (at {main}) was in the way"));
    }
    world.expect_waiting_on("prod", "standard/platform");
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn a8_where_the_remote_keeps_what_is_in_the_way_records_still_count() {
    let mut world = World::new();
    world.tick();
    put_at(&world, "countersign/approve", "main");
    world.git("remote.git", &["config", "receive.denyDeletes", "true"]);
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().expect_alarm("does not let it go");
    world.tick();
    let told = world.alarms().iter().filter(|alarm| alarm.contains("does not let it go")).count();
    assert_eq!(told, 1, "said once");
    world.approve_by_record("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn a8_a_branch_in_the_way_of_the_first_journal_is_named() {
    let mut world = World::new();
    put_at(&world, "countersign", "main");
    let run = world.try_tick();
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("branch `countersign` (at ") && run.stderr.contains("--delete countersign"), "{run}");
    delete(&world, "countersign");
    let settings = world.at("journal.settings.yaml").display().to_string();
    let run = world.countersign(&["run", "--settings", &settings, "--once", "--start-journal"]);
    assert!(run.succeeded(), "{run}");
    world.tick().finish();
}

#[test]
fn a8_check_names_what_is_below_the_prefix_and_not_the_daemon_s() {
    let mut world = applied();
    put_at(&world, "countersign/mine", "main");
    put_at(&world, "countersign/approve/prod/a/b", "main");
    let settings = world.at("journal.settings.yaml").display().to_string();
    let run = world.countersign(&["run", "--settings", &settings, "--check"]);
    assert!(run.succeeded(), "{run}");
    assert!(run.stderr.contains("countersign/mine") && run.stderr.contains("none of its branches"), "{run}");
    assert!(run.stderr.contains("countersign/approve/prod/a/b") && run.stderr.contains("in the way"), "{run}");
    // It is nobody's to delete, as it is in nobody's way.
    world.tick().expect_alarm("countersign/approve/prod/a/b");
    assert!(world.branches("countersign/").iter().any(|branch| branch.ends_with("countersign/mine")));
    world.finish();
}
