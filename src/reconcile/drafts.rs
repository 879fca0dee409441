//! Drafts: each branch `draft/<env>` is planned as if it were merged now, so that people can look and approve before.
//!
//! Whatever is wrong with one draft is told of that draft alone: no draft holds up an environment or another draft.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::append::{Draft, PlanFiles};
use super::load::{Remotes, branch_ref};
use super::{Daemon, TickError};
use crate::evidence::graph::Graph;
use crate::few::Few;
use crate::journal::{Event, Heads, NoPlan, pages};
use crate::lifecycle::{DRAFTS, DraftCase, DraftWanted, EnvironmentState, JudgeError, draft_wanted, refusals};
use crate::model::{EnvironmentName, Problem};
use crate::object::{Entry, ObjectError, Objects, Oid, Overlay, entry_at};
use crate::plan::values_diff;
use crate::revision::Resolved;
use crate::revision::resolve::below;

/// So many drafts of environments that are not there yet are looked at. Those of environments that are, as many as
/// there are; whoever may push branches could otherwise have any number planned.
const MOST_NEW: usize = 100;

/// What a draft was planned from, as far as a push to the config branch can change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlannedFrom {
    tip: Oid,
    /// The inputs with what the config branch had there.
    inputs: Vec<(String, Option<Entry>)>,
}

impl Daemon {
    /// The drafts that are looked at: branches that are named like an environment.
    fn drafts(&self, all: &BTreeMap<String, Oid>) -> BTreeMap<EnvironmentName, Oid> {
        let prefix = branch_ref(DRAFTS);
        let mut found = BTreeMap::new();
        let mut new = Vec::new();
        for (name, tip) in all.range(prefix.clone()..).take_while(|(name, _)| name.starts_with(&prefix)) {
            let Ok(environment) = name[prefix.len()..].parse::<EnvironmentName>() else {
                tracing::debug!(branch = %name, "no draft: it is not named like an environment");
                continue;
            };
            if environment.is_governance() {
                tracing::debug!(branch = %name, "drafts of the policy are not planned");
                continue;
            }
            let env = self.state().ok().and_then(|state| state.environments.get(&environment));
            if env.is_some_and(EnvironmentState::is_known) {
                found.insert(environment, *tip);
            } else {
                // Those that have a plan come first, so that nobody pushes them out.
                new.push((env.is_none_or(|env| env.draft.is_none()), environment, *tip));
            }
        }
        new.sort();
        if new.len() > MOST_NEW {
            tracing::warn!(drafts = new.len(), most = MOST_NEW, "more drafts of new environments than are planned");
        }
        found.extend(new.into_iter().take(MOST_NEW).map(|(_, environment, tip)| (environment, tip)));
        found
    }

    /// Fetches the drafts that are new. One that cannot be had is left out until it moves.
    pub(super) fn fetch_drafts(&mut self, remotes: &Remotes) {
        let mut wanted: Vec<(String, Oid)> = Vec::new();
        for (environment, tip) in self.drafts(&remotes.all) {
            let name = branch_ref(&crate::lifecycle::draft_branch(&environment));
            if self.fetched.get(&name) != Some(&tip) && self.unfetchable.get(&name) != Some(&tip) {
                wanted.push((name, tip));
            }
        }
        if wanted.is_empty() {
            return;
        }
        if self.remote.fetch(&wanted).is_ok() {
            self.fetched.extend(wanted);
            return;
        }
        if self.remote.references().is_err() {
            // It is away: that is nothing about any of them.
            return;
        }
        for one in wanted {
            match self.remote.fetch(std::slice::from_ref(&one)) {
                Ok(()) => {
                    self.fetched.insert(one.0, one.1);
                }
                Err(error) => {
                    tracing::warn!(branch = %one.0, %error, "a draft cannot be fetched; it is left out until it moves");
                    self.unfetchable.insert(one.0, one.1);
                }
            }
        }
    }

