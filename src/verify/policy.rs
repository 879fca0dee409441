//! The policy on the journal: each version in full, and each change of it as it must have gone.

use super::step::{At, Step};
use super::tree::Expected;
use crate::digest::{PlanId, RevisionId};
use crate::evidence::contributors::{Contributions, contributions};
use crate::journal::{Event, OutcomeResult};
use crate::lifecycle::{NextPolicy, PolicyWanted, policy_plan, policy_wanted, refusals};
use crate::model::{EnvironmentName, Problem};
use crate::object::{Entry, Mode, ObjectError, Oid, entry_at, files_below};
use crate::plan::Plan;
use crate::plan::compose::Composed;
use crate::revision::Sources;
use crate::revision::resolve::below;

impl Step<'_, '_> {
    /// A version lies on the journal in full, as it was in the commit it was read from.
    pub(super) fn policy_files(&mut self, version: u64, commit: Oid) -> Result<(), ObjectError> {
        let tree = self.objects.tree_of(commit)?;
        let path = below(&self.place.state.start.root, EnvironmentName::GOVERNANCE);
        if let Some(Entry { mode: Mode::Tree, id }) = entry_at(self.objects, tree, &path)? {
            for (name, entry) in files_below(self.objects, id)? {
                let bytes = self.objects.blob(entry.id)?.to_vec();
                self.expect(format!("policy/{version}/{name}"), Expected::Bytes(bytes));
            }
        }
        Ok(())
    }

    fn policy_wanted(&self) -> Result<PolicyWanted, ObjectError> {
        policy_wanted(self.objects, self.hashes, &self.place.state, self.entry.heads.config, self.entry.time)
    }

    /// The plan of a policy change, computed again. Called before the event is folded.
    pub(super) fn planned_policy(&mut self, event: &Event) -> Result<(), ObjectError> {
        let Event::Planned { plan: id, commit, kind, revision, truncated, contributors, removes, carries, .. } = event
        else {
            return Ok(());
        };
        let name = EnvironmentName::governance();
        let place = format!("plan {}", id.short());
        let at = At::environment(&name);
        let env = self.env(&name);
        if *commit != self.entry.heads.config {
            self.violated(at, &place, "was computed from another commit than the config head");
        }
        let next = match self.policy_wanted()? {
            PolicyWanted::Next(next) => next,
            other => {
                self.violated(at, &place, format!("nothing was to be planned: {}", in_words(&other)));
                return Ok(());
            }
        };
        if *revision != Some(next.revision) {
            self.violated(at, &place, format!("its revision is not {}, which the commit has", next.revision));
        }
        if env.plans.iter().any(|open| open.revision != *revision) {
            self.violated(at, &place, "plans for another revision are still open: the round should have gone up");
        }
        if env.says(*id, contributors, carries) {
            self.violated(at, &place, "says what was said before");
        }
        let Some(composed) = self.policy_plan(&next)? else {
            self.violated(at, &place, "the policy in force cannot be found again");
            return Ok(());
        };
        if composed.plan.kind != *kind {
            self.violated(at, &place, format!("it says `{}`, but it is a policy change", kind.name()));
        }
        if !truncated && composed.previews.iter().any(|(_, preview)| preview.omitted > 0) {
            self.violated(at, &place, "files were left out of its preview, and it does not say `truncated`");
        }
        let Contributions { contributors: known, commits } = self.policy_contributions()?;
        if known != *contributors {
            let what = "the contributors are not those of the commits that changed governance/";
            self.violated(at, format!("{place}: contributors"), what);
        }
        if commits.is_empty() {
            self.violated(at, &place, "no commit made this change");
        }
        if removes.is_some() || !carries.is_empty() {
            self.violated(at, &place, "says that approvals carry over, which they never do to another policy");
        }
        let document = |plan: Plan| plan.document(*truncated, known, commits, Sources::new());
        let published = self.told("plan.json", &name, *id, composed, document)?;
        self.plan_pages(&self.folder(&name), "plan", &published, None)
    }

    fn policy_plan(&self, next: &NextPolicy) -> Result<Option<Composed>, ObjectError> {
        policy_plan(self.objects, self.hashes, &self.place.state, next)
    }

    pub(super) fn policy_contributions(&self) -> Result<Contributions, ObjectError> {
        let state = &self.place.state;
        let folder = below(&state.start.root, EnvironmentName::GOVERNANCE);
        let from = state.policy.map(|policy| policy.commit);
        let head = self.entry.heads.config;
        contributions(self.graph, self.objects, &self.place.governance, &[folder], from, head)
    }

