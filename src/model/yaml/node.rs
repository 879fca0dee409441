//! The tree a file is read into.

/// Where something begins in its file, both from 1; the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: u64,
    /// The column.
    pub column: u64,
}

/// A value with its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where it begins.
    pub at: Position,
    /// What it is.
    pub value: Value,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// One text, as yet of no type.
    Scalar {
        /// The text, escapes resolved.
        text: String,
        /// Whether it was written without quotes and not as a block: only then may it be no text.
        plain: bool,
    },
    /// A list.
    Sequence(Vec<Node>),
    /// Fields, in the order written; no key twice.
    Mapping(Vec<Entry>),
    /// Something that was refused and reported already: readers pass over it in silence.
    Refused,
}

/// A field of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub key: Key,
    /// Its value.
    pub value: Node,
}

/// The name of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Where it begins.
    pub at: Position,
    /// The text.
    pub text: String,
    /// Whether it was written without quotes.
    pub plain: bool,
}
