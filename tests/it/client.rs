//! The commands people type in their clones.

mod approve;
mod events;
mod heartbeat;
mod history;
mod newcomer;
mod plan;
mod publish;
mod rewound;
mod rotation;
mod set;
mod status;
mod trust;
mod wait;

use crate::world::{Run, World};

impl World {
    /// Runs a command in a person's clone.
    pub fn client(&self, who: &str, arguments: &[&str]) -> Run {
        let folder = self.clone_of(who).display().to_string();
        self.countersign(&[["-C", &folder].as_slice(), arguments].concat())
    }
}

/// `prod` waits for its first plan.
fn waiting() -> World {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().expect_waiting_on("prod", "standard/platform");
    world
}

/// `prod` is at v1; the change to v2 waits.
fn update_waiting() -> World {
    let mut world = waiting();
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n");
    world.change("mallory", "prod", "v2\n").tick().expect_waiting_on("prod", "standard/platform");
    world
}

/// The answer is no, in these words, and the remote is as it was.
#[track_caller]
fn expect_refused(world: &World, who: &str, arguments: &[&str], code: i32, words: &[&str]) {
    let before = world.references();
    let run = world.client(who, arguments);
    assert_eq!(run.code, Some(code), "{run}");
    for words in words {
        assert!(run.stderr.contains(words), "`{words}` is not in {run}");
    }
    assert!(run.stderr.contains("hint: "), "no hint in {run}");
    assert_eq!(world.references(), before, "{run}");
}

/// What a command said, with everything that differs from run to run taken out.
fn shown(world: &World, run: &Run) -> String {
    let folder = world.at("").display().to_string();
    let folder = folder.trim_end_matches('/');
    let mut text = format!("exit {}\n{}", run.code.unwrap_or(-1), run.stdout.replace(folder, "[WORLD]"));
    if !run.stderr.is_empty() {
        text += &format!("--- stderr\n{}", run.stderr.replace(folder, "[WORLD]"));
    }
    without_chance(&text)
}

/// Digests, commits, fingerprints, times and ages by what they are.
fn without_chance(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_ascii_alphanumeric();
        let end = rest.find(|c: char| is_word(c) != is_word(first)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let hex = word.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let number = word.bytes().all(|b| b.is_ascii_digit());
        rest = after;
        match word.len() {
            7 if hex && word != "ed25519" => out += "[commit]",
            12 if hex => out += "[short]",
            40 if hex => out += "[commit in full]",
            64 if hex => out += "[digest]",
            _ if word == "SHA256" => {
                rest = after.trim_start_matches(|c: char| is_word(c) || "+/:".contains(c));
                out += "[fingerprint]";
            }
            4 if number && after.len() > 12 && after.as_bytes()[0] == b'-' && after.as_bytes()[3] == b'-' => {
                rest = &after["-01-31 12:00".len()..];
                // To the second, where it is for programs.
                if rest.starts_with(':') && rest[3..].starts_with('Z') {
                    rest = &rest[4..];
                }
                out += "[time]";
            }
            _ if number && after.starts_with(" s") && !after[2..].starts_with(is_word) => out += "[n]",
            _ => out += word,
        }
    }
    out
}
