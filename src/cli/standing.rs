//! Where an environment stands, in the words that `status` and `pending` share.

use jiff::Timestamp;

use super::Output;
use super::output::Tone;
use super::run::tone;
use super::weigh::rejected_by;
use crate::journal::pages::{deployment, list, minute};
use crate::journal::{DraftStatus, NoPlan, OutcomeResult, Status};
use crate::lifecycle::{Phase, WaitingOn};
use crate::model::PersonName;
use crate::policy::HOW_TO_SIGN;
use crate::reconcile::corrected;
use crate::text::escape;

/// How many names a line holds.
const NAMES: usize = 5;

/// `7`, `7.2`, `destroyed by 7` or `nothing applied yet`.
pub fn applied(status: &Status) -> String {
    let Some(base) = &status.applied else { return "nothing applied yet".to_owned() };
    let last = status.last.as_ref().filter(|last| last.number == base.number && last.result == OutcomeResult::Applied);
    let number = deployment(base.number, last.map_or(1, |last| last.attempt));
    if base.revision.is_some() { number } else { format!("destroyed by {number}") }
}

/// One line without name and phase: what is applied, what waits, since when.
pub fn in_a_line(status: &Status, now: Timestamp) -> String {
    let applied = applied(status);
    let plan = status.plan.as_ref().map(|plan| format!("plan {}  {}", plan.short, plan.kind.name()));
    match (status.phase, plan) {
        (Phase::Invalid, _) => {
            let first = status.problems.first().map(|problem| escape(&problem.to_string())).unwrap_or_default();
            let more = status.problems.len().saturating_sub(1);
            let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
            let applied = if status.applied.is_some() { format!("holds at {applied}") } else { applied };
            format!("{applied}: {first}{more}")
        }
        (Phase::Failed, _) => {
            let last = status.last.as_ref();
            let why = last.map(|last| format!("{}: {}", deployment(last.number, last.attempt), escape(&last.message)));
            format!("{applied}  {}", why.unwrap_or_default())
        }
        (_, Some(plan)) => {
            let since = status.plan.as_ref().map(|plan| age(plan.since, now)).unwrap_or_default();
            format!("{applied} ← {plan}  {since}")
        }
        (_, None) => corrected(status).map_or(applied, |corrected| escape(&corrected)),
    }
}

/// The lines below it: each rule that is asked for, with what it has and who could give what is missing.
pub fn rules(status: &Status, output: Output) -> Vec<String> {
    let width = status.waiting_on.iter().map(|rule| rule.label().len()).max().unwrap_or_default();
    let row = |rule: &WaitingOn| {
        let count = format!("{} of {}", rule.have.len(), rule.required);
        let have: Vec<String> =
            rule.have.iter().map(|person| output.paint(Tone::Good, &format!("{person} ✓"))).collect();
        let have = if have.is_empty() { String::new() } else { format!("  {}", have.join(" ")) };
        let waits = match (rule.missing(), rule.satisfiable) {
            (0, _) => String::new(),
            (_, true) => format!("  waits for {}", list(&rule.eligible, "or", NAMES)),
            (_, false) => format!("  {}", output.paint(Tone::Bad, &unmeetable(rule))),
        };
        format!("{:width$}  {count}{have}{waits}", rule.label())
    };
    status.waiting_on.iter().map(row).collect()
}

fn unmeetable(rule: &WaitingOn) -> String {
    if !rule.unsigned.is_empty() {
        let commits: Vec<String> = rule.unsigned.iter().take(NAMES).map(ToString::to_string).collect();
        return format!("{}; {HOW_TO_SIGN}", commits.join(", "));
    }
    let why: Vec<String> =
        rule.excluded.iter().take(NAMES).map(|one| format!("{} {}", one.person, escape(&one.why))).collect();
    let why = if why.is_empty() { "it names nobody".to_owned() } else { why.join(", ") };
    if rule.eligible.is_empty() {
        format!("nobody can meet this: {why}")
    } else {
        format!("{} missing, and only {} could: {why}", rule.missing(), list(&rule.eligible, "and", NAMES))
    }
}

