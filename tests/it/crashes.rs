//! The daemon is killed at system calls on the way, and started again: applied exactly once, nothing lost, never mixed.
//!
//! A tick makes a known number of each family of calls. Those that are few are tried one by one, of the others some that
//! are evenly spread; `CRASHES_ALL=1` tries every one, `CRASHES_OFFSET=1`, `2`, … others than the plain run. How many of
//! how many were tried is printed. Only the daemon's main thread is killed at a call: there the whole tick happens,
//! but for the threads that pass bytes to a git it started.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use countersign::journal::Event;
use countersign::lifecycle::Phase;

use crate::world::{World, files_below, tool_or_skip};

/// How many calls of a family a plain run tries.
#[derive(Clone, Copy)]
enum Tries {
    All,
    Spread(usize),
}

/// `prod` runs v1 and its update to v2 is approved: the next tick applies it.
fn approved() -> World {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").file("mallory", "environments/prod/config/sub/two.conf", "one\n");
    world.push("mallory").tick().approve_by_merge("alice", "prod").tick();
    world.file("mallory", "environments/prod/config/sub/two.conf", "two\n").change("mallory", "prod", "v2\n").tick();
    world.approve_by_merge("bob", "prod");
    world
}

/// What `files_below` gives for the target before and after.
fn is_whole(target: &Path) -> bool {
    let found = files_below(target);
    let text = |name: &str| found.get(name).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let both = (text("app.conf"), text("sub/two.conf"));
    let old = (Some("v1\n".to_owned()), Some("one\n".to_owned()));
    let new = (Some("v2\n".to_owned()), Some("two\n".to_owned()));
    found.len() == 2 && (both == old || both == new)
}

/// A copy of everything that a tick can change, to begin again from.
struct Saved {
    folder: PathBuf,
    kept: PathBuf,
}

const CHANGED: [&str; 3] = ["remote.git", "journal.state", "srv"];

impl Saved {
    fn of(world: &World) -> Self {
        let saved = Self { folder: world.at(""), kept: world.at("saved") };
        std::fs::create_dir(&saved.kept).expect("a folder");
        saved.copy(&saved.folder, &saved.kept);
        saved
    }

    fn restore(&self) {
        for name in CHANGED {
            std::fs::remove_dir_all(self.folder.join(name)).expect("removed");
        }
        self.copy(&self.kept, &self.folder);
    }

    fn copy(&self, from: &Path, to: &Path) {
        let status = Command::new("cp").arg("-a").args(CHANGED.map(|name| from.join(name))).arg(to).status();
        assert!(status.expect("cp runs").success());
    }
}

/// Runs one tick that is killed when it enters the `nth` of these system calls, itself or a child. Gives whether it was.
fn killed_at(world: &mut World, calls: &str, nth: u32) -> bool {
    let arguments = world.tick_arguments("journal");
    let mut command = world.command("strace");
    // The daemon alone: what it started goes on without it, as after a real crash.
    command.args(["-o", "/dev/null", "-e", &format!("trace={calls}")]);
    command.args(["-e", &format!("inject={calls}:signal=KILL:when={nth}"), env!("CARGO_BIN_EXE_countersign")]);
    let run = world.run({
        command.args(arguments);
        command
    });
    match run.code {
        Some(0) => false,
        None | Some(137) => true,
        _ => panic!("{calls} {nth}: {run}"),
    }
}

/// The calls of these names that a tick makes, in order: each with its name and its place among those of its name, as
/// strace counts them.
fn made(world: &mut World, calls: &str) -> Vec<(String, u32)> {
    let arguments = world.tick_arguments("journal");
    let trace = world.at("trace");
    let mut command = world.command("strace");
    command.arg("-o").arg(&trace).args(["-e", &format!("trace={calls}"), env!("CARGO_BIN_EXE_countersign")]);
    command.args(arguments);
    let run = world.run(command);
    assert_eq!(run.code, Some(0), "{calls}: {run}");
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    let mut found = Vec::new();
    for line in std::fs::read_to_string(trace).expect("a trace").lines() {
        let Some((name, _)) = line.split_once('(').filter(|_| !line.starts_with(['+', '-', '<'])) else { continue };
        let count = counts.entry(name.to_owned()).or_default();
        *count += 1;
        found.push((name.to_owned(), *count));
    }
    found
}

