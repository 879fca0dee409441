//! History only grows, unless an operator says otherwise: naming the branch and the commit it is at now.

use std::str::FromStr;

use super::load::{Remotes, branch_ref};
use super::{Daemon, TickError};
use crate::disk::Tips;
use crate::evidence::graph::Graph;
use crate::git::{RefResult, RefUpdate};
use crate::journal::Event;
use crate::lifecycle::Accepted;
use crate::model::EnvironmentName;
use crate::object::{ObjectError, Oid};
use crate::revision::resolve_governance;

/// Where commits are kept that an accepted history no longer contains: each under its own name.
pub(super) const KEPT: &str = "refs/countersign/kept/";

/// What an operator accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptHistory {
    /// A branch, or `governance`: the policy that the settings pin now.
    pub branch: String,
    /// The commit.
    pub commit: Oid,
}

impl FromStr for AcceptHistory {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.rsplit_once('@').filter(|(branch, _)| !branch.is_empty());
        let (branch, commit) = parts.ok_or("expected BRANCH@COMMIT, like `main@4be01aa…`")?;
        let commit = commit.parse().map_err(|_| "expected all 40 digits of the commit after the `@`")?;
        Ok(Self { branch: branch.to_owned(), commit })
    }
}

/// A rewritten branch, for the operator.
pub(super) fn rewritten(branch: &str, what: String, way_out: String) -> TickError {
    TickError::Tampered { branch: branch.to_owned(), what, way_out }
}

/// The command that accepts this.
pub(super) fn command(branch: &str, commit: Oid) -> String {
    format!("countersign run --once --accept-history {branch}@{commit}")
}

impl Daemon {
    /// Whether the operator's word is about a branch.
    pub(super) fn word_for(&self, branch: &str) -> Option<Oid> {
        self.config.accept_history.as_ref().filter(|word| word.branch == branch).map(|word| word.commit)
    }

    pub(super) fn not_accepted(&self, what: impl Into<String>, hint: impl Into<String>) -> TickError {
        TickError::NotAccepted { what: what.into(), hint: hint.into() }
    }

    /// Gate: what the operator accepts is what is there now, and something this daemon reads.
    pub(super) fn check_word(&self, remotes: &Remotes) -> Result<(), TickError> {
        let Some(AcceptHistory { branch, commit }) = self.config.accept_history.clone() else { return Ok(()) };
        let found = if branch == self.config.branch || branch == EnvironmentName::GOVERNANCE {
            Some(remotes.heads.config)
        } else if branch == self.records_branch() {
            remotes.heads.records
        } else if branch == self.config.journal {
            // What is put back is what this daemon knows, not what is there.
            return Ok(());
        } else {
            let what = format!("`{branch}` is no branch whose history is accepted");
            let hint = format!(
                "one of `{}`, `{}`, `{}`, or `governance`",
                self.config.branch,
                self.records_branch(),
                self.config.journal
            );
            return Err(self.not_accepted(what, hint));
        };
        if found == Some(commit) {
            return if branch == self.config.branch { Ok(()) } else { self.check_pin(&branch, commit) };
        }
        let at = found.map_or_else(|| "gone".to_owned(), |found| format!("at {found}"));
        let of = if branch == EnvironmentName::GOVERNANCE { self.config.branch.as_str() } else { &branch };
        Err(self.not_accepted(
            format!("`{of}` is {at} now, not at {commit}"),
            "look at what is there, then name exactly that commit",
        ))
    }

    /// Gate: the policy that the operator names is the one in the settings.
    fn check_pin(&self, branch: &str, commit: Oid) -> Result<(), TickError> {
        if branch != EnvironmentName::GOVERNANCE {
            return Ok(());
        }
        let tree = self.objects.commit(commit)?.tree;
        let (found, _) = resolve_governance(self.objects.as_ref(), &self.hashes, &self.config.root, tree)?;
        if found == Some(self.config.policy) {
            return Ok(());
        }
        Err(TickError::Pin { found, pinned: self.config.policy })
    }

