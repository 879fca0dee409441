//! What the journal's files say was applied where: for what a command reads that imports something.

use std::cell::RefCell;

use super::CliError;
use super::journal::JournalTip;
use super::seen::applied_from;
use crate::digest::RevisionId;
use crate::model::EnvironmentName;
use crate::revision::{Deployments, Source, Standing};

/// The deployments that the journal tells of; what could not be read is kept until it is asked for.
pub struct Told<'a> {
    journal: &'a JournalTip<'a>,
    error: RefCell<Option<CliError>>,
}

impl<'a> Told<'a> {
    /// Those of this journal.
    pub fn by(journal: &'a JournalTip<'a>) -> Self {
        Self { journal, error: RefCell::new(None) }
    }

    /// Ends the asking.
    ///
    /// # Errors
    /// Where anything that was asked for could not be read: what was resolved with it is worth nothing.
    pub fn finish(self) -> Result<(), CliError> {
        self.error.into_inner().map_or(Ok(()), Err)
    }

    fn keep<T>(&self, result: Result<T, CliError>) -> Option<T> {
        result.map_err(|error| *self.error.borrow_mut() = Some(error)).ok()
    }

    fn source(&self, name: &EnvironmentName, number: u64, revision: RevisionId) -> Result<Source, CliError> {
        let commit = applied_from(self.journal, name, number)?;
        let imports = self.journal.deployed_plan(name, number)?.map(|plan| plan.imports).unwrap_or_default();
        Ok(Source { revision, commit, imports })
    }

    /// Every deployment of an environment that was applied and left something there.
    ///
    /// # Errors
    /// Where one cannot be read.
    pub fn all(&self, name: &EnvironmentName) -> Result<Vec<Source>, CliError> {
        let mut all = Vec::new();
        for number in self.journal.deployments(name)? {
            let plan = self.journal.deployed_plan(name, number)?;
            if let Some(revision) = plan.and_then(|plan| plan.plan.revision)
                && let Ok(source) = self.source(name, number, revision)
            {
                all.push(source);
            }
        }
        Ok(all)
    }

    /// The newest deployment of this revision, going back from the last one.
    fn newest(&self, name: &EnvironmentName, revision: RevisionId) -> Result<Option<Source>, CliError> {
        let Some(applied) = self.journal.status(name)?.and_then(|status| status.applied) else { return Ok(None) };
        for number in (1..=applied.number).rev() {
            let plan = self.journal.deployed_plan(name, number)?;
            if plan.is_some_and(|plan| plan.plan.revision == Some(revision))
                && let Ok(source) = self.source(name, number, revision)
            {
                return Ok(Some(source));
            }
        }
        Ok(None)
    }
}

impl Deployments for Told<'_> {
    fn standing(&self, name: &EnvironmentName) -> Standing {
        let status = self.keep(self.journal.status(name)).flatten();
        match status.and_then(|status| status.applied) {
            None => Standing::Never,
            Some(applied) => match applied.revision {
                None => Standing::Destroyed,
                Some(revision) => {
                    self.keep(self.source(name, applied.number, revision)).map_or(Standing::Never, Standing::Applied)
                }
            },
        }
    }

    fn deployed(&self, name: &EnvironmentName, revision: RevisionId) -> Option<Source> {
        self.keep(self.newest(name, revision)).flatten()
    }
}
