//! What a policy says, as one line each: two policies differ in what their lines do.

use std::collections::{BTreeMap, BTreeSet};

use crate::evidence::key::fingerprint;
use crate::model::{
    Approvers, Binding, EnvironmentName, EvidenceKind, Governance, Permission, PersonName, PolicyAction, Rule, Ruleset,
};
use crate::text;

/// What a policy says, and how much of it. In the order in which people should read it.
pub(super) type Facts = BTreeMap<Fact, String>;

/// One thing that a policy says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fact {
    topic: Topic,
    /// In words.
    pub what: String,
}

/// What a reader asks for first comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Topic {
    Permission,
    Role,
    Policy,
    Rule,
    Person,
    Key,
    Team,
}

fn fact(topic: Topic, what: String) -> Fact {
    Fact { topic, what }
}

/// Everything a policy gives, asks for or says: what, and how much of it.
pub(super) fn of(governance: &Governance) -> Facts {
    let mut facts = Facts::default();
    people(governance, &mut facts);
    permissions(governance, &mut facts);
    rules(governance, &mut facts);
    policy(governance, &mut facts);
    facts
}

/// What the reader should know of a policy that one person alone could change.
pub(super) fn alone(governance: &Governance) -> Option<String> {
    let place = EnvironmentName::governance();
    let may = |person: &&PersonName| governance.may(person, Permission::Approve, &place);
    let mut able = governance.people.keys().filter(may);
    match (able.next(), able.next()) {
        (Some(only), None) => Some(format!("{only} alone can approve changes to the policy after this")),
        _ => None,
    }
}

fn people(governance: &Governance, facts: &mut Facts) {
    for (name, person) in &governance.people {
        facts.insert(fact(Topic::Person, format!("person {name}")), String::new());
        for email in &person.emails {
            facts.insert(fact(Topic::Person, format!("address {} of {name}", text::escape(email))), String::new());
        }
        for key in &person.keys {
            let until = key.valid_until.map_or_else(String::new, |until| format!("valid until {until}"));
            facts.insert(fact(Topic::Key, format!("key {} of {name}", fingerprint(&key.key))), until);
        }
    }
    for (team, known) in &governance.teams {
        facts.insert(fact(Topic::Team, format!("team {team}")), String::new());
        for member in &known.members {
            facts.insert(fact(Topic::Team, format!("{member} in team {team}")), String::new());
        }
    }
}

/// Who holds which role and which permissions where; the environments are named as the bindings name them.
fn permissions(governance: &Governance, facts: &mut Facts) {
    let mut held: BTreeMap<(PersonName, String), BTreeSet<Permission>> = BTreeMap::new();
    for binding in &governance.policy.bindings {
        let allowed = governance.permissions_of_role(&binding.role);
        for person in holders(governance, binding) {
            for place in &binding.environments {
                let what = format!("role {} of {person} in {}", binding.role, place.as_str());
                facts.insert(fact(Topic::Role, what), String::new());
                held.entry((person.clone(), place.as_str().to_owned())).or_default().extend(&allowed);
            }
        }
    }
    for ((person, place), permissions) in held {
        facts.insert(fact(Topic::Permission, format!("permissions of {person} in {place}")), names(&permissions));
    }
    for (role, permissions) in &governance.policy.roles {
        facts.insert(fact(Topic::Role, format!("role {role}")), names(permissions));
    }
}

fn holders(governance: &Governance, binding: &Binding) -> BTreeSet<PersonName> {
    let teams = binding.teams.iter().filter_map(|team| governance.teams.get(team));
    binding.users.iter().chain(teams.flat_map(|team| &team.members)).cloned().collect()
}

fn names(permissions: &BTreeSet<Permission>) -> String {
    permissions.iter().map(|permission| permission.name()).collect::<Vec<_>>().join(", ")
}

fn rules(governance: &Governance, facts: &mut Facts) {
    for (name, ruleset) in &governance.rulesets {
        facts.insert(fact(Topic::Rule, format!("ruleset {name}")), settings(ruleset));
        for rule in &ruleset.rules {
            facts.insert(fact(Topic::Rule, format!("rule {name}/{}", rule.name)), asks(rule));
        }
    }
}

fn settings(ruleset: &Ruleset) -> String {
    let actions: Vec<&str> = ruleset.actions.iter().map(|action| word(*action)).collect();
    let evidence: Vec<&str> = ruleset.evidence.iter().map(|kind| kind_word(*kind)).collect();
    let mut said = vec![format!("for {}", actions.join(", ")), format!("by {}", evidence.join(", "))];
    for (holds, what) in [
        (!ruleset.enabled, "disabled"),
        (ruleset.allow_self_approval, "contributors may approve"),
        (!ruleset.reapprove_on_change, "approvals are carried on"),
        (ruleset.require_signed_commits, "signed commits only"),
    ] {
        if holds {
            said.push(what.to_owned());
        }
    }
    said.join("; ")
}

fn word(action: PolicyAction) -> &'static str {
    match action {
        PolicyAction::Update => "update",
        PolicyAction::Promotion => "promotion",
        PolicyAction::Rollback => "rollback",
        PolicyAction::Redeploy => "redeploy",
        PolicyAction::Destroy => "destroy",
        PolicyAction::Drift => "drift",
        PolicyAction::Open => "open",
    }
}

fn kind_word(kind: EvidenceKind) -> &'static str {
    match kind {
        EvidenceKind::Record => "record",
        EvidenceKind::Merge => "merge",
    }
}

fn asks(rule: &Rule) -> String {
    let Approvers { users, teams, roles, permissions, customer } = &rule.approvers;
    let mut who: Vec<String> = users.iter().map(ToString::to_string).collect();
    who.extend(teams.iter().map(|team| format!("team {team}")));
    who.extend(roles.iter().map(|role| format!("role {role}")));
    who.extend(permissions.iter().map(|permission| format!("permission {}", permission.name())));
    if *customer {
        who.push("the customer".to_owned());
    }
    format!("{} of {}", rule.required, who.join(", "))
}

fn policy(governance: &Governance, facts: &mut Facts) {
    let policy = &governance.policy;
    let list = |names: &[crate::model::RulesetName]| {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        if names.is_empty() { "no ruleset".to_owned() } else { names.join(", ") }
    };
    facts.insert(fact(Topic::Policy, "changes to the policy ask for".to_owned()), list(&policy.rulesets));
    let required = if policy.default_require_approval { "approval required" } else { "no approval required" };
    facts.insert(fact(Topic::Policy, "defaults".to_owned()), format!("{required}, {}", list(&policy.default_rulesets)));
    for minimum in &policy.minimum {
        let places: Vec<&str> = minimum.environments.iter().map(crate::model::Glob::as_str).collect();
        let what = format!("minimum for {}", places.join(", "));
        let said = facts.entry(fact(Topic::Policy, what)).or_default();
        let more = list(&minimum.rulesets);
        *said = if said.is_empty() { more } else { format!("{said}, {more}") };
    }
    for key in &policy.journal_keys {
        facts.insert(fact(Topic::Key, format!("journal key {}", fingerprint(key))), String::new());
    }
}
