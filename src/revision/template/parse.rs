//! From the text of a template to its tree.

use super::TemplateError;
use crate::model::values::is_name;
use crate::model::yaml::show;

/// So many blocks may be nested.
pub const DEPTH: usize = 16;

/// So many names a path may have, and so many steps outwards.
const LONGEST_PATH: usize = 32;

/// Where a tag begins in its template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At {
    pub line: u64,
    pub column: u64,
}

impl At {
    pub fn error(self, message: impl Into<String>) -> TemplateError {
        TemplateError { line: self.line, column: self.column, message: message.into() }
    }
}

/// A piece of a template.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Copied as it is.
    Text(&'t str),
    /// Replaced by a value.
    Value(At, Path<'t>),
    /// Gone through as its kind says.
    Block { at: At, kind: Kind, path: Path<'t>, body: Vec<Piece<'t>>, otherwise: Vec<Piece<'t>> },
}

/// What a block does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    If,
    Unless,
    Each,
}

impl Kind {
    fn of(word: &str) -> Option<Self> {
        match word {
            "if" => Some(Self::If),
            "unless" => Some(Self::Unless),
            "each" => Some(Self::Each),
            _ => None,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::If => "if",
            Self::Unless => "unless",
            Self::Each => "each",
        }
    }
}

/// The name of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path<'t> {
    /// As it is written.
    pub text: &'t str,
    pub from: From,
    pub names: Vec<&'t str>,
}

/// Where a path begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// So many `each` outwards from what the innermost one is at.
    Outwards(usize),
    /// All values.
    Root,
    /// What the innermost `each` says of itself.
    Key,
    Index,
    First,
    Last,
}

/// A block whose end has not come.
struct Open<'t> {
    at: At,
    kind: Kind,
    path: Path<'t>,
    body: Vec<Piece<'t>>,
    /// The pieces after `{{else}}`, once it came.
    otherwise: Option<Vec<Piece<'t>>>,
}

/// The tree of a template.
///
/// # Errors
/// The first thing that is wrong.
pub(super) fn parse(text: &str) -> Result<Vec<Piece<'_>>, TemplateError> {
    let mut reader = Reader { text, offset: 0, at: At { line: 1, column: 1 }, line_is_blank: true };
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut root = Vec::new();
    loop {
        let (before, tag) = reader.next()?;
        let pieces = open.last_mut().map_or(&mut root, |open| open.otherwise.as_mut().unwrap_or(&mut open.body));
        pieces.extend(before.into_iter().filter(|text| !text.is_empty()).map(Piece::Text));
        let Some((at, tag)) = tag else { break };
        match tag {
            Tag::Comment => {}
            Tag::Value(path) => pieces.push(Piece::Value(at, path)),
            Tag::Begin(kind, path) => {
                if open.len() == DEPTH {
                    return Err(at.error(format!("is nested more than {DEPTH} blocks deep")));
                }
                open.push(Open { at, kind, path, body: Vec::new(), otherwise: None });
            }
            Tag::Else => match open.last_mut() {
                Some(Open { otherwise: otherwise @ None, .. }) => *otherwise = Some(Vec::new()),
                Some(_) => return Err(at.error("a second `{{else}}` of the same block")),
                None => return Err(at.error("`{{else}}` outside of a block")),
            },
            Tag::End(kind) => {
                let Some(Open { at: begun, kind: expected, path, body, otherwise }) = open.pop() else {
                    return Err(at.error(format!("`{{{{/{}}}}}` ends no block", kind.word())));
                };
                if kind != expected {
                    let message = format!(
                        "expected `{{{{/{}}}}}`, the end of the block that begins in line {}, found `{{{{/{}}}}}`",
                        expected.word(),
                        begun.line,
                        kind.word()
                    );
                    return Err(at.error(message));
                }
                let otherwise = otherwise.unwrap_or_default();
                let outer = open.last_mut().map_or(&mut root, |open| open.otherwise.as_mut().unwrap_or(&mut open.body));
                outer.push(Piece::Block { at: begun, kind, path, body, otherwise });
            }
        }
    }
    match open.pop() {
        Some(Open { at, kind, .. }) => {
            Err(at.error(format!("the block has no end; write `{{{{/{}}}}}` behind it", kind.word())))
        }
        None => Ok(root),
    }
}

enum Tag<'t> {
    Value(Path<'t>),
    Begin(Kind, Path<'t>),
    Else,
    End(Kind),
    Comment,
}

impl Tag<'_> {
    /// Whether a line that holds nothing else is no line of the result.
    fn may_stand_alone(&self) -> bool {
        !matches!(self, Self::Value(_))
    }
}

struct Reader<'t> {
    text: &'t str,
    offset: usize,
    at: At,
    /// Whether nothing but blanks came before in this line.
    line_is_blank: bool,
}

