//! Templates: files with places that an environment's values fill.
//!
//! The language is a small part of Handlebars: `{{name.of.a.value}}`, `{{#if}}`, `{{#unless}}`, `{{#each}}`, `{{else}}`
//! and comments. There are no helpers, no partials and no expressions, and nothing outside the values can be read.
//!
//! # Guarantees
//! * The same template and values give the same bytes everywhere and always: they are covered by plan digests, so how
//!   one is rendered belongs to the plan's format version.
//! * A value that is not there is an error wherever it is named, in a condition too. So is a list or map where text is
//!   wanted, and a condition that is no boolean.
//! * Rendering ends: what a template costs is counted, and [`Budget`] is the most that an environment may spend.
//! * Nothing is escaped and nothing is cut: what is not a tag is copied byte by byte.

mod parse;
mod render;
#[cfg(test)]
mod tests;

use crate::model::Values;

pub use parse::DEPTH;

/// The most bytes a template may have, and a file that is made of one: what is larger is shown to nobody.
pub const LARGEST: usize = 1 << 20;

/// What is wrong with a template, and where; 1-based, the column in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// The line.
    pub line: u64,
    /// The column.
    pub column: u64,
    /// What, and what was expected.
    pub message: String,
}

/// What rendering may still cost: all templates of an environment together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Tags and pieces of text that are gone through.
    pub steps: usize,
    /// Bytes that are written.
    pub bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { steps: 1_000_000, bytes: 16 << 20 }
    }
}

/// Fills a template with values.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn render(template: &[u8], values: &Values, budget: &mut Budget) -> Result<Vec<u8>, TemplateError> {
    let at_start = |message: String| TemplateError { line: 1, column: 1, message };
    if template.len() > LARGEST {
        return Err(at_start(format!("has {} bytes, and a template may have {LARGEST}", template.len())));
    }
    let text = std::str::from_utf8(template).ok().filter(|text| !text.contains('\0'));
    let text = text.ok_or_else(|| {
        at_start("is not text, so it is no template; put it below the `path` of a service without one".to_owned())
    })?;
    render::render(&parse::parse(text)?, values, budget)
}
