//! One tick, and ticking until nothing is left to do now.

use std::ops::ControlFlow;

use super::report::{EnvironmentLine, Report};
use super::{Daemon, TickError};
use crate::disk::Tips;
use crate::evidence::signature::forget_verified;
use crate::journal::Journal;
use crate::journal::read::forget_read;
use crate::lifecycle::{Phase, overlapping};
use crate::model::Environment;
use crate::object::forget_wide;

/// How often one call of [`Daemon::settle`] may tick: far above what any real change needs, so that a defect that
/// writes forever is seen as one.
const MOST_TICKS: usize = 10_000;

/// How often in a row somebody else may be faster before that is an error.
const MOST_CONFLICTS: usize = 20;

impl Daemon {
    /// Reads everything that matters, decides, acts. Gives whether anything was written.
    ///
    /// # Errors
    /// [`TickError::Conflict`] where somebody else was faster: tick again. Anything else is for the operator.
    pub fn tick(&mut self) -> Result<bool, TickError> {
        let done = self.look_and_act().and_then(|wrote| self.push_entries().map(|()| wrote));
        // What was to be pushed with something else is not there.
        if self.unpushed.is_some() { self.unless_behind(done) } else { done }
    }

    fn look_and_act(&mut self) -> Result<bool, TickError> {
        let mut remotes = self.look()?;
        let before = self.journal.as_ref().map(|journal| journal.tip);
        self.load_or_restore(&remotes)?;
        self.refuse_retired_key()?;
        self.refuse_unread(&mut remotes)?;
        let wrote = self.raise_alarms()? | self.put_away_squatters(&mut remotes)? | self.accept(&remotes)?;
        if wrote {
            self.settled = None;
        }
        let seen_all = self.settled.as_ref() == Some(&remotes.all) && self.lost.is_empty();
        let due = self.agenda.is_due(self.now());
        if seen_all && self.again.is_empty() && !due && !self.has_deployments()? {
            return Ok(false);
        }
        self.is_at_rest = false;
        self.observe(&remotes)?;
        if self.pin(&remotes)? {
            return Ok(true);
        }
        let mut wrote = wrote || before.is_some() && self.journal.as_ref().map(|journal| journal.tip) != before;
        wrote |= before.is_none() && self.journal.as_ref().map(|journal| journal.tip) != remotes.journal;
        wrote |= self.sync_ready(&remotes)?;
        // The policy is settled first: whatever it moves is looked at anew before anything else is applied.
        let moved = self.deploy_policy()?;
        wrote |= moved || self.deploy_all()?;
        // What waits, or is Invalid for want of a target that was taken or given up, may be the other now.
        for target in std::mem::take(&mut self.moved_targets) {
            let wanted = self.wanted.iter().flat_map(|wanted| overlapping(wanted.users(), &target));
            self.again.extend(wanted.flat_map(|(_, users)| users.keys().cloned()));
        }
        self.settled = (!wrote).then_some(remotes.all);
        Ok(wrote)
    }

    /// Looks at remote, policy and journal without writing anything; gives what an operator should know.
    ///
    /// # Errors
    /// Where a tick could not run.
    pub fn check(&mut self) -> Result<Vec<String>, TickError> {
        let remotes = self.read_remotes()?;
        let mut warnings = Vec::new();
        warnings.extend(self.told_of_branches(&remotes));
        match remotes.journal {
            Some(tip) => {
                let journal = Journal::read(self.objects.as_ref(), &self.hashes, tip)?;
                if !journal.governance.policy.journal_keys.contains(&self.public) {
                    return Err(TickError::ForeignKey { key: self.public.as_str().to_owned() });
                }
            }
            None => warnings.push(format!(
                "there is no journal branch `{}` yet: start it with --start-journal",
                self.config.journal
            )),
        }
        warnings.push(format!(
            "whether only this daemon may push to {}/** (but {}/records) cannot be seen from here: restrict it on the \
             forge",
            self.config.prefix, self.config.prefix
        ));
        Ok(warnings)
    }

    fn has_deployments(&self) -> Result<bool, TickError> {
        Ok(!self.state()?.index.deploying().is_empty())
    }

    /// Ticks until nothing is left to do now.
    ///
    /// # Errors
    /// As [`Daemon::tick`].
    pub fn settle(&mut self) -> Result<(), TickError> {
        self.settle_and(|_| ControlFlow::Continue(()))
    }

    /// As [`Daemon::settle`], with something done after each tick that went well, which may end it: where pushes never end,
    /// it does not end by itself.
    ///
    /// # Errors
    /// As [`Daemon::tick`].
    pub fn settle_and(&mut self, mut after: impl FnMut(&mut Self) -> ControlFlow<()>) -> Result<(), TickError> {
        let mut conflicts = 0;
        for _ in 0..MOST_TICKS {
            match self.tick() {
                Ok(wrote) => {
                    conflicts = 0;
                    if after(self).is_break() {
                        return Ok(());
                    }
                    if !wrote {
                        Environment::forget_many();
                        return Ok(());
                    }
                }
                Err(TickError::Conflict) if conflicts < MOST_CONFLICTS => {
                    conflicts += 1;
                    self.forget();
                }
                Err(error) => {
                    self.forget();
                    return Err(error);
                }
            }
        }
        Err(TickError::Restless { ticks: MOST_TICKS })
    }

    /// Puts the state folder in order, where that is needed. Where it fails it is only said.
    pub fn tidy(&mut self) {
        if let Err(error) = self.remote.tidy() {
            tracing::warn!(%error, "the state folder could not be tidied up");
        }
    }

    /// Gives back what is only kept to be faster: to be called when it was quiet for a while.
    pub fn rest(&mut self) {
        if std::mem::replace(&mut self.is_at_rest, true) {
            return;
        }
        self.objects.rest();
        self.hashes.rest();
        self.commits.rest();
        forget_wide();
        forget_read();
        forget_verified();
        tracing::debug!("at rest");
    }

    /// Forgets what was remembered between ticks: the next one reads it again.
    pub fn forget(&mut self) {
        self.journal = None;
        self.seen = None;
        self.settled = None;
        self.overview = None;
        self.looked.clear();
        self.planned_from.clear();
        self.unfetchable.clear();
    }

    /// Where every environment stands.
    ///
    /// # Errors
    /// Where a plan cannot be judged.
    pub fn report(&self) -> Result<Report, TickError> {
        let mut lines = Vec::new();
        for name in self.state()?.environments.keys() {
            let env = self.state()?.environment(name);
            let status = self.status(name)?;
            // An environment that was only ever mistaken for one, or that is gone for good, has nothing to report.
            let nothing = !env.exists() && env.history.is_empty();
            if status.phase == Phase::Synced && (nothing || name.is_governance()) {
                continue;
            }
            lines.push(EnvironmentLine::of(&status));
        }
        Ok(Report { lines })
    }

    /// What is known of the environments when history was rewritten: all of them hold where they are.
    pub fn report_tampered(&mut self, what: &str) -> Report {
        let tips = Tips::read(self.disk.as_ref()).ok().flatten();
        let journal = tips.and_then(|tips| tips.journal);
        let journal = journal.and_then(|tip| Journal::read(self.objects.as_ref(), &self.hashes, tip).ok());
        let names = journal.map(|journal| journal.state.environments).unwrap_or_default();
        Report { lines: names.into_keys().map(|name| EnvironmentLine::tampered(name, what)).collect() }
    }
}
