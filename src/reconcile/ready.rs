//! The ready-made commits: each adds one by-less record, so that a signed merge of it is somebody's statement.
//!
//! Their ids go on the journal first and their branches to the remote after it: what is not on the journal proves
//! nothing, whatever a branch is called.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::SignedDuration;

use super::append::{Draft, new_commit};
use super::load::{Remotes, branch_ref};
use super::{Daemon, TickError};
use crate::git::sign::write_commit;
use crate::git::{RefResult, RefUpdate};
use crate::journal::{Event, Heads, ReadyMade, ReadyWord};
use crate::lifecycle::{EnvironmentState, OpenPlan, Phase, ReadyRecord, phase_of_change, ready};
use crate::model::EnvironmentName;
use crate::object::{Edit, Entry, Kind, Mode, ObjectError, Objects as _, Oid, Overlay, edit_tree};
use crate::plan::PlanDocument;
use crate::policy::Verdict;

/// How long another daemon has to push what it put on the journal.
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);

impl Daemon {
    /// Adds the ready-made commits that are missing for the environments of this entry. Where it made room for others, those
    /// for whose plans there was none get it.
    pub(super) fn make_ready(&mut self, draft: &mut Draft, heads: Heads) -> Result<(), TickError> {
        let names = draft.touched_environments();
        self.make_ready_for(names, draft, heads)?;
        while self.has_room()?
            && let Some(name) = self.crowded_out.pop_first()
        {
            self.make_ready_for(vec![name], draft, heads)?;
        }
        draft.order_ready();
        Ok(())
    }

    /// As [`Daemon::make_ready`], for every plan that waits: what nothing in the entry is about too.
    pub(super) fn make_all_ready(&mut self, draft: &mut Draft, heads: Heads) -> Result<(), TickError> {
        let waits = self.state()?.environments.iter().filter(|(_, env)| env.current.is_some());
        let names: BTreeSet<EnvironmentName> = waits.map(|(name, _)| name.clone()).collect();
        let names = names.into_iter().chain(draft.touched_environments()).collect::<BTreeSet<_>>();
        self.crowded_out.clear();
        self.make_ready_for(names.into_iter().collect(), draft, heads)
    }

    fn make_ready_for(
        &mut self,
        names: Vec<EnvironmentName>,
        draft: &mut Draft,
        heads: Heads,
    ) -> Result<(), TickError> {
        // A change of the policy takes signed records: a merge of it would count for nothing.
        for name in names.into_iter().filter(|name| !name.is_governance()) {
            let env = self.state()?.environment(&name);
            let offers = |phase| matches!(phase, Phase::AwaitingApproval | Phase::Rejected | Phase::Approved);
            if let Some(plan) = env.current_plan()
                && let Some(verdict) = self.verdict(&name, &env)?
                && offers(phase_of_change(&env, Some(&verdict)))
            {
                self.make_words(draft, heads, (&name, &env), plan, &verdict)?;
            }
            if let Some(plan) = env.draft_plan()
                && let Some(verdict) = self.draft_verdict(&name, &env)?
            {
                self.make_words(draft, heads, (&name, &env), plan, &verdict)?;
            }
        }
        Ok(())
    }

    fn make_words(
        &mut self,
        draft: &mut Draft,
        heads: Heads,
        (name, env): (&EnvironmentName, &EnvironmentState),
        plan: &OpenPlan,
        verdict: &Verdict,
    ) -> Result<(), TickError> {
        if plan.truncated {
            return Ok(());
        }
        // Above the limit of waiting plans none are made; those that have some keep them.
        if plan.ready.is_empty() && !self.has_room()? {
            self.crowded_out.insert(name.clone());
            return Ok(());
        }
        for word in ready::offered(env, plan, verdict) {
            if ready::is_spent(self.objects.as_ref(), &self.config.root, plan, word, heads.config)? {
                let ready = self.make_one(draft, name, plan, word, heads.config)?;
                self.emit(draft, Event::Ready(ready))?;
            }
        }
        Ok(())
    }

