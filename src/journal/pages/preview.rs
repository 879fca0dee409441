//! How much of the previews is shown: everything, or what fits, with what was left out counted.

use crate::model::ServiceName;
use crate::plan::preview::Item;
use crate::plan::{Action, preview::Preview};

/// What a line of the summary costs beside its text.
const ITEM: usize = 16;

/// Whether the diff of the values and the previews together exceed the display limit (bytes), so that a page that shows
/// them is cut, or left contents out. A plan of which this is true must say `truncated`.
pub fn is_cut(values: &str, previews: &[(ServiceName, Preview)], limit: usize) -> bool {
    previews.iter().any(|(_, preview)| preview.omitted > 0)
        || values.len() > limit
        || !Shown::of(previews, limit.saturating_sub(values.len())).left_out.is_nothing()
}

/// The previews as the pages show them.
pub(super) struct Shown<'a> {
    /// In the order given.
    pub(super) services: Vec<ShownService<'a>>,
    /// What the limit left out, in all.
    pub(super) left_out: LeftOut,
}

/// One service's preview, as far as it is shown.
pub(super) struct ShownService<'a> {
    pub(super) name: &'a ServiceName,
    pub(super) preview: &'a Preview,
    pub(super) deletions: Vec<&'a Item>,
    /// What is not deleted.
    pub(super) others: Vec<&'a Item>,
    pub(super) notes: Vec<&'a str>,
    /// Whole lines.
    pub(super) diff: &'a str,
    pub(super) left_out: LeftOut,
}

/// What the limit left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct LeftOut {
    pub(super) deletions: usize,
    pub(super) others: usize,
    pub(super) notes: usize,
    /// Lines of the diff.
    pub(super) lines: usize,
    /// Bytes of the diff.
    pub(super) bytes: usize,
}

impl LeftOut {
    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    fn add(&mut self, other: Self) {
        self.deletions += other.deletions;
        self.others += other.others;
        self.notes += other.notes;
        self.lines += other.lines;
        self.bytes += other.bytes;
    }
}

impl<'a> Shown<'a> {
    /// Spends the limit on what matters most first: all deletions, all other items, all notes, then the diffs in order.
    pub(super) fn of(previews: &'a [(ServiceName, Preview)], limit: usize) -> Self {
        let mut left = limit;
        let is_deletion = |item: &&Item| item.action == Action::Destroy;
        let mut services: Vec<ShownService<'a>> = previews
            .iter()
            .map(|(name, preview)| {
                let deletions: Vec<&Item> = preview.summary.iter().filter(is_deletion).collect();
                let (shown, deletions_left) = take(deletions, |item| item.item.len() + ITEM, &mut left);
                let left_out = LeftOut { deletions: deletions_left, ..LeftOut::default() };
                ShownService { name, preview, deletions: shown, others: vec![], notes: vec![], diff: "", left_out }
            })
            .collect();
        for service in &mut services {
            let changes = |item: &&Item| !is_deletion(item) && item.action != Action::None;
            let others: Vec<&Item> = service.preview.summary.iter().filter(changes).collect();
            (service.others, service.left_out.others) = take(others, |item| item.item.len() + ITEM, &mut left);
        }
        for service in &mut services {
            let notes: Vec<&str> = service.preview.notes.iter().map(String::as_str).collect();
            (service.notes, service.left_out.notes) = take(notes, |note| note.len() + ITEM, &mut left);
        }
        for service in &mut services {
            let (shown, cut) = service.preview.diff.split_at(whole_lines(&service.preview.diff, left));
            left -= shown.len();
            if !cut.is_empty() {
                left = 0;
            }
            service.diff = shown;
            service.left_out.lines = cut.lines().count();
            service.left_out.bytes = cut.len();
        }
        let mut left_out = LeftOut::default();
        for service in &services {
            left_out.add(service.left_out);
        }
        Self { services, left_out }
    }
}

/// Those that fit, and how many do not. After the first that does not fit nothing else is tried: a reader who sees the
/// end of a list must be able to tell.
fn take<T>(items: Vec<T>, cost: impl Fn(&T) -> usize, left: &mut usize) -> (Vec<T>, usize) {
    let all = items.len();
    let mut shown = Vec::new();
    for item in items {
        let Some(rest) = left.checked_sub(cost(&item)) else {
            *left = 0;
            break;
        };
        *left = rest;
        shown.push(item);
    }
    let missing = all - shown.len();
    (shown, missing)
}

/// The length of the longest prefix of whole lines that fits.
fn whole_lines(text: &str, limit: usize) -> usize {
    if text.len() <= limit {
        return text.len();
    }
    text.as_bytes()[..limit].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)
}