/// Which of these calls are tried.
fn chosen(made: &[(String, u32)], tries: Tries) -> Vec<(String, u32)> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<usize>().expect("a number"));
    let stride = match tries {
        Tries::Spread(most) if number("CRASHES_ALL").is_none() => made.len().div_ceil(most).max(1),
        _ => 1,
    };
    made.iter().skip(number("CRASHES_OFFSET").unwrap_or(0) % stride).step_by(stride).cloned().collect()
}

/// Kills at calls of a family, each time from the same beginning.
fn survives(calls: &str, tries: Tries) {
    if !tool_or_skip("strace") {
        return;
    }
    let mut world = approved();
    let saved = Saved::of(&world);
    let made = made(&mut world, calls);
    assert!(!made.is_empty(), "{calls}: none was made");
    saved.restore();
    let (mut ended_in, mut missed) = (BTreeSet::new(), Vec::new());
    let mut tried = 0;
    for (calls, nth) in chosen(&made, tries) {
        if !killed_at(&mut world, &calls, nth) {
            // Not every tick makes the same number of calls: this one was done before.
            missed.push((calls, nth));
            saved.restore();
            continue;
        }
        tried += 1;
        assert!(is_whole(&world.target("prod")), "{calls} {nth}: {:?}", files_below(&world.target("prod")));
        ended_in.insert(format!("{:?}", world.status("prod").phase));
        // An orphaned git may still be at work in the cache, or on its way to the remote, and a lock that the daemon
        // itself left on a reference is taken for left after 10 s: an error, and then it is over. On a busy machine the
        // ticks themselves take seconds.
        let patience = Instant::now() + Duration::from_secs(60);
        while !world.try_tick().succeeded() || world.status("prod").phase != Phase::Synced {
            assert!(Instant::now() < patience, "{calls} {nth}: {}", world.last.clone().expect("a tick"));
        }
        world.expect_phase("prod", Phase::Synced);
        let found = files_below(&world.target("prod"));
        assert_eq!(found.get("app.conf").map(Vec::as_slice), Some(&b"v2\n"[..]), "{calls} {nth}");
        assert!(is_whole(&world.target("prod")), "{calls} {nth}: {found:?}");
        let left: Vec<_> =
            std::fs::read_dir(world.at("srv")).expect("srv").map(|e| e.expect("one").file_name()).collect();
        assert_eq!(left, ["prod"], "{calls} {nth}: something is left beside the target");
        let applied = world.deployments("prod");
        assert_eq!(applied.len(), 2, "{calls} {nth}: applied exactly once: {applied:?}");
        let events = |is: fn(&Event) -> bool| world.events().iter().filter(|event| is(event)).count();
        assert_eq!(
            events(|e| matches!(e, Event::Claimed(_))),
            events(|e| matches!(e, Event::Outcome { .. })),
            "{calls} {nth}"
        );
        world.expect_no_alarm().second_tick_changes_nothing();
        saved.restore();
    }
    assert!(tried > 0, "{calls}: no tick was killed");
    eprintln!("{calls}: killed at {tried} of {}; not reached: {missed:?}; left behind: {ended_in:?}", made.len());
    saved.restore();
    world.tick().expect_phase("prod", Phase::Synced).finish();
}

#[test]
fn killed_at_a_rename() {
    survives("rename,renameat,renameat2", Tries::All);
}

#[test]
fn killed_at_a_sync() {
    survives("fsync,fdatasync", Tries::All);
}

#[test]
fn killed_at_a_folder_made_or_removed() {
    survives("mkdir,mkdirat,unlink,unlinkat,rmdir", Tries::Spread(12));
}

#[test]
fn killed_at_a_program_started() {
    survives("clone,clone3,fork,vfork", Tries::All);
}

#[test]
fn killed_at_a_write() {
    survives("write,pwrite64,writev", Tries::Spread(12));
}
