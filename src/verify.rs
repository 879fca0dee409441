//! The whole history again, from the journal and the raw objects alone: no network, no clock, no git.
//!
//! [`prove`] walks the journal from its first entry and does what the daemon must have done with the same pure
//! functions: it reads the statements in each range of commits, judges them, plans, holds each claim against the policy
//! of its place, and renders what people were shown. What the journal says must be exactly that.
//!
//! # Guarantees
//! * Every difference between what is recorded and what follows from the repository is a [`Finding`], with the entry, the
//!   commit and the file or field. An entry that cannot stand where it stands ends the walk; every other finding does not.
//! * Replace references and grafts have no say: objects are read by [`Objects`], raw.
//! * The work is linear in the history: one fold, one graph of commits.
//!
//! # Assumptions
//! * Trust comes from the pin: the policy that the journal began with, or the one that an operator pinned last. Without
//!   one, what is proven is that the journal follows from those.
//!
//! # Caveats
//! * What only the daemon can have known is counted as [`Attested`], never as proven: its clock, what it found on the
//!   host, how an apply ended, and that the branches it read were as they are when it read them.

mod accepted;
pub(crate) mod ahead;
mod chain;
mod change;
mod claim;
mod correction;
mod deployment;
mod drafted;
mod notes;
mod pages;
mod planned;
mod policy;
mod prover;
mod ready;
mod report;
mod statements;
mod step;
mod tree;
mod walked;
mod wanted;

use crate::digest::RevisionId;
use crate::evidence::graph::Graph;
use crate::object::{Objects, Oid, Recent};
use crate::revision::Hashes;

pub use notes::{Attested, Finding, Missing};
pub use prover::Prover;
pub use report::{ProvenDeployment, Report, Verdict};
pub use walked::{Fault, Walked};

/// The branches to be proven, as they are in the clone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tips {
    /// The journal.
    pub journal: Oid,
    /// The config branch.
    pub config: Oid,
    /// `countersign/records`, where it is here.
    pub records: Option<Oid>,
}

/// Proves the history up to these tips.
///
/// `pin` is the revision of policy 1 that the reader trusts. After `since`, a journal commit that was proven before,
/// everything is proven; up to it the entries are only followed: their signatures, their order and their fold.
pub fn prove(objects: &(dyn Objects + Sync), tips: Tips, pin: Option<RevisionId>, since: Option<Oid>) -> Report {
    let objects = Recent::new(objects);
    let (graph, hashes) = (Graph::new(&objects), Hashes::default());
    let mut prover = Prover::new(&objects, &graph, &hashes, pin);
    let line = prover.line(tips.journal);
    let skipped = match since {
        Some(since) => match line.iter().position(|id| *id == since) {
            Some(at) => at + 1,
            None => return prover.without(since),
        },
        None => 0,
    };
    ahead::along(&objects, None, &line, |ahead| {
        for (at, id) in line.iter().enumerate() {
            let read = ahead.wait();
            let goes_on = if at < skipped { prover.follow(*id) } else { prover.step_read(*id, read) };
            if !goes_on {
                break;
            }
        }
    });
    prover.finish(tips)
}
