//! The beginning of a tick: what the remote has, whether its history continues what was seen, and the journal.

use std::collections::BTreeMap;

use super::accept::KEPT;
use super::{Daemon, TickError};
use crate::disk::Tips;
use crate::git::{RefResult, RefUpdate};
use crate::journal::read::{line, read_entry};
use crate::journal::{Event, Heads, Heartbeat, Journal, JournalError};
use crate::object::Oid;
use crate::revision::resolve_governance;
use crate::verify::Walked;

/// The references that matter, as the remote has them.
#[derive(Debug, Clone)]
pub(super) struct Remotes {
    pub all: BTreeMap<String, Oid>,
    pub heads: Heads,
    pub journal: Option<Oid>,
}

pub(super) fn branch_ref(name: &str) -> String {
    format!("refs/heads/{name}")
}

impl Daemon {
    /// Where the records that prove themselves may be pushed when the config branch is protected.
    pub(super) fn records_branch(&self) -> String {
        format!("{}/records", self.config.prefix)
    }

    /// Asks the remote, fetches what is new, and refuses history that does not continue what was seen.
    pub(super) fn look(&mut self) -> Result<Remotes, TickError> {
        let mut remotes = self.read_remotes()?;
        self.check_word(&remotes)?;
        self.refuse_rewritten(&mut remotes)?;
        Ok(remotes)
    }

    /// Asks the remote, and fetches what is new.
    pub(super) fn read_remotes(&mut self) -> Result<Remotes, TickError> {
        let mut all = self.remote.references()?;
        // It moves by itself, and nothing follows from it.
        self.heartbeat.found(all.remove(&Heartbeat::reference(&self.config.prefix)));
        let tip = |name: &str| all.get(&branch_ref(name)).copied();
        let config =
            tip(&self.config.branch).ok_or_else(|| TickError::NoConfig { branch: self.config.branch.clone() })?;
        let records = tip(&self.records_branch());
        let journal = tip(&self.config.journal);
        let mut wanted = vec![(branch_ref(&self.config.branch), config)];
        wanted.extend(records.map(|tip| (branch_ref(&self.records_branch()), tip)));
        wanted.extend(journal.map(|tip| (branch_ref(&self.config.journal), tip)));
        // What an accepted history no longer contains, and what was applied from it.
        let is_kept = |name: &str, tip: Oid| name.strip_prefix(KEPT).is_some_and(|id| id == tip.to_string());
        let kept = all.range(KEPT.to_owned()..).take_while(|(name, _)| name.starts_with(KEPT));
        wanted.extend(kept.filter(|(name, tip)| is_kept(name, **tip)).map(|(name, tip)| (name.clone(), *tip)));
        wanted.retain(|(name, tip)| self.fetched.get(name) != Some(tip));
        if !wanted.is_empty() {
            self.remote.fetch(&wanted)?;
            self.fetched.extend(wanted);
        }
        Ok(Remotes { all, heads: Heads { config, records }, journal })
    }

    /// Reads the journal up to the remote's tip, starts it where the operator said so, and puts back what does not
    /// belong on it.
    pub(super) fn load(&mut self, remotes: &Remotes) -> Result<(), TickError> {
        let Some(tip) = remotes.journal else {
            if self.config.start_journal {
                return self.start(remotes);
            }
            return Err(TickError::NoJournal { branch: self.config.journal.clone() });
        };
        if self.journal.as_ref().is_some_and(|journal| journal.tip == tip) {
            return Ok(());
        }
        let seen = Tips::read(self.disk.as_ref())?.and_then(|tips| tips.journal);
        let (journal, foreign) = match self.read_proven(tip, seen)? {
            Some(journal) => (journal, None),
            None => self.read_up_to(tip)?,
        };
        self.refuse_other_root(&journal)?;
        if let Some(seen) = seen {
            // Gate: the journal continues what was seen last, whatever else is on top of it. It is a line, so the graph need not
            // learn and keep all of its commits.
            match line(self.objects.as_ref(), journal.tip, Some(seen)) {
                Ok(_) => {}
                Err(JournalError::Object(error)) => return Err(error.into()),
                Err(_) => {
                    let why = foreign.as_ref().map_or(String::new(), |(_, why)| format!(" ({why})"));
                    let what = format!("{tip} does not continue {seen}, which was seen there before{why}");
                    return Err(self.journal_tampered(what));
                }
            }
        } else if self.config.require_tips && self.config.identity.is_none() {
            let what = "it was never seen before, and trust.requireTips asks for a pinned trust.journal".to_owned();
            return Err(self.journal_tampered(what));
        } else {
            tracing::warn!(journal = %journal.state.repository, tip = %journal.tip, "first sight of this journal: taken on trust");
        }
        let tip_is_ours = journal.governance.policy.journal_keys.contains(&self.public);
        self.prove_new(&journal, seen)?;
        self.adopt(journal)?;
        if !tip_is_ours {
            return self.refuse_retired_key();
        }
        if let Some((found, why)) = foreign {
            self.put_back(found, &why)?;
        }
        Ok(())
    }

