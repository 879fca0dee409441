//! Names in one document that must be those of others.

use std::collections::BTreeSet;

use crate::model::yaml::{Field, Place};
use crate::model::{PersonName, Problem, RoleName, RulesetName, TeamName};

/// The roles that every policy has.
pub(super) const BUILT_IN_ROLES: &[&str] = &["owner", "developer", "reviewer", "customer"];

/// A name that must exist.
pub(super) struct Reference {
    name: Name,
    place: Place,
}

enum Name {
    Person(PersonName),
    Team(TeamName),
    Ruleset(RulesetName),
    Role(RoleName),
}

/// The names that exist: of all files, the unreadable ones included, so that one problem is not told as many.
#[derive(Default)]
pub(super) struct Known {
    pub(super) people: BTreeSet<PersonName>,
    pub(super) teams: BTreeSet<TeamName>,
    pub(super) rulesets: BTreeSet<RulesetName>,
    pub(super) roles: BTreeSet<RoleName>,
    /// Whether the policy could be read: it alone says which roles there are.
    pub(super) roles_are_known: bool,
}

impl Known {
    pub(super) fn complaint(&self, reference: &Reference) -> Option<Problem> {
        let (exists, message) = match &reference.name {
            Name::Person(name) => (
                self.people.contains(name),
                format!("unknown person `{name}`; expected a file `governance/people/{name}.yaml`"),
            ),
            Name::Team(name) => (
                self.teams.contains(name),
                format!("unknown team `{name}`; expected a file `governance/teams/{name}.yaml`"),
            ),
            Name::Ruleset(name) => (
                self.rulesets.contains(name),
                format!("unknown ruleset `{name}`; expected a file `governance/rulesets/{name}.yaml`"),
            ),
            Name::Role(name) => (
                !self.roles_are_known || BUILT_IN_ROLES.contains(&name.as_str()) || self.roles.contains(name),
                format!(
                    "unknown role `{name}`; expected a built-in role or one of `roles` in `governance/policy.yaml`"
                ),
            ),
        };
        (!exists).then(|| reference.place.problem(message))
    }
}

/// Gathers the references of one document.
#[derive(Default)]
pub(super) struct References(std::cell::RefCell<Vec<Reference>>);

impl References {
    pub(super) fn into_inner(self) -> Vec<Reference> {
        self.0.into_inner()
    }

    fn push(&self, field: &Field<'_>, name: Name) {
        self.0.borrow_mut().push(Reference { name, place: field.place() });
    }

    pub(super) fn person(&self, field: &Field<'_>) -> Option<PersonName> {
        let name: PersonName = field.name()?;
        self.push(field, Name::Person(name.clone()));
        Some(name)
    }

    pub(super) fn team(&self, field: &Field<'_>) -> Option<TeamName> {
        let name: TeamName = field.name()?;
        self.push(field, Name::Team(name.clone()));
        Some(name)
    }

    pub(super) fn ruleset(&self, field: &Field<'_>) -> Option<RulesetName> {
        let name: RulesetName = field.name()?;
        self.push(field, Name::Ruleset(name.clone()));
        Some(name)
    }

    pub(super) fn role(&self, field: &Field<'_>) -> Option<RoleName> {
        let name: RoleName = field.name()?;
        self.push(field, Name::Role(name.clone()));
        Some(name)
    }
}
