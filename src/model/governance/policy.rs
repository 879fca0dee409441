//! Reading `policy.yaml`.

use std::collections::{BTreeMap, BTreeSet};

use super::permission::permission;
use super::person::{placed, public_key};
use super::read::Read;
use super::references::{BUILT_IN_ROLES, References};
use super::{Binding, Minimum, Permission, Policy};
use crate::model::header::named_spec;
use crate::model::yaml::{Document, Field, Limits, Place, all, show};
use crate::model::{Glob, RoleName};

/// A policy, with where each journal key stands.
pub(super) struct ReadPolicy {
    pub(super) policy: Policy,
    pub(super) journal_key_places: Vec<Place>,
}

pub(super) fn read_policy(file: &str, bytes: &[u8]) -> Read<ReadPolicy> {
    let document = Document::read(file, bytes, Limits::DEFAULT);
    let references = References::default();
    let spec = named_spec(&document, "Policy", "policy", "its file");
    let policy = spec.and_then(|spec| policy(&spec, &references));
    Read { value: document.finish(policy), references: references.into_inner() }
}

fn policy(spec: &Field<'_>, references: &References) -> Option<ReadPolicy> {
    let fields = spec.fields(&["rulesets", "defaults", "minimum", "roles", "bindings", "journalKeys"])?;
    let ruleset_list = |list: &Field<'_>| list.set_of(|item| references.ruleset(item));
    let rulesets = fields.or("rulesets", Vec::new(), ruleset_list);
    let defaults = fields.or("defaults", (true, Vec::new()), |field| {
        let fields = field.fields(&["requireApproval", "rulesets"])?;
        let require_approval = fields.or("requireApproval", true, Field::boolean);
        let rulesets = fields.or("rulesets", Vec::new(), ruleset_list);
        Some((require_approval?, rulesets?))
    });
    let minimum = fields.or("minimum", Vec::new(), |list| list.list_of(|item| minimum(item, references)));
    let roles = fields.or("roles", BTreeMap::new(), roles);
    let bindings = fields.or("bindings", Vec::new(), |list| list.list_of(|item| binding(item, references)));
    let journal_keys = fields.or("journalKeys", Vec::new(), |list| {
        placed(list, |item| public_key(&item.fields(&["key"])?.required("key")?))
    });
    let (default_require_approval, default_rulesets) = defaults?;
    let (journal_keys, journal_key_places) = journal_keys?.into_iter().unzip();
    let policy = Policy {
        rulesets: rulesets?,
        default_require_approval,
        default_rulesets,
        minimum: minimum?,
        roles: roles?,
        bindings: bindings?,
        journal_keys,
    };
    Some(ReadPolicy { policy, journal_key_places })
}

fn minimum(field: &Field<'_>, references: &References) -> Option<Minimum> {
    // Both must be said and not be empty: a minimum for nobody, or of nothing, would look like a guard and be none.
    let fields = field.fields(&["environments", "rulesets"])?;
    let environments = fields.required("environments").and_then(|list| globs(&list));
    let rulesets = fields.required("rulesets").and_then(|list| {
        list.filled_list()?;
        list.set_of(|item| references.ruleset(item))
    });
    Some(Minimum { environments: environments?, rulesets: rulesets? })
}

fn binding(field: &Field<'_>, references: &References) -> Option<Binding> {
    let fields = field.fields(&["role", "users", "teams", "environments"])?;
    let role = fields.required("role").and_then(|role| references.role(&role));
    let users = fields.or("users", Vec::new(), |list| list.set_of(|item| references.person(item)));
    let teams = fields.or("teams", Vec::new(), |list| list.set_of(|item| references.team(item)));
    let environments = fields.required("environments").and_then(|list| globs(&list));
    Some(Binding {
        role: role?,
        users: users?.into_iter().collect(),
        teams: teams?.into_iter().collect(),
        environments: environments?,
    })
}

/// A list of environments, by name or pattern, that is not empty.
fn globs(list: &Field<'_>) -> Option<Vec<Glob>> {
    list.filled_list()?;
    list.set_of(glob)
}

/// The name of an environment, or a pattern.
pub(crate) fn glob(field: &Field<'_>) -> Option<Glob> {
    field.formed("the name of an environment, or a pattern like `acme-*`", Glob::parse)
}

fn roles(field: &Field<'_>) -> Option<BTreeMap<RoleName, BTreeSet<Permission>>> {
    let roles = field.map()?;
    let read = roles.into_iter().map(|(text, value)| {
        let permissions = value.set_of(permission);
        let name: RoleName = match text.parse() {
            Ok(name) => name,
            Err(error) => {
                value.complain(format!("{error}, found {}", show(text)));
                return None;
            }
        };
        if BUILT_IN_ROLES.contains(&text) {
            value.complain(format!("`{text}` is a built-in role; give this one another name"));
            return None;
        }
        Some((name, permissions?.into_iter().collect()))
    });
    all(read.collect()).map(|roles| roles.into_iter().collect())
}
