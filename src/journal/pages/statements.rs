//! What was said on a plan, what of it counts, and why the rest does not.

use super::words::colon;
use crate::journal::{Judged, Status};
use crate::lifecycle::EnvironmentState;
use crate::model::ApprovalVerdict;
use crate::policy::StatementView;
use crate::text::{cut, markdown_inline};

/// How many statements are listed, the newest ones.
const LISTED: usize = 30;
/// How much of a reason is shown, in characters.
const REASON: usize = 300;

/// Everything said on the plan, each with whether it counts.
pub(super) fn said_so_far(status: &Status, env: &EnvironmentState) -> String {
    let all = &status.statements;
    let older = all.len().saturating_sub(LISTED);
    let mut lines: String = all.iter().skip(older).map(|view| line(view, judged(env, view))).collect();
    if older > 0 {
        lines += &format!("- and {older} before these, in [status.yaml](status.yaml)\n");
    }
    if lines.is_empty() { lines } else { format!("## Said so far\n\n{lines}") }
}

/// Whose rejection counts.
pub(super) fn rejected_by(status: &Status) -> Vec<String> {
    let rejects = |view: &&StatementView| view.counted && view.verdict == Some(ApprovalVerdict::Reject);
    status.statements.iter().filter(rejects).map(StatementView::who).collect()
}

/// Whose suspensions stand, each person once.
pub(super) fn suspended_by(status: &Status) -> Vec<String> {
    let mut people: Vec<String> = Vec::new();
    for one in status.suspended.iter().flat_map(|suspension| &suspension.by) {
        if !people.contains(&one.by.to_string()) {
            people.push(one.by.to_string());
        }
    }
    people
}

/// What counts and why comes before anything its maker wrote, so that no reason can pass for our words.
fn line(view: &StatementView, judged: Option<&Judged>) -> String {
    let who = format!("{}{}", view.who(), view.whence());
    let what = match (view.counted, view.verdict) {
        (true, Some(ApprovalVerdict::Approve)) => format!("{who} approved{}", colon(&view.why)),
        (true, Some(ApprovalVerdict::Reject)) => format!("{who} rejected the plan"),
        (true, Some(ApprovalVerdict::Withdraw)) => format!("{who} took back what they had said"),
        (true, None) => match &view.request {
            Some(action) => format!("{who} asked to {action}{}", colon(&view.why)),
            None => format!("{who}{}", colon(&view.why)),
        },
        (false, verdict) => {
            let noun = match verdict {
                Some(ApprovalVerdict::Approve) if view.carried_from.is_some() => "an earlier approval",
                Some(ApprovalVerdict::Approve) => "an approval",
                Some(ApprovalVerdict::Reject) => "a rejection",
                Some(ApprovalVerdict::Withdraw) => "a withdrawal",
                None => match &view.request {
                    Some(action) => &format!("a request to {action}"),
                    None => "a statement",
                },
            };
            format!("{noun} by {who} **does not count**{}", why_not(view))
        }
    };
    let reason = judged.map(|judged| cut(&judged.reason, REASON)).filter(|reason| !reason.is_empty());
    let reason = reason.map_or_else(String::new, |reason| format!("  - reason given: {}\n", markdown_inline(&reason)));
    format!("- {what}\n{reason}")
}

/// Why a statement does not count; the command that would is code.
fn why_not(view: &StatementView) -> String {
    let why = colon(&view.why);
    if view.hint.is_empty() { why } else { format!("{why}; what would count: {}", markdown_inline(&view.hint)) }
}

fn judged<'a>(env: &'a EnvironmentState, view: &StatementView) -> Option<&'a Judged> {
    let waiting = env.current_plan();
    let deploying = env.deployment.as_ref().map(|deployment| &deployment.plan);
    let plans = waiting.into_iter().chain(deploying).chain(env.plans.iter()).chain(env.draft_plan());
    let on_plan = plans.flat_map(|plan| plan.statements.iter().chain(&plan.deploys).map(|(_, judged)| judged));
    let earlier = env.earlier.iter().flat_map(|plan| plan.statements.iter().map(|(_, judged)| judged));
    let wish = env.redeploy.as_deref().map(|(_, judged)| judged);
    on_plan.chain(earlier).chain(wish).chain(&env.refused).find(|judged| judged.digest == view.digest)
}
