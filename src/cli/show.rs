//! A plan in the words and order in which people read it before they countersign.

use std::fmt::Write as _;

use super::Output;
use super::output::Tone;
use super::seen::SeenPlan;
use crate::journal::pages::{count, list, purpose};
use crate::plan::preview::Preview;
use crate::plan::{Action, Contributor, ContributorBasis, PlanKind};
use crate::text::{cut, cut_lines, escape};

/// More of a diff than this nobody reads in a terminal.
const LONGEST_DIFF: usize = 256 * 1024;
/// How many commits are listed.
const COMMITS: usize = 10;
/// How many items a line holds before each gets its own.
const ON_A_LINE: usize = 5;
/// How much of a subject or address is shown, in characters.
const SUBJECT: usize = 100;

/// `acme-prod · plan 3f2a9c1d04be · update of deployment 6 · pushed by mallory (signed), 2 commits`.
pub fn title(seen: &SeenPlan, output: Output) -> String {
    let document = &seen.document;
    let name = output.paint(Tone::Strong, document.plan.environment.as_str());
    format!("{name} · plan {}{}\n", document.short, about(seen))
}

/// ` · update of deployment 6 · pushed by mallory (signed), 2 commits`.
pub fn about(seen: &SeenPlan) -> String {
    let document = &seen.document;
    let plan = &document.plan;
    let who: Vec<String> = document.contributors.iter().map(contributor).collect();
    let who = match (who.as_slice(), plan.kind) {
        ([], PlanKind::Drift) => "the host changed by itself".to_owned(),
        ([], _) => format!("pushed by nobody who is known, {}", count(document.commits.len(), "commit")),
        (who, kind) if kind.is_towards_itself() && document.commits.is_empty() => list(who, "and", 5),
        (who, _) => format!("pushed by {}, {}", list(who, "and", 5), count(document.commits.len(), "commit")),
    };
    let of_draft = if seen.of_draft { " of the draft, which is not merged" } else { "" };
    format!("{of_draft} · {} · {who}", purpose(plan.kind, plan.base))
}

fn contributor(contributor: &Contributor) -> String {
    let known = match contributor.basis {
        ContributorBasis::Signed => "signed",
        ContributorBasis::Claimed => "claimed, not proven",
        ContributorBasis::Asked => "asked for it",
    };
    match &contributor.person {
        Some(person) => format!("{person} ({known})"),
        None => format!("{} ({known}, not in the policy)", escape(&cut(&contributor.email, SUBJECT))),
    }
}

/// Where it goes and what the diff does not show: of each plan, even where several change the same.
pub fn notes(seen: &SeenPlan) -> String {
    let told = |(name, preview): &(String, Preview)| -> String {
        preview.notes.iter().map(|note| format!("  {name}: {note}\n")).collect()
    };
    let on_the_host = seen.on_the_host.iter().map(|note| format!("    {note}\n"));
    let mut out: String = seen.previews.iter().map(told).collect();
    if !seen.on_the_host.is_empty() {
        out += "  on the host, by the daemon's word (it cannot be checked from here):\n";
        out.extend(on_the_host);
    }
    out
}

/// What several plans may have in common: what happens to what, the commits, the gates and values, the diff. `notes` are those of
/// a plan that stands alone.
pub fn body(seen: &SeenPlan, output: Output, notes: &str) -> String {
    let mut out = items(seen, output) + notes;
    let commits = &seen.document.commits;
    for commit in commits.iter().take(COMMITS) {
        let subject = escape(&cut(&commit.subject, SUBJECT));
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  {} {}: {subject}", commit.id.short(), escape(&cut(&commit.author, SUBJECT)));
    }
    if commits.len() > COMMITS {
        let _ = writeln!(out, "  and {} before these", count(commits.len() - COMMITS, "commit"));
    }
    if seen.gates.is_empty() {
        out += "  gates: unchanged\n";
    }
    for gate in &seen.gates {
        let line = format!("  gates: {} is {} now, {} then\n", gate.setting, escape(&gate.old), escape(&gate.new));
        out += &output.paint(Tone::Waits, &line);
    }
    for line in seen.values.lines() {
        let _ = writeln!(out, "  {}", diff_line(line, output));
    }
    for (_, preview) in &seen.previews {
        if preview.diff.is_empty() && preview.summary.is_empty() {
            continue;
        }
        out.push('\n');
        let (diff, _) = cut_lines(&preview.diff, LONGEST_DIFF);
        for line in diff.lines() {
            let _ = writeln!(out, "  {}", diff_line(line, output));
        }
    }
    out
}

/// One line of a diff, coloured by its sign.
pub fn diff_line(line: &str, output: Output) -> String {
    match line.as_bytes().first() {
        Some(b'+') => output.paint(Tone::Good, line),
        Some(b'-') => output.paint(Tone::Bad, line),
        Some(b'@' | b'#') => output.paint(Tone::Faint, line),
        _ => line.to_owned(),
    }
}

/// `  - config: delete  legacy.conf`, one line for each service and action; deletions first, and never shortened.
fn items(seen: &SeenPlan, output: Output) -> String {
    let mut groups: Vec<(Action, &str, Vec<&str>)> = Vec::new();
    for (service, item) in seen.items() {
        match groups.iter_mut().find(|(action, name, _)| (*action, *name) == (item.action, service)) {
            Some((_, _, items)) => items.push(&item.item),
            None => groups.push((item.action, service, vec![&item.item])),
        }
    }
    let mut out = String::new();
    for (action, service, items) in groups {
        let (sign, verb, tone) = match action {
            Action::Destroy => ("-", "delete", Tone::Bad),
            Action::Create => ("+", "create", Tone::Good),
            Action::Update => ("~", "change", Tone::Waits),
            Action::None => (" ", "keep", Tone::Faint),
        };
        let lines: Vec<String> = items.chunks(ON_A_LINE).map(|line| line.join(", ")).collect();
        for line in lines {
            let line = format!("  {sign} {service}: {verb}  {line}");
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{}", output.paint(tone, &line));
        }
    }
    if !out.is_empty() {
        return out;
    }
    match (seen.values.is_empty(), seen.gates.is_empty()) {
        (false, _) => "  no file changes; values do, see below\n",
        (true, false) => "  no file changes; gates do, see below\n",
        (true, true) => "  nothing changes by the repository alone\n",
    }
    .to_owned()
}
