//! The `git` program: argument vectors only, never a shell, and for the daemon an environment of its own.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::process::{self, Limits, Output, ProcessError};
use super::url::{RemoteUrl, Transport};

/// As much as git may print: the references of a very large repository.
const OUTPUT_LIMIT: usize = 256 * 1024 * 1024;

/// What of the daemon's environment git may see: where programs are, and how the network is reached.
const KEPT: &[&str] = &[
    "PATH",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
];

/// Configuration of every run for the daemon. It is given on the command line, which git does not hand to the other
/// side of a local connection: the hooks of a local remote still run.
const SETTINGS: &[&str] = &[
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "credential.helper=",
    // Repositories have old objects that fsck complains of, which nobody can mend. What matters is checked where it is
    // read; nothing is ever checked out.
    "fetch.fsckObjects=false",
    "fetch.recurseSubmodules=false",
    "push.recurseSubmodules=no",
    "push.followTags=false",
    "push.gpgSign=false",
    "protocol.allow=never",
    // A token is sent to the host that was named, and to no other.
    "http.followRedirects=false",
    "http.lowSpeedLimit=100",
    "http.lowSpeedTime=60",
    "ssh.variant=ssh",
];

/// The folder in the daemon's state that stands in for a home folder, with the only configuration file git reads.
#[derive(Debug, Clone)]
pub struct GitHome {
    folder: PathBuf,
}

impl GitHome {
    /// Makes it below the state folder, or mends what is there.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn create(state: &Path) -> io::Result<Self> {
        let folder = std::path::absolute(state.join("git-home"))?;
        std::fs::create_dir_all(&folder)?;
        // A local remote may belong to another user: the operator named it, and only this file can say so to the
        // side of git that serves it. Nothing else belongs here, since that side reads it too.
        std::fs::write(folder.join("gitconfig"), "[safe]\n\tdirectory = *\n")?;
        Ok(Self { folder })
    }
}

/// What the daemon shows a remote to be let in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Access {
    /// Nothing: a local remote, an open one, or `ssh` as the daemon's own user has it configured.
    #[default]
    Open,
    /// An ssh key, and the host keys that are accepted.
    Ssh {
        /// The file of the private key.
        key: PathBuf,
        /// The file of the known hosts; no other host key is accepted, ever.
        known_hosts: PathBuf,
    },
    /// A token for https, and who may vouch for the host.
    Https {
        /// The user name that goes with the token.
        user: String,
        /// The file whose first line is the token.
        token: PathBuf,
        /// The file of certificates that vouch for the host; `None` for those of the system.
        authorities: Option<PathBuf>,
    },
}

/// Why a remote cannot be asked in this way.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// A path that `ssh` would read as something else.
    #[error(
        "`{}` cannot be given to ssh: use an absolute path of letters, digits, spaces and `/._+,=@-`",
        path.display()
    )]
    Path {
        /// The path.
        path: PathBuf,
    },
    /// A token cannot be read.
    #[error("the token file `{}` cannot be read", path.display())]
    Token {
        /// The path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A token that is no token.
    #[error("the first line of the token file `{}` is empty or not plain ASCII", path.display())]
    Malformed {
        /// The path.
        path: PathBuf,
    },
}

/// A way of calling git: for the daemon, or for a person in their clone.
#[derive(Debug, Clone)]
pub struct GitCommand {
    caller: Caller,
    limits: Limits,
}

#[derive(Debug, Clone)]
enum Caller {
    Daemon { home: PathBuf, repository: PathBuf, settings: Vec<String>, ssh: Option<String>, access: Access },
    Person { folder: PathBuf, variables: Vec<(OsString, OsString)> },
}

