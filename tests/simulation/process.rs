//! A daemon as a process: the real loop with simulated seams, on a thread that can be killed.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use countersign::digest::RevisionId;
use countersign::disk::{Disk, EnvironmentLock, MemoryDisk};
use countersign::git::memory::{Fault, MemoryRemote, MemoryServer, Moment, Operation};
use countersign::git::sign::JournalKey;
use countersign::git::{RefUpdate, Remote as _};
use countersign::journal::Layout;
use countersign::model::{EnvironmentName, Glob};
use countersign::object::MemoryObjects;
use countersign::reconcile::{Clock, Config, Daemon, Drivers, Proofs, TickError};
use countersign::settings::{Grant, Grants};
use jiff::Timestamp;

use super::baton::{Baton, Call, Crash, Order, Point};
use super::host::{Host, HostDriver, Look};
use super::people;

pub const CONFIG: &str = "refs/heads/main";
pub const RECORDS: &str = "refs/heads/countersign/records";
pub const JOURNAL: &str = "refs/heads/countersign/journal";

/// What all daemons of a world share.
#[derive(Clone)]
pub struct Surroundings {
    pub server: MemoryServer,
    pub host: Host,
    pub clock: Arc<AtomicI64>,
    pub policy: RevisionId,
    /// Pushes that are still on their way.
    pub late: Arc<Mutex<Vec<Late>>>,
    /// What one of the daemons proved, where they trust each other with that.
    pub proofs: Option<Proofs>,
    /// Whether the daemons decide about everything in every tick.
    pub is_thorough: bool,
    /// For how many plans there are ready-made branches.
    pub ready_limit: usize,
    /// Whether a daemon rests before each round.
    pub rests: bool,
}

/// A push on its way: what its daemon asked for, and the store it comes from.
pub struct Late {
    pub daemon: &'static str,
    updates: Vec<RefUpdate>,
    objects: MemoryObjects,
}

impl Late {
    /// It gets there: each reference is set if it still is what the daemon expected.
    pub fn arrive(self, server: &MemoryServer) {
        let results = MemoryRemote::new(server.clone(), self.objects).push(&self.updates);
        results.expect("nothing goes wrong on this way");
    }
}

/// A daemon's state folder: what survives a crash, unless the folder is lost.
#[derive(Clone)]
pub struct Folder {
    pub disk: MemoryDisk,
    pub objects: MemoryObjects,
    pub instance: String,
}

impl Folder {
    /// A new one. No two are alike.
    pub fn new(number: u64) -> Self {
        let instance = format!("{number:032x}");
        Self { disk: MemoryDisk::new(), objects: MemoryObjects::default(), instance }
    }
}

pub struct Process {
    pub name: &'static str,
    pub folder: Folder,
    baton: Arc<Baton>,
    thread: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts a daemon; it stands idle.
    pub fn start(
        name: &'static str,
        surroundings: &Surroundings,
        folder: Folder,
        start_journal: bool,
        take_over: Option<String>,
    ) -> Self {
        let baton = Baton::new();
        let mut daemon = daemon(name, surroundings, &folder, &baton, start_journal, take_over);
        let theirs = Arc::clone(&baton);
        let rests = surroundings.rests;
        let thread = std::thread::spawn(move || {
            let life = AssertUnwindSafe(|| {
                loop {
                    theirs.stand(Point::Idle);
                    if rests {
                        daemon.rest();
                    }
                    theirs.end(daemon.settle());
                }
            });
            let Err(end): Result<std::convert::Infallible, _> = catch_unwind(life);
            if !end.is::<Crash>() {
                theirs.panicked(end);
            }
            theirs.stand(Point::Gone);
        });
        Self { name, folder, baton, thread: Some(thread) }
    }

    pub fn point(&self) -> Point {
        self.baton.point()
    }

    pub fn order(&self, order: Order) -> Point {
        self.baton.order(order)
    }

    /// How the last round ended, once.
    pub fn ended(&self) -> Option<Result<(), TickError>> {
        self.baton.ended()
    }

