//! What others wrote on the journal is proven before anything is done because of it.
//!
//! A journal key says who may write, not what: an entry that this daemon did not write may be forged with a stolen key,
//! or come from a broken replica. So each of them goes through the same steps as the offline proof.

use std::sync::Arc;

use super::{Daemon, TickError};
use crate::evidence::graph::Graph;
use crate::journal::Journal;
use crate::journal::read::line;
use crate::object::Oid;
use crate::verify::{Fault, Prover};

impl Daemon {
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
        let objects = objects.as_ref();
        let begun = self.walked.take().and_then(|walked| {
            let rest = line(objects, journal.tip, Some(walked.tip())).ok()?;
            Some((walked, rest))
        });
        let graph = Graph::new(objects);
        // Held against the settings before.
        let pin = Some(journal.state.pinned);
        let (mut prover, rest) = match begun {
            Some((walked, rest)) => (Prover::resume(objects, &graph, &self.hashes, pin, walked), rest),
            None => (Prover::new(objects, &graph, &self.hashes, pin), line(objects, journal.tip, None)?),
        };
        let known = rest.iter().position(|id| Some(*id) == seen).map_or(0, |at| at + 1);
        for (at, id) in rest.iter().enumerate() {
            let goes_on = if at < known { prover.follow(*id) } else { prover.step(*id) };
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
                None => {}
            }
        }
        self.walked = prover.put_down();
        Ok(())
    }
}
