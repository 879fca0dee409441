//! The rows of the table: what is measured, against what.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use countersign::evidence::signature::verify;
use countersign::model::EnvironmentName;
use countersign::reconcile::Daemon;

use super::measure::{Paired, Took, median, memory, paired, shown, time, worked};
use super::people::{APPROVERS, PUSHER, key};
use super::server::Server;
use super::world::{World, content, git, name};

/// A row of the table.
pub struct Row {
    pub what: String,
    pub ours: String,
    pub against: String,
    pub figure: String,
    pub to_reach: &'static str,
}

impl Row {
    pub fn ratio(what: &str, against: &str, paired: &Paired, to_reach: &'static str) -> Self {
        Self {
            what: what.to_owned(),
            ours: format!("{} (own {})", shown(paired.ours), shown(paired.own)),
            against: format!("{against}: {}", shown(paired.theirs)),
            figure: format!("{:.2}×", paired.ratio),
            to_reach,
        }
    }

    pub fn plain(what: &str, ours: String, figure: String, to_reach: &'static str) -> Self {
        Self { what: what.to_owned(), ours, against: String::new(), figure, to_reach }
    }
}

/// Runs a program to its end; its output is thrown away.
fn run(program: &str, folder: &Path, arguments: &[&str]) -> Took {
    let (status, took) = time(|| {
        let mut command = Command::new(program);
        command.current_dir(folder).args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().expect("it runs")
    });
    assert!(matches!(status.code(), Some(0 | 1)), "{program} {arguments:?}: {status}");
    took
}

/// Several programs one after the other.
fn all(took: impl IntoIterator<Item = Took>) -> Took {
    let none = Took { wall: Duration::ZERO, own: Duration::ZERO };
    took.into_iter().fold(none, |sum, one| Took { wall: sum.wall + one.wall, own: sum.own + one.own })
}

/// A remote that looks the same, for git alone, and a bare clone of it.
struct Baseline {
    folder: PathBuf,
    runs: usize,
}

impl Baseline {
    fn new(world: &World) -> Self {
        let folder = world.folder.join("baseline");
        if !folder.exists() {
            fs::create_dir(&folder).expect("a folder");
            let remote = world.remote().display().to_string();
            git(&folder, &["clone", "--quiet", "--mirror", "--no-local", &remote, "remote.git"]);
            git(&folder, &["clone", "--quiet", "--mirror", "--no-local", "remote.git", "clone.git"]);
        }
        Self { folder, runs: 0 }
    }

    /// Fetch, a commit of one file by plumbing, push.
    fn commit_and_push(&mut self, world: &World) -> Took {
        self.runs += 1;
        let clone = self.folder.join("clone.git");
        let path = format!("environments/{}/config/00.conf", name(self.runs % world.size.environments));
        let text = format!("run {}\n", self.runs);
        let stream = format!(
            "commit refs/heads/scratch\ncommitter x <x@x.example> {} +0000\ndata 1\nx\nfrom refs/heads/main^0\n\
             M 100644 inline {path}\ndata {}\n{text}\n",
            1_790_000_000 + self.runs,
            text.len()
        );
        let input = self.folder.join("stream");
        fs::write(&input, stream).expect("a file");
        let import = || {
            let stdin = fs::File::open(&input).expect("a file");
            let mut command = Command::new("git");
            command.arg("--git-dir").arg(&clone).args(["fast-import", "--quiet", "--force"]).stdin(stdin);
            assert!(command.stdout(Stdio::null()).status().expect("git runs").success(), "fast-import");
        };
        let fetch = run("git", &clone, &["fetch", "--quiet", "origin", "refs/heads/main"]);
        let import = time(import).1;
        let push = run(
            "git",
            &clone,
            &["-c", "remote.origin.mirror=false", "push", "--quiet", "--force", "origin", "refs/heads/scratch"],
        );
        all([fetch, import, push])
    }
}

