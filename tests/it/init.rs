//! `countersign init`: what it makes works with the commands it prints.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::shell::Shell;

#[test]
fn the_commands_that_it_prints_apply_the_sample() {
    let shell = Shell::of("'Alice Example'", "alice@vendor.example");
    let printed = shell.run("countersign init my-config");
    insta::assert_snapshot!(shell.masked(&printed));
    let commands: Vec<&str> = printed.lines().filter_map(|line| line.strip_prefix("  ")).collect();
    let run = commands.iter().find(|line| line.contains(" run ")).unwrap();
    let status = commands.iter().find(|line| line.ends_with(" status")).unwrap();
    let approve = commands.iter().find(|line| line.contains("git merge -S")).unwrap();
    let waits = shell.run(run);
    assert!(waits.starts_with("sample AwaitingApproval"), "{waits}");
    let shown = shell.run(status);
    assert!(shown.contains("AwaitingApproval"), "{shown}");
    shell.run(approve);
    let applied = shell.run(&run.replace(" --start-journal", ""));
    assert_eq!(applied, "sample Synced 1\n");
    assert_eq!(shell.run("cat my-config.daemon/srv/sample/hello.txt"), "Hello\n");
}

#[test]
fn the_key_is_for_the_daemon_alone_and_the_pin_is_the_policy() {
    let shell = Shell::of("Alice", "alice@vendor.example");
    shell.run("countersign init my-config");
    let key = shell.here().join("my-config.daemon/journal_ed25519");
    assert_eq!(fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
    let pin = shell.run("countersign -C my-config trust");
    let settings = fs::read_to_string(shell.here().join("my-config.daemon/settings.yaml")).unwrap();
    assert!(settings.contains(&format!("policy: \"{}\"", pin.trim())), "{settings}");
    let checked = shell.run("countersign -C my-config validate");
    assert_eq!(checked, "valid: 1 environment, 1 person\n");
}

#[test]
fn an_empty_remote_is_pushed_to_and_another_is_left_alone() {
    let shell = Shell::of("Alice", "alice@vendor.example");
    shell.run("git init -q --bare -b main hub.git && countersign init one --remote hub.git");
    assert_eq!(shell.run("git -C hub.git rev-parse main"), shell.run("git -C one rev-parse main"));
    assert!(!shell.here().join("one.git").exists());
    let (code, printed) = shell.try_run("countersign init two --remote hub.git");
    assert_eq!(code, 2);
    insta::assert_snapshot!(shell.masked(&printed), @r"
    error: `[FOLDER]/here/hub.git` has a branch `main` or a journal already
    hint: name an empty repository; to work with this one: git clone it
    ");
    assert!(!shell.here().join("two").exists());
}

#[test]
fn who_is_not_known_is_told_what_to_do() {
    let shell = Shell::bare();
    let mut said = String::new();
    for mend in [
        "git config --global user.name Alice",
        "git config --global user.email alice@vendor.example",
        "ssh-keygen -q -t ed25519 -N '' -f key",
    ] {
        let (code, printed) = shell.try_run("countersign init my-config");
        assert_eq!(code, 2);
        said += &printed;
        shell.run(mend);
    }
    insta::assert_snapshot!(said, @r#"
    error: git knows no `user.name` for you
    hint: git config --global user.name "Alice Example"
    error: git knows no `user.email` for you
    hint: git config --global user.email alice@vendor.example
    error: no SSH key of yours is known: git's user.signingKey names none, and ~/.ssh/id_ed25519.pub is not there
    hint: make a key with `ssh-keygen -t ed25519`, or name one with --key
    "#);
    shell.run("countersign init my-config --key key.pub");
}

#[test]
fn nothing_is_overwritten_and_nothing_is_left_of_a_failure() {
    let shell = Shell::of("Alice", "alice@vendor.example");
    for there in ["my-config", "my-config.git", "my-config.daemon"] {
        shell.run(&format!("mkdir {there} && touch {there}/mine"));
        let (code, printed) = shell.try_run("countersign init my-config");
        assert_eq!(code, 2);
        assert!(printed.contains("exists and is not empty"), "{printed}");
        assert_eq!(shell.run("ls"), format!("{there}\n"));
        shell.run(&format!("rm -r {there}"));
    }
    let (code, printed) = shell.try_run("git config --global user.email 'no address' && countersign init my-config");
    assert_eq!(code, 2);
    assert!(printed.contains("expected one e-mail address"), "{printed}");
    assert_eq!(shell.run("ls"), "");
}
