//! Ordinary clones and ordinary git: whatever people do every day, nothing is applied by mistake and nothing is lost.

use crate::world::World;

const TWO: &str = "rules:\n  - name: platform\n    approvers: { teams: [platform] }\n    required: 2\n";

fn waiting() -> World {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().expect_waiting_on("prod", "standard/platform");
    world
}

#[test]
fn a_clone_that_is_a_push_behind_approves_with_the_same_command() {
    let mut world = World::new();
    world.clone_of("bob");
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    world.pull("mallory").file("mallory", "README.md", "later\n").push("mallory");
    world.approve_by_merge("bob", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn a_dirty_work_tree_keeps_its_changes_and_approves() {
    let mut world = waiting();
    world.write("alice", "draft.txt", "not yet committed\n");
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n");
    assert!(world.shell("alice", "git status --porcelain").contains("?? draft.txt"));
    world.finish();
}

#[test]
fn of_two_people_who_merge_at_once_the_second_merges_again_and_both_count() {
    let mut world = World::with().ruleset("standard", TWO).build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    let branch = world.ready("approve", "prod");
    for who in ["alice", "bob"] {
        world.shell(
            who,
            &format!("git pull -q --ff-only && git fetch -q origin {branch} && git merge -q -S --no-ff FETCH_HEAD"),
        );
    }
    world.shell("alice", "git push -q");
    assert!(!world.try_shell("bob", "git push -q").succeeded(), "bob lost the race");
    // Plain `git pull` makes a sync merge; bob's own merge stays as it was, and is found off the first-parent line.
    world.shell("bob", "git pull -q --no-rebase --no-edit && git push -q");
    world.tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn of_two_people_who_merge_at_once_a_rebase_loses_the_second_approval_and_says_so() {
    let mut world = World::with().ruleset("standard", TWO).build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    let branch = world.ready("approve", "prod");
    for who in ["alice", "bob"] {
        world.shell(
            who,
            &format!("git pull -q --ff-only && git fetch -q origin {branch} && git merge -q -S --no-ff FETCH_HEAD"),
        );
    }
    world.shell("alice", "git push -q");
    let run = world.try_shell("bob", "git pull -q --rebase && git push -q");
    assert!(run.succeeded(), "{run}");
    world.tick().expect_waiting_on("prod", "standard/platform");
    assert_eq!(world.rule("prod", "standard/platform").have.len(), 1);
    world.approve_by_merge("bob", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn with_pull_rebase_set_the_printed_command_works() {
    let mut world = waiting();
    world.shell("alice", "git config pull.rebase true");
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn with_merge_ff_only_set_the_printed_command_works() {
    let mut world = waiting();
    world.shell("alice", "git config merge.ff only && git config pull.ff only");
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn a_merge_that_was_reset_before_the_push_says_nothing() {
    let mut world = waiting();
    let branch = world.ready("approve", "prod");
    world.shell("alice", &format!("git pull -q --ff-only && git fetch -q origin {branch} && git merge -q -S --no-ff FETCH_HEAD && git reset -q --hard HEAD^1"));
    world.file("alice", "README.md", "read me\n").push("alice").tick();
    world.expect_waiting_on("prod", "standard/platform").expect_not_applied("prod");
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn a_reason_in_the_merge_message_is_kept() {
    let mut world = waiting();
    let branch = world.ready("approve", "prod");
    let editor = "printf '\\n\\nload-tested on staging\\n' >>";
    world.shell("alice", &format!("git pull -q --ff-only && git fetch -q origin {branch} && GIT_EDITOR=\"{editor}\" git merge -q -S --no-ff --edit FETCH_HEAD && git push -q"));
    world.tick().expect_applied("prod", "v1\n");
    let history = world.journal_file("environments/prod/README.md").expect("a page");
    assert!(history.contains("load-tested on staging"), "{history}");
    world.finish();
}

#[test]
fn a_remote_tracking_branch_may_be_merged_as_well() {
    let mut world = waiting();
    let branch = world.ready("approve", "prod");
    world.shell(
        "alice",
        &format!(
            "git pull -q --ff-only && git fetch -q && git merge -q -S --no-ff --no-edit origin/{branch} && git push -q"
        ),
    );
    world.tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn from_a_branch_of_ones_own_the_merge_counts_once_it_is_on_main() {
    let mut world = waiting();
    let branch = world.ready("approve", "prod");
    world.shell("alice", &format!("git pull -q --ff-only && git checkout -q -b review && git fetch -q origin {branch} && git merge -q -S --no-ff FETCH_HEAD && git push -q origin review"));
    world.tick().expect_waiting_on("prod", "standard/platform").expect_not_applied("prod");
    world.shell(
        "bob",
        "git pull -q --ff-only && git fetch -q && git merge -q --no-ff --no-edit origin/review && git push -q",
    );
    world.tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn a_repository_with_a_single_commit_can_be_approved() {
    let mut world = World::new();
    world.environment("alice", "prod", "v1\n");
    world.shell("alice", "git add --all && git commit -q --amend --no-edit && git push -q --force");
    world.tick().expect_waiting_on("prod", "standard/platform");
    assert_eq!(world.git("remote.git", &["rev-list", "--count", "main"]), "1");
    world.approve_by_merge("bob", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn in_a_shallow_clone_git_refuses_and_unshallowing_helps() {
    let mut world = waiting();
    world.pull("mallory").file("mallory", "README.md", "one more\n").push("mallory");
    world.make_clone("shallow", "bob", &["--depth", "1"]);
    let branch = world.ready("approve", "prod");
    let line = countersign::lifecycle::merge_command(&branch);
    let run = world.try_shell("shallow", &line);
    assert!(!run.succeeded() && run.stderr.contains("unrelated histories"), "{run}");
    world.tick().expect_waiting_on("prod", "standard/platform").expect_not_applied("prod");
    world.shell("shallow", &format!("git fetch -q --unshallow && {line}"));
    world.tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn the_daemons_branches_do_not_get_in_the_way_of_ordinary_work() {
    let mut world = waiting();
    world.shell("bob", "git fetch -q --all --prune && git branch -r");
    world.shell(
        "bob",
        "git checkout -q -b feature && git commit -q --allow-empty -m empty && git push -q -u origin feature",
    );
    world.shell("bob", "git checkout -q main && git pull -q && git merge -q --no-ff --no-edit feature && git push -q");
    world.tick().expect_waiting_on("prod", "standard/platform").expect_no_alarm().finish();
}
