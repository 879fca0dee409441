//! Claim, look again, effect, outcome.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::append::Draft;
use super::at_once::at_once;
use super::{Daemon, TickError, drift};
use crate::digest::PlanId;
use crate::journal::pages::environment_folder;
use crate::journal::{
    AttemptOutcome, Claim, DeploymentDocument, Event, OutcomeResult, ServiceOutcome, ServiceResult, StartedBy, yaml_out,
};
use crate::lifecycle::{
    Deployment, EnvironmentState, JudgeError, OpenPlan, SETTLED, evidence_files, held, met, permit, why_not,
};
use crate::model::EnvironmentName;
use crate::plan::compose::{self, Composed};
use crate::plan::{PlanDocument, PlanKind};
use crate::policy::{Hold, Permit, Verdict};
use crate::revision::{Desired, Resolved};
use crate::services::{DriverError, ServiceChange, Settled};
use crate::windows::{is_open, opens};

/// After so many deployments the next tick goes on: between ticks a sign of life is given, the state folder is put in order,
/// and the operator is listened to.
const AT_ONCE: usize = 16;

/// What a deployment needs beside its claim.
struct Prepared {
    /// The plan that may be applied: what was computed just now, or for a retry the approved one with equal effects.
    id: PlanId,
    composed: Composed,
    base: Option<Resolved>,
    desired: Option<Resolved>,
}

/// The wait before the attempt after this one: 30 s, doubled each time, at most an hour.
fn backoff(attempt: u64) -> SignedDuration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(u32::MAX).min(7);
    SignedDuration::from_secs((30_i64 << doublings).min(3600))
}

impl Daemon {
    /// Takes up every deployment that may go on or begin, as many as fit into one tick. Gives whether anything was written.
    pub(super) fn deploy_all(&mut self) -> Result<bool, TickError> {
        self.agenda.passed(self.now());
        if self.is_thorough || self.agenda.open().is_none() {
            let all = self.state()?.environments.iter().filter(|(name, env)| {
                let waits = env.deployment.is_some() || env.current.is_some() || env.correcting.is_some();
                waits || !self.is_never_looked_at(name, env)
            });
            let all: Vec<EnvironmentName> = all.map(|(name, _)| name.clone()).collect();
            // What was interrupted is settled before anything else begins.
            let interrupted = self.state()?.index.deploying().clone();
            self.agenda.all_of(all, interrupted);
        }
        // What was found is told with the claim that comes of it, where that is about to be made.
        if self.agenda.open().is_none_or(|open| open.len() > AT_ONCE) {
            self.push_entries()?;
        }
        let mut wrote = 0;
        let mut round = self.agenda.round();
        while let Some(name) = self.agenda.take(&mut round) {
            self.wake = None;
            if !name.is_governance() {
                match self.correct_or_deploy(&name) {
                    Err(TickError::Judge(error)) if !matches!(error, JudgeError::Object(_)) => {
                        tracing::error!(environment = %name, %error, "cannot be judged; nothing is applied there");
                        self.agenda.touch(&name);
                        self.again.insert(name.clone());
                    }
                    Err(error) => {
                        self.agenda.everything();
                        return Err(error);
                    }
                    Ok(did) => wrote += usize::from(did),
                }
            }
            self.agenda.rest(name, self.wake.take());
            if wrote == AT_ONCE {
                self.agenda.pause(round);
                break;
            }
        }
        Ok(wrote > 0)
    }

    /// What drifted is put right first: what waits beside it is then planned from what shall be there.
    fn correct_or_deploy(&mut self, name: &EnvironmentName) -> Result<bool, TickError> {
        let wrote = self.correct(name)? || self.deploy(name)?;
        let env = self.state()?.environment(name);
        if let Some(at) = self.next_look(name, &env)? {
            self.wake_at(at);
        }
        Ok(wrote)
    }

