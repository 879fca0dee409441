//! SSH public keys: which ones are usable, each in its one canonical text.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use ssh_key::HashAlg;
use ssh_key::public::{EcdsaPublicKey, Ed25519PublicKey, KeyData, RsaPublicKey};

use crate::model::PublicKey;

/// The fewest bits of an RSA key that is accepted, as NIST SP 800-57 asks for beyond 2030.
const RSA_BITS_MIN: usize = 3072;
/// The most bits the verifying library can handle.
const RSA_BITS_MAX: usize = 4096;
/// No usable key's text is longer; what is longer is not even decoded.
const TEXT_MAX: usize = 8 * 1024;

/// Why a text is no usable key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is not one line of algorithm, key and comment.
    #[error("expected one line `algorithm base64 [comment]`, as in a `.pub` file")]
    Shape,
    /// A certificate, an old or an unknown type, or options in front of the key.
    #[error(
        "{}keys of this type are not accepted: use ssh-ed25519, ecdsa-sha2-nistp256, ecdsa-sha2-nistp384, \
         ssh-rsa of 3072 bits or more, sk-ssh-ed25519@openssh.com or sk-ecdsa-sha2-nistp256@openssh.com",
        if .0.is_empty() { String::new() } else { format!("`{}`: ", .0) }
    )]
    Algorithm(String),
    /// The base64 does not hold such a key, or not in the one way in which it is written.
    #[error("the key is not in the canonical encoding of its type")]
    Encoding,
    /// An RSA key too short to trust, or too long to verify with.
    #[error("expected an RSA key of {RSA_BITS_MIN} to {RSA_BITS_MAX} bits, found {0}")]
    RsaBits(usize),
    /// A key with which anybody can sign.
    #[error("the key is a weak one: anybody could make a signature that verifies with it")]
    Weak,
}

/// Reads `algorithm base64 [comment]`, the content of a `.pub` file (a final newline is allowed).
///
/// Two texts of the same key give equal values: the base64 must be the canonical encoding, and the comment is dropped.
///
/// # Errors
/// [`KeyError`] for certificates, options, unknown algorithms, short RSA keys, and anything not encoded canonically.
pub fn parse_public_key(text: &str) -> Result<PublicKey, KeyError> {
    let line = text.trim();
    if line.len() > TEXT_MAX || line.chars().any(char::is_control) {
        return Err(KeyError::Shape);
    }
    let mut words = line.split_ascii_whitespace();
    let (Some(algorithm), Some(base64)) = (words.next(), words.next()) else { return Err(KeyError::Shape) };
    if !is_accepted(algorithm) {
        return Err(KeyError::Algorithm(shown(algorithm)));
    }
    let canonical = format!("{algorithm} {base64}");
    let key = ssh_key::PublicKey::from_openssh(&canonical).map_err(|_| KeyError::Encoding)?;
    if key.to_openssh().map_err(|_| KeyError::Encoding)? != canonical {
        return Err(KeyError::Encoding);
    }
    check(key.key_data())?;
    Ok(PublicKey::from_checked(algorithm, base64))
}

/// A key in a document is as good as one in a policy, and in its one text, without a comment.
impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let key = parse_public_key(&text).map_err(D::Error::custom)?;
        if key.as_str() == text { Ok(key) } else { Err(D::Error::custom(KeyError::Shape)) }
    }
}

/// Reads a key in its wire form (RFC 4253 §6.6), as a signature contains it.
pub(super) fn read_wire(blob: &[u8]) -> Result<(KeyData, PublicKey), KeyError> {
    let key = ssh_key::PublicKey::from_bytes(blob).map_err(|_| KeyError::Encoding)?;
    // The library reads some encodings that it would never write; equal keys must be equal bytes.
    if key.to_bytes().map_err(|_| KeyError::Encoding)? != blob {
        return Err(KeyError::Encoding);
    }
    let text = key.to_openssh().map_err(|_| KeyError::Encoding)?;
    Ok((key.into(), parse_public_key(&text)?))
}

