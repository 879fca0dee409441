//! The words and Markdown blocks that several pages share.

use std::fmt::Display;

use jiff::Timestamp;

use crate::model::{ApprovalVerdict, Problem, RulesetName};
use crate::plan::{Action, Base, PlanKind};
use crate::text::{fence_as, markdown_inline};

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
    fence_as("sh", command)
}

/// `2026-11-22 17:26`: UTC, to the minute.
pub(crate) fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M").to_string()
}

/// `1 commit`, `2 commits`.
pub(crate) fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// That a plan's approvals may count for later plans as well; nothing where they do not.
pub(super) fn carries_over(rulesets: &[RulesetName]) -> String {
    if rulesets.is_empty() {
        return String::new();
    }
    let names: Vec<String> = rulesets.iter().map(|name| format!("`{name}`")).collect();
    format!(
        "**Approvals carry over to later changes**: `reapproveOnChange: false` in ruleset {}. They count for a later plan \
         of the same number as long as its kind, its gates, its contributors and the policy are the same, it deletes \
         nothing more, and nobody rejected since.",
        list(&names, "and", 5)
    )
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

/// `: why` where there is a why: a sentence of ours, which may quote the repository.
pub(super) fn colon(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(": {}", sentence(why)) }
}

/// A sentence of ours, fit for the middle of a line: what it quotes between backticks becomes code and the words stay
/// words. Where the words hold anything but letters, digits and a few marks that no forge reads as markup, a mention
/// or a link, all of it becomes code.
pub(super) fn sentence(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    let harmless = |c: char| c.is_ascii_alphanumeric() || " ,.;:()'/-?".contains(c);
    let links = |words: &str| words.contains("://") || words.to_ascii_lowercase().contains("www.");
    let words_only = |words: &&str| words.chars().all(harmless) && !links(words);
    if parts.len().is_multiple_of(2) || !parts.iter().step_by(2).all(words_only) {
        return markdown_inline(text);
    }
    let shown = |(at, part): (usize, &&str)| if at % 2 == 0 { (*part).to_owned() } else { markdown_inline(part) };
    parts.iter().enumerate().map(shown).collect()
}

/// Where a problem is, as code, and what it is.
pub(super) fn problem(problem: &Problem) -> String {
    let whole = problem.to_string();
    match whole.strip_suffix(&problem.message).and_then(|place| place.strip_suffix(": ")) {
        Some(place) => markdown_inline(place) + &colon(&problem.message),
        None => markdown_inline(&whole),
    }
}
