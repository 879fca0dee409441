//! Every error and alarm of the daemon has a row in `docs/operating.md`, and every row is of something that it says.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

/// The table's rows: the words as the daemon says them, in pieces; between them comes anything.
static ROWS: LazyLock<Vec<Vec<String>>> = LazyLock::new(rows);

/// What the table writes for something that differs from case to case.
const NAMES: [&str; 8] = ["countersign/records", "…", "BRANCH", "JOURNAL", "OLD", "NEW", "TIP", "KNOWN"];

/// Fails where a daemon said something on standard error that no row is about.
#[track_caller]
pub fn expect_documented(stderr: &str) {
    for line in stderr.lines() {
        let said = line.strip_prefix("error: ").or_else(|| line.split_once(" ERROR ").map(|(_, said)| said));
        if let Some(said) = said {
            assert!(ROWS.iter().any(|row| is_about(row, said)), "docs/operating.md has no row for\n{said}");
        }
    }
}

fn is_about(row: &[String], said: &str) -> bool {
    let mut rest = said;
    row.iter().all(|piece| match rest.split_once(piece.as_str()) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

fn rows() -> Vec<Vec<String>> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operating.md")).unwrap();
    let table = text.split("| it says |").nth(1).expect("the table");
    let rows: Vec<_> = table.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    let cells = rows.iter().map(|row| row.trim_start_matches('|').split(" | ").next().unwrap().trim());
    cells.flat_map(words).map(|words| pieces(&words)).collect()
}

/// What stands between backticks in a cell; between double ones, with single ones in it.
fn words(cell: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = cell;
    while let Some(at) = rest.find('`') {
        let fence = if rest[at..].starts_with("`` ") { "``" } else { "`" };
        let (word, after) = rest[at + fence.len()..].split_once(fence).expect("a closed span");
        found.push(if fence == "``" { word.trim().to_owned() } else { word.to_owned() });
        rest = after;
    }
    assert!(!found.is_empty(), "{cell} has no words of the daemon");
    found
}

fn pieces(words: &str) -> Vec<String> {
    // What happened, and what is wrong, come from two places.
    let mut cut = words.replace("was rewritten: ", "was rewritten: \n").replace("what is here: ", "what is here: \n");
    for name in NAMES {
        cut = cut.replace(name, "\n");
    }
    cut.split('\n').map(str::trim).filter(|piece| !piece.is_empty()).map(str::to_owned).collect()
}

/// The program's text without its tests: what is printed, where values come in as line breaks.
fn source(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "tests" {
            text += &source(&path);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            text += &fs::read_to_string(path).unwrap();
        }
    }
    text
}

#[test]
fn every_row_is_of_something_that_the_daemon_says() {
    let source = source(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    // A text that goes on in the next line is one text.
    let lines: Vec<&str> = source.split("\\\n").collect();
    let source = lines.iter().map(|line| line.trim_start()).collect::<String>();
    for row in ROWS.iter() {
        let spoken = |piece: &String| {
            let piece = piece.trim_matches([' ', ',', ':', '`', '(']);
            piece.split_whitespace().count() < 2 || source.contains(piece)
        };
        let missing: Vec<&String> = row.iter().filter(|piece| !spoken(piece)).collect();
        assert!(missing.is_empty(), "docs/operating.md tells of {missing:?}, which nothing says");
    }
    assert!(ROWS.len() > 20, "only {} rows were found", ROWS.len());
}

#[test]
fn what_is_no_row_is_found() {
    let any = |said: &str| ROWS.iter().any(|row| is_about(row, said));
    assert!(any("main was rewritten: 4b does not contain 5c, which was seen there before"));
    assert!(any("an operator accepted rewritten history: main was at 1 and is at 2"));
    assert!(!any("the moon is full"));
}
