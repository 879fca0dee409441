//! `environments/<env>/README.md`: where an environment stands, what it waits for, and what its reader can do.

use super::statements::{rejected_by, said_so_far, suspended_by};
use super::words::{self, Blocks, colon, command, deployment, list, minute, purpose, sentence, table};
use crate::journal::{OutcomeResult, ReadyWord, ServiceResult, StartedBy, Status, Suspender, drift_in_words};
use crate::lifecycle::{
    Correcting, Corrections, Deployment, EnvironmentState, HistoryRow, Phase, State, WaitingOn, merge_command,
};
use crate::model::PersonName;
use crate::policy::{Because, Exclusion, HOW_TO_SIGN, Hold, Unsigned};
use crate::text::{cut, markdown_inline};

/// How many names one cell or sentence holds.
const NAMES: usize = 20;
/// How many problems are listed.
const PROBLEMS: usize = 50;
/// How much of a message or reason a table shows, in characters.
const CELL: usize = 200;

/// The page of one environment. `status` is the one made of `state` and `env`.
pub fn environment_page(state: &State, status: &Status, env: &EnvironmentState) -> String {
    let mut blocks = Blocks::default();
    blocks.add(format!("# {}: {}", status.environment, status.phase));
    blocks.add(stands(status, env));
    blocks.add(last_one(status));
    blocks.add(details(status, env));
    blocks.add(to_resume(status));
    let waits = matches!(status.phase, Phase::AwaitingApproval | Phase::Approved | Phase::Rejected);
    if waits || status.phase == Phase::Suspended && env.current.is_some() {
        blocks.add(rules(status));
        blocks.add(words::carries_over(&status.carries_over));
        blocks.add(said_so_far(status, env));
        blocks.add(what_to_do(state, status));
    } else {
        blocks.add(said_so_far(status, env));
    }
    blocks.add(super::draft::draft_section(state, status, env));
    blocks.add(history(env));
    blocks.finish()
}

/// One sentence: what it waits for, or why it does not.
fn stands(status: &Status, env: &EnvironmentState) -> String {
    let plan = status.plan.as_ref().map(|plan| {
        let link = format!("[{}](plan.md)", plan.short);
        format!("Plan {link} ({})", purpose(plan.kind, status.applied))
    });
    let plan = plan.unwrap_or_else(|| "The plan".to_owned());
    let since = status.plan.as_ref().map(|plan| format!(", published {} UTC,", minute(plan.since))).unwrap_or_default();
    match status.phase {
        Phase::Synced if status.environment.is_governance() => {
            format!("Policy {} is in force. Nothing waits.", status.policy)
        }
        Phase::Synced => synced(env),
        Phase::Invalid => {
            let commit = env.invalid.as_ref().map(|(_, commit)| commit.short()).unwrap_or_default();
            let holds = if status.environment.is_governance() {
                format!("policy {} stays in force", status.policy)
            } else {
                holds_at(env)
            };
            format!("The configuration in commit `{commit}` cannot be used; {holds} until a fix is pushed.")
        }
        Phase::AwaitingApproval => {
            let open: Vec<String> = status.waiting_on.iter().filter(|rule| rule.missing() > 0).map(waits_for).collect();
            format!("{plan}{since} waits for {}.", list(&open, "and", usize::MAX))
        }
        Phase::Approved => match &status.hold {
            None => format!("{plan} has everything that is asked for; its deployment comes next."),
            Some(hold) => format!("{plan} has everything that is asked for; {}.", holds(hold)),
        },
        Phase::Deploying => match (&env.correcting, env.running()) {
            (Some(correcting), _) => being_corrected(correcting),
            (None, running) => running.map(|running| deploying(status, running)).unwrap_or_default(),
        },
        Phase::Failed => match &env.deployment {
            Some(failed) => failed_sentence(status, failed),
            None => not_corrected(env),
        },
        Phase::Rejected => format!(
            "{plan} was rejected by {}. It stays, and nothing is planned anew, until the rejection is taken back or \
             another change is pushed.",
            list(&rejected_by(status), "and", NAMES)
        ),
        Phase::Suspended => suspended(status),
        Phase::Tampered => "The history of this repository was rewritten. Nothing is applied until an operator \
             accepts it: `countersign run --accept-history BRANCH@COMMIT`."
            .to_owned(),
    }
}

