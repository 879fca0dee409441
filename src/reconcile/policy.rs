//! The policy's own change: planned, approved and claimed like any other, and applied by coming into force.
//!
//! Its effect is on the journal alone, so the version that comes into force and the outcome are one entry: nothing lies
//! between "claimed" and "in force" that a crash could leave half done.

use std::sync::Arc;

use super::append::{Draft, PlanFiles};
use super::{Daemon, TickError};
use crate::evidence::contributors::{Contributions, contributions};
use crate::journal::pages;
use crate::journal::{Event, Heads, OutcomeResult, ServiceOutcome, ServiceResult};
use crate::lifecycle::{
    Deployment, PolicyInForce, PolicyWanted, held, permit, policy_plan, policy_wanted, refusals, why_not,
};
use crate::model::EnvironmentName;
use crate::object::Oid;
use crate::plan::compose::Composed;
use crate::plan::policy;
use crate::policy::Verdict;
use crate::revision::Sources;
use crate::revision::resolve::below;

impl Daemon {
    fn policy_wanted(&self, config: Oid, draft: &Draft) -> Result<PolicyWanted, TickError> {
        Ok(policy_wanted(self.objects.as_ref(), &self.hashes, self.state()?, config, draft.time)?)
    }

    fn policy_in_force(&self) -> Result<PolicyInForce, TickError> {
        self.state()?.policy.ok_or(TickError::Conflict)
    }

    /// Plans what the config head has in `governance/`: events go into the draft.
    pub(super) fn plan_policy(&mut self, draft: &mut Draft, heads: Heads) -> Result<(), TickError> {
        let name = EnvironmentName::governance();
        let env = self.state()?.environment(&name);
        if env.running().is_some() {
            self.again.insert(name);
            return Ok(());
        }
        if self.gone.remove(&name) {
            self.supersede(draft, heads, &name)?;
        }
        let env = self.state()?.environment(&name);
        match self.policy_wanted(heads.config, draft)? {
            PolicyWanted::InForce => {
                self.supersede(draft, heads, &name)?;
                self.set_problems(draft, heads, &name, Vec::new())
            }
            PolicyWanted::Problems(problems) => {
                self.supersede(draft, heads, &name)?;
                self.set_problems(draft, heads, &name, problems)
            }
            PolicyWanted::Next(next) => {
                if env.plans.iter().any(|open| open.revision != Some(next.revision)) {
                    self.supersede(draft, heads, &name)?;
                }
                let objects = Arc::clone(&self.objects);
                let composed = policy_plan(objects.as_ref(), &self.hashes, self.state()?, &next)?;
                let composed = composed.ok_or(TickError::Conflict)?;
                self.publish_policy(draft, heads, &composed)
            }
        }
    }

    /// Publishes the plan, or what changed beside it.
    fn publish_policy(&mut self, draft: &mut Draft, heads: Heads, composed: &Composed) -> Result<(), TickError> {
        let name = EnvironmentName::governance();
        let env = self.state()?.environment(&name);
        let found = self.policy_contributions(heads.config)?;
        if found.commits.is_empty() {
            return self.set_problems(draft, heads, &name, vec![refusals::nobody_contributed(&name)]);
        }
        if env.says(composed.plan.id(), &found.contributors, &[]) {
            return Ok(());
        }
        let truncated = pages::is_cut("", &composed.previews, self.config.preview_limit);
        let document = composed.plan.clone().document(truncated, found.contributors, found.commits, Sources::new());
        let event = Event::planned(&document, heads.config, composed.removes.clone());
        let files = PlanFiles {
            document,
            previews: composed.previews.clone(),
            leaves: None,
            enters: None,
            values: String::new(),
        };
        draft.with_plan(&name, files);
        self.emit(draft, event)
    }

    fn policy_contributions(&self, head: Oid) -> Result<Contributions, TickError> {
        let objects = self.objects.as_ref();
        let folder = below(&self.config.root, EnvironmentName::GOVERNANCE);
        let from = Some(self.policy_in_force()?.commit);
        let governance = self.governance()?;
        Ok(contributions(&self.graph(), objects, &governance, &[folder], from, head)?)
    }

    /// Brings an approved policy into force, or settles a claim for one. Gives whether anything was written.
    pub(super) fn deploy_policy(&mut self) -> Result<bool, TickError> {
        let name = EnvironmentName::governance();
        let env = self.state()?.environment(&name);
        if let Some(running) = env.running().cloned() {
            if !self.is_mine(&name, &running.claim) {
                return Ok(false);
            }
            tracing::warn!(number = running.claim.number, "settling an interrupted change of the policy");
            let verdict = self.verdict(&name, &env)?;
            return self.end_policy(&running, verdict.as_ref());
        }
        let Some(plan) = env.current_plan().filter(|_| env.invalid.is_none()).cloned() else { return Ok(false) };
        // Gate: approved, and not suspended. The policy has no windows.
        let now = self.now();
        let may_start = |verdict: &Verdict| verdict.may_start(now, true).is_ok();
        let Some(verdict) = self.verdict(&name, &env)?.filter(may_start) else { return Ok(false) };
        // Computed once more: what would come into force must be what was approved, and must still be able to.
        let heads = self.state()?.heads;
        let mut draft = self.draft(heads);
        self.plan_policy(&mut draft, heads)?;
        if !draft.is_empty() {
            self.append(draft)?;
            return Ok(true);
        }
        let draft = self.draft(heads);
        let running = self.claim_and_look_again(draft, &name, &plan, &verdict, None, Vec::new())?;
        let env = self.state()?.environment(&name);
        let verdict = self.verdict(&name, &env)?;
        self.end_policy(&running, verdict.as_ref())
    }

    /// Ends a claim: the policy comes into force where it may, and otherwise the claim is abandoned.
    fn end_policy(&mut self, running: &Deployment, verdict: Option<&Verdict>) -> Result<bool, TickError> {
        let name = EnvironmentName::governance();
        let line = |result| ServiceOutcome { name: policy::service(), result, message: String::new() };
        let heads = self.state()?.heads;
        let mut draft = self.draft(heads);
        // Gate: the proof that it was let through, exactly as claimed.
        let let_through = verdict.and_then(|verdict| permit(verdict, running, running.plan.id));
        let (Some(permit), Some(revision)) = (let_through, running.plan.revision) else {
            let services = vec![line(ServiceResult::Untouched)];
            let why = why_not(verdict, held(verdict, running).as_ref());
            self.outcome_in(draft, &name, running, OutcomeResult::Abandoned, services, why)?;
            return Ok(true);
        };
        debug_assert_eq!(permit.plan(), running.plan.id);
        let version = self.policy_in_force()?.version + 1;
        let commit = running.claim.heads.config;
        self.policy_files(&mut draft, version, commit)?;
        self.emit(&mut draft, Event::PolicyAdmitted { version, revision, commit })?;
        let services = vec![line(ServiceResult::Done)];
        self.outcome_in(draft, &name, running, OutcomeResult::Applied, services, String::new())?;
        tracing::info!(version, %revision, "a new policy is in force");
        // Everything that waits is judged anew, by whom it now asks for.
        let open = |env: &crate::lifecycle::EnvironmentState| {
            env.current.is_some() || env.deployment.is_some() || env.invalid.is_some() || env.draft.is_some()
        };
        let names: Vec<EnvironmentName> =
            self.state()?.environments.iter().filter(|(_, env)| open(env)).map(|(name, _)| name.clone()).collect();
        self.again.extend(names);
        Ok(true)
    }
}
