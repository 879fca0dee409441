//! A ready-made commit: nothing but the record that its plan and verdict give.

use super::chain::commit_faults;
use super::notes::Attested;
use super::step::{At, Step};
use crate::evidence::signature::commit_signer;
use crate::journal::ReadyMade;
use crate::lifecycle::{JudgeError, Phase, ReadyRecord, phase_of_change, ready, verdict_on};
use crate::object::{Edit, Entry, Kind, Mode, ObjectError, Oid, edit_tree};
use crate::plan::PlanDocument;

impl Step<'_, '_> {
    /// After an entry, a plan that can be approved by merging can be rejected so as well, and what was merged already is
    /// offered anew. Whether branches are made at all is the operator's limit.
    pub(super) fn offers(&mut self) -> Result<(), ObjectError> {
        let root = self.place.state.start.root.clone();
        for name in self.touched() {
            let env = self.env(&name);
            let Some(plan) = env.current_plan().filter(|plan| !plan.truncated && !plan.ready.is_empty()) else {
                continue;
            };
            let verdict = match verdict_on(self.objects, &root, &self.place.governance, &name, &env) {
                Ok(verdict) => verdict,
                Err(JudgeError::Object(error)) => return Err(error),
                Err(_) => continue,
            };
            if !matches!(phase_of_change(&env, verdict.as_ref()), Phase::AwaitingApproval | Phase::Rejected) {
                continue;
            }
            for verdict in ready::offered(&env, plan) {
                if ready::is_spent(self.objects, &root, plan, verdict, self.entry.heads.config)? {
                    let what =
                        format!("no ready-made commit to {} plan {} is offered", verdict.name(), plan.id.short());
                    self.violated(At::environment(&name), "entry.json: events", what);
                }
            }
        }
        Ok(())
    }

    /// Called before the event is folded.
    pub(super) fn ready_made(&mut self, ready: &ReadyMade) -> Result<(), ObjectError> {
        let name = &ready.environment;
        let at = At::environment(name);
        let place = format!("{} {}", ready.verdict.name(), ready.n);
        let expected = ReadyRecord::of(&self.place.state, name, ready.plan, ready.verdict, ready.n);
        let text = expected.record.to_yaml();
        for (field, differs) in [
            ("path", expected.path != ready.path),
            ("branch", expected.branch != ready.branch),
            ("blob", Oid::of(Kind::Blob, text.as_bytes()) != ready.blob),
        ] {
            if differs {
                let what = "the ready-made commit's is not the one that plan and verdict give";
                self.violated(at, format!("{place}: {field}"), what);
            }
        }
        if name.is_governance() {
            self.violated(at, &place, "a change of the policy takes signed records: nothing is ready-made for it");
        }
        if self.env(name).current != Some(ready.plan) {
            self.violated(at, &place, "a ready-made commit for a plan that does not wait");
        }
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
        let tree = edit_tree(&super::tree::Unwritten(self.objects), Some(self.objects.commit(first)?.tree), &put)?;
        let published = self.file(&format!("{}/plan.json", self.folder(name)))?.unwrap_or_default();
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