/// What an approved plan waits for.
pub(super) fn holds(hold: &Hold) -> String {
    let who =
        |people: &[PersonName]| if people.is_empty() { "**nobody**".to_owned() } else { list(people, "or", NAMES) };
    match hold {
        Hold::Suspended { by } => format!("suspended by {}", list(by, "and", NAMES)),
        Hold::Closed { by } => format!("closed by {by}"),
        Hold::Lapsed { by } => format!("but {by}, who asked for it, no longer may; it can only be closed"),
        Hold::Person { eligible } => format!("{} can deploy it", who(eligible)),
        Hold::Time { at, by } => format!("{by} has it deployed at {} UTC", minute(*at)),
        Hold::Window { windows, eligible } => {
            let windows: Vec<String> = windows.iter().map(|window| window.replace('`', "")).collect();
            let windows: Vec<String> = windows.iter().map(|window| format!("`{window}`")).collect();
            format!(
                "it goes out when its windows allow it ({}); {} can override them",
                list(&windows, "and", NAMES),
                who(eligible)
            )
        }
    }
}

fn suspended(status: &Status) -> String {
    let at = match &status.applied {
        _ if status.environment.is_governance() => format!(" Policy {} stays in force.", status.policy),
        Some(base) if base.revision.is_some() => format!(" It stays at deployment {}.", base.number),
        _ => " Nothing is applied.".to_owned(),
    };
    let by = list(&suspended_by(status), "and", NAMES);
    let plan = status.plan.as_ref().map_or_else(String::new, |plan| {
        let link = format!("[{}](plan.md)", plan.short);
        format!(" Plan {link} ({}) can be approved meanwhile.", purpose(plan.kind, status.applied))
    });
    format!("Suspended by {by}: nothing is deployed until somebody resumes it.{at}{plan}")
}

/// The reasons given for a suspension, and the command that ends it.
fn to_resume(status: &Status) -> String {
    let Some(suspended) = &status.suspended else { return String::new() };
    let why = |one: &Suspender| format!("- {}: {}\n", one.by, markdown_inline(&cut(&one.reason, CELL)));
    let why: String = suspended.by.iter().filter(|one| !one.reason.is_empty()).map(why).collect();
    let who = match suspended.eligible.as_slice() {
        [] => "**nobody holds `suspend` here**".to_owned(),
        people => list(people, "or", NAMES),
    };
    let resume = command(&format!("countersign resume {}", status.environment));
    format!("## To resume\n\n{why}{}By {who}:\n\n{resume}", if why.is_empty() { "" } else { "\n" })
}

fn synced(env: &EnvironmentState) -> String {
    let recorded = env.recorded.map_or_else(String::new, |(_, commit)| {
        format!(" What commit `{}` changed has no effect and was recorded without approval.", commit.short())
    });
    match &env.applied {
        Some(applied) if applied.revision.is_some() => {
            let attempt = deployment(applied.number, applied.attempt);
            let corrected = corrections(env);
            let applied = minute(applied.time);
            format!("Synced at deployment {attempt}, applied {applied} UTC. Nothing waits.{recorded}{corrected}")
        }
        Some(applied) => {
            format!("Destroyed by deployment {} at {} UTC. Nothing waits.", applied.number, minute(applied.time))
        }
        None => "Nothing was ever applied, and nothing waits.".to_owned(),
    }
}

fn being_corrected(correcting: &Correcting) -> String {
    let claim = &correcting.claim;
    let found = sentence(&drift_in_words(claim.drift.as_deref().unwrap_or_default()));
    let number = deployment(claim.number, claim.attempt);
    format!("Deployment {number} corrects {found}, since {} UTC.", minute(correcting.claimed))
}

