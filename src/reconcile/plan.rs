//! Planning one environment: what is desired held against what is in force.

use super::append::{Draft, PlanFiles};
use super::at_once::at_once;
use super::{Daemon, TickError};
use crate::evidence::contributors::{Contributions, contributions_in};
use crate::journal::{Event, Heads, pages};
use crate::lifecycle::{Applied, EnvironmentState, JudgeError, OpenPlan, judge_plan, refusals};
use crate::model::{Environment, EnvironmentName, Problem};
use crate::object::{Mode, Oid, entry_at};
use crate::plan::compose::{self, Composed, Place};
use crate::plan::{PlanDocument, PlanKind, values_diff};
use crate::policy::Verdict;
use crate::revision::imports::From;
use crate::revision::resolve::below;
use crate::revision::{Desired, Resolved, Sources};
use crate::services::DriverError;

/// What an environment shall be, as far as it can be told.
enum Wanted {
    /// Nothing to do and nothing to say.
    Nothing,
    /// It cannot be: why.
    Problems(Vec<Problem>),
    /// It shall be gone.
    Destroyed,
    /// It shall be this.
    Present(Box<Resolved>),
}

impl Daemon {
    /// Plans an environment against the config head: events go into the draft.
    pub(super) fn plan_environment(
        &mut self,
        draft: &mut Draft,
        heads: Heads,
        name: &EnvironmentName,
    ) -> Result<(), TickError> {
        if name.is_governance() {
            return self.plan_policy(draft, heads);
        }
        let env = self.state()?.environment(name);
        if env.running().is_some() {
            // A push while deploying is planned when the deployment has ended.
            self.again.insert(name.clone());
            return Ok(());
        }
        if self.gone.remove(name) {
            self.supersede(draft, heads, name)?;
        }
        let env = self.state()?.environment(name);
        if env.correcting.is_some() {
            self.again.insert(name.clone());
            return Ok(());
        }
        match self.wanted(heads.config, name, &env)? {
            Wanted::Nothing => Ok(()),
            Wanted::Problems(problems) => {
                self.supersede(draft, heads, name)?;
                self.set_problems(draft, heads, name, problems)
            }
            Wanted::Destroyed if env.exists() => {
                self.end_wish(draft, heads, name)?;
                let base = self.base(name, &env)?;
                self.plan_towards(draft, heads, name, (base, None), None)
            }
            Wanted::Destroyed => {
                self.supersede(draft, heads, name)?;
                self.set_problems(draft, heads, name, Vec::new())
            }
            Wanted::Present(resolved) => {
                let is_imported = self.is_imported(heads.config, name)?;
                if env.is_at(resolved.revision, is_imported) {
                    return self.plan_towards_itself(draft, heads, name, *resolved);
                }
                if env.in_force_where(is_imported) != Some(resolved.revision) {
                    self.end_wish(draft, heads, name)?;
                }
                let base = self.base(name, &env)?;
                // What others import is what was approved: there nothing is recorded without.
                let is_the_same = |base| compose::is_without_effect(base, &resolved);
                if env.exists() && !env.uncertain && !is_imported && base.as_ref().is_some_and(is_the_same) {
                    self.supersede(draft, heads, name)?;
                    let revision = resolved.revision;
                    let event = Event::Recorded { environment: name.clone(), revision, commit: heads.config };
                    return self.emit(draft, event);
                }
                self.plan_towards(draft, heads, name, (base, Some(*resolved)), None)
            }
        }
    }

    /// What the config head says of an environment, with everything that can be refused before planning.
    fn wanted(&mut self, config: Oid, name: &EnvironmentName, env: &EnvironmentState) -> Result<Wanted, TickError> {
        let known = env.is_known();
        Ok(match self.desired(config, name)? {
            Desired::Absent if known => Wanted::Destroyed,
            Desired::Absent => Wanted::Nothing,
            Desired::Unmarked if known => Wanted::Problems(vec![refusals::unmarked(name)]),
            Desired::Unmarked => Wanted::Nothing,
            Desired::Invalid(problems) => {
                self.note_inputs_of_invalid(config, name)?;
                Wanted::Problems(problems)
            }
            Desired::Present(resolved) => {
                self.note_uses(name, &resolved);
                match self.refused_by_settings(name, &resolved)? {
                    problems if problems.is_empty() => Wanted::Present(resolved),
                    problems => Wanted::Problems(problems),
                }
            }
        })
    }

