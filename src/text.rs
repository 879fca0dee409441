//! Text from the repository, made safe to show.

/// One line: control, bidirectional and invisible characters, line ends too, become `U+XXXX`.
pub fn escape(text: &str) -> String {
    text.chars().map(|c| if is_plain(c) { c.to_string() } else { format!("U+{:04X}", c as u32) }).collect()
}

/// Like [`escape`], but `\n` and tabs stay.
pub fn escape_lines(text: &str) -> String {
    let kept = |c: char| is_plain(c) || c == '\n' || c == '\t';
    text.chars().map(|c| if kept(c) { c.to_string() } else { format!("U+{:04X}", c as u32) }).collect()
}

fn is_plain(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}')
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        && !matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// One line of Markdown that shows exactly this text, in a table's cell too: no markup, link, image or mention.
pub fn markdown_inline(text: &str) -> String {
    let escaped = escape(text);
    let mut out = String::new();
    for (at, c) in escaped.char_indices() {
        let rest = &escaped[at + c.len_utf8()..];
        let starts_something = match c {
            // A forge's own passes over the finished page look at text, whatever was escaped; they skip code.
            '@' | '#' | '!' | '$' | '%' | '~' => rest.starts_with(char::is_alphanumeric),
            ':' => rest.starts_with("//"),
            '.' => escaped[..at].to_ascii_lowercase().ends_with("www"),
            _ => false,
        };
        match c {
            _ if starts_something => out.extend(['`', c, '`']),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '(' | ')' | '#' | '!' | '|' | '&' | '~' => {
                out.extend(['\\', c]);
            }
            _ => out.push(c),
        }
    }
    out
}

/// A fenced block that holds this text, line by line; nothing in it can close the fence.
pub fn fence(text: &str) -> String {
    let escaped = escape_lines(text);
    let longest = escaped.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let end = if escaped.is_empty() || escaped.ends_with('\n') { "" } else { "\n" };
    format!("{fence}\n{escaped}{end}{fence}\n")
}

/// At most this many characters, the last of them an ellipsis where something was cut.
pub fn cut(text: &str, characters: usize) -> String {
    if text.chars().count() <= characters {
        return text.to_owned();
    }
    text.chars().take(characters.saturating_sub(1)).chain(['…']).collect()
}
