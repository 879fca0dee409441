//! Signing as a person: `ssh-keygen`, so that agents, passphrases and security keys work as they are used to.

use std::ffi::OsStr;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::{self, Limits, ProcessError};
use super::words;

/// A signature is some hundred bytes long.
const OUTPUT_LIMIT: usize = 64 * 1024;

/// A person's key, as git's `user.signingKey` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SigningKey {
    /// A file: the private key, or a public one whose private half an agent has.
    File(PathBuf),
    /// The public key itself (`ssh-ed25519 AAAA…`), whose private half an agent has.
    Public(String),
}

impl SigningKey {
    /// Reads a setting as git does: `key::` and a public key, a public key, or else a file, where `~` is `home`.
    pub fn parse(text: &str, home: Option<&Path>) -> Self {
        let text = text.trim();
        match text.strip_prefix("key::") {
            Some(key) => Self::Public(key.trim().to_owned()),
            None if text.starts_with("ssh-") => Self::Public(text.to_owned()),
            None => match (text.strip_prefix("~/"), home) {
                (Some(rest), Some(home)) => Self::File(home.join(rest)),
                _ => Self::File(PathBuf::from(text)),
            },
        }
    }
}

/// Why a person's signature was not made.
#[derive(Debug, thiserror::Error)]
pub enum KeygenError {
    /// `ssh-keygen` did not make it.
    #[error("`{program}` did not sign: {message}")]
    Refused {
        /// The program that was asked.
        program: String,
        /// In its words, escaped.
        message: String,
    },
    /// It did not run to its end.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A public key could not be put into a file for it.
    #[error("a temporary file for the public key cannot be written")]
    File(#[source] io::Error),
}

/// A signature (SSHSIG, as PEM) over these bytes in a namespace, made by `program` (`ssh-keygen`, or what git's
/// `gpg.ssh.program` names).
///
/// `notes` gets what the program says meanwhile, line by line and escaped ("Confirm user presence …").
///
/// # Errors
/// [`KeygenError`].
pub fn sign(
    program: &OsStr,
    key: &SigningKey,
    namespace: &str,
    payload: &[u8],
    notes: &mut dyn FnMut(&str),
) -> Result<String, KeygenError> {
    let mut command = Command::new(program);
    // Over standard input: given a file, it keeps a signature that lies beside it and calls that success.
    command.args(["-Y", "sign", "-n", namespace]);
    let mut file = None;
    match key {
        SigningKey::File(path) => command.arg("-f").arg(std::path::absolute(path).map_err(KeygenError::File)?),
        SigningKey::Public(key) => {
            let mut public = tempfile::NamedTempFile::new().map_err(KeygenError::File)?;
            writeln!(public, "{key}").and_then(|()| public.flush()).map_err(KeygenError::File)?;
            command.arg("-U").arg("-f").arg(public.path());
            file = Some(public);
            &mut command
        }
    };
    let limits = Limits { time: None, output: OUTPUT_LIMIT, own_group: false };
    let output = process::run(command, payload.to_vec(), limits, notes)?;
    drop(file);
    let pem = output.text();
    let refused = |message: String| KeygenError::Refused { program: program.to_string_lossy().into_owned(), message };
    let framed = pem.starts_with("-----BEGIN SSH SIGNATURE-----\n") && pem.ends_with("-----END SSH SIGNATURE-----\n");
    match (output.success(), framed) {
        (true, true) => Ok(pem),
        (true, false) => Err(refused("it printed no SSH signature".to_owned())),
        (false, _) => Err(refused(words::one_line(&output.message()))),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::git::testing::Folder;

    fn public(folder: &Folder, name: &str) -> String {
        fs::read_to_string(folder.at(name)).expect("a public key").trim().to_owned()
    }

    /// Verifies with `ssh-keygen -Y verify`, namespace `x@countersign`.
    fn verify(folder: &Folder, name: &str, payload: &str, pem: &str) -> bool {
        fs::write(folder.at("signers"), format!("me {}\n", public(folder, name))).expect("written");
        fs::write(folder.at("sig"), pem).expect("written");
        let mut keygen = folder.command("sh");
        let script = "printf %s \"$1\" | ssh-keygen -Y verify -f signers -I me -n x@countersign -s sig";
        keygen.args(["-c", script, "sh", payload]);
        keygen.output().expect("it runs").status.success()
    }

    fn by(key: &SigningKey, payload: &str) -> Result<String, KeygenError> {
        sign(OsStr::new("ssh-keygen"), key, "x@countersign", payload.as_bytes(), &mut |_| {})
    }

    #[test]
    fn a_key_file_signs_every_kind() {
        let folder = Folder::new();
        for (name, kind) in [("ed", "ed25519"), ("ec", "ecdsa"), ("rsa", "rsa")] {
            let path = folder.key(name, &["-t", kind]);
            let pem = by(&SigningKey::File(path), "payload").expect("signed");
            assert!(verify(&folder, &format!("{name}.pub"), "payload", &pem));
            assert!(!verify(&folder, &format!("{name}.pub"), "payload\n", &pem));
        }
    }

    #[test]
    fn an_agent_signs_for_a_public_key() {
        let folder = Folder::new();
        let path = folder.key("key", &["-t", "ed25519"]);
        let socket = folder.at("agent");
        let mut agent = folder.command("ssh-agent");
        let mut agent =
            agent.arg("-D").arg("-a").arg(&socket).stdout(std::process::Stdio::null()).spawn().expect("it runs");
        while !socket.exists() {
            std::thread::yield_now();
        }
        let add =
            folder.command("ssh-add").env("SSH_AUTH_SOCK", &socket).arg("-q").arg(&path).status().expect("it runs");
        assert!(add.success());
        fs::remove_file(&path).expect("the private half is in the agent alone");
        // The agent's socket comes from the environment; a program of one's own brings it here.
        let script = format!("SSH_AUTH_SOCK={} exec ssh-keygen \"$@\"", socket.display());
        let program = folder.program("with-agent", &script);
        for key in [
            SigningKey::File(folder.at("key.pub")),
            SigningKey::parse(&public(&folder, "key.pub"), None),
            SigningKey::parse(&format!("key::{}", public(&folder, "key.pub")), None),
        ] {
            let pem = sign(program.as_os_str(), &key, "x@countersign", b"payload", &mut |_| {}).expect("signed");
            assert!(verify(&folder, "key.pub", "payload", &pem), "{key:?}");
        }
        agent.kill().expect("killed");
        agent.wait().expect("ended");
        let error = sign(program.as_os_str(), &SigningKey::File(folder.at("key.pub")), "x", b"p", &mut |_| {});
        assert!(matches!(error, Err(KeygenError::Refused { .. })));
    }

    #[test]
    fn what_ssh_keygen_says_is_passed_on() {
        let folder = Folder::new();
        let mut notes = Vec::new();
        let missing = SigningKey::File(folder.at("nowhere"));
        let result = sign(OsStr::new("ssh-keygen"), &missing, "x", b"p", &mut |line| notes.push(line.to_owned()));
        let said = result.expect_err("no key").to_string().replace(&folder.path().display().to_string(), "[FOLDER]");
        insta::assert_snapshot!(
            said,
            @"`ssh-keygen` did not sign: Couldn't load public key [FOLDER]/nowhere: No such file or directory"
        );
        assert_eq!(notes.len(), 1);
        let error = sign(OsStr::new("true"), &missing, "x", b"p", &mut |_| {}).expect_err("no signature");
        insta::assert_snapshot!(error, @"`true` did not sign: it printed no SSH signature");
    }

    #[test]
    fn a_stale_signature_beside_the_payload_is_not_taken() {
        let folder = Folder::new();
        let path = folder.key("key", &["-t", "ed25519"]);
        let first = by(&SigningKey::File(path.clone()), "first").expect("signed");
        fs::write(folder.at("key.sig"), &first).expect("written");
        let second = by(&SigningKey::File(path), "second").expect("signed");
        assert!(first != second && verify(&folder, "key.pub", "second", &second));
    }

    #[test]
    fn settings_are_read_as_git_reads_them() {
        let home = Path::new("/home/alice");
        let parse = |text| SigningKey::parse(text, Some(home));
        assert_eq!(parse("~/.ssh/id"), SigningKey::File("/home/alice/.ssh/id".into()));
        assert_eq!(parse("/keys/id.pub"), SigningKey::File("/keys/id.pub".into()));
        assert_eq!(parse("ssh-ed25519 AAAA c"), SigningKey::Public("ssh-ed25519 AAAA c".into()));
        assert_eq!(parse("key::ecdsa-sha2-nistp256 AAAA"), SigningKey::Public("ecdsa-sha2-nistp256 AAAA".into()));
    }
}