/// The fingerprint, `SHA256:` and unpadded base64, as `ssh-keygen -l` prints it.
pub fn fingerprint(key: &PublicKey) -> String {
    match ssh_key::PublicKey::from_openssh(key.as_str()) {
        Ok(key) => key.fingerprint(HashAlg::Sha256).to_string(),
        Err(_) => "no fingerprint: unreadable key".to_owned(),
    }
}

fn is_accepted(algorithm: &str) -> bool {
    matches!(
        algorithm,
        "ssh-ed25519"
            | "ecdsa-sha2-nistp256"
            | "ecdsa-sha2-nistp384"
            | "ssh-rsa"
            | "sk-ssh-ed25519@openssh.com"
            | "sk-ecdsa-sha2-nistp256@openssh.com"
    )
}

fn check(key: &KeyData) -> Result<(), KeyError> {
    // A compressed point would be a second text for the same key; OpenSSH refuses it too (RFC 5656 §3.1).
    let uncompressed = |point: &[u8]| if point.first() == Some(&4) { Ok(()) } else { Err(KeyError::Encoding) };
    match key {
        KeyData::Ed25519(key) => check_ed25519(key),
        KeyData::SkEd25519(key) => check_ed25519(key.public_key()),
        KeyData::Ecdsa(key @ (EcdsaPublicKey::NistP256(_) | EcdsaPublicKey::NistP384(_))) => {
            uncompressed(key.as_sec1_bytes())?;
            on_curve(key)
        }
        KeyData::SkEcdsaSha2NistP256(key) => {
            uncompressed(key.ec_point().as_bytes())?;
            on_curve(&EcdsaPublicKey::NistP256(*key.ec_point()))
        }
        KeyData::Rsa(key) => check_rsa(key),
        _ => Err(KeyError::Algorithm(shown(key.algorithm().as_str()))),
    }
}

/// A point that is not on its curve is no key: no signature could ever verify with it.
fn on_curve(key: &EcdsaPublicKey) -> Result<(), KeyError> {
    let found = match key {
        EcdsaPublicKey::NistP256(point) => p256::PublicKey::from_sec1_bytes(point.as_bytes()).is_ok(),
        EcdsaPublicKey::NistP384(point) => p384::PublicKey::from_sec1_bytes(point.as_bytes()).is_ok(),
        _ => false,
    };
    if found { Ok(()) } else { Err(KeyError::Encoding) }
}

/// The y coordinates of the points of small order (curve25519, eight points), little-endian, without the sign bit.
/// A signature by such a key fits every message.
const SMALL_ORDER: [&str; 5] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

fn check_ed25519(key: &Ed25519PublicKey) -> Result<(), KeyError> {
    let mut y = key.0;
    y[31] &= 0x7f;
    // RFC 8032 §5.1.3: y is below 2^255 - 19, or it would be a second text for the same key.
    if y[31] == 0x7f && y[1..31].iter().all(|b| *b == 0xff) && y[0] >= 0xed {
        return Err(KeyError::Encoding);
    }
    if SMALL_ORDER.contains(&hex::encode(y).as_str()) {
        return Err(KeyError::Weak);
    }
    Ok(())
}

fn check_rsa(key: &RsaPublicKey) -> Result<(), KeyError> {
    let modulus = key.n.as_positive_bytes().ok_or(KeyError::Encoding)?;
    let exponent = key.e.as_positive_bytes().ok_or(KeyError::Encoding)?;
    let bits = modulus.len() * 8 - modulus.first().map_or(0, |b| b.leading_zeros() as usize);
    if !(RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) {
        return Err(KeyError::RsaBits(bits));
    }
    // With an exponent of 1 the padded digest is its own signature; an even number is no RSA number at all.
    let odd = |number: &[u8]| number.last().is_some_and(|b| b & 1 == 1);
    if !odd(modulus) || !odd(exponent) || exponent == [1] || exponent.len() > 4 {
        return Err(KeyError::Weak);
    }
    Ok(())
}

/// A word of the input as an error may show it: nothing where it is not plain text.
fn shown(word: &str) -> String {
    if word.len() <= 64 && word.bytes().all(|b| b.is_ascii_graphic() && b != b'`') {
        word.to_owned()
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests;
