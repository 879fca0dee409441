//! SSH public keys.

use ssh_key::Algorithm;
use ssh_key::public::KeyData;

use crate::model::PublicKey;

/// Why a text is no usable public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not `algorithm base64 [comment]`.
    #[error("expected an SSH public key like `ssh-ed25519 AAAA…`")]
    Unreadable,
    /// Not one of the algorithms that count.
    #[error("expected a key of one of the algorithms ed25519, ecdsa (nistp256, nistp384) or rsa")]
    Algorithm,
    /// An RSA key that is too short.
    #[error("expected an RSA key of at least 3072 bits")]
    TooShort,
}

/// Reads `algorithm base64 [comment]`.
///
/// # Errors
/// Where it is no key, a certificate, of another algorithm, or a weak one.
pub fn parse_public_key(text: &str) -> Result<PublicKey, KeyError> {
    let key = ssh_key::PublicKey::from_openssh(text).map_err(|_| KeyError::Unreadable)?;
    match key.key_data() {
        KeyData::Ed25519(_) | KeyData::SkEd25519(_) | KeyData::SkEcdsaSha2NistP256(_) => {}
        KeyData::Ecdsa(_) if !matches!(key.algorithm(), Algorithm::Ecdsa { curve: ssh_key::EcdsaCurve::NistP521 }) => {}
        KeyData::Rsa(rsa) => {
            let modulus = rsa.n.as_positive_bytes().unwrap_or_default();
            let bits = modulus.first().map_or(0, |first| modulus.len() * 8 - first.leading_zeros() as usize);
            if bits < 3072 {
                return Err(KeyError::TooShort);
            }
        }
        _ => return Err(KeyError::Algorithm),
    }
    let mut parts = text.split_whitespace();
    match (parts.next(), parts.next()) {
        (Some(algorithm), Some(base64)) => Ok(PublicKey::from_checked(algorithm, base64)),
        _ => Err(KeyError::Unreadable),
    }
}