impl GitCommand {
    /// Git for the daemon, in its bare repository, to speak with one remote: no configuration but its own, no
    /// prompts, no protocol but the remote's.
    ///
    /// # Errors
    /// [`AccessError::Path`] where a file name would mean something else to `ssh`.
    pub fn for_daemon(
        home: &GitHome,
        repository: &Path,
        remote: &RemoteUrl,
        access: Access,
    ) -> Result<Self, AccessError> {
        let protocol = match remote.transport() {
            Transport::Local(_) => "file",
            Transport::Ssh => "ssh",
            Transport::Https => "https",
        };
        let mut settings: Vec<String> = SETTINGS.iter().map(|&setting| setting.to_owned()).collect();
        settings.push(format!("protocol.{protocol}.allow=always"));
        if let Access::Https { authorities: Some(file), .. } = &access {
            settings.push(format!("http.sslCAInfo={}", file.display()));
        }
        let ssh = match remote.transport() {
            Transport::Ssh => Some(ssh_command(&access, &home.folder)?),
            Transport::Local(_) | Transport::Https => None,
        };
        let (home, repository) = (home.folder.clone(), repository.to_owned());
        Ok(Self {
            caller: Caller::Daemon { home, repository, settings, ssh, access },
            limits: Limits { time: Some(Duration::from_secs(600)), output: OUTPUT_LIMIT, own_group: true },
        })
    }

    /// Git as a person has it, with their configuration, hooks, agents and credential helpers, in a folder.
    pub fn in_clone(folder: &Path) -> Self {
        Self {
            caller: Caller::Person { folder: folder.to_owned(), variables: Vec::new() },
            limits: Limits { time: None, output: OUTPUT_LIMIT, own_group: false },
        }
    }

    /// The same with another time limit.
    #[must_use]
    pub fn with_time_limit(mut self, limit: Duration) -> Self {
        self.limits.time = Some(limit);
        self
    }

    /// The same with a variable of the person's environment set; for the daemon, whose environment is fixed, the same.
    #[must_use]
    pub fn with_variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        if let Caller::Person { variables, .. } = &mut self.caller {
            variables.push((name.into(), value.into()));
        }
        self
    }

    /// Runs `git` with these arguments to its end, whatever its exit code.
    ///
    /// # Errors
    /// Where it could not be started, took too long, or printed too much.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Result<Output, GitError> {
        self.run_with_notes(arguments, &mut |_| {})
    }

    /// As [`GitCommand::run`]; `notes` gets what git says on its standard error line by line as it comes, escaped.
    ///
    /// # Errors
    /// As [`GitCommand::run`].
    pub fn run_with_notes<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
        notes: &mut dyn FnMut(&str),
    ) -> Result<Output, GitError> {
        self.run_whole(arguments, Vec::new(), notes)
    }

    /// As [`GitCommand::run`], with what git reads on its standard input.
    ///
    /// # Errors
    /// As [`GitCommand::run`].
    pub fn run_with_input<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
        input: Vec<u8>,
    ) -> Result<Output, GitError> {
        self.run_whole(arguments, input, &mut |_| {})
    }

    fn run_whole<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
        input: Vec<u8>,
        notes: &mut dyn FnMut(&str),
    ) -> Result<Output, GitError> {
        let mut command = self.command()?;
        command.args(arguments);
        Ok(process::run(command, input, self.limits, notes)?)
    }

    /// For the daemon the file of the program: where the environment is another, a bare name makes the standard library copy
    /// the process instead of sharing its memory until the program runs, which takes the longer the more it has.
    fn program(&self) -> OsString {
        match &self.caller {
            Caller::Daemon { .. } => {
                let found = std::env::var_os("PATH").and_then(|folders| in_folders(&folders, "git"));
                found.map_or_else(|| "git".into(), PathBuf::into_os_string)
            }
            Caller::Person { .. } => "git".into(),
        }
    }

    fn command(&self) -> Result<Command, AccessError> {
        let mut command = Command::new(self.program());
        match &self.caller {
            Caller::Daemon { home, repository, settings, ssh, access } => {
                command.env_clear().envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
                command.env("HOME", home).env("XDG_CONFIG_HOME", home).env("GIT_CONFIG_NOSYSTEM", "1");
                command.env("GIT_CONFIG_GLOBAL", home.join("gitconfig")).env("GIT_ATTR_NOSYSTEM", "1");
                command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_NO_REPLACE_OBJECTS", "1").env("LC_ALL", "C");
                if let Some(ssh) = ssh {
                    command.env("GIT_SSH_COMMAND", ssh).env("GIT_SSH_VARIANT", "ssh");
                    if *access == Access::Open
                        && let Some(agent) = std::env::var_os("SSH_AUTH_SOCK")
                    {
                        command.env("SSH_AUTH_SOCK", agent);
                    }
                }
                if let Access::Https { user, token, .. } = access {
                    // In the environment, which other users of the machine cannot read, as they can arguments.
                    command.env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", "http.extraHeader");
                    command.env("GIT_CONFIG_VALUE_0", authorization(user, token)?);
                }
                command.current_dir(home);
                command.arg(prefixed("--git-dir=", repository.as_os_str()));
                command.args(settings.iter().flat_map(|setting| ["-c", setting]));
            }
            Caller::Person { folder, variables } => {
                command.envs(variables.iter().map(|(name, value)| (name, value)));
                // Git's words are read here, in the language they are known in.
                command.env("LC_ALL", "C").env("LANGUAGE", "C").env("GIT_NO_REPLACE_OBJECTS", "1");
                command.arg("-C").arg(folder);
            }
        }
        Ok(command)
    }
}