/// What it waits for and who can, in one sentence.
pub fn sentence(status: &Status) -> String {
    let name = &status.environment;
    match status.phase {
        Phase::Synced if name.is_governance() => format!("policy {} is in force", status.policy),
        Phase::Invalid if name.is_governance() => {
            format!("policy {} stays in force; the change to it on the branch cannot be used", status.policy)
        }
        Phase::Synced => match &status.applied {
            Some(base) if base.revision.is_none() => "destroyed; nothing waits".to_owned(),
            Some(_) => {
                let corrected =
                    corrected(status).map_or_else(String::new, |corrected| format!("; {}", escape(&corrected)));
                format!("deployment {} is what is desired; nothing waits{corrected}", applied(status))
            }
            None => "nothing was ever applied, and nothing waits".to_owned(),
        },
        Phase::Invalid => "the configuration cannot be used; what was applied stays until a fix is pushed".to_owned(),
        Phase::AwaitingApproval => {
            let open: Vec<String> = status.waiting_on.iter().filter(|rule| rule.missing() > 0).map(waits_for).collect();
            format!("waits for {}", list(&open, "and", usize::MAX))
        }
        Phase::Approved if status.hold.is_some() => {
            let hold = status.hold.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("everything that is asked for is there; {hold}")
        }
        Phase::Approved => "everything that is asked for is there; the deployment comes next".to_owned(),
        Phase::Deploying => "is being deployed".to_owned(),
        Phase::Failed if status.plan.is_none() => {
            "drift could not be corrected; it is tried again when the host is looked at next".to_owned()
        }
        Phase::Failed => "the deployment failed; it is tried again as long as it is what was approved".to_owned(),
        Phase::Rejected => {
            let by = list(&rejected_by(status), "and", NAMES);
            format!(
                "rejected by {by}; goes on with `countersign withdraw {name}` by {by}, `countersign reopen {name}`, or \
                 another push"
            )
        }
        Phase::Suspended => {
            let suspended = status.suspended.iter();
            let by: Vec<&PersonName> = suspended.clone().flat_map(|s| &s.by).map(|one| &one.by).collect();
            let can: Vec<&PersonName> = suspended.flat_map(|s| &s.eligible).collect();
            let can = if can.is_empty() { "nobody".to_owned() } else { list(&can, "or", NAMES) };
            let by = list(&by, "and", NAMES);
            format!("suspended by {by}; goes on with `countersign resume {name}` by {can}")
        }
        Phase::Tampered => "the history of the repository was rewritten; nothing is applied".to_owned(),
    }
}

/// What a draft would do, and what it lacks, in one sentence.
pub fn draft_sentence(draft: &DraftStatus) -> String {
    if draft.plan.is_none() {
        return match draft.no_plan {
            Some(NoPlan::Same | NoPlan::Gone) => "it changes nothing that is not desired already",
            Some(NoPlan::InForce) => "merged now, it would desire what is in force",
            Some(NoPlan::WithoutEffect) => "merged now, it would have no effect and be recorded without approval",
            Some(NoPlan::Problems) => "it cannot be planned; nothing else is held up by that",
            None => "it is planned anew when the daemon looks next",
        }
        .to_owned();
    }
    match draft.phase {
        Phase::Approved => "everything that is asked for is there; it waits to be merged".to_owned(),
        Phase::Rejected => {
            "somebody rejected its plan; goes on when they take that back, or with another change".to_owned()
        }
        _ => {
            let open: Vec<String> = draft.waiting_on.iter().filter(|rule| rule.missing() > 0).map(waits_for).collect();
            format!("not merged; waits for {}", list(&open, "and", usize::MAX))
        }
    }
}

fn waits_for(rule: &WaitingOn) -> String {
    if let Some(commit) = rule.unsigned.first() {
        return format!("a signature ({commit})");
    }
    let who =
        if rule.satisfiable { list(&rule.eligible, "or", NAMES) } else { "somebody who cannot be had".to_owned() };
    format!("{who} ({} {} of {})", rule.label(), rule.have.len(), rule.required)
}

/// The phase, in its colour, padded to a width.
pub fn phase(status: &Status, output: Output, width: usize) -> String {
    output.paint(tone(status.phase), &format!("{:width$}", status.phase))
}

/// `41 s`, `5 min`, `2 h`, `3 d`; a date beyond a month.
pub fn age(time: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(time.as_second()).max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        172_800..2_678_400 => format!("{} d", seconds / 86_400),
        _ => format!("since {} UTC", minute(time)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_one_unit() {
        let told = |seconds: i64| {
            let time = Timestamp::from_second(1_700_000_000).unwrap();
            age(time, Timestamp::from_second(1_700_000_000 + seconds).unwrap())
        };
        let all: Vec<String> = [-5, 0, 119, 120, 7_199, 7_200, 172_800, 9_999_999].into_iter().map(told).collect();
        assert_eq!(all, ["0 s", "0 s", "119 s", "2 min", "119 min", "2 h", "2 d", "since 2023-11-14 22:13 UTC"]);
    }
}
