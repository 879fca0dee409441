//! A YAML text in which one value becomes another, and every comment, order and quote around it stays.

use std::ops::Range;

use serde_json::{Map, Value};
use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle, StructureStyle};

/// A step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A field.
    Field(String),
    /// An item of a list, from 0.
    Item(usize),
    /// The item of a list in which this field has this value.
    With(String, String),
}

/// Reads `spec.services[0].target`, `spec.services[name=config].target`, `values["a.b"]`.
///
/// # Errors
/// Where it is none, in words.
pub fn path(text: &str) -> Result<Vec<Step>, String> {
    let wrong = |what: &str| format!("`{text}` is no path: {what}");
    let mut steps = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let quoted = inner.strip_prefix('"');
            let end = match quoted {
                Some(_) => inner[1..].find("\"]").map(|at| at + 2),
                None => inner.find(']'),
            };
            let end = end.ok_or_else(|| wrong("`[` without `]`"))?;
            let what = &inner[..end];
            steps.push(match (quoted, what.split_once('=')) {
                (Some(_), _) => Step::Field(what.trim_matches('"').to_owned()),
                (None, Some((name, value))) if !name.is_empty() => Step::With(name.to_owned(), value.to_owned()),
                _ => Step::Item(what.parse().map_err(|_| wrong("in `[]` goes a number, `name=value` or `\"text\"`"))?),
            });
            rest = &inner[end + 1..];
        } else {
            let field =
                if steps.is_empty() { rest } else { rest.strip_prefix('.').ok_or_else(|| wrong("`.` is missing"))? };
            let end = field.find(['.', '[']).unwrap_or(field.len());
            if end == 0 {
                return Err(wrong("a name is missing"));
            }
            steps.push(Step::Field(field[..end].to_owned()));
            rest = &field[end..];
        }
    }
    if steps.is_empty() { Err(wrong("it is empty")) } else { Ok(steps) }
}

/// The value with the one at the path set.
///
/// # Errors
/// Where the path leads nowhere, in words.
pub fn set(value: &mut Value, steps: &[Step], new: &Value) -> Result<(), String> {
    let Some((step, rest)) = steps.split_first() else {
        *value = new.clone();
        return Ok(());
    };
    match (step, value) {
        (Step::Field(name), Value::Object(fields)) => {
            set(fields.entry(name.clone()).or_insert_with(|| Value::Object(Map::new())), rest, new)
        }
        (Step::Item(at), Value::Array(items)) => {
            let count = items.len();
            let item = items.get_mut(*at).ok_or_else(|| format!("there is no item {at}, of {count}"))?;
            set(item, rest, new)
        }
        (Step::With(name, wanted), Value::Array(items)) => {
            let mut found = items.iter_mut().filter(|item| item[name.as_str()] == *wanted.as_str());
            match (found.next(), found.next()) {
                (Some(item), None) => set(item, rest, new),
                (None, _) => Err(format!("no item has {name}: {wanted}")),
                _ => Err(format!("several items have {name}: {wanted}")),
            }
        }
        (Step::Field(name), _) => Err(format!("`{name}` is looked for in what has no fields")),
        _ => Err("an item is looked for in what is no list".to_owned()),
    }
}

/// A node and where it stands.
#[derive(Debug)]
struct Node {
    range: Range<usize>,
    shape: Shape,
}

#[derive(Debug)]
enum Shape {
    Scalar { text: String, style: ScalarStyle },
    List { items: Vec<Node>, flow: bool },
    Fields { fields: Vec<(Range<usize>, String, Node)>, flow: bool },
}

/// Every way of writing the value into the text that may be right, the most likely one first. Which one is, the caller
/// finds out by reading it again.
///
/// # Errors
/// Where the text cannot be read, or nothing can be written there, in words.
pub fn candidates(text: &str, steps: &[Step], new: &Value) -> Result<Vec<String>, String> {
    let root = tree(text)?;
    let (node, left) = find(&root, steps)?;
    if left.is_empty() {
        let block = match &node.shape {
            Shape::Scalar { style, .. } => matches!(style, ScalarStyle::Literal | ScalarStyle::Folded),
            Shape::List { flow, .. } | Shape::Fields { flow, .. } => !flow,
        };
        if block {
            return Err("what is there takes several lines; change a part of it, or use `countersign edit`".to_owned());
        }
        let style = match &node.shape {
            Shape::Scalar { style, .. } => Some(*style),
            _ => None,
        };
        return Ok(written(new, style).into_iter().map(|new| replaced(text, node.range.clone(), &new)).collect());
    }
    let mut inner = new.clone();
    for step in left.iter().skip(1).rev() {
        let Step::Field(name) = step else { return Err("an item can be changed, but not added".to_owned()) };
        inner = Value::Object(Map::from_iter([(name.clone(), inner)]));
    }
    let (Some(Step::Field(name)), Shape::Fields { fields, flow }) = (left.first(), &node.shape) else {
        return Err("there is nothing at this path, and only fields can be added".to_owned());
    };
    let key = scalar(name);
    let insert = |new: String| match (fields.last(), flow) {
        (Some((.., last)), true) => replaced(text, last.range.end..last.range.end, &format!(", {key}: {new}")),
        (None, _) => replaced(text, node.range.clone(), &format!("{{ {key}: {new} }}")),
        (Some((first, ..)), false) => {
            let column = first.start - text[..first.start].rfind('\n').map_or(0, |at| at + 1);
            let end = end_of_line(text, last_byte(node));
            let ending = if text[..end].ends_with("\r\n") { "\r\n" } else { "\n" };
            let before = if text[..end].ends_with('\n') { "" } else { ending };
            replaced(text, end..end, &format!("{before}{}{key}: {new}{ending}", " ".repeat(column)))
        }
    };
    Ok(written(&inner, None).into_iter().map(insert).collect())
}

