//! Other values for every leaf of a document, and other texts for every line of a file.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// Words that stand for each other: a leaf that is one of them becomes each of the others.
const WORDS: [&[&str]; 8] = [
    &["approve", "reject", "withdraw"],
    &["merge", "record"],
    &["create", "update", "destroy", "redeploy", "drift"],
    &["applied", "failed", "abandoned", "unknown"],
    &["done", "failed", "untouched", "unknown"],
    &["signed", "claimed", "asked"],
    &["flat", "sharded"],
    &["alice", "bob", "mallory"],
];

/// One change of a document.
#[derive(Debug, Clone)]
pub struct Mutation {
    /// What is changed, with the kinds of events in it and without places in lists: `outcome.services.*.message`.
    pub label: String,
    /// The whole document, changed.
    pub value: Value,
    /// In words, for the message of a test that fails.
    pub what: String,
}

/// Every change of an entry: each leaf to other values of its type, each element of a list left out or said twice.
pub fn mutations(entry: &Value) -> Vec<Mutation> {
    let mut found = Vec::new();
    walk(entry, entry, &mut Vec::new(), &mut found);
    found
}

#[derive(Clone)]
enum Part {
    Field(String),
    Place(usize),
}

fn walk(root: &Value, at: &Value, path: &mut Vec<Part>, found: &mut Vec<Mutation>) {
    let mut replace = |others: Vec<(String, Value)>| {
        for (how, other) in others.into_iter().filter(|(_, other)| other != at) {
            let mut value = root.clone();
            let what = format!("{}: {how}", text(path));
            let label = if at.is_array() { format!("{}: {how}", label(root, path)) } else { label(root, path) };
            *target(&mut value, path) = other;
            found.push(Mutation { label, value, what });
        }
    };
    match at {
        Value::Object(fields) => {
            for (name, below) in fields {
                path.push(Part::Field(name.clone()));
                walk(root, below, path, found);
                path.pop();
            }
        }
        Value::Array(items) => {
            let mut others = Vec::new();
            for (place, item) in items.iter().enumerate() {
                let kind = item["event"].as_str().unwrap_or("*");
                let mut fewer = items.clone();
                fewer.remove(place);
                others.push((format!("{kind} left out"), Value::Array(fewer)));
                let mut more = items.clone();
                more.insert(place, item.clone());
                others.push((format!("{kind} said twice"), Value::Array(more)));
                if place > 0 {
                    let mut swapped = items.clone();
                    swapped.swap(place - 1, place);
                    others.push((format!("{kind} said earlier"), Value::Array(swapped)));
                }
            }
            if items.is_empty() {
                others.push(("something added".to_owned(), json!(["x"])));
            }
            replace(others);
            for (place, below) in items.iter().enumerate() {
                path.push(Part::Place(place));
                walk(root, below, path, found);
                path.pop();
            }
        }
        leaf => replace(others(leaf).into_iter().map(|other| (format!("{leaf} becomes {other}"), other)).collect()),
    }
}

/// Other values for a leaf.
fn others(leaf: &Value) -> Vec<Value> {
    match leaf {
        Value::Null => vec![json!("x"), json!("prod"), json!(1), json!(digest()), json!("0".repeat(40))],
        Value::Bool(value) => vec![json!(!value)],
        Value::Number(number) => {
            let number = number.as_u64().expect("a whole number");
            vec![json!(number + 1), json!(number.saturating_sub(1))]
        }
        Value::String(text) => texts(text).into_iter().map(Value::String).collect(),
        Value::Array(_) | Value::Object(_) => Vec::new(),
    }
}

fn texts(text: &str) -> Vec<String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        let later = time.checked_add(SignedDuration::from_secs(1)).expect("a time");
        let earlier = time.checked_sub(SignedDuration::from_hours(1)).expect("a time");
        return vec![later.to_string(), earlier.to_string()];
    }
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    if digits.len() >= 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let flipped = if digits.ends_with('0') { "1" } else { "0" };
        return vec![format!("{}{flipped}", &text[..text.len() - 1])];
    }
    let sets = WORDS.iter().filter(|words| words.contains(&text));
    let mut others: Vec<String> = sets.flat_map(|words| words.iter().map(|word| (*word).to_owned())).collect();
    others.push(format!("{text}x"));
    others
}

fn digest() -> String {
    format!("sha256:{}", "0".repeat(64))
}

fn target<'v>(value: &'v mut Value, path: &[Part]) -> &'v mut Value {
    path.iter().fold(value, |at, part| match part {
        Part::Field(name) => &mut at[name.as_str()],
        Part::Place(place) => &mut at[*place],
    })
}

fn text(path: &[Part]) -> String {
    let part = |part: &Part| match part {
        Part::Field(name) => format!("/{name}"),
        Part::Place(place) => format!("/{place}"),
    };
    path.iter().map(part).collect()
}

fn label(root: &Value, path: &[Part]) -> String {
    let mut parts = Vec::new();
    let mut at = root;
    for (depth, part) in path.iter().enumerate() {
        match part {
            Part::Field(name) => {
                at = &at[name.as_str()];
                parts.push(if depth == 1 && matches!(path[0], Part::Field(ref first) if first == "files") {
                    "*".to_owned()
                } else {
                    name.clone()
                });
            }
            Part::Place(place) => {
                at = &at[*place];
                parts.push(at["event"].as_str().unwrap_or("*").to_owned());
            }
        }
    }
    if parts.first().is_some_and(|first| first == "events") && parts.len() > 1 {
        parts.remove(0);
    }
    parts.join(".")
}

/// Every text that differs from this one in one line: one character of it, the line left out, a line added; and no text
/// at all.
pub fn lines(bytes: &[u8]) -> Vec<(String, Option<Vec<u8>>)> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let mut others = vec![("is gone".to_owned(), None)];
    let mut push = |what: String, lines: Vec<String>| {
        let changed = lines.concat().into_bytes();
        if changed != bytes {
            others.push((what, Some(changed)));
        }
    };
    let split: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    for (place, line) in split.iter().enumerate() {
        let mut changed = split.clone();
        changed[place] = flipped(line);
        push(format!("line {}: {:?} becomes {:?}", place + 1, line, changed[place]), changed);
    }
    let mut fewer = split.clone();
    fewer.pop();
    push("the last line is gone".to_owned(), fewer);
    let mut more = split.clone();
    more.push("x\n".to_owned());
    push("a line is added".to_owned(), more);
    others
}

/// A line with its last letter or digit changed to another one of its kind.
fn flipped(line: &str) -> String {
    let Some((at, c)) = line.char_indices().rev().find(|(_, c)| c.is_ascii_alphanumeric()) else {
        return format!("x{line}");
    };
    let other = match c {
        '0' => '1',
        '1'..='9' => '0',
        'a' => 'b',
        'A' => 'B',
        c if c.is_ascii_uppercase() => 'A',
        _ => 'a',
    };
    format!("{}{other}{}", &line[..at], &line[at + 1..])
}
