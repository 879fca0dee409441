//! The preview of one service: what people read before they countersign.

use std::fmt::Write as _;

use serde::Serialize;

use super::Action;
use crate::digest::Digest;
use crate::text;

/// The full masked preview of one service. Its digest is over the canonical JSON of this value.
///
/// Every text in it is already safe to show (see [`crate::text`]) and is shown as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// What happens to which item (a file, a resource), deletions first, then by name.
    pub summary: Vec<Item>,
    /// Things the reader must know beside the diff (where it goes, live state differs, a binary or large file).
    pub notes: Vec<String>,
    /// The unified diff (or a tool's own plan text), lines ending in `\n`, escaped for display.
    pub diff: String,
    /// How many files' contents were left out because the preview would have become too large. Such a plan is
    /// `truncated`, whatever the display limit is.
    #[serde(skip_serializing_if = "is_none")]
    pub omitted: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_none(omitted: &u64) -> bool {
    *omitted == 0
}

/// One line of a preview's summary.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// What happens to it.
    pub action: Action,
    /// What it is: a path within the service, escaped.
    pub item: String,
}

impl Preview {
    /// Its digest.
    pub fn digest(&self) -> Digest {
        Digest::of_canonical(self)
    }

    /// The whole preview as lines of text: summary, notes, diff. Of what is longer than `limit` bytes, only the first
    /// whole lines, followed by one that says how much is missing; the second value says whether that happened.
    pub fn render(&self, limit: usize) -> (String, bool) {
        let mut lines = String::new();
        for Item { action, item } in &self.summary {
            let sign = match action {
                Action::Destroy => "- delete",
                Action::Create => "+ create",
                Action::Update => "~ change",
                Action::None => "  keep  ",
            };
            // Writing to a String cannot fail.
            let _ = writeln!(lines, "{sign} {item}");
        }
        for note in &self.notes {
            let _ = writeln!(lines, "note: {note}");
        }
        if !self.diff.is_empty() {
            let _ = write!(lines, "\n{}", self.diff);
        }
        text::cut_lines(&lines, limit)
    }
}
