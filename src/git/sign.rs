//! What the daemon signs: commits of the journal and the ready-made ones, with its own key.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use ssh_key::{Algorithm, EcdsaCurve, HashAlg, LineEnding, PrivateKey};

use crate::model::PublicKey;
use crate::object::{Kind, ObjectError, Objects, Oid};

/// A larger file is no key.
const LARGEST_KEY: u64 = 64 * 1024;

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It cannot be read.
    #[error("the key `{}` cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is there, but of no use.
    #[error("the key `{}` cannot be used: {why}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        why: String,
    },
}

/// Why something could not be signed or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// It would not be the commit that was meant.
    #[error("a commit cannot be made: {0}")]
    Malformed(String),
    /// The library refused.
    #[error("signing failed: {0}")]
    Sign(String),
    /// It cannot be stored.
    #[error(transparent)]
    Store(#[from] ObjectError),
}

/// The daemon's private key. It is never shown.
pub struct JournalKey {
    key: PrivateKey,
    public: PublicKey,
}

impl fmt::Debug for JournalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JournalKey").field(&self.public).finish()
    }
}

impl JournalKey {
    /// Reads an OpenSSH private key without passphrase: Ed25519, or ECDSA with P-256 or P-384.
    ///
    /// # Errors
    /// Where the file cannot be read, others may read it too, or the key is encrypted or of another kind.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let unreadable = |source| KeyError::Read { path: path.to_owned(), source };
        let unusable = |why: &str| KeyError::Unusable { path: path.to_owned(), why: why.to_owned() };
        let mut file = File::open(path).map_err(unreadable)?;
        let about = file.metadata().map_err(unreadable)?;
        if !about.is_file() || about.len() > LARGEST_KEY {
            return Err(unusable("it is no key file"));
        }
        let mode = about.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(unusable(&format!(
                "its mode is {mode:04o}, others may read or change it; run `chmod 600 {}`",
                path.display()
            )));
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(unreadable)?;
        Self::from_openssh(&text).map_err(|why| unusable(&why))
    }

    /// The key that this text is: an OpenSSH private key as [`JournalKey::load`] takes it.
    ///
    /// # Errors
    /// What is wrong with it and what to do.
    pub fn from_openssh(text: &str) -> Result<Self, String> {
        let key = PrivateKey::from_openssh(text).map_err(|error| why_not(text, &error))?;
        if key.is_encrypted() {
            return Err(
                "it has a passphrase, and nobody is there to type it; make one without for the daemon".to_owned()
            );
        }
        let known = [
            Algorithm::Ed25519,
            Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
            Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
        ];
        if !known.contains(&key.algorithm()) {
            let algorithm = key.algorithm();
            return Err(format!(
                "a key of type `{algorithm}` cannot sign here; make an Ed25519 key with `ssh-keygen -t ed25519`"
            ));
        }
        let line = key.public_key().to_openssh().map_err(|error| error.to_string())?;
        let mut words = line.split(' ');
        let (Some(algorithm), Some(base64)) = (words.next(), words.next()) else {
            return Err("its public half cannot be written".to_owned());
        };
        let public = PublicKey::from_checked(algorithm, base64);
        Ok(Self { key, public })
    }

    /// Its public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// An SSH signature (SSHSIG, SHA-512) over these bytes in this namespace, as PEM with a final newline. The same
    /// bytes give the same signature, with any of the kinds of keys.
    ///
    /// # Errors
    /// [`CommitError::Sign`].
    pub fn sign(&self, namespace: &str, payload: &[u8]) -> Result<String, CommitError> {
        let failed = |error: ssh_key::Error| CommitError::Sign(error.to_string());
        let signature = self.key.sign(namespace, HashAlg::Sha512, payload).map_err(failed)?;
        let mut pem = signature.to_pem(LineEnding::LF).map_err(failed)?;
        if !pem.ends_with('\n') {
            pem.push('\n');
        }
        Ok(pem)
    }
}

