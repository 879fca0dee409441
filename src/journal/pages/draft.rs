//! The part of an environment's page that is about its draft.

use super::environment::{rules, waits_for, what_to_do};
use super::statements::{rejected_by, said_so_far};
use super::words::{self, Blocks, list, minute, purpose};
use crate::journal::{DraftStatus, NoPlan, Status};
use crate::lifecycle::{EnvironmentState, Phase, State, WaitingOn};

/// How many problems are listed.
const PROBLEMS: usize = 20;
/// How many names a sentence holds.
const NAMES: usize = 20;

/// Where the draft stands and what can be said on it; nothing where there is none.
pub(super) fn draft_section(state: &State, status: &Status, env: &EnvironmentState) -> String {
    let (Some(draft), Some(view)) = (&status.draft, status.as_if_merged()) else { return String::new() };
    let mut blocks = Blocks::default();
    blocks.add("## Draft");
    blocks.add(stands(status, draft));
    let problems = draft.problems.iter().take(PROBLEMS);
    let problems: String = problems.map(|problem| format!("- {}\n", words::problem(problem))).collect();
    let more = draft.problems.len().saturating_sub(PROBLEMS);
    blocks.add(if more > 0 {
        format!("{problems}- and {more} more, in [status.yaml](status.yaml)\n")
    } else {
        problems
    });
    if draft.plan.is_some() {
        blocks.add(rules(&view));
        blocks.add(said_so_far(&view, env));
        blocks.add(what_to_do(state, &view));
    }
    blocks.finish()
}

/// One sentence: what the branch would do, and what it lacks.
fn stands(status: &Status, draft: &DraftStatus) -> String {
    let branch = format!("Branch `{}` (commit `{}`)", draft.branch, draft.commit.short());
    let Some(plan) = &draft.plan else {
        return match draft.no_plan {
            Some(NoPlan::Same | NoPlan::Gone) => {
                format!(
                    "{branch} changes nothing that is not desired already: it was merged, or has no change of this."
                )
            }
            Some(NoPlan::InForce) => format!("{branch}, merged now, would desire what is in force: no plan is needed."),
            Some(NoPlan::WithoutEffect) => {
                format!("{branch}, merged now, would have no effect and be recorded without approval.")
            }
            Some(NoPlan::Problems) => format!("{branch} cannot be planned. Nothing else is held up by that."),
            None => format!("{branch} is planned anew next."),
        };
    };
    let open: Vec<String> = draft.waiting_on.iter().filter(|rule| rule.missing() > 0).map(waits_for).collect();
    let needs = match draft.phase {
        Phase::Rejected => format!("was rejected by {}", list(&rejected_by_draft(status), "and", NAMES)),
        Phase::Approved => "has everything that is asked for".to_owned(),
        _ => format!("waits for {}", list(&open, "and", usize::MAX)),
    };
    format!(
        "{branch}, merged now, would be deployment {} ({}). Its plan [{}](draft.md), published {} UTC, {needs}. Nothing of \
         it is applied before it is merged; merged unchanged, the plan and what was said on it go on.",
        plan.number,
        purpose(plan.kind, status.applied),
        plan.short,
        minute(plan.since)
    )
}

fn rejected_by_draft(status: &Status) -> Vec<String> {
    status.as_if_merged().map(|view| rejected_by(&view)).unwrap_or_default()
}

/// The same in a cell of the journal's first page.
pub(super) fn in_a_cell(draft: &DraftStatus) -> String {
    let open: Vec<&WaitingOn> = draft.waiting_on.iter().filter(|rule| rule.missing() > 0).collect();
    match draft.phase {
        Phase::Rejected => "rejected".to_owned(),
        Phase::Approved => "approved; waits to be merged".to_owned(),
        _ => list(&open.into_iter().map(waits_for).collect::<Vec<_>>(), "and", 3),
    }
}
