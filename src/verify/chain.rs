//! The commit of an entry: where it stands, who signed it, and that it says nothing but what its entry says.

use super::step::{At, Step};
use crate::digest::Digest;
use crate::evidence::signature::commit_signer;
use crate::journal::pages::commit_message;
use crate::journal::{AUTHOR, Event};
use crate::object::{Commit, ObjectError, Oid};

/// What the next entry must name as `previous`.
pub(super) fn previous_digest(commit: &Commit) -> Digest {
    Digest::of(&commit.raw)
}

/// A commit of the daemon, raw, without its signature: what is signed.
pub(super) fn daemons_commit(tree: Oid, parents: &[Oid], time: jiff::Timestamp, message: &str) -> Vec<u8> {
    let mut raw = format!("tree {tree}\n");
    for parent in parents {
        raw.push_str(&format!("parent {parent}\n"));
    }
    let (name, email) = AUTHOR;
    let who = format!("{name} <{email}> {} +0000", time.as_second());
    raw.push_str(&format!("author {who}\ncommitter {who}\n\n{message}"));
    if !raw.ends_with('\n') {
        raw.push('\n');
    }
    raw.into_bytes()
}

/// What is wrong with a commit of the daemon, given what it must be.
pub(super) fn commit_faults(
    commit: &Commit,
    tree: Oid,
    parents: &[Oid],
    time: jiff::Timestamp,
    message: &str,
) -> Vec<String> {
    let mut faults = Vec::new();
    let expected: Vec<&str> = std::iter::once("tree")
        .chain(parents.iter().map(|_| "parent"))
        .chain(["author", "committer", "gpgsig"])
        .collect();
    if commit.headers != expected {
        faults.push(format!("its headers are {}, not {}", commit.headers.join(", "), expected.join(", ")));
    }
    if commit.parents != parents {
        faults.push(format!("its parents are {:?}, not {parents:?}", commit.parents));
    }
    if commit.signed != daemons_commit(tree, parents, time, message) {
        let who = format!("{} +0000", time.as_second());
        let claimed = |line: &crate::object::Identity| (line.name.as_str(), line.email.as_str()) == AUTHOR;
        if [&commit.author, &commit.committer].iter().any(|line| line.when != who) {
            faults.push(format!("its time is not the entry's ({time})"));
        } else if !claimed(&commit.author) || !claimed(&commit.committer) {
            faults.push("its author is not the daemon's".to_owned());
        } else if commit.tree != tree {
            faults.push(format!("its tree is {}, not {tree}", commit.tree));
        } else {
            faults.push(
                "its message is not what follows from its content (or another version of the program wrote it)"
                    .to_owned(),
            );
        }
    }
    // The signature is armoured in one way only; anything after it would be unsigned text in a signed commit.
    if commit.signatures.iter().any(|pem| pem.trim_end() != pem) {
        faults.push("something follows its signature".to_owned());
    }
    faults
}

impl Step<'_, '_> {
    /// Parent, `previous`, signature, and every byte of the commit.
    pub(super) fn chain(&mut self) {
        let parents: Vec<Oid> = self.before.iter().map(|(parent, ..)| *parent).collect();
        let previous = self.before.map(|(.., digest)| digest);
        if self.entry.previous != previous {
            let what = "is not the SHA-256 of the raw commit of the entry before";
            self.violated(At::default(), "entry.json: previous", what);
        }
        match commit_signer(self.commit) {
            Ok(Some(key)) if self.place.governance.policy.journal_keys.contains(&key) => self.signer = Some(key),
            Ok(Some(_)) => {
                let what = "the commit is signed by a key that is no journal key of the policy in force";
                self.violated(At::default(), "", what);
            }
            Ok(None) => self.violated(At::default(), "", "the commit is not signed"),
            Err(error) => self.violated(At::default(), "", format!("the commit: {error}")),
        }
        let message = commit_message(&self.entry.events);
        for fault in commit_faults(self.commit, self.commit.tree, &parents, self.entry.time, &message) {
            self.violated(At::default(), "", format!("the commit: {fault}"));
        }
        if self.entry.time.subsec_nanosecond() != 0 {
            self.violated(At::default(), "entry.json: time", "is not in whole seconds");
        }
    }

    /// What was read only ever grows, but for what an operator accepted.
    pub(super) fn heads(&mut self) -> Result<(), ObjectError> {
        let (old, new) = (self.place.state.heads, self.entry.heads);
        let accepted = self.place.state.accepted;
        if !self.goes_on(old.config, accepted.config, new.config)? {
            let what = format!("{} does not contain {}, which was read before", new.config, old.config);
            self.violated(At::default(), "entry.json: heads.config", what);
        }
        match (old.records, new.records) {
            (Some(old), None) => {
                self.violated(At::default(), "entry.json: heads.records", format!("is gone; it was {old} before"));
            }
            (Some(old), Some(new)) if !self.goes_on(old, accepted.records, new)? => {
                let what = format!("{new} does not contain {old}, which was read before");
                self.violated(At::default(), "entry.json: heads.records", what);
            }
            (None, Some(new)) => {
                self.graph.node(new)?;
            }
            _ => {}
        }
        self.graph.follow(new.config)
    }

    /// The first entry says two things and nothing else.
    pub(super) fn first_events(&mut self) {
        match self.entry.events.as_slice() {
            [Event::Started { .. }, Event::PolicyAdmitted { commit, .. }] => {
                if *commit != self.entry.heads.config {
                    let what = "policy 1 was read from another commit than the config head";
                    self.violated(At::default(), "entry.json: heads.config", what);
                }
            }
            _ => self.violated(
                At::default(),
                "entry.json: events",
                "the first entry must say that the journal begins and which policy is in force, and nothing else",
            ),
        }
        if self.entry.policy != 0 {
            self.violated(At::default(), "entry.json: policy", "no policy is in force before the first entry");
        }
    }
}
