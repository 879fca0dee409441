//! A draft's plan as its approver sees it: the fetched draft, merged into the fetched config branch.

use super::super::CliError;
use super::super::journal::JournalTip;
use super::{desired_in, in_words};
use crate::digest::RevisionId;
use crate::evidence::graph::Graph;
use crate::lifecycle::{as_if_merged, draft_branch};
use crate::object::{Objects, Oid, Overlay};
use crate::plan::PlanDocument;
use crate::revision::{Hashes, Resolved};

/// What the draft would have the environment be if it were merged now; `looked_at` is the tip that was planned.
///
/// # Errors
/// Where the draft is gone, was changed since, or cannot be merged (exit code 1).
pub(super) fn desired(
    journal: &JournalTip<'_>,
    objects: &dyn Objects,
    hashes: &Hashes,
    document: &PlanDocument,
    looked_at: Oid,
) -> Result<Option<Resolved>, CliError> {
    let name = &document.plan.environment;
    let branch = draft_branch(name);
    let hint = || format!("wait for the daemon to look: countersign status {name}");
    let tip = journal.config_clone().fetch_draft(name)?.ok_or_else(|| {
        CliError::refused(format!("{branch} is gone since its plan {} was made", document.short)).hint(hint())
    })?;
    // Gate: what is approved is what is on the branch now.
    if tip != looked_at {
        return Err(CliError::refused(format!(
            "{branch} was changed by a push ({}) after plan {} was made of {}",
            tip.short(),
            document.short,
            looked_at.short()
        ))
        .hint(hint()));
    }
    let overlay = Overlay::new(objects);
    let graph = Graph::new(&overlay);
    let merged = as_if_merged(&graph, &overlay, name, journal.tips().config, tip)?;
    let merged = merged.map_err(|problem| CliError::refused(problem.to_string()).hint(hint()))?;
    let root = &journal.tips().root;
    let desired = desired_in(&overlay, hashes, root, merged.tree, name, &document.imports)?;
    match merged.conflicts_in(root, name, desired.as_ref()).first() {
        Some(problem) => Err(CliError::refused(problem.to_string()).hint(hint())),
        None => Ok(desired),
    }
}

/// The plan is of something else than the merge.
pub(super) fn other_revision(document: &PlanDocument, found: Option<RevisionId>) -> CliError {
    let plan = &document.plan;
    let name = &plan.environment;
    CliError::refused(format!(
        "plan {} is not what merging {} would give now: it is for {}, and the merge has {}",
        document.short,
        draft_branch(name),
        in_words(plan.revision),
        in_words(found)
    ))
    .hint(format!("where somebody pushed just now, wait for the daemon to look: countersign status {name}"))
}