    /// An environment at a config commit, with what is applied now of what it imports.
    pub(super) fn desired(&self, config: Oid, name: &EnvironmentName) -> Result<Desired, TickError> {
        let tree = self.objects.commit(config)?.tree;
        let imports = From::Deployments(self.state()?);
        self.resolve(tree, name, imports)
    }

    /// Gate: a target must be granted by the operator, and belongs to the environment that first claimed it.
    /// Its file must not be larger than the operator allows.
    pub(super) fn refused_by_settings(
        &self,
        name: &EnvironmentName,
        resolved: &Resolved,
    ) -> Result<Vec<Problem>, TickError> {
        let file = format!("environments/{name}/environment.yaml");
        let limit = self.config.yaml_limit;
        if let Some(size) = resolved.manifest.files.get(&file).map(|file| file.size).filter(|size| *size > limit) {
            let message = format!("has {size} bytes, and the operator's settings allow {limit} (spec.limits.yaml)");
            return Ok(vec![Problem::of_file(&file, message)]);
        }
        let owned = refusals::owned_targets(self.state()?, name, resolved);
        let mut problems = Vec::new();
        for (at, service) in resolved.environment.services.iter().enumerate() {
            let target = service.kind.target();
            let field = format!("spec.services[{at}].target");
            if !self.config.grants.target_allowed(name, service.kind.name(), target) {
                let message = format!(
                    "`{target}` is not granted: the operator's settings allow no `{}` service of {name} there \
                     (spec.repositories[].allow)",
                    service.kind.name()
                );
                problems.push(Problem { field, ..Problem::of_file(&file, message) });
            }
            problems.extend(owned.iter().filter(|(place, _)| *place == at).map(|(_, problem)| problem.clone()));
        }
        Ok(problems)
    }

    /// Remembers whose change concerns it, beside its own.
    fn note_uses(&mut self, name: &EnvironmentName, resolved: &Resolved) {
        let own = format!("environments/{name}");
        self.shared.set(name, resolved.input_paths("").into_iter().filter(|path| *path != own).collect());
        self.wanted[0].set(name, resolved.targets().into_iter().collect());
    }

    /// What is wrong may be mended in a shared input too, as far as its settings can be read.
    fn note_inputs_of_invalid(&mut self, config: Oid, name: &EnvironmentName) -> Result<(), TickError> {
        let file = format!("environments/{name}/environment.yaml");
        let tree = self.graph().node(config)?.tree;
        let entry = entry_at(self.objects.as_ref(), tree, &below(&self.config.root, &file))?;
        let Some(entry) = entry.filter(|entry| matches!(entry.mode, Mode::File | Mode::Executable)) else {
            return Ok(());
        };
        if let Ok(environment) = Environment::read(&file, name.as_str(), &self.objects.blob(entry.id)?) {
            let own = name.folder();
            self.shared.set(name, environment.folders("").into_iter().filter(|path| *path != own).collect());
        }
        Ok(())
    }

    /// The last deployment's content, read from the commit it was claimed from.
    pub(super) fn base(&self, name: &EnvironmentName, env: &EnvironmentState) -> Result<Option<Resolved>, TickError> {
        let Some(Applied { revision: Some(revision), commit, imports, .. }) = &env.applied else { return Ok(None) };
        self.resolved_at(name, *commit, *revision, imports).map(Some)
    }

    /// An environment's content at a commit, with what it imported then, which must have this revision.
    pub(super) fn resolved_at(
        &self,
        name: &EnvironmentName,
        commit: Oid,
        revision: crate::digest::RevisionId,
        imports: &Sources,
    ) -> Result<Resolved, TickError> {
        let tree = self.objects.commit(commit)?.tree;
        let imports = From::Exactly(imports);
        match self.resolve(tree, name, imports)? {
            Desired::Present(resolved) if resolved.revision == revision => Ok(*resolved),
            _ => Err(JudgeError::NoSettings { environment: name.clone(), commit }.into()),
        }
    }

    /// Ends the open plans: the desired revision left theirs. The round goes up.
    pub(super) fn supersede(
        &mut self,
        draft: &mut Draft,
        heads: Heads,
        name: &EnvironmentName,
    ) -> Result<(), TickError> {
        let env = self.state()?.environment(name);
        let plans: Vec<_> = env.open_ids().into_iter().collect();
        if plans.is_empty() && env.redeploy.is_none() {
            return Ok(());
        }
        let round = env.round + 1;
        // Whatever comes next, what was found on the host is found again.
        self.looked.remove(name);
        self.agenda.touch(name);
        self.emit(draft, Event::Superseded { environment: name.clone(), plans, round, commit: heads.config })
    }

