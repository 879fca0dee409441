//! Real repositories in temporary folders, with configuration of their own.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::object::Oid;

/// A temporary folder in which git runs with a configuration of its own.
pub(crate) struct Folder {
    folder: TempDir,
}

impl Folder {
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("countersign").tempdir().expect("a folder");
        let config = "[user]\nname = Tess\nemail = tess@test.example\n[init]\ndefaultBranch = main\n";
        std::fs::write(folder.path().join("gitconfig"), config).expect("a file");
        Self { folder }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A program that knows this folder only.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", std::env::var_os("PATH").expect("a PATH")).env("HOME", self.path());
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", self.at("gitconfig")).env("LC_ALL", "C");
        command.env("GIT_AUTHOR_DATE", "1800000000 +0000").env("GIT_COMMITTER_DATE", "1800000000 +0000");
        command.current_dir(self.path());
        command
    }

    /// Runs git in a folder below; its output, trimmed.
    #[track_caller]
    pub fn git(&self, folder: &str, arguments: &[&str]) -> String {
        let output = self.command("git").arg("-C").arg(self.at(folder)).args(arguments).output().expect("git runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {said}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    pub fn oid(&self, folder: &str, revision: &str) -> Oid {
        self.git(folder, &["rev-parse", revision]).parse().expect("an object id")
    }

    /// A bare repository with a clone of it that has pushed one commit on `main`.
    pub fn bare_and_clone(&self, bare: &str, clone: &str) {
        self.git(".", &["init", "--quiet", "--bare", bare]);
        self.git(".", &["clone", "--quiet", bare, clone]);
        self.commit(clone, "README", "first\n");
        self.git(clone, &["push", "--quiet", "origin", "main"]);
    }

    /// Commits one file.
    pub fn commit(&self, clone: &str, file: &str, content: &str) -> Oid {
        let path = self.at(clone).join(file);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, content).expect("a file");
        self.git(clone, &["add", "--all"]);
        self.git(clone, &["commit", "--quiet", "--message", &format!("change {file}")]);
        self.oid(clone, "HEAD")
    }

    /// Puts a hook into a bare repository.
    pub fn hook(&self, bare: &str, name: &str, script: &str) {
        self.program(&format!("{bare}/hooks/{name}"), script);
    }

    /// A shell script that can be run.
    pub fn program(&self, name: &str, script: &str) -> PathBuf {
        let path = self.at(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("permissions");
        path
    }

    /// A key made by `ssh-keygen`, without passphrase.
    pub fn key(&self, name: &str, arguments: &[&str]) -> PathBuf {
        let path = self.at(name);
        let mut command = self.command("ssh-keygen");
        command.args(["-q", "-N", "", "-C", "a comment", "-f"]).arg(&path).args(arguments);
        assert!(command.status().expect("ssh-keygen runs").success());
        path
    }
}
