//! A claim: everything that lets a deployment through, proven again in the state before it.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::deployment::{document_bytes, read_document};
use super::notes::Attested;
use super::step::{At, Step};
use super::tree::Expected;
use super::wanted::Now;
use crate::journal::{Claim, DeploymentDocument};
use crate::lifecycle::{Deployment, EnvironmentState, OpenPlan, evidence_files, judge_plan, met};
use crate::model::EnvironmentName;
use crate::object::ObjectError;
use crate::plan::{PlanDocument, compose};

impl Step<'_, '_> {
    /// Called before the event is folded.
    pub(super) fn claimed(&mut self, claim: &Claim) -> Result<(), ObjectError> {
        let name = &claim.environment;
        let at = At::deployment(name, claim.number);
        let env = self.env(name);
        self.claims_honestly(claim);
        if env.invalid.is_some() {
            self.violated(at, "claim", "the configuration is invalid, so nothing may be applied");
        }
        // Gate: what nobody merged is applied by nobody.
        if env.drafted.contains(claim.plan) {
            self.violated(at, "claim: plan", "is the plan of a draft, which is not merged");
        }
        let retried = env.deployment.as_ref().filter(|deployment| deployment.plan.id == claim.plan);
        let Some(plan) = retried.map(|deployment| deployment.plan.clone()).or_else(|| env.current_plan().cloned())
        else {
            // The fold says so.
            return Ok(());
        };
        if plan.base != env.base() {
            self.violated(at, "claim: plan", "starts from another deployment than the last one");
        }
        self.approved(claim, &env, &plan)?;
        self.contributed(claim, &env, &plan)?;
        if name.is_governance() {
            if !claim.targets.is_empty() {
                self.violated(at, "claim: targets", "the policy has none");
            }
            return self.claimed_policy(claim.number, plan.revision);
        }
        self.content(claim, &env, &plan)
    }

    /// Whoever claims is who they say, and looked at what they say.
    pub(super) fn claims_honestly(&mut self, claim: &Claim) {
        let at = At::deployment(&claim.environment, claim.number);
        self.notes.attest(Attested::Instances);
        if Some(claim.journal) != self.before.map(|(parent, ..)| parent) {
            self.violated(at, "claim: journal", "is not the journal's commit before this entry");
        }
        if claim.heads != self.entry.heads {
            self.violated(at, "claim: heads", "are not the heads of this entry");
        }
        if self.signer.as_ref() != Some(&claim.key) {
            self.violated(at, "claim: key", "is not the key that signed this entry");
        }
    }

    /// Gate: everything the policy in force asks for was met, and nobody's rejection stood.
    fn approved(&mut self, claim: &Claim, env: &EnvironmentState, plan: &OpenPlan) -> Result<(), ObjectError> {
        let name = &claim.environment;
        let at = At::deployment(name, claim.number);
        let governance = std::sync::Arc::clone(&self.place.governance);
        let root = self.place.state.start.root.clone();
        let verdict = match judge_plan(self.objects, &root, &governance, name, env, plan) {
            Ok(verdict) => verdict,
            Err(crate::lifecycle::JudgeError::Object(error)) => return Err(error),
            Err(error) => {
                self.violated(at, "claim", format!("the plan cannot be judged: {error}"));
                return Ok(());
            }
        };
        let rejected: BTreeSet<String> =
            self.rejected_by(name, plan.id).iter().chain(&verdict.rejected_by).map(ToString::to_string).collect();
        if !rejected.is_empty() {
            let names: Vec<String> = rejected.into_iter().collect();
            self.violated(at, "claim", format!("the plan was rejected by {}", names.join(", ")));
        }
        for open in verdict.requirements.iter().filter(|requirement| !requirement.is_met()) {
            let what = format!("{} had {} of {}", open.label(), open.have.len(), open.required);
            self.violated(at, "claim", format!("the plan was not approved: {what}"));
        }
        // Whether a window was open is the daemon's word, as its clock is; who overrode one is not.
        let overrides = claim.started.as_ref().is_some_and(|by| by.overrides_window);
        if !verdict.start.windows.is_empty() || verdict.start.wishes.iter().any(|wish| wish.at.is_some()) {
            self.notes.attest(Attested::Windows);
        }
        match verdict.may_start(self.entry.time, !overrides) {
            Ok(by) if by == claim.started => {}
            Ok(_) => self.violated(at, "claim: started", "is not the word by which it may start"),
            Err(Some(hold)) => self.violated(at, "claim", format!("was made although it {hold}")),
            Err(None) => {}
        }
        if met(&verdict) != claim.met {
            self.violated(at, "claim: met", "is not what met each rule");
        }
        Ok(())
    }

    /// Gate: the contributors that the approvals were held against are those whom the policy in force knows: a person
    /// who was added since the plan was published may be one of them.
    fn contributed(&mut self, claim: &Claim, env: &EnvironmentState, plan: &OpenPlan) -> Result<(), ObjectError> {
        let name = &claim.environment;
        let found = if name.is_governance() {
            self.policy_contributions()?
        } else {
            let base = self.base_of(name, env)?;
            let desired = match plan.revision {
                Some(revision) => self.resolved_at(name, claim.heads.config, revision, &plan.imports)?,
                None => None,
            };
            let found = self.contributions(env, base.as_deref(), desired.as_deref(), &[claim.heads.config])?;
            env.with_asker(plan.kind, &self.place.governance, found)
        };
        if found.contributors != plan.contributors {
            let what = "the plan's contributors are not those whom the policy in force knows";
            self.violated(At::deployment(name, claim.number), "claim: plan", what);
        }
        Ok(())
    }

