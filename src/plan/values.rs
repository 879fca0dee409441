//! What a change does to an environment's values.

use super::diff::{FileDiff, unified};
use crate::revision::Resolved;

/// The unified diff of the values of two sides, each in its canonical form of one line for each value; empty where they
/// are the same, and for a destroy, after which there are none. Safe to show.
pub fn values_diff(base: Option<&Resolved>, desired: Option<&Resolved>) -> String {
    let Some(desired) = desired else { return String::new() };
    let lines = |resolved: &Resolved| resolved.values.lines();
    let old = base.map(lines).filter(|lines| !lines.is_empty());
    let new = Some(lines(desired)).filter(|lines| !lines.is_empty());
    match unified("values", old.as_deref().map(str::as_bytes), new.as_deref().map(str::as_bytes)) {
        FileDiff::Text(diff) => diff,
        // Values are text, and larger ones are refused when they are resolved.
        FileDiff::Binary | FileDiff::Large => "the values cannot be shown\n".to_owned(),
    }
}