    /// Kills it where it stands.
    pub fn kill(&mut self) {
        if self.point() != Point::Gone {
            self.order(Order::Crash);
        }
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn daemon(
    name: &'static str,
    surroundings: &Surroundings,
    folder: &Folder,
    baton: &Arc<Baton>,
    start_journal: bool,
    take_over: Option<String>,
) -> Daemon {
    let Surroundings { server, host, clock, policy, late, proofs, is_thorough, ready_limit, rests: _ } =
        surroundings.clone();
    let grant = Grant {
        environments: vec![Glob::parse("*").unwrap()],
        services: vec!["files".to_owned()],
        targets: vec!["/srv".to_owned()],
    };
    let config = Config {
        branch: "main".to_owned(),
        root: String::new(),
        journal: "countersign/journal".to_owned(),
        layout: Layout::Flat,
        prefix: "countersign".to_owned(),
        policy,
        identity: None,
        require_tips: false,
        grants: Grants(vec![grant]),
        preview_limit: 256 << 10,
        // The schedule alone decides what happens when.
        plans_at_once: 1,
        applies_at_once: 1,
        ready_limit,
        most_environments: 1000,
        yaml_limit: 1 << 20,
        nonce: "0123456789abcdef0123456789abcdef".to_owned(),
        start_journal,
        accept_history: None,
        take_over,
    };
    let driver = HostDriver { host: host.clone(), baton: Arc::clone(baton), daemon: name };
    let at_remote = Arc::clone(baton);
    let world = {
        let (server, objects) = (server.clone(), folder.objects.clone());
        move |operation: &Operation, moment: Moment| {
            let call = match operation {
                Operation::References => Call::References,
                Operation::Fetch(_) => Call::Fetch,
                Operation::Push(_) => Call::Push,
            };
            let point = match moment {
                Moment::Before => Point::Before(call),
                Moment::After => Point::After(call),
            };
            match operation {
                Operation::References if moment == Moment::After => {
                    let (config, records, journal) = (server.get(CONFIG), server.get(RECORDS), server.get(JOURNAL));
                    let mut state = host.state();
                    let hands = state.all_hands();
                    state.told(name, Look { config, records, journal, hands });
                }
                Operation::Fetch(tips) if moment == Moment::After => host.state().fetched(name, tips),
                _ => {}
            }
            let order = at_remote.stand(point);
            if let (Operation::Push(updates), Order::Late | Order::Orphan) = (operation, order) {
                let (updates, objects) = (updates.clone(), objects.clone());
                late.lock().unwrap().push(Late { daemon: name, updates, objects });
            }
            match order {
                Order::Go(_) => None,
                Order::Fail => Some(Fault::Away),
                Order::Lose | Order::Late => Some(Fault::AnswerLost),
                Order::Crash | Order::Orphan => resume_unwind(Box::new(Crash)),
            }
        }
    };
    let remote = MemoryRemote::new(server, folder.objects.clone()).with_world(Box::new(world));
    let disk = BatonDisk { disk: folder.disk.clone(), baton: Arc::clone(baton) };
    let daemon = Daemon::new(
        config,
        Arc::new(folder.objects.clone()),
        Box::new(remote),
        Box::new(WorldClock(clock)),
        Box::new(disk),
        Drivers { files: Box::new(driver) },
        JournalKey::from_openssh(&people::private_key(name)).unwrap(),
        folder.instance.clone(),
    );
    let daemon = daemon.with_proofs(proofs.unwrap_or_default());
    if is_thorough { daemon.thorough() } else { daemon }
}

struct WorldClock(Arc<AtomicI64>);

impl Clock for WorldClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

struct BatonDisk {
    disk: MemoryDisk,
    baton: Arc<Baton>,
}

impl BatonDisk {
    fn change(&self, change: impl FnOnce(&MemoryDisk) -> std::io::Result<()>) -> std::io::Result<()> {
        let failed = || Err(std::io::Error::other("the disk is full"));
        if !matches!(self.baton.stand(Point::Before(Call::Write)), Order::Go(_)) {
            return failed();
        }
        change(&self.disk)?;
        // What was written may be reported as failed too: the power was cut between the two.
        if !matches!(self.baton.stand(Point::After(Call::Write)), Order::Go(_)) {
            return failed();
        }
        Ok(())
    }
}

impl Disk for BatonDisk {
    fn read(&self, name: &str) -> std::io::Result<Option<Vec<u8>>> {
        self.disk.read(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        self.change(|disk| disk.write(name, bytes))
    }

    fn remove(&self, name: &str) -> std::io::Result<()> {
        self.change(|disk| disk.remove(name))
    }

    fn lock(&self, environment: &EnvironmentName) -> std::io::Result<Option<EnvironmentLock>> {
        match self.baton.stand(Point::Before(Call::Lock)) {
            Order::Go(_) => self.disk.lock(environment),
            _ => Err(std::io::Error::other("the disk is full")),
        }
    }
}
