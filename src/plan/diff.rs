//! The unified diff of one file: complete, safe to show, and the same on every machine.
//!
//! Diffs are covered by plan digests, so everything that decides how one looks belongs to the plan's format version:
//!
//! * Lines end at `\n` and nowhere else. Three lines of context. No renames, no attributes, no configuration.
//! * Content is text when both sides are UTF-8 without NUL, and at most [`LARGE`] bytes each.
//! * After the common first and last lines are set aside, up to [`HISTOGRAM_LINES`] lines (both sides together) are
//!   compared by the histogram algorithm, up to [`MYERS_LINES`] by Myers' with git's bounds, beyond that the remainder is
//!   shown as replaced as a whole. The histogram reads best but takes quadratic time for scattered changes; the bounds
//!   keep the worst file under a second. There is no time limit: it would make the output depend on the machine.
//! * Content is escaped as by [`text::escape_lines`], so that a carriage return is visible.

use std::collections::HashMap;
use std::fmt::Write as _;

use similar::{Algorithm, DiffOp, capture_diff_slices, group_diff_ops};

use crate::text;

/// Files above so many bytes on either side are described, not compared: nobody reads such a diff.
pub const LARGE: u64 = 1 << 20;

/// Up to so many differing lines on both sides together the histogram algorithm is used.
pub const HISTOGRAM_LINES: usize = 10_000;

/// Up to so many, Myers' algorithm; above, everything that differs is one replacement.
pub const MYERS_LINES: usize = 200_000;

/// Lines shown around a change.
const CONTEXT: usize = 3;

/// What can be shown of a file's change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileDiff {
    /// The diff with its `---` and `+++` lines; empty where no line differs.
    Text(String),
    /// One side is not text.
    Binary,
    /// One side is larger than [`LARGE`].
    Large,
}

/// The diff from `old` to `new` (`None` where there is no such file).
pub fn unified(path: &str, old: Option<&[u8]>, new: Option<&[u8]>) -> FileDiff {
    let (old_bytes, new_bytes) = (old.unwrap_or_default(), new.unwrap_or_default());
    if old_bytes.len().max(new_bytes.len()) as u64 > LARGE {
        return FileDiff::Large;
    }
    let (Some(old_text), Some(new_text)) = (as_text(old_bytes), as_text(new_bytes)) else {
        return FileDiff::Binary;
    };
    let old_lines: Vec<&str> = old_text.split_inclusive('\n').collect();
    let new_lines: Vec<&str> = new_text.split_inclusive('\n').collect();
    let groups = group_diff_ops(compare(&old_lines, &new_lines), CONTEXT);
    if groups.is_empty() {
        return FileDiff::Text(String::new());
    }
    let path = text::escape(path);
    let name = |side: Option<&[u8]>| if side.is_some() { path.as_str() } else { "/dev/null" };
    let mut diff = format!("--- {}\n+++ {}\n", name(old), name(new));
    for group in &groups {
        write_hunk(&mut diff, group, &old_lines, &new_lines);
    }
    FileDiff::Text(diff)
}

fn as_text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

/// The operations that turn the old lines into the new ones.
fn compare(old: &[&str], new: &[&str]) -> Vec<DiffOp> {
    // Lines become numbers by exact comparison, so that no hash inside the library can take two lines for one.
    let mut numbers = HashMap::new();
    let mut number = |lines: &[&str]| -> Vec<usize> {
        let mut ids = Vec::with_capacity(lines.len());
        for line in lines {
            let next = numbers.len();
            ids.push(*numbers.entry((*line).to_owned()).or_insert(next));
        }
        ids
    };
    let (old, new) = (number(old), number(new));
    if old == new {
        return Vec::new();
    }
    let prefix = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let suffix = old[prefix..].iter().rev().zip(new[prefix..].iter().rev()).take_while(|(a, b)| a == b).count();
    let differing = old.len() + new.len() - 2 * (prefix + suffix);
    let ops = if differing <= HISTOGRAM_LINES {
        capture_diff_slices(Algorithm::Histogram, &old, &new)
    } else if differing <= MYERS_LINES {
        capture_diff_slices(Algorithm::Myers, &old, &new)
    } else {
        replaced(&old, &new, prefix, suffix)
    };
    // People approve what the diff shows: should the library ever be wrong, the crude but true diff is shown.
    if leads_to(&ops, &old, &new) { ops } else { replaced(&old, &new, prefix, suffix) }
}

/// Everything between the common ends as one replacement.
fn replaced(old: &[usize], new: &[usize], prefix: usize, suffix: usize) -> Vec<DiffOp> {
    let (old_len, new_len) = (old.len() - prefix - suffix, new.len() - prefix - suffix);
    let middle = match (old_len, new_len) {
        (0, _) => DiffOp::Insert { old_index: prefix, new_index: prefix, new_len },
        (_, 0) => DiffOp::Delete { old_index: prefix, old_len, new_index: prefix },
        _ => DiffOp::Replace { old_index: prefix, old_len, new_index: prefix, new_len },
    };
    let first = DiffOp::Equal { old_index: 0, new_index: 0, len: prefix };
    let last = DiffOp::Equal { old_index: prefix + old_len, new_index: prefix + new_len, len: suffix };
    let mut ops = vec![first, middle, last];
    ops.retain(|op| !matches!(op, DiffOp::Equal { len: 0, .. }));
    ops
}

/// Whether the operations walk both sides from start to end and call equal only what is.
fn leads_to(ops: &[DiffOp], old: &[usize], new: &[usize]) -> bool {
    let (mut at_old, mut at_new) = (0, 0);
    for op in ops {
        let (from, to) = (op.old_range(), op.new_range());
        if from.start != at_old || to.start != at_new {
            return false;
        }
        (at_old, at_new) = (from.end, to.end);
        if matches!(op, DiffOp::Equal { .. }) && old.get(from).is_none_or(|lines| new.get(to) != Some(lines)) {
            return false;
        }
    }
    (at_old, at_new) == (old.len(), new.len())
}

fn write_hunk(diff: &mut String, ops: &[DiffOp], old: &[&str], new: &[&str]) {
    let (Some(first), Some(last)) = (ops.first(), ops.last()) else { return };
    let from = first.old_range().start..last.old_range().end;
    let to = first.new_range().start..last.new_range().end;
    // Writing to a String cannot fail.
    let _ = writeln!(diff, "@@ -{} +{} @@", span(&from), span(&to));
    for op in ops {
        if matches!(op, DiffOp::Equal { .. }) {
            write_lines(diff, ' ', &old[op.old_range()]);
        } else {
            write_lines(diff, '-', &old[op.old_range()]);
            write_lines(diff, '+', &new[op.new_range()]);
        }
    }
}

/// `first,count` as in POSIX `diff -u`: a count of one is left out, an empty range names the line before it.
fn span(range: &std::ops::Range<usize>) -> String {
    match range.len() {
        0 => format!("{},0", range.start),
        1 => format!("{}", range.start + 1),
        count => format!("{},{count}", range.start + 1),
    }
}

fn write_lines(diff: &mut String, sign: char, lines: &[&str]) {
    for line in lines {
        diff.push(sign);
        diff.push_str(&text::escape_lines(line));
        if !line.ends_with('\n') {
            diff.push_str("\n\\ No newline at end of file\n");
        }
    }
}

#[cfg(test)]
mod tests;
