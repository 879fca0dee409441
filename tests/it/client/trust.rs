//! What a command does not take on trust: the journal's signature, the plan's digest, and what the plan would do.

use countersign::digest::{Digest, RepositoryId, canonical_json};
use countersign::journal::{JournalEntry, Status, yaml_out};
use countersign::plan::PlanDocument;

use super::{expect_refused, update_waiting, waiting};
use crate::world::{DAEMON, World};

const JOURNAL: &str = "countersign/journal";

/// Rewrites the published plan as somebody with the daemon's key could, status and entry included.
fn forge_plan(world: &World, keep_digest: bool, change: impl FnOnce(&mut PlanDocument)) {
    world.make_clone("thief", DAEMON, &["--branch", JOURNAL]);
    let folder = world.at("thief/environments/prod");
    let mut document: PlanDocument = serde_json::from_slice(&std::fs::read(folder.join("plan.json")).unwrap()).unwrap();
    change(&mut document);
    let mut status: Status = yaml_out::from_yaml(&std::fs::read(folder.join("status.yaml")).unwrap()).unwrap();
    status.repository = document.plan.repository;
    if !keep_digest {
        document.digest = document.plan.id();
        document.short = document.digest.short();
        let plan = status.plan.as_mut().unwrap();
        (plan.digest, plan.short) = (document.digest, document.short.clone());
    }
    std::fs::write(folder.join("plan.json"), serde_json::to_vec(&document).unwrap()).unwrap();
    std::fs::write(folder.join("status.yaml"), yaml_out::to_yaml(&status)).unwrap();
    let raw = world.run({
        let mut command = world.command("git");
        command.arg("-C").arg(world.at("remote.git")).args(["cat-file", "commit", JOURNAL]);
        command
    });
    let last = world.entries().pop().unwrap();
    let previous = Some(Digest::of(raw.stdout.as_bytes()));
    let entry = JournalEntry { sequence: last.sequence + 1, previous, policy: 1, events: Vec::new(), ..last };
    std::fs::write(world.at("thief/entry.json"), canonical_json(&entry)).unwrap();
    world.git("thief", &["commit", "--quiet", "--all", "-S", "-m", "forged"]);
    world.git("thief", &["push", "--quiet", "origin", &format!("HEAD:{JOURNAL}")]);
}

#[test]
fn a_journal_that_somebody_else_wrote_on_is_not_read() {
    let mut world = waiting();
    for (who, sign, words) in [("mallory", "-S", "no journal key"), ("bob", "--no-gpg-sign", "it is not signed")] {
        let good = world.tip(JOURNAL);
        world.shell(who, &format!("git fetch --quiet && git checkout --quiet -b forged-by-{who} origin/{JOURNAL}"));
        world.shell(
            who,
            &format!("git commit --quiet --allow-empty {sign} -m junk && git push --quiet origin HEAD:{JOURNAL}"),
        );
        world.shell(who, "git checkout --quiet main");
        for command in [["status", "prod"].as_slice(), &["diff", "prod"], &["pending"], &["approve", "prod", "--yes"]] {
            expect_refused(&world, "alice", command, 2, &["is not to be trusted", words]);
        }
        world.git("remote.git", &["update-ref", &format!("refs/heads/{JOURNAL}"), &good]);
    }
    world.finish();
}

#[test]
fn a_plan_that_is_not_what_its_digest_says_is_refused() {
    let mut world = update_waiting();
    forge_plan(&world, true, |document| document.plan.number = 77);
    let words = ["is not what its digest says", "do not approve it"];
    expect_refused(&world, "bob", &["approve", "prod", "--yes"], 2, &words);
    expect_refused(&world, "bob", &["diff", "prod"], 2, &words);
    world.finish_without_tick("the daemon's key was stolen: its journal is forged");
}

