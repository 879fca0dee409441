//! Filling a template's tree with values.

use super::parse::{At, From, Kind, Path, Piece};
use super::{Budget, LARGEST, TemplateError};
use crate::model::yaml::show;
use crate::model::{Value, Values};

/// What an `each` is at.
#[derive(Clone, Copy)]
struct Item<'v> {
    value: &'v Value,
    /// Its name, in a map.
    key: Option<&'v str>,
    index: usize,
    last: bool,
}

struct Writer<'v, 'b> {
    values: &'v Values,
    /// What each `each` around is at, the innermost last.
    items: Vec<Item<'v>>,
    budget: &'b mut Budget,
    out: Vec<u8>,
}

/// What a path leads to.
enum Found<'v> {
    All(&'v Values),
    Value(&'v Value),
    /// Made here: what an `each` says of itself.
    Own(Value),
}

impl Found<'_> {
    fn value(&self) -> Option<&Value> {
        match self {
            Self::All(_) => None,
            Self::Value(value) => Some(value),
            Self::Own(value) => Some(value),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::All(_) => "a map",
            Self::Value(value) => value.kind(),
            Self::Own(value) => value.kind(),
        }
    }
}

pub(super) fn render(pieces: &[Piece<'_>], values: &Values, budget: &mut Budget) -> Result<Vec<u8>, TemplateError> {
    let mut writer = Writer { values, items: Vec::new(), budget, out: Vec::new() };
    writer.all(pieces, At { line: 1, column: 1 })?;
    Ok(writer.out)
}

impl<'v> Writer<'v, '_> {
    /// As deep as blocks are nested, which the parser limits.
    fn all(&mut self, pieces: &[Piece<'_>], within: At) -> Result<(), TemplateError> {
        self.step(within)?;
        for piece in pieces {
            match piece {
                Piece::Text(text) => self.write(within, text)?,
                Piece::Value(at, path) => {
                    self.step(*at)?;
                    let found = self.find(*at, path)?;
                    let text = match found.value() {
                        Some(Value::Text(text)) => text.clone(),
                        Some(Value::Number(number)) => number.to_string(),
                        Some(Value::Boolean(boolean)) => boolean.to_string(),
                        _ => {
                            let (path, kind) = (show(path.text), found.kind());
                            let message =
                                format!("{path} is {kind}, and only text, numbers and booleans can be written");
                            return Err(at.error(message));
                        }
                    };
                    self.write(*at, &text)?;
                }
                Piece::Block { at, kind, path, body, otherwise } => self.block(*at, *kind, path, body, otherwise)?,
            }
        }
        Ok(())
    }

    fn block(
        &mut self,
        at: At,
        kind: Kind,
        path: &Path<'_>,
        body: &[Piece<'_>],
        otherwise: &[Piece<'_>],
    ) -> Result<(), TemplateError> {
        let found = self.find(at, path)?;
        if kind == Kind::Each {
            return self.each(at, path, &found, body, otherwise);
        }
        let Some(Value::Boolean(value)) = found.value() else {
            let message =
                format!("{} is {}, and `#{}` takes `true` or `false`", show(path.text), found.kind(), kind.word());
            return Err(at.error(message));
        };
        self.all(if *value == (kind == Kind::If) { body } else { otherwise }, at)
    }

    fn each(
        &mut self,
        at: At,
        path: &Path<'_>,
        found: &Found<'v>,
        body: &[Piece<'_>],
        otherwise: &[Piece<'_>],
    ) -> Result<(), TemplateError> {
        let items: Vec<(Option<&'v str>, &'v Value)> = match found {
            Found::Value(Value::List(items)) => items.iter().map(|value| (None, value)).collect(),
            Found::Value(Value::Map(fields)) => {
                fields.0.iter().map(|(name, value)| (Some(name.as_str()), value)).collect()
            }
            Found::All(fields) => fields.0.iter().map(|(name, value)| (Some(name.as_str()), value)).collect(),
            other => {
                let message = format!("{} is {}, and `#each` takes a list or a map", show(path.text), other.kind());
                return Err(at.error(message));
            }
        };
        if items.is_empty() {
            return self.all(otherwise, at);
        }
        let count = items.len();
        for (index, (key, value)) in items.into_iter().enumerate() {
            self.items.push(Item { value, key, index, last: index + 1 == count });
            let written = self.all(body, at);
            self.items.pop();
            written?;
        }
        Ok(())
    }

    fn find(&self, at: At, path: &Path<'_>) -> Result<Found<'v>, TemplateError> {
        let missing = |what: &str| at.error(format!("{} {what}", show(path.text)));
        let own = || self.items.last().copied().ok_or_else(|| missing("is known only inside of `#each`"));
        let start = match path.from {
            From::Key => {
                let key = own()?.key.ok_or_else(|| missing("is known only in a map, and this `#each` is in a list"))?;
                return Ok(Found::Own(Value::Text(key.to_owned())));
            }
            From::Index => return Ok(Found::Own(Value::Number(i64::try_from(own()?.index).unwrap_or(i64::MAX)))),
            From::First => return Ok(Found::Own(Value::Boolean(own()?.index == 0))),
            From::Last => return Ok(Found::Own(Value::Boolean(own()?.last))),
            From::Root => Found::All(self.values),
            From::Outwards(steps) => match self.items.len().checked_sub(steps) {
                Some(0) => Found::All(self.values),
                Some(depth) => Found::Value(self.items[depth - 1].value),
                None => return Err(missing("leads out of all values: there are not so many `#each` around it")),
            },
        };
        let mut found = start;
        for name in &path.names {
            let fields = match &found {
                Found::All(fields) => fields,
                Found::Value(Value::Map(fields)) => fields,
                other => return Err(missing(&format!("has no value: `{name}` is looked for in {}", other.kind()))),
            };
            let value = fields.0.get(*name);
            found = Found::Value(value.ok_or_else(|| missing("has no value; set it below spec.values"))?);
        }
        Ok(found)
    }

    fn step(&mut self, at: At) -> Result<(), TemplateError> {
        let left = self.budget.steps.checked_sub(1);
        self.budget.steps = left.ok_or_else(|| at.error("the templates of this environment take too many steps"))?;
        Ok(())
    }

    fn write(&mut self, at: At, text: &str) -> Result<(), TemplateError> {
        self.step(at)?;
        if self.out.len() + text.len() > LARGEST {
            return Err(at.error(format!("the rendered file would have more than {LARGEST} bytes")));
        }
        let left = self.budget.bytes.checked_sub(text.len());
        self.budget.bytes =
            left.ok_or_else(|| at.error("the rendered files of this environment are too large together"))?;
        self.out.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
