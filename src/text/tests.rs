use proptest::prelude::*;

use super::*;

/// Undoes the escapes: that this is possible proves that two texts never look alike.
fn unescape(shown: &str) -> String {
    let mut text = String::new();
    let mut rest = shown;
    while let Some(at) = rest.find("<U+") {
        text.push_str(&rest[..at]);
        let end = at + rest[at..].find('>').expect("an escape ends");
        let code = u32::from_str_radix(&rest[at + 3..end], 16).expect("hex digits");
        text.push(char::from_u32(code).expect("a character"));
        rest = &rest[end + 1..];
    }
    text + rest
}

#[test]
fn what_hides_or_reorders_is_shown_by_its_number() {
    for (text, shown) in [
        ("admin\u{202e}txt.exe", "admin<U+202E>txt.exe"),
        ("a\u{2066}b\u{2069}c\u{200f}d\u{61c}", "a<U+2066>b<U+2069>c<U+200F>d<U+061C>"),
        ("zero\u{200b}width\u{feff}", "zero<U+200B>width<U+FEFF>"),
        ("\u{1b}[2Kgone", "<U+001B>[2Kgone"),
        ("\u{9b}2K", "<U+009B>2K"),
        ("one\ntwo\tthree\r", "one<U+000A>two<U+0009>three<U+000D>"),
        ("line\u{2028}paragraph\u{2029}", "line<U+2028>paragraph<U+2029>"),
        ("no\u{a0}break\u{3000}", "no<U+00A0>break<U+3000>"),
        ("private \u{e000} tag \u{e0041}", "private <U+E000> tag <U+E0041>"),
        ("last \u{10ffff}", "last <U+10FFFF>"),
        ("nul \0", "nul <U+0000>"),
    ] {
        assert_eq!(escape(text), shown);
        assert!(!is_safe(text), "{shown}");
    }
}

#[test]
fn ordinary_text_of_any_script_stays_as_it_is() {
    for text in [
        "replicas: 3",
        "Größe ändern, s'il vous plaît",
        "настройки",
        "設定を変更する",
        "e\u{301}te\u{301}",
        "100 €",
        "→ ✓",
    ] {
        assert_eq!(escape(text), text);
        assert!(is_safe(text));
    }
}

#[test]
fn lines_keep_newlines_and_tabs_and_show_carriage_returns() {
    assert_eq!(escape_lines("a:\r\n\tb\u{202e}\n"), "a:<U+000D>\n\tb<U+202E>\n");
    assert!(is_safe_lines("a:\n\tb\n"));
    assert!(!is_safe_lines("a\r\n"));
}

#[test]
fn a_written_escape_is_not_taken_for_a_real_one() {
    assert_eq!(escape("<U+202E>"), "<U+003C>U+202E>");
    assert_ne!(escape("<U+202E>"), escape("\u{202e}"));
    assert_eq!(escape("<b> < U+"), "<b> < U+");
}

#[test]
fn marks_follow_letters_but_neither_signs_nor_piles_of_marks() {
    // A vertical line over the `-` of a diff would make it a `+`.
    assert_eq!(escape("\u{20d2}x"), "<U+20D2>x");
    assert_eq!(escape("-\u{30d}"), "-<U+030D>");
    assert_eq!(escape_lines("ok\n\u{301}x"), "ok\n<U+0301>x");
    assert_eq!(escape("a\u{301}\u{301}\u{301}\u{301}"), "a\u{301}\u{301}\u{301}<U+0301>");
}

#[test]
fn a_cut_says_so() {
    assert_eq!(cut("short", 5), "short");
    assert_eq!(cut("longer", 5), "long…");
    assert_eq!(cut("größer", 4), "grö…");
    assert_eq!(cut("x", 0), "");
    assert_eq!(cut("", 0), "");
}

#[test]
fn lines_are_cut_at_their_end() {
    assert_eq!(cut_lines("one\ntwo\nthree\n", 14), ("one\ntwo\nthree\n".to_owned(), false));
    assert_eq!(cut_lines("one\ntwo\nthree\n", 13), ("one\ntwo\n… 1 more line, 6 bytes, not shown\n".to_owned(), true));
    assert_eq!(cut_lines("one\ntwo\nthree\n", 4), ("one\n… 2 more lines, 10 bytes, not shown\n".to_owned(), true));
    assert_eq!(cut_lines("éé\n", 1), ("… 1 more line, 5 bytes, not shown\n".to_owned(), true));
}

