//! The messages of the journal's commits: what `git log` shows.

use std::collections::{BTreeMap, BTreeSet};

use super::words::{count, deployment, list, said};
use crate::journal::{Admission, Claim, Event, Judged, NoPlan, OutcomeResult, drift_in_words};
use crate::lifecycle::{accepted_in_words, pinned_in_words};
use crate::model::{ApprovalVerdict, EnvironmentName, Problem};
use crate::text::{cut, escape, is_safe};

/// The longest subject, in characters.
const SUBJECT: usize = 100;
/// How many events the body lists.
const LISTED: usize = 50;
/// The longest line of the body, in characters.
const LINE: usize = 200;

/// The message of the journal commit that holds these events, in this order.
pub fn commit_message(events: &[Event]) -> String {
    let mut lines: Vec<String> = events.iter().take(LISTED).map(line).collect();
    if events.len() > LISTED {
        lines.push(format!("and {}", count(events.len() - LISTED, "more event")));
    }
    let body = if lines.is_empty() { String::new() } else { lines.join("\n") + "\n\n" };
    format!("{}\n\n{body}[skip ci]\n", cut(&subject(events), SUBJECT))
}

fn subject(events: &[Event]) -> String {
    let mut of: BTreeMap<&EnvironmentName, Vec<&Event>> = BTreeMap::new();
    let mut global = Vec::new();
    for event in events {
        match event.environment() {
            Some(name) => of.entry(name).or_default().push(event),
            None => global.push(told(event)),
        }
    }
    let mut parts = global;
    match of.iter().next() {
        Some((name, events)) if of.len() == 1 => {
            let first = events.iter().rev().max_by_key(|event| weight(event));
            parts.extend(first.map(|event| format!("{name}: {}", told(event))));
        }
        Some(_) => parts.push(format!("{} environments: {}", of.len(), counted(events))),
        None => {}
    }
    if parts.is_empty() { "nothing happened".to_owned() } else { parts.join("; ") }
}

/// What a subject names first where several things happened to one environment.
fn weight(event: &Event) -> u8 {
    match event {
        Event::Started { .. }
        | Event::PolicyAdmitted { .. }
        | Event::HistoryAccepted { .. }
        | Event::PolicyPinned { .. } => 10,
        Event::Alarm { .. } => 9,
        Event::Outcome { .. } => 8,
        Event::Claimed(_) => 7,
        Event::Invalid { problems, .. } if !problems.is_empty() => 6,
        Event::Planned { .. } => 5,
        Event::Statement(judged) if judged.admitted == Admission::Admitted => match judged.verdict {
            Some(ApprovalVerdict::Reject) => 4,
            // What ends a plan or stops everything says more than the plan that comes of it.
            None if judged.request.is_some() => 6,
            _ => 3,
        },
        Event::AsApplied { .. } => 3,
        Event::Statement(_) => 2,
        Event::Superseded { .. } | Event::Recorded { .. } | Event::Invalid { .. } => 1,
        Event::DraftPlanned { .. } => 3,
        Event::DraftUnplanned { .. } => 1,
        Event::Ready(_) => 0,
    }
}

/// `9 plans, 3 deployments`.
fn counted(events: &[Event]) -> String {
    let many = |is: &dyn Fn(&Event) -> bool| events.iter().filter(|event| is(event)).count();
    let deployments: BTreeSet<(&EnvironmentName, u64)> = events
        .iter()
        .filter_map(|event| match event {
            Event::Claimed(claim) => Some((&claim.environment, claim.number)),
            Event::Outcome { environment, number, .. } => Some((environment, *number)),
            _ => None,
        })
        .collect();
    let counts = [
        (many(&|event| matches!(event, Event::Alarm { .. })), "alarm"),
        (many(&|event| matches!(event, Event::Planned { .. })), "plan"),
        (many(&|event| matches!(event, Event::DraftPlanned { .. })), "draft plan"),
        (many(&|event| matches!(event, Event::Statement(_))), "statement"),
        (deployments.len(), "deployment"),
        (
            many(&|event| matches!(event, Event::Invalid { problems, .. } if !problems.is_empty())),
            "configuration problem",
        ),
    ];
    let parts: Vec<String> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, noun)| count(*n, noun)).collect();
    if parts.is_empty() { count(events.len(), "event") } else { parts.join(", ") }
}

fn line(event: &Event) -> String {
    let line = match event.environment() {
        Some(name) => format!("{name}: {}", told(event)),
        None => told(event),
    };
    cut(&line, LINE)
}

