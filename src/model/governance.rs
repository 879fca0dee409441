//! The policy: people, teams, roles, rulesets, defaults. Checked as a whole.

mod permission;
mod person;
pub(crate) mod policy;
mod read;
mod references;
mod ruleset;
mod team;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::NonZeroU32;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{EnvironmentName, Glob, PersonName, RoleName, RuleName, RulesetName, TeamName};

/// All of `governance/`, checked: every name resolves, no key or e-mail address belongs to two people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Governance {
    /// `policy.yaml`.
    pub policy: Policy,
    /// `people/`.
    pub people: BTreeMap<PersonName, Person>,
    /// `teams/`.
    pub teams: BTreeMap<TeamName, Team>,
    /// `rulesets/`.
    pub rulesets: BTreeMap<RulesetName, Ruleset>,
}

/// `policy.yaml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Who must approve changes to `governance/` itself.
    pub rulesets: Vec<RulesetName>,
    /// `defaults.requireApproval`.
    pub default_require_approval: bool,
    /// `defaults.rulesets`.
    pub default_rulesets: Vec<RulesetName>,
    /// Rulesets that are asked for whatever the environment says.
    pub minimum: Vec<Minimum>,
    /// Roles beside the built-in ones.
    pub roles: BTreeMap<RoleName, BTreeSet<Permission>>,
    /// Who holds which role, where.
    pub bindings: Vec<Binding>,
    /// The daemons' keys: they can approve nothing.
    pub journal_keys: Vec<PublicKey>,
}

/// An entry of `minimum`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Minimum {
    /// For these environments.
    pub environments: Vec<Glob>,
    /// These rulesets.
    pub rulesets: Vec<RulesetName>,
}

/// An entry of `bindings`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The role: built in, or one of `roles`.
    pub role: RoleName,
    /// Its holders.
    pub users: BTreeSet<PersonName>,
    /// Its holders.
    pub teams: BTreeSet<TeamName>,
    /// Where.
    pub environments: Vec<Glob>,
}

/// What a role allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Permission {
    /// Contribute configuration (checked where signed commits are required).
    Write,
    /// Ask for a promotion.
    Promote,
    /// Approve and reject.
    Approve,
    /// Deploy, close, reopen.
    Deploy,
    /// Redeploy the same revision.
    Force,
    /// Roll back.
    Rollback,
    /// Suspend and resume.
    Suspend,
    /// Read secrets.
    Open,
    /// Deploy in a closed window.
    Override,
    /// Invite a customer.
    Invite,
    /// Administer.
    Administer,
}

/// `people/<name>.yaml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Equal to the file's name.
    pub name: PersonName,
    /// Lower-cased addresses.
    pub emails: Vec<String>,
    /// At least one for whoever is to approve.
    pub keys: Vec<PersonKey>,
}

/// A key of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonKey {
    /// The key.
    pub key: PublicKey,
    /// Judged when a statement is admitted, by the daemon's clock.
    pub valid_until: Option<Timestamp>,
}

/// `teams/<name>.yaml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    /// Equal to the file's name.
    pub name: TeamName,
    /// May be empty: then no rule that needs it can be met.
    pub members: BTreeSet<PersonName>,
}

/// `rulesets/<name>.yaml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruleset {
    /// Equal to the file's name.
    pub name: RulesetName,
    /// `false` asks for nothing.
    pub enabled: bool,
    /// What it applies to; `update` stands for all but `open`.
    pub actions: BTreeSet<PolicyAction>,
    /// All must be met. At least one.
    pub rules: Vec<Rule>,
    /// May a contributor's own approval count?
    pub allow_self_approval: bool,
    /// Does every new plan need new approvals?
    pub reapprove_on_change: bool,
    /// Must every contributing commit be signed by a registered person?
    pub require_signed_commits: bool,
    /// Which evidence counts.
    pub evidence: BTreeSet<EvidenceKind>,
}

