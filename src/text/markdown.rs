//! Repository text inside Markdown: always as code, so that no forge makes a link, an image or a mention of it.

use std::borrow::Cow;

use super::{escape, escape_lines, is_safe, is_safe_lines};

/// One line of text as a Markdown code span, fit for prose, lists, headings and tables. Empty for an empty text.
///
/// A code span is the only form in which every forge leaves mentions, issue numbers, addresses, HTML and emphasis
/// alone: backslashes and entities are gone by the time mentions and links are looked for. A `|`, which ends a table
/// cell even there, is shown as `<U+007C>`. What hides is escaped first; text that is already safe is not escaped
/// again.
pub fn markdown_inline(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let safe = if is_safe(text) { Cow::Borrowed(text) } else { Cow::Owned(escape(text)) };
    let code = safe.replace('|', "<U+007C>");
    let ticks = "`".repeat(longest_run(&code) + 1);
    // CommonMark takes one space off each end again where both have one; a backtick must not touch the fence.
    let edge = |c: char| matches!(c, '`' | ' ');
    let pad = if code.starts_with(edge) || code.ends_with(edge) { " " } else { "" };
    format!("{ticks}{pad}{code}{pad}{ticks}")
}

/// Lines as a fenced code block whose fence no line inside can close. Ends in a newline.
pub fn fence(content: &str) -> String {
    fence_as("", content)
}

/// As [`fence`], naming the language (`diff`) for colours.
pub fn fence_as(language: &'static str, content: &str) -> String {
    let safe = if is_safe_lines(content) { Cow::Borrowed(content) } else { Cow::Owned(escape_lines(content)) };
    let ticks = "`".repeat((longest_run(&safe) + 1).max(3));
    let end = if safe.is_empty() || safe.ends_with('\n') { "" } else { "\n" };
    format!("{ticks}{language}\n{safe}{end}{ticks}\n")
}

/// The longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}