/// What is wrong with a text that is no OpenSSH private key that can be used.
fn why_not(text: &str, error: &ssh_key::Error) -> String {
    let make = "make one with `ssh-keygen -t ed25519`";
    if text.starts_with("ssh-") || text.starts_with("ecdsa-") || text.starts_with("sk-") {
        "it is a public key; name the file of the private one".to_owned()
    } else if !text.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----") {
        format!("it is not in OpenSSH's format; {make}")
    } else {
        format!("it is damaged or of an unknown kind ({error}); {make}")
    }
}

/// A commit that is to be made. Author and committer are one.
#[derive(Debug, Clone, Copy)]
pub struct NewCommit<'a> {
    /// What it contains.
    pub tree: Oid,
    /// What it follows, in order.
    pub parents: &'a [Oid],
    /// The author's name.
    pub name: &'a str,
    /// The author's address.
    pub email: &'a str,
    /// When, to the second; written as UTC.
    pub time: Timestamp,
    /// The message; a final newline is added where there is none.
    pub message: &'a str,
}

impl NewCommit<'_> {
    /// The raw commit without signature: what is signed in the namespace `git`.
    ///
    /// # Errors
    /// [`CommitError::Malformed`] where name, address, time or message could not be read back as they are.
    pub fn payload(&self) -> Result<Vec<u8>, CommitError> {
        let bad = |what: &str| Err(CommitError::Malformed(what.to_owned()));
        // Git strips these from the ends of a name, and so no name that has them is read back as it is.
        let crud = |c: char| c.is_whitespace() || ".,:;<>\"\\'".contains(c);
        let clean = |text: &str| !text.contains(['<', '>']) && !text.chars().any(char::is_control);
        if !clean(self.name) || self.name.is_empty() || self.name.starts_with(crud) || self.name.ends_with(crud) {
            return bad("the author's name is empty, or has `<`, `>`, a control character, or punctuation at its ends");
        }
        if !clean(self.email) || self.email.is_empty() || self.email.contains(char::is_whitespace) {
            return bad("the author's address is empty, or has `<`, `>`, a space or a control character in it");
        }
        if self.time.as_second() < 0 {
            return bad("its time is before 1970");
        }
        if self.message.contains('\0') {
            return bad("the message has a zero byte in it");
        }
        let mut raw = format!("tree {}\n", self.tree);
        for parent in self.parents {
            raw.push_str(&format!("parent {parent}\n"));
        }
        let who = format!("{} <{}> {} +0000", self.name, self.email, self.time.as_second());
        raw.push_str(&format!("author {who}\ncommitter {who}\n\n{}", self.message));
        if !raw.ends_with('\n') {
            raw.push('\n');
        }
        Ok(raw.into_bytes())
    }
}

/// The raw commit with a signature over its payload, as git writes it: a header `gpgsig` after all others.
///
/// # Errors
/// [`CommitError::Malformed`] where the payload has no end of headers.
pub fn with_signature(payload: &[u8], pem: &str) -> Result<Vec<u8>, CommitError> {
    let end = payload
        .windows(2)
        .position(|two| two == b"\n\n")
        .ok_or_else(|| CommitError::Malformed("it has no end of headers".to_owned()))?;
    let folded = pem.trim_end().replace('\n', "\n ");
    let mut raw = payload[..=end].to_vec();
    raw.extend_from_slice(format!("gpgsig {folded}\n").as_bytes());
    raw.extend_from_slice(&payload[end + 1..]);
    Ok(raw)
}

/// Makes a commit, signed with a key where one is given, and stores it. Gives its name and its raw bytes.
///
/// # Errors
/// [`CommitError`].
pub fn write_commit(
    objects: &(impl Objects + ?Sized),
    commit: &NewCommit<'_>,
    key: Option<&JournalKey>,
) -> Result<(Oid, Vec<u8>), CommitError> {
    let payload = commit.payload()?;
    let raw = match key {
        Some(key) => with_signature(&payload, &key.sign("git", &payload)?)?,
        None => payload,
    };
    Ok((objects.write(Kind::Commit, &raw)?, raw))
}

#[cfg(test)]
mod tests;
