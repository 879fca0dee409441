//! The walk-through is run as it stands.

use crate::shell::{Shell, blocks, is_as_expected};

const CUT: &str = "--8<-- the next block";

#[test]
fn the_walkthrough_is_true() {
    let blocks = blocks("examples/walkthrough.md", &["sh", "text"]);
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
        let Some(printed) = printed.get(at) else { panic!("exit {code} before it came to:\n{text}") };
        if let Some((_, expected)) = blocks.get(index + 1).filter(|(kind, _)| kind == "text") {
            assert!(is_as_expected(expected, printed), "{text}\nprinted\n{printed}\nnot\n{expected}");
            compared += 1;
        }
        at += 1;
    }
    assert_eq!((code, at), (0, printed.len()), "{}", printed.last().unwrap());
    assert!(compared > 6, "only {compared} outputs were compared");
}
