//! A remote that is a real git repository: on this machine, or behind ssh or https.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use git2::ErrorCode;

use super::command::{Access, AccessError, GitCommand, GitError, GitHome};
use super::porcelain::{self, Status};
use super::store::{GitObjects, native, ours};
use super::url::{RemoteUrl, Transport};
use super::{Output, RefResult, RefUpdate, Remote, RemoteError, is_ref_name};
use crate::object::Oid;
use fetch::kept_as;
use whole::Whole;

mod fetch;
mod whole;

/// What of the remote's references is looked at.
const LOOKED_AT: [&str; 2] = ["refs/heads/", "refs/countersign/"];

/// How many references go into one call of git: the argument list of a process is bounded.
const AT_ONCE: usize = 500;

/// How many more pushes may be made to find out which of several references a hook refuses, when it refused all.
const MORE_PUSHES: u32 = 40;

/// How often a local remote is read again because its references were being packed meanwhile.
const READINGS: u32 = 10;

/// With more objects than this in files of their own, or more packs, they are packed.
const LOOSE: usize = 5_000;
const PACKS: usize = 50;

/// A remote that is a real git repository, with a bare repository of our own to fetch into and push from.
///
/// # Guarantees
/// Each update is a compare-and-set that the receiving side performs. What [`Remote::fetch`] was asked for is here
/// with all it reaches.
///
/// # Caveats
/// Where a hook on the other side refuses all updates of one push, they are tried in smaller groups, a limited number
/// of times: then what was not tried alone is reported as refused with the others.
#[derive(Debug)]
pub struct GitRemote {
    url: RemoteUrl,
    git: GitCommand,
    store: GitObjects,
    whole: Whole,
}

impl GitRemote {
    /// The remote at a URL, with the daemon's own bare repository and what lets it in.
    ///
    /// # Errors
    /// Where a file of `access` cannot be given to `ssh`.
    pub fn new(url: RemoteUrl, store: GitObjects, home: &GitHome, access: Access) -> Result<Self, AccessError> {
        let git = GitCommand::for_daemon(home, store.path(), &url, access)?;
        Ok(Self { url, git, store, whole: Whole::default() })
    }

    /// The same with another limit for each call of git (ten minutes, unless set).
    #[must_use]
    pub fn with_time_limit(mut self, limit: Duration) -> Self {
        self.git = self.git.with_time_limit(limit);
        self
    }

    /// The URL, without credentials.
    pub fn url(&self) -> &RemoteUrl {
        &self.url
    }

    /// Packs what was fetched and written since. Nothing is ever deleted that is not in a pack.
    fn pack(&self) -> Result<(), RemoteError> {
        self.release_packs();
        let output = self.run(["repack", "-d", "-l", "-q", "--geometric=2", "--no-write-bitmap-index"])?;
        self.expect_success(&output)?;
        self.store.reopen();
        self.write_commit_graph();
        Ok(())
    }

    /// Writes down what git asks of commits whenever it speaks with the remote: otherwise each fetch goes through the files
    /// of as many of the journal's commits as there are since the last changes of the configuration.
    fn write_commit_graph(&self) {
        let written = self.run(["commit-graph", "write", "--reachable", "--no-progress"]);
        if let Err(error) = written.and_then(|output| self.expect_success(&output)) {
            tracing::warn!(%error, "git's commit-graph could not be written");
        }
    }

    /// Whether there are many packs or, by one folder of 256, many files: git's own measure.
    fn is_untidy(&self) -> bool {
        let count = |folder: &str, end: &str| {
            let entries = fs::read_dir(self.store.path().join("objects").join(folder)).into_iter().flatten().flatten();
            entries.filter(|entry| entry.file_name().to_string_lossy().ends_with(end)).count()
        };
        count("17", "") > LOOSE / 256 || count("pack", ".pack") > PACKS
    }

    fn away(&self, message: impl Into<String>) -> RemoteError {
        RemoteError::Away { url: self.url.to_string(), message: message.into() }
    }