/// What a ruleset can apply to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PolicyAction {
    /// Every change of configuration; stands for all but `open`.
    Update,
    /// A promotion.
    Promotion,
    /// A rollback.
    Rollback,
    /// The same revision again.
    Redeploy,
    /// The environment's removal.
    Destroy,
    /// Correcting what was changed behind our back.
    Drift,
    /// Reading secrets.
    Open,
}

/// How a statement was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EvidenceKind {
    /// A signed record.
    Record,
    /// A signed merge of a ready-made commit.
    Merge,
}

/// One rule of a ruleset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Unique within the ruleset.
    pub name: RuleName,
    /// Who may meet it.
    pub approvers: Approvers,
    /// How many different people.
    pub required: NonZeroU32,
}

/// Who may meet a rule: the union.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Approvers {
    /// By name.
    pub users: BTreeSet<PersonName>,
    /// Members of these.
    pub teams: BTreeSet<TeamName>,
    /// Holders of these roles in the environment.
    pub roles: BTreeSet<RoleName>,
    /// Holders of these permissions in the environment.
    pub permissions: BTreeSet<Permission>,
    /// The environment's customer.
    pub customer: bool,
}

/// An SSH public key as `algorithm base64`, without comment: equal texts are equal keys.
///
/// Reading one from a document checks it ([`crate::evidence::key`]).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PublicKey(String);

impl PublicKey {
    /// Takes `algorithm base64 [comment]` apart; [`crate::evidence::key`] checks that it is a usable key.
    pub(crate) fn from_checked(algorithm: &str, base64: &str) -> Self {
        Self(format!("{algorithm} {base64}"))
    }

    /// `algorithm base64`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Governance {
    /// The person who has this key, with the key's entry.
    pub fn person_with_key(&self, key: &PublicKey) -> Option<(&Person, &PersonKey)> {
        self.people
            .values()
            .find_map(|person| person.keys.iter().find(|candidate| candidate.key == *key).map(|found| (person, found)))
    }

    /// The person who has this e-mail address, compared without case.
    pub fn person_with_email(&self, email: &str) -> Option<&Person> {
        let email = email.to_lowercase();
        self.people.values().find(|person| person.emails.contains(&email))
    }

    /// The roles a person holds in an environment.
    pub fn roles_of(&self, person: &PersonName, environment: &EnvironmentName) -> BTreeSet<RoleName> {
        let in_team = |team: &TeamName| self.teams.get(team).is_some_and(|team| team.members.contains(person));
        self.policy
            .bindings
            .iter()
            .filter(|binding| binding.environments.iter().any(|glob| glob.matches(environment)))
            .filter(|binding| binding.users.contains(person) || binding.teams.iter().any(in_team))
            .map(|binding| binding.role.clone())
            .collect()
    }

    /// What a role allows; nothing for a role that is not known.
    pub fn permissions_of_role(&self, role: &RoleName) -> BTreeSet<Permission> {
        use Permission::{
            Administer, Approve, Deploy, Force, Invite, Open, Override, Promote, Rollback, Suspend, Write,
        };
        match role.as_str() {
            "owner" => {
                [Write, Promote, Approve, Deploy, Force, Rollback, Suspend, Open, Override, Invite, Administer].into()
            }
            "developer" => [Write, Promote, Deploy, Force, Rollback, Suspend].into(),
            "reviewer" | "customer" => [Approve].into(),
            _ => self.policy.roles.get(role).cloned().unwrap_or_default(),
        }
    }

    /// Whether a person holds a permission in an environment.
    pub fn may(&self, person: &PersonName, permission: Permission, environment: &EnvironmentName) -> bool {
        self.roles_of(person, environment).iter().any(|role| self.permissions_of_role(role).contains(&permission))
    }

    /// Everybody who holds a permission in an environment and has a key to say so with.
    pub fn who_may(&self, permission: Permission, environment: &EnvironmentName) -> Vec<PersonName> {
        let able = self.people.values().filter(|person| !person.keys.is_empty());
        able.map(|person| &person.name).filter(|name| self.may(name, permission, environment)).cloned().collect()
    }
}

#[cfg(test)]
mod tests;