    /// A policy that is in force by now may name other keys: what this one writes would be nobody's.
    pub(super) fn refuse_retired_key(&self) -> Result<(), TickError> {
        if self.governance()?.policy.journal_keys.contains(&self.public) {
            return Ok(());
        }
        Err(TickError::ForeignKey { key: self.public.as_str().to_owned() })
    }

    /// Goes on from a journal that was read.
    pub(super) fn adopt(&mut self, mut journal: Journal) -> Result<(), TickError> {
        self.remember(|tips| tips.journal = Some(journal.tip))?;
        // The proof came to the same state by the same entries: what it knows is not found out twice. It is kept for the next
        // one where there was one before, since somebody else writes too.
        let proven = self.walked.take().filter(|walked| walked.tip() == journal.tip);
        self.overview = proven.as_ref().and_then(Walked::overview);
        if let Some(walked) = proven {
            self.walked = self.has_adopted.then(|| walked.clone());
            journal.state = walked.into_state();
        }
        self.has_adopted = true;
        self.journal = Some(journal);
        self.seen = None;
        Ok(())
    }

    pub(super) fn remember(&self, change: impl FnOnce(&mut Tips)) -> Result<(), TickError> {
        let mut tips = Tips::read(self.disk.as_ref())?.unwrap_or_default();
        let before = tips.clone();
        change(&mut tips);
        if tips != before {
            tips.write(self.disk.as_ref())?;
        }
        Ok(())
    }

    /// The journal as far as it is one, and the first commit on top that does not belong there, with why.
    fn read_up_to(&mut self, tip: Oid) -> Result<(Journal, Option<(Oid, String)>), TickError> {
        let objects = self.objects.clone();
        let objects = objects.as_ref();
        let known = self.journal.take().filter(|journal| line(objects, tip, Some(journal.tip)).is_ok());
        let (mut journal, rest) = match known {
            Some(journal) => {
                let rest = line(objects, tip, Some(journal.tip))?;
                (journal, rest)
            }
            None => {
                let line = self.line_of_entries(tip)?;
                let Some((first, rest)) = line.split_first() else {
                    return Err(JournalError::Entry { commit: tip, what: "the journal is empty".to_owned() }.into());
                };
                let begun = Journal::begin(objects, &self.hashes, *first).map_err(|error| {
                    // A journal was here before: this is no journal that cannot be read, but another history.
                    match Tips::read(self.disk.as_ref()) {
                        Ok(Some(Tips { journal: Some(_), .. })) => self.journal_tampered(error.to_string()),
                        _ => error.into(),
                    }
                })?;
                (begun, rest.to_vec())
            }
        };
        match journal.follow(objects, &self.hashes, &rest) {
            Ok(()) => {}
            // Signed by a journal key and yet impossible: not junk on top, but a forked or forged journal.
            Err(error @ (JournalError::Fold(_) | JournalError::Policy { .. } | JournalError::Object(_))) => {
                return Err(self.journal_tampered(error.to_string()));
            }
            Err(error @ JournalError::Entry { .. }) => {
                return Ok((journal, Some((tip, error.to_string()))));
            }
        }
        if journal.tip != tip {
            return Ok((journal, Some((tip, "a commit that is no entry".to_owned()))));
        }
        Ok((journal, None))
    }