fn not_corrected(env: &EnvironmentState) -> String {
    let Some(applied) = &env.applied else { return String::new() };
    let Corrections { last, failed, found, damped, .. } = &applied.corrections;
    let number = deployment(applied.number, *last);
    let found = sentence(&drift_in_words(found));
    let why = colon(failed.as_deref().unwrap_or_default());
    let again = damped.not_before().map(|at| format!(" It is tried again, not before {} UTC.", minute(at)));
    format!("Deployment {number} was to correct {found}, and did not{why}.{}", again.unwrap_or_default())
}

/// How often drift was corrected, and when it may be again.
fn corrections(env: &EnvironmentState) -> String {
    let Some(applied) = env.applied.as_ref().filter(|applied| applied.corrections.times > 0) else {
        return String::new();
    };
    let Corrections { times, found, damped, .. } = &applied.corrections;
    let often = if *times == 1 { "once".to_owned() } else { format!("{times} times") };
    let next = damped.not_before().map(|at| format!(", and is not before {} UTC again", minute(at)));
    format!(" Drift was corrected {often}, last {}{}.", sentence(&drift_in_words(found)), next.unwrap_or_default())
}

fn holds_at(env: &EnvironmentState) -> String {
    match &env.applied {
        Some(applied) if applied.revision.is_some() => {
            format!("what deployment {} applied stays as it is", applied.number)
        }
        _ => "nothing is applied".to_owned(),
    }
}

/// `bob or carol (production/platform, 1 of 2)`.
pub(super) fn waits_for(rule: &WaitingOn) -> String {
    let has = format!("{} of {}", rule.have.len(), rule.required);
    let label = rule.label();
    if !rule.unsigned.is_empty() {
        return format!("{label}, which **cannot be met**");
    }
    match rule.missing() {
        _ if !rule.satisfiable => format!("{label} ({has}), which **cannot be met**"),
        0 | 1 => format!("{} ({label}, {has})", list(&rule.eligible, "or", 5)),
        missing => format!("{missing} of {} ({label}, {has})", list(&rule.eligible, "and", 5)),
    }
}

fn deploying(status: &Status, running: &Deployment) -> String {
    let claim = &running.claim;
    let number = deployment(claim.number, claim.attempt);
    let met: Vec<PersonName> = approvers(claim.met.iter().flat_map(|met| &met.statements).map(|(_, by)| by));
    let by = if met.is_empty() {
        "no approval was asked for".to_owned()
    } else {
        format!("approved by {}", list(&met, "and", NAMES))
    };
    let plan = &running.plan;
    let by = by + &started_by(claim.started.as_ref());
    format!(
        "Deployment {number} ({}, plan [{}](plan.md)) is being applied since {} UTC; {by}.",
        purpose(plan.kind, status.applied),
        plan.id.short(),
        minute(running.claimed)
    )
}

fn failed_sentence(status: &Status, failed: &Deployment) -> String {
    let claim = &failed.claim;
    let number = deployment(claim.number, claim.attempt);
    let (when, why) = match &failed.failed {
        Some((time, _, message)) => (format!(" at {} UTC", minute(*time)), colon(message)),
        None => (String::new(), String::new()),
    };
    let plan = &failed.plan;
    let purpose = purpose(plan.kind, status.applied);
    format!("Deployment {number} ({purpose}, plan [{}](plan.md)) failed{when}{why}", plan.id.short())
}

/// How the last deployment ended, where the sentence above does not say so and it did not end well.
fn last_one(status: &Status) -> String {
    let Some(last) = &status.last else { return String::new() };
    let number = deployment(last.number, last.attempt);
    let how = match last.result {
        _ if matches!(status.phase, Phase::Failed | Phase::Deploying) => return String::new(),
        OutcomeResult::Applied => return String::new(),
        OutcomeResult::Failed => "failed",
        OutcomeResult::Abandoned => "was abandoned before anything was done",
        OutcomeResult::Unknown => "ended and it is **not known what it did**; a new plan needs new approvals",
    };
    format!("Deployment {number} {how} ({} UTC){}", minute(last.time), colon(&last.message))
}

