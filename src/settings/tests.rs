use std::path::Path;

use super::*;

const SMALLEST: &str = "apiVersion: countersign/v1\nkind: Settings\nspec:\n  repositories:\n    - name: acme\n      url: /srv/git/acme.git\n      trust: { policy: \"sha256:0000000000000000000000000000000000000000000000000000000000000000\" }\n  signingKeyFile: keys/journal\n";

#[test]
fn paths_start_from_the_folder_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings.yaml");
    std::fs::write(&path, SMALLEST).unwrap();
    let settings = Settings::load(&path).unwrap();
    assert_eq!(settings.signing_key_file, folder.path().join("keys/journal"));
    assert_eq!(settings.state, Path::new("/var/lib/countersign"));
}

#[test]
fn a_file_that_is_not_there_is_told_by_its_name() {
    let problems = Settings::load(Path::new("/nowhere/settings.yaml")).unwrap_err();
    insta::assert_snapshot!(problems, @"/nowhere/settings.yaml: cannot be read: No such file or directory (os error 2)");
}

#[test]
fn a_file_without_end_is_not_read_to_its_end() {
    let problems = Settings::load(Path::new("/dev/zero")).unwrap_err();
    insta::assert_snapshot!(problems, @"/dev/zero: 1048577 bytes; a file may have 1048576");
}

#[test]
fn names_of_branches_are_what_git_and_its_options_cannot_mistake() {
    for name in ["main", "release/1.2", "teams/acme", "_x", "v1.0-rc1"] {
        assert!(branch::is_branch(name), "{name}");
    }
    let long = "x".repeat(201);
    for name in [
        "",
        "-f",
        "--force",
        "a/-b",
        "+main",
        "a:b",
        "a b",
        "a..b",
        "a/",
        "/a",
        "a//b",
        ".a",
        "a/.b",
        "a.",
        "a.lock",
        "HEAD",
        "a.lock/b",
        "a@{1}",
        "a~1",
        "a^",
        "a*",
        "a?",
        "a[",
        "a\\b",
        "ä",
        "a\u{202e}",
        "refs\n",
        &long,
    ] {
        assert!(!branch::is_branch(name), "{name}");
    }
}
