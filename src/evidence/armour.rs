//! The armour around an SSH signature: exactly as `ssh-keygen` writes it, so that a signature has one text only.

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----\n";
const END: &str = "-----END SSH SIGNATURE-----";
/// Columns of base64 per line (OpenSSH, `sshbuf_dtob64` with wrapping).
const WIDTH: usize = 70;
/// Several times what the largest accepted key and signature need.
const TEXT_MAX: usize = 16 * 1024;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Whether a text claims to be an SSH signature at all.
pub(super) fn is_claimed(text: &str) -> bool {
    text.starts_with(BEGIN.trim_end())
}

/// The bytes in the armour; `None` unless the text is what [`close`] makes of them, but for a final newline.
pub(super) fn open(text: &str) -> Option<Vec<u8>> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    if text.len() > TEXT_MAX {
        return None;
    }
    let body = text.strip_prefix(BEGIN)?.strip_suffix(END)?;
    let digits: Vec<u8> = body.bytes().filter(|b| *b != b'\n' && *b != b'=').collect();
    let bytes = decode(&digits)?;
    // Line lengths, padding, unused bits: whatever could be written in two ways shows here.
    (close(&bytes) == text).then_some(bytes)
}

/// Puts bytes in armour, without a final newline.
pub(super) fn close(bytes: &[u8]) -> String {
    let mut text = BEGIN.to_owned();
    let digits = encode(bytes);
    for (column, digit) in digits.chars().enumerate() {
        if column > 0 && column % WIDTH == 0 {
            text.push('\n');
        }
        text.push(digit);
    }
    text.push('\n');
    text.push_str(END);
    text
}

/// Base64 with padding (RFC 4648 §4).
fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for position in 0..4 {
            let digit = (group >> (18 - 6 * position)) & 0x3f;
            text.push(if position <= chunk.len() { char::from(ALPHABET[digit as usize]) } else { '=' });
        }
    }
    text
}

/// Base64 without padding; unused bits are dropped, as [`open`] compares.
fn decode(digits: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for chunk in digits.chunks(4) {
        let mut group = 0_u32;
        for digit in chunk {
            let value = ALPHABET.iter().position(|candidate| candidate == digit)?;
            group = group << 6 | u32::try_from(value).ok()?;
        }
        group <<= 6 * (4 - chunk.len());
        bytes.extend_from_slice(&group.to_be_bytes()[1..chunk.len()]);
    }
    Some(bytes)
}
