//! From the parser's events to a tree, refusing on the way what readers could understand differently.

use std::collections::HashMap;

use serde_saphyr::granit_parser::{self, ErrorKind, Event, Marker, Parser, ScalarStyle, Span};

use super::document::MOST_KEPT;
use super::field::child;
use super::{Entry, Key, Limits, Node, Position, Value};

/// Something wrong at a position, with the path of the field it is in.
pub(super) struct Finding {
    pub(super) at: Position,
    pub(super) field: String,
    pub(super) message: String,
}

/// A list or mapping that is not complete yet.
enum Open {
    Sequence { at: Position, items: Vec<Node> },
    Mapping { at: Position, entries: Vec<Entry>, lines: HashMap<String, u64>, key: Option<PendingKey> },
}

/// A key whose value comes next.
enum PendingKey {
    Sound(Key),
    /// Reported already; its value is dropped.
    Refused,
}

struct Builder {
    limits: Limits,
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
    documents: usize,
    /// The path of the node that an anchor was just put on.
    anchored: Option<String>,
    findings: Vec<Finding>,
}

/// The tree, as far as it goes, and everything that is wrong with the text as YAML. Without a tree there is at least
/// one finding.
pub(super) fn build(text: &str, limits: Limits) -> (Option<Node>, Vec<Finding>) {
    // The parser's own nesting limits only keep it from running away: ours is lower and has a path to tell.
    let options = granit_parser::options! {
        strict_indentation: true,
        disallow_directives: true,
        emit_unresolved_aliases: true,
        emit_anchor_events: true,
        emit_comments: false,
        flow_nesting_limit: limits.depth + 1,
        block_nesting_limit: limits.depth + 1,
    };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut builder =
        Builder { limits, open: Vec::new(), root: None, nodes: 0, documents: 0, anchored: None, findings: Vec::new() };
    while let Some(next) = parser.next_event() {
        let stop = match next {
            Ok((event, span)) => builder.take(event, span),
            // The scanner looks ahead, so it may meet its own limit before ours.
            Err(error) if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) => {
                builder.too_deep(position(error.marker()))
            }
            Err(error) => {
                let hint = match error.kind() {
                    ErrorKind::InvalidIndentation | ErrorKind::InvalidQuotedScalarIndent => {
                        "; indent it further than the field it belongs to"
                    }
                    _ => "",
                };
                builder.stop(position(error.marker()), format!("not readable as YAML: {}{hint}", error.info()))
            }
        };
        if stop.is_err() {
            return (None, builder.findings);
        }
    }
    if builder.root.is_none() && builder.findings.is_empty() {
        let start = Position { line: 1, column: 1 };
        builder.find(start, "the file is empty; expected one document".to_owned());
    }
    (builder.root, builder.findings)
}

fn position(marker: &Marker) -> Position {
    Position { line: marker.line() as u64, column: marker.col() as u64 + 1 }
}

