//! Fetching.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use super::{AT_ONCE, GitRemote, Output, RemoteError, Transport, native, ours};
use crate::digest::Digest;
use crate::object::Oid;

/// A lock on a reference is held for moments; one as old as this was left by a git, or a daemon, that was killed.
pub(super) const LEFT: Duration = Duration::from_secs(10);

/// Where references are kept of which all that they reach is here.
const KEPT: &str = "refs/countersign-cache/";

/// Where a fetched reference is kept. By digest: a branch `a` that was there yesterday must not be in the way of a
/// branch `a/b` that is there today.
pub(super) fn kept_as(name: &str) -> String {
    format!("{KEPT}{}", Digest::of(name).to_hex())
}

/// What `git fetch-pack` said of what it fetched.
#[derive(Debug, Default, PartialEq, Eq)]
struct Fetched {
    /// All that was sent refers to nothing that was not.
    is_self_contained: bool,
    /// It came as a pack, which is kept as it is.
    is_kept: bool,
    /// What each reference was at.
    tips: BTreeMap<String, Oid>,
}

impl Fetched {
    /// Reads its lines; those that are for others are passed over.
    fn parse(text: &str) -> Self {
        let mut fetched = Self::default();
        for line in text.lines() {
            fetched.is_self_contained |= line == "connectivity-ok";
            fetched.is_kept |= line.starts_with("keep\t");
            let tip = line.split_once(' ').and_then(|(id, name)| Some((name.to_owned(), id.parse().ok()?)));
            fetched.tips.extend(tip.filter(|(name, _)| name.starts_with("refs/")));
        }
        fetched
    }
}

impl GitRemote {
    /// Brings tips that are not here.
    pub(super) fn fetch_wanted(&mut self, wanted: &[&(String, Oid)]) -> Result<(), RemoteError> {
        self.whole.forget_much();
        if self.whole.is_empty() {
            self.kept_tips().into_iter().for_each(|id| self.whole.add(id));
        }
        let is_first = self.whole.is_empty();
        let left = match self.url.transport() {
            Transport::Local(_) | Transport::Ssh => self.fetch_pack(wanted, is_first)?,
            // `git fetch-pack` does not speak it.
            Transport::Https => wanted.to_vec(),
        };
        for some in left.chunks(AT_ONCE) {
            self.fetch_and_connect(some)?;
        }
        for (name, id) in wanted {
            if !self.is_here(name, *id) && !self.is_below(name, *id) {
                return Err(self.away(format!("`{name}` is no longer at {id}, and does not contain it")));
            }
        }
        if is_first {
            self.write_commit_graph();
        }
        Ok(())
    }

