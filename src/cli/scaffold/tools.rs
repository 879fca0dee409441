//! The programs that must be there: `git` and `ssh-keygen`, in versions that can sign and verify with SSH keys.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cli::CliError;
use crate::git::command::GitCommand;

/// Signing with SSH keys came with 2.34.
const GIT: (u32, u32) = (2, 34);
/// Security keys and signatures as they are used here came with 8.2.
const OPENSSH: (u32, u32) = (8, 2);

/// Checks that both programs are there and new enough.
///
/// # Errors
/// Which is not, which version is needed, and which was found.
pub fn check() -> Result<(), CliError> {
    let git = said(Command::new("git").arg("--version"))
        .ok_or_else(|| CliError::failed("`git` is not installed").hint("install git 2.34 or newer"))?;
    require("git", &git, "git version ", GIT)?;
    // `ssh-keygen` does not tell its version; it comes with `ssh`, which does.
    let ssh = said(Command::new("ssh").arg("-V"))
        .ok_or_else(|| CliError::failed("`ssh-keygen` is not installed").hint("install OpenSSH 8.2 or newer"))?;
    require("OpenSSH", &ssh, "OpenSSH_", OPENSSH)
}

/// What a program prints on either stream; `None` where it is not there.
fn said(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    Some([output.stdout, output.stderr].concat()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn require(program: &str, text: &str, before: &str, least: (u32, u32)) -> Result<(), CliError> {
    // A version that cannot be told is not too old: what it cannot do will say so itself.
    match version(text, before) {
        Some(found) if found < least => {
            let message = format!("{program} {}.{} is too old: {}.{} is needed", found.0, found.1, least.0, least.1);
            Err(CliError::failed(message).hint(format!("install {program} {}.{} or newer", least.0, least.1)))
        }
        _ => Ok(()),
    }
}

/// The two first numbers behind `before`.
fn version(text: &str, before: &str) -> Option<(u32, u32)> {
    let numbers = text.split_once(before)?.1;
    let mut numbers = numbers.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Makes an Ed25519 key without passphrase, readable by its owner alone, and gives the line of its public half.
///
/// # Errors
/// Where `ssh-keygen` does not.
pub fn make_key(path: &Path, comment: &str) -> Result<String, CliError> {
    let failed =
        |message: String| CliError::failed(format!("`ssh-keygen` made no key `{}`: {message}", path.display()));
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f"]).arg(path);
    let output = command.stdin(Stdio::null()).output().map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let mut public = path.as_os_str().to_owned();
    public.push(".pub");
    let public = PathBuf::from(public);
    let line = std::fs::read_to_string(&public).map_err(|error| failed(error.to_string()))?;
    let mut words = line.split_whitespace();
    match (words.next(), words.next()) {
        (Some(kind), Some(key)) => Ok(format!("{kind} {key}")),
        _ => Err(failed(format!("`{}` is no public key", public.display()))),
    }
}

/// Runs git as the person has it, in a folder, and gives what it printed.
///
/// # Errors
/// In git's words, where it fails.
pub fn git(folder: &Path, arguments: &[&str]) -> Result<String, CliError> {
    let failed = |message: String| CliError::failed(format!("`git {}` failed: {message}", arguments.join(" ")));
    let output = GitCommand::in_clone(folder).run(arguments).map_err(|error| failed(error.to_string()))?;
    if output.success() { Ok(output.text()) } else { Err(failed(output.message())) }
}

/// What a name is set to in git's configuration as it is in a folder; `None` where it is not set.
///
/// # Errors
/// Where git cannot be run.
pub fn configured(folder: &Path, name: &str) -> Result<Option<String>, CliError> {
    let output = GitCommand::in_clone(folder).run(["config", "--get", name]);
    let output = output.map_err(|error| CliError::failed(format!("`git config` failed: {error}")))?;
    Ok(Some(output.text().trim().to_owned()).filter(|text| output.success() && !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_the_programs_print_them() {
        assert_eq!(version("git version 2.39.5 (Apple Git-154)", "git version "), Some((2, 39)));
        assert_eq!(version("OpenSSH_9.2p1 Debian-2+deb12u3, OpenSSL 3.0.14", "OpenSSH_"), Some((9, 2)));
        assert_eq!(version("OpenSSH_for_Windows", "OpenSSH_"), None);
    }

    #[test]
    fn what_is_too_old_is_named() {
        assert!(require("git", "git version 2.34.0", "git version ", GIT).is_ok());
        assert!(require("git", "git version 2.33.8", "git version ", GIT).is_err());
        assert!(require("OpenSSH", "OpenSSH_8.1p1", "OpenSSH_", OPENSSH).is_err());
        assert!(require("OpenSSH", "something else", "OpenSSH_", OPENSSH).is_ok());
    }
}
