//! A journal that was rewound, forked, forged or deleted is put back to what this daemon knows, on the operator's word.

use super::accept::{command, rewritten};
use super::load::Remotes;
use super::{Daemon, TickError};
use crate::disk::Tips;
use crate::journal::{Event, Journal};
use crate::object::Oid;

impl Daemon {
    /// The journal's way out of what is on its branch: back to what this state folder knows, if it knows any.
    pub(super) fn journal_tampered(&self, what: String) -> TickError {
        let branch = &self.config.journal;
        let seen = Tips::read(self.disk.as_ref()).ok().flatten().and_then(|tips| tips.journal);
        let way_out =
            seen.map_or_else(String::new, |seen| format!("put back its last entry: {}", command(branch, seen)));
        rewritten(branch, what, way_out)
    }

    /// Loads the journal; where it is tampered with and the operator says so, puts it back first.
    pub(super) fn load_or_restore(&mut self, remotes: &Remotes) -> Result<(), TickError> {
        let Some(commit) = self.word_for(&self.config.journal) else { return self.load(remotes) };
        let known = Tips::read(self.disk.as_ref())?.and_then(|tips| tips.journal);
        let Some(known) = known else {
            let what = "this state folder never saw the journal, so there is nothing to put it back to";
            return Err(self.not_accepted(what, "run it where the daemon ran; its state folder knows the last entry"));
        };
        if commit != known {
            // Gate: a shorter or other journal would lower versions, numbers, rounds or statements.
            let what = format!(
                "{commit} is not the journal's last entry that was seen here: policy, numbers, rounds and statements never \
                 go back"
            );
            return Err(self.not_accepted(what, command(&self.config.journal, known)));
        }
        let tampered = match remotes.journal {
            None => true,
            Some(_) => match self.load(remotes) {
                Ok(()) => false,
                Err(TickError::Tampered { .. }) => true,
                Err(error) => return Err(error),
            },
        };
        if !tampered {
            let what = format!("nothing is to be put back: the journal continues {known}");
            return Err(self.not_accepted(what, "leave --accept-history out"));
        }
        self.restore(remotes, known)
    }

    fn restore(&mut self, remotes: &Remotes, known: Oid) -> Result<(), TickError> {
        let journal = Journal::read(self.objects.as_ref(), &self.hashes, known)?;
        self.refuse_other_root(&journal)?;
        if let Some(found) = remotes.journal {
            // What was there is evidence.
            self.keep_commit(remotes, found)?;
        }
        self.walked = None;
        self.adopt(journal)?;
        self.refuse_retired_key()?;
        let mut draft = self.draft(self.state()?.heads);
        let branch = self.config.journal.clone();
        self.emit(&mut draft, Event::HistoryAccepted { branch, old: remotes.journal, new: known })?;
        self.append_at(draft, remotes.journal)?;
        self.push_entries()?;
        tracing::error!(branch = %self.config.journal, %known, "the journal is put back on the operator's word");
        // A word counts once.
        self.config.accept_history = None;
        Ok(())
    }
}
