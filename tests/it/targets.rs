//! Targets: what the operator grants, and whose they are.

use countersign::lifecycle::Phase;

use crate::world::World;

const STANDARD: &str = "requireApproval: true\nrulesets: [standard]\n";

fn applied() -> World {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("alice", "prod").tick();
    world.expect_applied("prod", "v1\n");
    world
}

#[test]
fn p10_a_target_belongs_to_whom_it_was_first_applied_for() {
    let mut world = applied();
    let target = world.target("prod").display().to_string();
    for (name, target) in [("same", target.clone()), ("inside", format!("{target}/sub"))] {
        world.pull("mallory").environment_at("mallory", name, "evil\n", STANDARD, &target).push("mallory").tick();
        world.expect_exit(1).expect_invalid(name, "belongs to prod");
    }
    world
        .expect_applied("prod", "v1\n")
        .change("mallory", "prod", "v2\n")
        .tick()
        .approve_by_merge("bob", "prod")
        .tick();
    world.expect_applied("prod", "v2\n").finish();
}

#[test]
fn p10_a_target_around_another_is_refused_too() {
    let mut world = World::new();
    std::fs::create_dir(world.at("srv/acme")).expect("a folder");
    let inner = world.at("srv/acme/prod").display().to_string();
    world
        .environment_at("mallory", "prod", "v1\n", STANDARD, &inner)
        .push("mallory")
        .tick()
        .approve_by_merge("alice", "prod")
        .tick();
    let outer = world.at("srv/acme").display().to_string();
    world.pull("mallory").environment_at("mallory", "greedy", "evil\n", STANDARD, &outer).push("mallory").tick();
    world.expect_invalid("greedy", "belongs to prod").finish();
}

#[test]
fn p10_two_new_environments_with_one_target_are_not_both_applied() {
    let mut world = World::new();
    let target = world.target("prod").display().to_string();
    world.environment("mallory", "prod", "v1\n").environment_at("mallory", "other", "evil\n", STANDARD, &target);
    world.push("mallory").tick().approve_by_merge("alice", "prod").approve_by_merge("alice", "other").tick();
    let owners = world.deployments("prod").len() + world.deployments("other").len();
    assert_eq!(owners, 1, "exactly one of them got it");
    world.finish();
}

#[test]
fn p10_a_target_is_free_again_once_the_destroy_is_applied() {
    let mut world = applied();
    let target = world.target("prod").display().to_string();
    world.remove("mallory", "environments/prod").environment_at("mallory", "next", "n1\n", STANDARD, &target);
    world.push("mallory").tick().expect_invalid("next", "belongs to prod");
    world.approve_by_merge("alice", "prod").tick().expect_phase("prod", Phase::Synced);
    world.tick().expect_waiting_on("next", "standard/platform").approve_by_merge("bob", "next").tick();
    world.expect_applied("prod", "n1\n").finish();
}

#[test]
fn p10_a_target_that_is_not_granted_is_invalid() {
    let mut world = World::new();
    let outside = world.at("home/x").display().to_string();
    let dotted = world.at("srv/../home/x").display().to_string();
    let itself = world.at("srv").display().to_string();
    for (name, target) in
        [("outside", outside), ("dotted", dotted), ("itself", itself), ("relative", "srv/x".to_owned())]
    {
        world.environment_at("mallory", name, "evil\n", STANDARD, &target);
    }
    world.push("mallory").tick().expect_exit(1);
    for name in ["outside", "dotted", "itself", "relative"] {
        world.expect_phase(name, Phase::Invalid);
    }
    assert!(!world.at("home/x").exists());
    world.finish();
}

#[test]
fn d6_a_symlink_on_the_way_to_the_target_is_never_followed() {
    let mut world = World::new();
    std::fs::create_dir(world.at("home/real")).expect("a folder");
    std::os::unix::fs::symlink(world.at("home/real"), world.at("srv/link")).expect("a link");
    let through = world.at("srv/link/prod").display().to_string();
    world.environment_at("mallory", "prod", "v1\n", STANDARD, &through);
    let itself = world.at("srv/link").display().to_string();
    world.environment_at("mallory", "self", "v1\n", STANDARD, &itself).push("mallory").tick();
    world.expect_invalid("prod", "symlink").expect_invalid("self", "symlink");
    assert!(std::fs::read_dir(world.at("home/real")).expect("a folder").next().is_none());
    world.finish();
}

#[test]
fn a_missing_parent_is_told_and_mended_without_a_push() {
    let mut world = World::new();
    let target = world.at("srv/deep/prod").display().to_string();
    world.environment_at("mallory", "prod", "v1\n", STANDARD, &target).push("mallory").tick().expect_exit(1);
    world.expect_invalid("prod", "make the folder");
    std::fs::create_dir(world.at("srv/deep")).expect("a folder");
    world.tick().expect_waiting_on("prod", "standard/platform").approve_by_merge("alice", "prod").tick();
    assert_eq!(world.applied("deep/prod").as_deref(), Some("v1\n"));
    world.finish();
}

#[test]
fn a_target_folder_that_was_somebody_elses_is_shown_as_deletions_and_taken_only_when_approved() {
    let mut world = World::new();
    std::fs::create_dir(world.target("prod")).expect("a folder");
    std::fs::write(world.target("prod").join("precious"), "data\n").expect("a file");
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    assert!(world.journal_file("environments/prod/plan.diff").expect("a diff").contains("precious"));
    assert!(world.target("prod").join("precious").exists());
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn a_full_disk_fails_with_nothing_changed_and_the_next_change_goes_on() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: mounting a small file system takes root");
        return;
    }
    let mut world = World::new();
    let Some((mount, _unmount)) = small_disk(&world) else { return world.finish_without_tick("skipped") };
    let target = mount.join("prod").display().to_string();
    world.environment_at("mallory", "prod", "v1\n", STANDARD, &target).push("mallory").tick();
    world.approve_by_merge("alice", "prod").tick();
    assert_eq!(world.applied("small/prod").as_deref(), Some("v1\n"));
    let noise: String = (0..40_000_u64).map(|n| format!("{}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    world.change("mallory", "prod", &noise).tick();
    let record = world.record("alice", "prod", countersign::model::ApprovalVerdict::Approve).acknowledging_truncation();
    world.say("alice", &record).tick().expect_exit(1).expect_phase("prod", Phase::Failed);
    assert_eq!(world.applied("small/prod").as_deref(), Some("v1\n"), "nothing was changed");
    assert_eq!(crate::world::files_below(&mount).len(), 1, "nothing was left behind");
    world.change("mallory", "prod", "v3\n").tick().approve_by_merge("bob", "prod").tick();
    assert_eq!(world.applied("small/prod").as_deref(), Some("v3\n"));
    world.finish();
}

/// A file system of 256 KiB where targets may be; it is gone when the second value is.
pub fn small_disk(world: &World) -> Option<(std::path::PathBuf, Unmount)> {
    let mount = world.at("srv/small");
    std::fs::create_dir(&mount).expect("a folder");
    let run = world.run({
        let mut command = world.command("mount");
        command.args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"]).arg(&mount);
        command
    });
    if !run.succeeded() {
        eprintln!("skipped: no tmpfs can be mounted here: {run}");
        return None;
    }
    Some((mount.clone(), Unmount(mount)))
}

/// Takes a file system away again.
pub struct Unmount(std::path::PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}
