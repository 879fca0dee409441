//! What an operator decides about history: rewritten branches that are accepted, a journal that is put back, and a
//! policy that comes into force by a new pin. None of it lowers versions, numbers, rounds or statements.

use super::environment::EnvironmentState;
use super::state::{FoldError, PolicyInForce, State};
use crate::digest::RevisionId;
use crate::evidence::graph::Graph;
use crate::journal::Heads;
use crate::model::EnvironmentName;
use crate::object::{ObjectError, Oid};

/// Rewritten history that an operator accepted, and that no entry has read yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Accepted {
    /// The config branch as it was accepted.
    pub config: Option<Oid>,
    /// The branch of records as it was accepted.
    pub records: Option<Oid>,
}

impl Accepted {
    /// What is read from here on must continue what was read now.
    pub(super) fn read(&mut self, old: Heads, new: Heads) {
        if old.config != new.config {
            self.config = None;
        }
        if old.records != new.records {
            self.records = None;
        }
    }

    /// Whether a branch at `new` goes on from what was read before, or from what an operator accepted instead.
    ///
    /// # Errors
    /// Where a commit is missing: then nothing is known.
    pub fn goes_on(graph: &Graph<'_>, old: Oid, accepted: Option<Oid>, new: Oid) -> Result<bool, ObjectError> {
        if old == new || graph.is_ancestor(old, new)? {
            return Ok(true);
        }
        match accepted {
            Some(accepted) => graph.is_ancestor(accepted, new),
            None => Ok(false),
        }
    }
}

/// Whether an environment has a plan that was made from a commit which `head` does not contain. What is being deployed
/// runs to its end.
///
/// # Errors
/// Where a commit is missing.
pub fn gone(graph: &Graph<'_>, env: &EnvironmentState, head: Oid) -> Result<bool, ObjectError> {
    if env.running().is_some() {
        return Ok(false);
    }
    for plan in env.plans.iter().chain(env.deployment.as_ref().map(|deployment| &deployment.plan)) {
        if !graph.is_ancestor(plan.commit, head)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// An accepted history, for people.
pub fn accepted_in_words(branch: &str, old: Option<Oid>, new: Oid) -> String {
    match old {
        Some(old) => format!("an operator accepted rewritten history: {branch} was at {old} and is at {new}"),
        None => format!("an operator accepted rewritten history: {branch} was gone and is at {new}"),
    }
}

/// A policy by an operator's pin, for people.
pub fn pinned_in_words(version: u64, revision: RevisionId) -> String {
    format!("an operator's pin alone brought policy {version} into force ({revision}); nobody approved it")
}

impl State {
    /// The branch of records.
    pub fn records_branch(&self) -> String {
        format!("{}/records", self.start.prefix)
    }

    pub(super) fn fold_accepted(&mut self, branch: &str, old: Option<Oid>, new: Oid) -> Result<(), FoldError> {
        let sequence = self.sequence;
        let wrong = |what: String| FoldError { sequence, what };
        let other = || wrong(format!("the history of {branch} is accepted in place of another one than was read"));
        if branch == self.start.branch {
            if old != Some(self.heads.config) {
                return Err(other());
            }
            self.accepted.config = Some(new);
            // Who contributed may be told otherwise from here on; the next entry reads it.
            self.carry_nothing(sequence + 1);
        } else if branch == self.records_branch() {
            if old.is_none() || old != self.heads.records {
                return Err(other());
            }
            self.accepted.records = Some(new);
        } else if branch != self.start.journal {
            return Err(wrong(format!("the history of {branch} is nothing to accept")));
        }
        self.raise(None, accepted_in_words(branch, old, new));
        Ok(())
    }

    pub(super) fn fold_pinned(&mut self, version: u64, revision: RevisionId, commit: Oid) -> Result<(), FoldError> {
        let sequence = self.sequence;
        let wrong = |what: String| FoldError { sequence, what };
        let Some(before) = self.policy else { return Err(wrong("a pin before policy 1".to_owned())) };
        if version != before.version + 1 {
            return Err(wrong(format!("policy {version} cannot follow policy {}", before.version)));
        }
        if revision == before.revision {
            return Err(wrong(format!("policy {version} is pinned, though it is in force already")));
        }
        if self.environment(&EnvironmentName::governance()).running().is_some() {
            return Err(wrong(format!("policy {version} is pinned while a change of the policy is being deployed")));
        }
        self.policy = Some(PolicyInForce { version, revision, commit });
        self.carry_nothing(sequence);
        self.pinned = revision;
        self.raise(None, pinned_in_words(version, revision));
        Ok(())
    }
}
