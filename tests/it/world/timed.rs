//! A daemon in this process, with a clock that the scenario moves: the loop, git and the files are the real ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use countersign::disk::{FolderDisk, instance};
use countersign::git::command::{Access, GitHome};
use countersign::git::remote::GitRemote;
use countersign::git::sign::JournalKey;
use countersign::git::store::GitObjects;
use countersign::object::Objects;
use countersign::plan::ServicePlan;
use countersign::policy::Permit;
use countersign::reconcile::{Clock, Config, Daemon, Drivers};
use countersign::services::files::FilesDriver;
use countersign::services::{Driver, DriverError, ServiceChange, Settled};
use countersign::settings::Settings;
use jiff::Timestamp;

use super::World;

/// A daemon that goes on running, and its clock.
pub struct Timed {
    daemon: Daemon,
    clock: Arc<AtomicI64>,
}

struct Moved(Arc<AtomicI64>);

impl Clock for Moved {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).expect("a time")
    }
}

/// Files, with something that is done before each apply.
struct Before<F>(FilesDriver, F);

impl<F: Fn()> Driver for Before<F> {
    fn plan(&self, objects: &dyn Objects, change: &ServiceChange) -> Result<ServicePlan, DriverError> {
        self.0.plan(objects, change)
    }

    fn apply(&self, permit: &Permit, objects: &dyn Objects, change: &ServiceChange) -> Result<(), DriverError> {
        (self.1)();
        self.0.apply(permit, objects, change)
    }

    fn settle(&self, objects: &dyn Objects, change: &ServiceChange) -> Result<Settled, DriverError> {
        self.0.settle(objects, change)
    }
}

impl World {
    /// A daemon with its own clock, which begins at this time. The journal must have been started.
    #[track_caller]
    pub fn timed(&self, daemon: &str, begins: &str) -> Timed {
        self.timed_before(daemon, begins, || {})
    }

    /// As [`World::timed`]; this is done each time before something is applied.
    #[track_caller]
    pub fn timed_before(&self, daemon: &str, begins: &str, before: impl Fn() + Send + Sync + 'static) -> Timed {
        let settings = Settings::load(&self.at(format!("{daemon}.settings.yaml"))).expect("settings");
        let repository = &settings.repository;
        let state = settings.state.join(repository.name.as_str());
        let disk = FolderDisk::open(&state).expect("a state folder");
        let instance = instance(&disk).expect("an instance");
        let home = GitHome::create(&state).expect("a home");
        let cache = state.join("git");
        let objects = Arc::new(GitObjects::create_bare(&cache).expect("a store"));
        let store = GitObjects::open(&cache).expect("a store");
        let remote = GitRemote::new(repository.url.clone(), store, &home, Access::Open).expect("a remote");
        let config = Config {
            nonce: "0".repeat(32),
            branch: repository.branch.clone(),
            root: repository.root.trim_matches('/').to_owned(),
            journal: repository.journal.branch.clone(),
            layout: repository.journal.layout,
            prefix: "countersign".to_owned(),
            policy: repository.trust.policy,
            identity: None,
            require_tips: false,
            grants: repository.grants.clone(),
            preview_limit: settings.limits.preview,
            most_environments: settings.limits.environments,
            yaml_limit: settings.limits.yaml as u64,
            ready_limit: settings.limits.ready_made_branches,
            start_journal: false,
            accept_history: None,
            take_over: None,
            plans_at_once: 1,
            applies_at_once: 1,
        };
        let granted = repository.grants.0.iter().flat_map(|grant| grant.targets.clone());
        let drivers = Drivers { files: Box::new(Before(FilesDriver::new(granted), before)) };
        let key = JournalKey::load(&settings.signing_key_file).expect("a key");
        let begins: Timestamp = begins.parse().expect("a time");
        let clock = Arc::new(AtomicI64::new(begins.as_second()));
        let moved = Box::new(Moved(Arc::clone(&clock)));
        let daemon = Daemon::new(config, objects, Box::new(remote), moved, Box::new(disk), drivers, key, instance);
        Timed { daemon, clock }
    }
}

impl Timed {
    /// Time passes, and nobody looks.
    pub fn pass(&mut self, minutes: i64) -> &mut Self {
        self.clock.fetch_add(minutes * 60, Ordering::SeqCst);
        self
    }

    /// Ticks until nothing is left to do now.
    #[track_caller]
    pub fn settle(&mut self) -> &mut Self {
        self.daemon.settle().unwrap_or_else(|error| panic!("{error}"));
        self
    }

    /// Time passes up to when the daemon wants to be woken, or the end of these minutes; it ticks every time.
    #[track_caller]
    pub fn run(&mut self, minutes: i64) -> &mut Self {
        let end = self.clock.load(Ordering::SeqCst) + minutes * 60;
        loop {
            self.settle();
            let now = self.clock.load(Ordering::SeqCst);
            let next = self.daemon.next().map_or(end, |next| next.as_second().max(now + 1)).min(end);
            self.clock.store(next, Ordering::SeqCst);
            if next == end {
                self.settle();
                return self;
            }
        }
    }

    /// When it wants to be woken.
    pub fn next(&self) -> Option<String> {
        self.daemon.next().map(|next| next.to_string())
    }

    /// `prod Synced 1`
    pub fn line(&self, environment: &str) -> String {
        let report = self.daemon.report().expect("a report");
        let line = report.lines.iter().find(|line| line.environment == environment);
        line.map(ToString::to_string).unwrap_or_default()
    }
}
