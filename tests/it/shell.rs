//! A shell as a person has it on a fresh machine: their own home folder, git configuration and key, and the program
//! that was built on the PATH. Nothing of whoever runs the tests.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

/// A person's shell in a new folder.
pub struct Shell {
    folder: tempfile::TempDir,
}

impl Shell {
    /// Nothing is configured.
    pub fn bare() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["home", "bin", "here"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        symlink(env!("CARGO_BIN_EXE_countersign"), folder.path().join("bin/countersign")).unwrap();
        Self { folder }
    }

    /// Somebody with a name, an address and a key.
    pub fn of(name: &str, email: &str) -> Self {
        let shell = Self::bare();
        shell.run(&format!("git config --global user.name {name} && git config --global user.email {email}"));
        shell.run("mkdir ~/.ssh && ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519");
        shell
    }

    /// Where commands run.
    pub fn here(&self) -> std::path::PathBuf {
        self.folder.path().join("here")
    }

    /// Runs a script, both streams in one; the exit code may be any.
    pub fn try_run(&self, script: &str) -> (i32, String) {
        let home = self.folder.path().join("home");
        let bin = self.folder.path().join("bin");
        let output = Command::new("sh")
            .args(["-ec", &format!("exec 2>&1\n{script}")])
            .current_dir(self.here())
            .env_clear()
            .env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()))
            .env("HOME", &home)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    }

    /// Runs a script that must succeed, and gives what it printed.
    pub fn run(&self, script: &str) -> String {
        let (code, printed) = self.try_run(script);
        assert_eq!(code, 0, "{script}\n{printed}");
        printed
    }

    /// Text without what differs from run to run: the folder, digests, commits, keys.
    pub fn masked(&self, text: &str) -> String {
        mask(&text.replace(&self.folder.path().display().to_string(), "[FOLDER]"))
    }
}

/// Replaces runs of 7 hex digits and more, and fingerprints, by what they are.
fn mask(text: &str) -> String {
    let mut masked = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let run =
            rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_hexdigit() && !c.is_ascii_uppercase()).len();
        let inside = masked.ends_with(|c: char| c.is_ascii_alphanumeric());
        let ends = !rest[run..].starts_with(|c: char| c.is_ascii_alphanumeric());
        if let Some(after) = rest.strip_prefix("SHA256:") {
            masked.push_str("SHA256:[KEY]");
            rest = after.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/'));
        } else if run >= 7 && !inside && ends && rest[..run].contains(|c: char| c.is_ascii_digit()) {
            masked.push_str("[HEX]");
            rest = &rest[run..];
        } else {
            masked.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    masked
}

/// The blocks of a Markdown file that are fenced as one of `kinds`, in order: kind and text.
pub fn blocks(file: &str, kinds: &[&str]) -> Vec<(String, String)> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let mut found = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in text.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(kind)) => open = Some((kind.to_owned(), String::new())),
            (Some(_), Some("")) => found.extend(open.take()),
            (Some((_, block)), _) => *block += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{file}: a fence is not closed");
    found.retain(|(kind, _)| kinds.contains(&kind.as_str()));
    found
}

/// Whether a text is as expected, where `…` stands for anything within a line, and alone on a line for any lines.
pub fn is_as_expected(expected: &str, text: &str) -> bool {
    let expected: Vec<&str> = expected.lines().collect();
    let text: Vec<&str> = text.lines().collect();
    lines_match(&expected, &text)
}

fn lines_match(expected: &[&str], text: &[&str]) -> bool {
    match expected {
        [] => text.is_empty(),
        ["…", rest @ ..] => (0..=text.len()).any(|skipped| lines_match(rest, &text[skipped..])),
        [first, rest @ ..] => text.split_first().is_some_and(|(line, after)| {
            let parts: Vec<&str> = first.split('…').collect();
            line_matches(&parts, line) && lines_match(rest, after)
        }),
    }
}

fn line_matches(parts: &[&str], line: &str) -> bool {
    let Some((first, rest)) = parts.split_first() else { return line.is_empty() };
    let Some(mut left) = line.strip_prefix(first) else { return false };
    let Some((last, middle)) = rest.split_last() else { return left.is_empty() };
    for part in middle {
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
    }
    left.ends_with(last)
}

#[test]
fn expectations_mean_what_they_say() {
    assert!(is_as_expected("a … c\n…\nz", "a b b c\n1\n2\nz"));
    assert!(is_as_expected("…\nz", "z"));
    assert!(!is_as_expected("a", "a\nb"));
    assert!(!is_as_expected("a … c", "a b"));
    assert!(!is_as_expected("a\n…\nz", "a\nz\ny"));
    assert_eq!(mask("plan 0123456789ab of acme, face facade1 x"), "plan [HEX] of acme, face [HEX] x");
}
