//! What one person said on a plan so far, judged or not yet: each statement names the one before it.

use super::CliError;
use super::journal::JournalTip;
use crate::digest::StatementId;
use crate::evidence::signature::verify;
use crate::evidence::statements::STATEMENT_NAMESPACE;
use crate::journal::Status;
use crate::model::{Approval, ApprovalVerdict, Governance, Maker, PersonName, RequestAction, Statement};
use crate::object::{Mode, Objects, Oid, changed_paths, entry_at};
use crate::policy::{Admitted, StatementView};
use crate::revision::resolve::below;

/// The end of a person's chain on a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Chain {
    /// Their last statement: the next one names it.
    pub last: Option<StatementId>,
    /// What of it stands: an approval or a rejection that was not taken back.
    pub stands: Option<ApprovalVerdict>,
    /// Whether the last one was not judged by the daemon yet.
    pub is_new: bool,
}

impl Chain {
    /// A person's chain on the plan that a status speaks of.
    ///
    /// # Errors
    /// Where the records on the branches cannot be read.
    pub fn of(
        journal: &JournalTip<'_>,
        objects: &dyn Objects,
        status: &Status,
        person: &PersonName,
    ) -> Result<Self, CliError> {
        let mut chain = Self::default();
        let theirs = |view: &&StatementView| view.by.as_ref() == Some(person);
        for view in status.statements.iter().filter(theirs) {
            // Not on this plan: it is named by nothing that is said here, but can be taken back here.
            if view.carried_from.is_some() {
                chain.stands = view.verdict;
                continue;
            }
            let stands = match (view.admitted, view.verdict) {
                (Admitted::Refused, _) => continue,
                (Admitted::Powerless, _) => chain.stands,
                (Admitted::Admitted, Some(ApprovalVerdict::Withdraw)) => None,
                (Admitted::Admitted, verdict) => verdict,
            };
            chain = Self { last: Some(view.digest), stands, is_new: false };
        }
        let known = |digest: &StatementId| status.statements.iter().any(|view| view.digest == *digest);
        let mut unjudged: Vec<(StatementId, Option<StatementId>, ApprovalVerdict)> = Vec::new();
        for approval in records(journal, objects, status)? {
            let Maker::Signed { by, previous, .. } = &approval.maker else { continue };
            let digest = approval.digest();
            if by == person && !known(&digest) && is_theirs(&journal.governance, &approval, person) {
                unjudged.push((digest, *previous, approval.verdict));
            }
        }
        while let Some(at) = unjudged.iter().position(|(_, previous, _)| *previous == chain.last) {
            let (digest, _, verdict) = unjudged.swap_remove(at);
            let stands = (verdict != ApprovalVerdict::Withdraw).then_some(verdict);
            chain = Self { last: Some(digest), stands, is_new: true };
        }
        Ok(chain)
    }
}

/// The end of a person's chain in an environment, which their next request names: their last statement that the journal
/// knows, and what they said since.
///
/// # Errors
/// Where the records on the branches cannot be read.
pub fn last_word(
    journal: &JournalTip<'_>,
    objects: &dyn Objects,
    status: &Status,
    person: &PersonName,
) -> Result<Option<StatementId>, CliError> {
    let mut last = status.last_statements.get(person).copied();
    let theirs = |view: &&StatementView| view.by.as_ref() == Some(person) && view.admitted != Admitted::Refused;
    let is_on_plan = |view: &&StatementView| view.verdict.is_some() && view.carried_from.is_none();
    let mut on_plan = status.statements.iter().filter(theirs).rfind(is_on_plan).map(|view| view.digest);
    let mut new = unseen(journal, objects, status, person)?;
    // As they will be judged: what takes effect in any case first, then link by link.
    let is_veto = |statement: &Statement| match statement {
        Statement::Approval(approval) => approval.verdict == ApprovalVerdict::Reject,
        Statement::Request(request) => matches!(request.action, RequestAction::Suspend { .. }),
    };
    loop {
        let next = new.iter().position(|statement| match statement {
            _ if is_veto(statement) => true,
            Statement::Approval(approval) => previous(&approval.maker) == Some(on_plan),
            Statement::Request(request) => previous(&request.maker) == Some(last),
        });
        let Some(at) = next else { return Ok(last) };
        let statement = new.remove(at);
        last = Some(statement.digest());
        if matches!(statement, Statement::Approval(_)) {
            on_plan = last;
        }
    }
}

