//! YAML 1.2, written: for our own documents, the same bytes for the same value.
//!
//! `serde-saphyr` writes YAML that reads back well, but leaves characters that reorder or hide text as they are. These
//! documents are read by people too, so whatever is not safe to show is written as an escape, which a reader undoes.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::text;

/// The words that some version of YAML, or some reader, takes for a boolean, null or number. Compared without case.
const WORDS: [&str; 13] =
    ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nil", "inf", "nan", "infinity"];

/// The YAML of a value: block style, fields in the order of the type, ends in a newline.
pub fn to_yaml<T: Serialize>(value: &T) -> String {
    #[expect(
        clippy::expect_used,
        reason = "our documents have string keys and whole numbers only: a key or number of another kind is all that can fail"
    )]
    let json = serde_json::to_string(value).expect("a value with string keys and whole numbers");
    #[expect(clippy::expect_used, reason = "it was just written")]
    let node = serde_json::from_str::<Node<'_>>(&json).expect("JSON");
    let mut out = String::with_capacity(json.len() + json.len() / 4);
    match &node {
        Node::List(items) if !items.is_empty() => write_list(&mut out, items, 0),
        Node::Map(fields) if !fields.is_empty() => write_map(&mut out, fields, 0),
        scalar => inline(&mut out, scalar),
    }
    if !out.ends_with('\n') {
        out.push('\n');
    }
    out
}

/// Reads one of our own documents back.
///
/// # Errors
/// Where it is not what [`to_yaml`] writes for this type.
pub fn from_yaml<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    serde_saphyr::from_str(text).map_err(|error| error.to_string())
}

/// A JSON value whose fields keep their order.
enum Node<'j> {
    /// Null, a boolean or a number, as JSON writes it: YAML reads the same.
    Word(String),
    Text(Text<'j>),
    List(Vec<Self>),
    Map(Vec<(Text<'j>, Self)>),
}

/// A string, where it can be as it is in the JSON.
#[derive(Deserialize)]
struct Text<'j>(#[serde(borrow)] Cow<'j, str>);

fn write_list(out: &mut String, items: &[Node<'_>], depth: usize) {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            indent(out, depth);
        }
        out.push_str("- ");
        match item {
            Node::List(items) if !items.is_empty() => write_list(out, items, depth + 1),
            Node::Map(fields) if !fields.is_empty() => write_map(out, fields, depth + 1),
            scalar => {
                inline(out, scalar);
                out.push('\n');
            }
        }
    }
}

fn write_map(out: &mut String, fields: &[(Text<'_>, Node<'_>)], depth: usize) {
    for (at, (name, value)) in fields.iter().enumerate() {
        if at > 0 {
            indent(out, depth);
        }
        write_quoted(out, &name.0);
        out.push(':');
        match value {
            Node::List(items) if !items.is_empty() => {
                out.push('\n');
                indent(out, depth + 1);
                write_list(out, items, depth + 1);
            }
            Node::Map(fields) if !fields.is_empty() => {
                out.push('\n');
                indent(out, depth + 1);
                write_map(out, fields, depth + 1);
            }
            scalar => {
                out.push(' ');
                inline(out, scalar);
                out.push('\n');
            }
        }
    }
}

fn indent(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n("  ", depth));
}

/// What fits on one line: a scalar, or an empty list or map.
fn inline(out: &mut String, node: &Node<'_>) {
    match node {
        Node::Word(word) => out.push_str(word),
        Node::Text(text) => write_quoted(out, &text.0),
        Node::List(_) => out.push_str("[]"),
        Node::Map(_) => out.push_str("{}"),
    }
}

/// A string: bare where no reader can take it for anything else, else in double quotes.
fn write_quoted(out: &mut String, text: &str) {
    if is_plain(text) {
        out.push_str(text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if is_shown(c) => out.push(c),
            c if (c as u32) < 0x1_0000 => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push_str(&format!("\\U{:08x}", c as u32)),
        }
    }
    out.push('"');
}

fn is_plain(text: &str) -> bool {
    let is_bare = |byte: &u8| byte.is_ascii_alphanumeric() || b"_./:-".contains(byte);
    text.as_bytes().first().is_some_and(u8::is_ascii_alphabetic)
        && text.as_bytes().iter().all(is_bare)
        && !text.ends_with(':')
        && !WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// Whether a character is safe to show as it is: what [`text::escape`] leaves alone.
fn is_shown(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_graphic() || c == ' ';
    }
    let mut buffer = [0; 4];
    let one = c.encode_utf8(&mut buffer);
    text::escape(one) == *one
}

impl<'de> Deserialize<'de> for Node<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node<'de>, E> {
        Ok(Node::Word(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node<'de>, E> {
        Ok(Node::Word(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node<'de>, E> {
        Ok(Node::Word(value.to_string()))
    }

    fn visit_unit<E>(self) -> Result<Node<'de>, E> {
        Ok(Node::Word("null".to_owned()))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Text(Cow::Borrowed(value))))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Text(Cow::Owned(value.to_owned()))))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Node<'de>, A::Error> {
        let mut map = Vec::new();
        while let Some(field) = fields.next_entry()? {
            map.push(field);
        }
        Ok(Node::Map(map))
    }
}

#[cfg(test)]
mod tests;
