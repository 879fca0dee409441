//! `countersign demo`, as the README says.

use crate::shell::Shell;

#[test]
fn the_demo_comes_out_as_it_is_told() {
    let shell = Shell::bare();
    let told = shell.run("countersign demo");
    assert!(told.lines().count() <= 60, "{told}");
    insta::assert_snapshot!(shell.masked(&told));
    // What it proposes to try works in a shell that sourced env.sh.
    let after_colon = |start: &str| told.lines().find_map(|line| line.split_once(start)).unwrap().1.trim();
    let approve = after_colon("approve it as carla:");
    let daemon = after_colon("the daemon:");
    let after = shell.run(&format!("cd countersign-demo && . ./env.sh && {approve} --yes && {daemon}"));
    assert!(after.ends_with("acme-prod Synced 2\n"), "{after}");
    assert_eq!(shell.run("cat countersign-demo/srv/acme-prod/greeting.txt"), "Welcome back, Acme\n");
}

#[test]
fn a_folder_that_holds_something_is_left_alone() {
    let shell = Shell::bare();
    let (code, printed) = shell.try_run("mkdir mine && touch mine/file && countersign demo mine");
    assert_eq!(code, 2);
    insta::assert_snapshot!(printed, @r"
    error: `mine` exists and is not empty
    hint: choose another folder: countersign demo /tmp/another-demo
    ");
    let (code, printed) = shell.try_run("countersign demo 'two words'");
    assert_eq!(code, 2);
    insta::assert_snapshot!(shell.masked(&printed));
    assert_eq!(shell.run("ls"), "mine\n");
}