/// One environment, changed.
pub fn change(world: &World, at: usize, version: usize) -> BTreeMap<String, String> {
    let file = version % world.size.files;
    let path = format!("environments/{}/config/{file:02}.conf", name(at));
    BTreeMap::from([(path, content(world.size, at, file, version) + &format!("again = {version}\n"))])
}

/// A tick with nothing to do.
pub fn idle(world: &World, daemon: &mut Daemon, runs: usize) -> Row {
    let remote = world.remote().display().to_string();
    let ours = || {
        let (wrote, took) = time(|| daemon.tick().expect("a tick"));
        assert!(!wrote, "an idle tick wrote something");
        took
    };
    let paired = paired(runs, ours, || run("git", &world.folder, &["ls-remote", &remote]));
    Row::ratio("idle tick, local remote", "git ls-remote", &paired, "≤ 0.1×")
}

/// The same by way of a real `sshd`; nothing where there is none.
pub fn idle_ssh(world: &World, runs: usize) -> Vec<Row> {
    let Some(server) = Server::start(world) else { return Vec::new() };
    let url = server.url(world);
    let mut daemon = world.daemon(&world.folder.join("state/ssh"), &url, server.access());
    daemon.settle().expect("settled");
    let ours = || {
        let (wrote, took) = time(|| daemon.tick().expect("a tick"));
        assert!(!wrote, "an idle tick wrote something");
        took
    };
    let command = format!("core.sshCommand={}", server.command());
    let paired = paired(runs, ours, || run("git", &world.folder, &["-c", &command, "ls-remote", &url]));
    vec![Row::ratio("idle tick, ssh remote", "git ls-remote", &paired, "≤ 0.5×")]
}

/// A push that touches one environment, until its plan is on the journal.
pub fn push(world: &World, daemon: &mut Daemon, runs: usize) -> Row {
    let mut baseline = Baseline::new(world);
    let mut at = 0;
    let journal = world.remote().join("refs/heads/countersign/journal");
    let ours = || {
        at += 1;
        world.push(PUSHER, &change(world, at % world.size.environments, 100 + at));
        let before = world.tip("countersign/journal");
        let begun = std::time::SystemTime::now();
        let (_, took) = time(|| daemon.tick().expect("a tick"));
        assert_ne!(world.tip("countersign/journal"), before, "no plan");
        let published = fs::metadata(&journal).expect("the journal").modified().expect("a time");
        let wall = published.duration_since(begun).unwrap_or(took.wall).min(took.wall);
        daemon.settle().expect("settled");
        Took { wall, own: took.own }
    };
    let paired = paired(runs, ours, || baseline.commit_and_push(world));
    let what = format!("push that touches one of {} → its plan on the journal", world.size.environments);
    Row::ratio(&what, "git fetch + fast-import + push", &paired, "≤ 1.5×")
}

/// An approval that arrives, until the files are switched.
pub fn approved(world: &World, daemon: &mut Daemon, runs: usize) -> Row {
    let repository = world.journal().state.repository;
    let took = (0..runs).map(|at| {
        let at = at % world.size.environments;
        let environment = name(at);
        world.push(PUSHER, &change(world, at, 1000 + at));
        daemon.settle().expect("planned");
        let plan = world.journal().state.environments[environment.parse::<EnvironmentName>().as_ref().expect("a name")]
            .current
            .expect("a plan");
        world.approve(&environment, plan, repository);
        let target = world.folder.join("srv").join(&environment);
        let inode =
            |target: &Path| fs::metadata(target).ok().map(|target| std::os::unix::fs::MetadataExt::ino(&target));
        let before = inode(&target);
        let begun = Instant::now();
        let switched = std::thread::scope(|scope| {
            let switched = scope.spawn(|| {
                while inode(&target) == before && begun.elapsed() < Duration::from_secs(60) {
                    std::thread::sleep(Duration::from_micros(500));
                }
                begun.elapsed()
            });
            daemon.settle().expect("deployed");
            switched.join().expect("it was watched")
        });
        assert_ne!(inode(&target), before, "nothing was switched");
        switched
    });
    let median = median(took.collect());
    let what = format!("approval on a local remote at {} → files switched", world.size.environments);
    Row::plain(&what, shown(median), shown(median), "< 250 ms")
}

