//! Somebody's wish that what is applied be applied again: it makes a plan like any other, of which they are a contributor.

use super::environment::EnvironmentState;
use crate::evidence::contributors::Contributions;
use crate::journal::Judged;
use crate::model::{EnvironmentName, Governance, Permission, PersonName};
use crate::plan::{Contributor, ContributorBasis, PlanKind};

impl EnvironmentState {
    /// Whether desiring this revision would change nothing: it is in force, and known to be there.
    pub fn is_at(&self, revision: crate::digest::RevisionId, is_imported: bool) -> bool {
        self.in_force_where(is_imported) == Some(revision) && !self.uncertain
    }

    /// What a plan towards what is in force already is for: somebody wishes it, or the host has drifted.
    pub fn kind_towards_itself(&self) -> PlanKind {
        if self.redeploy.is_some() { PlanKind::Redeploy } else { PlanKind::Drift }
    }

    /// Adds whoever asked for a redeployment to those who contributed to it: they cannot approve their own wish where
    /// nobody can approve their own change.
    pub fn with_asker(&self, kind: PlanKind, governance: &Governance, mut found: Contributions) -> Contributions {
        let asked = self.redeploy.as_deref().filter(|_| kind == PlanKind::Redeploy);
        if let Some((_, judged)) = asked
            && let Some(by) = &judged.by
        {
            let email = governance.people.get(by).and_then(|person| person.emails.first().cloned()).unwrap_or_default();
            let commits = vec![judged.commit];
            found.contributors.push(Contributor {
                person: Some(by.clone()),
                email,
                basis: ContributorBasis::Asked,
                commits,
            });
        }
        found
    }

    /// Who asked for the redeployment that a plan is of, where they no longer could: the plan then waits for nobody.
    pub fn lapsed_asker(&self, kind: PlanKind, governance: &Governance, name: &EnvironmentName) -> Option<PersonName> {
        let (_, judged) = self.redeploy.as_deref().filter(|_| kind == PlanKind::Redeploy)?;
        let by = judged.by.clone()?;
        let holds = judged.key.as_ref().and_then(|key| governance.person_with_key(key));
        let may = holds.is_some_and(|(person, _)| person.name == by) && governance.may(&by, Permission::Force, name);
        (!may).then_some(by)
    }

    /// Ends the wish, because of another change or because it was fulfilled; gives it.
    pub(super) fn end_redeploy(&mut self) -> Option<Judged> {
        self.redeploy.take().map(|wish| wish.1)
    }
}
