//! What others wrote on the journal is proven before anything is done because of it.
//!
//! A journal key says who may write, not what: an entry that this daemon did not write may be forged with a stolen key,
//! or come from a broken replica. So each of them goes through the same steps as the offline proof.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Daemon, TickError};
use crate::journal::Journal;
use crate::journal::read::line;
use crate::object::{Oid, Recent};
use crate::verify::{Fault, Prover, ahead};

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
        if seen == Some(journal.tip) {
            return Ok(());
        }
        let objects = Arc::clone(&self.objects);
        let objects = &Recent::new(objects.as_ref());
        let begun = self.walked.take().and_then(|walked| {
            let rest = line(objects, journal.tip, Some(walked.tip())).ok()?;
            Some((walked, rest))
        });
        let graph = self.graph();
        // Held against the settings before.
        let pin = Some(journal.state.pinned);
        let (mut prover, rest) = match begun {
            Some((walked, rest)) => (Prover::resume(objects, &graph, &self.hashes, pin, walked), rest),
            None => (Prover::new(objects, &graph, &self.hashes, pin), line(objects, journal.tip, None)?),
        };
        let known = rest.iter().position(|id| Some(*id) == seen).map_or(0, |at| at + 1);
        let known: Vec<bool> = rest.iter().enumerate().map(|(at, id)| at < known || self.proofs.contain(*id)).collect();
        let new: Vec<Oid> = rest.iter().zip(&known).filter(|(_, is_known)| !**is_known).map(|(id, _)| *id).collect();
        ahead::along(objects, Some(&journal.state.start), &new, |ahead| {
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
        self.walked = prover.put_down();
        Ok(())
    }
}
