//! Targets and contents of targets that somebody else prepared.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use rustix::fs::{CWD, FileType, mknodat};

use super::*;

#[test]
fn a_symlink_as_target_is_refused_and_left_alone() {
    let host = Host::new();
    let elsewhere = host.granted.join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("precious"), "data").unwrap();
    symlink(&elsewhere, host.target()).unwrap();
    let change = host.change(None, Some(ONE));
    assert_snapshot!(host.invalid(&change), @"the target `/srv/acme` is a symlink; remove it or choose another target");
    assert_snapshot!(host.failed(&change), @"the target `/srv/acme` is a symlink; remove it or choose another target; nothing was changed");
    assert_snapshot!(host.failed(&host.change(Some(ONE), None)), @"the target `/srv/acme` is a symlink; remove it or choose another target; nothing was changed");
    assert_eq!(fs::read_link(host.target()).unwrap(), elsewhere);
    assert_eq!(fs::read(elsewhere.join("precious")).unwrap(), b"data");
    assert_eq!(fs::read_dir(&host.granted).unwrap().count(), 2, "staging is cleared");

    // One that leads nowhere is one too.
    fs::remove_dir_all(&elsewhere).unwrap();
    host.invalid(&change);
}

#[test]
fn a_symlink_on_the_way_is_refused_by_name() {
    let host = Host::new();
    let real = host.granted.join("real");
    fs::create_dir_all(real.join("inner")).unwrap();
    symlink(&real, host.granted.join("link")).unwrap();
    let mut change = host.change(None, Some(ONE));
    let ServiceKind::Files(files) = &mut change.desired.as_mut().unwrap().service.kind;
    files.target = host.granted.join("link/inner/acme").to_str().unwrap().to_owned();
    assert_snapshot!(host.invalid(&change), @"the target `/srv/link/inner/acme` is reached through the symlink `/srv/link`; write the path that it leads to");
    host.failed(&change);
    assert_eq!(fs::read_dir(real.join("inner")).unwrap().count(), 0);
}

#[test]
fn a_file_a_pipe_or_a_socket_as_target_is_refused() {
    let host = Host::new();
    let change = host.change(None, Some(ONE));
    fs::write(host.target(), "mine").unwrap();
    assert_snapshot!(host.invalid(&change), @"the target `/srv/acme` is a file; remove it or choose another target");
    host.failed(&change);
    assert_eq!(fs::read(host.target()).unwrap(), b"mine");
    fs::remove_file(host.target()).unwrap();
    let _socket = UnixListener::bind(host.target()).unwrap();
    assert_snapshot!(host.invalid(&change), @"the target `/srv/acme` is a pipe, socket or device; choose another target");
}

