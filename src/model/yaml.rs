//! Strict YAML: what one reader accepts, every other reader must read the same way, or it is refused.
//!
//! One document per file, UTF-8 without a byte order mark. No duplicate keys, anchors, aliases, merge keys, tags or
//! directives; no plain scalar that some reader takes for a boolean, number, date or null where text is expected; no
//! characters that are invisible or turn the reading direction. Limits hold before anything is read into a tree.
//!
//! A file becomes a tree of nodes that know their line, column and style, and the typed readers take their values out
//! of that tree, so that *all* problems of a file are told, each with its position and field path. The tree is made of
//! the events of the parser that `serde-saphyr` is built on and re-exports: its deserializer stops at the first
//! problem and knows no field path.

mod build;
mod character;
mod document;
mod field;
mod node;
mod plain;
mod token;
mod write;

pub use document::{Document, Place};
pub use field::{Field, Fields};
pub use node::{Entry, Key, Node, Position, Value};
pub use token::{show, visible};

pub(crate) use character::{hidden, is_printable_line};
pub(crate) use field::{LARGEST_NUMBER, all};
pub(crate) use plain::reading as plain_reading;
pub(crate) use write::write_mapping;

/// Whether a plain scalar is no text to some YAML reader.
pub(crate) fn is_ambiguous(text: &str) -> bool {
    plain::reading(text).is_some()
}

/// What a file may cost before it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file.
    pub bytes: usize,
    /// Bytes of one scalar, a key included.
    pub scalar: usize,
    /// Levels of lists and mappings.
    pub depth: usize,
    /// Scalars, lists and mappings together, keys not counted.
    pub nodes: usize,
}

impl Limits {
    /// The most a file may have, whatever the settings say: the daemon, `validate` and `verify` must read alike.
    pub const DEFAULT: Self = Self { bytes: 1 << 20, scalar: 64 << 10, depth: 32, nodes: 200_000 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests;
