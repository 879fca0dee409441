//! `plan.md`: the plan that waits, for people.

use super::gates::GateChange;
use super::preview::{LeftOut, Shown, ShownService};
use super::words::{Blocks, carries_over, command, count, list, purpose, sentence, size, table, tally};
use crate::lifecycle::draft_branch;
use crate::model::{EnvironmentName, ServiceName};
use crate::object::Oid;
use crate::plan::preview::Preview;
use crate::plan::{Action, Contributor, ContributorBasis, PlanDocument, PlanKind, ServiceLine};
use crate::revision::{Source, Sources};
use crate::text::{cut, fence_as, markdown_inline};

/// How many commits and contributors a page lists; `plan.json` has them all.
const LISTED: usize = 50;
/// How much of one commit subject or address is shown, in characters.
const SUBJECT: usize = 120;

/// What `plan.md` and `plan.diff` are made of.
#[derive(Debug, Clone, Copy)]
pub struct PlanPage<'a> {
    /// `plan.json`.
    pub document: &'a PlanDocument,
    /// The full masked previews, in the plan's order of services.
    pub previews: &'a [(ServiceName, Preview)],
    /// What the change does to the gate settings.
    pub gates: &'a [GateChange],
    /// The diff of the values.
    pub values: &'a str,
    /// How many bytes of values and previews are shown.
    pub limit: usize,
    /// Of a draft: its tip.
    pub draft: Option<Oid>,
}

impl PlanPage<'_> {
    /// The environment as it is named to a command that is about this plan.
    pub(super) fn named(&self) -> String {
        let draft = if self.draft.is_some() { " --draft" } else { "" };
        format!("{}{draft}", self.document.plan.environment)
    }

    /// The previews, with what the values leave of the limit.
    pub(super) fn shown(&self) -> Shown<'_> {
        Shown::of(self.previews, self.limit.saturating_sub(self.values.len()))
    }

    /// The diff of the values as far as it is shown; without a newline at the end where there is none.
    pub(super) fn shown_values(&self) -> String {
        crate::text::cut_lines(self.values, self.limit).0
    }
}

/// `plan.md`.
pub fn plan_page(page: &PlanPage<'_>) -> String {
    let document = page.document;
    let plan = &document.plan;
    let shown = page.shown();
    let mut blocks = Blocks::default();
    let of_it = if page.draft.is_some() { " of the draft" } else { "" };
    blocks.add(format!("# {}: plan {}{of_it}", plan.environment, document.short));
    blocks.add(page.draft.map_or_else(String::new, |tip| {
        format!(
            "**Not merged:** what branch `{}` at commit `{}` would do if it were merged now. Nothing of it is applied \
             before that.",
            draft_branch(&plan.environment),
            tip.short()
        )
    }));
    blocks.add(in_five_lines(page));
    blocks.add(carries_over(&document.carries));
    blocks.add(cut_notice(page, shown.left_out));
    blocks.add(deletions(&shown));
    blocks.add(changes(&shown));
    if document.plan.kind != PlanKind::Policy {
        blocks.add(gates(page.gates));
    }
    if !page.values.is_empty() {
        blocks.add(format!("## Values\n\n{}", fence_as("diff", &page.shown_values())));
    }
    blocks.add(imports(&document.imports));
    blocks.add(contributors(&document.contributors, plan.kind));
    blocks.add(commits(document));
    blocks.add("## Diff");
    for service in &plan.services {
        match shown.services.iter().find(|shown| *shown.name == service.name) {
            Some(shown) => blocks.add(section(service, shown)),
            None if service.action == Action::None => {}
            None => blocks.add(format!("**{}: its preview is missing here.** Do not approve unseen.", service.name)),
        }
    }
    blocks.finish()
}

