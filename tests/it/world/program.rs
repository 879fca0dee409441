//! Running programs with nothing of this machine's configuration in reach.

use std::fmt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::World;

/// How a program ended.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
    pub(super) is_tick: bool,
}

impl Run {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            is_tick: false,
        }
    }

    /// Whether it ended with 0.
    pub fn succeeded(&self) -> bool {
        self.code == Some(0)
    }

    /// Standard output, trimmed; the program must have succeeded.
    #[track_caller]
    pub fn text(&self) -> String {
        assert!(self.succeeded(), "{self}");
        self.stdout.trim().to_owned()
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit {:?}\n--- stdout\n{}--- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}

/// Whether a program is here. Where CI runs a missing one fails the test; elsewhere the test says so and is skipped.
#[track_caller]
pub fn tool_or_skip(program: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()));
    if !found {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "`{program}` is missing, and CI must not skip this test");
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        eprintln!("skipped: {test} needs `{program}`");
    }
    found
}

impl World {
    /// A program that knows this world only.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        let now = self.clock.get();
        self.clock.set(now + 60);
        command.env_clear().env("PATH", std::env::var_os("PATH").expect("a PATH")).env("HOME", self.at("home"));
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", self.at("gitconfig"));
        command.env("GIT_AUTHOR_DATE", format!("{now} +0000")).env("GIT_COMMITTER_DATE", format!("{now} +0000"));
        command.env("GIT_EDITOR", "true").env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C").env("TZ", "UTC");
        command.env("NO_COLOR", "1").stdin(Stdio::null()).current_dir(self.folder.path());
        command
    }

    /// Runs a program to its end.
    pub fn run(&self, mut command: Command) -> Run {
        Run::of(&command.output().unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    /// Runs git in a folder of this world, whatever comes of it.
    pub fn try_git(&self, folder: impl AsRef<Path>, arguments: &[&str]) -> Run {
        let mut command = self.command("git");
        command.arg("-C").arg(self.at(folder)).args(arguments);
        self.run(command)
    }

    /// Runs git in a folder of this world; what it prints, trimmed.
    #[track_caller]
    pub fn git(&self, folder: impl AsRef<Path>, arguments: &[&str]) -> String {
        let run = self.try_git(folder, arguments);
        assert!(run.succeeded(), "git {arguments:?}: {run}");
        run.stdout.trim().to_owned()
    }

    /// Runs a shell line in a person's clone, as that person would type it; what it prints, trimmed.
    #[track_caller]
    pub fn shell(&self, who: &str, line: &str) -> String {
        let run = self.try_shell(who, line);
        assert!(run.succeeded(), "{line}: {run}");
        run.stdout.trim().to_owned()
    }

    /// Runs a shell line in a person's clone, whatever comes of it.
    pub fn try_shell(&self, who: &str, line: &str) -> Run {
        let mut command = self.command("sh");
        command.arg("-c").arg(line).current_dir(self.clone_of(who));
        self.run(command)
    }

    /// Makes a key without passphrase: `NAME.key` and `NAME.key.pub` in the world's folder.
    #[track_caller]
    pub fn make_key(&self, name: &str, arguments: &[&str]) {
        let mut command = self.command("ssh-keygen");
        command.args(["-q", "-N", "", "-C", name, "-f"]).arg(self.at(format!("{name}.key")));
        command.args(if arguments.is_empty() { &["-t", "ed25519"] } else { arguments });
        let run = self.run(command);
        assert!(run.succeeded(), "{run}");
    }

    /// The public key of a name: type and base64.
    pub fn public_key(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.at(format!("{name}.key.pub"))).expect("a public key");
        text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
    }
}
