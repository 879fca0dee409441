//! The loop: observe, decide, act, record.
//!
//! A tick takes no hint: it looks at the remote, decides about whatever may have changed since (`agenda`), acts; running it
//! again changes nothing. What it touches comes through the seams [`Remote`], [`Clock`], [`Disk`] and
//! [`Driver`](crate::services::Driver), so that the same loop runs against the real world and under a deterministic
//! scheduler.

mod accept;
mod agenda;
mod ahead;
mod append;
mod at_once;
mod correct;
mod deploy;
mod drafts;
mod drift;
mod error;
mod heartbeat;
mod imports;
mod load;
mod observe;
mod pin;
mod plan;
mod policy;
mod prove;
mod ready;
mod report;
mod restore;
mod seams;
mod squatters;
mod tick;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

pub use accept::AcceptHistory;
pub use error::TickError;
pub use prove::Proofs;
pub use report::{EnvironmentLine, Report, corrected};
pub use seams::{Clock, Drivers, SystemClock};

use crate::disk::Disk;
use crate::evidence::graph::{Graph, Memory};
use crate::git::Remote;
use crate::git::sign::JournalKey;
use crate::journal::pages::Overview;
use crate::journal::{Heads, Journal, Layout};
use crate::model::{EnvironmentName, Gates, PublicKey};
use crate::object::{Objects, Oid};
use crate::revision::Hashes;
use crate::revision::imports::Importers;
use crate::settings::Grants;
use crate::uses::Uses;

/// What the operator decides, as far as the loop needs it.
#[derive(Debug, Clone)]
pub struct Config {
    /// The config branch.
    pub branch: String,
    /// The root folder, without slashes around it.
    pub root: String,
    /// The journal's branch.
    pub journal: String,
    /// How a new journal is laid out.
    pub layout: Layout,
    /// The prefix of the ready-made branches and of the records branch.
    pub prefix: String,
    /// The pin: the revision of policy 1.
    pub policy: crate::digest::RevisionId,
    /// The journal to descend from, where the operator pins one.
    pub identity: Option<crate::digest::RepositoryId>,
    /// Refuse a journal that was never seen before unless `identity` is pinned.
    pub require_tips: bool,
    /// What services may touch.
    pub grants: Grants,
    /// The display limit of a preview, in bytes.
    pub preview_limit: usize,
    /// More environments than this are refused.
    pub most_environments: usize,
    /// A larger `environment.yaml`, in bytes, makes its environment Invalid.
    pub yaml_limit: u64,
    /// How many services of an environment are looked at for a plan at the same time.
    pub plans_at_once: usize,
    /// How many services of an environment are applied at the same time. With 1 all of it happens in one thread.
    pub applies_at_once: usize,
    /// Above this many waiting plans no ready-made branches are made.
    pub ready_limit: usize,
    /// 128 random bits, 32 hex digits: the identity of the journal, should one be started.
    pub nonce: String,
    /// Start the journal where there is none.
    pub start_journal: bool,
    /// Accept this rewritten history, or put the journal back to this entry, once.
    pub accept_history: Option<AcceptHistory>,
    /// Settle this claim (`acme-prod/7.1`) though another key or instance made it.
    pub take_over: Option<String>,
}