    /// Gate: history only grows. What was seen last is kept outside the repository. A branch of records that lost
    /// something gets it back.
    pub(super) fn refuse_rewritten(&mut self, remotes: &mut Remotes) -> Result<(), TickError> {
        let tips = Tips::read(self.disk.as_ref())?.unwrap_or_default();
        if let Some(old) = tips.config {
            self.config_goes_on(old, None, remotes.heads.config)?;
        }
        if let Some(old) = tips.records {
            self.records_go_on(old, None, remotes)?;
        }
        if let (Some(old), None) = (tips.journal, remotes.journal)
            && self.word_for(&self.config.journal).is_none()
        {
            let branch = &self.config.journal;
            return Err(rewritten(branch, format!("it is gone; its last known commit is {old}"), command(branch, old)));
        }
        Ok(())
    }

    /// The same by what the journal read: a state folder that was thrown away remembers nothing.
    pub(super) fn refuse_unread(&mut self, remotes: &mut Remotes) -> Result<(), TickError> {
        let state = self.state()?;
        let (heads, accepted) = (state.heads, state.accepted);
        match self.config_goes_on(heads.config, accepted.config, remotes.heads.config) {
            // Read one after the other, the journal may be newer than the branch it speaks of.
            Err(TickError::Tampered { .. }) if self.has_moved(&self.config.branch.clone(), remotes)? => {
                return Err(TickError::Conflict);
            }
            result => result?,
        }
        if let Some(old) = heads.records {
            self.records_go_on(old, accepted.records, remotes)?;
        }
        Ok(())
    }

    fn has_moved(&mut self, branch: &str, remotes: &Remotes) -> Result<bool, TickError> {
        let name = branch_ref(branch);
        Ok(self.remote.references()?.get(&name) != remotes.all.get(&name))
    }

    fn config_goes_on(&self, old: Oid, accepted: Option<Oid>, new: Oid) -> Result<(), TickError> {
        let branch = &self.config.branch;
        if self.word_for(branch) == Some(new) {
            return Ok(());
        }
        if Accepted::goes_on(&self.graph(), old, accepted, new)? {
            return Ok(());
        }
        Err(rewritten(branch, lost(new, old), either(branch, old, new)))
    }

    fn records_go_on(&mut self, old: Oid, accepted: Option<Oid>, remotes: &mut Remotes) -> Result<(), TickError> {
        let branch = self.records_branch();
        let new = remotes.heads.records;
        if new.is_some() && self.word_for(&branch) == new {
            return Ok(());
        }
        // What is to be put back must be here now, not only once have been.
        let graph = Graph::new(self.objects.as_ref());
        if let Some(new) = new {
            if Accepted::goes_on(&graph, old, accepted, new)? {
                return Ok(());
            }
            if !graph.is_ancestor(new, old)? {
                return Err(rewritten(&branch, lost(new, old), either(&branch, old, new)));
            }
        }
        match graph.node(old) {
            Err(ObjectError::Missing { .. }) => {
                let at = new.map_or_else(|| "it is gone".to_owned(), |new| format!("it was rewound to {new}"));
                let what = format!("{at}, and {old}, which was read there before, is not here");
                let way_out = format!("push {old} back from a clone that has it");
                return Err(rewritten(&branch, what, way_out));
            }
            node => drop(node?),
        }
        let name = branch_ref(&branch);
        let update = RefUpdate { name: name.clone(), expected: new, new: Some(old) };
        match self.push(std::slice::from_ref(&update))?.pop() {
            Some(RefResult::Done) => {}
            Some(RefResult::Refused { reason }) => return Err(TickError::Refused { reference: name, reason }),
            Some(RefResult::Stale) | None => return Err(TickError::Conflict),
        }
        let was = new.map_or_else(|| "gone".to_owned(), |new| format!("rewound to {new}"));
        self.alarms.insert(format!("branch {branch} was {was}; it was put back to {old}"));
        remotes.all.insert(name, old);
        remotes.heads.records = Some(old);
        Ok(())
    }

