//! What an operator decided about history: recorded where it may be, and nothing lowered by it.

use super::notes::Attested;
use super::step::{At, Step};
use crate::digest::RevisionId;
use crate::lifecycle::{Accepted, PolicyWanted, gone, policy_wanted};
use crate::model::EnvironmentName;
use crate::object::{ObjectError, Oid};

impl Step<'_, '_> {
    /// A branch was rewritten, and an operator accepted it; or the journal was put back. Called before the event is
    /// folded, which holds `old` against what was read.
    pub(super) fn accepted_history(&mut self, branch: &str, old: Option<Oid>, new: Oid) -> Result<(), ObjectError> {
        let place = format!("history of {branch}");
        self.alone(&place);
        self.reads_nothing(&place);
        self.notes.attest(Attested::Histories);
        if branch == self.place.state.start.journal {
            if self.before.map(|(before, ..)| before) != Some(new) {
                self.violated(At::default(), &place, "the journal is put back to another entry than the one before");
            }
            // What was taken off may be anything, and need not be here.
            return Ok(());
        }
        if let Some(old) = old
            && self.graph.is_ancestor(old, new)?
        {
            self.violated(At::default(), &place, format!("{new} contains {old}: nothing was rewritten"));
        }
        Ok(())
    }

    /// A policy that the operator pinned. Called before the event is folded.
    pub(super) fn pinned_policy(
        &mut self,
        version: u64,
        revision: RevisionId,
        commit: Oid,
        pin: Option<RevisionId>,
    ) -> Result<(), ObjectError> {
        let place = format!("policy {version}");
        self.alone(&place);
        if commit != self.entry.heads.config {
            self.violated(At::default(), &place, "was read from another commit than the config head");
        }
        if pin != Some(revision) {
            self.notes.attest(Attested::Pins);
        }
        let state = &self.place.state;
        match policy_wanted(self.objects, self.hashes, state, commit, self.entry.time)? {
            PolicyWanted::Next(next) if next.revision == revision => {}
            PolicyWanted::Problems(problems) => {
                let first = problems.first().map(ToString::to_string).unwrap_or_default();
                self.violated(At::default(), &place, format!("cannot be pinned: {first}"));
            }
            _ => self.violated(At::default(), &place, format!("{commit} does not have {revision} in governance/")),
        }
        self.policy_files(version, commit)
    }

    /// After an entry that read accepted history for the first time, no plan lives on that was made from a commit which is
    /// gone.
    pub(super) fn gone_plans(&mut self) -> Result<(), ObjectError> {
        if !self.reads_accepted() {
            return Ok(());
        }
        let mut left = Vec::new();
        for (name, env) in self.place.state.environments.iter() {
            if gone(self.graph, env, self.entry.heads.config)? {
                left.push(name.clone());
            }
        }
        for name in left {
            let what = "a plan lives on that was made from a commit which the accepted history does not contain";
            self.violated(At::environment(&name), "entry.json: events", what);
        }
        Ok(())
    }

    /// Whether the plans of an environment end because the commits they were made from are gone.
    pub(super) fn ends_with_history(&self, name: &EnvironmentName) -> Result<bool, ObjectError> {
        Ok(self.reads_accepted() && gone(self.graph, &self.env(name), self.entry.heads.config)?)
    }

    fn reads_accepted(&self) -> bool {
        self.accepted_before.config.is_some() && self.read_before.config != self.entry.heads.config
    }

    /// Whether a branch goes on from what was read before, or from what was accepted in its place.
    pub(super) fn goes_on(&self, old: Oid, accepted: Option<Oid>, new: Oid) -> Result<bool, ObjectError> {
        Accepted::goes_on(self.graph, old, accepted, new)
    }

    fn alone(&mut self, place: &str) {
        if self.entry.events.len() != 1 {
            self.violated(At::default(), place, "what an operator decides is an entry of its own");
        }
    }

    fn reads_nothing(&mut self, place: &str) {
        if self.read_before != self.entry.heads {
            self.violated(At::default(), place, "an entry that accepts history reads nothing");
        }
    }
}