fn in_five_lines(page: &PlanPage<'_>) -> String {
    let document = page.document;
    let plan = &document.plan;
    let actions = page.previews.iter().flat_map(|(_, preview)| preview.summary.iter().map(|item| item.action));
    let services: Vec<_> = plan.services.iter().filter(|s| s.action != Action::None).map(|s| &s.name).collect();
    let place = if services.is_empty() { String::new() } else { format!(" in {}", list(&services, "and", 5)) };
    let who: Vec<String> = document.contributors.iter().map(who).collect();
    let who = match (who.as_slice(), plan.kind) {
        ([], PlanKind::Drift) => "nobody: the host changed by itself".to_owned(),
        ([], _) => "nobody is known".to_owned(),
        (who, _) => list(who, "and", 5),
    };
    let why = match document.commits.as_slice() {
        [] if plan.kind == PlanKind::Drift => "what is on the host is not what was applied".to_owned(),
        [] if plan.kind == PlanKind::Redeploy => "it is to be applied again".to_owned(),
        [] => "no commit is known".to_owned(),
        [only] => markdown_inline(&cut(&only.subject, SUBJECT)),
        [newest, rest @ ..] => {
            format!("{} (and {})", markdown_inline(&cut(&newest.subject, SUBJECT)), count(rest.len(), "more commit"))
        }
    };
    [
        format!("- **What:** {}, would become deployment {}", purpose(plan.kind, plan.base), plan.number),
        format!("- **Effect:** {}{place}", tally(actions)),
        format!("- **Who:** {who}"),
        format!("- **Why:** {why}"),
        format!("- **Plan:** `{}` ([how to approve or reject it](README.md))", document.digest),
    ]
    .join("\n")
}

/// `mallory (signed)`.
fn who(contributor: &Contributor) -> String {
    let known = match contributor.basis {
        ContributorBasis::Signed => "signed",
        ContributorBasis::Claimed => "claimed",
        ContributorBasis::Asked => "asked for it",
    };
    match &contributor.person {
        Some(person) => format!("{person} ({known})"),
        None => format!("{} ({known}, not in the policy)", markdown_inline(&cut(&contributor.email, SUBJECT))),
    }
}

fn cut_notice(page: &PlanPage<'_>, left_out: LeftOut) -> String {
    let document = page.document;
    let Some(what) = what_is_cut(document, left_out) else { return String::new() };
    let approve = format!("countersign approve {} --plan {} --acknowledge truncated", page.named(), document.short);
    format!(
        "**This preview is cut: {what} not shown.** The plan's digest covers all of it. No branch is there to be \
         merged; approving takes a signed record that acknowledges the cut:\n\n{}",
        command(&approve)
    )
}

/// What to say is not shown; a plan that was published as cut stays so under a higher limit. `None` where all is shown.
pub(super) fn what_is_cut(document: &PlanDocument, left_out: LeftOut) -> Option<String> {
    match (left_out.is_nothing(), document.truncated) {
        (false, _) => Some(in_words(left_out)),
        (true, true) => Some("part of it may be".to_owned()),
        (true, false) => None,
    }
}

/// `2 deletions, 1 other item and 310 lines (56 KiB) of diff are`.
pub(super) fn in_words(left_out: LeftOut) -> String {
    let some = |n: usize, noun: &str| (n > 0).then(|| count(n, noun));
    let lines = some(left_out.lines, "line").map(|lines| format!("{lines} ({}) of diff", size(left_out.bytes)));
    let parts: Vec<String> = [
        some(left_out.deletions, "deletion"),
        some(left_out.others, "other item"),
        some(left_out.notes, "note"),
        lines,
    ]
    .into_iter()
    .flatten()
    .collect();
    let one = left_out.deletions + left_out.others + left_out.notes + left_out.lines == 1;
    format!("{} {}", list(&parts, "and", usize::MAX), if one { "is" } else { "are" })
}

fn deletions(shown: &Shown<'_>) -> String {
    let deleted = |service: &ShownService<'_>| {
        let name = service.name.clone();
        service.deletions.iter().map(move |item| format!("- {name}: {}\n", markdown_inline(&item.item))).collect()
    };
    let mut lines: String = shown.services.iter().map(deleted).collect::<Vec<String>>().concat();
    if shown.left_out.deletions > 0 {
        lines += &format!("- **and {} not shown**\n", count(shown.left_out.deletions, "more deletion"));
    }
    if lines.is_empty() { lines } else { format!("## Deletions\n\n{lines}") }
}

fn changes(shown: &Shown<'_>) -> String {
    let changed = |service: &ShownService<'_>| {
        let name = service.name.clone();
        let line = move |action: Action, item: &str| format!("- {name}: {} {}\n", verb(action), markdown_inline(item));
        service.others.iter().map(move |item| line(item.action, &item.item)).collect()
    };
    let mut lines: String = shown.services.iter().map(changed).collect::<Vec<String>>().concat();
    if shown.left_out.others > 0 {
        lines += &format!("- **and {} not shown**\n", count(shown.left_out.others, "more item"));
    }
    if lines.is_empty() { lines } else { format!("## Changes\n\n{lines}") }
}