    /// Tells what became of the drafts. `looked` are the environments that were planned just now.
    pub(super) fn observe_drafts(
        &mut self,
        draft: &mut Draft,
        remotes: &Remotes,
        looked: &BTreeSet<EnvironmentName>,
        first_look: bool,
    ) -> Result<(), TickError> {
        let tips = self.drafts(&remotes.all);
        let state = self.state()?;
        let names: BTreeSet<EnvironmentName> = state.index.drafts().iter().chain(tips.keys()).cloned().collect();
        if names.is_empty() {
            return Ok(());
        }
        let objects = Arc::clone(&self.objects);
        let graph = Graph::new(objects.as_ref());
        for name in names {
            let env = self.state()?.environment(&name);
            let Some(tip) = tips.get(&name).copied() else {
                self.planned_from.remove(&name);
                self.wanted[1].set(&name, Few::default());
                self.say_unplanned(draft, remotes.heads, &name, None, NoPlan::Gone, Vec::new())?;
                continue;
            };
            let branch = branch_ref(&crate::lifecycle::draft_branch(&name));
            if self.fetched.get(&branch) != Some(&tip) {
                continue;
            }
            let is_told = env
                .draft
                .as_ref()
                .is_some_and(|known| known.tip == tip && (known.current.is_some() || known.unplanned.is_some()));
            let is_new = first_look || looked.contains(&name) || !is_told;
            if !is_new && !self.draft_base_moved(&name, tip, remotes.heads.config)? {
                continue;
            }
            if env.is_busy() {
                // Number and round are known once the deployment has ended.
                self.again.insert(name);
                continue;
            }
            if let Err(error) = self.plan_draft(draft, remotes.heads, &graph, &name, tip) {
                let Some(problem) = problem_of(&name, &error) else { return Err(error) };
                self.say_unplanned(draft, remotes.heads, &name, Some(tip), NoPlan::Problems, vec![problem])?;
            }
        }
        Ok(())
    }

    /// Whether the config branch has something else, in what a draft's plan is made of, than when it was planned.
    fn draft_base_moved(&self, name: &EnvironmentName, tip: Oid, config: Oid) -> Result<bool, TickError> {
        let Some(from) = self.planned_from.get(name).filter(|from| from.tip == tip) else { return Ok(true) };
        let now = inputs_at(self.objects.as_ref(), config, from.inputs.iter().map(|(path, _)| path.clone()))?;
        Ok(now != from.inputs)
    }

    /// Plans a draft: its plan, or why it has none, goes into the entry.
    fn plan_draft(
        &mut self,
        draft: &mut Draft,
        heads: Heads,
        graph: &Graph<'_>,
        name: &EnvironmentName,
        tip: Oid,
    ) -> Result<(), TickError> {
        let objects = Arc::clone(&self.objects);
        let overlay = Overlay::new(objects.as_ref());
        let env = self.state()?.environment(name);
        let base = self.base(name, &env)?;
        let is_imported = self.is_imported(heads.config, name)?;
        let case = DraftCase { name, config: heads.config, tip, env: &env, base: base.as_ref(), is_imported };
        let wanted = draft_wanted(graph, &overlay, &self.hashes, self.state()?, case)?;
        self.remember_draft(name, tip, heads.config, &wanted)?;
        let (desired, settings) = match wanted {
            DraftWanted::Nothing(why) => {
                return self.say_unplanned(draft, heads, name, Some(tip), why, Vec::new());
            }
            DraftWanted::Problems(problems) => {
                return self.say_unplanned(draft, heads, name, Some(tip), NoPlan::Problems, problems);
            }
            DraftWanted::Change(desired, settings) => (desired, settings),
        };
        let refused = match &desired {
            Some(desired) => {
                self.wanted[1].set(name, desired.targets().into_iter().collect());
                self.refused_by_settings(name, desired)?
            }
            None => Vec::new(),
        };
        if !refused.is_empty() {
            return self.say_unplanned(draft, heads, name, Some(tip), NoPlan::Problems, refused);
        }
        let merged = Merged { name, tip, settings, base: base.as_ref(), desired: desired.as_deref() };
        self.publish_draft(draft, heads, &merged)
    }

