//! What is asked for: the rulesets that settings and policy name for an action, rule by rule.

use std::collections::BTreeSet;

use super::verdict::Because;
use crate::model::{
    EnvironmentName, Gates, Governance, Permission, PersonName, PolicyAction, Rule, Ruleset, RulesetName,
};
use crate::plan::PlanKind;

/// Settings or policy name a ruleset that does not exist: the environment is Invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("ruleset `{0}` does not exist in the policy in force")]
pub struct UnknownRuleset(pub RulesetName);

/// One thing that is asked for, before anybody's statement is looked at.
#[derive(Debug, Clone)]
pub(super) struct Asked<'a> {
    /// The rule; `None` is the single approval.
    pub rule: Option<(&'a Ruleset, &'a Rule)>,
    /// Why.
    pub because: Because,
    /// Everybody it names, able to approve or not.
    pub candidates: BTreeSet<PersonName>,
}

/// The names of rulesets that these settings or the policy's `minimum` ask for and that do not exist.
pub fn unsatisfied_names(governance: &Governance, gates: &Gates) -> Vec<UnknownRuleset> {
    let own = gates.rulesets.iter().flatten();
    own.filter(|name| !governance.rulesets.contains_key(*name)).cloned().map(UnknownRuleset).collect()
}

pub(super) fn asked_for<'a>(
    governance: &'a Governance,
    environment: &EnvironmentName,
    kind: PlanKind,
    leaves: Option<&Gates>,
    enters: Option<&Gates>,
) -> Result<Vec<Asked<'a>>, UnknownRuleset> {
    let action = action_of(kind);
    let mut asked = Vec::new();
    // A change of the policy asks for what the policy in force says of itself; there are no settings to leave or enter.
    if kind == PlanKind::Policy {
        let rulesets = &governance.policy.rulesets;
        add_rulesets(governance, environment, action, rulesets, None, Because::Policy, &mut asked)?;
    } else {
        add_both_ways(governance, environment, action, leaves, enters, &mut asked)?;
    }
    let matching = |globs: &[crate::model::Glob]| globs.iter().any(|glob| glob.matches(environment));
    for minimum in governance.policy.minimum.iter().filter(|minimum| matching(&minimum.environments)) {
        let customer = enters.or(leaves).and_then(|gates| gates.customer_email.as_deref());
        add_rulesets(governance, environment, action, &minimum.rulesets, customer, Because::Minimum, &mut asked)?;
    }
    // A destroy is never free, whatever the settings in force say.
    if kind == PlanKind::Destroy && asked.is_empty() {
        asked.push(single(governance, environment, Because::Leaves));
    }
    Ok(merge_equal(asked))
}

/// Adds what the settings that a change leaves ask for, and those it enters.
fn add_both_ways<'a>(
    governance: &'a Governance,
    environment: &EnvironmentName,
    action: PolicyAction,
    leaves: Option<&Gates>,
    enters: Option<&Gates>,
    asked: &mut Vec<Asked<'a>>,
) -> Result<(), UnknownRuleset> {
    // A new environment leaves the policy's defaults: nobody starts from nothing. Its customer is the one it names, or a
    // default rule that asks for the customer could never be met; who that is, the policy's bindings still decide.
    let customer_email = enters.and_then(|gates| gates.customer_email.clone());
    let defaults = Gates { customer_email, ..Gates::default() };
    let left = leaves.unwrap_or(&defaults);
    add_settings(governance, environment, action, left, Because::Leaves, asked)?;
    if let Some(entered) = enters {
        add_settings(governance, environment, action, entered, Because::Enters, asked)?;
    }
    Ok(())
}

fn action_of(kind: PlanKind) -> PolicyAction {
    match kind {
        PlanKind::Create | PlanKind::Update | PlanKind::Policy => PolicyAction::Update,
        PlanKind::Rollback => PolicyAction::Rollback,
        PlanKind::Promotion => PolicyAction::Promotion,
        PlanKind::Redeploy => PolicyAction::Redeploy,
        PlanKind::Drift => PolicyAction::Drift,
        PlanKind::Destroy => PolicyAction::Destroy,
    }
}

