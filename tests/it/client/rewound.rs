//! A clone remembers how far the journal was, and reads none that went back.

use super::{expect_refused, update_waiting};
use crate::world::World;

const JOURNAL: &str = "countersign/journal";
const SEEN: &str = "refs/countersign-seen/origin/countersign/journal";

fn put_journal(world: &World, at: &str) {
    world.git("remote.git", &["update-ref", &format!("refs/heads/{JOURNAL}"), at]);
}

#[test]
fn a_journal_that_went_back_is_not_read() {
    let mut world = update_waiting();
    let newest = world.tip(JOURNAL);
    world.client("bob", &["status", "prod"]).text();
    put_journal(&world, &format!("{JOURNAL}~2"));
    let words = ["went back", "tell whoever runs the daemon", SEEN];
    // Git's own housekeeping does not forget it.
    world.shell("bob", "git fetch --quiet --prune && git gc --quiet --prune=now");
    for command in [["status", "prod"].as_slice(), &["pending"], &["diff", "prod"], &["approve", "prod", "--yes"]] {
        expect_refused(&world, "bob", command, 2, &words);
    }
    // Whoever never saw more cannot know.
    world.client("alice", &["status", "prod"]).text();
    put_journal(&world, &newest);
    world.client("alice", &["status", "prod"]).text();
    world.client("bob", &["approve", "prod", "--yes"]).text();
    world.tick().expect_applied("prod", "v2\n").finish();
}

#[test]
fn a_journal_that_was_begun_anew_is_read_once_the_old_one_is_forgotten() {
    let mut world = update_waiting();
    world.client("bob", &["status", "prod"]).text();
    let first = world.git("remote.git", &["rev-list", "--max-parents=0", JOURNAL]);
    put_journal(&world, first.trim());
    let run = world.client("bob", &["status"]);
    let way_out = run.stderr.split("forget what was seen: ").nth(1).expect("the way out").trim().to_owned();
    world.shell("bob", &way_out);
    world.client("bob", &["status"]).text();
    world.finish_without_tick("the journal was rewound: the daemon does not go on from there");
}

#[test]
fn what_somebody_else_put_on_top_is_not_remembered() {
    let mut world = update_waiting();
    world.client("bob", &["status", "prod"]).text();
    let good = world.tip(JOURNAL);
    world.shell("mallory", &format!("git fetch --quiet && git checkout --quiet --detach origin/{JOURNAL}"));
    world.shell(
        "mallory",
        &format!("git commit --quiet --allow-empty -S -m junk && git push --quiet origin HEAD:{JOURNAL}"),
    );
    expect_refused(&world, "bob", &["status", "prod"], 2, &["is not to be trusted"]);
    put_journal(&world, &good);
    world.client("bob", &["status", "prod"]).text();
    world.finish();
}
