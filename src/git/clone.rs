//! A person's clone of the config repository, as the commands they type need it: their git, their configuration,
//! their keys. Neither work tree nor local branches are ever touched.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::command::{GitCommand, GitError};
use super::keygen::SigningKey;
use super::porcelain::{self, Status};
use super::store::{GitObjects, StoreError};
use super::{Output, RefResult, RefUpdate, RemoteError, is_ref_name};
use crate::object::Oid;

/// A person's clone.
#[derive(Debug, Clone)]
pub struct LocalClone {
    git: GitCommand,
    folder: PathBuf,
    common: PathBuf,
    top: Option<PathBuf>,
    /// Its configuration, read when first asked for: starting git costs more than all of it is long.
    settings: OnceLock<BTreeMap<String, String>>,
}

/// What went wrong in a clone.
#[derive(Debug, thiserror::Error)]
pub enum CloneError {
    /// The folder is in no clone.
    #[error("`{}` is in no git repository: {message}", folder.display())]
    NotFound {
        /// The folder.
        folder: PathBuf,
        /// In git's words.
        message: String,
    },
    /// Git refused.
    #[error("git failed: {message}")]
    Git {
        /// In its words.
        message: String,
    },
    /// The remote is not one of the clone's.
    #[error("`{name}` is no remote of this clone; set another with `git config countersign.remote NAME`")]
    NoRemote {
        /// Its name.
        name: String,
    },
    /// A text that is no name of a reference.
    #[error("`{name}` is no name of a reference")]
    Name {
        /// The text.
        name: String,
    },
    /// Git could not be run.
    #[error(transparent)]
    Command(#[from] GitError),
    /// The objects cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The remote.
    #[error(transparent)]
    Remote(#[from] RemoteError),
}

/// A reference of the remote that is to be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its full name (`refs/heads/main`).
    pub name: String,
    /// Whether it may be missing there.
    pub optional: bool,
}

/// A commit to be made in a person's name.
#[derive(Debug, Clone, Copy)]
pub struct Draft<'a> {
    /// What it contains.
    pub tree: Oid,
    /// What it follows.
    pub parents: &'a [Oid],
    /// Its message.
    pub message: &'a str,
}

impl Wanted {
    /// One that must be there.
    pub fn required(name: impl Into<String>) -> Self {
        Self { name: name.into(), optional: false }
    }

    /// One that may be missing.
    pub fn optional(name: impl Into<String>) -> Self {
        Self { name: name.into(), optional: true }
    }
}

impl LocalClone {
    /// The clone that a folder is in, by git's own rules: worktrees, `GIT_DIR`, `safe.directory`.
    ///
    /// # Errors
    /// [`CloneError::NotFound`].
    pub fn find(folder: &Path) -> Result<Self, CloneError> {
        Self::find_with(folder, GitCommand::in_clone(folder))
    }

    /// The same, with git called in a way of one's own.
    ///
    /// # Errors
    /// [`CloneError::NotFound`].
    pub fn find_with(folder: &Path, git: GitCommand) -> Result<Self, CloneError> {
        let output = git.run(["rev-parse", "--path-format=absolute", "--git-common-dir", "--is-bare-repository"])?;
        let text = output.text();
        let mut lines = text.lines();
        let (true, Some(common), Some(bare)) = (output.success(), lines.next(), lines.next()) else {
            return Err(CloneError::NotFound { folder: folder.to_owned(), message: output.message() });
        };
        let top = if bare == "true" { None } else { one_line(&git.run(["rev-parse", "--show-toplevel"])?) };
        let (folder, common) = (folder.to_owned(), PathBuf::from(common));
        Ok(Self { git, folder, common, top: top.map(PathBuf::from), settings: OnceLock::new() })
    }

    /// The folder it was found from.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The top of the work tree; `None` in a bare repository.
    pub fn top(&self) -> Option<&Path> {
        self.top.as_deref()
    }

    /// Its objects, raw.
    ///
    /// # Errors
    /// Where they are of a format that cannot be read here.
    pub fn objects(&self) -> Result<GitObjects, CloneError> {
        Ok(GitObjects::open(&self.common)?)
    }