    /// What was noticed before the journal was read.
    pub(super) fn raise_alarms(&mut self) -> Result<bool, TickError> {
        let alarms = std::mem::take(&mut self.alarms);
        let mut draft = self.draft(self.state()?.heads);
        for message in alarms {
            tracing::error!("{message}");
            self.emit(&mut draft, Event::Alarm { environment: None, message })?;
        }
        let some = !draft.is_empty();
        self.append(draft)?;
        Ok(some)
    }

    /// Does what the operator's word asks for where a branch was rewritten. Gives whether anything was written.
    pub(super) fn accept(&mut self, remotes: &Remotes) -> Result<bool, TickError> {
        let Some(AcceptHistory { branch, commit }) = self.config.accept_history.clone() else { return Ok(false) };
        let state = self.state()?;
        let tips = Tips::read(self.disk.as_ref())?.unwrap_or_default();
        let (read, seen, accepted) = if branch == self.config.branch {
            (Some(state.heads.config), tips.config, state.accepted.config)
        } else if branch == self.records_branch() {
            (state.heads.records, tips.records, state.accepted.records)
        } else {
            return Ok(false);
        };
        let contains = |old: Oid| -> Result<bool, TickError> { Ok(self.graph().is_ancestor(old, commit)?) };
        let read_on = match read {
            Some(read) => accepted == Some(commit) || contains(read)?,
            None => true,
        };
        let seen_on = seen.map(contains).transpose()?.unwrap_or(true);
        if read_on && seen_on {
            let what = format!("nothing is to be accepted: {branch} at {commit} contains what was read before");
            return Err(self.not_accepted(what, "leave --accept-history out"));
        }
        if !read_on && let Some(old) = read {
            self.keep_commit(remotes, old)?;
            let event = Event::HistoryAccepted { branch: branch.clone(), old: Some(old), new: commit };
            let mut draft = self.draft(self.state()?.heads);
            self.emit(&mut draft, event)?;
            self.append(draft)?;
        }
        tracing::error!(%branch, %commit, "rewritten history is accepted on the operator's word");
        self.remember(|tips| {
            if branch == self.config.branch {
                tips.config = Some(commit);
            } else {
                tips.records = Some(commit);
            }
        })?;
        // A word counts once.
        self.config.accept_history = None;
        self.seen = None;
        Ok(!read_on)
    }

    /// Keeps a commit that is on no branch any more: what was applied from it must be readable by every daemon and by
    /// whoever proves the history.
    pub(super) fn keep_commit(&mut self, remotes: &Remotes, commit: Oid) -> Result<(), TickError> {
        let name = format!("{KEPT}{commit}");
        let expected = remotes.all.get(&name).copied();
        if expected == Some(commit) {
            return Ok(());
        }
        let update = RefUpdate { name: name.clone(), expected, new: Some(commit) };
        match self.push(std::slice::from_ref(&update))?.pop() {
            Some(RefResult::Done) => Ok(()),
            Some(RefResult::Refused { reason }) => {
                // Objects in the state folder are never thrown away, so this daemon can go on.
                tracing::warn!(reference = %name, %reason, "the remote keeps no reference to what was rewritten; push it there, or others cannot prove what was applied from it");
                Ok(())
            }
            Some(RefResult::Stale) | None => Err(TickError::Conflict),
        }
    }
}

/// The two ways out where a branch that people push to was rewritten.
fn either(branch: &str, old: Oid, new: Oid) -> String {
    format!(
        "put back what was there, from a clone that has it (git push --force REMOTE {old}:{}), or, where the new history is \
         meant: {}",
        branch_ref(branch),
        command(branch, new)
    )
}

fn lost(new: Oid, old: Oid) -> String {
    format!("{new} does not contain {old}, which was seen there before")
}