fn replaced(text: &str, range: Range<usize>, new: &str) -> String {
    format!("{}{new}{}", &text[..range.start], &text[range.end..])
}

/// Where the line ends in which this byte is, its line feed included.
fn end_of_line(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |feed| at + feed + 1)
}

/// The last byte of a node that is written by somebody: a block ends where the next thing begins.
fn last_byte(node: &Node) -> usize {
    let last = match &node.shape {
        Shape::List { items, flow: false } => items.last(),
        Shape::Fields { fields, flow: false } => fields.last().map(|(.., value)| value),
        Shape::Scalar { style: ScalarStyle::Literal | ScalarStyle::Folded, .. } => {
            return node.range.end.saturating_sub(1).max(node.range.start);
        }
        _ => None,
    };
    last.map_or(node.range.end, last_byte)
}

/// The node at a path, as far as there is one, and the steps that are left.
fn find<'n, 's>(root: &'n Node, steps: &'s [Step]) -> Result<(&'n Node, &'s [Step]), String> {
    let mut at = root;
    for (i, step) in steps.iter().enumerate() {
        let next = match (step, &at.shape) {
            (Step::Field(name), Shape::Fields { fields, .. }) => {
                fields.iter().find(|(_, key, _)| key == name).map(|f| &f.2)
            }
            (Step::Item(item), Shape::List { items, .. }) => items.get(*item),
            (Step::With(name, wanted), Shape::List { items, .. }) => items.iter().find(|item| has(item, name, wanted)),
            _ => None,
        };
        match next {
            Some(next) => at = next,
            None => return Ok((at, &steps[i..])),
        }
    }
    Ok((at, &[]))
}

fn has(item: &Node, name: &str, wanted: &str) -> bool {
    let Shape::Fields { fields, .. } = &item.shape else { return false };
    let is = |node: &Node| matches!(&node.shape, Shape::Scalar { text, .. } if text == wanted);
    fields.iter().any(|(_, key, value)| key == name && is(value))
}

/// A value in the ways it may be written on one line: as the one before was, then plain, then quoted.
fn written(value: &Value, style: Option<ScalarStyle>) -> Vec<String> {
    let Value::String(text) = value else { return vec![flow(value)] };
    let one_line = !text.contains(['\n', '\r']);
    let single = format!("'{}'", text.replace('\'', "''"));
    let double = quoted(text);
    let mut ways = Vec::new();
    match style {
        Some(ScalarStyle::SingleQuoted) if one_line => ways.push(single),
        Some(ScalarStyle::DoubleQuoted) => {}
        _ if one_line && !text.is_empty() => ways.push(text.clone()),
        _ => {}
    }
    ways.push(double);
    ways
}

fn quoted(text: &str) -> String {
    // A JSON string is a double-quoted scalar; beyond the basic plane it is written as it is.
    Value::from(text).to_string()
}

fn scalar(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'/'))
        && !crate::model::yaml::is_ambiguous(text);
    if plain { text.to_owned() } else { quoted(text) }
}

fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) if fields.is_empty() => "{}".to_owned(),
        Value::Object(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(key, value)| format!("{}: {}", scalar(key), flow(value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        other => other.to_string(),
    }
}

/// The text as nodes with their places.
fn tree(text: &str) -> Result<Node, String> {
    enum Open {
        List(usize, bool, Vec<Node>),
        Fields(usize, bool, Vec<(Range<usize>, String, Node)>, Option<(Range<usize>, String)>),
    }
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    let options = granit_parser::options! { strict_indentation: true, emit_comments: false };
    let mut parser = Parser::new_from_str_with_options(text, options);
    while let Some(next) = parser.next_event() {
        let (event, span) = next.map_err(|error| format!("not readable as YAML: {}", error.info()))?;
        let range = span.byte_range().ok_or("the file cannot be edited here; use `countersign edit`")?;
        let node = match event {
            Event::SequenceStart(style, ..) => {
                open.push(Open::List(range.start, style == StructureStyle::Flow, Vec::new()));
                continue;
            }
            Event::MappingStart(style, ..) => {
                open.push(Open::Fields(range.start, style == StructureStyle::Flow, Vec::new(), None));
                continue;
            }
            Event::Scalar(text, style, ..) => Node { range, shape: Shape::Scalar { text: text.into_owned(), style } },
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(start, flow, items)) => {
                    Node { range: start..range.end, shape: Shape::List { items, flow } }
                }
                Some(Open::Fields(start, flow, fields, _)) => {
                    Node { range: start..range.end, shape: Shape::Fields { fields, flow } }
                }
                None => return Err("not readable as YAML".to_owned()),
            },
            Event::Alias(..) | Event::UnresolvedAlias(..) => return Err("aliases are not allowed".to_owned()),
            _ => continue,
        };
        match open.last_mut() {
            Some(Open::List(.., items)) => items.push(node),
            Some(Open::Fields(.., fields, key)) => match (key.take(), node.shape) {
                (Some((at, name)), shape) => fields.push((at, name, Node { range: node.range, shape })),
                (None, Shape::Scalar { text, .. }) => *key = Some((node.range, text)),
                (None, _) => return Err("a key is no text".to_owned()),
            },
            None => root = Some(node),
        }
    }
    root.ok_or_else(|| "the file is empty".to_owned())
}

#[cfg(test)]
mod tests;
