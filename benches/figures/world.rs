//! A generated world: a repository with its journal as the daemon itself writes it, on disk, with settings and keys.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use countersign::digest::RevisionId;
use countersign::disk::MemoryDisk;
use countersign::git::memory::{MemoryRemote, MemoryServer};
use countersign::journal::{Journal, Layout};
use countersign::model::{ApprovalVerdict, Glob};
use countersign::object::{MemoryObjects, Objects as _, Oid};
use countersign::reconcile::{Clock, Config, Daemon, Drivers};
use countersign::revision::{Hashes, resolve_governance};
use countersign::settings::{Grant, Grants};
use jiff::Timestamp;

use super::host::Believer;
use super::kept::Kept;
use super::people::{APPROVERS, DAEMON, PUSHER, governance, private_key};
use super::people_do::approval;

const MAIN: &str = "refs/heads/main";
const JOURNAL: &str = "refs/heads/countersign/journal";

/// How large a world is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub environments: usize,
    pub files: usize,
    pub deployments: usize,
    pub seed: u64,
}

/// A world on disk.
pub struct World {
    pub folder: PathBuf,
    pub size: Size,
    pub pin: RevisionId,
}

/// The name of an environment.
pub fn name(at: usize) -> String {
    format!("env-{at:05}")
}

/// What a file of an environment holds at its `version`th deployment: some of a file changes each time.
pub fn content(size: Size, at: usize, file: usize, version: usize) -> String {
    let mut text = format!("# file {file} of {}\n", name(at));
    let mut random = size.seed ^ ((at as u64) << 20) ^ (file as u64);
    for line in 0..20 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text += &format!("setting-{line} = {:08x}\n", random >> 32);
    }
    if file == version % size.files {
        text += &format!("version = {version}\n");
    }
    text
}

pub fn environment_yaml(folder: &Path, at: usize) -> String {
    let name = name(at);
    format!(
        "apiVersion: countersign/v1\nkind: Environment\nmetadata: {{ name: {name} }}\nspec:\n  requireApproval: true\n  \
         rulesets: [two]\n  services:\n    - {{ name: config, type: files, path: config, target: {}/srv/{name} }}\n",
        folder.display()
    )
}

struct Frozen(Arc<std::sync::atomic::AtomicI64>);

impl Clock for Frozen {
    fn now(&self) -> Timestamp {
        let second = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Timestamp::from_second(second / 16).expect("a time")
    }
}

/// Makes a world in a folder: every environment had `deployments` deployments, each approved by two people.
pub fn generate(folder: &Path, size: Size) -> World {
    let server = MemoryServer::new();
    let objects = Kept::on(server.objects());
    let commit = |parent: Option<Oid>, edits: &BTreeMap<String, String>, who: &str, second: i64| {
        let time = Timestamp::from_second(second).expect("a time");
        let id = super::people_do::commit(&objects, parent, edits, who, time);
        server.set(MAIN, Some(id));
        id
    };
    let begun = 1_790_000_000;
    let first = commit(None, &governance().into_iter().collect(), "alice", begun);
    let world = World { folder: folder.to_owned(), size, pin: pin() };
    let clock = Arc::new(std::sync::atomic::AtomicI64::new((begun + 1_000) * 16));
    let mut daemon = Daemon::new(
        world.config(true),
        Arc::new(objects.clone()),
        Box::new(MemoryRemote::new(server.clone(), server.objects().clone())),
        Box::new(Frozen(clock)),
        Box::new(MemoryDisk::new()),
        Drivers { files: Box::new(Believer) },
        countersign::git::sign::JournalKey::from_openssh(&private_key(DAEMON)).expect("a key"),
        format!("{:032x}", 1),
    );
    let mut tip = first;
    for version in 1..=size.deployments {
        let mut edits = BTreeMap::new();
        for at in 0..size.environments {
            let folder_of = format!("environments/{}", name(at));
            for file in 0..size.files {
                edits.insert(format!("{folder_of}/config/{file:02}.conf"), content(size, at, file, version));
            }
            edits.insert(format!("{folder_of}/environment.yaml"), environment_yaml(folder, at));
        }
        let second = begun + 100 * version as i64;
        tip = commit(Some(tip), &edits, PUSHER, second);
        step("planned", || daemon.settle().expect("planned"));
        let journal = server.get(JOURNAL).expect("a journal");
        let journal = Journal::read(&objects, &Hashes::default(), journal).expect("a journal");
        for who in APPROVERS {
            let waiting = journal.state.environments.iter().filter_map(|(name, env)| Some((name, env.current?)));
            let records = waiting
                .map(|(name, plan)| approval(journal.state.repository, name, plan, who, ApprovalVerdict::Approve))
                .collect();
            tip = commit(Some(tip), &records, who, second + 10);
        }
        step("deployed", || daemon.settle().expect("deployed"));
    }
    let remote = world.remote();
    fs::create_dir_all(folder.join("srv")).expect("a folder");
    git(folder, &["init", "--quiet", "--bare", "-b", "main", "remote.git"]);
    step("written", || objects.pack_into(&remote));
    for (name, id) in server.references() {
        git(&remote, &["update-ref", &name, &id.to_string()]);
    }
    // As a server has it in the long run.
    step("packed", || git(&remote, &["repack", "-a", "-d", "--quiet"]));
    let key_file = folder.join("journal.key");
    fs::write(&key_file, private_key(DAEMON)).expect("a file");
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).expect("a mode");
    fs::write(folder.join("settings.yaml"), world.settings(&remote.display().to_string())).expect("a file");
    world
}