/// One event in a few words, on one line, safe to show.
pub(crate) fn told(event: &Event) -> String {
    match event {
        Event::Started { branch, .. } => format!("the journal of branch {} begins", harmless(branch)),
        Event::PolicyAdmitted { version, .. } => format!("policy {version} is in force"),
        Event::HistoryAccepted { branch, old, new } => harmless(&accepted_in_words(branch, *old, *new)),
        Event::PolicyPinned { version, revision, .. } => harmless(&pinned_in_words(*version, *revision)),
        Event::Statement(judged) => statement(judged),
        Event::Planned { plan, .. } => format!("plan {} waits for approval", plan.short()),
        Event::Superseded { plans, round, .. } if plans.is_empty() => format!("round {round} begins"),
        Event::Superseded { plans, .. } => {
            let names: Vec<String> = plans.iter().map(|plan| plan.short()).collect();
            format!("plan {} is superseded", list(&names, "and", 3))
        }
        Event::Recorded { commit, .. } => format!("a change without effect is recorded ({})", commit.short()),
        Event::Invalid { problems, .. } if problems.is_empty() => "valid again".to_owned(),
        Event::Invalid { problems, .. } => format!("invalid: {}", first(problems)),
        Event::DraftPlanned { plan, .. } => format!("plan {} of the draft waits for approval", plan.short()),
        Event::DraftUnplanned { why, problems, .. } => match why {
            NoPlan::Gone => "the draft is gone".to_owned(),
            NoPlan::Same => "the draft changes nothing".to_owned(),
            NoPlan::InForce => "the draft is what is in force".to_owned(),
            NoPlan::WithoutEffect => "the draft has no effect".to_owned(),
            NoPlan::Problems => format!("the draft cannot be planned: {}", first(problems)),
        },
        Event::Ready(ready) => {
            format!("a branch to {} {} is made", ready.says.name(), ready.plan.short())
        }
        Event::AsApplied { .. } => "the host is as it was applied again".to_owned(),
        Event::Claimed(Claim { drift: Some(found), number, attempt, .. }) => {
            format!("deployment {} corrects {}", deployment(*number, *attempt), drift_in_words(found))
        }
        Event::Claimed(claim) => {
            let by = claim.started.as_ref().map_or_else(String::new, |started| {
                let window = if started.overrides_window { " although no window was open" } else { "" };
                format!(", started by {}{window}", started.by)
            });
            format!("deployment {} of {} begins{by}", deployment(claim.number, claim.attempt), claim.plan.short())
        }
        Event::Outcome { number, attempt, result, message, .. } => {
            let how = match result {
                OutcomeResult::Applied => "applied",
                OutcomeResult::Failed => "failed",
                OutcomeResult::Abandoned => "abandoned",
                OutcomeResult::Unknown => "ended, outcome not known",
            };
            format!("deployment {} {how}{}", deployment(*number, *attempt), because(message))
        }
        Event::Alarm { message, .. } => format!("alarm{}", because(message)),
    }
}

fn statement(judged: &Judged) -> String {
    let who = judged.by.as_ref().map_or_else(|| "somebody".to_owned(), ToString::to_string);
    let plan = judged.plan.map(|plan| format!(" {}", plan.short())).unwrap_or_default();
    let what = match (judged.verdict, &judged.request) {
        (Some(verdict), _) => said(verdict).to_owned(),
        (None, Some(action)) => format!("asked to {}", action.name()),
        (None, None) if judged.plan.is_some() => "said something unreadable on".to_owned(),
        (None, None) => "said something unreadable".to_owned(),
    };
    match &judged.admitted {
        Admission::Admitted if judged.deploy => match &judged.plain {
            None => format!("{who} {what}{plan}, to be deployed"),
            Some(why) => format!("{who} {what}{plan}, which starts nothing{}", because(why)),
        },
        Admission::Admitted => format!("{who} {what}{plan}"),
        Admission::Powerless { why } => format!("{who} {what}{plan}, without effect{}", because(why)),
        Admission::Refused { why, .. } => format!("{who} {what}{plan}, which does not count{}", because(why)),
    }
}

fn first(problems: &[Problem]) -> String {
    let first = problems.first().map(|problem| harmless(&problem.to_string())).unwrap_or_default();
    match problems.len() {
        0 | 1 => first,
        n => format!("{first} (and {} more)", n - 1),
    }
}

fn because(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(": {}", harmless(why)) }
}

/// Text that may come from the repository, so that a forge makes no mention, link or reference of it in its list of
/// commits: there is no markup to escape it with, so a space goes after what would begin one.
fn harmless(text: &str) -> String {
    let escaped = if is_safe(text) { text.to_owned() } else { escape(text) };
    let mut out = String::new();
    for (at, c) in escaped.char_indices() {
        out.push(c);
        let rest = &escaped[at + c.len_utf8()..];
        let begins = match c {
            '@' | '#' | '!' | '$' | '%' | '~' => rest.starts_with(|next: char| next.is_alphanumeric() || next == '"'),
            ':' => rest.starts_with("//"),
            _ => false,
        };
        if begins {
            out.push(' ');
        }
    }
    out
}
