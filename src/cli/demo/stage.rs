//! The demo's folder, and how programs run in it: with nothing of the person's own configuration, keys or agents.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::files;
use crate::cli::CliError;
use crate::cli::scaffold::tools::make_key;
use crate::cli::scaffold::{documents, folder, shell_word, write};
use crate::lifecycle::merge_command;

/// The demo's folder, with everybody and everything in it.
#[derive(Debug)]
pub struct Stage {
    folder: PathBuf,
    /// The pin.
    pub policy: String,
}

impl Stage {
    /// Makes a bare repository, keys, two clones, a policy in the first commit, and settings for the daemon.
    ///
    /// # Errors
    /// Where anything cannot be made.
    pub fn build(at: &Path) -> Result<Self, CliError> {
        let mut stage = Self { folder: at.to_owned(), policy: String::new() };
        for name in ["home", "keys", "srv", "bin", "daemon/state"] {
            folder(&at.join(name))?;
        }
        let program = std::env::current_exe()?;
        symlink(&program, at.join("bin/countersign"))?;
        write(&at.join("home/gitconfig"), files::GITCONFIG)?;
        write(&at.join("env.sh"), &files::env(&shell_word(&at.display().to_string())))?;
        let journal = make_key(&at.join("daemon/journal_ed25519"), "journal")?;
        let victor = make_key(&at.join("keys/victor"), "victor")?;
        let carla = make_key(&at.join("keys/carla"), "carla")?;
        stage.shell("", "git init -q --bare -b main remote.git")?;
        stage.clone_for("victor", "victor@vendor.example")?;
        for (path, text) in files::governance(&victor, &carla, &journal) {
            write(&at.join("victor").join(path), &text)?;
        }
        stage.shell("victor", "git add -A && git commit -q -m 'The policy' && git push -q -u origin main")?;
        stage.clone_for("carla", "carla@acme.example")?;
        let policy = crate::cli::trust::pin_of(&at.join("victor"))?;
        stage.policy = policy.to_string();
        let remote = at.join("remote.git").display().to_string();
        let settings = documents::SettingsOf { name: "demo", url: &remote, policy, targets: &at.join("srv") };
        write(&at.join("daemon/settings.yaml"), &documents::settings(&settings))?;
        let environment = files::environment(&at.join("srv/acme-prod"));
        write(&at.join("victor/environments/acme-prod/environment.yaml"), &environment)?;
        write(&at.join("victor/environments/acme-prod/config/greeting.txt"), "Welcome, Acme\n")?;
        Ok(stage)
    }

    fn clone_for(&self, who: &str, email: &str) -> Result<(), CliError> {
        self.shell("", &format!("git clone -q remote.git {who}"))?;
        let key = shell_word(&self.folder.join("keys").join(who).display().to_string());
        self.shell(
            who,
            &format!("git config user.name {who} && git config user.email {email} && git config user.signingKey {key}"),
        )?;
        Ok(())
    }

    /// Runs a command as a person would type it, in the clone of `who`, or in the demo's folder where `who` is empty.
    /// Gives what it printed to standard output.
    ///
    /// # Errors
    /// Where it fails, with what it said.
    pub fn shell(&self, who: &str, command: &str) -> Result<String, CliError> {
        let failed = |message: &str| {
            CliError::refused(format!("`{command}` failed: {}", message.trim()))
                .hint(format!("everything so far is in {}", self.folder.display()))
        };
        let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".to_owned());
        let home = self.folder.join("home");
        let output = Command::new("sh")
            .args(["-c", command])
            .current_dir(self.folder.join(who))
            .env_clear()
            .env("PATH", format!("{}:{path}", self.folder.join("bin").display()))
            .env("HOME", &home)
            .env("GIT_CONFIG_GLOBAL", home.join("gitconfig"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| failed(&error.to_string()))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match output.status.success() {
            true => Ok(text(&output.stdout)),
            false => Err(failed(&format!("{}{}", text(&output.stdout), text(&output.stderr)))),
        }
    }

    /// The command that merges the newest ready-made branch of the environment for a verdict.
    ///
    /// # Errors
    /// Where there is none.
    pub fn merge_command(&self, verdict: &str) -> Result<String, CliError> {
        let prefix = format!("countersign/{verdict}/acme-prod/");
        let listed = self
            .shell("", &format!("git -C remote.git for-each-ref --format='%(refname:short)' 'refs/heads/{prefix}*'"))?;
        let branch = listed.lines().next().filter(|branch| branch.starts_with(&prefix));
        branch.map(merge_command).ok_or_else(|| CliError::refused(format!("the daemon made no branch `{prefix}…`")))
    }

    /// What is applied.
    ///
    /// # Errors
    /// Where nothing is.
    pub fn applied(&self) -> Result<String, CliError> {
        Ok(fs::read_to_string(self.folder.join("srv/acme-prod/greeting.txt"))?)
    }
}
