//! The policy on the journal, and what is told of changes to it.

use super::step::{At, Step};
use super::tree::Expected;
use crate::journal::Event;
use crate::lifecycle::refusals;
use crate::model::EnvironmentName;
use crate::object::{Entry, Mode, ObjectError, entry_at, files_below};
use crate::revision::resolve::below;
use crate::revision::resolve_governance;

impl Step<'_, '_> {
    /// Policy 1 lies on the journal in full, as it was in the commit it was read from.
    pub(super) fn policy_files(&mut self) -> Result<(), ObjectError> {
        let tree = self.objects.commit(self.entry.heads.config)?.tree;
        let path = below(&self.place.state.start.root, EnvironmentName::GOVERNANCE);
        if let Some(Entry { mode: Mode::Tree, id }) = entry_at(self.objects, tree, &path)? {
            for (name, entry) in files_below(self.objects, id)? {
                let bytes = self.objects.blob(entry.id)?.to_vec();
                self.expect(format!("policy/1/{name}"), Expected::Bytes(bytes));
            }
        }
        Ok(())
    }

    /// A change of `governance/` that waits, or the end of one.
    pub(super) fn governance_pending(&mut self, event: &Event) -> Result<(), ObjectError> {
        let Event::GovernancePending { revision, commit, problems } = event else { return Ok(()) };
        if *commit != self.entry.heads.config {
            self.violated(
                At::default(),
                "entry.json: events",
                "a policy change is told of another commit than the head",
            );
        }
        let tree = self.objects.commit(self.entry.heads.config)?.tree;
        let state = &self.place.state;
        let in_force = state.policy.map(|policy| policy.revision);
        let (found, governance) = resolve_governance(self.objects, self.hashes, &state.start.root, tree)?;
        let expected = refusals::governance_pending(in_force, found, governance);
        let told = (!problems.is_empty()).then(|| (*revision, problems.clone()));
        if state.governance_pending == told {
            self.violated(At::default(), "entry.json: events", "a change to governance/ is told a second time");
        }
        if found != *revision || expected != *problems {
            let what = "what is said of the change to governance/ is not what the commit says";
            self.violated(At::default(), "entry.json: events", what);
        }
        Ok(())
    }

    /// After an entry that read a new head, what is told of governance/ is what is there.
    pub(super) fn governance_told(&mut self) -> Result<(), ObjectError> {
        let root = self.place.state.start.root.clone();
        let path = below(&root, EnvironmentName::GOVERNANCE);
        let tree = |commit| Ok::<_, ObjectError>(self.objects.commit(commit)?.tree);
        let (old, new) = (tree(self.read_before.config)?, tree(self.entry.heads.config)?);
        if entry_at(self.objects, old, &path)? == entry_at(self.objects, new, &path)? {
            return Ok(());
        }
        let in_force = self.place.state.policy.map(|policy| policy.revision);
        let (found, governance) = resolve_governance(self.objects, self.hashes, &root, new)?;
        let problems = refusals::governance_pending(in_force, found, governance);
        let expected = (!problems.is_empty()).then_some((found, problems));
        if self.place.state.governance_pending != expected {
            self.violated(At::default(), "entry.json: events", "a change to governance/ was left out");
        }
        Ok(())
    }
}
