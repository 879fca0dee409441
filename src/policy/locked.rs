//! Policies that must not come into force: ones that nobody could change or satisfy any more.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::asked::asked_for;
use crate::model::{
    Approvers, EnvironmentName, Governance, Permission, PersonName, Problem, RoleName, Rule, Ruleset, TeamName,
};
use crate::plan::PlanKind;

/// Why a policy may not come into force; empty where it may. `now` decides which keys can still sign.
///
/// A person without a key, a rule that nobody could meet anywhere, changes of the policy itself that nobody could
/// approve, or no key for a daemon to write with: each would be found out only when it is too late.
pub fn locked(governance: &Governance, now: Timestamp) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, person) in &governance.people {
        if person.keys.is_empty() {
            let message = format!("{name} has no key, so nothing that {name} says could count: add one");
            problems.push(at(format!("governance/people/{name}.yaml"), "spec.keys", message));
        }
    }
    if governance.policy.journal_keys.is_empty() {
        let message = "names no key, so no daemon could write the journal any more".to_owned();
        problems.push(at("governance/policy.yaml".to_owned(), "spec.journalKeys", message));
    }
    next_change(governance, now, &mut problems);
    for ruleset in governance.rulesets.values().filter(|ruleset| ruleset.enabled) {
        for (place, rule) in ruleset.rules.iter().enumerate() {
            somewhere(governance, now, ruleset, (place, rule), &mut problems);
        }
    }
    problems.sort();
    problems.dedup();
    problems
}

fn at(file: String, field: impl Into<String>, message: String) -> Problem {
    Problem { field: field.into(), ..Problem::of_file(file, message) }
}

/// Whether a person could sign something that counts.
fn can_sign(governance: &Governance, person: &PersonName, now: Timestamp) -> bool {
    let known = governance.people.get(person);
    known.is_some_and(|known| known.keys.iter().any(|key| key.valid_until.is_none_or(|until| now < until)))
}

/// The next change of the policy must be one that somebody can approve.
fn next_change(governance: &Governance, now: Timestamp, problems: &mut Vec<Problem>) {
    let place = EnvironmentName::governance();
    // Every name in a policy that could be read resolves.
    let Ok(asked) = asked_for(governance, &place, PlanKind::Policy, None, None) else { return };
    for asked in asked {
        let can = |person: &&PersonName| {
            governance.may(person, Permission::Approve, &place) && can_sign(governance, person, now)
        };
        let able: Vec<&PersonName> = asked.candidates.iter().filter(can).collect();
        let required = asked.rule.map_or(1, |(_, rule)| rule.required.get()) as usize;
        if able.len() >= required {
            continue;
        }
        let lacks = format!("{}: nobody could approve the next change of the policy", only(&able, required));
        problems.push(match asked.rule {
            Some((ruleset, rule)) => at(
                format!("governance/rulesets/{}.yaml", ruleset.name),
                "spec.rules",
                format!("rule `{}` asks for {required} who hold `approve` in governance, {lacks}", rule.name),
            ),
            None => at(
                "governance/policy.yaml".to_owned(),
                "spec.bindings",
                format!("no ruleset is asked for, so one who holds `approve` in governance must approve, {lacks}"),
            ),
        });
    }
}

/// A rule must be one that can be met in some environment. One that names the customer may wait for that person.
fn somewhere(
    governance: &Governance,
    now: Timestamp,
    ruleset: &Ruleset,
    (place, rule): (usize, &Rule),
    problems: &mut Vec<Problem>,
) {
    if rule.approvers.customer {
        return;
    }
    let named = named_somewhere(governance, &rule.approvers);
    let can = |person: &&PersonName| {
        governance.people.contains_key(*person)
            && holds_somewhere(governance, person, Permission::Approve)
            && can_sign(governance, person, now)
    };
    let able: Vec<&PersonName> = named.iter().filter(can).collect();
    let required = rule.required.get() as usize;
    if able.len() < required {
        let message = format!(
            "rule `{}` asks for {required} with a key who hold `approve` somewhere, {}: nobody could meet it",
            rule.name,
            only(&able, required)
        );
        problems.push(at(
            format!("governance/rulesets/{}.yaml", ruleset.name),
            format!("spec.rules[{place}]"),
            message,
        ));
    }
}

/// `and only alice does`.
fn only(able: &[&PersonName], required: usize) -> String {
    let names: Vec<String> = able.iter().map(ToString::to_string).collect();
    match names.len() {
        0 if required == 1 => "and nobody does".to_owned(),
        0 => "and none do".to_owned(),
        1 => format!("and only {} does", names.join("")),
        _ => format!("and only {} do", names.join(", ")),
    }
}

fn holds_somewhere(governance: &Governance, person: &PersonName, permission: Permission) -> bool {
    roles_somewhere(governance, person).iter().any(|role| governance.permissions_of_role(role).contains(&permission))
}

fn roles_somewhere(governance: &Governance, person: &PersonName) -> BTreeSet<RoleName> {
    let in_team = |team: &TeamName| governance.teams.get(team).is_some_and(|team| team.members.contains(person));
    let holds = governance.policy.bindings.iter();
    let holds = holds.filter(|binding| binding.users.contains(person) || binding.teams.iter().any(in_team));
    holds.map(|binding| binding.role.clone()).collect()
}

fn named_somewhere(governance: &Governance, approvers: &Approvers) -> BTreeSet<PersonName> {
    let names = |person: &&PersonName| {
        let in_team = |team: &TeamName| governance.teams.get(team).is_some_and(|team| team.members.contains(*person));
        approvers.users.contains(*person)
            || approvers.teams.iter().any(in_team)
            || roles_somewhere(governance, person).iter().any(|role| approvers.roles.contains(role))
            || approvers.permissions.iter().any(|permission| holds_somewhere(governance, person, *permission))
    };
    governance.people.keys().filter(names).cloned().collect()
}