/// What is wrong, service by service or problem by problem.
fn details(status: &Status, env: &EnvironmentState) -> String {
    match status.phase {
        Phase::Invalid => {
            let shown = status.problems.iter().take(PROBLEMS);
            let mut lines: String = shown.map(|problem| format!("- {}\n", words::problem(problem))).collect();
            if status.problems.len() > PROBLEMS {
                lines += &format!("- and {} more: `countersign validate`\n", status.problems.len() - PROBLEMS);
            }
            let rests = status.plan.as_ref().map_or_else(String::new, |plan| {
                format!("\nPlan [{}](plan.md), published before, cannot be applied meanwhile.\n", plan.short)
            });
            lines + &rests
        }
        Phase::Failed => env.deployment.as_ref().map(|failed| what_was_done(status, failed)).unwrap_or_default(),
        _ => String::new(),
    }
}

fn what_was_done(status: &Status, failed: &Deployment) -> String {
    let services = failed.failed.as_ref().map(|(_, services, _)| services.as_slice()).unwrap_or_default();
    let row = |service: &crate::journal::ServiceOutcome| {
        let done = match service.result {
            ServiceResult::Done => "done, as the plan says",
            ServiceResult::Failed => "**failed**",
            ServiceResult::Untouched => "not touched",
            ServiceResult::Unknown => "**not known**",
        };
        [service.name.to_string(), done.to_owned(), sentence(&cut(&service.message, CELL))]
    };
    let table = table(["service", "what was done", "what happened"], services.iter().map(row));
    let stop = format!("countersign reject {} --plan {}", status.environment, failed.plan.id.short());
    format!(
        "{table}\nIt is tried again with the same approvals as long as what is still to be done is exactly what was \
         approved; otherwise there is a new plan, which waits for new ones. To change it, push a fix. To stop it:\n\n{}",
        command(&stop)
    )
}

pub(super) fn rules(status: &Status) -> String {
    let row = |rule: &WaitingOn| {
        let who = match (rule.missing(), rule.satisfiable) {
            (0, _) => "met".to_owned(),
            (_, true) => list(&rule.eligible, "or", NAMES),
            _ if !rule.unsigned.is_empty() => "**no approval is enough**".to_owned(),
            (_, false) if rule.eligible.is_empty() => "**nobody can meet this rule**".to_owned(),
            (missing, false) => {
                let there = list(&rule.eligible, "and", NAMES);
                format!("**cannot be met**: {missing} missing, only {there} could")
            }
        };
        [
            format!("{}{}", rule.label(), because(rule.because)),
            if rule.have.is_empty() { "nobody".to_owned() } else { list(&rule.have, "and", NAMES) },
            rule.required.to_string(),
            who,
        ]
    };
    let table = table(["rule", "has", "needs", "who can"], status.waiting_on.iter().map(row));
    let unmet = status.waiting_on.iter().any(|rule| !rule.satisfiable && rule.missing() > 0);
    let unmet =
        if unmet { "\nA rule that nobody can meet stays so until the policy or the change is altered.\n" } else { "" };
    let blocks = [table + unmet, excluded(&status.waiting_on), unsigned(&status.waiting_on)];
    blocks.into_iter().filter(|block| !block.is_empty()).collect::<Vec<_>>().join("\n")
}

fn because(because: Because) -> &'static str {
    match because {
        Because::Both | Because::Policy => "",
        Because::Leaves => " (settings in force)",
        Because::Enters => " (new settings)",
        Because::Minimum => " (policy's minimum)",
    }
}