#[test]
fn repository_text_is_code_in_markdown() {
    for (text, shown) in [
        ("fix #1 for @alice", "`fix #1 for @alice`"),
        ("![x](http://evil.example/x.png)", "`![x](http://evil.example/x.png)`"),
        ("<img src=x onerror=alert(1)>", "`<img src=x onerror=alert(1)>`"),
        ("a | b", "`a <U+007C> b`"),
        ("run `rm` now", "``run `rm` now``"),
        ("`tick", "`` `tick ``"),
        ("``` fence ```", "```` ``` fence ``` ````"),
        (" spaced ", "`  spaced  `"),
        ("two\n\n# lines", "`two<U+000A><U+000A># lines`"),
        ("seen <U+202E>", "`seen <U+202E>`"),
        ("", ""),
    ] {
        assert_eq!(markdown_inline(text), shown);
    }
}

#[test]
fn no_content_closes_its_fence() {
    assert_eq!(fence("plain\n"), "```\nplain\n```\n");
    assert_eq!(fence("no newline"), "```\nno newline\n```\n");
    assert_eq!(fence(""), "```\n```\n");
    assert_eq!(fence_as("diff", "+```\n+@alice\n"), "````diff\n+```\n+@alice\n````\n");
    assert_eq!(fence("a\r````\n"), "`````\na<U+000D>````\n`````\n");
}

#[test]
fn file_names_that_could_deceive_are_refused() {
    for good in ["app.conf", "größe.txt", "настройки", ".gitignore", "a b", "<x>"] {
        assert_eq!(check_file_name(good), Ok(()), "{good}");
    }
    let long = "x".repeat(256);
    for bad in ["", ".", "..", "a/b", "a\u{202e}b", "a\nb", "e\u{301}", "а\u{2044}b", "pаypal", "a\u{ff0f}b", &long] {
        assert!(check_file_name(bad).is_err(), "{bad}");
    }
}

/// Text with more of what matters here than chance would bring.
fn tricky() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<char>().prop_map(String::from),
        "[a-z<>U+0-9A-F`|@# -]{0,8}",
        prop::sample::select(vec!["<U+", "\u{202e}", "\u{301}", "\u{200b}", "\r\n", "\n", "```", "|", "\u{1b}["])
            .prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn escaped_text_is_safe_and_says_exactly_what_it_was(text in tricky()) {
        prop_assert!(is_safe(&escape(&text)));
        prop_assert!(is_safe_lines(&escape_lines(&text)));
        prop_assert_eq!(unescape(&escape(&text)), text.clone());
        prop_assert_eq!(unescape(&escape_lines(&text)), text.clone());
        prop_assert_eq!(escape_lines(&text).matches('\n').count(), text.matches('\n').count());
    }

    #[test]
    fn a_code_span_is_one_line_and_closes_only_at_its_end(text in tricky()) {
        let shown = markdown_inline(&text);
        prop_assert!(is_safe(&shown) && !shown.contains('|'));
        let ticks = shown.len() - shown.trim_start_matches('`').len();
        let closes: Vec<_> = runs(&shown).into_iter().filter(|(_, run)| *run == ticks).map(|(at, _)| at).collect();
        if text.is_empty() {
            prop_assert_eq!(shown, "");
        } else {
            prop_assert_eq!(closes, vec![0, shown.len() - ticks]);
        }
    }

    #[test]
    fn a_fence_closes_only_at_its_end(text in tricky()) {
        let shown = fence(&text);
        let ticks = shown.find('\n').expect("a first line");
        let longest = runs(&shown[ticks..shown.len() - ticks - 1]).into_iter().map(|(_, run)| run).max();
        prop_assert!(ticks >= 3 && longest.unwrap_or(0) < ticks);
        prop_assert!(is_safe_lines(&shown));
    }

    #[test]
    fn a_cut_is_never_longer(text in tricky(), limit in 0_usize..40) {
        prop_assert!(cut(&text, limit).chars().count() <= limit);
        let (shown, truncated) = cut_lines(&text, limit);
        prop_assert_eq!(truncated, text.len() > limit);
        prop_assert!(truncated || shown == text);
    }
}

/// Every run of backticks: where, how long.
fn runs(text: &str) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for (at, _) in text.match_indices('`') {
        match found.last_mut() {
            Some((start, len)) if *start + *len == at => *len += 1,
            _ => found.push((at, 1)),
        }
    }
    found
}