/// One daemon: the seams, and what it remembers between ticks, all of which may be forgotten.
pub struct Daemon {
    config: Config,
    objects: Arc<dyn Objects + Send + Sync>,
    remote: Box<dyn Remote + Send>,
    clock: Box<dyn Clock + Send>,
    disk: Box<dyn Disk + Send>,
    drivers: Drivers,
    key: JournalKey,
    public: PublicKey,
    instance: String,
    hashes: Hashes,
    /// Environments that are about to be planned.
    ahead: ahead::Ahead,
    /// The commits that were read: without it every look would read all of history again.
    commits: Memory,
    /// The journal as far as it was read.
    journal: Option<Journal>,
    /// How far the proof of what others wrote came.
    walked: Option<crate::verify::Walked>,
    /// Whether a journal was read before.
    has_adopted: bool,
    proofs: Proofs,
    /// The config and records heads whose commits were looked at.
    seen: Option<Heads>,
    /// Tips whose objects are here.
    fetched: BTreeMap<String, Oid>,
    /// Drafts that the remote did not give, by their tip.
    unfetchable: BTreeMap<String, Oid>,
    /// What the drafts were planned from.
    planned_from: BTreeMap<EnvironmentName, drafts::PlannedFrom>,
    /// What was noticed and is not on the journal yet.
    alarms: BTreeSet<String>,
    /// Environments with plans from commits that are gone: they are planned anew.
    gone: BTreeSet<EnvironmentName>,
    /// Ready-made branches that the remote refused to set to this.
    refused: BTreeMap<String, Option<Oid>>,
    /// Newest ready-made commits that are neither here nor on their branch.
    lost: BTreeSet<Oid>,
    /// Those with a plan for which there was no room among the ready-made branches.
    crowded_out: BTreeSet<EnvironmentName>,
    /// Where the journal's branch is while entries are written that were not pushed yet; `None` inside: it is not there.
    unpushed: Option<Option<Oid>>,
    /// References as the remote had them when everything was settled.
    settled: Option<BTreeMap<String, Oid>>,
    /// What waits to be planned again although its configuration did not change.
    again: BTreeSet<EnvironmentName>,
    /// Shared inputs (paths with a leading `/` in a service), and who uses each.
    shared: Uses<String>,
    /// Targets, and who wants each; of drafts for themselves.
    wanted: [Uses<String>; 2],
    /// Targets that were taken or given up in this tick.
    moved_targets: BTreeSet<String>,
    /// Who imports whom by the config commit that was looked at last.
    importers: Importers,
    /// What the journal's first page is made of, once everything was looked at.
    overview: Option<Arc<Overview>>,
    /// When the host was last looked at, by environment: after a start it is looked at once.
    looked: BTreeMap<EnvironmentName, Timestamp>,
    /// The settings in force that say when to look, by the commit they were applied from.
    rhythms: BTreeMap<EnvironmentName, (Oid, Arc<Gates>)>,
    /// The heartbeat on the remote.
    heartbeat: heartbeat::Seen,
    /// What is to be decided about.
    agenda: agenda::Agenda,
    /// When the environment that is being decided about is to be taken up again, where only time keeps it: a window opens,
    /// an hour comes that somebody named, a retry is due.
    wake: Option<Timestamp>,
    /// Whether what is only kept to be faster was given back.
    is_at_rest: bool,
    /// Whether every tick decides about everything.
    is_thorough: bool,
}

impl Daemon {
    /// The commits of the daemon's store.
    fn graph(&self) -> Graph<'_> {
        Graph::remembering(self.objects.as_ref(), &self.commits)
    }

    /// When to tick again at the latest, beside polling: `None` where nothing waits for a time.
    pub fn next(&self) -> Option<Timestamp> {
        self.agenda.next()
    }

    /// The same daemon, which decides about everything in every tick, for tests: whatever it writes, one that takes up only
    /// what may have changed must write too, and nothing else.
    #[doc(hidden)]
    #[must_use]
    pub fn thorough(mut self) -> Self {
        self.is_thorough = true;
        self
    }

    /// A daemon that remembers nothing yet.
    #[expect(clippy::too_many_arguments, reason = "one per seam; a struct of the same eight would say no more")]
    pub fn new(
        config: Config,
        objects: Arc<dyn Objects + Send + Sync>,
        remote: Box<dyn Remote + Send>,
        clock: Box<dyn Clock + Send>,
        disk: Box<dyn Disk + Send>,
        drivers: Drivers,
        key: JournalKey,
        instance: String,
    ) -> Self {
        let public = key.public().clone();
        Self {
            config,
            objects,
            remote,
            clock,
            disk,
            drivers,
            key,
            public,
            instance,
            hashes: Hashes::default(),
            ahead: ahead::Ahead::default(),
            commits: Memory::default(),
            journal: None,
            walked: None,
            has_adopted: false,
            proofs: Proofs::default(),
            seen: None,
            fetched: BTreeMap::new(),
            unfetchable: BTreeMap::new(),
            planned_from: BTreeMap::new(),
            alarms: BTreeSet::new(),
            gone: BTreeSet::new(),
            refused: BTreeMap::new(),
            lost: BTreeSet::new(),
            crowded_out: BTreeSet::new(),
            unpushed: None,
            settled: None,
            again: BTreeSet::new(),
            shared: Uses::default(),
            wanted: Default::default(),
            moved_targets: BTreeSet::new(),
            importers: Importers::default(),
            overview: None,
            looked: BTreeMap::new(),
            rhythms: BTreeMap::new(),
            heartbeat: heartbeat::Seen::default(),
            agenda: agenda::Agenda::default(),
            wake: None,
            is_at_rest: true,
            is_thorough: false,
        }
    }
}