impl<'t> Reader<'t> {
    /// The text up to the next tag, and the tag; the rest without one at the end.
    #[expect(clippy::type_complexity, reason = "read in one place")]
    fn next(&mut self) -> Result<(Vec<&'t str>, Option<(At, Tag<'t>)>), TemplateError> {
        let mut before = Vec::new();
        loop {
            let rest = &self.text[self.offset..];
            let Some(found) = rest.find("{{") else {
                before.push(self.take(rest.len()));
                return Ok((before, None));
            };
            if rest[..found].ends_with('\\') {
                // `\{{` is text: without the backslash.
                before.push(self.take(found - 1));
                self.take(1);
                before.push(self.take(2));
                self.line_is_blank = false;
                continue;
            }
            let mut text = self.take(found);
            let (at, began_blank) = (self.at, self.line_is_blank);
            let tag = self.tag(at)?;
            if tag.may_stand_alone() && began_blank {
                let rest = &self.text[self.offset..];
                let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
                let behind = &rest[blank..];
                let end = if behind.starts_with("\r\n") { Some(2) } else { behind.starts_with('\n').then_some(1) };
                if let Some(end) = end.or(behind.is_empty().then_some(0)) {
                    text = text.trim_end_matches([' ', '\t']);
                    self.take(blank + end);
                    self.line_is_blank = true;
                } else {
                    self.line_is_blank = false;
                }
            } else {
                self.line_is_blank = false;
            }
            before.push(text);
            return Ok((before, Some((at, tag))));
        }
    }

    /// Goes on by so many bytes.
    fn take(&mut self, bytes: usize) -> &'t str {
        let taken = &self.text[self.offset..self.offset + bytes];
        self.offset += bytes;
        match taken.rsplit_once('\n') {
            Some((lines, last)) => {
                self.at.line += lines.matches('\n').count() as u64 + 1;
                self.at.column = last.chars().count() as u64 + 1;
                self.line_is_blank = last.trim_matches([' ', '\t']).is_empty();
            }
            None => {
                self.at.column += taken.chars().count() as u64;
                self.line_is_blank &= taken.trim_matches([' ', '\t']).is_empty();
            }
        }
        taken
    }

    fn tag(&mut self, at: At) -> Result<Tag<'t>, TemplateError> {
        let rest = &self.text[self.offset..];
        let (opens, closes) = if rest.starts_with("{{!--") { ("{{!--", "--}}") } else { ("{{", "}}") };
        let inner = rest[opens.len()..].split_once(closes).map(|(inner, _)| inner);
        let Some(inner) = inner else {
            return Err(
                at.error(format!("the tag has no end; expected `{closes}` behind it, or `\\{{{{` where none is meant"))
            );
        };
        self.take(opens.len() + inner.len() + closes.len());
        if opens == "{{!--" || inner.starts_with('!') {
            return Ok(Tag::Comment);
        }
        if inner.starts_with('{') {
            return Err(at.error("`{{{` is not known: nothing is escaped, so `{{` says the same"));
        }
        let words: Vec<&str> = inner.split_whitespace().take(3).collect();
        let unknown = || {
            at.error(format!(
                "{} is not known; expected a value's name, `#if`, `#unless`, `#each`, `else`, `/if`, `/unless`, `/each` \
                 or a comment",
                show(inner)
            ))
        };
        match words.as_slice() {
            ["else"] => Ok(Tag::Else),
            [word] if word.starts_with('/') => Kind::of(&word[1..]).map(Tag::End).ok_or_else(unknown),
            [word] if word.starts_with('#') && Kind::of(&word[1..]).is_some() => {
                Err(at.error(format!("`{word}` of what? expected the name of a value behind it")))
            }
            [path] => self.path(at, path).map(Tag::Value),
            [word, path] if word.starts_with('#') => {
                let kind = Kind::of(&word[1..]).ok_or_else(unknown)?;
                Ok(Tag::Begin(kind, self.path(at, path)?))
            }
            _ => Err(unknown()),
        }
    }

    fn path(&self, at: At, text: &'t str) -> Result<Path<'t>, TemplateError> {
        let fail = || {
            at.error(format!(
                "{} is no name of a value; expected such as `name`, `name.inner`, `this`, `../name`, `@root.name`, \
                 `@key`, `@index`, `@first` or `@last`",
                show(text)
            ))
        };
        let own = match text {
            "@key" => Some(From::Key),
            "@index" => Some(From::Index),
            "@first" => Some(From::First),
            "@last" => Some(From::Last),
            _ => None,
        };
        if let Some(from) = own {
            return Ok(Path { text, from, names: Vec::new() });
        }
        let (mut outwards, mut rest) = (0, text);
        while let Some(inner) = rest.strip_prefix("../") {
            (outwards, rest) = (outwards + 1, inner);
        }
        let (from, rest) = match rest.strip_prefix("@root.") {
            Some(inner) if outwards == 0 => (From::Root, inner),
            Some(_) => return Err(fail()),
            None => (From::Outwards(outwards), rest),
        };
        let names: Vec<&str> = match rest.strip_prefix("this") {
            Some("") if from != From::Root => Vec::new(),
            Some(inner) if inner.starts_with('.') && from != From::Root => inner[1..].split('.').collect(),
            _ => rest.split('.').collect(),
        };
        if outwards > LONGEST_PATH || names.len() > LONGEST_PATH || !names.iter().all(|name| is_name(name)) {
            return Err(fail());
        }
        Ok(Path { text, from, names })
    }
}