#[test]
fn a_plan_of_something_else_than_what_is_on_the_branch_is_refused() {
    let mut world = update_waiting();
    forge_plan(&world, false, |document| document.plan.revision = document.plan.base.unwrap().revision);
    let words = ["is not a plan of what is on the branch", "tell whoever runs the daemon"];
    expect_refused(&world, "bob", &["approve", "prod", "--yes"], 1, &words);
    world.finish_without_tick("the daemon's key was stolen: its journal is forged");
}

#[test]
fn a_plan_that_would_set_something_else_is_refused() {
    let mut world = update_waiting();
    forge_plan(&world, false, |document| document.plan.services[0].effect = Digest::of("something else"));
    expect_refused(&world, "bob", &["approve", "prod", "--yes"], 1, &["would be set to sha256:", "tell whoever runs"]);
    world.finish_without_tick("the daemon's key was stolen: its journal is forged");
}

#[test]
fn a_plan_of_another_repository_is_refused() {
    let mut world = update_waiting();
    forge_plan(&world, false, |document| document.plan.repository = RepositoryId(Digest::of("another")));
    let run = world.client("bob", &["approve", "prod", "--yes"]);
    assert!(run.code == Some(2) && run.stderr.contains("the status is of repository"), "{run}");
    world.finish_without_tick("the daemon's key was stolen: its journal is forged");
}

#[test]
fn a_diff_that_hides_something_is_not_what_is_shown() {
    let mut world = update_waiting();
    // The preview is computed here: what the journal says about it is not needed.
    forge_plan(&world, true, |_| {});
    std::fs::write(world.at("thief/environments/prod/plan.diff"), "# nothing \u{1b}[2J to see\n").unwrap();
    world.git("thief", &["commit", "--quiet", "--all", "--amend", "-S", "-m", "forged"]);
    world.git("thief", &["push", "--quiet", "--force", "origin", &format!("HEAD:{JOURNAL}")]);
    let run = world.client("bob", &["approve", "prod"]);
    assert!(run.stdout.contains("+v2"), "{run}");
    assert_eq!(world.client("bob", &["diff", "prod"]).stdout, "# nothing <U+001B>[2J to see\n");
    world.finish_without_tick("the daemon's key was stolen: its journal is forged");
}

#[test]
fn what_differs_on_the_host_is_told_on_the_daemon_s_word() {
    let mut world = waiting();
    world.approve_by_merge("alice", "prod").tick();
    std::fs::write(world.target("prod").join("foreign.txt"), "mine\n").unwrap();
    world.change("mallory", "prod", "v2\n").tick();
    let run = world.client("bob", &["approve", "prod", "--yes"]);
    let text = run.text();
    assert!(text.contains("on the host, by the daemon's word") && text.contains("`foreign.txt` on the host"), "{run}");
    world.tick().expect_applied("prod", "v2\n").finish();
}

#[test]
fn a_push_since_the_plan_is_told_apart_from_a_forgery() {
    let mut world = update_waiting();
    world.change("mallory", "prod", "v3\n");
    let words = ["prod was changed by a push", "it will be superseded", "countersign status prod"];
    expect_refused(&world, "bob", &["approve", "prod", "--yes"], 1, &words);
    // A veto is taken whatever it is against.
    world.client("bob", &["reject", "prod", "--yes"]).text();
    world.tick().expect_waiting_on("prod", "standard/platform").finish();
}

#[test]
fn a_shallow_clone_is_told_what_to_fetch() {
    let mut world = update_waiting();
    world.make_clone("shallow", "bob", &["--depth", "1"]);
    let shallow = |arguments: &[&str]| world.countersign(&[["-C", "shallow"].as_slice(), arguments].concat());
    assert!(shallow(&["status", "prod"]).text().contains("waits for alice or bob"));
    let run = shallow(&["approve", "prod", "--yes"]);
    assert!(
        run.code == Some(2) && run.stderr.contains("hint: ") && run.stderr.contains("git fetch --unshallow"),
        "{run}"
    );
    world.git("shallow", &["fetch", "--quiet", "--unshallow"]);
    shallow(&["approve", "prod", "--yes"]).text();
    world.tick().expect_applied("prod", "v2\n").finish();
}
