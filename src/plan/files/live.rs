//! What was found on the host that is not what was applied last.

use std::collections::BTreeSet;

use super::{Files, item};
use crate::plan::Action;
use crate::plan::preview::Item;
use crate::text;

/// One difference between what was applied last and what is there. Paths are relative to the target, as text; bytes
/// that are no UTF-8 appear as U+FFFD.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum LiveDifference {
    /// The whole target is gone. Said instead of every file being missing.
    TargetMissing,
    /// Something other than what was applied, in its place.
    Changed {
        /// Where; empty for the target itself.
        path: String,
        /// In what.
        drift: Drift,
    },
    /// Something that was applied is gone.
    Missing {
        /// Where.
        path: String,
    },
    /// Something that no deployment put there. Never its content or a digest of it.
    Foreign {
        /// Where.
        path: String,
        /// What it is.
        kind: LiveKind,
    },
}

/// In what something differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Drift {
    /// The bytes differ.
    Content,
    /// The permission bits differ.
    Mode,
    /// Both do.
    ContentAndMode,
    /// It is another kind of thing.
    Kind(LiveKind),
}

/// A kind of thing on a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LiveKind {
    /// A plain file.
    File {
        /// Its size in bytes.
        size: u64,
    },
    /// A folder with nothing in it that is told apart from it.
    Folder,
    /// A symbolic link; not followed.
    Symlink,
    /// A named pipe, a socket or a device; not opened.
    Special,
}

impl LiveKind {
    fn describe(self) -> String {
        match self {
            Self::File { size: 1 } => "a file of 1 byte".to_owned(),
            Self::File { size } => format!("a file of {size} bytes"),
            Self::Folder => "a folder".to_owned(),
            Self::Symlink => "a symlink".to_owned(),
            Self::Special => "a pipe, socket or device".to_owned(),
        }
    }
}

impl LiveDifference {
    /// What of it goes that no deployment put there.
    pub(super) fn removes(&self, target: &str) -> Option<String> {
        match self {
            Self::Foreign { path, kind } => Some(format!("{target}/{path} ({})", kind.describe())),
            Self::Changed { path, drift: Drift::Kind(kind) } => Some(format!("{target}/{path} ({})", kind.describe())),
            Self::TargetMissing | Self::Changed { .. } | Self::Missing { .. } => None,
        }
    }
}

/// Adds what the differences mean for the reader.
pub(super) fn tell(
    live: &[LiveDifference],
    olds: &Files<'_>,
    news: &Files<'_>,
    summary: &mut BTreeSet<Item>,
    notes: &mut Vec<String>,
) {
    // A file that the repository leaves alone but that is to be set again because of what is there.
    let set_again = |path: &str, action: Action, summary: &mut BTreeSet<Item>| {
        if olds.contains_key(path) && news.contains_key(path) && !summary.contains(&item(Action::Update, path)) {
            summary.insert(item(action, path));
        }
    };
    for difference in live.iter().collect::<BTreeSet<_>>() {
        notes.push(match difference {
            LiveDifference::TargetMissing => {
                for path in olds.keys() {
                    set_again(path, Action::Create, summary);
                }
                let then = if news.is_empty() { "there is nothing to remove" } else { "it will be made again" };
                format!("the target is gone although it was applied; {then}")
            }
            LiveDifference::Changed { path, drift } => {
                set_again(path, Action::Update, summary);
                let what = match drift {
                    Drift::Content => "content".to_owned(),
                    Drift::Mode => "mode".to_owned(),
                    Drift::ContentAndMode => "content and mode".to_owned(),
                    Drift::Kind(kind) => format!("it is {}", kind.describe()),
                };
                let name = name(path);
                format!("{name} differs on the host from what was applied ({what}); it will be {}", fate(path, news))
            }
            LiveDifference::Missing { path } => {
                set_again(path, Action::Create, summary);
                let then = if news.contains_key(path.as_str()) { "it will be made again" } else { "nothing to remove" };
                format!("{} is gone from the host although it was applied; {then}", name(path))
            }
            LiveDifference::Foreign { path, kind } => {
                let slash = if *kind == LiveKind::Folder { "/" } else { "" };
                summary.insert(item(Action::Destroy, &format!("{path}{slash}")));
                let what = kind.describe();
                format!("{} on the host is not from a deployment ({what}); it will be removed", name(path))
            }
        });
    }
}

fn name(path: &str) -> String {
    if path.is_empty() { "the target".to_owned() } else { format!("`{}`", text::escape(path)) }
}

/// What becomes of something that differs: a folder (no file of its own) is set as long as anything is.
fn fate(path: &str, news: &Files<'_>) -> &'static str {
    let below = |file: &str| {
        path.is_empty() || file.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if news.keys().any(|file| below(file)) { "set" } else { "removed" }
}
