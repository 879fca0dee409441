//! A real git repository in a temporary folder, with people who have real SSH keys.

use std::cell::Cell;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use super::key::parse_public_key;
use crate::model::PublicKey;
use crate::object::{Kind, ObjectError, Objects, Oid};

/// A work tree on branch `main`, and a bare repository beside it that is its remote `origin`.
pub(super) struct Repository {
    folder: TempDir,
    batch: Mutex<Batch>,
    clock: Cell<u64>,
}

struct Batch {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Repository {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let run = |arguments: &[&str]| {
            let output = hermetic("git", folder.path()).args(arguments).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        run(&["init", "--quiet", "--initial-branch=main", "work"]);
        run(&["init", "--quiet", "--bare", "--initial-branch=main", "origin.git"]);
        run(&["-C", "work", "remote", "add", "origin", "../origin.git"]);
        let mut child = hermetic("git", folder.path())
            .args(["-C", "work", "--no-replace-objects", "cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let questions = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let batch = Mutex::new(Batch { child, questions, answers });
        Self { folder, batch, clock: Cell::new(1_700_000_000) }
    }

    /// The work tree.
    pub(super) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// Runs git as a person, with their key ready for signing, and gives what it prints.
    pub(super) fn git(&self, person: &str, arguments: &[&str]) -> String {
        let output = self.command(person, arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        assert!(output.status.success(), "git {arguments:?}: {}\n{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    }

    /// Runs a git command that stops with a conflict.
    pub(super) fn git_stops(&self, person: &str, arguments: &[&str]) {
        assert!(!self.command(person, arguments).output().unwrap().status.success());
    }

    fn command(&self, person: &str, arguments: &[&str]) -> Command {
        self.clock.set(self.clock.get() + 60);
        let date = format!("{} +0100", self.clock.get());
        let mut command = hermetic("git", &self.work());
        command
            .args(["-c", "gpg.format=ssh", "-c", &format!("user.signingKey={}", self.key_file(person).display())])
            .args(arguments)
            .env("HOME", self.folder.path())
            .env("GIT_CONFIG_GLOBAL", self.folder.path().join("gitconfig"))
            .env("GIT_AUTHOR_NAME", person)
            .env("GIT_AUTHOR_EMAIL", email(person))
            .env("GIT_AUTHOR_DATE", &date)
            .env("GIT_COMMITTER_NAME", person)
            .env("GIT_COMMITTER_EMAIL", email(person))
            .env("GIT_COMMITTER_DATE", &date);
        command
    }

    /// The person's private key; made at the first use.
    pub(super) fn key_file(&self, person: &str) -> PathBuf {
        let path = self.folder.path().join(format!("{person}.key"));
        if !path.exists() {
            make_key(&path, &["-t", "ed25519"]);
        }
        path
    }

    /// The person's public key.
    pub(super) fn public_key(&self, person: &str) -> PublicKey {
        read_public_key(&self.key_file(person))
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        let file = self.work().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    pub(super) fn remove(&self, path: &str) {
        fs::remove_file(self.work().join(path)).unwrap();
    }

    /// Commits everything as it is in the work tree.
    pub(super) fn commit(&self, person: &str, message: &str) -> Oid {
        self.git(person, &["add", "--all"]);
        self.git(person, &["commit", "--quiet", "--allow-empty", "-m", message]);
        self.head()
    }

    /// Commits everything, signed.
    pub(super) fn commit_signed(&self, person: &str, message: &str) -> Oid {
        self.git(person, &["add", "--all"]);
        self.git(person, &["commit", "--quiet", "-S", "--allow-empty", "-m", message]);
        self.head()
    }

    /// Writes one file and commits it, unsigned, under the path's name.
    pub(super) fn change(&self, person: &str, path: &str, text: &str) -> Oid {
        self.write(path, text);
        self.commit(person, path)
    }

    pub(super) fn checkout(&self, branch: &str) {
        self.git("nobody", &["checkout", "--quiet", branch]);
    }

    /// A new branch here.
    pub(super) fn branch(&self, name: &str) {
        self.git("nobody", &["checkout", "--quiet", "-b", name]);
    }

    pub(super) fn head(&self) -> Oid {
        self.oid("HEAD")
    }

    pub(super) fn oid(&self, revision: &str) -> Oid {
        self.git("nobody", &["rev-parse", revision]).parse().unwrap()
    }
}

impl Objects for Repository {
    fn read(&self, kind: Kind, id: Oid) -> Result<Arc<[u8]>, ObjectError> {
        let mut batch = self.batch.lock().unwrap();
        writeln!(batch.questions, "{id}").unwrap();
        batch.questions.flush().unwrap();
        let mut header = String::new();
        batch.answers.read_line(&mut header).unwrap();
        let words: Vec<_> = header.split_whitespace().collect();
        let [_, found, size] = words[..] else { return Err(ObjectError::Missing { kind, id }) };
        let mut bytes = vec![0; size.parse::<usize>().unwrap() + 1];
        batch.answers.read_exact(&mut bytes).unwrap();
        bytes.pop();
        if found != kind.name() {
            return Err(ObjectError::Malformed { kind, id, what: format!("it is a {found}") });
        }
        assert_eq!(Oid::of(kind, &bytes), id, "the test's own store gave other bytes");
        Ok(bytes.into())
    }

    fn write(&self, kind: Kind, bytes: &[u8]) -> Result<Oid, ObjectError> {
        let arguments = ["hash-object", "-w", "--stdin", "--literally", "-t", kind.name()];
        let mut command = self.command("nobody", &arguments);
        let answer = feed(&mut command, bytes);
        Ok(String::from_utf8(answer).unwrap().trim().parse().unwrap())
    }
}

/// The address of a person.
pub(super) fn email(person: &str) -> String {
    format!("{person}@vendor.example")
}

/// A new key pair at `path` and `path.pub`.
pub(super) fn make_key(path: &Path, kind: &[&str]) {
    let folder = path.parent().unwrap();
    let output =
        hermetic("ssh-keygen", folder).args(["-q", "-N", "", "-C", "somebody", "-f"]).arg(path).args(kind).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The text of the public key beside a private one.
pub(super) fn public_text(private: &Path) -> String {
    fs::read_to_string(format!("{}.pub", private.display())).unwrap()
}

pub(super) fn read_public_key(private: &Path) -> PublicKey {
    parse_public_key(&public_text(private)).unwrap()
}

/// What `ssh-keygen -Y sign` makes of these bytes.
pub(super) fn sign(private: &Path, namespace: &str, bytes: &[u8], options: &[&str]) -> String {
    let mut command = hermetic("ssh-keygen", private.parent().unwrap());
    command.args(["-q", "-Y", "sign", "-n", namespace, "-f"]).arg(private).args(options);
    String::from_utf8(feed(&mut command, bytes)).unwrap()
}

fn feed(command: &mut Command, bytes: &[u8]) -> Vec<u8> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn hermetic(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", folder)
        .env("GIT_CONFIG_GLOBAL", folder.join("gitconfig"))
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_MERGE_AUTOEDIT", "no")
        .env("GIT_EDITOR", "true")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C");
    command
}
