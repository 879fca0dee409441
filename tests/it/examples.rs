//! The examples are run as they stand: every command, in order, and what it prints is held against what is shown.

use crate::shell::{Shell, blocks, is_as_expected};

const CUT: &str = "--8<-- the next block";

#[test]
fn the_walkthrough_is_true() {
    expect_true("examples/walkthrough.md");
}

#[test]
fn the_week_is_true() {
    expect_true("examples/week.md");
}

/// Alice has a name, an address and a key, and nothing else is there.
#[track_caller]
fn expect_true(file: &str) {
    let blocks = blocks(file, &["sh", "text"]);
    let commands: Vec<&str> = blocks.iter().filter(|(kind, _)| kind == "sh").map(|(_, text)| text.as_str()).collect();
    assert!(commands.len() > 10, "only {} blocks of commands were found", commands.len());
    // One shell for all of them, as a person has it: variables and `cd` go on from block to block.
    let script = commands.join(&format!("\nprintf '%s\\n' '{CUT}'\n"));
    let shell = Shell::of("Alice", "alice@shop.example");
    let (code, printed) = shell.try_run(&script);
    let printed: Vec<&str> = printed.split(&format!("{CUT}\n")).collect();
    let mut at = 0;
    let mut compared = 0;
    for (index, (kind, text)) in blocks.iter().enumerate() {
        if kind == "text" {
            continue;
        }
        let Some(printed) = printed.get(at) else { panic!("{file}: exit {code} before it came to:\n{text}") };
        if let Some((_, expected)) = blocks.get(index + 1).filter(|(kind, _)| kind == "text") {
            assert!(is_as_expected(expected, printed), "{file}:\n{text}\nprinted\n{printed}\nnot\n{expected}");
            compared += 1;
        }
        at += 1;
    }
    assert_eq!((code, at), (0, printed.len()), "{file}: {}", printed.last().unwrap());
    assert!(compared > 6, "{file}: only {compared} outputs were compared");
}
