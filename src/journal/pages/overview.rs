//! The journal's top `README.md`: how many environments stand where, and which need somebody.

use std::collections::BTreeMap;

use super::draft::in_a_cell;
use super::environment::{holds, waits_for};
use super::environment_folder;
use super::statements::{rejected_by, suspended_by};
use super::words::{Blocks, colon, count, deployment, list, minute, problem, sentence, table};
use crate::digest::RepositoryId;
use crate::journal::{Layout, Status};
use crate::lifecycle::{Alarm, Phase, State};
use crate::model::EnvironmentName;
use crate::text::{cut, markdown_inline};

/// How many environments the page lists: it is written anew by nearly every entry.
const LISTED: usize = 50;
/// How much of a message a row shows, in characters.
const CELL: usize = 200;

/// What the page is made of. Kept from entry to entry: each status costs what one environment costs.
#[derive(Debug, Clone)]
pub struct Overview {
    repository: RepositoryId,
    branch: String,
    layout: Layout,
    policy: u64,
    phases: BTreeMap<EnvironmentName, Phase>,
    counts: BTreeMap<Phase, usize>,
    rows: BTreeMap<(Urgency, EnvironmentName), Row>,
    alarms: Vec<Alarm>,
    drafts: BTreeMap<EnvironmentName, Row>,
}

/// What comes first on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Urgency {
    Tampered,
    Failed,
    Invalid,
    AwaitingApproval,
    Rejected,
    Suspended,
    Approved,
    Deploying,
}

/// The line of a table, as it is shown: an environment's changes seldom, and the page is made for every entry.
type Row = String;

fn row(layout: Layout, name: &EnvironmentName, cells: &[&str]) -> Row {
    format!("| [{name}]({}/README.md) | {} |\n", environment_folder(layout, name), cells.join(" | "))
}

/// A plan's short name, as code.
fn named(plan: &str) -> String {
    if plan.is_empty() { String::new() } else { format!("`{plan}`") }
}

impl Overview {
    /// Of a repository, before any environment's status is added.
    pub fn new(state: &State) -> Self {
        let mut overview = Self {
            repository: state.repository,
            branch: state.start.branch.clone(),
            layout: state.start.layout,
            policy: 0,
            phases: BTreeMap::new(),
            counts: BTreeMap::new(),
            rows: BTreeMap::new(),
            alarms: state.alarms.clone(),
            drafts: BTreeMap::new(),
        };
        overview.set_governance(state);
        overview
    }

    /// Takes over which policy is in force.
    pub fn set_governance(&mut self, state: &State) {
        self.policy = state.policy.map_or(0, |policy| policy.version);
    }

    /// Takes over where an environment stands; one of which nothing is left (destroyed, or never there) is forgotten.
    /// The policy's own change is listed while there is one, and counts as no environment.
    pub fn set(&mut self, status: &Status) {
        let name = &status.environment;
        self.drafts.remove(name);
        if let Some((draft, plan)) = status.draft.as_ref().and_then(|draft| Some((draft, draft.plan.as_ref()?))) {
            let row = row(self.layout, name, &[&named(&plan.short), &in_a_cell(draft)]);
            self.drafts.insert(name.clone(), row);
        }
        if let Some(phase) = self.phases.remove(name) {
            if let Some(urgency) = urgency(phase) {
                self.rows.remove(&(urgency, name.clone()));
            }
            if let Some(count) = self.counts.get_mut(&phase).filter(|_| !name.is_governance()) {
                *count -= 1;
            }
        }
        let exists = status.applied.is_some_and(|applied| applied.revision.is_some());
        if status.phase == Phase::Synced && (!exists || name.is_governance()) {
            return;
        }
        self.phases.insert(name.clone(), status.phase);
        if !name.is_governance() {
            *self.counts.entry(status.phase).or_default() += 1;
        }
        if let Some(urgency) = urgency(status.phase) {
            let plan = status.plan.as_ref().map(|plan| plan.short.clone()).unwrap_or_default();
            let row = row(self.layout, name, &[&status.phase.to_string(), &named(&plan), &what(status)]);
            self.rows.insert((urgency, name.clone()), row);
        }
    }

    /// Takes over the last alarms.
    pub fn set_alarms(&mut self, state: &State) {
        self.alarms.clone_from(&state.alarms);
    }
}

fn urgency(phase: Phase) -> Option<Urgency> {
    Some(match phase {
        Phase::Synced => return None,
        Phase::Invalid => Urgency::Invalid,
        Phase::AwaitingApproval => Urgency::AwaitingApproval,
        Phase::Approved => Urgency::Approved,
        Phase::Deploying => Urgency::Deploying,
        Phase::Failed => Urgency::Failed,
        Phase::Rejected => Urgency::Rejected,
        Phase::Suspended => Urgency::Suspended,
        Phase::Tampered => Urgency::Tampered,
    })
}

