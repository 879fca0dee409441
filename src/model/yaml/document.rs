//! One file: its tree, and everything that is wrong with it.

use std::cell::RefCell;

use super::build::build;
use super::character::forbidden;
use super::{Field, Limits, Node, Position};
use crate::model::{Problem, Problems};

/// The most problems that are told of one file.
const MOST_PROBLEMS: usize = 100;

/// The most problems that are kept of one file: a file made of nothing else must not cost memory.
pub(super) const MOST_KEPT: usize = 1000;

/// A file that is being read. Readers leave their complaints here and go on, so that all of them are told.
pub struct Document {
    file: String,
    root: Option<Node>,
    problems: RefCell<Vec<Problem>>,
}

/// Where a field is, to complain about it later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    file: String,
    at: Position,
    field: String,
}

impl Place {
    /// A problem of this field.
    pub fn problem(&self, message: impl Into<String>) -> Problem {
        Problem {
            file: self.file.clone(),
            line: Some(self.at.line),
            column: Some(self.at.column),
            field: self.field.clone(),
            message: message.into(),
        }
    }
}

impl Document {
    /// Reads a file into a tree; what is wrong with it as YAML is told by [`Document::finish`].
    pub fn read(file: &str, bytes: &[u8], limits: Limits) -> Self {
        let mut document = Self { file: file.to_owned(), root: None, problems: RefCell::default() };
        match decode(file, bytes, limits) {
            Ok(text) => {
                let (root, findings) = build(text, limits);
                document.root = root;
                for finding in findings {
                    document.complain(finding.at, finding.field, finding.message);
                }
            }
            Err(problem) => document.problems.get_mut().push(*problem),
        }
        document
    }

    /// The outermost value, unless the file could not be read at all.
    pub fn root(&self) -> Option<Field<'_>> {
        self.root.as_ref().map(|root| Field::root(self, root))
    }

    /// The file's name.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// What was read, if nothing is wrong.
    ///
    /// # Errors
    /// Everything that is wrong with the file, in the order of the file.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Problems> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| (problem.line, problem.column));
        if problems.len() > MOST_PROBLEMS {
            problems.truncate(MOST_PROBLEMS);
            problems.push(Problem::of_file(&*self.file, "and more problems, not listed"));
        }
        match value {
            Some(value) if problems.is_empty() => Ok(value),
            // No reader gives up without a complaint; should one, the file is refused all the same.
            _ if problems.is_empty() => Err(Problem::of_file(self.file, "could not be read").into()),
            _ => Err(Problems(problems)),
        }
    }

    pub(super) fn place(&self, at: Position, field: &str) -> Place {
        Place { file: self.file.clone(), at, field: field.to_owned() }
    }

    pub(super) fn is_full(&self) -> bool {
        self.problems.borrow().len() >= MOST_KEPT
    }

    pub(super) fn complain(&self, at: Position, field: String, message: String) {
        if self.is_full() {
            return;
        }
        let (line, column) = (Some(at.line), Some(at.column));
        self.problems.borrow_mut().push(Problem { file: self.file.clone(), line, column, field, message });
    }
}

/// The text of a file, if it is one that every reader and every person sees the same way.
fn decode<'a>(file: &str, bytes: &'a [u8], limits: Limits) -> Result<&'a str, Box<Problem>> {
    let whole = |message: String| Box::new(Problem::of_file(file, message));
    if bytes.len() > limits.bytes {
        return Err(whole(format!("{} bytes; a file may have {}", bytes.len(), limits.bytes)));
    }
    if [&b"\xef\xbb\xbf"[..], b"\xff\xfe", b"\xfe\xff"].iter().any(|mark| bytes.starts_with(mark)) {
        return Err(whole("begins with a byte order mark; save it as UTF-8 without one".to_owned()));
    }
    let text = match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = position_after(&String::from_utf8_lossy(&bytes[..error.valid_up_to()]));
            let message = "not UTF-8; save it as UTF-8".to_owned();
            return Err(Box::new(Document::at(file, at, message)));
        }
    };
    let lone_return = |at: usize| !text[at..].starts_with("\r\n");
    for (at, c) in text.char_indices() {
        let what = match c {
            '\r' if lone_return(at) => "a carriage return without a line feed",
            c => match forbidden(c) {
                Some(what) => what,
                None => continue,
            },
        };
        let message =
            format!("U+{:04X}, {what}, is not allowed; remove it, or escape it in double quotes", u32::from(c));
        return Err(Box::new(Document::at(file, position_after(&text[..at]), message)));
    }
    Ok(text)
}

impl Document {
    fn at(file: &str, at: Position, message: String) -> Problem {
        Place { file: file.to_owned(), at, field: String::new() }.problem(message)
    }
}

fn position_after(text: &str) -> Position {
    let line_start = text.rfind('\n').map_or(0, |newline| newline + 1);
    Position {
        line: 1 + text.bytes().filter(|b| *b == b'\n').count() as u64,
        column: 1 + text[line_start..].chars().count() as u64,
    }
}