    /// Publishes the plan of a draft, or what changed beside it.
    fn publish_draft(&mut self, draft: &mut Draft, heads: Heads, merged: &Merged<'_>) -> Result<(), TickError> {
        let Merged { name, tip, settings, base, desired } = *merged;
        let env = self.state()?.environment(name);
        let then = env.once_desired(desired.map(|desired| desired.revision));
        let problems = |problems| (Some(tip), NoPlan::Problems, problems);
        let composed = match self.compose(name, &then, then.next_number(), base, desired, None)? {
            Ok(composed) => composed,
            Err(found) => {
                // What a driver sees on the host may change without a push: look again at the next tick.
                self.again.insert(name.clone());
                let (tip, why, found) = problems(found);
                return self.say_unplanned(draft, heads, name, tip, why, found);
            }
        };
        let found = self.contributions(&env, base, desired, &[heads.config, tip])?;
        if found.commits.is_empty() && !env.uncertain {
            let (tip, why, found) = problems(vec![refusals::nobody_contributed(name)]);
            return self.say_unplanned(draft, heads, name, tip, why, found);
        }
        let id = composed.plan.id();
        if env.has_many_drafted(id) {
            let (tip, why, found) = problems(vec![refusals::many_drafts(name)]);
            return self.say_unplanned(draft, heads, name, tip, why, found);
        }
        if env.has_other_named(id) {
            let (tip, why, found) = problems(vec![refusals::same_short_name(name, id)]);
            return self.say_unplanned(draft, heads, name, tip, why, found);
        }
        let values = values_diff(base, desired);
        let truncated = pages::is_cut(&values, &composed.previews, self.config.preview_limit);
        let imports = desired.map(|desired| desired.sources.clone()).unwrap_or_default();
        let document = composed.plan.clone().document(truncated, found.contributors, found.commits, imports);
        let event = Event::draft_planned(&document, tip, settings, heads.config);
        // Gate: a plan that cannot be judged is never published.
        if let Err(problem) = self.first_verdict(name, &then, &event)? {
            let (tip, why, found) = problems(vec![problem]);
            return self.say_unplanned(draft, heads, name, tip, why, found);
        }
        if env.says_of_draft(tip, id, &document.contributors) {
            return Ok(());
        }
        let leaves = base.map(|base| base.environment.gates.clone());
        let enters = desired.map(|desired| desired.environment.gates.clone());
        let files = PlanFiles { document, previews: composed.previews.clone(), leaves, enters, values };
        draft.with_draft(name, files);
        self.emit(draft, event)
    }

    /// Says that a draft has no plan and why, unless that was said before.
    fn say_unplanned(
        &mut self,
        draft: &mut Draft,
        heads: Heads,
        name: &EnvironmentName,
        tip: Option<Oid>,
        why: NoPlan,
        problems: Vec<Problem>,
    ) -> Result<(), TickError> {
        let env = self.state()?.environment(name);
        let said = env.draft.as_ref().filter(|known| Some(known.tip) == tip).and_then(|known| known.unplanned.as_ref());
        if said.is_some_and(|(said, before)| (*said, before) == (why, &problems)) {
            return Ok(());
        }
        let event =
            Event::DraftUnplanned { environment: name.clone(), draft: tip, commit: heads.config, why, problems };
        self.emit(draft, event)
    }

    /// Remembers what a push to the config branch must change for this draft to be planned anew.
    fn remember_draft(
        &mut self,
        name: &EnvironmentName,
        tip: Oid,
        config: Oid,
        wanted: &DraftWanted,
    ) -> Result<(), TickError> {
        let root = &self.config.root;
        let mut paths = BTreeSet::from([below(root, &format!("environments/{name}"))]);
        match wanted {
            DraftWanted::Change(Some(desired), _) => paths.extend(desired.input_paths(root)),
            // What is wrong may be mended anywhere.
            DraftWanted::Problems(_) => {
                paths.insert(root.clone());
            }
            DraftWanted::Change(None, _) | DraftWanted::Nothing(_) => {}
        }
        let inputs = inputs_at(self.objects.as_ref(), config, paths.into_iter())?;
        self.planned_from.insert(name.clone(), PlannedFrom { tip, inputs });
        Ok(())
    }
}

/// A draft as if it were merged.
#[derive(Clone, Copy)]
struct Merged<'a> {
    name: &'a EnvironmentName,
    tip: Oid,
    settings: Option<Oid>,
    base: Option<&'a Resolved>,
    desired: Option<&'a Resolved>,
}

fn inputs_at(
    objects: &dyn Objects,
    commit: Oid,
    paths: impl Iterator<Item = String>,
) -> Result<Vec<(String, Option<Entry>)>, TickError> {
    let tree = objects.commit(commit)?.tree;
    paths.map(|path| Ok((path.clone(), entry_at(objects, tree, &path)?))).collect()
}

/// What is wrong with a draft that could not be read, where that is its own fault and not this machine's.
fn problem_of(name: &EnvironmentName, error: &TickError) -> Option<Problem> {
    match error {
        TickError::Object(ObjectError::Store(_)) | TickError::Judge(JudgeError::Object(ObjectError::Store(_))) => None,
        TickError::Object(error) | TickError::Judge(JudgeError::Object(error)) => {
            Some(refusals::unreadable_draft(name, &error.to_string()))
        }
        TickError::Judge(error) => Some(Problem::of_file(format!("environments/{name}"), error.to_string())),
        _ => None,
    }
}