fn applies(ruleset: &Ruleset, action: PolicyAction) -> bool {
    let stands_for_it = action != PolicyAction::Open && ruleset.actions.contains(&PolicyAction::Update);
    ruleset.enabled && (stands_for_it || ruleset.actions.contains(&action))
}

fn add_settings<'a>(
    governance: &'a Governance,
    environment: &EnvironmentName,
    action: PolicyAction,
    gates: &Gates,
    because: Because,
    asked: &mut Vec<Asked<'a>>,
) -> Result<(), UnknownRuleset> {
    let policy = &governance.policy;
    if !gates.require_approval.unwrap_or(policy.default_require_approval) {
        return Ok(());
    }
    let rulesets = gates.rulesets.as_ref().unwrap_or(&policy.default_rulesets);
    add_rulesets(governance, environment, action, rulesets, gates.customer_email.as_deref(), because, asked)
}

/// Adds every rule of the enabled rulesets that apply; where none does, the single approval: "no rule left" never
/// means "go".
fn add_rulesets<'a>(
    governance: &'a Governance,
    environment: &EnvironmentName,
    action: PolicyAction,
    names: &[RulesetName],
    customer: Option<&str>,
    because: Because,
    asked: &mut Vec<Asked<'a>>,
) -> Result<(), UnknownRuleset> {
    let mut any = false;
    for name in names {
        let ruleset = governance.rulesets.get(name).ok_or_else(|| UnknownRuleset(name.clone()))?;
        if applies(ruleset, action) {
            any = true;
            for rule in &ruleset.rules {
                let candidates = named_by(governance, environment, rule, customer);
                asked.push(Asked { rule: Some((ruleset, rule)), because, candidates });
            }
        }
    }
    if !any {
        asked.push(single(governance, environment, because));
    }
    Ok(())
}

/// One approval by anyone with `approve` there who did not contribute.
fn single<'a>(governance: &Governance, environment: &EnvironmentName, because: Because) -> Asked<'a> {
    let may = |person: &&PersonName| governance.may(person, Permission::Approve, environment);
    Asked { rule: None, because, candidates: governance.people.keys().filter(may).cloned().collect() }
}

/// Everybody a rule names: the union of its users, teams, roles, permissions and the customer.
fn named_by(
    governance: &Governance,
    environment: &EnvironmentName,
    rule: &Rule,
    customer: Option<&str>,
) -> BTreeSet<PersonName> {
    let approvers = &rule.approvers;
    let names = |person: &PersonName| {
        let in_team = |team: &crate::model::TeamName| {
            governance.teams.get(team).is_some_and(|team| team.members.contains(person))
        };
        let roles = governance.roles_of(person, environment);
        approvers.users.contains(person)
            || approvers.teams.iter().any(in_team)
            || approvers.roles.iter().any(|role| roles.contains(role))
            || approvers.permissions.iter().any(|permission| governance.may(person, *permission, environment))
            || (approvers.customer && is_customer(governance, person, &roles, customer))
    };
    governance.people.keys().filter(|person| names(person)).cloned().collect()
}

/// The customer is whoever is bound to the role `customer` here *and* has the address the environment names.
fn is_customer(
    governance: &Governance,
    person: &PersonName,
    roles: &BTreeSet<crate::model::RoleName>,
    customer: Option<&str>,
) -> bool {
    let bound = roles.iter().any(|role| role.as_str() == "customer");
    let addressed = |email: &str| governance.people.get(person).is_some_and(|p| p.emails.iter().any(|e| e == email));
    bound && customer.is_some_and(addressed)
}

/// Settings left and entered usually ask for the same: say it once. Different candidates (another customer) stay two.
fn merge_equal(asked: Vec<Asked<'_>>) -> Vec<Asked<'_>> {
    let mut merged: Vec<Asked<'_>> = Vec::new();
    for new in asked {
        let label = |asked: &Asked<'_>| asked.rule.map(|(ruleset, rule)| (ruleset.name.clone(), rule.name.clone()));
        match merged.iter_mut().find(|old| label(old) == label(&new) && old.candidates == new.candidates) {
            Some(old) => {
                if (old.because, new.because) == (Because::Leaves, Because::Enters) {
                    old.because = Because::Both;
                }
            }
            None => merged.push(new),
        }
    }
    merged
}