pub(super) fn verb(action: Action) -> &'static str {
    match action {
        Action::Destroy => "delete",
        Action::Create => "create",
        Action::Update => "change",
        Action::None => "keep",
    }
}

fn gates(changes: &[GateChange]) -> String {
    let row = |change: &GateChange| [change.setting.to_owned(), sentence(&change.old), sentence(&change.new)];
    let told = if changes.is_empty() {
        "Unchanged.".to_owned()
    } else {
        let both = "This plan must satisfy the settings it leaves and those it enters.";
        format!("{}\n{both}", table(["setting", "now", "then"], changes.iter().map(row)))
    };
    format!("## Settings and gates\n\n{told}")
}

/// What is imported, as it was applied there.
fn imports(imports: &Sources) -> String {
    let row = |(name, source): (&EnvironmentName, &Source)| {
        [name.to_string(), format!("`{}`", source.revision), format!("`{}`", source.commit.short())]
    };
    let rows = table(["environment", "its applied revision", "applied from"], imports.iter().map(row));
    if rows.is_empty() { rows } else { format!("## Imports\n\n{rows}") }
}

fn contributors(contributors: &[Contributor], kind: PlanKind) -> String {
    let row = |contributor: &Contributor| {
        let person = contributor.person.as_ref().map_or_else(|| "not in the policy".to_owned(), ToString::to_string);
        let commits: Vec<String> = contributor.commits.iter().map(|commit| commit.short()).collect();
        let known = match contributor.basis {
            ContributorBasis::Signed => "signed",
            ContributorBasis::Claimed => "**claimed**, not proven",
            ContributorBasis::Asked => "a signed request",
        };
        let email = markdown_inline(&cut(&contributor.email, SUBJECT));
        [person, email, known.to_owned(), list(&commits, "and", 5)]
    };
    let rows = table(["who", "address", "known by", "commits"], contributors.iter().take(LISTED).map(row));
    if rows.is_empty() {
        if kind == PlanKind::Drift {
            return "## Contributors\n\nNobody: the host changed by itself.".to_owned();
        }
        return "## Contributors\n\nNobody is known.".to_owned();
    }
    let more = match contributors.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!("\nand {more} more, in [plan.json](plan.json).\n"),
    };
    let claims = contributors.iter().any(|contributor| contributor.basis == ContributorBasis::Claimed);
    let claims = if claims { "\nClaimed: a line in a commit says so; no signature proves it.\n" } else { "" };
    format!("## Contributors\n\n{rows}{more}{claims}")
}

fn commits(document: &PlanDocument) -> String {
    let rows = document.commits.iter().take(LISTED).map(|commit| {
        let signed = commit.signed_by.as_ref().map_or_else(|| "not signed".to_owned(), ToString::to_string);
        let author = markdown_inline(&cut(&commit.author, SUBJECT));
        [format!("`{}`", commit.id.short()), author, signed, markdown_inline(&cut(&commit.subject, SUBJECT))]
    });
    let rows = table(["commit", "author, as claimed", "signed by", "subject"], rows);
    let more = match document.commits.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!("\nand {} older, in [plan.json](plan.json).\n", count(more, "commit")),
    };
    if rows.is_empty() { rows } else { format!("## Commits\n\n{rows}{more}") }
}

fn section(line: &ServiceLine, shown: &ShownService<'_>) -> String {
    let actions = shown.preview.summary.iter().map(|item| item.action);
    let mut blocks = Blocks::default();
    // A forge reads no Markdown on the summary's line: only a name and numbers go there.
    blocks.add(format!("<details>\n<summary><b>{}</b>: {}</summary>", line.name, tally(actions)));
    let notes: String = shown.notes.iter().map(|note| format!("- {}\n", sentence(note))).collect();
    blocks.add(notes);
    match (shown.diff.is_empty(), shown.preview.diff.is_empty()) {
        (false, _) => blocks.add(fence_as("diff", shown.diff)),
        (true, true) => blocks.add("There is no diff to show."),
        (true, false) => {}
    }
    if !shown.left_out.is_nothing() {
        blocks.add(format!("**Cut here: {} not shown.**", in_words(shown.left_out)));
    }
    blocks.add("</details>");
    blocks.finish()
}