/// The commits that had to be signed and are not, and what helps.
fn unsigned(rules: &[WaitingOn]) -> String {
    let Some(rule) = rules.iter().find(|rule| !rule.unsigned.is_empty()) else { return String::new() };
    let line = |commit: &Unsigned| {
        format!("- commit `{}` by {} {}\n", commit.commit.short(), sentence(&commit.by), sentence(&commit.why))
    };
    let lines: String = rule.unsigned.iter().take(NAMES).map(line).collect();
    let more = rule.unsigned.len().saturating_sub(NAMES);
    let more = if more > 0 { format!("- and {more} more, in [status.yaml](status.yaml)\n") } else { String::new() };
    format!("{lines}{more}\nSo no approval is enough: {HOW_TO_SIGN}.\n")
}

/// Whom rules name but who cannot approve, each reason once.
fn excluded(rules: &[WaitingOn]) -> String {
    let mut rows: Vec<(&Exclusion, Vec<String>)> = Vec::new();
    for rule in rules.iter().filter(|rule| rule.missing() > 0) {
        for exclusion in &rule.excluded {
            match rows.iter_mut().find(|(known, _)| *known == exclusion) {
                Some((_, labels)) => labels.push(rule.label()),
                None => rows.push((exclusion, vec![rule.label()])),
            }
        }
    }
    let lines: String = rows
        .iter()
        .take(NAMES)
        .map(|(exclusion, labels)| {
            let labels = list(labels, "and", 3);
            format!("- {} cannot approve for {labels}{}\n", exclusion.person, colon(&exclusion.why))
        })
        .collect();
    let more = rows.len().saturating_sub(NAMES);
    if more > 0 { lines + &format!("- and {more} more, in [status.yaml](status.yaml)\n") } else { lines }
}

/// What a reader can do, each with the commands to copy.
pub(super) fn what_to_do(state: &State, status: &Status) -> String {
    let Some(plan) = &status.plan else { return String::new() };
    let by_tool = |word: ReadyWord, more: &str| {
        let (word, deploy) = match word {
            ReadyWord::ApproveAndDeploy => (ReadyWord::Approve, " --deploy"),
            word => (word, ""),
        };
        command(&format!("countersign {} {} --plan {}{deploy}{more}", word.name(), status.named(), plan.short))
    };
    let by_merge = |word: ReadyWord| {
        let branch = status.branches.get(word.name())?;
        Some(command(&merge_command(branch)))
    };
    let clone = format!("in a clone, on branch {}", markdown_inline(&state.start.branch));
    let two_ways = |word: ReadyWord| match by_merge(word) {
        Some(merge) => format!("With git alone, {clone}:\n\n{merge}\nor with the tool:\n\n{}", by_tool(word, "")),
        None => by_tool(word, ""),
    };
    let (of_it, file) = if status.of_draft.is_some() { (" the draft", "draft") } else { ("", "plan") };
    let mut blocks = Blocks::default();
    let unmet = status.waiting_on.iter().any(|rule| rule.missing() > 0);
    if status.phase == Phase::AwaitingApproval || status.phase == Phase::Suspended && unmet {
        blocks.add(format!(
            "## To approve{of_it}\n\nRead the [plan]({file}.md) first, or its [diff]({file}.diff) alone."
        ));
        if plan.truncated {
            blocks.add("Its preview is cut, so no branch is there to be merged: approving takes a signed record that acknowledges this.");
            blocks.add(by_tool(ReadyWord::Approve, " --acknowledge truncated"));
        } else {
            if by_merge(ReadyWord::Approve).is_none() {
                blocks.add("No branch is there to be merged for this plan; the tool makes a signed record.");
            }
            blocks.add(two_ways(ReadyWord::Approve));
            if status.manual && status.of_draft.is_none() {
                blocks.add("## To approve and deploy");
                blocks.add(
                    "For who may deploy as well, and gives the last approval; otherwise it is a plain one, and somebody \
                     has to deploy.",
                );
                blocks.add(two_ways(ReadyWord::ApproveAndDeploy));
            }
        }
    }
    if status.phase == Phase::Rejected {
        let go_on = if status.of_draft.is_some() { "## To go on with the draft" } else { "## To go on" };
        blocks.add(format!("{go_on}\n\nWho rejected the plan takes that back:"));
        blocks.add(by_tool(ReadyWord::Withdraw, ""));
        if status.of_draft.is_some() {
            blocks.add("or somebody changes the draft, which makes a new plan.");
            return blocks.finish();
        }
        blocks.add("or somebody who may deploy has it planned anew, with a reason:");
        blocks.add(command(&format!("countersign reopen {} -m REASON", status.environment)));
        blocks.add("or somebody pushes another change, which makes a new plan.");
        return blocks.finish();
    }
    if status.phase == Phase::Approved && status.of_draft.is_none() {
        match &status.hold {
            Some(Hold::Person { .. } | Hold::Time { .. }) => {
                blocks.add("## To deploy");
                blocks.add(two_ways(ReadyWord::Deploy));
            }
            Some(Hold::Window { .. }) => {
                blocks.add("## To deploy outside the windows");
                blocks.add(by_tool(ReadyWord::Deploy, " --override-window -m REASON"));
            }
            _ => {}
        }
    }
    blocks.add(format!("## To reject{of_it}"));
    blocks.add(two_ways(ReadyWord::Reject));
    if by_merge(ReadyWord::Withdraw).is_some() {
        blocks.add(format!("## To withdraw an approval{}", of_it.replace(" the", " of the")));
        blocks.add(two_ways(ReadyWord::Withdraw));
    }
    blocks.finish()
}