    /// Gate: what is applied is the plan's revision, in the places that are its own.
    fn content(&mut self, claim: &Claim, env: &EnvironmentState, plan: &OpenPlan) -> Result<(), ObjectError> {
        let name = &claim.environment;
        let at = At::deployment(name, claim.number);
        let targets = match (plan.revision, self.desired(name, claim.heads.config)?) {
            (Some(revision), Now::Present(desired)) if desired.revision == revision => desired.targets(),
            (None, Now::Absent) => self.base_of(name, env)?.map(|base| base.targets()).unwrap_or_default(),
            _ => {
                self.violated(at, "claim: heads", "the config head no longer desires the revision of the plan");
                return Ok(());
            }
        };
        if targets != claim.targets {
            self.violated(at, "claim: targets", "are not the targets of the environment's services");
        }
        for target in &claim.targets {
            if let Some((owned, owner)) = self.place.state.other_owner(name, target) {
                let what = format!("`{target}` belongs to {owner}, which has `{owned}`");
                self.violated(at, "claim: targets", what);
            }
        }
        self.retried_effects(name, env, plan)
    }

    /// A retry does what was approved: the effects of the plan's document still follow from the repository.
    fn retried_effects(
        &mut self,
        name: &EnvironmentName,
        env: &EnvironmentState,
        plan: &OpenPlan,
    ) -> Result<(), ObjectError> {
        let Some(document) = self.plan_before(name, plan)? else { return Ok(()) };
        let base = self.base_of(name, env)?;
        let desired = match plan.revision {
            Some(revision) => self.resolved_at(name, self.entry.heads.config, revision, &plan.imports)?,
            None => None,
        };
        let found = compose::changes(name, base.as_deref(), desired.as_deref());
        let found: Vec<_> = found.iter().filter_map(compose::effect_of).collect();
        if document.plan.services.iter().map(|line| line.effect).ne(found) {
            let what = "its effects are not those of the plan that was approved";
            self.violated(At::deployment(name, plan.number), "claim: plan", what);
        }
        Ok(())
    }

    /// The published plan, as the entry before left it: waiting, or in the folder of its deployment.
    fn plan_before(&self, name: &EnvironmentName, plan: &OpenPlan) -> Result<Option<Rc<PlanDocument>>, ObjectError> {
        let asked = (name.clone(), plan.number, plan.id);
        if let Some((_, document)) = self.plan_before.borrow().as_ref().filter(|(known, _)| *known == asked) {
            return Ok(Some(Rc::clone(document)));
        }
        let folder = self.folder(name);
        for path in [format!("{folder}/plan.json"), format!("{folder}/history/{}/plan.json", plan.number)] {
            if let Some(bytes) = self.file_before(&path)?
                && let Ok(document) = serde_json::from_slice::<PlanDocument>(&bytes)
                && document.digest == plan.id
                && document.plan.id() == plan.id
            {
                let document = Rc::new(document);
                *self.plan_before.borrow_mut() = Some((asked, Rc::clone(&document)));
                return Ok(Some(document));
            }
        }
        Ok(None)
    }

    /// The files of the deployment's folder. Called once the claim is folded.
    pub(super) fn claimed_files(&mut self, claim: &Claim) -> Result<(), ObjectError> {
        let name = &claim.environment;
        let at = At::deployment(name, claim.number);
        let env = self.env(name);
        let Some(running) = env.running() else { return Ok(()) };
        let folder = self.history(name, claim.number);
        match self.plan_before(name, &running.plan)? {
            Some(document) => self.expect(format!("{folder}/plan.json"), Expected::Bytes(document.to_file())),
            None => self.violated(at, "plan.json", "the plan that is claimed was never published"),
        }
        let root = self.place.state.start.root.clone();
        for (file, bytes) in evidence_files(self.objects, &root, &env, running)? {
            self.expect(format!("{folder}/{file}"), Expected::Bytes(bytes));
        }
        self.document_of_claim(name, &env, running)
    }

    fn document_of_claim(
        &mut self,
        name: &EnvironmentName,
        env: &EnvironmentState,
        running: &Deployment,
    ) -> Result<(), ObjectError> {
        let path = format!("{}/deployment.yaml", self.history(name, running.claim.number));
        let before = match self.file_before(&path)? {
            Some(bytes) => match read_document(&bytes) {
                Ok(document) => Some(document),
                Err(error) => {
                    self.violated(At::deployment(name, running.claim.number), &path, error);
                    return Ok(());
                }
            },
            None => None,
        };
        let document = DeploymentDocument::of_claim(before, env, running);
        self.expect(path, Expected::Bytes(document_bytes(document)));
        Ok(())
    }

    /// The folder of a deployment.
    pub(super) fn history(&self, name: &EnvironmentName, number: u64) -> String {
        format!("{}/history/{number}", self.folder(name))
    }
}
