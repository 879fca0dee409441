//! `countersign status`: where environments stand, what they wait for, and who could give it.

use std::process::ExitCode;

use serde::Serialize;

use super::clone::ConfigClone;
use super::journal::JournalTip;
use super::life::SignOfLife;
use super::me::who_am_i;
use super::output::Tone;
use super::pending::waits_for_somebody;
use super::standing::{draft_sentence, in_a_line, phase, rules, sentence};
use super::{CliError, Global, Outcome, Output, environment_name};
use crate::journal::Status;
use crate::journal::pages::{count, deployment, list, minute, purpose, said};
use crate::lifecycle::{Phase, WaitingOn, merge_command};
use crate::model::{EnvironmentName, Person, PersonName};
use crate::policy::StatementView;
use crate::reconcile::{Clock as _, SystemClock};
use crate::text::escape;

/// The exit code that says the daemon seems to be gone.
const STALE: u8 = 3;

/// From so many in a row on that wait for the same, it is said once.
const ALIKE: usize = 4;

/// How many problems are listed.
const PROBLEMS: usize = 50;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  countersign status\n  countersign status acme-prod\n  countersign status governance\n  countersign --output json status acme-prod | jq .waitingOn\n\nWith --output json: one status document for ENV, else a list of them; `daemon` says when it was seen.\nExit code 0: it was read; 2: it could not be; with --exit-code 3: the daemon seems to be gone, or what it wrote is kept back."
)]
pub struct Arguments {
    /// The environment, or `governance`; all of them if left out
    #[arg(value_name = "ENV")]
    environment: Option<String>,
    /// Exit with 3 when the daemon gave no sign of life for too long
    #[arg(long)]
    exit_code: bool,
}

pub fn main(global: &Global, arguments: &Arguments) -> Outcome {
    let name = arguments.environment.as_deref().map(environment_name).transpose()?;
    let output = Output::of(global);
    let clone = ConfigClone::find(global)?;
    let (tips, heartbeat) = clone.fetch_with(Some(SignOfLife::wanted()))?;
    let journal = JournalTip::open(&clone, tips)?;
    let life = SignOfLife::read(&clone, &journal, heartbeat, SystemClock.now())?;
    match name {
        Some(name) => one(global, output, &clone, &journal, &name, &life)?,
        None => all(output, &journal, &life)?,
    }
    Ok(if arguments.exit_code && life.stale { ExitCode::from(STALE) } else { ExitCode::SUCCESS })
}

/// A status with whether the daemon is there.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    status: &'a Status,
    daemon: &'a SignOfLife,
}

fn all(output: Output, journal: &JournalTip<'_>, life: &SignOfLife) -> Result<(), CliError> {
    let statuses = journal.statuses()?;
    let environments = statuses.iter().filter(|status| !status.environment.is_governance()).count();
    if output.is_json() {
        return output.json(&statuses.iter().map(|status| Told { status, daemon: life }).collect::<Vec<_>>());
    }
    let drafts = |status: &Status| status.as_if_merged().filter(|view| view.phase != Phase::Synced);
    let rows: Vec<Status> =
        statuses.iter().flat_map(|status| std::iter::once(status.clone()).chain(drafts(status))).collect();
    output.text(&table(&rows, output))?;
    for (time, words) in journal.decided()? {
        output.text(&format!("{}: {} ({})\n", output.paint(Tone::Bad, "alarm"), escape(&words), minute(time)))?;
    }
    let waiting = statuses.iter().filter(|status| waits_for_somebody(status)).count();
    let told = match (environments, waiting) {
        (0, _) => "no environment yet".to_owned(),
        (_, 0) => format!("{}, none waits for anybody", count(environments, "environment")),
        (_, 1) => format!("1 of {environments} waits for someone · `countersign pending --mine` shows yours"),
        _ => format!("{waiting} of {environments} wait for someone · `countersign pending --mine` shows yours"),
    };
    output.text(&format!("{told} · {}\n", life.in_words(output, SystemClock.now())))
}

/// A line for each environment, and below it the rules it waits for.
pub fn table(statuses: &[Status], output: Output) -> String {
    let now = SystemClock.now();
    let width = statuses.iter().map(|status| status.named().len()).max().unwrap_or_default();
    let phases = statuses.iter().map(|status| status.phase.to_string().len()).max().unwrap_or_default();
    let mut text = String::new();
    let below = |status: &Status| match status.phase {
        Phase::AwaitingApproval | Phase::Rejected => {
            let mut lines = rules(status, output);
            lines.extend(said_in_vain(status, output));
            lines
        }
        Phase::Approved if status.of_draft.is_none() => status.hold.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    };
    // Where many in a row wait for the same, it is said once.
    for same in statuses.chunk_by(|a, b| a.phase == b.phase && below(a) == below(b)) {
        let rules = same.first().map(below).unwrap_or_default();
        let once = same.len() >= ALIKE && !rules.is_empty();
        for status in same {
            let line = in_a_line(status, now);
            text += &format!("{:width$}  {}  {line}\n", status.named(), phase(status, output, phases));
            if !once {
                text.extend(rules.iter().map(|rule| format!("{:width$}  {rule}\n", "")));
            }
        }
        if once {
            text += &format!("{:width$}  each of these {}:\n", "", same.len());
            text.extend(rules.iter().map(|rule| format!("{:width$}  {rule}\n", "")));
        }
    }
    text
}