    /// Another change is desired than that what is applied be applied again.
    fn end_wish(&mut self, draft: &mut Draft, heads: Heads, name: &EnvironmentName) -> Result<(), TickError> {
        let wished = self.state()?.environment(name).redeploy.is_some();
        if wished { self.supersede(draft, heads, name) } else { Ok(()) }
    }

    /// Says what is wrong, or that nothing is any more; nothing where that was said before.
    pub(super) fn set_problems(
        &mut self,
        draft: &mut Draft,
        heads: Heads,
        name: &EnvironmentName,
        problems: Vec<Problem>,
    ) -> Result<(), TickError> {
        let env = self.state()?.environment(name);
        let before = env.invalid.as_ref().map_or(&[][..], |(problems, _)| problems);
        if before == problems {
            return Ok(());
        }
        self.emit(draft, Event::Invalid { environment: name.clone(), commit: heads.config, problems })
    }

    /// Plans from what was applied last towards a revision (`None`: the destroy). `again`: it is what is in force already, for
    /// this reason.
    pub(super) fn plan_towards(
        &mut self,
        draft: &mut Draft,
        heads: Heads,
        name: &EnvironmentName,
        (base, desired): (Option<Resolved>, Option<Resolved>),
        again: Option<PlanKind>,
    ) -> Result<(), TickError> {
        let revision = desired.as_ref().map(|desired| desired.revision);
        let env = self.state()?.environment(name);
        let moved = |open: &crate::lifecycle::OpenPlan| open.revision != revision;
        let deploying = env.deployment.as_ref().map(|deployment| &deployment.plan);
        if env.plans.iter().chain(deploying).any(moved) {
            self.supersede(draft, heads, name)?;
        }
        let env = self.state()?.environment(name);
        if env.deployment.is_some() {
            // It failed and is retried as it is.
            return self.set_problems(draft, heads, name, Vec::new());
        }
        self.have_looked(name, &env)?;
        let composed = match self.compose(name, &env, env.next_number(), base.as_ref(), desired.as_ref(), again)? {
            Ok(composed) => composed,
            Err(problems) => {
                // What a driver sees on the host may change without a push: look again at the next tick.
                self.again.insert(name.clone());
                return self.set_problems(draft, heads, name, problems);
            }
        };
        if self.stays(name, &env, composed.plan.id(), draft.time)? {
            return self.set_problems(draft, heads, name, Vec::new());
        }
        self.publish(draft, heads, name, &composed, base.as_ref(), desired.as_ref())
    }

    /// Asks the drivers what they would do, and puts the plan together.
    pub(super) fn compose(
        &self,
        name: &EnvironmentName,
        env: &EnvironmentState,
        number: u64,
        base: Option<&Resolved>,
        desired: Option<&Resolved>,
        again: Option<PlanKind>,
    ) -> Result<Result<Composed, Vec<Problem>>, TickError> {
        let changes = compose::changes(name, base, desired);
        let mut services = Vec::new();
        let mut problems = Vec::new();
        let (drivers, objects) = (&self.drivers, self.objects.as_ref());
        let look = |at: usize| {
            let change = &changes[at];
            let content = change.desired.as_ref().or(change.base.as_ref())?;
            Some(drivers.of(&content.service.kind).plan(objects, change))
        };
        // Everything that is wrong is told, so one that cannot be planned stops no other.
        let planned = at_once(&compose::after(&changes), self.config.plans_at_once, look, |_| true);
        for (change, planned) in changes.iter().zip(planned) {
            match planned.flatten() {
                None => {}
                Some(Ok(service)) => services.push(service),
                Some(Err(
                    DriverError::Invalid { message }
                    | DriverError::Failed { message }
                    | DriverError::Unknown { message },
                )) => {
                    let file = format!("environments/{name}/environment.yaml");
                    let message = format!("service `{}`: {message}", change.name);
                    problems.push(Problem::of_file(file, message));
                }
            }
        }
        if !problems.is_empty() {
            return Ok(Err(problems));
        }
        let state = self.state()?;
        let kind = match again {
            Some(kind) => kind,
            None => state.kind_of(self.objects.as_ref(), &self.hashes, name, base, desired)?,
        };
        let place =
            Place { repository: state.repository, environment: name, number, round: env.round, base: env.base() };
        Ok(Ok(compose::compose(place, kind, desired, changes, services)))
    }

