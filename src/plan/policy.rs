//! The plan of a policy change: who gains and loses what, then the files that say so.
//!
//! Pure, like every plan: anybody can compute it again from the repository alone.

mod facts;

use serde::Serialize;

use super::compose::{Composed, Place};
use super::document::{FORMAT, Plan, ServiceLine};
use super::preview::{Item, Preview};
use super::{Action, PlanKind, files};
use crate::digest::{Digest, RevisionId};
use crate::model::{Governance, ServiceName};
use crate::object::{ObjectError, Objects};
use crate::revision::InputFile;

/// The one thing that a policy change changes, as it is named where services are.
pub const SERVICE: &str = "policy";

/// A policy with the files it is made of.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The files of `governance/`, with paths relative to it.
    pub files: &'a [InputFile],
    /// What they say.
    pub governance: &'a Governance,
}

#[derive(Serialize)]
struct EffectDocument {
    revision: RevisionId,
    #[serde(rename = "type")]
    kind: &'static str,
}

/// The name of the line that stands for the policy in a plan and in an outcome.
pub fn service() -> ServiceName {
    #[expect(clippy::expect_used, reason = "a constant that is a name; a test reads it")]
    SERVICE.parse().expect("a name")
}

/// Puts the plan of a policy change together. Its effect is the SHA-256 of the canonical JSON of
/// `{revision, type: "policy"}`.
///
/// # Errors
/// [`ObjectError`] where a file's content cannot be read.
pub fn compose(
    objects: &dyn Objects,
    place: Place<'_>,
    revision: RevisionId,
    old: Side<'_>,
    new: Side<'_>,
) -> Result<Composed, ObjectError> {
    let preview = preview(objects, old, new)?;
    let line = ServiceLine {
        name: service(),
        kind: SERVICE.to_owned(),
        action: Action::Update,
        effect: Digest::of_canonical(&EffectDocument { revision, kind: SERVICE }),
        preview: preview.digest(),
    };
    let plan = Plan {
        format: FORMAT,
        repository: place.repository,
        environment: place.environment.clone(),
        number: place.number,
        round: place.round,
        kind: PlanKind::Policy,
        base: place.base,
        revision: Some(revision),
        services: vec![line],
    };
    Ok(Composed { plan, previews: vec![(service(), preview)], changes: Vec::new(), removes: None })
}

fn preview(objects: &dyn Objects, old: Side<'_>, new: Side<'_>) -> Result<Preview, ObjectError> {
    let (before, after) = (facts::of(old.governance), facts::of(new.governance));
    let (mut lost, mut moved, mut gained) = (Vec::new(), Vec::new(), Vec::new());
    for (fact, value) in &before {
        match after.get(fact) {
            None => lost.push(Item { action: Action::Destroy, item: said(&fact.what, value) }),
            Some(then) if then != value => {
                let item = format!("{}: {} (now {})", fact.what, or_nothing(then), or_nothing(value));
                moved.push(Item { action: Action::Update, item });
            }
            Some(_) => {}
        }
    }
    for (fact, value) in after.iter().filter(|(fact, _)| !before.contains_key(*fact)) {
        gained.push(Item { action: Action::Create, item: said(&fact.what, value) });
    }
    let summary = [lost, moved, gained].concat();
    let mut notes = Vec::new();
    if summary.is_empty() {
        notes.push("nobody gains or loses anything; only the files change".to_owned());
    }
    notes.extend(facts::alone(new.governance));
    let (diff, more, omitted) = files::diff_of(objects, old.files, new.files)?;
    notes.extend(more);
    Ok(Preview { summary, notes, diff, omitted })
}

fn said(fact: &str, value: &str) -> String {
    if value.is_empty() { fact.to_owned() } else { format!("{fact}: {value}") }
}

fn or_nothing(value: &str) -> &str {
    if value.is_empty() { "nothing more" } else { value }
}

#[cfg(test)]
mod tests;