/// Why git gave no result.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// What lets us in cannot be used.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The program itself.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

/// The file of a program, where it is in one of these folders (`PATH`). A relative one would be another folder where the
/// program runs.
fn in_folders(folders: &OsStr, program: &str) -> Option<PathBuf> {
    let files = std::env::split_paths(folders).filter(|folder| folder.is_absolute()).map(|folder| folder.join(program));
    files.into_iter().find(|file| file.is_file() && rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok())
}

fn prefixed(prefix: &str, value: &OsStr) -> OsString {
    let mut whole = OsString::from(prefix);
    whole.push(value);
    whole
}

/// The value of `GIT_SSH_COMMAND`, which git hands to a shell.
///
/// With a key of the daemon's own, one connection is held for the next calls (`ControlMaster` in ssh_config(5)): most of what
/// looking at a remote takes is the handshake. It ends by itself soon after the last one.
fn ssh_command(access: &Access, home: &Path) -> Result<String, AccessError> {
    let common = "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=15 -o ServerAliveInterval=15 \
                  -o ServerAliveCountMax=4 -o ClearAllForwardings=yes -o PermitLocalCommand=no";
    let Access::Ssh { key, known_hosts } = access else { return Ok(common.to_owned()) };
    let (key, known_hosts) = (ssh_path(key)?, ssh_path(known_hosts)?);
    Ok(format!(
        "{common} -F /dev/null -o IdentitiesOnly=yes -o IdentityAgent=none -o UpdateHostKeys=no \
         -o GlobalKnownHostsFile=/dev/null -o 'UserKnownHostsFile=\"{known_hosts}\"' -o 'IdentityFile=\"{key}\"'{}",
        held_connection(home)
    ))
}

/// How long a connection is held after its last use, in seconds.
const HELD: u32 = 300;

/// The longest path of a socket (unix(7)), less what ssh appends while it makes one.
const SOCKET_PATH: usize = 107 - 17;

/// The options that hold a connection; none where the path of its socket would be too long, or mean something else to ssh.
fn held_connection(home: &Path) -> String {
    let socket = home.join("ssh");
    match ssh_path(&socket) {
        Ok(path) if path.len() <= SOCKET_PATH => {
            format!(" -o ControlMaster=auto -o ControlPersist={HELD} -o 'ControlPath=\"{path}\"'")
        }
        _ => String::new(),
    }
}

/// A path that stands for itself in the shell, in ssh's configuration syntax, and after ssh's expansion of `%`, `~`
/// and `${}`.
fn ssh_path(path: &Path) -> Result<&str, AccessError> {
    path.to_str()
        .filter(|text| text.starts_with('/'))
        .filter(|text| text.chars().all(|c| c.is_alphanumeric() || " /._+,=@-".contains(c)))
        .ok_or_else(|| AccessError::Path { path: path.to_owned() })
}

/// `Authorization: Basic …` (RFC 7617).
fn authorization(user: &str, file: &Path) -> Result<String, AccessError> {
    let text = std::fs::read_to_string(file).map_err(|source| AccessError::Token { path: file.to_owned(), source })?;
    let token = text.lines().next().unwrap_or_default().trim();
    if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) || user.contains(':') {
        return Err(AccessError::Malformed { path: file.to_owned() });
    }
    Ok(format!("Authorization: Basic {}", base64(format!("{user}:{token}").as_bytes())))
}

/// Base64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            text.push(if place <= group.len() { char::from(LETTERS[bits >> (18 - 6 * place) & 63]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests;