    /// What was done for a change up to these commits, by the people whom the policy in force knows.
    pub(super) fn contributions(
        &self,
        env: &EnvironmentState,
        base: Option<&Resolved>,
        desired: Option<&Resolved>,
        heads: &[Oid],
    ) -> Result<Contributions, TickError> {
        let from = env.applied.as_ref().map(|applied| applied.commit);
        let ranges = compose::ranges(&self.config.root, base, desired, from, heads);
        let governance = self.governance()?;
        Ok(contributions_in(&self.graph(), self.objects.as_ref(), &governance, &ranges)?)
    }

    /// Whether others contributed to a plan by now than it says: they came and went beside what it is for.
    pub(super) fn has_other_contributors(
        &self,
        env: &EnvironmentState,
        plan: &OpenPlan,
        heads: Heads,
        base: Option<&Resolved>,
        desired: Option<&Resolved>,
    ) -> Result<bool, TickError> {
        let found = self.contributions(env, base, desired, &[heads.config])?;
        let governance = self.governance()?;
        Ok(env.with_asker(plan.kind, &governance, found).contributors != plan.contributors)
    }

    /// Publishes a plan, or what changed beside it.
    pub(super) fn publish(
        &mut self,
        draft: &mut Draft,
        heads: Heads,
        name: &EnvironmentName,
        composed: &Composed,
        base: Option<&Resolved>,
        desired: Option<&Resolved>,
    ) -> Result<(), TickError> {
        let env = self.state()?.environment(name);
        let governance = self.governance()?;
        let kind = composed.plan.kind;
        let found = self.contributions(&env, base, desired, &[heads.config])?;
        // What is in force already takes no commit: the host changed, or somebody asked.
        if found.commits.is_empty() && !env.uncertain && !kind.is_towards_itself() {
            return self.set_problems(draft, heads, name, vec![refusals::nobody_contributed(name)]);
        }
        let found = env.with_asker(kind, &governance, found);
        let id = composed.plan.id();
        let values = values_diff(base, desired);
        let truncated = pages::is_cut(&values, &composed.previews, self.config.preview_limit);
        if env.has_other_named(id) {
            return self.set_problems(draft, heads, name, vec![refusals::same_short_name(name, id)]);
        }
        let imports = desired.map(|desired| desired.sources.clone()).unwrap_or_default();
        let mut document = composed.plan.clone().document(truncated, found.contributors, found.commits, imports);
        let planned = |document: &PlanDocument| Event::planned(document, heads.config, composed.removes.clone());
        // Gate: a plan that cannot be judged is never published, and one that was is Invalid once the policy in force
        // no longer has what it asks for.
        document.carries = match self.first_verdict(name, &env, &planned(&document))? {
            Ok(verdict) => verdict.carries,
            Err(problem) => return self.set_problems(draft, heads, name, vec![problem]),
        };
        let event = planned(&document);
        if env.says(id, &document.contributors, &document.carries) {
            return Ok(());
        }
        let leaves = base.map(|base| base.environment.gates.clone());
        let enters = desired.map(|desired| desired.environment.gates.clone());
        let files = PlanFiles { document, previews: composed.previews.clone(), leaves, enters, values };
        draft.with_plan(name, files);
        self.emit(draft, event)
    }

    /// What is asked for a plan before anything is said on it; or why it could not be judged: an unknown ruleset in the
    /// settings it leaves or enters.
    pub(super) fn first_verdict(
        &self,
        name: &EnvironmentName,
        env: &EnvironmentState,
        planned: &Event,
    ) -> Result<Result<Verdict, Problem>, TickError> {
        let open = crate::lifecycle::OpenPlan::of(planned, self.now()).ok_or(TickError::Conflict)?;
        let governance = self.governance()?;
        match judge_plan(self.objects.as_ref(), &self.config.root, &governance, name, env, &open) {
            Ok(verdict) => Ok(Ok(verdict)),
            Err(JudgeError::Object(error)) => Err(error.into()),
            Err(error) => Ok(Err(refusals::cannot_be_judged(name, error.to_string()))),
        }
    }
}
