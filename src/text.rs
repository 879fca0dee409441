//! Text from the repository, made safe to show.
//!
//! Whatever could hide, reorder or fake what a reader sees is written as `<U+202E>`: an angle bracket, `U+`, four to
//! six upper-case hex digits of the code point, an angle bracket. A literal `<U+` in the text has its own `<` written
//! so, which makes the escaped form unambiguous: two different texts never look alike. Escape once, where text is
//! shown.
//!
//! The set of characters is a fixed list, not the tables of a library or of the compiler, because escaped text is part
//! of what a plan's digest covers: it belongs to the plan's format version.

mod markdown;
mod name;

pub use markdown::{fence, fence_as, markdown_inline};
pub use name::check_file_name;

use std::fmt::Write as _;

/// So many combining marks may follow one letter; more would run over the neighbouring lines.
const MARKS_PER_LETTER: u8 = 3;

/// One line that is safe to show: newlines and tabs are escaped too.
pub fn escape(text: &str) -> String {
    if text.bytes().all(is_ordinary) {
        return text.to_owned();
    }
    escape_but(text, |_| false)
}

/// Lines that are safe to show: `\n` and `\t` stay as they are, a carriage return becomes visible.
pub fn escape_lines(text: &str) -> String {
    if text.bytes().all(is_ordinary_in_lines) {
        return text.to_owned();
    }
    escape_but(text, is_layout)
}

/// Whether nothing in this one line hides, reorders or fakes anything: [`escape`] would at most mark a literal `<U+`.
pub fn is_safe(text: &str) -> bool {
    text.bytes().all(is_ordinary) || inspect(text, |_| false).all(|(_, _, hides)| !hides)
}

/// As [`is_safe`], for lines: `\n` and `\t` are fine.
pub fn is_safe_lines(text: &str) -> bool {
    text.bytes().all(is_ordinary_in_lines) || inspect(text, is_layout).all(|(_, _, hides)| !hides)
}

/// At most `limit` characters of a line; where something was left out the last one is `…`.
pub fn cut(text: &str, limit: usize) -> String {
    if text.chars().nth(limit).is_none() {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(limit.saturating_sub(1)).collect();
    if limit > 0 {
        short.push('…');
    }
    short
}

/// As many whole lines as fit into `limit` bytes, and whether something was left out; then a last line says how much,
/// in addition to the limit.
pub fn cut_lines(text: &str, limit: usize) -> (String, bool) {
    if text.len() <= limit {
        return (text.to_owned(), false);
    }
    let kept = text.as_bytes()[..limit].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let rest = &text[kept..];
    let lines = rest.lines().count();
    let noun = if lines == 1 { "line" } else { "lines" };
    (format!("{}… {lines} more {noun}, {} bytes, not shown\n", &text[..kept], rest.len()), true)
}

/// Whether a byte is a character that stays as it is wherever it stands: what most text consists of.
fn is_ordinary(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'<'
}

/// As [`is_ordinary`], for lines.
fn is_ordinary_in_lines(byte: u8) -> bool {
    is_ordinary(byte) || matches!(byte, b'\n' | b'\t')
}

fn is_layout(c: char) -> bool {
    matches!(c, '\n' | '\t')
}

fn escape_but(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for (at, c, hides) in inspect(text, keep) {
        if hides || (c == '<' && text[at..].starts_with("<U+")) {
            // Writing to a String cannot fail.
            let _ = write!(shown, "<U+{:04X}>", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Each character with its position and whether it must not be shown as it is. A combining mark is fine after a letter,
/// but not after a sign, where it could turn the `-` of a diff into a `+`, nor piled up.
fn inspect(text: &str, keep: impl Fn(char) -> bool) -> impl Iterator<Item = (usize, char, bool)> {
    let mut marks_left = 0;
    text.char_indices().map(move |(at, c)| {
        let hides = !keep(c) && (is_hidden(c) || (is_mark(c) && marks_left == 0));
        marks_left = match c {
            _ if hides => 0,
            _ if is_mark(c) => marks_left - 1,
            _ if c.is_ascii() && !c.is_ascii_alphabetic() => 0,
            _ => MARKS_PER_LETTER,
        };
        (at, c, hides)
    })
}

/// Controls, invisible and format characters, blanks other than the space, overlays, private use, and what can never
/// be assigned or is assigned to nothing visible (planes 4 to 16).
fn is_hidden(c: char) -> bool {
    matches!(u32::from(c),
        0..=0x1f | 0x7f..=0xa0 | 0xad                       // C0, DEL, C1, no-break space, soft hyphen
        | 0x334..=0x338 | 0x34f | 0x488 | 0x489             // overlays, grapheme joiner, enclosing signs
        | 0x600..=0x605 | 0x61c | 0x6dd | 0x70f             // Arabic and Syriac format characters
        | 0x890 | 0x891 | 0x8e2
        | 0x115f | 0x1160 | 0x1680                          // Hangul fillers, Ogham space
        | 0x17b4 | 0x17b5 | 0x180b..=0x180f                 // Khmer and Mongolian invisibles
        | 0x2000..=0x200f | 0x2028..=0x202f                 // spaces, zero widths, separators, bidi controls
        | 0x205f..=0x206f | 0x20d0..=0x20ff                 // more of them, marks for symbols
        | 0x2800 | 0x3000 | 0x3164                          // blanks: Braille, ideographic, Hangul
        | 0xe000..=0xf8ff                                   // private use
        | 0xfdd0..=0xfdef | 0xfe00..=0xfe0f                 // noncharacters, variation selectors
        | 0xfeff | 0xffa0 | 0xfff0..=0xfffc | 0xfffe | 0xffff
        | 0x110bd | 0x110cd | 0x13430..=0x13455 | 0x16fe4   // format characters of Kaithi, Egyptian, Khitan
        | 0x1bca0..=0x1bca3 | 0x1d159 | 0x1d173..=0x1d17a   // of shorthand and music
        | 0x1fffe | 0x1ffff | 0x2fffe | 0x2ffff | 0x3fffe | 0x3ffff
        | 0x4_0000..)
}

/// The combining marks of the scripts in which they are common.
fn is_mark(c: char) -> bool {
    matches!(u32::from(c),
        0x300..=0x36f | 0x483..=0x489 | 0x1ab0..=0x1aff | 0x1dc0..=0x1dff | 0xfe20..=0xfe2f
        | 0x591..=0x5bd | 0x5bf | 0x5c1 | 0x5c2 | 0x5c4 | 0x5c5 | 0x5c7
        | 0x610..=0x61a | 0x64b..=0x65f | 0x670 | 0x6d6..=0x6dc | 0x6df..=0x6e4 | 0x6e7 | 0x6e8 | 0x6ea..=0x6ed
        | 0x711 | 0x730..=0x74a | 0xe31 | 0xe34..=0xe3a | 0xe47..=0xe4e)
}

#[cfg(test)]
mod tests;
