//! A daemon as a process of its own that works for long: pushes, approvals, rejections and kills, 500 a minute, which is
//! more than it has time to answer one by one. What it takes of memory and file descriptors must not grow.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use countersign::git::store::GitObjects;
use countersign::journal::Journal;
use countersign::journal::read::line;
use countersign::model::{ApprovalVerdict, EnvironmentName};
use countersign::object::Oid;
use countersign::revision::Hashes;

use super::measure::memory;
use super::people::{APPROVERS, PUSHER};
use super::people_do::approval;
use super::rows::change;
use super::world::{World, git, name};

const COUNTERSIGN: &str = env!("CARGO_BIN_EXE_countersign");

/// How long a daemon lives before it is killed.
const LIFE: Duration = Duration::from_secs(100);

/// From one deed of somebody to the next.
const PACE: Duration = Duration::from_millis(120);

/// So many minutes lie between one housekeeping of the remote and the next.
const HOUSEKEEPING: usize = 10;

struct Soak<'w> {
    world: &'w World,
    daemon: Child,
    since: Instant,
    journal: Journal,
    objects: GitObjects,
    random: u64,
    version: usize,
    /// When the last entry was seen, and the longest that none was in the minute at hand.
    entry_at: Instant,
    longest: Duration,
}

#[derive(Default)]
struct Tally {
    pushes: usize,
    approvals: usize,
    rejections: usize,
    kills: usize,
}

fn start(world: &World) -> Child {
    let settings = world.folder.join("settings.yaml");
    let log = File::options().create(true).append(true).open(world.folder.join("daemon.log")).expect("a file");
    let mut daemon = Command::new(COUNTERSIGN);
    daemon.args(["run", "--settings"]).arg(settings).stdout(Stdio::null()).stderr(log);
    daemon.spawn().expect("it runs")
}

/// What a server does by itself, in the background. A minute of this is what days bring, so what nobody reaches any more is
/// removed sooner than after two weeks: `git gc --auto` would leave it, say that there is too much of it, and do nothing more
/// for a day.
fn keep_house(world: &World) -> Child {
    let mut gc = Command::new("git");
    gc.arg("-C").arg(world.remote()).args(["gc", "--quiet", "--prune=5.minutes.ago"]).stdin(Stdio::null());
    gc.spawn().expect("git runs")
}

fn expect_ended(housekeeping: Option<Child>) {
    if let Some(mut gc) = housekeeping {
        assert!(gc.wait().expect("it ends").success(), "git gc");
    }
}

impl Soak<'_> {
    fn below(&mut self, bound: usize) -> usize {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.random >> 33).expect("a number") % bound
    }

    /// Reads what is new on the journal.
    fn look(&mut self) {
        let tip = self.tip();
        self.longest = self.longest.max(self.entry_at.elapsed());
        if tip == self.journal.tip {
            return;
        }
        self.entry_at = Instant::now();
        let new = line(&self.objects, tip, Some(self.journal.tip)).expect("the journal goes on");
        self.journal.follow(&self.objects, &Hashes::default(), &new).expect("entries");
    }

    /// The journal's tip; it is asked for too often to start git each time.
    fn tip(&self) -> Oid {
        let file = fs::read_to_string(self.world.remote().join("refs/heads/countersign/journal"));
        let tip = file.ok().and_then(|text| text.trim().parse().ok());
        tip.unwrap_or_else(|| self.world.tip("countersign/journal"))
    }

    fn push(&mut self) {
        self.version += 1;
        let at = self.below(self.world.size.environments);
        self.world.push(PUSHER, &change(self.world, at, 100_000 + self.version));
    }

    /// Somebody says something on a plan that waits, if one does.
    fn speak(&mut self, makers: &[&str], verdict: ApprovalVerdict) -> bool {
        let state = &self.journal.state;
        let waiting = |(name, env): (&EnvironmentName, &countersign::lifecycle::EnvironmentState)| {
            Some((name.clone(), env.current?))
        };
        let waiting: Vec<_> = state.environments.iter().filter_map(waiting).collect();
        if waiting.is_empty() {
            return false;
        }
        let repository = state.repository;
        let (environment, plan) = waiting[self.below(waiting.len())].clone();
        let records: BTreeMap<_, _> =
            makers.iter().map(|who| approval(repository, &environment, plan, who, verdict)).collect();
        self.world.push(makers[0], &records);
        true
    }

    fn kill(&mut self) {
        self.daemon.kill().expect("killed");
        self.daemon.wait().expect("it ended");
        self.daemon = start(self.world);
        self.since = Instant::now();
    }
}