    fn has_room(&self) -> Result<bool, TickError> {
        Ok(self.state()?.index.plans_offered() < self.config.ready_limit)
    }

    fn make_one(
        &self,
        draft: &Draft,
        name: &EnvironmentName,
        plan: &OpenPlan,
        says: ReadyWord,
        config: Oid,
    ) -> Result<ReadyMade, TickError> {
        let store = Arc::clone(&self.objects);
        // Stored with the entry: of many plans at once they become one pack with it.
        let objects = &Overlay::on(draft.objects.clone(), store.as_ref());
        let n = plan.newest_ready(says).map_or(1, |newest| newest.n + 1);
        let made = ReadyRecord::of(self.state()?, name, plan.id, says, n);
        let ReadyRecord { record, path, branch, .. } = made.clone();
        let blob = objects.write(Kind::Blob, record.to_yaml().as_bytes())?;
        // From the config branch's first commit, so that a plain merge makes a merge commit in every clone.
        let first = self.graph().root_of(config)?;
        let put = BTreeMap::from([(path.clone(), Edit::Put(Entry { mode: Mode::File, id: blob }))]);
        let tree = edit_tree(objects, Some(objects.commit(first)?.tree), &put)?;
        let document = match draft.plan_document(name, plan.id) {
            Some(document) => document.clone(),
            None => self.published_plan(name, plan)?,
        };
        let message = made.message(self.state()?, &document.plan);
        let (commit, _) = write_commit(objects, &new_commit(tree, &[first], draft.time, &message), Some(&self.key))
            .map_err(|error| TickError::Sign(error.to_string()))?;
        Ok(ReadyMade { environment: name.clone(), plan: plan.id, says, n, commit, branch, path, blob })
    }

    /// The plan that waits, as it was published.
    fn published_plan(&self, name: &EnvironmentName, plan: &OpenPlan) -> Result<PlanDocument, TickError> {
        let folder = crate::journal::pages::environment_folder(self.state()?.start.layout, name);
        let file = if plan.drafted.is_some() { "draft.json" } else { "plan.json" };
        let (path, plan) = (format!("{folder}/{file}"), plan.id);
        let bytes = self.journal_file(&path)?.unwrap_or_default();
        let document: PlanDocument =
            serde_json::from_slice(&bytes).map_err(|error| TickError::Unreadable(format!("{path}: {error}")))?;
        if document.digest != plan || document.plan.id() != plan {
            return Err(TickError::Unreadable(format!("{path}: it is not plan {}", plan.short())));
        }
        Ok(document)
    }

    /// Makes those ready-made commits again that can be pushed no more: their ids are on the journal, but whoever made
    /// them was killed before their branch was pushed, and they lie in a state folder that is not this one. Another
    /// daemon that is about to push them gets some time for it, counted from the entry that published them: a daemon
    /// that runs once, and remembers nothing, replaces them too.
    fn replace_lost(&mut self, remotes: &Remotes) -> Result<(), TickError> {
        let now = self.now();
        let mut lost = BTreeSet::new();
        let mut hopeless = Vec::new();
        for (name, plan) in self.state()?.offered_plans().filter(|(name, plan)| self.is_offered(name, plan)) {
            for word in ReadyWord::ALL {
                let newest = plan.ready.iter().rev().find(|(_, ready)| ready.says == word);
                let Some((since, newest)) = newest else { continue };
                let is_there = remotes.all.get(&branch_ref(&newest.branch)) == Some(&newest.commit);
                if is_there || self.is_here(newest.commit)? {
                    continue;
                }
                lost.insert(newest.commit);
                // Whoever wrote it may have another clock: one far ahead of ours must not be waited for.
                if now.duration_since(*since).abs() >= PATIENCE {
                    hopeless.push((name.clone(), plan.clone(), word));
                }
            }
        }
        self.lost = lost;
        let heads = self.state()?.heads;
        let mut draft = self.draft(heads);
        for (name, plan, word) in hopeless {
            let ready = self.make_one(&draft, &name, &plan, word, heads.config)?;
            self.emit(&mut draft, Event::Ready(ready))?;
        }
        self.append(draft)
    }

