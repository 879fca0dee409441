//! Branches in the way of the daemon's: git keeps branches as files, so `countersign/approve` and
//! `countersign/approve/prod/3f2a9c1d04be` cannot both be.

use std::collections::BTreeMap;

use super::load::{Remotes, branch_ref};
use super::{Daemon, TickError};
use crate::git::{RefResult, RefUpdate};
use crate::journal::{Event, ReadyWord};
use crate::object::Oid;

/// Whether one name is a folder of the other.
fn holds(folder: &str, name: &str) -> bool {
    name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

impl Daemon {
    /// Gate: where there is no journal yet nobody's branch is touched, for there is nothing to say so on.
    pub(super) fn refuse_in_the_way(&self, all: &BTreeMap<String, Oid>, wanted: &str) -> Result<(), TickError> {
        let name = branch_ref(wanted);
        let in_the_way = all.iter().find(|(other, _)| holds(other, &name) || holds(&name, other));
        match in_the_way {
            Some((other, tip)) => {
                let branch = other.strip_prefix("refs/heads/").unwrap_or(other).to_owned();
                Err(TickError::InTheWay { branch, tip: *tip, wanted: wanted.to_owned() })
            }
            None => Ok(()),
        }
    }

    /// The branches that keep the daemon from making its own: the folders of ready-made branches, and what is below the
    /// branch of records.
    fn squatters(&self, all: &BTreeMap<String, Oid>) -> Vec<(String, Oid)> {
        let prefix = &self.config.prefix;
        let folders = ReadyWord::ALL.map(|word| branch_ref(&format!("{prefix}/{}", word.name())));
        let records = branch_ref(&self.records_branch());
        // `countersign/approve/prod` is one as well; what is below these folders is looked at with the ready-made ones.
        let environment = |name: &str| {
            folders.iter().any(|folder| holds(folder, name) && name[folder.len() + 1..].split('/').count() != 2)
        };
        let squats =
            |name: &str| folders.iter().any(|folder| folder == name) || holds(&records, name) || environment(name);
        // All of them are below the prefix; a remote may have any number of other branches.
        let below = branch_ref(&format!("{prefix}/"));
        let ours = all.range(below.clone()..).take_while(|(name, _)| name.starts_with(&below));
        ours.filter(|(name, _)| squats(name)).map(|(name, tip)| (name.clone(), *tip)).collect()
    }

    /// Deletes what is in the way, if it is still where it was seen, and says so with its commit. What the remote does
    /// not let go is said once. Gives whether anything was written.
    pub(super) fn put_away_squatters(&mut self, remotes: &mut Remotes) -> Result<bool, TickError> {
        let found = self.squatters(&remotes.all);
        let open: Vec<RefUpdate> = found
            .into_iter()
            .filter(|(name, _)| !self.refused.contains_key(name))
            .map(|(name, tip)| RefUpdate { name, expected: Some(tip), new: None })
            .collect();
        if open.is_empty() {
            return Ok(false);
        }
        let results = self.push(&open)?;
        let mut draft = self.draft(self.state()?.heads);
        for (update, result) in open.iter().zip(results) {
            let tip = update.expected.map(|tip| tip.to_string()).unwrap_or_default();
            let message = match result {
                RefResult::Stale => continue,
                RefResult::Done => {
                    remotes.all.remove(&update.name);
                    format!("branch {} (at {tip}) was in the way of the daemon's branches; it was removed", update.name)
                }
                RefResult::Refused { reason } => {
                    self.refused.insert(update.name.clone(), None);
                    format!(
                        "branch {} (at {tip}) is in the way of the daemon's branches, and the remote does not let it go \
                         ({reason}); approve with signed records",
                        update.name
                    )
                }
            };
            if self.state()?.alarms.iter().any(|alarm| alarm.message == message) && message.contains("let it go") {
                continue;
            }
            tracing::error!("{message}");
            self.emit(&mut draft, Event::Alarm { environment: None, message })?;
        }
        let some = !draft.is_empty();
        self.append(draft)?;
        Ok(some)
    }

    /// What an operator should know of the branches below the prefix.
    pub(super) fn told_of_branches(&self, remotes: &Remotes) -> Vec<String> {
        let prefix = branch_ref(&self.config.prefix);
        let known = [branch_ref(&self.config.journal), branch_ref(&self.records_branch())];
        let in_the_way = self.squatters(&remotes.all);
        let mut told = Vec::new();
        for (name, tip) in &remotes.all {
            let folders = ReadyWord::ALL.map(|word| format!("{prefix}/{}", word.name()));
            if *name == prefix || in_the_way.iter().any(|(squatter, _)| squatter == name) {
                told.push(format!("branch {name} (at {tip}) is in the way of the daemon's branches: delete it"));
            } else if holds(&prefix, name) && !known.contains(name) && !folders.iter().any(|folder| holds(folder, name))
            {
                told.push(format!("branch {name} (at {tip}) is below the daemon's prefix and none of its branches"));
            }
        }
        told
    }
}