    /// Brings tips by git's plumbing, which does not ask whether all that they reach is here: that is found out by what is
    /// new of it. Gives those of which it could not be.
    fn fetch_pack<'w>(
        &mut self,
        wanted: &[&'w (String, Oid)],
        is_first: bool,
    ) -> Result<Vec<&'w (String, Oid)>, RemoteError> {
        let names: String = wanted.iter().map(|(name, _)| format!("{name}\n")).collect();
        let options = ["fetch-pack", "--stdin", "--quiet", "--no-progress", "--thin"];
        // Git finds that out while it unpacks, where there is nothing to begin from.
        let asked = is_first.then_some("--check-self-contained-and-connected");
        let arguments = options.into_iter().chain(asked).chain([self.url.as_str()]);
        let output =
            self.git.run_with_input(arguments, names.into_bytes()).map_err(|error| self.away(error.to_string()))?;
        self.expect_success(&output)?;
        let fetched = Fetched::parse(&output.text());
        if fetched.is_kept {
            self.release_packs();
        }
        let mut left = Vec::new();
        for tip in wanted {
            let Some((name, id)) = fetched.tips.get_key_value(&tip.0) else {
                left.push(*tip);
                continue;
            };
            if is_first && fetched.is_self_contained && self.store.contains(*id) {
                self.whole.add(*id);
            }
            if self.whole.reaches(&self.store, *id) {
                self.keep_at(name, *id).map_err(|error| {
                    self.away(format!("`{name}` was fetched and cannot be kept: {}", error.message()))
                })?;
            } else {
                left.push(*tip);
            }
        }
        Ok(left)
    }

    /// Brings tips, and asks git whether all that they reach is here.
    fn fetch_and_connect(&mut self, some: &[&(String, Oid)]) -> Result<(), RemoteError> {
        let specs: Vec<_> = some.iter().map(|(name, _)| format!("+{name}:{}", kept_as(name))).collect();
        let options = [
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-auto-gc",
            "--no-recurse-submodules",
            "--no-show-forced-updates",
            "--",
            self.url.as_str(),
        ];
        let fetch = || self.run(options.into_iter().chain(specs.iter().map(String::as_str)));
        let mut output = fetch()?;
        if !output.success() {
            let any_left = some.iter().filter(|(name, _)| self.clear_left_lock(name)).count() > 0;
            if any_left || was_overtaken(&output) {
                output = fetch()?;
            }
        }
        self.expect_success(&output)?;
        let kept: Vec<Oid> = some.iter().filter_map(|(name, _)| self.kept(name)).collect();
        kept.into_iter().for_each(|id| self.whole.add(id));
        Ok(())
    }

    /// Remembers that a reference was fetched or pushed, with all that it reaches.
    pub(super) fn keep_at(&self, name: &str, id: Oid) -> Result<(), git2::Error> {
        let keep = || self.store.repository().reference(&kept_as(name), native(id), true, "").map(drop);
        match keep() {
            Err(_) if self.clear_left_lock(name) => keep(),
            kept => kept,
        }
    }

    /// `git fetch-pack` keeps what it brings from being packed anew until references lead to it. Nothing is ever deleted here
    /// that is in no other pack, so there is nothing to wait for; what a killed one left is released too.
    pub(super) fn release_packs(&self) {
        let packs = fs::read_dir(self.store.path().join("objects/pack")).into_iter().flatten().flatten();
        let kept = packs.map(|file| file.path()).filter(|path| path.extension().is_some_and(|end| end == "keep"));
        for path in kept {
            if let Err(error) = fs::remove_file(&path) {
                tracing::debug!(path = %path.display(), %error, "a pack is kept as it is");
            }
        }
    }

    /// What was fetched or pushed last under a name.
    fn kept(&self, name: &str) -> Option<Oid> {
        self.store.repository().refname_to_id(&kept_as(name)).ok().and_then(|id| ours(id).ok())
    }

    /// All that was fetched or pushed before.
    fn kept_tips(&self) -> Vec<Oid> {
        let repository = self.store.repository();
        let Ok(kept) = repository.references_glob(&format!("{KEPT}*")) else { return Vec::new() };
        kept.flatten().filter_map(|reference| ours(reference.target()?).ok()).collect()
    }

    /// Whether this tip was fetched or pushed before: then all it reaches is here too.
    pub(super) fn is_here(&self, name: &str, id: Oid) -> bool {
        self.kept(name) == Some(id) && self.store.contains(id)
    }

    /// Whether what was just fetched under this name contains a commit: somebody pushed meanwhile.
    fn is_below(&self, name: &str, id: Oid) -> bool {
        let Some(kept) = self.kept(name) else { return false };
        self.store.repository().graph_descendant_of(native(kept), native(id)).unwrap_or(false)
    }

    /// Takes away the lock that a git which was killed left on a reference kept here; gives whether there was one.
    /// Otherwise every later fetch would fail until somebody removed it by hand.
    fn clear_left_lock(&self, name: &str) -> bool {
        let lock = self.store.path().join(format!("{}.lock", kept_as(name)));
        let age = fs::metadata(&lock).and_then(|file| file.modified()).ok().and_then(|time| time.elapsed().ok());
        if age.is_none_or(|age| age < LEFT) {
            return false;
        }
        tracing::warn!(lock = %lock.display(), "a git that was killed left this lock; it is taken away");
        fs::remove_file(&lock).is_ok()
    }
}

/// Whether another git moved one of the references kept here during a fetch: one that a killed daemon left at work.
fn was_overtaken(output: &Output) -> bool {
    output.stderr.contains("cannot lock ref") && output.stderr.contains(" but expected ")
}
