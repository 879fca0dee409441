//! The clone a command works in: which remote, branch, journal and root folder, and what the remote has right now.

use crate::git::clone::{CloneError, LocalClone, Wanted};
use crate::git::store::GitObjects;
use crate::git::{RefResult, RefUpdate, RemoteError, is_ref_name};
use crate::journal::read::{line, read_entry};
use crate::lifecycle::{Start, State, draft_branch};
use crate::model::EnvironmentName;
use crate::object::{ObjectError, Objects, Oid, entry_at};

use super::progress::Progress;
use super::{CliError, Global};

/// Where records may go when the config branch is protected.
pub const RECORDS: &str = "countersign/records";

/// A clone of a config repository, with the names that matter in it.
pub struct ConfigClone {
    git: LocalClone,
    objects: GitObjects,
    /// The remote everything is read from and pushed to.
    pub remote: String,
    /// The config branch.
    pub branch: String,
    /// The journal's branch.
    pub journal: String,
    /// The root folder where the configuration names one, without slashes around it.
    configured_root: Option<String>,
}

/// What the remote has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tips {
    /// The config branch.
    pub config: Oid,
    /// The journal.
    pub journal: Oid,
    /// `countersign/records`, where it exists.
    pub records: Option<Oid>,
    /// The root folder, without slashes around it.
    pub root: String,
}

/// The full name of a branch.
pub fn branch_ref(name: &str) -> String {
    format!("refs/heads/{name}")
}

impl ConfigClone {
    /// The clone that the command was started in.
    ///
    /// # Errors
    /// Where there is none, or its configuration names what cannot be.
    pub fn find(global: &Global) -> Result<Self, CliError> {
        let git = LocalClone::find(&global.directory).map_err(|error| match error {
            CloneError::NotFound { .. } => {
                failed(error).hint("run it in a clone of the config repository, or name one with -C")
            }
            other => failed(other),
        })?;
        let objects = git.objects().map_err(failed)?;
        let named = |key: &str, default: &str| -> Result<String, CliError> {
            Ok(git.config(&format!("countersign.{key}")).map_err(failed)?.unwrap_or_else(|| default.to_owned()))
        };
        let remote = named("remote", "origin")?;
        let branch = branch_named(named("branch", "main")?, "branch")?;
        let journal = branch_named(named("journal", "countersign/journal")?, "journal")?;
        let root = git.config("countersign.root").map_err(failed)?;
        let configured_root = root.map(|root| root.trim_matches('/').to_owned());
        Ok(Self { git, objects, remote, branch, journal, configured_root })
    }

    /// The person's git.
    pub fn git(&self) -> &LocalClone {
        &self.git
    }

    /// Its objects, raw.
    pub fn objects(&self) -> &GitObjects {
        &self.objects
    }

    /// Fetches config branch, journal and records. Neither work tree nor local branches change.
    ///
    /// # Errors
    /// Where the remote is away, or has no such branches.
    pub fn fetch(&self) -> Result<Tips, CliError> {
        self.fetch_with(None).map(|(tips, _)| tips)
    }

    /// As [`ConfigClone::fetch`], and one reference more in the same go: what it is at.
    ///
    /// # Errors
    /// As [`ConfigClone::fetch`].
    pub fn fetch_with(&self, more: Option<Wanted>) -> Result<(Tips, Option<Oid>), CliError> {
        let (config, journal, records) = (branch_ref(&self.branch), branch_ref(&self.journal), branch_ref(RECORDS));
        let mut wanted = vec![
            Wanted::required(config.clone()),
            Wanted::required(journal.clone()),
            Wanted::optional(records.clone()),
        ];
        let name = more.as_ref().map(|more| more.name.clone());
        wanted.extend(more);
        let _progress = Progress::start(format!("fetching from {} …", self.remote));
        let found = self.git.fetch(&self.remote, &wanted, &mut passed_on).map_err(|error| self.not_fetched(error))?;
        let at = |name: &str| found.get(name).copied().flatten();
        let missing = |name: &str| CliError::failed(format!("{} has no `{name}`", self.remote));
        let config = at(&config).ok_or_else(|| missing(&self.branch))?;
        let journal = at(&journal).ok_or_else(|| missing(&self.journal))?;
        let root = self.root(config, journal)?;
        Ok((Tips { config, journal, records: at(&records), root }, name.and_then(|name| at(&name))))
    }

    /// Fetches the draft of an environment, where there is one.
    ///
    /// # Errors
    /// Where the remote is away.
    pub fn fetch_draft(&self, name: &EnvironmentName) -> Result<Option<Oid>, CliError> {
        let reference = branch_ref(&draft_branch(name));
        let found =
            self.git.fetch(&self.remote, &[Wanted::optional(reference.clone())], &mut passed_on).map_err(failed)?;
        Ok(found.get(&reference).copied().flatten())
    }

