//! SSH signatures (SSHSIG, OpenSSH's `PROTOCOL.sshsig`) and who signed a commit.

use ssh_key::{Algorithm, HashAlg, Signature, SshSig};

use super::armour;
use super::key::{self, KeyError};
use crate::memo::Memo;
use crate::model::PublicKey;
use crate::object::Commit;

/// The namespace in which git signs commits.
pub const GIT_NAMESPACE: &str = "git";

/// "User present": somebody touched the security key (OpenSSH's `PROTOCOL.u2f`).
const USER_PRESENT: u8 = 0x01;

/// Why a signature proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// PGP, X.509 or no signature at all.
    #[error("the signature is not an SSH signature")]
    NotSsh,
    /// More or other text than one signature as `ssh-keygen` writes it.
    #[error("the signature is not exactly one SSH signature as ssh-keygen writes it")]
    Armour,
    /// The bytes are not laid out as they must be.
    #[error("the signature is malformed: {0}")]
    Malformed(&'static str),
    /// Made for something else.
    #[error("the signature was made for another purpose than `{expected}`")]
    Namespace {
        /// What it should have been made for.
        expected: String,
    },
    /// The key in it is not acceptable.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The signature's algorithm is not one that goes with the key.
    #[error("the signature's algorithm is not accepted for its key")]
    Algorithm,
    /// Nobody touched the security key.
    #[error("the signature was made by a security key that nobody touched")]
    NotPresent,
    /// It does not fit.
    #[error("the signature does not fit the content")]
    Mismatch,
    /// A commit with several, or with one over another object format.
    #[error("the commit has more than one signature header")]
    Several,
}

/// Signatures that fit. The daemon asks about the same commit when it reads an entry, when it proves it, and when it looks
/// for what was said.
static VERIFIED: Memo<PublicKey> = Memo::new(10_000);

/// Verifies an SSH signature over `payload` and gives the key that made it. Whose key that is, is not asked here.
///
/// `pem` is the armoured signature exactly as `ssh-keygen -Y sign` writes it; its final newline may be missing, as git
/// leaves it out in a commit's header.
///
/// # Errors
/// [`SignatureError`]: everything that OpenSSH would not have written is refused, and so are certificates, RSA with
/// SHA-1 or under 3072 bits, and security keys that nobody touched.
pub fn verify(pem: &str, namespace: &str, payload: &[u8]) -> Result<PublicKey, SignatureError> {
    let parts = [pem.as_bytes(), namespace.as_bytes(), payload];
    VERIFIED.of(&parts, || verify_now(pem, namespace, payload))
}

/// Gives back the room of what is remembered of signatures.
pub fn forget_verified() {
    VERIFIED.keep_at_most(0);
}

fn verify_now(pem: &str, namespace: &str, payload: &[u8]) -> Result<PublicKey, SignatureError> {
    if !armour::is_claimed(pem) {
        return Err(SignatureError::NotSsh);
    }
    let blob = armour::open(pem).ok_or(SignatureError::Armour)?;
    let mut wire = Wire(&blob);
    if wire.take(6)? != b"SSHSIG" || wire.number()? != 1 {
        return Err(SignatureError::Malformed("it is not of version 1"));
    }
    let (key_data, public_key) = key::read_wire(wire.string()?)?;
    if wire.string()? != namespace.as_bytes() {
        return Err(SignatureError::Namespace { expected: namespace.to_owned() });
    }
    if !wire.string()?.is_empty() {
        return Err(SignatureError::Malformed("its reserved field is not empty"));
    }
    let hash = match wire.string()? {
        b"sha256" => HashAlg::Sha256,
        b"sha512" => HashAlg::Sha512,
        _ => return Err(SignatureError::Malformed("its hash is neither sha256 nor sha512")),
    };
    let signature = read_signature(wire.string()?, &key_data.algorithm())?;
    wire.end()?;
    let signed = SshSig::new(key_data.clone(), namespace, hash, signature)
        .map_err(|_| SignatureError::Malformed("it has no namespace"))?;
    ssh_key::PublicKey::from(key_data).verify(namespace, payload, &signed).map_err(|_| SignatureError::Mismatch)?;
    Ok(public_key)
}

/// The key whose signature a commit carries, `None` where it carries none.
///
/// # Errors
/// [`SignatureError`] where it carries one that proves nothing, or several.
pub fn commit_signer(commit: &Commit) -> Result<Option<PublicKey>, SignatureError> {
    if commit.headers.iter().any(|name| name == "gpgsig-sha256") {
        return Err(SignatureError::Several);
    }
    match commit.signatures.as_slice() {
        [] => Ok(None),
        [pem] => verify(pem, GIT_NAMESPACE, &commit.signed).map(Some),
        _ => Err(SignatureError::Several),
    }
}

/// The signature proper (RFC 4253 §6.6, RFC 5656 §3.1.2, RFC 8332 §3, `PROTOCOL.u2f`).
fn read_signature(blob: &[u8], key: &Algorithm) -> Result<Signature, SignatureError> {
    let mut wire = Wire(blob);
    let name = wire.string()?;
    let mut data = wire.string()?.to_vec();
    let algorithm = match key {
        Algorithm::Rsa { .. } if name == b"rsa-sha2-256" => Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
        Algorithm::Rsa { .. } if name == b"rsa-sha2-512" => Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
        Algorithm::Rsa { .. } => return Err(SignatureError::Algorithm),
        same if name == same.as_str().as_bytes() => same.clone(),
        _ => return Err(SignatureError::Algorithm),
    };
    if matches!(algorithm, Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256) {
        let trailer = wire.take(5)?;
        if trailer[0] & USER_PRESENT == 0 {
            return Err(SignatureError::NotPresent);
        }
        data.extend_from_slice(trailer);
    }
    wire.end()?;
    Signature::new(algorithm, data).map_err(|_| SignatureError::Malformed("its numbers are not of the right size"))
}

/// SSH's wire format (RFC 4251 §5), read to the last byte.
struct Wire<'a>(&'a [u8]);

impl<'a> Wire<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], SignatureError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(SignatureError::Malformed("it is cut off"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u32, SignatureError> {
        Ok(self.take(4)?.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    fn string(&mut self) -> Result<&'a [u8], SignatureError> {
        let length = self.number()?;
        self.take(usize::try_from(length).unwrap_or(usize::MAX))
    }

    fn end(self) -> Result<(), SignatureError> {
        if self.0.is_empty() { Ok(()) } else { Err(SignatureError::Malformed("something follows it")) }
    }
}

#[cfg(test)]
mod tests;