/// Nothing more can be read.
struct Stop;

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        let at = position(&span.start);
        if let Some(tag) = span.tag_start() {
            self.find(position(&tag), "tags are not allowed; remove it".to_owned());
        }
        if event.anchor_id().is_some() && event.is_node() {
            self.anchored = Some(self.path());
        }
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return self.stop(at, "a second document begins here; expected one document per file".to_owned());
                }
                Ok(())
            }
            Event::Anchor(..) => {
                let field = self.anchored.take().unwrap_or_default();
                let message = "anchors are not allowed; write the value out where it is needed".to_owned();
                self.findings.push(Finding { at, field, message });
                Ok(())
            }
            Event::Alias(..) | Event::UnresolvedAlias(..) => {
                self.find(at, "aliases are not allowed; write the value out".to_owned());
                self.complete(Node { at, value: Value::Refused })
            }
            Event::Scalar(text, style, ..) => {
                // What is left out is told to us as `~`.
                let text = if style == ScalarStyle::Plain && span.is_empty() { "" } else { &*text };
                self.scalar(at, text, style == ScalarStyle::Plain)
            }
            Event::SequenceStart(..) => self.enter(at, Open::Sequence { at, items: Vec::new() }),
            Event::MappingStart(..) => {
                self.enter(at, Open::Mapping { at, entries: Vec::new(), lines: HashMap::new(), key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::Sequence { at, items }) => self.complete(Node { at, value: Value::Sequence(items) }),
                Some(Open::Mapping { at, entries, .. }) => self.complete(Node { at, value: Value::Mapping(entries) }),
                None => self.stop(at, "not readable as YAML: an end without a beginning".to_owned()),
            },
            _ => Ok(()),
        }
    }

    fn enter(&mut self, at: Position, open: Open) -> Result<(), Stop> {
        if self.open.len() >= self.limits.depth {
            return self.too_deep(at);
        }
        self.open.push(open);
        Ok(())
    }

    fn too_deep(&mut self, at: Position) -> Result<(), Stop> {
        self.stop(at, format!("nested deeper than {} levels", self.limits.depth))
    }

    fn scalar(&mut self, at: Position, text: &str, plain: bool) -> Result<(), Stop> {
        if text.len() > self.limits.scalar {
            return self.stop(at, format!("a single value of more than {} bytes", self.limits.scalar));
        }
        if matches!(self.open.last(), Some(Open::Mapping { key: None, .. })) {
            self.key(Key { at, text: text.to_owned(), plain });
            return Ok(());
        }
        self.complete(Node { at, value: Value::Scalar { text: text.to_owned(), plain } })
    }

    fn key(&mut self, found: Key) {
        let at = found.at;
        let path = self.path();
        let Some(Open::Mapping { lines, key, .. }) = self.open.last_mut() else { return };
        let complaint = if found.plain && found.text == "<<" {
            Some((path, "merge keys are not allowed; write the fields out".to_owned()))
        } else {
            lines.get(&found.text).map(|line| (child(&path, &found.text), format!("given twice, first on line {line}")))
        };
        if let Some((field, message)) = complaint {
            *key = Some(PendingKey::Refused);
            self.findings.push(Finding { at, field, message });
            return;
        }
        lines.insert(found.text.clone(), at.line);
        *key = Some(PendingKey::Sound(found));
    }

    /// A node is complete: it is an item, a value, a key that cannot be one, or the document.
    fn complete(&mut self, node: Node) -> Result<(), Stop> {
        self.nodes += 1;
        if self.findings.len() >= MOST_KEPT {
            return self.stop(node.at, "too many problems; the rest of the file was not read".to_owned());
        }
        if self.nodes > self.limits.nodes {
            return self.stop(node.at, format!("more than {} values in one file", self.limits.nodes));
        }
        let at = node.at;
        let mut refused_key = false;
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::Sequence { items, .. }) => items.push(node),
            Some(Open::Mapping { entries, key, .. }) => match key.take() {
                Some(PendingKey::Sound(key)) => entries.push(Entry { key, value: node }),
                Some(PendingKey::Refused) => {}
                None => {
                    refused_key = true;
                    *key = Some(PendingKey::Refused);
                }
            },
        }
        if refused_key {
            self.find(at, "expected the name of a field; lists, mappings and aliases cannot be names".to_owned());
        }
        Ok(())
    }

    fn find(&mut self, at: Position, message: String) {
        let field = self.path();
        self.findings.push(Finding { at, field, message });
    }

    fn stop(&mut self, at: Position, message: String) -> Result<(), Stop> {
        self.find(at, message);
        Err(Stop)
    }

    /// The path of the field that is being read.
    fn path(&self) -> String {
        let mut path = String::new();
        for open in &self.open {
            match open {
                Open::Sequence { items, .. } => path.push_str(&format!("[{}]", items.len())),
                Open::Mapping { key: Some(PendingKey::Sound(key)), .. } => {
                    path = child(&path, &key.text);
                }
                Open::Mapping { .. } => {}
            }
        }
        path
    }
}
