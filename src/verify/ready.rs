//! A ready-made commit: nothing but the record that its plan and word give.

use super::chain::commit_faults;
use super::notes::Attested;
use super::step::{At, Step};
use crate::evidence::signature::commit_signer;
use crate::journal::{Event, ReadyMade, ReadyWord};
use crate::lifecycle::{
    EnvironmentState, JudgeError, OpenPlan, Phase, ReadyRecord, phase_of_change, ready, verdict_on,
};
use crate::model::EnvironmentName;
use crate::object::{Edit, Entry, Kind, Mode, ObjectError, Oid, edit_tree};
use crate::plan::PlanDocument;
use crate::policy::Verdict;

impl Step<'_, '_> {
    /// After an entry, a plan that can be approved by merging can be rejected so as well, and what was merged already is
    /// offered anew. Whether branches are made at all is the operator's limit.
    pub(super) fn offers(&mut self) -> Result<(), ObjectError> {
        if self.entry.events.iter().any(|event| matches!(event, Event::PolicyPinned { .. })) {
            // An entry of its own: the next one offers what is missing.
            return Ok(());
        }
        for name in self.touched() {
            let env = self.env(&name);
            let verdicts = self.verdicts(&name, &env);
            if let Some(verdict) = judged(&verdicts.plan)?
                && matches!(
                    phase_of_change(&env, Some(verdict)),
                    Phase::AwaitingApproval | Phase::Rejected | Phase::Approved
                )
            {
                self.offered((&name, &env), env.current_plan(), verdict)?;
            }
            if let Some(verdict) = judged(&verdicts.draft)? {
                self.offered((&name, &env), env.draft_plan(), verdict)?;
            }
        }
        Ok(())
    }

    fn offered(
        &mut self,
        (name, env): (&EnvironmentName, &EnvironmentState),
        plan: Option<&OpenPlan>,
        verdict: &Verdict,
    ) -> Result<(), ObjectError> {
        let root = self.place.state.start.root.clone();
        let Some(plan) = plan.filter(|plan| !plan.truncated && !plan.ready.is_empty()) else { return Ok(()) };
        for word in ready::offered(env, plan, verdict) {
            if ready::is_spent(self.objects, &root, plan, word, self.entry.heads.config)? {
                let what = format!("no ready-made commit to {} plan {} is offered", word.name(), plan.id.short());
                self.violated(At::environment(name), "entry.json: events", what);
            }
        }
        Ok(())
    }

    /// Gate: what starts a deployment is offered where somebody has to start it; by itself not before the rules are met.
    fn may_deploy(&mut self, ready: &ReadyMade, place: &str) -> Result<(), ObjectError> {
        if !ready.says.deploys() {
            return Ok(());
        }
        let name = &ready.environment;
        let env = self.env(name);
        let root = self.place.state.start.root.clone();
        let verdict = match verdict_on(self.objects, &root, &self.place.governance, name, &env) {
            Err(JudgeError::Object(error)) => return Err(error),
            verdict => verdict.ok().flatten(),
        };
        // One that was lost is made again whatever was said since.
        let is_first = env.current_plan().is_none_or(|plan| plan.newest_ready(ready.says).is_none());
        let may = env.current == Some(ready.plan)
            && verdict.is_some_and(|verdict| {
                let early = ready.says == ReadyWord::Deploy && is_first && !verdict.is_approved();
                verdict.start.manual && !early
            });
        if !may {
            let what = "a ready-made commit that deploys, where nobody has to start it or the rules are not met";
            self.violated(At::environment(name), place, what);
        }
        Ok(())
    }

    /// Whether a ready-made commit of this entry is for the plan of a draft.
    pub(super) fn is_of_draft(&self, ready: &ReadyMade) -> bool {
        let mut is_of_draft =
            self.env(&ready.environment).open_plan(ready.plan).is_some_and(|plan| plan.drafted.is_some());
        for event in &self.entry.events {
            match event {
                Event::Planned { plan, .. } if *plan == ready.plan => is_of_draft = false,
                Event::DraftPlanned { plan, .. } if *plan == ready.plan => is_of_draft = true,
                _ => {}
            }
        }
        is_of_draft
    }

    /// Called before the event is folded.
    pub(super) fn ready_made(&mut self, ready: &ReadyMade) -> Result<(), ObjectError> {
        let name = &ready.environment;
        let at = At::environment(name);
        let place = format!("{} {}", ready.says.name(), ready.n);
        let expected = ReadyRecord::of(&self.place.state, name, ready.plan, ready.says, ready.n);
        let text = expected.record.to_yaml();
        for (field, differs) in [
            ("path", expected.path != ready.path),
            ("branch", expected.branch != ready.branch),
            ("blob", Oid::of(Kind::Blob, text.as_bytes()) != ready.blob),
        ] {
            if differs {
                let what = "the ready-made commit's is not the one that plan and word give";
                self.violated(at, format!("{place}: {field}"), what);
            }
        }
        if name.is_governance() {
            self.violated(at, &place, "a change of the policy takes signed records: nothing is ready-made for it");
        }
        let env = self.env(name);
        let is_of_draft = env.draft.as_ref().is_some_and(|draft| draft.current == Some(ready.plan));
        if env.current != Some(ready.plan) && !is_of_draft {
            self.violated(at, &place, "a ready-made commit for a plan that does not wait");
        }
        self.may_deploy(ready, &place)?;
        let commit = match self.objects.commit(ready.commit) {
            // Its branch went with the plan. Where it was merged it is still reached, and reading the statements would
            // have missed it.
            Err(ObjectError::Missing { .. }) => {
                self.notes.attest(Attested::ReadyMade);
                return Ok(());
            }
            commit => commit?,
        };
        let first = self.graph.root_of(self.entry.heads.config)?;
        let put = [(ready.path.clone(), Edit::Put(Entry { mode: Mode::File, id: ready.blob }))].into();
        let tree = edit_tree(&super::tree::Unwritten(self.objects), Some(self.objects.tree_of(first)?), &put)?;
        let file = if is_of_draft { "draft.json" } else { "plan.json" };
        let published = self.file(&format!("{}/{file}", self.folder(name)))?.unwrap_or_default();
        let document = match serde_json::from_slice::<PlanDocument>(&published) {
            Ok(document) if document.plan.id() == ready.plan => document,
            _ => {
                self.violated(at, &place, "a ready-made commit for a plan that is not published");
                return Ok(());
            }
        };
        let message = expected.message(&self.place.state, &document.plan);
        for fault in commit_faults(&commit, tree, &[first], self.entry.time, &message) {
            self.violated(at, &place, format!("the ready-made commit {}: {fault}", ready.commit.short()));
        }
        match commit_signer(&commit) {
            Ok(Some(key)) if self.place.governance.policy.journal_keys.contains(&key) => {}
            _ => self.violated(at, &place, "the ready-made commit is not signed by a journal key"),
        }
        Ok(())
    }
}

/// A verdict, where there is a plan that can be judged.
fn judged(verdict: &Result<Option<Verdict>, JudgeError>) -> Result<Option<&Verdict>, ObjectError> {
    match verdict {
        Ok(verdict) => Ok(verdict.as_ref()),
        Err(JudgeError::Object(error)) => Err(error.clone()),
        Err(_) => Ok(None),
    }
}