    /// The first-parent line of the journal; junk on top may even be a merge, so it is followed along first parents.
    fn line_of_entries(&self, tip: Oid) -> Result<Vec<Oid>, TickError> {
        let mut found = Vec::new();
        let mut at = Some(tip);
        while let Some(id) = at {
            found.push(id);
            at = self.objects.commit(id)?.parents.first().copied();
        }
        found.reverse();
        Ok(found)
    }

    pub(super) fn refuse_other_root(&self, journal: &Journal) -> Result<(), TickError> {
        let start = &journal.state.start;
        let tampered = |what: String| self.journal_tampered(what);
        // Gate: whoever has the journal's key could write a pin, but not into the settings.
        let found = journal.state.pinned;
        if found != self.config.policy && self.word_for_policy().is_none() {
            return Err(TickError::OtherPin { found, pinned: self.config.policy });
        }
        if self.config.identity.is_some_and(|identity| identity != journal.state.repository) {
            return Err(tampered(format!("it begins with {}, not with the pinned entry", journal.state.repository)));
        }
        if (&start.branch, &start.root, &start.prefix) != (&self.config.branch, &self.config.root, &self.config.prefix)
        {
            return Err(tampered(format!(
                "it was begun for branch `{}`, root `/{}` and prefix `{}`",
                start.branch, start.root, start.prefix
            )));
        }
        Ok(())
    }

    /// Puts the journal back to its last entry, with an alarm on top.
    fn put_back(&mut self, found: Oid, why: &str) -> Result<(), TickError> {
        let message = format!("{found} was on top of the journal and was taken off: {why}");
        tracing::error!(branch = %self.config.journal, "{message}");
        // With the heads of the entry before: this one reads nothing, and what is new there must still be found.
        let mut draft = self.draft(self.state()?.heads);
        self.emit(&mut draft, Event::Alarm { environment: None, message })?;
        self.append_at(draft, Some(found))?;
        self.push_entries()
    }

    /// Starts the journal: policy 1 must be the pinned one.
    fn start(&mut self, remotes: &Remotes) -> Result<(), TickError> {
        self.refuse_in_the_way(&remotes.all, &self.config.journal)?;
        let tree = self.objects.commit(remotes.heads.config)?.tree;
        let (found, governance) = resolve_governance(self.objects.as_ref(), &self.hashes, &self.config.root, tree)?;
        if found != Some(self.config.policy) {
            return Err(TickError::Pin { found, pinned: self.config.policy });
        }
        let governance = governance.map_err(|problems| TickError::Policy(problems.to_string()))?;
        if !governance.policy.journal_keys.contains(&self.public) {
            return Err(TickError::ForeignKey { key: self.public.as_str().to_owned() });
        }
        self.begin_journal(remotes.heads, governance)?;
        // Started once: from here on a missing journal is an alarm, not an invitation.
        self.config.start_journal = false;
        Ok(())
    }

    /// Pushes updates and gives each result; a lost answer is settled by asking again.
    pub(super) fn push(&mut self, updates: &[RefUpdate]) -> Result<Vec<RefResult>, TickError> {
        match self.remote.push(updates) {
            Ok(results) => Ok(results),
            Err(crate::git::RemoteError::AnswerLost { .. }) => {
                let now = self.remote.references()?;
                let settled = updates.iter().map(|update| {
                    let found = now.get(&update.name).copied();
                    if found == update.new {
                        Some(RefResult::Done)
                    } else if found == update.expected {
                        None
                    } else {
                        Some(RefResult::Stale)
                    }
                });
                let settled: Vec<Option<RefResult>> = settled.collect();
                // Nothing arrived: the same objects once more. A second lost answer is the caller's to retry.
                let missing: Vec<RefUpdate> = updates
                    .iter()
                    .zip(&settled)
                    .filter(|(_, result)| result.is_none())
                    .map(|(update, _)| update.clone())
                    .collect();
                let mut again = if missing.is_empty() { Vec::new() } else { self.remote.push(&missing)? }.into_iter();
                Ok(settled
                    .into_iter()
                    .map(|result| result.or_else(|| again.next()).unwrap_or(RefResult::Stale))
                    .collect())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The entry's raw commit at the journal's tip, for the next one's `previous`.
    pub(super) fn raw_tip(&self, tip: Oid) -> Result<crate::digest::Digest, TickError> {
        let read = read_entry(self.objects.as_ref(), tip)?;
        Ok(crate::digest::Digest::of(&read.commit.raw))
    }
}
