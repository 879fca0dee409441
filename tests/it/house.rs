//! The house stands as its map says: nothing on the way to a decision imports what touches the world.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms that take values and return values, and `verify`, which walks them again.
const PURE: [&str; 9] = ["model", "evidence", "revision", "plan", "policy", "lifecycle", "journal", "verify", "object"];

/// The rooms that touch the world.
const WORLD: [&str; 6] = ["git", "disk", "services", "reconcile", "cli", "settings"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs" | "repository.rs")))
}

#[test]
fn nothing_on_the_way_to_a_decision_imports_what_touches_the_world() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for room in PURE {
        let mut files = vec![src.join(format!("{room}.rs"))];
        if src.join(room).is_dir() {
            sources(&src.join(room), &mut files);
        }
        for file in files.iter().filter(|file| !is_test(file)) {
            let text = fs::read_to_string(file).unwrap();
            // What a file says of itself in its test module is not on the way to a decision.
            let code = text.split("#[cfg(test)]").next().unwrap();
            for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
                for world in WORLD {
                    if line.contains(&format!("crate::{world}::")) || line.contains(&format!("crate::{world};")) {
                        wrong.push(format!("{}: {}", file.strip_prefix(&src).unwrap().display(), line.trim()));
                    }
                }
                if line.contains("git2::") || line.contains("std::fs") || line.contains("std::process") {
                    wrong.push(format!("{}: {}", file.strip_prefix(&src).unwrap().display(), line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
