use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;

fn text_of(path: &str, old: Option<&str>, new: Option<&str>) -> String {
    match unified(path, old.map(str::as_bytes), new.map(str::as_bytes)) {
        FileDiff::Text(diff) => diff,
        other => panic!("expected text, found {other:?}"),
    }
}

#[test]
fn a_changed_line_is_shown_with_three_lines_around_it() {
    let old = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n";
    assert_snapshot!(text_of("app.conf", Some(old), Some(&old.replace("five", "5"))), @r"
    --- app.conf
    +++ app.conf
    @@ -2,7 +2,7 @@
     two
     three
     four
    -five
    +5
     six
     seven
     eight
    ");
}

#[test]
fn changes_far_apart_are_hunks_of_their_own() {
    let old: String = (1..=30).map(|n| format!("line {n}\n")).collect();
    let new = old.replace("line 3\n", "").replace("line 25\n", "line 25\nline 25a\n");
    assert_snapshot!(text_of("list", Some(&old), Some(&new)), @r"
    --- list
    +++ list
    @@ -1,6 +1,5 @@
     line 1
     line 2
    -line 3
     line 4
     line 5
     line 6
    @@ -23,6 +22,7 @@
     line 23
     line 24
     line 25
    +line 25a
     line 26
     line 27
     line 28
    ");
}

#[test]
fn created_and_deleted_files_name_dev_null() {
    assert_snapshot!(text_of("new", None, Some("a\nb\n")), @r"
    --- /dev/null
    +++ new
    @@ -0,0 +1,2 @@
    +a
    +b
    ");
    assert_snapshot!(text_of("old", Some("a\n"), None), @r"
    --- old
    +++ /dev/null
    @@ -1 +0,0 @@
    -a
    ");
}

#[test]
fn empty_and_equal_files_have_no_lines_to_show() {
    assert_eq!(text_of("empty", None, Some("")), "");
    assert_eq!(text_of("same", Some("a\n"), Some("a\n")), "");
}

#[test]
fn a_missing_final_newline_is_a_difference() {
    assert_snapshot!(text_of("x", Some("a\nb"), Some("a\nb\n")), @r"
    --- x
    +++ x
    @@ -1,2 +1,2 @@
     a
    -b
    \ No newline at end of file
    +b
    ");
}

#[test]
fn nothing_hides_in_content_or_path() {
    let old = "if admin {\n";
    let new = "if admin\u{202e} { // \u{1b}[8m\r\n";
    assert_snapshot!(text_of("a\nb", Some(old), Some(new)), @r"
    --- a<U+000A>b
    +++ a<U+000A>b
    @@ -1 +1 @@
    -if admin {
    +if admin<U+202E> { // <U+001B>[8m<U+000D>
    ");
    // A mark over the sign of a line would turn a `-` into a `+`.
    assert!(text_of("x", Some("\u{30d}gone\n"), None).contains("-<U+030D>gone\n"));
}

#[test]
fn a_change_of_line_endings_is_visible() {
    assert_snapshot!(text_of("dos", Some("a\n"), Some("a\r\n")), @r"
    --- dos
    +++ dos
    @@ -1 +1 @@
    -a
    +a<U+000D>
    ");
}

#[test]
fn what_is_not_text_or_too_large_is_not_shown() {
    assert_eq!(unified("x", Some(b"a\0b"), Some(b"text")), FileDiff::Binary);
    assert_eq!(unified("x", Some(b"text"), Some(b"\xff\xfe")), FileDiff::Binary);
    let large = vec![b'a'; usize::try_from(LARGE).unwrap() + 1];
    assert_eq!(unified("x", Some(b"a"), Some(&large)), FileDiff::Large);
    assert!(matches!(unified("x", None, Some(&large[1..])), FileDiff::Text(_)));
}

#[test]
fn many_scattered_changes_leave_the_histogram_and_stay_a_true_diff() {
    // Every second line differs: for the histogram algorithm the worst case.
    let old: String = (0..HISTOGRAM_LINES).map(|n| format!("{n}\n")).collect();
    let new: String =
        (0..HISTOGRAM_LINES).map(|n| if n % 2 == 0 { format!("{n}\n") } else { format!("x{n}\n") }).collect();
    let diff = text_of("big", Some(&old), Some(&new));
    assert_eq!(diff.lines().filter(|line| line.starts_with("+x")).count(), HISTOGRAM_LINES / 2);
    assert_eq!(patched(&old, &diff), new);
}

#[test]
fn beyond_the_bound_what_differs_is_replaced_as_a_whole() {
    let count = MYERS_LINES / 2;
    let side = |sign: &str| -> String {
        let lines = (0..count).map(|n| if n % 2 == 0 { "=\n".to_owned() } else { format!("{sign}{}\n", n % 300) });
        format!("first\n{sign}\n{}last\n", lines.collect::<String>())
    };
    let (old, new) = (side("a"), side("b"));
    let diff = text_of("huge", Some(&old), Some(&new));
    assert_eq!(diff.lines().filter(|line| line.starts_with(' ')).collect::<Vec<_>>(), [" first", " last"]);
    assert_eq!(patched(&old, &diff), new);
}

#[test]
fn operations_that_hide_a_change_are_not_believed() {
    let equal = |len| DiffOp::Equal { old_index: 0, new_index: 0, len };
    assert!(leads_to(&[equal(2)], &[1, 2], &[1, 2]));
    assert!(!leads_to(&[equal(2)], &[1, 2], &[1, 3]));
    assert!(!leads_to(&[equal(1)], &[1, 2], &[1, 2]));
    assert!(!leads_to(&[equal(3)], &[1, 2], &[1, 2]));
    assert!(!leads_to(&[], &[1], &[]));
}

/// Applies a diff the way `patch` does, checking every context and deleted line on the way.
fn patched(old: &str, diff: &str) -> String {
    let old: Vec<&str> = old.split_inclusive('\n').collect();
    let mut lines = diff.split_inclusive('\n').skip(2).peekable();
    let (mut at, mut new) = (0, String::new());
    while let Some(line) = lines.next() {
        let (sign, content) = line.split_at(1);
        let unended = lines.next_if(|next| next.starts_with('\\')).is_some();
        let content = if unended { content.trim_end_matches('\n') } else { content };
        match sign {
            "@" => {
                let (start, count) = content
                    .split(['-', ' '])
                    .nth(2)
                    .unwrap()
                    .split_once(',')
                    .unwrap_or((content.split(['-', ' ']).nth(2).unwrap(), "1"));
                let start = start.parse::<usize>().unwrap() - usize::from(count != "0");
                new.extend(old[at..start].iter().copied());
                at = start;
            }
            "+" => new.push_str(content),
            _ => {
                assert_eq!(old[at], content);
                at += 1;
                if sign == " " {
                    new.push_str(content);
                }
            }
        }
    }
    new.extend(old[at..].iter().copied());
    new
}

proptest! {
    #[test]
    fn applying_the_diff_to_the_old_text_gives_the_new(
        old in "([ab-]{0,2}\n){0,30}[ab]?", new in "([ab+]{0,2}\n){0,30}[ab]?",
    ) {
        let diff = text_of("x", Some(&old), Some(&new));
        prop_assert_eq!(diff.is_empty(), old == new);
        prop_assert_eq!(patched(&old, &diff), new.clone());
        prop_assert_eq!(text_of("x", Some(&old), Some(&new)), diff);
    }
}
