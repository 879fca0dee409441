//! Taking typed values out of the tree. Whatever does not fit is reported to the document and gives `None`.

use std::str::FromStr;

use super::plain::reading;
use super::token::{nearest, show, show_all};
use super::{Document, Entry, Node, Place, Value, is_printable_line};

/// The largest whole number that every JSON reader keeps exactly: 2^53 - 1 (RFC 8785, section 3.2.2.3).
pub(crate) const LARGEST_NUMBER: u64 = (1 << 53) - 1;

/// A value and where it is.
#[derive(Clone)]
pub struct Field<'d> {
    document: &'d Document,
    node: &'d Node,
    path: String,
}

/// The fields of a mapping, none of them unknown.
#[derive(Clone)]
pub struct Fields<'d> {
    field: Field<'d>,
}

/// The path of a field in another.
pub(super) fn child(path: &str, name: &str) -> String {
    let shown = show(name);
    let name = shown.trim_matches('`');
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

impl<'d> Field<'d> {
    pub(super) fn root(document: &'d Document, node: &'d Node) -> Self {
        Self { document, node, path: String::new() }
    }

    /// The value as it was written.
    pub(crate) fn node(&self) -> &'d Node {
        self.node
    }

    /// Where it is.
    pub fn place(&self) -> Place {
        self.document.place(self.node.at, &self.path)
    }

    /// Reports a problem of this field.
    pub fn complain(&self, message: impl Into<String>) {
        self.document.complain(self.node.at, self.path.clone(), message.into());
    }

    /// Reports that this value is of a feature that is not there: `what` is the value, with the field where the value
    /// alone would not say it.
    pub fn not_built(&self, what: &str) {
        self.complain(not_built(what));
    }

    /// Reports that a field of this mapping is missing.
    pub fn missing(&self, name: &str) {
        let message = "missing; this field is required".to_owned();
        self.document.complain(self.node.at, child(&self.path, name), message);
    }

    /// Reports that something else was expected here.
    pub fn expected(&self, expected: &str) {
        let found = match &self.node.value {
            Value::Refused => return,
            Value::Sequence(_) => "a list".to_owned(),
            Value::Mapping(_) => "fields".to_owned(),
            Value::Scalar { text, plain: true } if text.is_empty() => "nothing".to_owned(),
            Value::Scalar { text, .. } if text.is_empty() => "an empty text".to_owned(),
            Value::Scalar { text, plain: true } => show(text),
            Value::Scalar { text, .. } => format!("the quoted text {}", show(text)),
        };
        self.complain(format!("expected {expected}, found {found}"));
    }

    /// Whether it is the plain scalar `null`.
    pub fn is_null(&self) -> bool {
        matches!(&self.node.value, Value::Scalar { text, plain: true } if text == "null")
    }

    /// `None` for `null`, otherwise what `read` makes of it.
    pub fn nullable<T>(&self, read: impl FnOnce(&Self) -> Option<T>) -> Option<Option<T>> {
        match &self.node.value {
            Value::Scalar { text, plain: true } if text != "null" && reading(text) == Some("null") => {
                self.expected("`null` or a value");
                None
            }
            _ if self.is_null() => Some(None),
            _ => read(self).map(Some),
        }
    }

    /// Any text.
    pub fn text(&self) -> Option<&'d str> {
        self.scalar("text").and_then(|text| self.unambiguous(text).then_some(text))
    }

    /// The text of a scalar that may be no text.
    fn scalar(&self, expected: &str) -> Option<&'d str> {
        match &self.node.value {
            Value::Scalar { text, plain } if !(*plain && reading(text) == Some("null")) => Some(text),
            _ => {
                self.expected(expected);
                None
            }
        }
    }

    /// Whether every YAML reader takes this scalar for text.
    fn unambiguous(&self, text: &str) -> bool {
        let plain = matches!(&self.node.value, Value::Scalar { plain: true, .. });
        let Some(reading) = reading(text).filter(|_| plain) else { return true };
        self.complain(format!("expected text, and {} is {reading} to some YAML readers; quote it", show(text)));
        false
    }

    /// A text in a form of its own. The form is looked at first: what is wrong anyway need not be quoted.
    pub fn formed<T>(&self, expected: &str, parse: impl FnOnce(&'d str) -> Option<T>) -> Option<T> {
        let text = self.scalar(expected)?;
        let value = parse(text);
        if value.is_none() {
            self.expected(expected);
        }
        value.filter(|_| self.unambiguous(text))
    }

    /// One line of text, not empty, in which every character shows.
    pub fn line(&self) -> Option<&'d str> {
        let text = self.text()?;
        if text.is_empty() || !is_printable_line(text) {
            self.expected("one line of text without control or invisible characters");
            return None;
        }
        Some(text)
    }

    /// A text in the form of a type, whose error says which: `expected …`.
    pub fn parsed<T: FromStr<Err: std::fmt::Display>>(&self) -> Option<T> {
        let text = self.scalar("text")?;
        match text.parse::<T>() {
            Ok(value) => Some(value).filter(|_| self.unambiguous(text)),
            Err(error) => {
                let error = error.to_string();
                self.expected(error.strip_prefix("expected ").unwrap_or(&error));
                None
            }
        }
    }

    /// A name. A pattern in its place would be a principal that nobody has listed (and so nobody has checked).
    pub fn name<T: FromStr<Err: std::fmt::Display>>(&self) -> Option<T> {
        let text = self.scalar("a name")?;
        if text.contains('*') {
            self.complain(format!("patterns are not allowed here; list each name, found {}", show(text)));
            return None;
        }
        self.parsed()
    }

    /// One of a few words.
    pub fn word<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let one_of = if names.len() > 1 { "one of " } else { "" };
        self.formed(&format!("{one_of}{}", show_all(&names)), |text| {
            words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
        })
    }

    /// `true` or `false`, and nothing else that some reader takes for a boolean.
    pub fn boolean(&self) -> Option<bool> {
        match &self.node.value {
            Value::Scalar { text, plain: true } if text == "true" => Some(true),
            Value::Scalar { text, plain: true } if text == "false" => Some(false),
            _ => {
                self.expected("`true` or `false`");
                None
            }
        }
    }

    /// A whole number in plain decimal digits, between these two, both included.
    pub fn number(&self, least: u64, most: u64) -> Option<u64> {
        let canonical = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            (digits && (text == "0" || !text.starts_with('0'))).then(|| text.parse().ok()).flatten()
        };
        let number = match &self.node.value {
            Value::Scalar { text, plain: true } => canonical(text),
            _ => None,
        };
        let number = number.filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.expected(&format!("a whole number from {least} to {most}"));
        }
        number
    }

    /// The items of a list.
    pub fn list(&self) -> Option<Vec<Field<'d>>> {
        match &self.node.value {
            Value::Sequence(items) => Some(
                items
                    .iter()
                    .enumerate()
                    .map(|(i, node)| Field { document: self.document, node, path: format!("{}[{i}]", self.path) })
                    .collect(),
            ),
            _ => {
                self.expected("a list");
                None
            }
        }
    }

    /// The items of a list that must have some.
    pub fn filled_list(&self) -> Option<Vec<Field<'d>>> {
        let items = self.list()?;
        if items.is_empty() {
            self.complain("expected at least one entry, found an empty list");
            return None;
        }
        Some(items)
    }

    /// What `read` makes of each item of a list; all of them, or none.
    pub fn list_of<T>(&self, read: impl Fn(&Field<'d>) -> Option<T>) -> Option<Vec<T>> {
        all(self.list()?.iter().map(read).collect())
    }

    /// Likewise of a list that must have items.
    pub fn filled_list_of<T>(&self, read: impl Fn(&Field<'d>) -> Option<T>) -> Option<Vec<T>> {
        all(self.filled_list()?.iter().map(read).collect())
    }

    /// Likewise, and no two of them the same.
    pub fn set_of<T: Ord + Clone>(&self, read: impl Fn(&Field<'d>) -> Option<T>) -> Option<Vec<T>> {
        let mut seen = std::collections::BTreeSet::new();
        let mut values = Vec::new();
        for item in self.list()? {
            let value = read(&item);
            if let Some(value) = &value
                && !seen.insert(value.clone())
            {
                item.complain("listed twice; remove one");
                values.push(None);
                continue;
            }
            values.push(value);
        }
        all(values)
    }

    /// A mapping whose keys are names that its author chose.
    pub fn map(&self) -> Option<Vec<(&'d str, Field<'d>)>> {
        let Value::Mapping(entries) = &self.node.value else {
            self.expected("fields");
            return None;
        };
        let mut read = Vec::new();
        for Entry { key, value } in entries {
            let path = child(&self.path, &key.text);
            if key.plain
                && let Some(reading) = reading(&key.text)
            {
                let message = format!("{} is {reading} to some YAML readers; quote it", show(&key.text));
                self.document.complain(key.at, path, message);
                continue;
            }
            read.push((key.text.as_str(), Field { document: self.document, node: value, path }));
        }
        Some(read)
    }

    /// A mapping with these fields and no others.
    pub fn fields(&self, known: &[&str]) -> Option<Fields<'d>> {
        self.fields_but(known, &[])
    }

    /// Likewise; fields of features that are not there are refused by name.
    pub fn fields_but(&self, known: &[&str], absent: &[&str]) -> Option<Fields<'d>> {
        let Value::Mapping(entries) = &self.node.value else {
            self.expected("fields");
            return None;
        };
        for Entry { key, .. } in entries {
            let name = key.text.as_str();
            if known.contains(&name) {
                continue;
            }
            let message = if absent.contains(&name) {
                not_built(name)
            } else if let Some(meant) = nearest(name, known).filter(|_| !self.document.is_full()) {
                format!("unknown field {}; did you mean `{meant}`?", show(name))
            } else {
                format!("unknown field {}; expected {}", show(name), show_all(known))
            };
            self.document.complain(key.at, child(&self.path, name), message);
        }
        Some(Fields { field: self.clone() })
    }

    /// A field of a mapping, where it is one and has it, without any complaint.
    pub fn peek(&self, name: &str) -> Option<Field<'d>> {
        let Value::Mapping(entries) = &self.node.value else { return None };
        let entry = entries.iter().find(|entry| entry.key.text == name)?;
        Some(Field { document: self.document, node: &entry.value, path: child(&self.path, name) })
    }
}

