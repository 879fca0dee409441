//! A world to tell scenarios in: a bare remote, people with keys and clones, governance, settings, and the real binary,
//! all in one temporary folder.
//!
//! ```ignore
//! World::new()
//!     .environment("mallory", "prod", "v1\n")
//!     .push("mallory")
//!     .tick()
//!     .expect_waiting_on("prod", "standard/platform")
//!     .approve_by_merge("alice", "prod")
//!     .tick()
//!     .expect_applied("prod", "v1\n")
//!     .finish();
//! ```
//!
//! Every scenario ends with [`World::finish`]: one more tick must change nothing, neither on the remote nor on the
//! host, and `countersign verify` must prove everything that happened.

mod clones;
mod daemon;
mod forged;
mod journal;
mod program;
mod record;
mod request;
mod setup;
mod timed;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

pub use program::{Run, tool_or_skip};
pub use record::Record;
pub use setup::{Setup, document};
pub use timed::Timed;

/// The name of the daemon that every world has.
pub const DAEMON: &str = "journal";

/// See the module's documentation.
pub struct World {
    folder: TempDir,
    /// Seconds since the epoch, for the next commit made in a clone: dates in a world are the same in every run.
    clock: Cell<u64>,
    pin: String,
    started: bool,
    pub last: Option<Run>,
    finished: bool,
}

impl World {
    /// A world with alice (owner), bob (reviewer with alice, in the team `platform`) and mallory (developer), the
    /// ruleset `standard` that asks for one approval by `platform`, and no environment yet.
    pub fn new() -> Self {
        Setup::default().build()
    }

    /// A world that is set up in another way.
    pub fn with() -> Setup {
        Setup::default()
    }

    /// Something in the world's folder.
    pub fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(path)
    }

    /// The folder where targets may be: the target of `prod` is `srv/prod`.
    pub fn target(&self, environment: &str) -> PathBuf {
        self.at("srv").join(environment)
    }

    /// What `config/app.conf` of an environment is on the host; `None` where it was never applied.
    pub fn applied(&self, environment: &str) -> Option<String> {
        std::fs::read_to_string(self.target(environment).join("app.conf")).ok()
    }

    /// The target of an environment holds exactly this `app.conf` and nothing else.
    #[track_caller]
    pub fn expect_applied(&mut self, environment: &str, content: &str) -> &mut Self {
        let found = files_below(&self.target(environment));
        let expected = BTreeMap::from([("app.conf".to_owned(), content.as_bytes().to_vec())]);
        assert_eq!(readable(&found), readable(&expected), "what is applied in {environment}\n{}", self.said());
        self
    }

    /// The target of an environment is not there.
    #[track_caller]
    pub fn expect_not_applied(&mut self, environment: &str) -> &mut Self {
        let target = self.target(environment);
        assert!(!target.exists(), "{environment} was applied: {:?}\n{}", self.applied(environment), self.said());
        self
    }

    /// One more tick of the first daemon changes nothing: no reference on the remote, no file of any target. Its sign of
    /// life is renewed after minutes, which a busy machine may need.
    #[track_caller]
    pub fn second_tick_changes_nothing(&mut self) -> &mut Self {
        let seen = |world: &Self| {
            let mut references = world.references();
            references.remove("refs/countersign/heartbeat");
            (references, files_below(&world.at("srv")))
        };
        let before = seen(self);
        let last = self.last.clone();
        let again = self.try_tick();
        assert_eq!(seen(self), before, "a second tick wrote:\n{again}");
        if let Some(last) = last.filter(|last| last.is_tick) {
            assert_eq!(again.stdout, last.stdout, "a second tick says something else");
            assert_eq!(again.code, last.code, "a second tick ends otherwise:\n{again}");
        }
        self
    }

    /// Ends the scenario: see [`World::second_tick_changes_nothing`].
    #[track_caller]
    pub fn finish(&mut self) {
        self.second_tick_changes_nothing();
        self.expect_proven();
        self.finished = true;
    }

    /// As [`World::finish`], where `countersign verify` of the remote must end with this code, saying this.
    #[track_caller]
    pub fn finish_unproven(&mut self, code: i32, words: &str) {
        self.second_tick_changes_nothing();
        let proof = self.verify("remote.git");
        assert_eq!(proof.code, Some(code), "{proof}");
        assert!(proof.stdout.contains(words) || proof.stderr.contains(words), "`{words}` was not said: {proof}");
        self.finished = true;
    }

    /// The whole history can be proven from the remote alone.
    #[track_caller]
    pub fn expect_proven(&mut self) -> &mut Self {
        let proof = self.verify("remote.git");
        assert!(proof.succeeded(), "the history is not proven:\n{proof}");
        self
    }

    /// `countersign verify` with the world's pin, in a clone or the remote.
    pub fn verify(&self, folder: &str) -> Run {
        self.countersign(&["-C", folder, "verify", "--root", &self.pin])
    }

    /// Ends a scenario in which no daemon can tick any more, and says why.
    pub fn finish_without_tick(&mut self, reason: &str) {
        assert!(!reason.is_empty());
        self.finished = true;
    }

    /// What the last program said, for the message of an assertion.
    fn said(&self) -> String {
        self.last.as_ref().map(|run| format!("last run:\n{run}")).unwrap_or_default()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Not in a test that fails already: a second panic would hide the first.
        if !self.finished && !std::thread::panicking() {
            panic!("a scenario ends with `finish()`: a second tick must change nothing");
        }
    }
}

/// Every file below a folder, by path.
pub fn files_below(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(at) = open.pop() {
        for entry in std::fs::read_dir(&at).into_iter().flatten() {
            let entry = entry.expect("an entry");
            let path = entry.path();
            if entry.file_type().expect("a type").is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below").to_string_lossy().into_owned();
                found.insert(name, std::fs::read(&path).unwrap_or_default());
            }
        }
    }
    found
}

fn readable(files: &BTreeMap<String, Vec<u8>>) -> BTreeMap<&str, String> {
    files.iter().map(|(name, bytes)| (name.as_str(), String::from_utf8_lossy(bytes).into_owned())).collect()
}
