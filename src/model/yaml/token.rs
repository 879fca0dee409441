//! The offending token, fit to be shown.

use super::hidden;

/// The most characters of a file that an error repeats.
const LONGEST: usize = 40;

/// A text in backticks: characters that do not show, and backticks, as `U+XXXX`; cut after 40 characters.
pub fn show(text: &str) -> String {
    let (token, ellipsis) = match text.char_indices().nth(LONGEST) {
        Some((end, _)) => (&text[..end], "…"),
        None => (text, ""),
    };
    format!("`{}{ellipsis}`", visible(token))
}

/// A text with characters that do not show, and backticks, as `U+XXXX`.
pub fn visible(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars() {
        if hidden(c) || c == '`' || (c.is_whitespace() && c != ' ') {
            shown.push_str(&format!("U+{:04X}", u32::from(c)));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Names in backticks, for a list of what is expected.
pub(crate) fn show_all(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Of these names, the one that was probably meant.
pub(crate) fn nearest<'a>(text: &str, names: &[&'a str]) -> Option<&'a str> {
    let bare = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let text = bare(&text.chars().take(LONGEST).collect::<String>());
    let near = |name: &&'a str| (distance(&text, &bare(name)), *name);
    names.iter().map(near).filter(|(far, name)| *far <= name.len().div_ceil(4)).min().map(|(_, name)| name)
}

/// The Levenshtein distance of two short ASCII texts.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, r) in right.bytes().enumerate() {
            let substituted = diagonal + usize::from(l != r);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}