    fn lost(&self, message: impl Into<String>) -> RemoteError {
        RemoteError::AnswerLost { url: self.url.to_string(), message: message.into() }
    }

    fn run<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Result<Output, RemoteError> {
        self.git.run(arguments).map_err(|error| self.away(error.to_string()))
    }

    fn expect_success(&self, output: &Output) -> Result<(), RemoteError> {
        if output.success() { Ok(()) } else { Err(self.away(output.message())) }
    }
}

impl Remote for GitRemote {
    fn references(&mut self) -> Result<BTreeMap<String, Oid>, RemoteError> {
        if let Transport::Local(path) = self.url.transport()
            && let Some(references) = read_references(path)
        {
            return Ok(references);
        }
        let output =
            self.run(["ls-remote", "--refs", "--", self.url.as_str(), "refs/heads/*", "refs/countersign/*"])?;
        self.expect_success(&output)?;
        let mut references = BTreeMap::new();
        for line in output.text().lines() {
            let (id, name) = line.split_once('\t').ok_or_else(|| self.away("its list of references is cut"))?;
            let id = id.parse().map_err(|_| self.away("it has other object ids than SHA-1"))?;
            if is_looked_at(name) {
                references.insert(name.to_owned(), id);
            }
        }
        Ok(references)
    }

    fn fetch(&mut self, tips: &[(String, Oid)]) -> Result<(), RemoteError> {
        if let Some((name, _)) = tips.iter().find(|(name, _)| !is_ref_name(name)) {
            return Err(self.away(format!("`{}` is no name of a reference", name.escape_debug())));
        }
        let wanted: Vec<_> = tips.iter().filter(|(name, id)| !self.is_here(name, *id)).collect();
        if wanted.is_empty() { Ok(()) } else { self.fetch_wanted(&wanted) }
    }

    fn push(&mut self, updates: &[RefUpdate]) -> Result<Vec<RefResult>, RemoteError> {
        if let Some(id) = updates.iter().filter_map(|update| update.new).find(|id| !self.store.contains(*id)) {
            return Err(self.away(format!("{id} cannot be pushed: it is not here")));
        }
        let mut results: Vec<Option<Status>> = updates.iter().map(refused_here).collect();
        let (mut sent, mut more) = (false, MORE_PUSHES);
        for group in groups(updates, &results) {
            let of_group: Vec<&RefUpdate> = group.iter().map(|&index| &updates[index]).collect();
            let statuses = match self.push_group(&of_group, &mut more) {
                // "Nothing happened" would no longer be true.
                Err(RemoteError::Away { message, .. }) if sent => return Err(self.lost(message)),
                other => other?,
            };
            sent = true;
            for (index, status) in group.into_iter().zip(statuses) {
                results[index] = Some(status);
            }
        }
        let results: Vec<Status> = results.into_iter().flatten().collect();
        let settled = self.settle(updates, results);
        for (update, result) in updates.iter().zip(&settled) {
            if *result == RefResult::Done {
                self.keep(update);
            }
        }
        Ok(settled)
    }

    fn tidy(&mut self) -> Result<(), RemoteError> {
        if self.is_untidy() { self.pack() } else { Ok(()) }
    }
}

/// Pushing.
impl GitRemote {
    /// Remembers what was pushed as if it had been fetched, and forgets what was removed. Where that fails, it is fetched
    /// again.
    fn keep(&mut self, update: &RefUpdate) {
        let kept = match update.new {
            Some(new) => {
                self.whole.add(new);
                self.keep_at(&update.name, new)
            }
            None => {
                let repository = self.store.repository();
                repository.find_reference(&kept_as(&update.name)).and_then(|mut reference| reference.delete())
            }
        };
        if let Err(error) = kept
            && error.code() != ErrorCode::NotFound
        {
            tracing::debug!(name = update.name, error = error.message(), "what was pushed is not remembered");
        }
    }

