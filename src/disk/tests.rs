use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use super::*;
use crate::object::Kind;
use crate::object::Oid;

fn name(text: &str) -> EnvironmentName {
    text.parse().expect("a name")
}

/// Both disks, for what holds for either.
fn disks() -> (tempfile::TempDir, [Box<dyn Disk>; 2]) {
    let folder = tempfile::tempdir().expect("a folder");
    let real = FolderDisk::open(&folder.path().join("a/state")).expect("a disk");
    (folder, [Box::new(real), Box::new(MemoryDisk::new())])
}

/// Takes a lock that is about to become free. A process that another test starts at this very moment has a copy of
/// every handle, between its two first steps.
fn lock_soon(disk: &dyn Disk, environment: &EnvironmentName) -> EnvironmentLock {
    let started = Instant::now();
    loop {
        if let Some(lock) = disk.lock(environment).expect("a disk that works") {
            return lock;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "it never became free");
        std::thread::yield_now();
    }
}

#[test]
fn files_are_written_read_and_removed() {
    let (_folder, disks) = disks();
    for disk in disks {
        assert_eq!(disk.read("tips.json").expect("read"), None);
        disk.remove("tips.json").expect("nothing to remove");
        disk.write("tips.json", b"one").expect("written");
        disk.write("tips.json", b"two").expect("written");
        assert_eq!(disk.read("tips.json").expect("read").as_deref(), Some(&b"two"[..]));
        disk.remove("tips.json").expect("removed");
        assert_eq!(disk.read("tips.json").expect("read"), None);
        for bad in ["", "../x", "/etc/passwd", "a/b", ".hidden", "locks/a", "A", "a\n", "-x"] {
            assert!(disk.write(bad, b"x").is_err() && disk.read(bad).is_err() && disk.remove(bad).is_err(), "{bad:?}");
        }
    }
}

#[test]
fn state_is_for_its_owner_alone_and_nothing_is_left_lying_about() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state");
    let disk = FolderDisk::open(&state).expect("a disk");
    disk.write("instance", b"x").expect("written");
    let mode = |path: &std::path::Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&state), mode(&state.join("instance"))), (0o700, 0o600));
    // Where the file cannot get its name, the old one stays, and no other appears.
    fs::create_dir(state.join("taken")).expect("a folder in the way");
    disk.write("taken", b"x").expect_err("a folder is in the way");
    let mut left: Vec<_> = fs::read_dir(&state).expect("a folder").map(|e| e.expect("one").file_name()).collect();
    left.sort();
    assert_eq!(left, ["instance", "locks", "taken"]);
    // What is there and cannot be read is not "nothing".
    assert!(disk.read("taken").is_err());
}

#[test]
fn a_lock_is_held_until_its_last_handle_is_gone() {
    let (_folder, disks) = disks();
    let (prod, test) = (name("prod"), name("governance"));
    for disk in disks {
        let lock = disk.lock(&prod).expect("a disk").expect("free");
        assert!(disk.lock(&prod).expect("a disk").is_none());
        drop(disk.lock(&test).expect("a disk").expect("another one is free"));
        let other = lock.try_clone().expect("a handle");
        drop(lock);
        assert!(disk.lock(&prod).expect("a disk").is_none());
        drop(other);
        drop(lock_soon(&*disk, &prod));
    }
    let lock = MemoryDisk::new().lock(&prod).expect("a disk").expect("free");
    assert!(lock.stdin().is_err());
}

#[test]
fn a_child_keeps_the_lock_when_its_parent_lets_go() {
    let folder = tempfile::tempdir().expect("a folder");
    let prod = name("prod");
    let disk = FolderDisk::open(folder.path()).expect("a disk");
    let lock = disk.lock(&prod).expect("a disk").expect("free");
    let mut child = Command::new("sleep").arg("1000").stdin(lock.stdin().expect("a handle")).spawn().expect("a child");
    drop(lock);
    drop(disk);
    let after_restart = FolderDisk::open(folder.path()).expect("a disk");
    assert!(after_restart.lock(&prod).expect("a disk").is_none());
    child.kill().expect("killed");
    child.wait().expect("ended");
    lock_soon(&after_restart, &prod);
}