#[test]
fn targets_outside_what_was_granted_or_oddly_written_are_refused() {
    let host = Host::new();
    let granted = host.granted.to_str().unwrap();
    let refusal = |target: &str| {
        let mut change = host.change(None, Some(ONE));
        let ServiceKind::Files(files) = &mut change.desired.as_mut().unwrap().service.kind;
        files.target = target.to_owned();
        host.failed(&change);
        host.invalid(&change)
    };
    let refused: Vec<_> = [
        granted.to_owned(),
        format!("{granted}-other/acme"),
        "/etc".to_owned(),
        "srv/acme".to_owned(),
        format!("{granted}/../etc"),
        format!("{granted}/./acme"),
        format!("{granted}//acme"),
        format!("{granted}/acme/"),
        format!("{granted}/ac\u{202e}me"),
        format!("{granted}/ac\0me"),
        format!("{granted}/.acme.countersign-0123456789ab"),
        format!("{granted}/{}", "x".repeat(230)),
        "/".to_owned(),
        String::new(),
    ]
    .iter()
    .map(|target| refusal(target).replace(&"x".repeat(230), "xx…"))
    .collect();
    assert_snapshot!(refused.join("\n"), @r"
    the target `/srv` is not below a folder that the operator granted to this environment
    the target `/srv-other/acme` is not below a folder that the operator granted to this environment
    the target `/etc` is not below a folder that the operator granted to this environment
    the target `srv/acme` is no plain absolute path; write it without `.`, `..`, `//` and final `/`
    the target `/srv/../etc` is no plain absolute path; write it without `.`, `..`, `//` and final `/`
    the target `/srv/./acme` is no plain absolute path; write it without `.`, `..`, `//` and final `/`
    the target `/srv//acme` is no plain absolute path; write it without `.`, `..`, `//` and final `/`
    the target `/srv/acme/` is no plain absolute path; write it without `.`, `..`, `//` and final `/`
    the target `/srv/ac<U+202E>me` is no plain absolute path; write it without `.`, `..`, `//` and final `/`
    the target `/srv/ac<U+0000>me` is no plain absolute path; write it without `.`, `..`, `//` and final `/`
    the target `/srv/.acme.countersign-0123456789ab` has a name of the kind that is used for folders beside a target; choose another
    the target `/srv/xx…` has too long a name; choose one of at most 229 bytes
    the target `/` is no plain absolute path; write it without `.`, `..`, `//` and final `/`
    the target `` is no plain absolute path; write it without `.`, `..`, `//` and final `/`
    ");
    assert_eq!(host.listing(), "");

    let nothing_granted = FilesDriver::new([]);
    assert!(nothing_granted.plan(&host.objects, &host.change(None, Some(ONE))).is_err());
    let with_slash = FilesDriver::new([format!("{granted}/")]);
    assert!(with_slash.plan(&host.objects, &host.change(None, Some(ONE))).is_ok());
}

#[test]
fn a_move_to_another_target_is_two_changes() {
    let host = Host::new();
    let mut change = host.change(Some(ONE), Some(ONE));
    let ServiceKind::Files(files) = &mut change.base.as_mut().unwrap().service.kind;
    files.target = host.granted.join("old").to_str().unwrap().to_owned();
    assert_snapshot!(host.invalid(&change), @"the target is `/srv/acme` but was `/srv/old`: a move is two changes");
    assert!(host.plan(&host.change(None, None)).is_err());
}

#[test]
fn foreign_content_is_listed_without_content_and_removed_without_being_opened() {
    let host = Host::new().with(ONE);
    let target = host.target();
    fs::write(target.join("secret.key"), "hunter2").unwrap();
    fs::create_dir_all(target.join("data/empty")).unwrap();
    fs::write(target.join("data/rows.db"), "rows").unwrap();
    fs::remove_file(target.join("bin/run")).unwrap();
    symlink("/etc/passwd", target.join("bin/run")).unwrap();
    symlink("/", target.join("root")).unwrap();
    // Opening a pipe without a writer would block for ever.
    mknodat(CWD, target.join("pipe"), FileType::Fifo, 0o644.into(), 0).unwrap();
    let _socket = UnixListener::bind(target.join("socket")).unwrap();
    let change = host.change(Some(ONE), Some(TWO));
    let plan = host.plan(&change).unwrap();
    let shown = host.neutral(&plan.preview.render(usize::MAX).0);
    assert_snapshot!(shown, @r"
    - delete bin/run
    - delete data/empty/
    - delete data/rows.db
    - delete pipe
    - delete root
    - delete secret.key
    - delete socket
    + create lib/deep/er.conf
    ~ change app.conf
    note: sets the folder `/srv/acme`, which is owned whole
    note: `bin/run` differs on the host from what was applied (it is a symlink); it will be removed
    note: `data/empty` on the host is not from a deployment (a folder); it will be removed
    note: `data/rows.db` on the host is not from a deployment (a file of 4 bytes); it will be removed
    note: `pipe` on the host is not from a deployment (a pipe, socket or device); it will be removed
    note: `root` on the host is not from a deployment (a symlink); it will be removed
    note: `secret.key` on the host is not from a deployment (a file of 7 bytes); it will be removed
    note: `socket` on the host is not from a deployment (a pipe, socket or device); it will be removed

    delete 0755 bin/run
    --- bin/run
    +++ /dev/null
    @@ -1 +0,0 @@
    -#!/bin/sh
    \ No newline at end of file
    create 0644 lib/deep/er.conf
    --- /dev/null
    +++ lib/deep/er.conf
    @@ -0,0 +1 @@
    +x
    \ No newline at end of file
    change 0644 app.conf
    --- app.conf
    +++ app.conf
    @@ -1 +1 @@
    -one
    \ No newline at end of file
    +two
    \ No newline at end of file
    ");
    assert!(!shown.contains("hunter2") && !shown.contains(&Digest::of("hunter2").to_hex()));
    host.apply(&change).unwrap();
    assert_eq!(host.settle(&change), Settled::Done);
    assert_eq!(fs::read_dir(&host.granted).unwrap().count(), 1);
}

#[test]
fn a_pipe_in_the_place_of_a_file_and_a_file_in_the_place_of_a_folder_are_drift() {
    let host = Host::new().with(TWO);
    let target = host.target();
    fs::remove_file(target.join("app.conf")).unwrap();
    mknodat(CWD, target.join("app.conf"), FileType::Fifo, 0o644.into(), 0).unwrap();
    fs::remove_dir_all(target.join("lib")).unwrap();
    fs::write(target.join("lib"), "x").unwrap();
    let change = host.change(Some(TWO), Some(TWO));
    assert_snapshot!(host.neutral(&host.plan(&change).unwrap().preview.render(usize::MAX).0), @r"
    + create lib/deep/er.conf
    ~ change app.conf
    note: sets the folder `/srv/acme`, which is owned whole
    note: `app.conf` differs on the host from what was applied (it is a pipe, socket or device); it will be set
    note: `lib` differs on the host from what was applied (it is a file of 1 byte); it will be set
    note: `lib/deep/er.conf` is gone from the host although it was applied; it will be made again
    ");
    host.apply(&change).unwrap();
    assert_eq!(host.plan(&change).unwrap().action, Action::None);
}

#[test]
fn taking_over_a_folder_shows_all_that_is_in_it_as_deleted() {
    let host = Host::new();
    fs::create_dir(host.target()).unwrap();
    let change = host.change(None, Some(ONE));
    assert_eq!(host.settle(&change), Settled::Untouched);
    fs::write(host.target().join("app.conf"), "by hand").unwrap();
    let plan = host.plan(&change).unwrap();
    assert_eq!(plan.action, Action::Create);
    assert_snapshot!(host.neutral(&plan.preview.render(usize::MAX).0), @r"
    - delete app.conf
    + create app.conf
    + create bin/run
    note: sets the folder `/srv/acme`, which is owned whole
    note: `app.conf` on the host is not from a deployment (a file of 7 bytes); it will be removed

    create 0644 app.conf
    --- /dev/null
    +++ app.conf
    @@ -0,0 +1 @@
    +one
    \ No newline at end of file
    create 0755 bin/run
    --- /dev/null
    +++ bin/run
    @@ -0,0 +1 @@
    +#!/bin/sh
    \ No newline at end of file
    ");
    assert!(matches!(host.settle(&change), Settled::Unknown { .. }));
}

#[test]
fn more_foreign_content_than_anybody_reads_is_refused() {
    let host = Host::new().with(ONE);
    let data = host.target().join("data");
    fs::create_dir(&data).unwrap();
    for n in 0..=10_000 {
        fs::write(data.join(n.to_string()), "").unwrap();
    }
    assert_snapshot!(host.invalid(&host.change(Some(ONE), Some(TWO))), @"the target `/srv/acme` holds more than 10000 things that are not from a deployment; choose another target");
}

#[test]
fn a_name_that_is_no_utf8_is_shown_and_removed() {
    use std::os::unix::ffi::OsStrExt as _;
    let host = Host::new().with(ONE);
    fs::write(host.target().join(std::ffi::OsStr::from_bytes(b"bad\xff")), "x").unwrap();
    let change = host.change(Some(ONE), Some(ONE));
    let plan = host.plan(&change).unwrap();
    assert_eq!(plan.preview.summary.len(), 1);
    assert_eq!(plan.preview.summary[0].item, "bad\u{fffd}");
    host.apply(&change).unwrap();
    assert_eq!(host.plan(&change).unwrap().action, Action::None);
}
