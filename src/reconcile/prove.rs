//! What others wrote on the journal is proven before anything is done because of it.
//!
//! A journal key says who may write, not what: an entry that this daemon did not write may be forged with a stolen key,
//! or come from a broken replica. So each of them goes through the same steps as the offline proof.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Daemon, TickError};
use crate::digest::RevisionId;
use crate::journal::Journal;
use crate::journal::read::{line, read_entry};
use crate::lifecycle::Start;
use crate::object::{Oid, Recent};
use crate::verify::{Fault, Prover, Walked, ahead};

/// The entries that were proven in this process. Daemons that are given the same one prove nothing twice: an entry names
/// everything that its proof rests on.
#[derive(Debug, Clone, Default)]
pub struct Proofs(Arc<Mutex<HashSet<Oid>>>);

impl Proofs {
    fn contain(&self, entry: Oid) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&entry)
    }

    fn keep(&self, entry: Oid) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(entry);
    }
}

impl Daemon {
    /// The same daemon, which takes for proven what another one in this process proved.
    #[must_use]
    pub fn with_proofs(mut self, proofs: Proofs) -> Self {
        self.proofs = proofs;
        self
    }

    /// Gate: every entry after `seen`, the last one that this state folder wrote or proved, is one that an honest daemon
    /// would have written. At first sight that is every entry.
    ///
    /// Where nothing is new this costs nothing. Otherwise the entries up to `seen` are followed once in the life of the
    /// process, for what the proof remembers of them.
    pub(super) fn prove_new(&mut self, journal: &Journal, seen: Option<Oid>) -> Result<(), TickError> {
        let is_proven = self.walked.as_ref().is_some_and(|walked| walked.tip() == journal.tip);
        if is_proven || seen == Some(journal.tip) {
            return Ok(());
        }
        // Held against the settings before.
        let pin = journal.state.pinned;
        self.walked = self.walk_to(journal.tip, seen, pin)?;
        Ok(())
    }

    /// The journal up to a tip, proven while it is read: then it need not be followed before. `None` where it is in memory already, or need not be proven, and where anything about it is not
    /// as it should be: what that is, and what is to be done about it, is found out by reading it first.
    pub(super) fn read_proven(&mut self, tip: Oid, seen: Option<Oid>) -> Result<Option<Journal>, TickError> {
        if self.journal.is_some() || seen == Some(tip) || self.word_for_policy().is_some() {
            return Ok(None);
        }
        if let Some(seen) = seen
            && line(self.objects.as_ref(), tip, Some(seen)).is_err()
        {
            return Ok(None);
        }
        match self.walk_to(tip, seen, self.config.policy) {
            Ok(walked) => {
                let read = walked.as_ref().map(|walked| (walked.state().clone(), walked.governance()));
                self.walked = walked;
                Ok(read.map(|(state, governance)| Journal { tip, state, governance }))
            }
            Err(error) => {
                tracing::debug!(%error, "not proven; read again to tell why");
                Ok(None)
            }
        }
    }

    /// Goes on with the walk, or begins one, up to this tip.
    fn walk_to(&mut self, tip: Oid, seen: Option<Oid>, pin: RevisionId) -> Result<Option<Walked>, TickError> {
        let objects = Arc::clone(&self.objects);
        let objects = &Recent::new(objects.as_ref());
        let begun = self.walked.take().and_then(|walked| {
            let rest = line(objects, tip, Some(walked.tip())).ok()?;
            Some((walked, rest))
        });
        let graph = self.graph();
        let (prover, start, rest) = match begun {
            Some((walked, rest)) => {
                let start = walked.state().start.clone();
                (Prover::resume(objects, &graph, &self.hashes, Some(pin), walked), Some(start), rest)
            }
            None => {
                let rest = line(objects, tip, None)?;
                let first = rest.first().and_then(|first| read_entry(objects, *first).ok());
                let start = first.and_then(|first| Start::of(&first.entry));
                (Prover::new(objects, &graph, &self.hashes, Some(pin)), start, rest)
            }
        };
        self.prove_along(objects, prover, &rest, seen, start.as_ref())
    }

    /// Walks along these entries, and proves those after `seen`.
    fn prove_along(
        &self,
        objects: &Recent<'_>,
        mut prover: Prover<'_>,
        rest: &[Oid],
        seen: Option<Oid>,
        start: Option<&Start>,
    ) -> Result<Option<Walked>, TickError> {
        let known = rest.iter().position(|id| Some(*id) == seen).map_or(0, |at| at + 1);
        let known: Vec<bool> = rest.iter().enumerate().map(|(at, id)| at < known || self.proofs.contain(*id)).collect();
        let new: Vec<Oid> = rest.iter().zip(&known).filter(|(_, is_known)| !**is_known).map(|(id, _)| *id).collect();
        ahead::along(objects, start, &new, |ahead| {
            for (id, is_known) in rest.iter().zip(&known) {
                let goes_on = if *is_known { prover.follow(*id) } else { prover.step_read(*id, ahead.wait()) };
                match prover.fault() {
                    Some(Fault::Wrong(what)) => return Err(self.journal_tampered(what)),
                    Some(Fault::Missing(what)) => {
                        let branch = self.config.journal.clone();
                        return Err(TickError::Unproven { branch, commit: *id, what });
                    }
                    None if !goes_on => {
                        let what = format!("what comes after {id} cannot be looked at");
                        return Err(self.journal_tampered(what));
                    }
                    None if *is_known => {}
                    None => self.proofs.keep(*id),
                }
            }
            Ok(())
        })?;
        Ok(prover.put_down())
    }
}
