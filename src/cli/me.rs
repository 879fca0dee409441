//! Who is at the keyboard: the key that would sign, and the person in the policy whose key it is.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use ssh_key::PrivateKey;

use super::clone::{ConfigClone, failed, passed_on};
use super::{CliError, Global};
use crate::evidence::key::{fingerprint, parse_public_key};
use crate::evidence::signature::verify;
use crate::evidence::statements::STATEMENT_NAMESPACE;
use crate::git::keygen::{self, SigningKey};
use crate::model::{Governance, Person, PublicKey};

/// A larger file is no key.
const LARGEST_KEY: u64 = 64 * 1024;

/// The key that would sign.
pub struct Signer {
    /// As `ssh-keygen` takes it.
    pub key: SigningKey,
    /// Its public half.
    pub public: PublicKey,
    /// The program that signs.
    pub program: String,
}

impl Signer {
    /// The key that `--key` names, else git's `user.signingKey`.
    ///
    /// # Errors
    /// Where there is none, or its public half cannot be read.
    pub fn find(global: &Global, clone: &ConfigClone, file: Option<&Path>) -> Result<Self, CliError> {
        let hint = "name an SSH key with --key FILE, or set git's: git config user.signingKey ~/.ssh/id_ed25519.pub";
        let key = match file {
            Some(file) => SigningKey::File(global.directory.join(file)),
            None => {
                let key = clone.git().signing_key().map_err(failed)?;
                let key = key.ok_or_else(|| CliError::failed("git's user.signingKey names no key").hint(hint))?;
                // Gate: what git signs merges with otherwise is no SSH key, whatever it is called.
                let format = clone.git().config("gpg.format").map_err(failed)?.unwrap_or_else(|| "openpgp".to_owned());
                if format != "ssh" && matches!(&key, SigningKey::File(path) if !path.is_file()) {
                    let why =
                        format!("git's user.signingKey is a key for gpg.format `{format}`, and only SSH keys count");
                    return Err(CliError::failed(why).hint(format!("{hint} && git config gpg.format ssh")));
                }
                in_folder(key, clone.git().folder())
            }
        };
        let public = public_half(&key).map_err(|why| CliError::failed(why).hint(hint))?;
        Ok(Self { key, public, program: clone.git().signing_program().map_err(failed)? })
    }

    /// Signs a statement: the signature, which the daemon will accept by the key that it knows.
    ///
    /// # Errors
    /// Where no signature is made, or it is not that key's.
    pub fn sign(&self, payload: &[u8]) -> Result<String, CliError> {
        let program = OsStr::new(&self.program);
        let made = keygen::sign(program, &self.key, STATEMENT_NAMESPACE, payload, &mut passed_on);
        let pem = made.map_err(|error| {
            let locked = error.to_string().contains("passphrase");
            let hint = if locked { "a key with a passphrase goes into an agent first: ssh-add FILE" } else { "" };
            super::error::from_error(&error).hint(hint)
        })?;
        let made_by = verify(&pem, STATEMENT_NAMESPACE, payload).map_err(|error| {
            CliError::failed(format!("`{}` made a signature that does not hold: {error}", self.program))
        })?;
        if made_by != self.public {
            return Err(CliError::failed("the signature was made by another key than the one named"));
        }
        Ok(pem)
    }

    /// `ssh-ed25519 SHA256:…`.
    pub fn shown(&self) -> String {
        let algorithm = self.public.as_str().split(' ').next().unwrap_or_default();
        format!("{algorithm} {}", fingerprint(&self.public))
    }
}

/// The person at the keyboard: by the key that would sign, else by the address git writes into commits.
///
/// # Errors
/// Where a key was named that cannot be read.
pub fn who_am_i<'g>(
    global: &Global,
    clone: &ConfigClone,
    file: Option<&Path>,
    governance: &'g Governance,
) -> Result<Option<&'g Person>, CliError> {
    match Signer::find(global, clone, file) {
        Ok(signer) => {
            if let Some((person, _)) = governance.person_with_key(&signer.public) {
                return Ok(Some(person));
            }
        }
        Err(error) if file.is_some() => return Err(error),
        Err(_) => {}
    }
    let email = clone.git().config("user.email").map_err(failed)?;
    Ok(email.and_then(|email| governance.person_with_email(&email)))
}

/// Git reads a relative path from the folder it runs in.
fn in_folder(key: SigningKey, folder: &Path) -> SigningKey {
    match key {
        SigningKey::File(path) => SigningKey::File(folder.join(path)),
        public @ SigningKey::Public(_) => public,
    }
}

/// The public half of a key, without asking for a passphrase: it stands in the private file in the clear.
fn public_half(key: &SigningKey) -> Result<PublicKey, String> {
    let path = match key {
        SigningKey::Public(text) => return parse_public_key(text).map_err(|error| format!("user.signingKey: {error}")),
        SigningKey::File(path) => path,
    };
    let shown = path.display();
    let text = read(path)?;
    if text.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----") {
        if let Some(line) = PrivateKey::from_openssh(&text).ok().and_then(|key| key.public_key().to_openssh().ok()) {
            return parse_public_key(&line).map_err(|error| format!("the key `{shown}` cannot count: {error}"));
        }
    } else if !text.starts_with("-----BEGIN ") {
        return parse_public_key(&text).map_err(|error| format!("`{shown}` is no SSH key that can count: {error}"));
    }
    let beside = PathBuf::from(format!("{shown}.pub"));
    let text =
        read(&beside).map_err(|_| format!("the public half of the key `{shown}` is neither in it nor beside it"))?;
    parse_public_key(&text).map_err(|error| format!("the key `{}` cannot count: {error}", beside.display()))
}

fn read(path: &Path) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("the key `{}` cannot be read: {error}", path.display());
    let about = fs::metadata(path).map_err(unreadable)?;
    if !about.is_file() || about.len() > LARGEST_KEY {
        return Err(format!("`{}` is no key file", path.display()));
    }
    fs::read_to_string(path).map_err(unreadable)
}