/// What it waits for, in a table's cell.
fn what(status: &Status) -> String {
    match status.phase {
        Phase::Synced => String::new(),
        Phase::Invalid => {
            let first = status.problems.first().map(problem);
            let more = status.problems.len().saturating_sub(1);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            first.unwrap_or_default() + &more
        }
        Phase::AwaitingApproval => {
            let open: Vec<String> = status.waiting_on.iter().filter(|rule| rule.missing() > 0).map(waits_for).collect();
            list(&open, "and", 3)
        }
        Phase::Approved => status.hold.as_ref().map_or_else(|| "its deployment comes next".to_owned(), holds),
        Phase::Deploying => "is being applied".to_owned(),
        Phase::Failed => status.last.as_ref().map_or_else(String::new, |last| {
            let number = deployment(last.number, last.attempt);
            format!("deployment {number}, {} UTC{}", minute(last.time), colon(&cut(&last.message, CELL)))
        }),
        Phase::Rejected => format!("by {}", list(&rejected_by(status), "and", 5)),
        Phase::Suspended => format!("by {}", list(&suspended_by(status), "and", 5)),
        Phase::Tampered => "history was rewritten".to_owned(),
    }
}

/// The journal's top `README.md`.
pub fn root_page(overview: &Overview) -> String {
    let mut blocks = Blocks::default();
    let total = overview.counts.values().sum();
    let waiting = overview.rows.len();
    blocks.add(format!("# {}", count(total, "environment")));
    blocks.add(match (total, waiting) {
        (0, _) => "Nothing is applied yet, and nothing waits.".to_owned(),
        (_, 0) => "All are Synced; nothing waits.".to_owned(),
        (_, 1) => "1 needs somebody or is on its way; it is listed below.".to_owned(),
        (_, n) => format!("{n} need somebody or are on their way; they are listed below."),
    });
    let counts = overview.counts.iter().filter(|(_, n)| **n > 0);
    blocks.add(table(["phase", "environments"], counts.map(|(phase, n)| [phase.to_string(), n.to_string()])));
    blocks.add(listed(overview));
    blocks.add(drafts(overview));
    blocks.add(alarms(overview));
    blocks.add(further(overview));
    blocks.finish()
}

fn listed(overview: &Overview) -> String {
    let table = first_rows(&["environment", "phase", "plan", "what"], overview.rows.values());
    let more = overview.rows.len().saturating_sub(LISTED);
    let more = if more > 0 { format!("\nand {more} more: `countersign status`\n") } else { String::new() };
    if table.is_empty() { table } else { format!("## What waits or went wrong\n\n{table}{more}") }
}

/// What is not merged yet and can be approved already.
fn drafts(overview: &Overview) -> String {
    let table = first_rows(&["environment", "plan", "what"], overview.drafts.values());
    let more = overview.drafts.len().saturating_sub(LISTED);
    let more = if more > 0 { format!("\nand {more} more: `countersign pending`\n") } else { String::new() };
    if table.is_empty() { table } else { format!("## Drafts\n\n{table}{more}") }
}

/// A table of the first rows, or nothing where there is none.
fn first_rows<'r>(head: &[&str], rows: impl Iterator<Item = &'r Row>) -> String {
    let mut rows = rows.take(LISTED).peekable();
    if rows.peek().is_none() {
        return String::new();
    }
    let head = format!("| {} |\n|{}\n", head.join(" | "), " --- |".repeat(head.len()));
    rows.fold(head, |table, row| table + row)
}

fn alarms(overview: &Overview) -> String {
    let rows = overview.alarms.iter().map(|Alarm { time, environment, message }| {
        let environment = environment.as_ref().map(ToString::to_string).unwrap_or_default();
        [minute(*time), environment, sentence(&cut(message, CELL))]
    });
    let table = table(["when (UTC)", "environment", "what"], rows);
    if table.is_empty() { table } else { format!("## Last alarms\n\n{table}") }
}

fn further(overview: &Overview) -> String {
    let place = match overview.layout {
        Layout::Flat => "`environments/NAME/`".to_owned(),
        Layout::Sharded => {
            let digits = "`printf %s NAME | sha256sum | cut -c1-2`";
            format!("`environments/HH/NAME/`, where `HH` is what {digits} prints")
        }
    };
    format!(
        "## To look further\n\n\
         - `countersign status`: every environment; `countersign status NAME`: one\n\
         - `countersign pending --mine`: the plans you could act on\n\
         - each environment has its folder: {place}\n\
         - `countersign verify`: proves everything that was applied, from this repository alone\n\n\
         Repository `{}`, configuration on branch {}, policy {} in force. The daemon alone writes this branch; what others put on it is taken \
         off again.",
        overview.repository,
        markdown_inline(&overview.branch),
        overview.policy
    )
}