    /// A value of git's configuration; the last one where there are several. Read once: what is set later is not seen.
    ///
    /// # Errors
    /// Where the configuration cannot be read.
    pub fn config(&self, name: &str) -> Result<Option<String>, CloneError> {
        let settings = match self.settings.get() {
            Some(settings) => settings,
            None => {
                let output = self.git.run(["config", "--null", "--list"])?;
                if !output.success() {
                    return Err(failed(&output));
                }
                let text = output.text();
                let lines = text.split_terminator('\0').map(|line| line.split_once('\n').unwrap_or((line, "")));
                self.settings.get_or_init(|| lines.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
            }
        };
        Ok(settings.get(&as_listed(name)).cloned())
    }

    /// The key git would sign with (`user.signingKey`).
    ///
    /// # Errors
    /// As [`LocalClone::config`].
    pub fn signing_key(&self) -> Result<Option<SigningKey>, CloneError> {
        let home = std::env::var_os("HOME").map(PathBuf::from);
        Ok(self.config("user.signingKey")?.map(|text| SigningKey::parse(&text, home.as_deref())))
    }

    /// The program that makes SSH signatures (`gpg.ssh.program`, else `ssh-keygen`).
    ///
    /// # Errors
    /// As [`LocalClone::config`].
    pub fn signing_program(&self) -> Result<String, CloneError> {
        Ok(self.config("gpg.ssh.program")?.unwrap_or_else(|| "ssh-keygen".to_owned()))
    }

    /// The editor git would start, as a command line.
    ///
    /// # Errors
    /// Where git knows none, in its words.
    pub fn editor(&self) -> Result<String, CloneError> {
        let output = self.git.run(["var", "GIT_EDITOR"])?;
        one_line(&output).ok_or_else(|| failed(&output))
    }

    /// The name and address git would write into a commit.
    ///
    /// # Errors
    /// Where git knows none, in its words.
    pub fn identity(&self) -> Result<(String, String), CloneError> {
        let output = self.git.run(["var", "GIT_COMMITTER_IDENT"])?;
        let line = one_line(&output).ok_or_else(|| failed(&output))?;
        let person = line.split_once(" <").and_then(|(name, rest)| Some((name, rest.split_once('>')?.0)));
        let (name, email) = person.ok_or_else(|| failed(&output))?;
        Ok((name.to_owned(), email.to_owned()))
    }

    /// What a local reference is at (`refs/remotes/origin/main`); `None` where there is none.
    ///
    /// # Errors
    /// Where git refuses, or the text is no name of a reference.
    pub fn reference(&self, name: &str) -> Result<Option<Oid>, CloneError> {
        check_name(name)?;
        // An exact name: for-each-ref would also list what lies below it.
        let output = self.git.run(["rev-parse", "--verify", "--quiet", "--end-of-options", name])?;
        match output.code {
            Some(0) => one_line(&output).and_then(|id| id.parse().ok()).map(Some).ok_or_else(|| failed(&output)),
            Some(1) => Ok(None),
            _ => Err(failed(&output)),
        }
    }

    /// Puts a local reference at another commit, as a compare-and-set; gives whether it was there as expected.
    ///
    /// # Errors
    /// Where git refuses, or the text is no name of a reference.
    pub fn move_reference(&self, name: &str, expected: Option<Oid>, new: Oid) -> Result<bool, CloneError> {
        check_name(name)?;
        // The zero id: it must not exist.
        let (new, old) = (new.to_string(), expected.map_or_else(|| "0".repeat(40), |id| id.to_string()));
        let output = self.git.run(["update-ref", "--no-deref", "--end-of-options", name, &new, &old])?;
        if output.success() || self.reference(name)? != expected {
            return Ok(output.success());
        }
        Err(failed(&output))
    }

    /// Where [`LocalClone::fetch`] puts a reference of a remote: `refs/heads/x` at `refs/remotes/<remote>/x`, all
    /// others below `refs/countersign-remotes/<remote>/`.
    pub fn tracked_as(remote: &str, name: &str) -> String {
        match name.strip_prefix("refs/heads/") {
            Some(branch) => format!("refs/remotes/{remote}/{branch}"),
            None => format!("refs/countersign-remotes/{remote}/{}", name.strip_prefix("refs/").unwrap_or(name)),
        }
    }

    /// Fetches references of a remote, as the person's own git does it. Gives what each is at now; `None` for one that
    /// is optional and not there (its local copy, if any, is deleted, since it says something that is no longer so).
    ///
    /// # Errors
    /// Where the remote cannot be reached or a required reference is not there.
    pub fn fetch(
        &self,
        remote: &str,
        wanted: &[Wanted],
        notes: &mut dyn FnMut(&str),
    ) -> Result<BTreeMap<String, Option<Oid>>, CloneError> {
        self.check_remote(remote)?;
        for wanted in wanted {
            check_name(&wanted.name)?;
        }
        let mut open: Vec<&Wanted> = wanted.iter().collect();
        let mut missing: Vec<&Wanted> = Vec::new();
        while !open.is_empty() {
            let specs: Vec<_> =
                open.iter().map(|w| format!("+{}:{}", w.name, Self::tracked_as(remote, &w.name))).collect();
            let options = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"];
            let arguments = options.into_iter().chain(["--", remote]).chain(specs.iter().map(String::as_str));
            let output = self.git.run_with_notes(arguments, notes)?;
            if output.success() {
                break;
            }
            // Git names the first that is missing, and fetches nothing.
            let gone = output.stderr.lines().find_map(|line| line.strip_prefix("fatal: couldn't find remote ref "));
            match open.iter().position(|wanted| wanted.optional && gone == Some(wanted.name.as_str())) {
                Some(index) => missing.push(open.swap_remove(index)),
                None => return Err(RemoteError::Away { url: remote.to_owned(), message: output.message() }.into()),
            }
        }
        let tracked = |wanted: &Wanted| Self::tracked_as(remote, &wanted.name);
        let mut here = self.references(&wanted.iter().map(tracked).collect::<Vec<_>>())?;
        for gone in missing.into_iter().map(tracked).filter(|name| here.remove(name).is_some()) {
            let output = self.git.run(["update-ref", "--no-deref", "-d", &gone])?;
            if !output.success() {
                return Err(failed(&output));
            }
        }
        Ok(wanted.iter().map(|wanted| (wanted.name.clone(), here.get(&tracked(wanted)).copied())).collect())
    }

    /// Where those of these references are that are there.
    fn references(&self, names: &[String]) -> Result<BTreeMap<String, Oid>, CloneError> {
        let options = ["for-each-ref", "--format=%(objectname) %(refname)", "--"];
        let output = self.git.run(options.into_iter().chain(names.iter().map(String::as_str)))?;
        if !output.success() {
            return Err(failed(&output));
        }
        let text = output.text();
        let listed = text.lines().filter_map(|line| line.split_once(' '));
        // What lies below a name is listed too.
        let named = listed.filter(|(_, name)| names.iter().any(|wanted| wanted == name));
        named.map(|(id, name)| Ok((name.to_owned(), id.parse().map_err(|_| failed(&output))?))).collect()
    }

    /// What git ignores below a folder of the work tree, and does not track: files, and folders as a whole.
    ///
    /// # Errors
    /// Where git refuses.
    pub fn ignored(&self, folder: &Path) -> Result<BTreeSet<PathBuf>, CloneError> {
        // Names are relative to the folder in which git runs.
        let git = GitCommand::in_clone(folder);
        let listed = ["ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z"];
        let output = git.run(listed)?;
        if !output.success() {
            return Err(failed(&output));
        }
        let text = output.text();
        let names = text.split('\0').filter(|name| !name.is_empty());
        Ok(names.map(|name| folder.join(name.trim_end_matches('/'))).collect())
    }

    /// From here on each run of git takes no longer than this.
    pub fn limit(&mut self, time: std::time::Duration) {
        self.git = self.git.clone().with_time_limit(time);
    }

    /// What a remote has of these references, one line each as `git ls-remote` prints it: nothing is fetched.
    ///
    /// # Errors
    /// Where the remote cannot be reached.
    pub fn listed(&self, remote: &str, names: &[String]) -> Result<Vec<String>, CloneError> {
        self.check_remote(remote)?;
        for name in names {
            check_name(name)?;
        }
        let arguments = ["ls-remote", "--quiet", "--", remote].into_iter().chain(names.iter().map(String::as_str));
        let output = self.git.run(arguments)?;
        if !output.success() {
            return Err(RemoteError::Away { url: remote.to_owned(), message: output.message() }.into());
        }
        Ok(output.text().lines().map(str::to_owned).collect())
    }

    /// Makes a commit as the person's git would: their name, address and clock, signed where they have `commit.gpgSign`
    /// set. Touches no reference, index or work tree.
    ///
    /// # Errors
    /// Where git refuses, in its words: it knows no name, or the signature was not made.
    pub fn commit_tree(&self, draft: &Draft<'_>, notes: &mut dyn FnMut(&str)) -> Result<Oid, CloneError> {
        // Plumbing does not look at `commit.gpgSign` by itself.
        let output = self.git.run(["config", "--type=bool", "--get", "commit.gpgSign"])?;
        let sign = one_line(&output).as_deref() == Some("true");
        let (tree, parents) = (draft.tree.to_string(), draft.parents.iter().map(Oid::to_string).collect::<Vec<_>>());
        let mut arguments = vec!["commit-tree"];
        arguments.extend(sign.then_some("-S"));
        arguments.extend(parents.iter().flat_map(|parent| ["-p", parent.as_str()]));
        arguments.extend(["-m", draft.message, "--end-of-options", &tree]);
        let output = self.git.run_with_notes(arguments, notes)?;
        one_line(&output).and_then(|id| id.parse().ok()).ok_or_else(|| failed(&output))
    }

    /// Pushes one commit to one reference of a remote, as a compare-and-set. The person's own hooks run.
    ///
    /// # Errors
    /// [`RemoteError::Away`] where nothing happened, [`RemoteError::AnswerLost`] where that is not known.
    pub fn push(&self, remote: &str, update: &RefUpdate, notes: &mut dyn FnMut(&str)) -> Result<RefResult, CloneError> {
        self.check_remote(remote)?;
        check_name(&update.name)?;
        let text = |id: Option<Oid>| id.map(|id| id.to_string()).unwrap_or_default();
        let lease = format!("--force-with-lease={}:{}", update.name, text(update.expected));
        let spec = format!("{}:{}", text(update.new), update.name);
        let options = ["push", "--porcelain", "--no-progress", "--no-follow-tags", "--recurse-submodules=no"];
        let arguments = options.into_iter().chain([lease.as_str(), "--", remote, spec.as_str()]);
        let lost = |message: String| CloneError::from(RemoteError::AnswerLost { url: remote.to_owned(), message });
        let output = self.git.run_with_notes(arguments, notes).map_err(|error| match error {
            GitError::Process(super::ProcessError::Start { .. }) | GitError::Access(_) => CloneError::from(error),
            GitError::Process(_) => lost(error.to_string()),
        })?;
        let refused = |reason: String| Ok(RefResult::Refused { reason });
        match porcelain::statuses(&output.text()).remove(&update.name) {
            Some(Status::Done) => Ok(RefResult::Done),
            Some(Status::Stale) => Ok(RefResult::Stale),
            Some(Status::Lost(message)) => Err(lost(message)),
            Some(Status::Rejected(_)) if was_raced(&output.stderr) => Ok(RefResult::Stale),
            Some(Status::Rejected(reason)) => refused(porcelain::with_words(&reason, &output.stderr)),
            None if porcelain::already_gone(&output.stderr).contains(&update.name) => Ok(RefResult::Done),
            None if porcelain::nothing_was_sent(&output.stderr) => {
                Err(RemoteError::Away { url: remote.to_owned(), message: output.message() }.into())
            }
            None if was_held_back(&output) => refused(output.message()),
            None => Err(lost(output.message())),
        }
    }

    fn check_remote(&self, name: &str) -> Result<(), CloneError> {
        let output = self.git.run(["remote"])?;
        if !output.success() {
            return Err(failed(&output));
        }
        // A name that is an option, or leads elsewhere below `refs/`, is no remote either.
        let listed = output.text().lines().any(|line| line == name);
        if listed && is_ref_name(&format!("refs/remotes/{name}/x")) && !name.starts_with('-') {
            Ok(())
        } else {
            Err(CloneError::NoRemote { name: name.to_owned() })
        }
    }
}

/// Whether the other side says that somebody was faster, between its list of references and our command.
fn was_raced(stderr: &str) -> bool {
    stderr.lines().any(|line| {
        line.contains("cannot lock ref '")
            && ["but expected", "reference already exists", "unable to resolve reference"]
                .iter()
                .any(|words| line.contains(words))
    })
}

/// Whether the person's own `pre-push` hook refused: git then says but one thing, and nothing was sent.
fn was_held_back(output: &Output) -> bool {
    let broken = ["fatal:", "RPC failed", "hung up", "disconnect", "Broken pipe", "Connection "];
    output.code == Some(1)
        && output.stderr.lines().any(|line| line.starts_with("error: failed to push some refs to "))
        && !broken.iter().any(|word| output.stderr.contains(word))
}

fn check_name(name: &str) -> Result<(), CloneError> {
    if is_ref_name(name) { Ok(()) } else { Err(CloneError::Name { name: name.escape_debug().to_string() }) }
}

/// A name as `git config --list` writes it: all but what is between the first and the last dot in small letters.
fn as_listed(name: &str) -> String {
    match (name.find('.'), name.rfind('.')) {
        (Some(first), Some(last)) => {
            format!("{}{}{}", name[..first].to_lowercase(), &name[first..last], name[last..].to_lowercase())
        }
        _ => name.to_lowercase(),
    }
}

fn one_line(output: &Output) -> Option<String> {
    output.text().lines().next().filter(|_| output.success()).map(str::to_owned)
}

fn failed(output: &Output) -> CloneError {
    CloneError::Git { message: output.message() }
}

#[cfg(test)]
mod tests;
