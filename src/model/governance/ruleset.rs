//! Reading `rulesets/<name>.yaml`.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use super::permission::permission;
use super::read::Read;
use super::references::References;
use super::{Approvers, EvidenceKind, PolicyAction, Rule, Ruleset};
use crate::model::RulesetName;
use crate::model::header::named_spec;
use crate::model::yaml::{Document, Field, Limits, all};

const FIELDS: &[&str] =
    &["enabled", "actions", "rules", "allowSelfApproval", "reapproveOnChange", "requireSignedCommits", "evidence"];

/// More different people than any rule asks for.
const MOST_REQUIRED: u64 = 1000;

pub(super) fn read_ruleset(file: &str, name: &RulesetName, bytes: &[u8]) -> Read<Ruleset> {
    let document = Document::read(file, bytes, Limits::DEFAULT);
    let references = References::default();
    let spec = named_spec(&document, "Ruleset", name.as_str(), "its file");
    let ruleset = spec.and_then(|spec| ruleset(name, &spec, &references));
    Read { value: document.finish(ruleset), references: references.into_inner() }
}

fn ruleset(name: &RulesetName, spec: &Field<'_>, references: &References) -> Option<Ruleset> {
    let fields = spec.fields(FIELDS)?;
    let enabled = fields.or("enabled", true, Field::boolean);
    let actions = fields.or("actions", BTreeSet::from([PolicyAction::Update]), |list| filled_set(list, action));
    let rules = fields.required("rules").and_then(|list| rules(&list, references));
    let allow_self_approval = fields.or("allowSelfApproval", false, Field::boolean);
    let reapprove_on_change = fields.or("reapproveOnChange", true, Field::boolean);
    let require_signed_commits = fields.or("requireSignedCommits", false, Field::boolean);
    let both = BTreeSet::from([EvidenceKind::Record, EvidenceKind::Merge]);
    let evidence = fields.or("evidence", both, |list| {
        filled_set(list, |item| item.word(&[("record", EvidenceKind::Record), ("merge", EvidenceKind::Merge)]))
    });
    Some(Ruleset {
        name: name.clone(),
        enabled: enabled?,
        actions: actions?,
        rules: rules?,
        allow_self_approval: allow_self_approval?,
        reapprove_on_change: reapprove_on_change?,
        require_signed_commits: require_signed_commits?,
        evidence: evidence?,
    })
}

fn action(field: &Field<'_>) -> Option<PolicyAction> {
    let action = field.word(&[
        ("update", PolicyAction::Update),
        ("promotion", PolicyAction::Promotion),
        ("rollback", PolicyAction::Rollback),
        ("redeploy", PolicyAction::Redeploy),
        ("destroy", PolicyAction::Destroy),
        ("drift", PolicyAction::Drift),
        ("open", PolicyAction::Open),
    ])?;
    if action == PolicyAction::Open {
        field.not_built("open");
        return None;
    }
    Some(action)
}

fn rules(list: &Field<'_>, references: &References) -> Option<Vec<Rule>> {
    let mut names = BTreeSet::new();
    let mut rules = Vec::new();
    for item in list.filled_list()? {
        let rule = rule(&item, references);
        if let Some(rule) = &rule
            && !names.insert(rule.name.clone())
        {
            item.complain(format!("a second rule is named `{}`; give it another name", rule.name));
        }
        rules.push(rule);
    }
    all(rules)
}

fn rule(field: &Field<'_>, references: &References) -> Option<Rule> {
    let fields = field.fields(&["name", "approvers", "required"])?;
    let name = fields.required("name").and_then(|name| name.name());
    let approvers = fields.required("approvers").and_then(|approvers| self::approvers(&approvers, references));
    let required = fields.required("required").and_then(|required| required.number(1, MOST_REQUIRED));
    let required = u32::try_from(required?).ok().and_then(NonZeroU32::new);
    Some(Rule { name: name?, approvers: approvers?, required: required? })
}

fn approvers(field: &Field<'_>, references: &References) -> Option<Approvers> {
    let fields = field.fields(&["users", "teams", "roles", "permissions", "customer"])?;
    let users = fields.or("users", Vec::new(), |list| list.set_of(|item| references.person(item)));
    let teams = fields.or("teams", Vec::new(), |list| list.set_of(|item| references.team(item)));
    let roles = fields.or("roles", Vec::new(), |list| list.set_of(|item| references.role(item)));
    let permissions = fields.or("permissions", Vec::new(), |list| list.set_of(permission));
    let customer = fields.or("customer", false, Field::boolean);
    let approvers = Approvers {
        users: users?.into_iter().collect(),
        teams: teams?.into_iter().collect(),
        roles: roles?.into_iter().collect(),
        permissions: permissions?.into_iter().collect(),
        customer: customer?,
    };
    // Nobody named is not "anybody": such a rule could never be met, and whoever wrote it meant something else.
    if approvers == Approvers::default() {
        field.complain("names nobody; expected `users`, `teams`, `roles`, `permissions` or `customer: true`");
        return None;
    }
    Some(approvers)
}

fn filled_set<T: Ord + Clone>(list: &Field<'_>, read: impl Fn(&Field<'_>) -> Option<T>) -> Option<BTreeSet<T>> {
    list.filled_list()?;
    list.set_of(read).map(|values| values.into_iter().collect())
}