    /// From here on git gets no longer than this for each thing it is asked.
    pub fn limit(&mut self, time: std::time::Duration) {
        self.git.limit(time);
    }

    /// What the remote has of the branches that matter, without fetching anything: equal where nothing moved.
    ///
    /// # Errors
    /// Where the remote is away.
    pub fn listed(&self) -> Result<Vec<String>, CliError> {
        let names = [branch_ref(&self.branch), branch_ref(&self.journal), branch_ref(RECORDS)];
        self.git.listed(&self.remote, &names).map_err(|error| self.not_fetched(error))
    }

    /// Where `governance/` and `environments/` are: as configured, else the top, else as the journal was begun.
    fn root(&self, config: Oid, journal: Oid) -> Result<String, CliError> {
        if let Some(root) = &self.configured_root {
            return Ok(root.clone());
        }
        let tree = self.objects.commit(config)?.tree;
        if entry_at(&self.objects, tree, "governance")?.is_some() {
            return Ok(String::new());
        }
        Ok(self.start(journal)?.start.root)
    }

    /// The journal's first entry, read by itself: the repository's identity and what was fixed for good.
    ///
    /// # Errors
    /// Where the journal cannot be read back to its beginning.
    pub fn start(&self, journal: Oid) -> Result<State, CliError> {
        let first = line(&self.objects, journal, None)?.into_iter().next();
        let first = first.ok_or_else(|| CliError::failed("the journal is empty"))?;
        State::begin(&read_entry(&self.objects, first)?.entry)
            .map_err(|error| CliError::failed(format!("the journal does not begin as one does: {error}")))
    }

    /// Gate: the clone's names are those that the journal was begun with.
    ///
    /// # Errors
    /// Where they are others: what is signed here would count nowhere.
    pub fn check_names(&self, start: &Start, tips: &Tips) -> Result<(), CliError> {
        let other = |what: &str, ours: &str, theirs: &str| {
            CliError::failed(format!("the journal was begun for {what} `{theirs}`, not `{ours}`"))
                .hint(format!("git config countersign.{what} {theirs}"))
        };
        if start.branch != self.branch {
            return Err(other("branch", &self.branch, &start.branch));
        }
        if start.root != tips.root {
            return Err(other("root", &format!("/{}", tips.root), &format!("/{}", start.root)));
        }
        Ok(())
    }

    /// Pushes one commit to one branch of the remote as a compare-and-set.
    ///
    /// # Errors
    /// Where the remote is away (nothing happened). A lost answer is `None`: look again.
    pub fn push(&self, branch: &str, expected: Option<Oid>, new: Oid) -> Result<Option<RefResult>, CliError> {
        let update = RefUpdate { name: branch_ref(branch), expected, new: Some(new) };
        let _progress = Progress::start(format!("pushing to {} …", self.remote));
        match self.git.push(&self.remote, &update, &mut passed_on) {
            Ok(result) => Ok(Some(result)),
            Err(CloneError::Remote(RemoteError::AnswerLost { .. })) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    fn not_fetched(&self, error: CloneError) -> CliError {
        let CloneError::Remote(RemoteError::Away { message, .. }) = &error else { return failed(error) };
        let missing = |branch: &str| message.contains(&format!("couldn't find remote ref {}", branch_ref(branch)));
        if missing(&self.journal) {
            return CliError::failed(format!("{} has no journal branch `{}`", self.remote, self.journal)).hint(
                "the daemon starts it (`countersign run --start-journal`); another name: git config countersign.journal NAME",
            );
        }
        if missing(&self.branch) {
            return CliError::failed(format!("{} has no branch `{}`", self.remote, self.branch))
                .hint("name the config branch: git config countersign.branch NAME");
        }
        failed(error)
    }
}

/// What somebody must see while git or ssh runs: that a security key waits to be touched.
pub(super) fn passed_on(note: &str) {
    if note.starts_with("Confirm user presence") {
        eprintln!("{}", crate::text::escape(note));
    }
}

fn branch_named(name: String, key: &str) -> Result<String, CliError> {
    if is_ref_name(&branch_ref(&name)) {
        return Ok(name);
    }
    Err(CliError::failed(format!("git config countersign.{key}: `{name}` is no name of a branch")))
}

pub(super) fn failed(error: CloneError) -> CliError {
    match error {
        CloneError::Remote(RemoteError::Away { url, message }) => {
            CliError::failed(format!("the remote {url} cannot be reached: {message}"))
                .hint("countersign takes git's own settings and keys: try `git fetch`")
        }
        other => super::error::from_error(&other),
    }
}

/// The hint for what is not here because history was cut off when the clone was made.
pub fn hint_for_missing(error: &ObjectError) -> &'static str {
    match error {
        ObjectError::Missing { .. } => {
            "a shallow or partial clone lacks it; fetch the rest: git fetch --unshallow; where rewritten history was \
             accepted: git fetch origin 'refs/countersign/kept/*:refs/countersign/kept/*'"
        }
        _ => "",
    }
}