/// `, started by carol **although no window was open**`.
fn started_by(started: Option<&StartedBy>) -> String {
    started.map_or_else(String::new, |started| {
        let window = if started.overrides_window { " **although no window was open**" } else { "" };
        format!(", started by {}{window}", started.by)
    })
}

fn approvers<'a>(people: impl Iterator<Item = &'a PersonName>) -> Vec<PersonName> {
    let mut unique: Vec<PersonName> = Vec::new();
    for person in people {
        if !unique.contains(person) {
            unique.push(person.clone());
        }
    }
    unique
}

fn history(env: &EnvironmentState) -> String {
    let rows = env.history.iter().map(|row| {
        let number = deployment(row.number, row.attempt);
        // An abandoned claim consumes no number: its folder is the one of the deployment that takes it.
        let number = match row.result {
            OutcomeResult::Abandoned => number,
            _ => format!("[{number}](history/{}/deployment.yaml)", row.number),
        };
        let by = approvers(row.met.iter().flat_map(|met| &met.statements).map(|(_, by)| by));
        let by = if row.corrects {
            "nobody is asked".to_owned()
        } else if by.is_empty() {
            "not asked for".to_owned()
        } else {
            list(&by, "and", NAMES)
        };
        let by = by + &started_by(row.started.as_ref());
        [number, minute(row.ended), row.kind.name().to_owned(), by, reasons(row), outcome(row)]
    });
    let table = table(["deployment", "when (UTC)", "kind", "approved by", "why", "outcome"], rows);
    if table.is_empty() { table } else { format!("## Deployments\n\n{table}") }
}

fn reasons(row: &HistoryRow) -> String {
    let said = row.reasons.iter().filter(|(_, why)| !why.is_empty());
    let said: Vec<String> = said.map(|(who, why)| format!("{who}: {}", markdown_inline(&cut(why, CELL)))).collect();
    said.join("; ")
}

fn outcome(row: &HistoryRow) -> String {
    let word = match row.result {
        OutcomeResult::Applied => "applied",
        OutcomeResult::Failed => "failed",
        OutcomeResult::Abandoned => "abandoned",
        OutcomeResult::Unknown => "not known",
    };
    format!("{word}{}", colon(&cut(&row.message, CELL)))
}