impl<'d> Fields<'d> {
    /// The field, where it is given.
    pub fn optional(&self, name: &str) -> Option<Field<'d>> {
        self.field.peek(name)
    }

    /// The field, which must be given.
    pub fn required(&self, name: &str) -> Option<Field<'d>> {
        let found = self.field.peek(name);
        if found.is_none() {
            self.field.missing(name);
        }
        found
    }

    /// What `read` makes of a field, or this value where it is not given. `None` only where it is given and wrong.
    pub fn or<T>(&self, name: &str, otherwise: T, read: impl FnOnce(&Field<'d>) -> Option<T>) -> Option<T> {
        match self.optional(name) {
            Some(field) => read(&field),
            None => Some(otherwise),
        }
    }

    /// What `read` makes of a field, where it is given. The outer `None` only where it is given and wrong.
    pub fn maybe<T>(&self, name: &str, read: impl FnOnce(&Field<'d>) -> Option<T>) -> Option<Option<T>> {
        match self.optional(name) {
            Some(field) => read(&field).map(Some),
            None => Some(None),
        }
    }

    /// The mapping as one field, to complain about it as a whole.
    pub fn whole(&self) -> &Field<'d> {
        &self.field
    }
}

/// All of them, or none. Every one is read first, so that each has complained.
pub(crate) fn all<T>(values: Vec<Option<T>>) -> Option<Vec<T>> {
    values.into_iter().collect()
}

fn not_built(name: &str) -> String {
    format!("`{name}` is not built yet in this version; remove it")
}
