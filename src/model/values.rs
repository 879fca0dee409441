//! The values of an environment: what its templates may name.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Serialize, Serializer};

use super::yaml::{Field, Node, Value as Scalar, plain_reading, show};

/// A number's digits beyond this are not kept by every reader (2^53 - 1).
const LARGEST: i64 = (1 << 53) - 1;

/// The most bytes of an environment's values as they are shown: nobody reads more.
pub const LARGEST_SHOWN: usize = 1 << 20;

/// The most characters of a name.
const LONGEST_NAME: usize = 63;

/// Words that mean something of their own in a template.
const RESERVED: &[&str] = &["this", "else", "true", "false", "null"];

/// The fields below `values`, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Values(pub BTreeMap<String, Value>);

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Number(i64),
    /// Text, of any number of lines.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// More fields.
    Map(Values),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Boolean(value) => serializer.serialize_bool(*value),
            Self::Number(value) => serializer.serialize_i64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::List(items) => items.serialize(serializer),
            Self::Map(fields) => fields.serialize(serializer),
        }
    }
}

impl Value {
    /// What it is, in a word with its article.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Boolean(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

impl Values {
    /// These with others on top: maps merge, anything else is replaced by what comes later, lists whole.
    pub fn merged_with(mut self, later: &Self) -> Self {
        for (name, value) in &later.0 {
            let merged = match (self.0.remove(name), value) {
                (Some(Value::Map(old)), Value::Map(new)) => Value::Map(old.merged_with(new)),
                _ => value.clone(),
            };
            self.0.insert(name.clone(), merged);
        }
        self
    }

    /// One line for each value, in the order of the names, text quoted as in JSON: the form in which values are compared
    /// and shown, whatever way they were written.
    ///
    /// Beyond [`LARGEST_SHOWN`] nothing more is added.
    pub fn lines(&self) -> String {
        let mut lines = String::new();
        add_fields(&mut lines, "", self);
        lines
    }

    /// Whether [`Values::lines`] has them all.
    pub fn can_be_shown(&self) -> bool {
        self.lines().len() <= LARGEST_SHOWN
    }
}

fn add_fields(lines: &mut String, path: &str, fields: &Values) {
    for (name, value) in &fields.0 {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        add(lines, &path, value);
    }
}

fn add(lines: &mut String, path: &str, value: &Value) {
    if lines.len() > LARGEST_SHOWN {
        return;
    }
    // Writing to a String cannot fail.
    let _ = match value {
        Value::List(items) if !items.is_empty() => {
            for (at, item) in items.iter().enumerate() {
                add(lines, &format!("{path}[{at}]"), item);
            }
            Ok(())
        }
        Value::Map(fields) if !fields.0.is_empty() => {
            add_fields(lines, path, fields);
            Ok(())
        }
        Value::List(_) => writeln!(lines, "{path} = []"),
        Value::Map(_) => writeln!(lines, "{path} = {{}}"),
        Value::Boolean(value) => writeln!(lines, "{path} = {value}"),
        Value::Number(value) => writeln!(lines, "{path} = {value}"),
        Value::Text(text) => writeln!(lines, "{path} = {}", serde_json::Value::from(text.as_str())),
    };
}

/// A map of values.
pub(super) fn values(field: &Field<'_>) -> Option<Values> {
    let mut read = BTreeMap::new();
    let mut sound = true;
    for (name, field) in field.map()? {
        let value = value(&field);
        if !is_name(name) {
            field.complain(format!(
                "{} is no name that a template can use: expected a letter or `_`, then letters, digits, `_` and `-`, \
                 {LONGEST_NAME} at most, and none of `{}`",
                show(name),
                RESERVED.join("`, `")
            ));
            sound = false;
        }
        match value {
            Some(value) => {
                read.insert(name.to_owned(), value);
            }
            None => sound = false,
        }
    }
    sound.then_some(Values(read))
}

fn value(field: &Field<'_>) -> Option<Value> {
    let Node { value, .. } = field.node();
    match value {
        Scalar::Refused => None,
        Scalar::Mapping(_) => values(field).map(Value::Map),
        Scalar::Sequence(_) => field.list_of(self::value).map(Value::List),
        Scalar::Scalar { text, plain: false } => Some(Value::Text(text.clone())),
        Scalar::Scalar { text, plain: true } => match (text.as_str(), number(text)) {
            ("true", _) => Some(Value::Boolean(true)),
            ("false", _) => Some(Value::Boolean(false)),
            (_, Some(number)) => Some(Value::Number(number)),
            _ if plain_reading(text) == Some("null") => {
                field.complain("expected a value, found nothing; remove the field, or give it a value (\"\" is text)");
                None
            }
            _ => field.text().map(|text| Value::Text(text.to_owned())),
        },
    }
}

/// A whole number as every reader writes it.
fn number(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    (number.abs() <= LARGEST && number.to_string() == text).then_some(number)
}

/// Whether a template can name it.
pub(crate) fn is_name(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.len() <= LONGEST_NAME
        && name.chars().all(inner)
        && !RESERVED.contains(&name)
}