/// Lets it run, prints what it took minute by minute, and sees at the end that everything is settled and proven.
pub fn run(world: &World, minutes: usize) {
    git(&world.remote(), &["config", "receive.autogc", "false"]);
    let objects = GitObjects::open(&world.remote()).expect("the remote");
    let (daemon, since, journal) = (start(world), Instant::now(), world.journal());
    let mut soak = Soak {
        world,
        daemon,
        since,
        journal,
        objects,
        random: world.size.seed,
        version: 0,
        entry_at: since,
        longest: Duration::ZERO,
    };
    let first = soak.journal.state.sequence;
    let begun = Instant::now();
    let mut housekeeping: Option<Child> = None;
    let mut tally = Tally::default();
    let (mut next, mut last) = (begun, 0);
    println!(
        "| minute | entries | longest without | pushes | approvals | rejections | kills | resident | descriptors |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for minute in 1..=minutes {
        while begun.elapsed() < Duration::from_secs(60) * u32::try_from(minute).expect("a number") {
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
            next += PACE;
            soak.look();
            match soak.below(100) {
                0..50 => {
                    soak.push();
                    tally.pushes += 1;
                }
                50..85 => tally.approvals += usize::from(soak.speak(&APPROVERS, ApprovalVerdict::Approve)),
                85..95 => tally.rejections += usize::from(soak.speak(&APPROVERS[..1], ApprovalVerdict::Reject)),
                _ if soak.since.elapsed() > LIFE => {
                    soak.kill();
                    tally.kills += 1;
                }
                _ => {}
            }
        }
        if minute % HOUSEKEEPING == 0 {
            expect_ended(housekeeping.take());
            housekeeping = Some(keep_house(world));
        }
        soak.look();
        let entries = soak.journal.state.sequence - first;
        assert!(entries > last, "a minute without an entry: the daemon starves");
        last = entries;
        let process = soak.daemon.id();
        let open = fs::read_dir(format!("/proc/{process}/fd")).expect("the daemon lives").count();
        println!(
            "| {minute} | {} | {:.1} s | {} | {} | {} | {} | {:.1} MiB | {open} |",
            entries,
            std::mem::take(&mut soak.longest).as_secs_f64(),
            tally.pushes,
            tally.approvals,
            tally.rejections,
            tally.kills,
            memory(process, "VmRSS") as f64 / 1024.0,
        );
    }
    soak.daemon.kill().expect("killed");
    soak.daemon.wait().expect("it ended");
    expect_ended(housekeeping);
    let settings = world.folder.join("settings.yaml");
    let once = || {
        let mut once = Command::new(COUNTERSIGN);
        once.args(["run", "--once", "--settings"]).arg(&settings).stdout(Stdio::null());
        assert!(once.status().expect("it runs").success(), "run --once");
    };
    once();
    let settled = world.tip("countersign/journal");
    once();
    assert_eq!(world.tip("countersign/journal"), settled, "it does not come to rest");
    let mut verify = Command::new(COUNTERSIGN);
    verify.arg("-C").arg(world.remote()).args(["verify", "--root", &world.pin.to_string()]);
    let proof = verify.output().expect("it runs");
    assert!(proof.status.success(), "not proven: {}", String::from_utf8_lossy(&proof.stdout));
    soak.look();
    let deployments: usize = soak.journal.state.environments.values().map(|env| env.history.len()).sum();
    let of = |at: usize| name(at).parse::<EnvironmentName>().expect("a name");
    let known = (0..world.size.environments).all(|at| soak.journal.state.environments.contains_key(&of(at)));
    assert!(known, "an environment got lost");
    println!("\nat rest and proven: {deployments} deployments");
}