    /// Plans of the policy end because something else, or nothing, is desired by now.
    pub(super) fn superseded_policy(&mut self, commit: Oid, plans: &[PlanId]) -> Result<(), ObjectError> {
        let name = EnvironmentName::governance();
        let at = At::environment(&name);
        if commit != self.entry.heads.config {
            self.violated(at, "superseded", "names another commit than the config head");
        }
        let env = self.env(&name);
        if !env.open_ids().iter().eq(plans) {
            self.violated(at, "superseded: plans", "are not the open ones, each once and in order");
        }
        if let PolicyWanted::Next(next) = self.policy_wanted()?
            && !self.ends_with_history(&name)?
            && env.plans.iter().all(|open| open.revision == Some(next.revision))
        {
            self.violated(at, "superseded", format!("the plans were ended, though {} is desired", next.revision));
        }
        Ok(())
    }

    /// A change that cannot come into force, with the reasons that follow from it.
    pub(super) fn invalid_policy(&mut self, commit: Oid, problems: &[Problem]) -> Result<(), ObjectError> {
        let name = EnvironmentName::governance();
        let at = At::environment(&name);
        if commit != self.entry.heads.config {
            self.violated(at, "invalid", "names another commit than the config head");
        }
        let env = self.env(&name);
        let before = env.invalid.as_ref().map(|(problems, _)| problems.as_slice()).unwrap_or_default();
        if before == problems {
            self.violated(at, "invalid", "says what was said before");
        }
        let expected = match self.policy_wanted()? {
            PolicyWanted::Problems(expected) => expected,
            PolicyWanted::InForce => Vec::new(),
            PolicyWanted::Next(_) if self.policy_contributions()?.commits.is_empty() => {
                vec![refusals::nobody_contributed(&name)]
            }
            PolicyWanted::Next(_) => Vec::new(),
        };
        if expected != problems {
            let what = "what is said of the change to governance/ is not what the commit says";
            self.violated(at, "invalid", what);
        }
        Ok(())
    }

    /// What is claimed is what would come into force, and still can.
    pub(super) fn claimed_policy(&mut self, number: u64, revision: Option<RevisionId>) -> Result<(), ObjectError> {
        let name = EnvironmentName::governance();
        let at = At::deployment(&name, number);
        match self.policy_wanted()? {
            PolicyWanted::Next(next) if Some(next.revision) == revision => Ok(()),
            other => {
                let what = format!("the plan can no longer come into force: {}", in_words(&other));
                self.violated(at, "claim: plan", what);
                Ok(())
            }
        }
    }

    /// A later version comes into force only as the outcome of the deployment that was let through for it.
    pub(super) fn admitted_policy(&mut self, version: u64, commit: Oid) -> Result<(), ObjectError> {
        let name = EnvironmentName::governance();
        let applied = |event: &Event| matches!(event, Event::Outcome { environment, result: OutcomeResult::Applied, .. } if *environment == name);
        if !self.entry.events.iter().any(applied) {
            let what = format!("policy {version} comes into force without the outcome of a deployment");
            self.violated(At::environment(&name), "entry.json: events", what);
        }
        self.policy_files(version, commit)
    }

    /// After an entry that read a new head, what is told of governance/ is what is there.
    pub(super) fn governance_told(&mut self) -> Result<(), ObjectError> {
        let root = self.place.state.start.root.clone();
        let path = below(&root, EnvironmentName::GOVERNANCE);
        let tree = |commit| self.objects.tree_of(commit);
        let (old, new) = (tree(self.read_before.config)?, tree(self.entry.heads.config)?);
        let name = EnvironmentName::governance();
        let env = self.env(&name);
        if entry_at(self.objects, old, &path)? == entry_at(self.objects, new, &path)? || env.running().is_some() {
            return Ok(());
        }
        let left_out = match self.policy_wanted()? {
            PolicyWanted::InForce => !env.plans.is_empty() || env.invalid.is_some(),
            PolicyWanted::Problems(problems) => {
                !env.plans.is_empty() || env.invalid.as_ref().is_none_or(|(said, _)| *said != problems)
            }
            PolicyWanted::Next(next) if self.policy_contributions()?.commits.is_empty() => {
                env.plans.iter().any(|open| open.revision != Some(next.revision)) || env.invalid.is_none()
            }
            PolicyWanted::Next(next) => {
                env.invalid.is_some() || env.current_plan().is_none_or(|plan| plan.revision != Some(next.revision))
            }
        };
        if left_out {
            self.violated(At::environment(&name), "entry.json: events", "a change to governance/ was left out");
        }
        Ok(())
    }
}

fn in_words(wanted: &PolicyWanted) -> String {
    match wanted {
        PolicyWanted::InForce => "what is in governance/ is in force".to_owned(),
        PolicyWanted::Next(next) => format!("revision {} of governance/ is desired", next.revision.short()),
        PolicyWanted::Problems(problems) => {
            let first = problems.first().map(ToString::to_string).unwrap_or_default();
            format!("governance/ cannot come into force ({first})")
        }
    }
}