    fn deploy(&mut self, name: &EnvironmentName) -> Result<bool, TickError> {
        let env = self.state()?.environment(name);
        if let Some(running) = env.running() {
            let running = running.clone();
            // An earlier apply may still be at it.
            self.agenda.touch(name);
            return if self.is_mine(name, &running.claim) { self.resume(name, &env, &running) } else { Ok(false) };
        }
        if env.invalid.is_some() || env.correcting.is_some() {
            return Ok(false);
        }
        let Some(verdict) = self.verdict(name, &env)? else { return Ok(false) };
        let now = self.now();
        if self.may_start(name, &verdict, now).is_none() {
            return Ok(false);
        }
        // What keeps it from here on is elsewhere: what it imports, the host, an earlier apply that still runs.
        self.agenda.touch(name);
        let deploying = env.deployment.as_ref().map(|deployment| &deployment.plan);
        if let Some(plan) = deploying.or_else(|| env.current_plan())
            && self.imports_moved(name, &env, plan)?
        {
            return Ok(false);
        }
        let retry = match env.deployment.as_deref() {
            Some(Deployment { failed: Some((at, ..)), claim, plan, .. }) => {
                let due = at.saturating_add(backoff(claim.attempt)).unwrap_or(Timestamp::MAX);
                if now < due {
                    self.wake_at(due);
                    return Ok(false);
                }
                Some(plan.clone())
            }
            _ => None,
        };
        // The lock comes first: nothing is observed or applied while an orphaned child may still be at work.
        let Some(_lock) = self.disk.lock(name)? else {
            tracing::info!(environment = %name, "an earlier apply still runs; waiting for it");
            return Ok(false);
        };
        match retry {
            Some(plan) => self.retry(name, &env, &plan, &verdict),
            None => self.begin(name, &env, &verdict),
        }
    }

    /// Whether a deployment may start at a time, and by whose word; where only time keeps it, the daemon wakes up then.
    fn may_start(&mut self, name: &EnvironmentName, verdict: &Verdict, now: Timestamp) -> Option<Option<StartedBy>> {
        let windows = &verdict.start.windows;
        match verdict.may_start(now, is_open(windows, now)) {
            Ok(started) => Some(started),
            Err(Some(hold)) => {
                tracing::debug!(environment = %name, %hold, "not yet");
                // Whatever holds it now, each time that somebody named may be one at which it starts: in a closed window too.
                let named = verdict.start.wishes.iter().filter(|wish| wish.void.is_none()).filter_map(|wish| wish.at);
                if let Some(at) = named.filter(|at| *at > now).min() {
                    self.wake_at(at);
                }
                if let Hold::Window { .. } = hold
                    && let Some(at) = opens(windows, now)
                {
                    self.wake_at(at);
                }
                None
            }
            Err(None) => None,
        }
    }