fn previous(maker: &Maker) -> Option<Option<StatementId>> {
    match maker {
        Maker::Signed { previous, .. } => Some(*previous),
        Maker::ReadyMade { .. } => None,
    }
}

/// A person's records about an environment that are on the branches and were not there when the daemon looked last.
fn unseen(
    journal: &JournalTip<'_>,
    objects: &dyn Objects,
    status: &Status,
    person: &PersonName,
) -> Result<Vec<Statement>, CliError> {
    let name = &status.environment;
    let plan = status.plan.as_ref().map(|plan| format!("approvals/{name}/{}", plan.short));
    let mut found: Vec<Statement> = Vec::new();
    let pairs = [
        (Some(journal.tips().config), Some(journal.looked_at())),
        (journal.tips().records, journal.looked_at_records()),
    ];
    for (tip, seen) in pairs {
        let Some(tip) = tip.filter(|tip| Some(*tip) != seen) else { continue };
        let old = match seen {
            Some(seen) => Some(objects.commit(seen)?.tree),
            None => None,
        };
        for folder in plan.iter().cloned().chain([format!("requests/{name}")]) {
            let folder = below(&journal.tips().root, &folder);
            for change in changed_paths(objects, old, Some(objects.commit(tip)?.tree), &folder)? {
                let Some(entry) = change.new.filter(|entry| matches!(entry.mode, Mode::File | Mode::Executable)) else {
                    continue;
                };
                let Ok(statement) = Statement::read(&change.path, &objects.blob(entry.id)?) else { continue };
                let here = statement.environment() == name && statement.repository() == status.repository;
                if here && is_made_by(&journal.governance, &statement, person) && !found.contains(&statement) {
                    found.push(statement);
                }
            }
        }
    }
    Ok(found)
}

fn is_made_by(governance: &Governance, statement: &Statement, person: &PersonName) -> bool {
    let Maker::Signed { by, signature, .. } = statement.maker() else { return false };
    let Ok(key) = verify(signature, STATEMENT_NAMESPACE, &statement.signed_bytes()) else { return false };
    by == person && governance.person_with_key(&key).is_some_and(|(holder, _)| holder.name == *person)
}

/// The statements on a plan that lie on the config branch and on the records branch.
fn records(journal: &JournalTip<'_>, objects: &dyn Objects, status: &Status) -> Result<Vec<Approval>, CliError> {
    let Some(plan) = &status.plan else { return Ok(Vec::new()) };
    let folder = below(&journal.tips().root, &format!("approvals/{}/{}", status.environment, plan.short));
    let tips: Vec<Oid> = [Some(journal.tips().config), journal.tips().records].into_iter().flatten().collect();
    let mut found = Vec::new();
    for tip in tips {
        let tree = objects.commit(tip)?.tree;
        let Some(folder) = entry_at(objects, tree, &folder)?.filter(|entry| entry.mode == Mode::Tree) else { continue };
        for (name, entry) in objects.tree(folder.id)?.entries {
            if !matches!(entry.mode, Mode::File | Mode::Executable) || !name.ends_with(".yaml") {
                continue;
            }
            // One that cannot be read counts for nothing, here as there.
            if let Ok(Statement::Approval(approval)) = Statement::read(&name, &objects.blob(entry.id)?)
                && approval.plan == plan.digest
                && approval.repository == status.repository
                && !found.contains(&approval)
            {
                found.push(approval);
            }
        }
    }
    Ok(found)
}

fn is_theirs(governance: &Governance, approval: &Approval, person: &PersonName) -> bool {
    let Maker::Signed { signature, .. } = &approval.maker else { return false };
    let Ok(key) = verify(signature, STATEMENT_NAMESPACE, &approval.signed_bytes()) else { return false };
    governance.person_with_key(&key).is_some_and(|(holder, _)| holder.name == *person)
}
