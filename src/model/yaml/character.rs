//! Characters that a reader of a file does not see, or that move what they do see.

/// What a character is, where it has no business in the raw text of a file.
///
/// Line separators other than line feed are among them: to YAML 1.1 they end a line, to YAML 1.2 they do not.
pub(crate) fn forbidden(c: char) -> Option<&'static str> {
    match c {
        '\t' | '\n' | '\r' => None,
        '\u{85}' | '\u{2028}' | '\u{2029}' => Some("a line separator that is no line feed"),
        c if c.is_control() => Some("a control character"),
        '\u{feff}' => Some("a byte order mark"),
        c if is_bidi(c) => Some("a control character that turns the reading direction"),
        // Interlinear annotations, specials and noncharacters.
        '\u{fff9}'..='\u{fffb}' | '\u{fdd0}'..='\u{fdef}' => Some("a character that is not for interchange"),
        c if u32::from(c) & 0xfffe == 0xfffe => Some("a character that is not for interchange"),
        _ => None,
    }
}

fn is_bidi(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether a character shows nothing by itself: controls, and what Unicode calls default-ignorable.
pub(crate) fn hidden(c: char) -> bool {
    c.is_control()
        || forbidden(c).is_some()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a text is one line of characters that all show something, and no space that is not U+0020.
pub(crate) fn is_printable_line(text: &str) -> bool {
    text.chars().all(|c| !hidden(c) && (c == ' ' || !c.is_whitespace()))
}