    /// There is something to do at that time, if not before.
    pub(super) fn wake_at(&mut self, at: Timestamp) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }

    pub(super) fn is_mine(&self, name: &EnvironmentName, claim: &Claim) -> bool {
        let id = format!("{name}/{}.{}", claim.number, claim.attempt);
        (claim.key == self.public && claim.instance == self.instance)
            || self.config.take_over.as_deref() == Some(id.as_str())
    }

    /// Plans once more and claims; where the plan is no longer the approved one, publishes the new one instead.
    fn begin(&mut self, name: &EnvironmentName, env: &EnvironmentState, verdict: &Verdict) -> Result<bool, TickError> {
        let heads = self.state()?.heads;
        let Some(plan) = env.current_plan().cloned() else { return Ok(false) };
        let mut draft = self.draft(heads);
        let mut prepared = self.prepare(name, env, &plan, plan.number)?;
        // Gate: another environment may have claimed a target since this was planned.
        if let Ok(Prepared { desired: Some(desired), .. }) = &prepared {
            let problems = self.refused_by_settings(name, desired)?;
            if !problems.is_empty() {
                prepared = Err(problems);
            }
        }
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(problems) => {
                self.again.insert(name.clone());
                self.set_problems(&mut draft, heads, name, problems)?;
                let wrote = !draft.is_empty();
                self.append(draft)?;
                return Ok(wrote);
            }
        };
        let Prepared { composed, base, desired, .. } = &prepared;
        // Gate: while a plan stayed as it was, somebody may have contributed and been undone: the approvals are held
        // against them too.
        let is_other = prepared.id != plan.id
            || self.has_other_contributors(env, &plan, heads, base.as_ref(), desired.as_ref())?;
        if is_other {
            if plan.kind == PlanKind::Drift && !drift::is_drifted(composed) {
                // The host is as it was applied: there is nothing to deploy any more.
                self.emit(&mut draft, Event::AsApplied { environment: name.clone() })?;
                self.append(draft)?;
                return Ok(true);
            }
            // Told anew, it tells also what is applied now of what it imports: that may be the same by another deployment.
            let now = desired.as_ref().map(|_| self.desired(heads.config, name)).transpose()?;
            let desired = match now {
                None => None,
                Some(Desired::Present(now)) if Some(now.revision) == plan.revision => Some(*now),
                Some(_) => {
                    self.again.insert(name.clone());
                    return Ok(false);
                }
            };
            self.publish(&mut draft, heads, name, composed, base.as_ref(), desired.as_ref())?;
            self.make_ready(&mut draft, heads)?;
            let wrote = !draft.is_empty();
            self.append(draft)?;
            return Ok(wrote);
        }
        self.claim(name, &plan, verdict, prepared)
    }

    /// A retry goes on only where every service is done already or plans again to its approved effect.
    fn retry(
        &mut self,
        name: &EnvironmentName,
        env: &EnvironmentState,
        plan: &OpenPlan,
        verdict: &Verdict,
    ) -> Result<bool, TickError> {
        let approved = self.plan_document(name, plan)?;
        let prepared = match self.prepare(name, env, plan, plan.number)? {
            Ok(prepared) => prepared,
            Err(problems) => {
                tracing::warn!(environment = %name, ?problems, "a retry cannot be planned yet");
                return Ok(false);
            }
        };
        let effects = |lines: &[crate::plan::ServiceLine]| lines.iter().map(|line| line.effect).collect::<Vec<_>>();
        if approved.is_none_or(|document| effects(&document.plan.services) != effects(&prepared.composed.plan.services))
        {
            return Ok(false);
        }
        // Gate: what others contributed to since is another change, with the same end.
        let heads = self.state()?.heads;
        if self.has_other_contributors(env, plan, heads, prepared.base.as_ref(), prepared.desired.as_ref())? {
            let mut draft = self.draft(heads);
            self.supersede(&mut draft, heads, name)?;
            self.again.insert(name.clone());
            self.append(draft)?;
            return Ok(true);
        }
        self.claim(name, plan, verdict, Prepared { id: plan.id, ..prepared })
    }

    fn prepare(
        &self,
        name: &EnvironmentName,
        env: &EnvironmentState,
        plan: &OpenPlan,
        number: u64,
    ) -> Result<Result<Prepared, Vec<crate::model::Problem>>, TickError> {
        let base = self.base(name, env)?;
        let desired = match plan.revision {
            Some(revision) => Some(self.resolved_at(name, plan.commit, revision, &plan.imports)?),
            None => None,
        };
        let again = plan.kind.is_towards_itself().then_some(plan.kind);
        Ok(self.compose(name, env, number, base.as_ref(), desired.as_ref(), again)?.map(|composed| Prepared {
            id: composed.plan.id(),
            composed,
            base,
            desired,
        }))
    }

    fn claim(
        &mut self,
        name: &EnvironmentName,
        plan: &OpenPlan,
        verdict: &Verdict,
        prepared: Prepared,
    ) -> Result<bool, TickError> {
        let state = self.state()?;
        let heads = state.heads;
        let draft = self.draft(heads);
        // Gate: at the very time that the claim will bear.
        let Some(started) = self.may_start(name, verdict, draft.time) else { return Ok(false) };
        let targets = match &prepared.desired {
            Some(desired) => desired.targets(),
            None => prepared.base.as_ref().map(Resolved::targets).unwrap_or_default(),
        };
        let deployment = self.claim_and_look_again(draft, name, plan, verdict, started, targets)?;
        let env = self.state()?.environment(name);
        let verdict = self.verdict(name, &env)?;
        let permit = verdict.as_ref().and_then(|verdict| permit(verdict, &deployment, prepared.id));
        let Some(permit) = permit else {
            self.outcome(
                name,
                &deployment,
                OutcomeResult::Abandoned,
                untouched(&prepared.composed.changes),
                why_not(verdict.as_ref(), held(verdict.as_ref(), &deployment).as_ref()),
            )?;
            return Ok(true);
        };
        let (result, services, message) = self.apply(&permit, &prepared.composed.changes, &BTreeMap::new())?;
        self.outcome(name, &deployment, result, services, message)?;
        Ok(true)
    }

    /// Puts a claim on the journal and looks again: whatever was said while it was made is heard before anything
    /// happens. Gives the deployment that now runs.
    pub(super) fn claim_and_look_again(
        &mut self,
        mut draft: Draft,
        name: &EnvironmentName,
        plan: &OpenPlan,
        verdict: &Verdict,
        started: Option<StartedBy>,
        targets: Vec<String>,
    ) -> Result<Deployment, TickError> {
        let state = self.state()?;
        let claim = Claim {
            environment: name.clone(),
            plan: plan.id,
            number: plan.number,
            attempt: state.environment(name).next_attempt(plan.number),
            heads: draft.heads,
            journal: self.journal()?.tip,
            policy: state.policy.map_or(0, |policy| policy.version),
            key: self.public.clone(),
            instance: self.instance.clone(),
            met: met(verdict),
            started,
            targets,
            drift: None,
        };
        let document = self.plan_document(name, plan)?;
        self.emit(&mut draft, Event::Claimed(claim.clone()))?;
        let before = self.deployment_document(name, claim.number)?;
        let env = self.state()?.environment(name);
        let Some(running) = env.running() else { return Err(TickError::Conflict) };
        let evidence = evidence_files(self.objects.as_ref(), &self.config.root, &env, running)?;
        let deployment = DeploymentDocument::of_claim(before, &env, running);
        self.deployment_files(&mut draft, name, &deployment, evidence, document.as_ref())?;
        self.append(draft)?;
        tracing::info!(environment = %name, plan = %plan.id.short(), number = claim.number, attempt = claim.attempt, "claimed");

        let remotes = self.look()?;
        if remotes.journal != Some(self.journal()?.tip) {
            return Err(TickError::Conflict);
        }
        self.observe(&remotes)?;
        self.state()?.environment(name).running().cloned().ok_or(TickError::Conflict)
    }

    /// Applies each change after those it must come after, independent ones at the same time; after a failure nothing more
    /// is begun. What came of each is told in the order of the plan.
    pub(super) fn apply(
        &mut self,
        permit: &Permit,
        changes: &[ServiceChange],
        done: &BTreeMap<usize, ()>,
    ) -> Result<(OutcomeResult, Vec<ServiceOutcome>, String), TickError> {
        // Gate: what allows it is on the journal, for everybody to see.
        self.push_entries()?;
        let (drivers, objects) = (&self.drivers, self.objects.as_ref());
        let apply = |at: usize| match changes[at].desired.as_ref().or(changes[at].base.as_ref()) {
            Some(content) if !done.contains_key(&at) => {
                drivers.of(&content.service.kind).apply(permit, objects, &changes[at])
            }
            _ => Ok(()),
        };
        let after = compose::after(changes);
        let came = at_once(&after, self.config.applies_at_once, apply, Result::is_ok);
        let mut outcomes = Vec::new();
        let mut result = OutcomeResult::Applied;
        let mut messages = Vec::new();
        for (at, (change, came)) in changes.iter().zip(came).enumerate() {
            let mut outcome =
                ServiceOutcome { name: change.name.clone(), result: ServiceResult::Untouched, message: String::new() };
            match came {
                None if done.contains_key(&at) => outcome.result = ServiceResult::Done,
                None => {}
                Some(Ok(())) => outcome.result = ServiceResult::Done,
                Some(Err(error)) => {
                    let unknown = matches!(error, DriverError::Unknown { .. });
                    outcome.result = if unknown { ServiceResult::Unknown } else { ServiceResult::Failed };
                    // What is not known outweighs what is known to have failed.
                    if unknown || result == OutcomeResult::Applied {
                        result = if unknown { OutcomeResult::Unknown } else { OutcomeResult::Failed };
                    }
                    outcome.message = error.to_string();
                    messages.push(format!("service `{}`: {error}", change.name));
                }
            }
            outcomes.push(outcome);
        }
        Ok((result, outcomes, messages.join("; ")))
    }

    /// Settles a claim of this daemon that has no outcome: it was killed. The gate is proven again from evidence.
    fn resume(
        &mut self,
        name: &EnvironmentName,
        env: &EnvironmentState,
        running: &Deployment,
    ) -> Result<bool, TickError> {
        let Some(_lock) = self.disk.lock(name)? else {
            tracing::info!(environment = %name, "an earlier apply still runs; waiting for it");
            return Ok(false);
        };
        tracing::warn!(environment = %name, number = running.claim.number, attempt = running.claim.attempt, "settling an interrupted deployment");
        let base = self.base(name, env)?;
        let desired = match running.plan.revision {
            Some(revision) => {
                Some(self.resolved_at(name, running.claim.heads.config, revision, &running.plan.imports)?)
            }
            None => None,
        };
        let changes = compose::changes(name, base.as_ref(), desired.as_ref());
        let mut done = BTreeMap::new();
        let mut unclear = Vec::new();
        for (at, change) in changes.iter().enumerate() {
            let Some(content) = change.desired.as_ref().or(change.base.as_ref()) else { continue };
            match self.drivers.of(&content.service.kind).settle(self.objects.as_ref(), change) {
                Ok(Settled::Done) => {
                    done.insert(at, ());
                }
                Ok(Settled::Untouched) => {}
                Ok(Settled::Unknown { what }) => unclear.push(format!("service `{}`: {what}", change.name)),
                Err(error) => unclear.push(format!("service `{}`: {error}", change.name)),
            }
        }
        let verdict = self.verdict(name, env)?;
        let permit = verdict.as_ref().and_then(|verdict| permit(verdict, running, running.plan.id));
        let why = why_not(verdict.as_ref(), held(verdict.as_ref(), running).as_ref());
        let (result, services, message) = if !unclear.is_empty() {
            let services = self.settled_outcomes(&changes, &done, ServiceResult::Unknown);
            (OutcomeResult::Unknown, services, format!("interrupted; {}", unclear.join("; ")))
        } else if let Some(permit) = permit {
            self.apply(&permit, &changes, &done)?
        } else if done.is_empty() {
            (OutcomeResult::Abandoned, untouched(&changes), why)
        } else if done.len() == changes.len() {
            // All of it is there already: that is what happened, whoever said what since.
            let services = self.settled_outcomes(&changes, &done, ServiceResult::Untouched);
            (OutcomeResult::Applied, services, SETTLED.to_owned())
        } else {
            let services = self.settled_outcomes(&changes, &done, ServiceResult::Untouched);
            (OutcomeResult::Unknown, services, format!("interrupted part-way, and {why}"))
        };
        self.outcome(name, running, result, services, message)?;
        Ok(true)
    }

    pub(super) fn settled_outcomes(
        &self,
        changes: &[ServiceChange],
        done: &BTreeMap<usize, ()>,
        other: ServiceResult,
    ) -> Vec<ServiceOutcome> {
        let result = |at: usize| if done.contains_key(&at) { ServiceResult::Done } else { other };
        changes
            .iter()
            .enumerate()
            .map(|(at, change)| ServiceOutcome {
                name: change.name.clone(),
                result: result(at),
                message: String::new(),
            })
            .collect()
    }

    fn outcome(
        &mut self,
        name: &EnvironmentName,
        deployment: &Deployment,
        result: OutcomeResult,
        services: Vec<ServiceOutcome>,
        message: String,
    ) -> Result<(), TickError> {
        let draft = self.draft(self.state()?.heads);
        self.outcome_in(draft, name, deployment, result, services, message)
    }

    /// As [`Daemon::outcome`], in an entry that says something before it.
    pub(super) fn outcome_in(
        &mut self,
        mut draft: Draft,
        name: &EnvironmentName,
        deployment: &Deployment,
        result: OutcomeResult,
        services: Vec<ServiceOutcome>,
        message: String,
    ) -> Result<(), TickError> {
        let claim = &deployment.claim;
        let heads = draft.heads;
        let document = self.deployment_document(name, claim.number)?;
        let before = self.state()?.environment(name);
        let event = Event::Outcome {
            environment: name.clone(),
            number: claim.number,
            attempt: claim.attempt,
            result,
            services: services.clone(),
            message: message.clone(),
        };
        self.emit(&mut draft, event)?;
        if let Some(document) = document {
            let outcome = AttemptOutcome { result, message: message.clone(), services, time: draft.time };
            let document = document
                .with_outcome(claim.attempt, outcome)
                .map_err(|error| TickError::Unreadable(error.to_string()))?;
            self.deployment_files(&mut draft, name, &document, BTreeMap::new(), None)?;
        }
        // What became possible by it: an abandoned plan waits again and wants its branches.
        self.make_ready(&mut draft, heads)?;
        self.append(draft)?;
        self.again.insert(name.clone());
        if result == OutcomeResult::Applied {
            self.plan_importers(name, &deployment.plan, &before)?;
        }
        tracing::info!(environment = %name, number = claim.number, attempt = claim.attempt, ?result, message, "deployment ended");
        Ok(())
    }

    /// The published plan: in the environment's folder while it waits, in the deployment's once it was claimed.
    pub(super) fn plan_document(
        &self,
        name: &EnvironmentName,
        plan: &OpenPlan,
    ) -> Result<Option<PlanDocument>, TickError> {
        let folder = environment_folder(self.state()?.start.layout, name);
        for path in [format!("{folder}/plan.json"), format!("{folder}/history/{}/plan.json", plan.number)] {
            if let Some(bytes) = self.journal_file(&path)?
                && let Ok(document) = serde_json::from_slice::<PlanDocument>(&bytes)
                && document.digest == plan.id
            {
                return Ok(Some(document));
            }
        }
        Ok(None)
    }

    pub(super) fn deployment_document(
        &self,
        name: &EnvironmentName,
        number: u64,
    ) -> Result<Option<DeploymentDocument>, TickError> {
        let folder = environment_folder(self.state()?.start.layout, name);
        let path = format!("{folder}/history/{number}/deployment.yaml");
        let Some(bytes) = self.journal_file(&path)? else { return Ok(None) };
        yaml_out::from_yaml(&bytes).map(Some).map_err(|error| TickError::Unreadable(format!("{path}: {error}")))
    }
}

pub(super) fn untouched(changes: &[ServiceChange]) -> Vec<ServiceOutcome> {
    let outcome = |change: &ServiceChange| ServiceOutcome {
        name: change.name.clone(),
        result: ServiceResult::Untouched,
        message: String::new(),
    };
    changes.iter().map(outcome).collect()
}