    /// Pushes a group at once. Where the other side refused some only because of others, those again, in halves.
    fn push_group(&self, updates: &[&RefUpdate], more: &mut u32) -> Result<Vec<Status>, RemoteError> {
        let mut statuses = self.push_once(updates)?;
        let together: Vec<usize> = (0..updates.len()).filter(|&index| is_shared(&statuses[index])).collect();
        if updates.len() == 1 || together.is_empty() {
            return Ok(statuses);
        }
        let halves = if together.len() == updates.len() { 2 } else { 1 };
        for part in together.chunks(together.len().div_ceil(halves)) {
            if *more == 0 {
                break;
            }
            *more -= 1;
            let some: Vec<&RefUpdate> = part.iter().map(|&index| updates[index]).collect();
            match self.push_group(&some, more) {
                Ok(again) => part.iter().zip(again).for_each(|(&index, status)| statuses[index] = status),
                // What was refused stays so.
                Err(RemoteError::Away { .. }) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(statuses)
    }

    /// One push, and a second one where git would send nothing because something to be deleted is gone already.
    fn push_once(&self, updates: &[&RefUpdate]) -> Result<Vec<Status>, RemoteError> {
        let mut gone = BTreeSet::new();
        loop {
            let open: Vec<&RefUpdate> = updates.iter().filter(|u| !gone.contains(&u.name)).copied().collect();
            if open.is_empty() {
                return Ok(vec![Status::Done; updates.len()]);
            }
            let leases: Vec<_> = open.iter().map(|update| lease(update)).collect();
            let specs: Vec<_> = open.iter().map(|update| spec(update)).collect();
            let options = ["push", "--porcelain", "--no-verify", "--no-progress"];
            let arguments = options
                .into_iter()
                .chain(leases.iter().map(String::as_str))
                .chain(["--", self.url.as_str()])
                .chain(specs.iter().map(String::as_str));
            let output = match self.git.run(arguments) {
                Ok(output) => output,
                Err(error @ (GitError::Access(_) | GitError::Process(super::ProcessError::Start { .. }))) => {
                    return Err(self.away(error.to_string()));
                }
                Err(error) => return Err(self.lost(error.to_string())),
            };
            let known = porcelain::statuses(&output.text());
            if known.is_empty() {
                let before = gone.len();
                let wanted_gone = |name: &String| open.iter().any(|u| u.name == *name && u.new.is_none());
                gone.extend(porcelain::already_gone(&output.stderr).into_iter().filter(wanted_gone));
                if gone.len() > before {
                    continue;
                }
                let sent = !porcelain::nothing_was_sent(&output.stderr);
                return Err(if sent { self.lost(output.message()) } else { self.away(output.message()) });
            }
            return updates
                .iter()
                .map(|update| match known.get(&update.name) {
                    Some(Status::Lost(message)) => Err(self.lost(format!("{message}; {}", output.message()))),
                    Some(Status::Rejected(reason)) => {
                        Ok(Status::Rejected(porcelain::with_words(reason, &output.stderr)))
                    }
                    Some(status) => Ok(status.clone()),
                    None if gone.contains(&update.name) => Ok(Status::Done),
                    None => Err(self.lost(format!("nothing was said about `{}`", update.name))),
                })
                .collect();
        }
    }

    /// Why an update was rejected is in words; whether somebody was faster is settled by looking.
    fn settle(&mut self, updates: &[RefUpdate], statuses: Vec<Status>) -> Vec<RefResult> {
        let open = statuses.iter().any(|status| *status != Status::Done);
        let now = if open { self.references().ok() } else { None };
        let settle = |(update, status): (&RefUpdate, Status)| {
            let there = now.as_ref().filter(|_| is_looked_at(&update.name)).map(|now| now.get(&update.name).copied());
            match status {
                Status::Done => RefResult::Done,
                _ if there == Some(update.new) => RefResult::Done,
                Status::Stale => RefResult::Stale,
                _ if there.is_some_and(|there| there != update.expected) => RefResult::Stale,
                Status::Rejected(reason) | Status::Lost(reason) => RefResult::Refused { reason },
            }
        };
        updates.iter().zip(statuses).map(settle).collect()
    }
}

/// What is refused without asking anybody.
fn refused_here(update: &RefUpdate) -> Option<Status> {
    let shown = update.name.escape_debug();
    (!is_ref_name(&update.name)).then(|| Status::Rejected(format!("`{shown}` is no name of a reference")))
}

/// The updates still open, in groups for one push each; a name comes but once in a group.
fn groups(updates: &[RefUpdate], results: &[Option<Status>]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut names = BTreeSet::new();
    for (index, update) in updates.iter().enumerate().filter(|(index, _)| results[*index].is_none()) {
        match groups.last_mut() {
            Some(group) if group.len() < AT_ONCE && names.insert(&update.name) => group.push(index),
            _ => {
                names = BTreeSet::from([&update.name]);
                groups.push(vec![index]);
            }
        }
    }
    groups
}

/// Whether the reason stands for the whole push rather than for this one reference.
fn is_shared(status: &Status) -> bool {
    let shared = |reason: &str| reason.starts_with("pre-receive hook declined") || reason.starts_with("unpacker error");
    matches!(status, Status::Rejected(reason) if shared(reason))
}

fn lease(update: &RefUpdate) -> String {
    let expected = update.expected.map(|id| id.to_string()).unwrap_or_default();
    format!("--force-with-lease={}:{expected}", update.name)
}

fn spec(update: &RefUpdate) -> String {
    let new = update.new.map(|id| id.to_string()).unwrap_or_default();
    format!("{new}:{}", update.name)
}

fn is_looked_at(name: &str) -> bool {
    LOOKED_AT.iter().any(|prefix| name.starts_with(prefix))
}

/// The references of a repository on this machine, read without any other process; `None` where that cannot be done
/// (its owner, its format, a name that is not UTF-8), and git has to be asked.
fn read_references(path: &Path) -> Option<BTreeMap<String, Oid>> {
    let open = || {
        let nothing_above = std::iter::empty::<&Path>();
        git2::Repository::open_ext(path, git2::RepositoryOpenFlags::NO_SEARCH, nothing_above).ok()
    };
    let common = open()?.commondir().to_owned();
    undisturbed(&common, || list(&open()?).ok()?)
}

/// Reads until nobody packed references meanwhile.
///
/// Packing moves a reference from its own file into the common one. Read in the middle of that, it would seem gone, or
/// as it was when it was last packed; so what is read counts only where the common file stayed the same.
fn undisturbed<T>(common: &Path, mut read: impl FnMut() -> Option<T>) -> Option<T> {
    let packed = || fs::metadata(common.join("packed-refs")).ok().map(|file| stamp(&file));
    for _ in 0..READINGS {
        let before = packed();
        let found = read()?;
        if packed() == before {
            return Some(found);
        }
    }
    None
}

fn stamp(file: &fs::Metadata) -> (u64, u64, i64, i64) {
    use std::os::unix::fs::MetadataExt as _;
    (file.ino(), file.len(), file.mtime(), file.mtime_nsec())
}

fn list(repository: &git2::Repository) -> Result<Option<BTreeMap<String, Oid>>, git2::Error> {
    let mut references = BTreeMap::new();
    for prefix in LOOKED_AT {
        for reference in repository.references_glob(&format!("{prefix}*"))? {
            let reference = reference?;
            let Ok(name) = reference.name() else { return Ok(None) };
            // A symbolic one that leads nowhere is no reference for git either.
            let Some(id) = reference.target().or_else(|| reference.resolve().ok()?.target()) else { continue };
            let Ok(id) = ours(id) else { return Ok(None) };
            references.insert(name.to_owned(), id);
        }
    }
    Ok(Some(references))
}

#[cfg(test)]
mod tests;
