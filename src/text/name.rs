//! File names that cannot be taken for others.

use super::{is_mark, is_safe};

/// Whether a file or folder name is one that people can tell from every other: no path syntax, nothing invisible, no
/// loose combining marks (of which the composed letter is the other spelling), no signs that look like a slash, no
/// Latin letters mixed with those of an alphabet that has the same shapes.
///
/// # Errors
/// What is wrong with it, as the end of a sentence that began with the name.
pub fn check_file_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || matches!(name, "." | "..") || name.contains('/') {
        return Err("is no file name");
    }
    if name.len() > 255 {
        return Err("is longer than 255 bytes");
    }
    if !is_safe(name) {
        return Err("has control, invisible or direction-changing characters");
    }
    if name.chars().any(is_mark) {
        return Err("has combining marks; write the composed letters instead");
    }
    if name.chars().any(is_slash_like) {
        return Err("has a character that looks like `/`");
    }
    if name.chars().any(|c| c.is_ascii_alphabetic()) && name.chars().any(is_latin_like) {
        return Err("mixes Latin letters with look-alikes of another alphabet");
    }
    Ok(())
}

fn is_slash_like(c: char) -> bool {
    matches!(u32::from(c), 0x2044 | 0x2215 | 0x2571 | 0x29f8 | 0x3033 | 0xff0f | 0xff3c)
}

/// Blocks whose letters can pass for Latin ones: Greek, Cyrillic, Armenian, Cherokee, Coptic, Lisu, letter-like and
/// mathematical signs, full widths.
fn is_latin_like(c: char) -> bool {
    matches!(u32::from(c),
        0x370..=0x52f | 0x531..=0x58a | 0x13a0..=0x13ff | 0x1c80..=0x1c8f | 0x1f00..=0x1fff
        | 0x2100..=0x218f | 0x2c80..=0x2cff | 0x2de0..=0x2dff | 0xa4d0..=0xa4ff | 0xa640..=0xa69f
        | 0xab30..=0xabbf | 0xff00..=0xffef | 0x1d400..=0x1d7ff)
}
