//! The words and Markdown blocks that several pages share.

use std::fmt::Display;

use jiff::Timestamp;

use crate::model::ApprovalVerdict;
use crate::plan::{Action, Base, PlanKind};
use crate::text::{fence, markdown_inline};

/// Blocks of Markdown with an empty line between them.
#[derive(Default)]
pub(super) struct Blocks(Vec<String>);

impl Blocks {
    /// Adds a block; an empty one is left out.
    pub(super) fn add(&mut self, block: impl AsRef<str>) {
        let block = block.as_ref().trim_end_matches('\n');
        if !block.is_empty() {
            self.0.push(block.to_owned());
        }
    }

    pub(super) fn finish(self) -> String {
        self.0.join("\n\n") + "\n"
    }
}

/// A table, or nothing where it has no rows. Cells are Markdown already.
pub(super) fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rows: String = rows.into_iter().map(|row| line(&row)).collect();
    if rows.is_empty() {
        return rows;
    }
    let rule = format!("|{}\n", " --- |".repeat(N));
    line(&head.map(str::to_owned)) + &rule + &rows
}

/// A command to copy.
pub(super) fn command(command: &str) -> String {
    with_language("sh", fence(command))
}

/// A diff, coloured where the reader's forge does so.
pub(super) fn diff(diff: &str) -> String {
    with_language("diff", fence(diff))
}

/// The first line of a fenced block is its fence; the language follows it.
fn with_language(language: &str, block: String) -> String {
    block.replacen('\n', &format!("{language}\n"), 1)
}

/// `2026-11-22 17:26`: UTC, to the minute.
pub(crate) fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M").to_string()
}

/// `1 commit`, `2 commits`.
pub(crate) fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// `56 KiB`, rounded up: for people.
pub(super) fn size(bytes: usize) -> String {
    match bytes {
        0..1024 => count(bytes, "byte"),
        1024..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        _ => format!("{} MiB", bytes.div_ceil(1_048_576)),
    }
}

/// `a, b or c`; past `most`, `a, b or 7 more`.
pub(crate) fn list<T: Display>(items: &[T], conjunction: &str, most: usize) -> String {
    let mut words: Vec<String> = items.iter().take(most).map(ToString::to_string).collect();
    if items.len() > most {
        words.push(format!("{} more", items.len() - most));
    }
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} {conjunction} {last}", first.join(", ")),
        None => String::new(),
    }
}

/// `7`, or `7.2` for the second attempt.
pub(crate) fn deployment(number: u64, attempt: u64) -> String {
    if attempt > 1 { format!("{number}.{attempt}") } else { number.to_string() }
}

/// `update of deployment 6`.
pub(crate) fn purpose(kind: PlanKind, base: Option<Base>) -> String {
    let word = match kind {
        PlanKind::Create => return "creation".to_owned(),
        PlanKind::Policy => return "change of the policy".to_owned(),
        PlanKind::Drift => "drift correction",
        PlanKind::Redeploy => "redeployment",
        PlanKind::Promotion => "promotion",
        PlanKind::Update | PlanKind::Rollback | PlanKind::Destroy => kind.name(),
    };
    let of = if kind == PlanKind::Promotion { "onto" } else { "of" };
    base.map_or_else(|| word.to_owned(), |base| format!("{word} {of} deployment {}", base.number))
}

/// `1 deleted, 2 created`; nothing for what stays as it is.
pub(super) fn tally(actions: impl Iterator<Item = Action> + Clone) -> String {
    let words = [(Action::Destroy, "deleted"), (Action::Update, "changed"), (Action::Create, "created")];
    let counted = words.map(|(action, word)| (actions.clone().filter(|a| *a == action).count(), word));
    let parts: Vec<String> = counted.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    if parts.is_empty() { "nothing changes".to_owned() } else { parts.join(", ") }
}

/// The word for who said so.
pub(crate) fn said(verdict: ApprovalVerdict) -> &'static str {
    match verdict {
        ApprovalVerdict::Approve => "approved",
        ApprovalVerdict::Reject => "rejected",
        ApprovalVerdict::Withdraw => "took back",
    }
}

/// `: why` where there is a why.
pub(super) fn colon(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(": {}", markdown_inline(why)) }
}