/// Who said something in a way that does not count, where another would: they may think that they are done.
fn said_in_vain(status: &Status, output: Output) -> Option<String> {
    let has_said =
        |by: &Option<PersonName>| by.is_some() && status.statements.iter().any(|view| view.counted && view.by == *by);
    let in_vain = |view: &&StatementView| !view.counted && !view.hint.is_empty() && !has_said(&view.by);
    let said: Vec<String> = status
        .statements
        .iter()
        .filter(in_vain)
        .map(|view| format!("{} {}{}", view.who(), verb(view), view.whence()))
        .collect();
    let (mark, name) = (output.paint(Tone::Bad, "✗"), &status.environment);
    let what = "in a way that does not count";
    let told = format!("{mark} {}, {what}: `countersign status {name}` says what would", list(&said, "and", 3));
    (!said.is_empty()).then_some(told)
}

fn one(
    global: &Global,
    output: Output,
    clone: &ConfigClone,
    journal: &JournalTip<'_>,
    name: &EnvironmentName,
    life: &SignOfLife,
) -> Result<(), CliError> {
    let status = journal.known(name)?;
    if output.is_json() {
        return output.json(&Told { status: &status, daemon: life });
    }
    let me = who_am_i(global, clone, None, &journal.governance)?;
    let told = [
        format!("{} {}: {}\n", output.paint(Tone::Strong, name.as_str()), phase(&status, output, 0), sentence(&status)),
        what(&status),
        rules(&status, output).into_iter().map(|rule| format!("  {rule}\n")).collect(),
        carries_over(&status),
        problems(&status, output),
        status.statements.iter().map(|view| statement(view, output)).collect(),
        suspended(&status),
        yours(&status, me),
        commands(&status, clone),
        draft(&status, clone, output, me),
        format!("policy {} · {}\n", status.policy, life.in_words(output, SystemClock.now())),
    ];
    output.text(&told.concat())
}

/// The draft: what it would do if it were merged now, and what can be said on it.
fn draft(status: &Status, clone: &ConfigClone, output: Output, me: Option<&Person>) -> String {
    let (Some(draft), Some(view)) = (&status.draft, status.as_if_merged()) else { return String::new() };
    let view = Status { last: None, ..view };
    let title = output.paint(Tone::Strong, &draft.branch);
    [
        format!("{title} ({}) {}: {}\n", draft.commit.short(), phase(&view, output, 0), draft_sentence(draft)),
        what(&view),
        rules(&view, output).into_iter().map(|rule| format!("  {rule}\n")).collect(),
        problems(&view, output),
        view.statements.iter().map(|view| statement(view, output)).collect(),
        yours(&view, me),
        commands(&view, clone),
    ]
    .concat()
}

/// What the plan is and how the last deployment ended.
fn what(status: &Status) -> String {
    let mut lines = String::new();
    if let Some(plan) = &status.plan {
        let cut = if plan.truncated { "; its preview is cut" } else { "" };
        lines += &format!(
            "  plan {} · {} · since {} UTC{cut}\n",
            plan.short,
            purpose(plan.kind, status.applied),
            minute(plan.since)
        );
    }
    if let Some(last) = &status.last {
        let how = match last.result {
            crate::journal::OutcomeResult::Applied => "was applied",
            crate::journal::OutcomeResult::Failed => "failed",
            crate::journal::OutcomeResult::Abandoned => "was abandoned before anything was done",
            crate::journal::OutcomeResult::Unknown => "ended, it is not known how",
        };
        let why = if last.message.is_empty() { String::new() } else { format!(": {}", escape(&last.message)) };
        let number = deployment(last.number, last.attempt);
        lines += &format!("  deployment {number} {how} {} UTC{why}\n", minute(last.time));
    }
    lines
}

fn carries_over(status: &Status) -> String {
    if status.carries_over.is_empty() {
        return String::new();
    }
    let names = list(&status.carries_over, "and", 10);
    format!("  approvals carry over to later changes: reapproveOnChange: false in ruleset {names}\n")
}

fn problems(status: &Status, output: Output) -> String {
    let shown = status.problems.iter().take(PROBLEMS).map(|problem| escape(&problem.to_string()));
    let mut lines: String = shown.map(|problem| format!("  {}\n", output.paint(Tone::Bad, &problem))).collect();
    if status.problems.len() > PROBLEMS {
        lines += &format!("  and {} more: countersign validate\n", status.problems.len() - PROBLEMS);
    }
    lines
}

