//! `plan.diff`: the diff alone, as a terminal shows it.

use super::plan::{PlanPage, in_words, verb, what_is_cut};
use super::words::tally;
use crate::plan::{Action, PlanKind};
use crate::text::{escape, escape_lines, is_safe, is_safe_lines};

/// `plan.diff`. Lines that are no diff begin with `#`, which no line of a diff does.
pub fn plan_diff(page: &PlanPage<'_>) -> String {
    let document = page.document;
    let plan = &document.plan;
    let shown = page.shown();
    let mut out = format!("# {}: plan {}\n", plan.environment, document.short);
    if let Some(what) = what_is_cut(document, shown.left_out) {
        let approve = format!("countersign approve {} --plan {} --acknowledge truncated", page.named(), document.short);
        out += &format!("# cut: {what} not shown; to approve it all the same: {approve}\n");
    }
    if !page.values.is_empty() {
        out += &format!("# values\n{}", page.shown_values());
        if !out.ends_with('\n') {
            out.push('\n');
        }
    }
    for service in &plan.services {
        let Some(shown) = shown.services.iter().find(|shown| *shown.name == service.name) else {
            if service.action != Action::None {
                out += &format!("# {}: its preview is missing here; do not approve unseen\n", service.name);
            }
            continue;
        };
        let actions = shown.preview.summary.iter().map(|item| item.action);
        out += &format!("# {}: {}\n", service.name, tally(actions));
        // Who gains and loses what comes before the files that say so.
        if plan.kind == PlanKind::Policy {
            for item in shown.deletions.iter().chain(&shown.others) {
                let what = if is_safe(&item.item) { item.item.clone() } else { escape(&item.item) };
                out += &format!("#   {} {what}\n", verb(item.action));
            }
        }
        for note in &shown.notes {
            out += &format!("# {}\n", if is_safe(note) { (*note).to_owned() } else { escape(note) });
        }
        // A preview is escaped already: doing it again would show something else than what the digest covers.
        out += &if is_safe_lines(shown.diff) { shown.diff.to_owned() } else { escape_lines(shown.diff) };
        if !out.ends_with('\n') {
            out.push('\n');
        }
        if !shown.left_out.is_nothing() {
            out += &format!("# cut here: {} not shown\n", in_words(shown.left_out));
        }
    }
    out
}