#[test]
fn another_process_cannot_take_what_is_held() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = FolderDisk::open(folder.path()).expect("a disk");
    let lock = disk.lock(&name("prod")).expect("a disk").expect("free");
    let try_it = || {
        let path = folder.path().join("locks/prod");
        Command::new("flock").arg("--nonblock").arg(path).arg("true").status().expect("flock runs").success()
    };
    assert!(!try_it());
    drop(lock);
    drop(lock_soon(&disk, &name("prod")));
    let started = Instant::now();
    while !try_it() {
        assert!(started.elapsed() < Duration::from_secs(20), "it never became free");
    }
}

#[test]
fn one_daemon_for_each_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key");
    let shown = |error: KeyLockError| error.to_string().replace(&key.display().to_string(), "[KEY]");
    insta::assert_snapshot!(shown(KeyLock::take(&key).expect_err("no key")), @"the key `[KEY]` cannot be locked");
    fs::write(&key, "a key").expect("written");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o400)).expect("permissions");
    let lock = KeyLock::take(&key).expect("free");
    insta::assert_snapshot!(
        shown(KeyLock::take(&key).expect_err("taken")),
        @"another daemon runs with the key `[KEY]`: stop it, or make this one a key of its own"
    );
    drop(lock);
    let started = Instant::now();
    while KeyLock::take(&key).is_err() {
        assert!(started.elapsed() < Duration::from_secs(20), "it never became free");
    }
}

#[test]
fn an_instance_is_made_once() {
    let (_folder, disks) = disks();
    let ids: Vec<String> = disks
        .iter()
        .map(|disk| {
            let id = instance(&**disk).expect("an id");
            assert_eq!(instance(&**disk).expect("the same"), id);
            assert_eq!(id.len(), 32);
            id
        })
        .collect();
    assert_ne!(ids[0], ids[1]);
    disks[1].write("instance", b"").expect("written");
    insta::assert_snapshot!(
        instance(&*disks[1]).expect_err("damaged"),
        @"the state file `instance` is damaged (32 hex digits expected); delete it to start as if it had never been"
    );
}

#[test]
fn tips_are_remembered_and_damage_is_never_forgetting() {
    let (_folder, disks) = disks();
    let tip = |text: &[u8]| Some(Oid::of(Kind::Blob, text));
    for disk in disks {
        assert_eq!(Tips::read(&*disk).expect("read"), None);
        let tips = Tips { config: tip(b"a"), journal: tip(b"b"), records: None };
        tips.write(&*disk).expect("written");
        assert_eq!(Tips::read(&*disk).expect("read"), Some(tips));
        for damage in [&b""[..], b"{}", b"{\"config\":\"x\",\"journal\":null,\"records\":null}", b"{\"unknown\":1}"] {
            disk.write("tips.json", damage).expect("written");
            let error = Tips::read(&*disk).expect_err("damaged").to_string();
            assert!(error.starts_with("the state file `tips.json` is damaged ("), "{error}");
        }
    }
}

#[test]
fn a_disk_in_memory_fails_when_the_test_says_so() {
    let disk = MemoryDisk::new();
    disk.fail_after(2);
    disk.write("a", b"1").expect("written");
    disk.remove("b").expect("removed");
    let after_crash = disk.clone();
    after_crash.write("a", b"2").expect_err("failed");
    after_crash.remove("a").expect_err("failed");
    assert_eq!(after_crash.read("a").expect("read").as_deref(), Some(&b"1"[..]));
    after_crash.heal();
    disk.write("a", b"2").expect("written");
    assert_eq!(after_crash.read("a").expect("read").as_deref(), Some(&b"2"[..]));
}