    fn is_here(&self, commit: Oid) -> Result<bool, TickError> {
        match self.objects.read(Kind::Commit, commit) {
            Ok(_) => Ok(true),
            Err(ObjectError::Missing { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes the remote's ready-made branches what they must be. Gives whether anything was changed.
    pub(super) fn sync_ready(&mut self, remotes: &Remotes) -> Result<bool, TickError> {
        self.replace_lost(remotes)?;
        let mut wanted: BTreeMap<String, Oid> = BTreeMap::new();
        for (_, plan) in self.state()?.offered_plans().filter(|(name, plan)| self.is_offered(name, plan)) {
            for (_, ready) in &plan.ready {
                wanted.insert(branch_ref(&ready.branch), ready.commit);
            }
        }
        let prefixes = ReadyWord::ALL.map(|word| branch_ref(&format!("{}/{}/", self.config.prefix, word.name())));
        let ours = prefixes.iter().flat_map(|prefix| {
            remotes.all.range(prefix.clone()..).take_while(move |(name, _)| name.starts_with(prefix.as_str()))
        });
        let found: BTreeMap<String, Oid> = ours.map(|(name, tip)| (name.clone(), *tip)).collect();
        let names: BTreeSet<&String> = wanted.keys().chain(found.keys()).collect();
        let mut updates = Vec::new();
        let mut alarms = Vec::new();
        for name in names {
            let (old, new) = (found.get(name).copied(), wanted.get(name).copied());
            if old == new || self.refused.get(name) == Some(&new) {
                continue;
            }
            if new.is_some_and(|new| self.lost.contains(&new)) {
                // What is not here cannot be pushed.
                continue;
            }
            if let Some(why) = old.and_then(|old| self.why_foreign(name, old)) {
                let done = if new.is_some() { "put back" } else { "removed" };
                alarms.push(format!("branch {name} was at {why}; it was {done}"));
            }
            updates.push(RefUpdate { name: name.clone(), expected: old, new });
        }
        if updates.is_empty() {
            return Ok(false);
        }
        self.push_entries()?;
        if !alarms.is_empty() {
            let mut draft = self.draft(self.state()?.heads);
            for message in alarms {
                tracing::error!("{message}");
                self.emit(&mut draft, Event::Alarm { environment: None, message })?;
            }
            self.append(draft)?;
        }
        for (update, result) in updates.iter().zip(self.push(&updates)?) {
            match result {
                // Somebody moved it in between: the next look at the remote sees what is there now.
                RefResult::Done | RefResult::Stale => {}
                RefResult::Refused { reason } => {
                    tracing::warn!(reference = %update.name, %reason, "the remote refused a ready-made branch");
                    self.refused.insert(update.name.clone(), update.new);
                }
            }
        }
        Ok(true)
    }

    /// What a ready-made branch is at, where that was never its own: it is silent about an older commit of this branch
    /// (of a plan that ended, or used up), for which nobody but time is to blame.
    fn why_foreign(&self, name: &str, at: Oid) -> Option<String> {
        match self.state().ok()?.ready_made(at) {
            None => Some(format!("{at}, which this daemon never made")),
            Some(ready) if branch_ref(&ready.branch) != name => {
                Some(format!("{at}, which belongs to {}", branch_ref(&ready.branch)))
            }
            Some(_) => None,
        }
    }

    /// Whether the branches of a plan are offered: it waits, and nothing is being deployed.
    fn is_offered(&self, name: &EnvironmentName, plan: &OpenPlan) -> bool {
        let Ok(state) = self.state() else { return false };
        let Some(env) = state.environments.get(name) else { return false };
        let is_of_draft = env.draft.as_ref().is_some_and(|draft| draft.current == Some(plan.id));
        env.current == Some(plan.id) && env.deployment.is_none() || is_of_draft
    }
}