/// The policy that every world is pinned to.
fn pin() -> RevisionId {
    let objects = MemoryObjects::default();
    let time = Timestamp::UNIX_EPOCH;
    let edits = governance().into_iter().collect();
    let commit = super::people_do::commit(&objects, None, &edits, "alice", time);
    let tree = objects.commit(commit).expect("a commit").tree;
    resolve_governance(&objects, &Hashes::default(), "", tree).expect("read").0.expect("a policy")
}

fn step<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let begun = std::time::Instant::now();
    let result = run();
    eprintln!("  {what} in {:.1} s", begun.elapsed().as_secs_f64());
    result
}

impl World {
    /// A world that was generated before.
    pub fn at(folder: &Path, size: Size) -> Self {
        Self { folder: folder.to_owned(), size, pin: pin() }
    }

    /// The remote's folder.
    pub fn remote(&self) -> PathBuf {
        self.folder.join("remote.git")
    }

    /// What the operator decides.
    pub fn config(&self, start_journal: bool) -> Config {
        Config {
            branch: "main".to_owned(),
            root: String::new(),
            journal: "countersign/journal".to_owned(),
            layout: Layout::Sharded,
            prefix: "countersign".to_owned(),
            policy: self.pin,
            identity: None,
            require_tips: false,
            grants: Grants(vec![Grant {
                environments: vec![Glob::parse("*").expect("a glob")],
                services: vec!["files".to_owned()],
                targets: vec![format!("{}/srv", self.folder.display())],
            }]),
            preview_limit: 256 << 10,
            ready_limit: 200,
            most_environments: 20_000,
            yaml_limit: 1 << 20,
            nonce: format!("{:032x}", self.size.seed),
            start_journal,
            plans_at_once: 1,
            applies_at_once: 1,
            accept_history: None,
            take_over: None,
        }
    }

    /// Settings for a daemon of this world, with this remote.
    pub fn settings(&self, url: &str) -> String {
        let folder = self.folder.display();
        format!(
            "apiVersion: countersign/v1\nkind: Settings\nspec:\n  repositories:\n    - name: world\n      url: {url}\n      \
             trust: {{ policy: \"{}\" }}\n      journal: {{ branch: countersign/journal, layout: sharded }}\n      \
             allow: [{{ environments: [\"*\"], services: [files], targets: [{folder}/srv] }}]\n  \
             signingKeyFile: {folder}/journal.key\n  state: {folder}/state\n",
            self.pin
        )
    }
}

/// Runs git in a folder.
pub fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").arg("-C").arg(folder).args(arguments).output().expect("git runs");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}
