//! A new pin: where those who may change the policy lost their keys, the operator starts from another one.

use super::load::Remotes;
use super::{Daemon, TickError};
use crate::journal::Event;
use crate::lifecycle::{PolicyWanted, policy_wanted};
use crate::model::EnvironmentName;
use crate::object::Oid;

impl Daemon {
    /// The commit whose policy the operator pins, where the word is about that.
    pub(super) fn word_for_policy(&self) -> Option<Oid> {
        self.word_for(EnvironmentName::GOVERNANCE).filter(|_| self.config.branch != EnvironmentName::GOVERNANCE)
    }

    /// Brings the pinned policy into force, where the operator says so. Gives whether anything was written. Comes after
    /// everything else that is new was told: the entry says nothing of it.
    pub(super) fn pin(&mut self, remotes: &Remotes) -> Result<bool, TickError> {
        let Some(commit) = self.word_for_policy() else { return Ok(false) };
        let name = EnvironmentName::governance();
        let state = self.state()?;
        if state.pinned == self.config.policy {
            let what = format!("nothing is to be accepted: the journal rests on {} already", state.pinned);
            return Err(self.not_accepted(what, "leave --accept-history out"));
        }
        if let Some(running) = state.environment(&name).running().cloned() {
            if self.is_mine(&name, &running.claim) {
                // Settled first, and nothing else; the word is heard in the next tick.
                self.deploy_policy()?;
                return Ok(true);
            }
            let what = "a change of the policy is being deployed by another daemon";
            return Err(self.not_accepted(what, "let it end, or settle it with --take-over"));
        }
        let now = self.now();
        let wanted = policy_wanted(self.objects.as_ref(), &self.hashes, self.state()?, commit, now)?;
        let next = match wanted {
            PolicyWanted::Next(next) => next,
            PolicyWanted::InForce => {
                let what = "the policy that the settings pin is in force already";
                return Err(self.not_accepted(what, "put the pin back that the journal rests on"));
            }
            PolicyWanted::Problems(problems) => {
                let first = problems.first().map(ToString::to_string).unwrap_or_default();
                return Err(
                    self.not_accepted(format!("the pinned policy cannot be used: {first}"), "countersign validate")
                );
            }
        };
        if !next.governance.policy.journal_keys.contains(&self.public) {
            return Err(TickError::ForeignKey { key: self.public.as_str().to_owned() });
        }
        let version = self.state()?.policy.map_or(0, |policy| policy.version) + 1;
        let mut draft = self.draft(remotes.heads);
        self.policy_files(&mut draft, version, commit)?;
        self.emit(&mut draft, Event::PolicyPinned { version, revision: next.revision, commit })?;
        self.append(draft)?;
        tracing::error!(version, revision = %next.revision, "a policy is in force by the operator's pin alone");
        self.config.accept_history = None;
        self.seen = None;
        Ok(true)
    }
}