/// One commit that changes every environment: planned and published in one push.
pub fn everything(world: &World, daemon: &mut Daemon) -> Row {
    let mut edits = BTreeMap::new();
    for at in 0..world.size.environments {
        edits.extend(change(world, at, 5000));
    }
    let old = world.tip("main");
    world.push(PUSHER, &edits);
    let (_, took) = time(|| daemon.tick().expect("a tick"));
    let (old, new) = (old.to_string(), world.tip("main").to_string());
    let diff = run("git", &world.remote(), &["diff-tree", "-r", &old, &new]);
    let rate = world.size.environments as f64 / took.wall.as_secs_f64();
    Row {
        what: format!("one commit that changes all {}", world.size.environments),
        ours: format!("{} (own {})", shown(took.wall), shown(took.own)),
        against: format!("git diff-tree -r: {}", shown(diff.wall)),
        figure: format!("{rate:.0} plans/s"),
        to_reach: "≥ 1,000 plans/s",
    }
}

/// The first start with an empty state folder.
pub fn first_start(world: &World, runs: usize) -> Row {
    let mut at = 0;
    let remote = world.remote().display().to_string();
    let ours = || {
        at += 1;
        let state = format!("state-{at}");
        let (_, took) = time(|| world.local_daemon(&state).settle().expect("settled"));
        fs::remove_dir_all(world.folder.join(state)).expect("removed");
        took
    };
    let theirs = || {
        let took = run("git", &world.folder, &["clone", "--bare", "--no-local", "--quiet", &remote, "cloned.git"]);
        fs::remove_dir_all(world.folder.join("cloned.git")).expect("removed");
        took
    };
    let paired = paired(runs, ours, theirs);
    Row::ratio("first start on an existing repository and journal", "git clone --bare --no-local", &paired, "≤ 2×")
}

/// Signed records, in one process.
pub fn signatures(world: &World) -> Row {
    // Each another one: what was verified once is remembered.
    let count = 500;
    let statement = |at: u32| {
        let bytes = format!("{at:0>600} at {}", world.size.environments).into_bytes();
        let signature = key(APPROVERS[0]).sign("statement-v1@countersign", &bytes).expect("signed");
        (bytes, signature)
    };
    let statements: Vec<(Vec<u8>, String)> = (0..count).map(statement).collect();
    let ((), ours) = time(|| {
        for (bytes, signature) in &statements {
            verify(signature, "statement-v1@countersign", bytes).expect("good");
        }
    });
    let allowed = world.folder.join("allowed");
    fs::write(&allowed, format!("* {}\n", super::people::public_key(PUSHER))).expect("a file");
    let file = format!("gpg.ssh.allowedSignersFile={}", allowed.display());
    let commit = git(&world.remote(), &["log", "-1", "--format=%H", "--author=vera", "main"]);
    let theirs = median(
        (0..9).map(|_| run("git", &world.remote(), &["-c", &file, "verify-commit", commit.trim()]).wall).collect(),
    );
    let one = ours.wall / count;
    Row {
        what: "an Ed25519 signed record verified".to_owned(),
        ours: shown(one),
        against: format!("git verify-commit: {}", shown(theirs)),
        figure: format!("{:.0}× per second", theirs.as_secs_f64() / one.as_secs_f64()),
        to_reach: "≥ 100× per second",
    }
}

const COUNTERSIGN: &str = env!("CARGO_BIN_EXE_countersign");

