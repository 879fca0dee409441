//! What git and the other side of a connection say, made safe to show and free of credentials.

/// The longest message kept, in bytes: enough for git's own words, too little to flood a log.
const LONGEST: usize = 2_000;

/// Text with every control, format and look-alike-making character as `U+XXXX`; newlines stay.
pub(super) fn escape(bytes: &[u8]) -> String {
    let mut plain = String::with_capacity(bytes.len());
    for character in String::from_utf8_lossy(bytes).replace("\r\n", "\n").chars() {
        if character == '\n' || !is_hidden(character) {
            plain.push(character);
        } else {
            plain.push_str(&format!("U+{:04X}", u32::from(character)));
        }
    }
    plain
}

/// Controls, and the format characters that show nothing or reorder what is shown.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Takes what stands before the `@` out of every URL in a text: it may be a password or a token.
pub(super) fn redact(text: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("://") {
        let (before, after) = rest.split_at(start + 3);
        redacted.push_str(before);
        let end = after
            .find(|c: char| c.is_whitespace() || matches!(c, '/' | '\'' | '"' | '`' | '<' | '>'))
            .unwrap_or(after.len());
        rest = after[..end].rfind('@').map_or(after, |at| &after[at + 1..]);
    }
    redacted.push_str(rest);
    redacted
}

/// Lines that git adds to everything and that say nothing more.
const EMPTY_WORDS: [&str; 3] =
    ["", "Please make sure you have the correct access rights", "and the repository exists."];

/// What a program printed on its standard error as one line of text: hints and empty words left out, cut where it is
/// endless.
pub(super) fn one_line(stderr: &str) -> String {
    let lines: Vec<&str> = stderr
        .lines()
        .map(str::trim)
        .filter(|line| !EMPTY_WORDS.contains(line) && !line.starts_with("hint:") && !line.starts_with("To "))
        .collect();
    let mut text = lines.join("; ");
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_escapes_and_bidi_controls_are_spelled_out() {
        assert_eq!(escape(b"remote: \x1b[2Jok\r\nx\r\xff\n"), "remote: U+001B[2Jok\nxU+000D\u{fffd}\n");
        assert_eq!(escape("a\u{202e}b\u{200b}c\u{9b}".as_bytes()), "aU+202EbU+200BcU+009B");
    }

    #[test]
    fn credentials_leave_every_url() {
        insta::assert_snapshot!(
            redact("fatal: 'https://bob:s3cr@t@git.example/a@b' and ssh://git@host:22/x, (see http://x) ://@"),
            @"fatal: 'https://git.example/a@b' and ssh://host:22/x, (see http://x) ://"
        );
    }

    #[test]
    fn hints_are_dropped_and_floods_are_cut() {
        assert_eq!(one_line("To /srv/x\nerror: no\n\nhint: try\nfatal: yes\n"), "error: no; fatal: yes");
        assert!(one_line(&"ä".repeat(9_999)).len() < LONGEST + 8);
    }
}
