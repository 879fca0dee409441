//! Writing a record so that every reader, the strict one included, reads back exactly what was meant.

use serde_json::Value;

use super::hidden;
use super::plain::reading;

/// Writes fields in their order at an indentation, one per line.
///
/// Words and digests are left plain, as people write them; other text is double-quoted, with all that does not show
/// escaped; a text of lines such as a PEM file is written as a block. Mappings nest; lists are written in one line.
pub(crate) fn write_mapping(out: &mut String, indent: usize, fields: &[(&str, Value)]) {
    for (name, value) in fields {
        for _ in 0..indent {
            out.push(' ');
        }
        out.push_str(name);
        out.push(':');
        match value {
            Value::String(text) if is_block(text) => write_block(out, indent + 2, text),
            value => {
                out.push(' ');
                write_inline(out, value);
                out.push('\n');
            }
        }
    }
}

fn write_inline(out: &mut String, value: &Value) {
    match value {
        Value::String(text) if is_word(text) => out.push_str(text),
        Value::String(text) => write_quoted(out, text),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                write_inline(out, item);
            }
            out.push(']');
        }
        // Null, booleans and whole numbers: JSON's words are YAML's. Records hold no mapping below their fields, and
        // were there one, JSON is YAML too.
        other => out.push_str(&other.to_string()),
    }
}

/// A name or a digest, text to every reader.
fn is_word(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let word = |text: &str| text.starts_with(|c: char| c.is_ascii_lowercase()) && text.bytes().all(inner);
    let digest = |text: &str| text.strip_prefix("sha256:").is_some_and(|hex| !hex.is_empty() && hex.bytes().all(inner));
    text.len() <= 80 && reading(text).is_none() && (word(text) || digest(text))
}

/// Two lines and more of base64 and dashes, none of which begins with a space.
fn is_block(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'-' | b' ');
    let lines = text.strip_suffix('\n').unwrap_or(text);
    lines.contains('\n')
        && lines
            .split('\n')
            .all(|line| !line.is_empty() && !line.starts_with(' ') && !line.ends_with(' ') && line.bytes().all(allowed))
}

fn write_block(out: &mut String, indent: usize, text: &str) {
    out.push_str(if text.ends_with('\n') { " |\n" } else { " |-\n" });
    for line in text.lines() {
        for _ in 0..indent {
            out.push(' ');
        }
        out.push_str(line);
        out.push('\n');
    }
}

fn write_quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if hidden(c) || (c.is_whitespace() && c != ' ') => match u32::from(c) {
                code @ 0..=0xff => out.push_str(&format!("\\x{code:02x}")),
                code @ 0x100..=0xffff => out.push_str(&format!("\\u{code:04x}")),
                code => out.push_str(&format!("\\U{code:08x}")),
            },
            c => out.push(c),
        }
    }
    out.push('"');
}
