//! The plans that something is to be said on, and what it would do.

use std::collections::BTreeMap;

use super::super::CliError;
use super::super::chain::Chain;
use super::super::journal::JournalTip;
use super::super::seen::SeenPlan;
use super::super::weigh::{Scales, rejected_by};
use super::Voice;
use crate::digest::PlanId;
use crate::journal::Status;
use crate::journal::pages::list;
use crate::lifecycle::WaitingOn;
use crate::model::statement::TRUNCATED;
use crate::model::{ApprovalVerdict, EnvironmentName, Glob, Permission};

/// How many of those on which it would not count are told in full.
const REFUSED: usize = 20;

/// One environment's plan that something is to be said on.
pub(super) struct Subject {
    pub(super) status: Status,
    pub(super) plan: PlanId,
    pub(super) seen: Option<SeenPlan>,
    pub(super) chain: Chain,
    /// What the statement would do.
    pub(super) gives: String,
    /// Whether it starts the deployment as well.
    pub(super) deploys: bool,
}

impl Voice<'_> {
    /// The plans that are meant and on which it would count; and of those that are meant, why it would not on the others.
    pub(super) fn subjects(&self, journal: &JournalTip<'_>) -> Result<(Vec<Subject>, Vec<CliError>), CliError> {
        let mut meant: BTreeMap<EnvironmentName, Status> = BTreeMap::new();
        for text in &self.saying.environments {
            if !text.contains('*') {
                let name = crate::cli::environment_name(text)?;
                let status = self.known(journal, &name)?;
                meant.insert(name, status);
                continue;
            }
            let bad = || CliError::failed(format!("`{text}` is no name or glob of environments"));
            let glob = Glob::parse(text).ok_or_else(bad)?;
            let all = journal.statuses()?.into_iter().filter(|status| glob.matches(&status.environment));
            let all = all.filter_map(|status| if self.saying.draft { status.as_if_merged() } else { Some(status) });
            let waiting = all.filter(|status| status.plan.is_some());
            meant.extend(waiting.map(|status| (status.environment.clone(), status)));
        }
        let (mut subjects, mut refused) = (Vec::new(), Vec::new());
        for status in meant.into_values() {
            match self.subject(journal, status) {
                Ok(subject) => subjects.push(subject),
                Err(error) if error.is_refusal() => refused.push(error),
                Err(error) => return Err(error),
            }
        }
        if subjects.is_empty() {
            let last = refused.pop().unwrap_or_else(|| {
                CliError::refused("no environment of these has a plan that waits")
                    .hint("countersign pending lists those")
            });
            refused.iter().for_each(CliError::print);
            return Err(last);
        }
        match (&self.saying.plan, subjects.as_slice(), refused.is_empty()) {
            (None, _, _) => {}
            (Some(wanted), [only], true) => check_plan(wanted, &only.status.environment, only.plan)?,
            (Some(_), _, _) => return Err(CliError::failed("--plan goes with one environment")),
        }
        // Told before anybody is asked: nothing is signed for these.
        refused.iter().take(REFUSED).for_each(CliError::print);
        if let Some(more) = refused.len().checked_sub(REFUSED).filter(|more| *more > 0) {
            CliError::refused(format!("and {more} more of these would not count"))
                .hint("`--output json` lists all of them as `refused`; countersign pending --mine: those that would")
                .print();
        }
        Ok((subjects, refused))
    }

    /// Where an environment stands, or would stand if its draft were merged now.
    pub(super) fn known(&self, journal: &JournalTip<'_>, name: &EnvironmentName) -> Result<Status, CliError> {
        if self.saying.draft { journal.known_draft(name) } else { journal.known(name) }
    }

    fn subject(&self, journal: &JournalTip<'_>, status: Status) -> Result<Subject, CliError> {
        let (chain, gives) = self.gives(journal, &status)?;
        let name = &status.environment;
        let plan = status.plan.as_ref().map(|plan| plan.digest);
        let plan = plan.ok_or_else(|| CliError::refused(format!("no plan of {name} waits")))?;
        let seen = match (SeenPlan::check(journal, self.clone.objects(), &status), self.verdict) {
            (Ok(seen), _) => Some(seen),
            (Err(error), ApprovalVerdict::Approve) => return Err(error),
            // A veto needs no proof of what it is against.
            (Err(error), _) => {
                error.print_as_note();
                None
            }
        };
        let (deploys, note) = self.deploys(journal, &status);
        let gives = gives + &self.carries_over(&status) + &note;
        Ok(Subject { plan, seen, chain, gives, deploys, status })
    }

    /// That it may count for what is pushed later.
    fn carries_over(&self, status: &Status) -> String {
        if self.verdict != ApprovalVerdict::Approve || status.carries_over.is_empty() {
            return String::new();
        }
        let names = list(&status.carries_over, "and", 10);
        format!(" It carries over to later changes (reapproveOnChange: false in ruleset {names}).")
    }

    /// Whether it starts the deployment as well, and what is to be said of that.
    fn deploys(&self, journal: &JournalTip<'_>, status: &Status) -> (bool, String) {
        let plain = |why: &str| (false, format!(" It starts nothing: {why}."));
        let missing: usize = status.waiting_on.iter().map(WaitingOn::missing).sum();
        let mine = |rule: &&WaitingOn| rule.missing() == 1 && rule.eligible.contains(&self.person.name);
        let completes = missing == status.waiting_on.iter().filter(mine).count();
        if !self.deploy {
            return (false, String::new());
        }
        if status.of_draft.is_some() {
            return plain("a draft is deployed by nobody before it is merged");
        }
        if !status.manual {
            return plain("the environment deploys by itself");
        }
        if !journal.governance.may(&self.person.name, Permission::Deploy, &status.environment) {
            return plain("you lack `deploy` there, so this is a plain approval");
        }
        if !completes {
            return plain("more is asked for than yours, so this is a plain approval");
        }
        (true, " It starts the deployment.".to_owned())
    }

    /// What it would do, or why it would not count.
    fn gives(&self, journal: &JournalTip<'_>, status: &Status) -> Result<(Chain, String), CliError> {
        if status.plan.is_none() {
            let name = &status.environment;
            if status.of_draft.is_some() {
                return Err(CliError::refused(format!("draft/{name} has no plan"))
                    .hint(format!("why, is told by: countersign status {name}")));
            }
            let drafted = status.draft.as_ref().is_some_and(|draft| draft.plan.is_some());
            let hint = if drafted {
                format!("its draft has one: countersign {} {name} --draft", self.verdict.name())
            } else {
                format!("countersign status {name}")
            };
            return Err(CliError::refused(format!("no plan of {name} waits: it is {}", status.phase)).hint(hint));
        }
        let person = &self.person.name;
        let chain = Chain::of(journal, self.clone.objects(), status, person)?;
        let acknowledges = self.acknowledge.iter().any(|what| what == TRUNCATED);
        let scales = Scales { status, governance: &journal.governance, person, chain, acknowledges };
        let gives = match self.verdict {
            ApprovalVerdict::Approve => scales.approval().map(|rules| {
                let met = |rule: &&WaitingOn| format!("{} {} of {}", rule.label(), rule.have.len() + 1, rule.required);
                let given: Vec<String> = rules.iter().map(met).collect();
                let is_mine = |rule: &&WaitingOn| rules.iter().any(|mine| mine == rule);
                let others = status.waiting_on.iter().filter(|rule| rule.missing() > 0 && !is_mine(rule));
                let others: Vec<String> = others.map(WaitingOn::label).collect();
                let more = rules.iter().map(|rule| rule.missing() - 1).max().unwrap_or_default();
                let rest = match (others.len(), more) {
                    (0, 0) => "nothing else is asked for".to_owned(),
                    (0, 1) => "one more is needed".to_owned(),
                    (0, more) => format!("{more} more are needed"),
                    (1, _) => format!("{} still waits", others.concat()),
                    _ => format!("{} still wait", list(&others, "and", 10)),
                };
                format!("This gives {}; {rest}.", list(&given, "and", 10))
            }),
            ApprovalVerdict::Reject => scales
                .rejection()
                .map(|()| "This stops the plan until you take it back or another change is pushed.".to_owned()),
            ApprovalVerdict::Withdraw => scales.withdrawal().map(|stands| match stands {
                ApprovalVerdict::Reject => {
                    let others: Vec<_> = rejected_by(status).into_iter().filter(|by| *by != person).collect();
                    let rest = if others.is_empty() {
                        "the plan waits for approvals again".to_owned()
                    } else {
                        format!("{} rejected it too", list(&others, "and", 10))
                    };
                    format!("This takes back your rejection; {rest}.")
                }
                _ => "This takes back your approval.".to_owned(),
            }),
        };
        gives.map(|gives| (chain, gives)).map_err(|objection| objection.into_error(status, self.verdict))
    }
}

/// Whether the plan of an environment is the one that was meant: its digest, or the beginning of it.
pub fn check_plan(wanted: &str, name: &EnvironmentName, plan: PlanId) -> Result<(), CliError> {
    let digits = wanted.strip_prefix("sha256:").unwrap_or(wanted);
    let is_digest = (4..=64).contains(&digits.len()) && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !is_digest {
        return Err(CliError::failed(format!("--plan: `{wanted}` is no beginning of a plan's digest"))
            .hint("at least 4 of its hex digits, as status and plan.md show them"));
    }
    if plan.0.to_hex().starts_with(digits) {
        return Ok(());
    }
    Err(CliError::refused(format!("{name} waits with plan {}, not with {wanted}", plan.short()))
        .hint(format!("look at the one that waits: countersign diff {name}")))
}
