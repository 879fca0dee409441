//! More at once than anybody means: each has a bound, and nobody else waits for it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use countersign::model::{ApprovalVerdict, EnvironmentName};
use countersign::reconcile::Daemon;

use super::measure::{memory, shown, time};
use super::people::{APPROVERS, PUSHER};
use super::people_do::approval;
use super::rows::{Row, change};
use super::world::{World, git, name};

/// How much.
#[derive(Debug, Clone, Copy)]
pub struct Pressure {
    pub pushes: usize,
    pub statements: usize,
    pub branches: usize,
    pub files: usize,
    /// In MiB.
    pub large: usize,
}

impl Pressure {
    /// What it is measured with.
    pub const FULL: Self = Self { pushes: 500, statements: 2_000, branches: 30_000, files: 50_000, large: 2_048 };
    /// What shows that it works.
    pub const SMALL: Self = Self { pushes: 12, statements: 20, branches: 300, files: 500, large: 8 };
}

/// Many pushes that are there at one look, and many that come between the looks.
pub fn pushes(world: &World, daemon: &mut Daemon, pressure: Pressure) -> Vec<Row> {
    let version = 20_000;
    let count = pressure.pushes;
    let push = |at: usize| world.push(PUSHER, &change(world, at % world.size.environments, version + at));
    (0..count).for_each(push);
    let (_, together) = time(|| daemon.settle().expect("settled"));
    let mut longest = Duration::ZERO;
    let mut all = Duration::ZERO;
    let between = count.min(100);
    for at in 0..between {
        push(count + at);
        let (_, took) = time(|| daemon.tick().expect("a tick"));
        longest = longest.max(took.wall);
        all += took.wall;
    }
    daemon.settle().expect("settled");
    assert!(world.journal().state.environments.values().filter(|env| env.current.is_some()).count() > 0, "no plans");
    let many = format!("{count} pushes that one look finds");
    let rate = format!("{:.0} pushes/s", between as f64 / all.as_secs_f64());
    vec![
        Row::plain(&many, format!("{} (own {})", shown(together.wall), shown(together.own)), shown(together.wall), ""),
        Row::plain(
            &format!("{between} pushes, a look after each"),
            format!("longest {}", shown(longest)),
            rate,
            "> 8/s",
        ),
    ]
}

/// Many statements in one commit: words on plans that wait, most of them for nothing.
pub fn statements(world: &World, daemon: &mut Daemon, pressure: Pressure) -> Vec<Row> {
    let journal = world.journal();
    let repository = journal.state.repository;
    let mut records = BTreeMap::new();
    let environments: Vec<&EnvironmentName> = journal.state.environments.keys().collect();
    let known = environments.iter().find_map(|name| journal.state.environments[*name].history.first());
    let plan = known.expect("a deployment").plan;
    for at in 0..pressure.statements {
        let environment = environments[at % environments.len()];
        let (path, text) = approval(repository, environment, plan, APPROVERS[at % 2], ApprovalVerdict::Approve);
        let (folder, _) = path.rsplit_once('/').expect("a folder");
        records.insert(format!("{folder}/{at:05}.yaml"), text);
    }
    world.push(APPROVERS[0], &records);
    let (_, took) = time(|| daemon.settle().expect("settled"));
    // Somebody else's change is planned in the next look, as ever.
    world.push(PUSHER, &change(world, 1, 30_000));
    let (wrote, next) = time(|| daemon.tick().expect("a tick"));
    assert!(wrote, "no plan after the statements");
    daemon.settle().expect("settled");
    let ours = format!("{} (own {}); the next push {}", shown(took.wall), shown(took.own), shown(next.wall));
    let one = took.wall / u32::try_from(pressure.statements).expect("a number");
    vec![Row::plain(&format!("{} statements in one commit", pressure.statements), ours, shown(one) + " each", "")]
}

/// A remote with many branches that are nobody's business.
pub fn branches(world: &World, daemon: &mut Daemon, pressure: Pressure) -> Vec<Row> {
    let (_, before) = time(|| daemon.tick().expect("a tick"));
    let tip = world.tip("main");
    let mut input = String::new();
    for at in 0..pressure.branches {
        writeln!(input, "create refs/heads/feature/{at:05} {tip}").expect("a line");
    }
    let mut update = Command::new("git");
    update.arg("-C").arg(world.remote()).args(["update-ref", "--stdin"]).stdin(Stdio::piped());
    let mut update = update.spawn().expect("git runs");
    update.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("written");
    assert!(update.wait().expect("git ends").success(), "git update-ref");
    git(&world.remote(), &["pack-refs", "--all"]);
    daemon.settle().expect("settled");
    let (wrote, idle) = time(|| daemon.tick().expect("a tick"));
    assert!(!wrote, "an idle tick wrote something");
    world.push(PUSHER, &change(world, 2, 40_000));
    let (wrote, push) = time(|| daemon.tick().expect("a tick"));
    assert!(wrote, "no plan");
    daemon.settle().expect("settled");
    let ours = format!("idle tick {} (before {}); a push {}", shown(idle.wall), shown(before.wall), shown(push.wall));
    vec![Row::plain(&format!("a remote with {} other branches", pressure.branches), ours, shown(idle.wall), "")]
}

/// One environment of very many files, and another one's push after it.
pub fn files(world: &World, daemon: &mut Daemon, pressure: Pressure) -> Vec<Row> {
    let folder = format!("environments/{}/config", name(0));
    let files = (0..pressure.files).map(|at| (format!("{folder}/many/{at:05}.conf"), format!("{at}\n")));
    world.push(PUSHER, &files.collect());
    let (_, planned) = time(|| daemon.settle().expect("settled"));
    world.push(PUSHER, &change(world, 3, 50_000));
    let (wrote, other) = time(|| daemon.tick().expect("a tick"));
    assert!(wrote, "no plan");
    daemon.settle().expect("settled");
    let peak = memory(std::process::id(), "VmHWM") / 1024;
    let ours = format!("{}; another's push after it {}; peak {peak} MiB", shown(planned.wall), shown(other.wall));
    vec![Row::plain(&format!("an environment of {} files", pressure.files), ours, shown(planned.wall), "")]
}

/// A repository with much in it that is nobody's business.
pub fn large(world: &World, daemon: &mut Daemon, pressure: Pressure) -> Vec<Row> {
    // What cannot be compressed.
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut edits = BTreeMap::new();
    for at in 0..pressure.large {
        let mut text = String::with_capacity(1 << 20);
        while text.len() < 1 << 20 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            write!(text, "{random:016x}").expect("text");
        }
        edits.insert(format!("assets/{at:05}.bin"), text);
        if edits.len() == 32 || at + 1 == pressure.large {
            world.push(PUSHER, &std::mem::take(&mut edits));
        }
    }
    let (_, fetched) = time(|| daemon.settle().expect("settled"));
    world.push(PUSHER, &change(world, 4, 60_000));
    let (wrote, push) = time(|| daemon.tick().expect("a tick"));
    assert!(wrote, "no plan");
    daemon.settle().expect("settled");
    let ours = format!("first look {}; a push after it {}", shown(fetched.wall), shown(push.wall));
    vec![Row::plain(&format!("{} MiB beside the environments", pressure.large), ours, shown(push.wall), "")]
}
