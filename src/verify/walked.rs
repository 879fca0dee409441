//! A walk put down, to be taken up again later by whoever keeps no store borrowed in between.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::prover::{LastWords, Place, Prover};
use super::wanted::Resolutions;
use crate::digest::{Digest, RevisionId};
use crate::evidence::graph::Graph;
use crate::journal::pages::Overview;
use crate::lifecycle::State;
use crate::model::Governance;
use crate::object::{Objects, Oid};
use crate::revision::Hashes;

/// So many findings are told in words.
const TOLD: usize = 5;

/// How far a walk came: what it needs to go on, without its notes.
#[derive(Debug, Clone)]
pub struct Walked {
    tip: Oid,
    tree: Oid,
    digest: Digest,
    state: State,
    governance: Arc<Governance>,
    overview: Option<Arc<Overview>>,
    last_words: BTreeMap<crate::digest::PlanId, LastWords>,
}

impl Walked {
    /// The last entry that was walked over.
    pub fn tip(&self) -> Oid {
        self.tip
    }

    /// Everything the journal says up to there.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// As [`Walked::state`], of a walk that does not go on.
    pub fn into_state(self) -> State {
        self.state
    }

    /// The policy in force there.
    pub fn governance(&self) -> Arc<Governance> {
        Arc::clone(&self.governance)
    }

    /// What the first page is made of there, where that was needed.
    pub fn overview(&self) -> Option<Arc<Overview>> {
        self.overview.clone()
    }
}

impl<'a> Prover<'a> {
    /// A walk that goes on where another was put down, with nothing noted yet.
    pub fn resume(
        objects: &'a (dyn Objects + Sync),
        graph: &'a Graph<'a>,
        hashes: &'a Hashes,
        pin: Option<RevisionId>,
        walked: Walked,
    ) -> Self {
        let Walked { tip, tree, digest, state, governance, overview, last_words } = walked;
        let resolutions = Resolutions::default();
        let place = Place { tip, tree, digest, state, governance, overview, resolutions, last_words };
        let mut prover = Self::new(objects, graph, hashes, pin);
        prover.at = Some(place);
        prover
    }

    /// Puts the walk down; `None` where nothing was walked over.
    pub fn put_down(self) -> Option<Walked> {
        let Place { tip, tree, digest, state, governance, overview, resolutions: _, last_words } = self.at?;
        Some(Walked { tip, tree, digest, state, governance, overview, last_words })
    }

    /// Why this is not proven, in words: what is wrong, else the first thing that is missing.
    pub fn fault(&self) -> Option<Fault> {
        let told: Vec<String> = self.notes.findings.iter().take(TOLD).map(ToString::to_string).collect();
        if told.is_empty() {
            return self.notes.missing.first().map(|missing| Fault::Missing(missing.what.clone()));
        }
        let more = match self.notes.findings.len() - told.len() {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        Some(Fault::Wrong(told.join("; ") + &more))
    }
}

/// Why an entry is not proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It is not what it must be.
    Wrong(String),
    /// Something it needs is not here.
    Missing(String),
}