/// What somebody did by a statement.
fn verb(view: &StatementView) -> String {
    let asked = view.request.as_ref().map(|action| format!("asked to {action}"));
    asked.unwrap_or_else(|| view.verdict.map_or("said something", said).to_owned())
}

/// Who said what; where it does not count, why, and what would.
fn statement(view: &StatementView, output: Output) -> String {
    let (by, verb) = (view.who(), verb(view));
    let (why, whence) = (escape(&view.why), view.whence());
    // What counts and why comes before anything its maker wrote, so that no reason can pass for our words.
    let given = match escape(&view.reason) {
        none if none.is_empty() => none,
        given => format!("    reason given: {given}\n"),
    };
    if view.counted {
        return format!("  {} {by} {verb}{whence}: {why}\n{given}", output.paint(Tone::Good, "✓"));
    }
    let hint = match escape(&view.hint) {
        none if none.is_empty() => none,
        hint => format!("    what would count: {hint}\n"),
    };
    format!("  {} {by} {verb}{whence}, which does not count: {why}\n{hint}{given}", output.paint(Tone::Bad, "✗"))
}

/// Why nothing is deployed, in the words of those who saw to it.
fn suspended(status: &Status) -> String {
    let line = |one: &crate::journal::Suspender| {
        let why = if one.reason.is_empty() { String::new() } else { format!(": {}", escape(&one.reason)) };
        format!("  suspended by {}{why}\n", one.by)
    };
    status.suspended.iter().flat_map(|suspension| &suspension.by).map(line).collect()
}

/// Whether whoever reads this can do something about it.
fn yours(status: &Status, me: Option<&Person>) -> String {
    let Some(me) = me.filter(|_| status.phase == Phase::AwaitingApproval) else { return String::new() };
    // Whoever approves what is not signed gives nothing.
    if status.waiting_on.iter().any(|rule| !rule.unsigned.is_empty()) {
        return String::new();
    }
    let could = |rule: &&WaitingOn| rule.missing() > 0 && rule.eligible.contains(&me.name);
    let labels: Vec<String> = status.waiting_on.iter().filter(could).map(WaitingOn::label).collect();
    if labels.is_empty() { String::new() } else { format!("  you can give {}\n", list(&labels, "and", 10)) }
}

/// The commands that would do something now.
fn commands(status: &Status, clone: &ConfigClone) -> String {
    let name = &status.named();
    let Some(plan) = &status.plan else {
        let is_suspended = status.phase == Phase::Suspended;
        return if is_suspended { format!("  {:<8} countersign resume {name}\n", "resume") } else { String::new() };
    };
    let merge = |verdict: &str| {
        let branch = status.branches.get(verdict)?;
        Some(merge_command(branch).replace(" fetch origin ", &format!(" fetch {} ", clone.remote)))
    };
    let tool = |verdict: &str, more: &str| format!("countersign {verdict} {name} --plan {}{more}", plan.short);
    let mut lines = String::new();
    let mut add = |title: &str, command: String| lines += &format!("  {title:<8} {command}\n");
    let waits = status.waiting_on.iter().any(|rule| rule.missing() > 0);
    if status.phase == Phase::Suspended {
        add("resume", format!("countersign resume {name}"));
    }
    match status.phase {
        Phase::Suspended if !waits => add("reject", tool("reject", "")),
        Phase::AwaitingApproval | Phase::Suspended => {
            let more = if plan.truncated { " --acknowledge truncated" } else { "" };
            add("look", format!("countersign diff {name}"));
            add("approve", tool("approve", more));
            if let Some(merge) = merge("approve") {
                add("or", merge);
            }
            if status.manual {
                add("both", tool("approve", &format!(" --deploy{more}")));
                if let Some(merge) = merge("approve-and-deploy") {
                    add("or", merge);
                }
            }
            add("reject", tool("reject", ""));
            if let Some(merge) = merge("reject") {
                add("or", merge);
            }
        }
        Phase::Rejected => {
            add("withdraw", tool("withdraw", ""));
            if status.of_draft.is_none() {
                add("reopen", format!("countersign reopen {name} -m REASON"));
            }
        }
        Phase::Approved if status.hold.is_some() => {
            let more = match &status.hold {
                Some(crate::policy::Hold::Window { .. }) => " --override-window -m REASON",
                _ => "",
            };
            add("deploy", format!("countersign deploy {name}{more}"));
            if let Some(merge) = merge("deploy").filter(|_| more.is_empty()) {
                add("or", merge);
            }
            add("reject", tool("reject", ""));
        }
        Phase::Approved | Phase::Deploying | Phase::Failed => add("reject", tool("reject", "")),
        Phase::Synced | Phase::Invalid | Phase::Tampered => {}
    }
    lines
}