/// The whole history proven again, by the program.
pub fn proof(world: &World) -> Row {
    let clone = world.folder.join("auditor.git");
    let remote = world.remote().display().to_string();
    git(&world.folder, &["clone", "--quiet", "--mirror", "--no-local", &remote, "auditor.git"]);
    let folder = clone.display().to_string();
    let pin = world.pin.to_string();
    let took = run(COUNTERSIGN, &world.folder, &["-C", &folder, "verify", "--root", &pin]);
    let deployments = world.size.environments * world.size.deployments;
    Row::plain(
        &format!("verify of {deployments} deployments with two approvals each"),
        shown(took.wall),
        format!("{:.2} ms each", took.wall.as_secs_f64() * 1e3 / deployments as f64),
        "< 5 s for 10,000",
    )
}

/// Commands in a clone with a work tree.
pub fn commands(world: &World, runs: usize) -> Vec<Row> {
    let clone = world.folder.join("work");
    let remote = world.remote().display().to_string();
    git(&world.folder, &["clone", "--quiet", &remote, "work"]);
    let key_file = world.folder.join("alice.key");
    fs::write(&key_file, super::people::private_key("alice")).expect("a file");
    fs::set_permissions(&key_file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a mode");
    for (setting, value) in [("user.name", "alice"), ("user.email", "alice@x.example")] {
        git(&clone, &["config", setting, value]);
    }
    let key_file = key_file.display().to_string();
    let environment = name(0);
    let rows: [(&str, Vec<&str>); 3] = [
        ("status", vec!["status", &environment]),
        ("diff", vec!["diff", &environment]),
        ("approve --no-push", vec!["approve", &environment, "--yes", "--no-push", "--key", &key_file]),
    ];
    let measured = rows.into_iter().map(|(what, arguments)| {
        let ours = || run(COUNTERSIGN, &clone, &arguments);
        let paired = paired(runs, ours, || run("git", &clone, &["status", "--short"]));
        Row::ratio(&format!("`{what}` in a clone"), "git status", &paired, "≤ 1×")
    });
    measured.collect()
}

/// How much the journal grows by one entry.
pub fn growth(world: &World) -> Row {
    let tip = world.tip("countersign/journal").to_string();
    let range = format!("{tip}^..{tip}");
    let objects = git(&world.remote(), &["rev-list", "--objects", "--no-object-names", &range]);
    let mut bytes = 0;
    for id in objects.lines() {
        let file = world.remote().join("objects").join(&id[..2]).join(&id[2..]);
        bytes += fs::metadata(file).map_or(0, |file| file.len());
    }
    let kilobytes = format!("{:.1} KB", bytes as f64 / 1000.0);
    Row::plain("journal growth by an entry about one environment, loose", kilobytes.clone(), kilobytes, "≤ 40 KB")
}

/// A daemon as a process of its own that has nothing to do.
pub fn idle_memory(world: &World) -> Row {
    let settings = world.folder.join("settings.yaml").display().to_string();
    let mut daemon = Command::new(COUNTERSIGN);
    daemon.args(["run", "--settings", &settings]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut daemon = daemon.spawn().expect("it runs");
    // Until it waits for something to happen: neither it nor git has worked for five seconds.
    let (mut before, mut quiet) = (None, 0);
    while quiet < 10 {
        std::thread::sleep(Duration::from_millis(500));
        let now = worked(daemon.id());
        quiet = if now.is_some() && now == before { quiet + 1 } else { 0 };
        before = now;
    }
    // What it gives back goes to the system with what it does next, which is to look at the remote.
    if world.size.environments > 10 {
        std::thread::sleep(Duration::from_secs(70));
    }
    let (rss, peak) = (memory(daemon.id(), "VmRSS"), memory(daemon.id(), "VmHWM"));
    daemon.kill().expect("killed");
    daemon.wait().expect("it ended");
    let mib = |kib: u64| format!("{:.0} MiB", kib as f64 / 1024.0);
    Row::plain(
        "resident memory: idle; peak since its start",
        format!("{}; {}", mib(rss), mib(peak)),
        mib(rss),
        "≤ 64 MiB; ≤ 192 MiB",
    )
}
