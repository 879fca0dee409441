//! Reading `environment.yaml`.

mod depend;

use std::collections::{BTreeMap, BTreeSet};

use super::deploy::deploy;
use super::drift::drift;
use super::{Deploy, Environment, Files, Gates, Import, Service, ServiceKind};
use crate::memo::Memo;
use crate::model::email::email;
use crate::model::folder::{host_folder, source_folder};
use crate::model::header::named_spec;
use crate::model::values::values;
use crate::model::yaml::{Document, Field, Limits, all, show};
use crate::model::{EnvironmentName, Problem, Problems, ServiceName, Values};

const SPEC: &[&str] =
    &["requireApproval", "rulesets", "customerEmail", "deploy", "drift", "imports", "values", "services"];
const SPEC_NOT_BUILT: &[&str] = &["promotion", "secrets"];
const TYPES_NOT_BUILT: &[&str] = &["git", "command", "terraform", "helm", "kubernetes"];

/// Files that were read. Every judgement reads the settings that a change leaves, and those that it enters, and who goes
/// through all environments more than once shall find them all.
static KNOWN: Memo<Environment> = Memo::new(20_000);

/// So many are kept while there is nothing to do.
const KEPT: usize = 1_000;

/// A service with what is judged of it beside its own fields.
struct Read<'d> {
    service: Service,
    auto_approve: bool,
    name_field: Field<'d>,
    target_field: Field<'d>,
    depends_field: Option<Field<'d>>,
}

impl Environment {
    /// Reads an environment: `file` is the path that problems name, `folder_name` that of the folder it lies in.
    ///
    /// Whether its rulesets exist is not asked here: that depends on the policy it is judged by.
    ///
    /// # Errors
    /// Everything that is wrong with the file or with the folder's name.
    pub fn read(file: &str, folder_name: &str, bytes: &[u8]) -> Result<Self, Problems> {
        let parts = [file.as_bytes(), folder_name.as_bytes(), bytes];
        KNOWN.of(&parts, || Self::read_now(file, folder_name, bytes))
    }

    /// Gives back the room of what was read, where that is much.
    pub fn forget_many() {
        KNOWN.keep_at_most(KEPT);
    }

    fn read_now(file: &str, folder_name: &str, bytes: &[u8]) -> Result<Self, Problems> {
        let name: EnvironmentName = folder_name.parse().map_err(|error| {
            Problem::of_file(
                file,
                format!("the folder's name names the environment: {error}, found {}", show(folder_name)),
            )
        })?;
        if name.as_str() == EnvironmentName::GOVERNANCE {
            let message = "`governance` is reserved for the policy; give the folder another name";
            return Err(Problem::of_file(file, message).into());
        }
        let document = Document::read(file, bytes, Limits::DEFAULT);
        let spec = named_spec(&document, "Environment", folder_name, "its folder");
        let environment = spec.and_then(|spec| environment(name, &spec));
        document.finish(environment)
    }
}

fn environment(name: EnvironmentName, spec: &Field<'_>) -> Option<Environment> {
    let fields = spec.fields_but(SPEC, SPEC_NOT_BUILT)?;
    let require_approval = fields.maybe("requireApproval", Field::boolean);
    let rulesets = fields.maybe("rulesets", |list| list.set_of(Field::name));
    let customer_email = fields.maybe("customerEmail", email);
    let deploy = fields.or("deploy", Deploy::default(), deploy);
    let drift = fields.maybe("drift", drift);
    let imports = fields.or("imports", Vec::new(), |list| imports(&name, list));
    let values = fields.or("values", Values::default(), values);
    let services = fields.required("services").and_then(|list| services(&list));
    let (services, auto_approve) = services?;
    Some(Environment {
        name,
        gates: Gates {
            require_approval: require_approval?,
            rulesets: rulesets?,
            customer_email: customer_email?,
            auto_approve,
            imports: imports?,
            deploy: deploy?,
            drift: drift?,
        },
        values: values?,
        services,
    })
}

fn imports(own: &EnvironmentName, list: &Field<'_>) -> Option<Vec<Import>> {
    let mut seen = BTreeSet::new();
    let mut read = Vec::new();
    for item in list.list()? {
        let Some(fields) = item.fields(&["name", "revision"]) else {
            read.push(None);
            continue;
        };
        let field = fields.required("name");
        let name: Option<EnvironmentName> = field.as_ref().and_then(Field::name);
        let revision = fields.maybe("revision", Field::parsed);
        let (Some(field), Some(name), Some(revision)) = (field, name, revision) else {
            read.push(None);
            continue;
        };
        let wrong = if name == *own {
            Some("an environment cannot import itself")
        } else if name.as_str() == EnvironmentName::GOVERNANCE {
            Some("`governance` is the policy, and has no values")
        } else if !seen.insert(name.clone()) {
            Some("imported twice; remove one")
        } else {
            None
        };
        if let Some(wrong) = wrong {
            field.complain(wrong);
        }
        read.push(wrong.is_none().then_some(Import { name, revision }));
    }
    all(read)
}

fn services(list: &Field<'_>) -> Option<(Vec<Service>, BTreeSet<ServiceName>)> {
    let read: Vec<Option<Read<'_>>> = list.list()?.iter().map(service).collect();
    let readable: Vec<&Read<'_>> = read.iter().flatten().collect();
    let distinct = names_are_distinct(&readable);
    let apart = targets_are_apart(&readable);
    let read = all(read)?;
    if !(distinct && apart && depend::are_in_order(&read)) {
        return None;
    }
    let auto = read.iter().filter(|one| one.auto_approve).map(|one| one.service.name.clone()).collect();
    Some((read.into_iter().map(|one| one.service).collect(), auto))
}

fn names_are_distinct(services: &[&Read<'_>]) -> bool {
    let mut seen = BTreeSet::new();
    let mut distinct = true;
    for one in services {
        if !seen.insert(&one.service.name) {
            one.name_field.complain(format!("a second service is named `{}`; give it another name", one.service.name));
            distinct = false;
        }
    }
    distinct
}

/// A target is owned whole: two services that share one, or nest, would undo each other.
fn targets_are_apart(services: &[&Read<'_>]) -> bool {
    let mut owners: BTreeMap<&str, usize> = BTreeMap::new();
    for (i, one) in services.iter().enumerate() {
        owners.entry(one.service.kind.target()).or_insert(i);
    }
    let mut apart = true;
    for (i, one) in services.iter().enumerate() {
        // Itself, then each folder above it.
        let target = one.service.kind.target();
        let above = target.rmatch_indices('/').map(|(slash, _)| &target[..slash]);
        let taken =
            std::iter::once(target).chain(above).find_map(|folder| owners.get(folder).filter(|owner| **owner != i));
        if let Some(owner) = taken {
            let other = &services[*owner].service;
            let message =
                format!("overlaps with the target {} of the service `{}`", show(other.kind.target()), other.name);
            one.target_field.complain(message);
            apart = false;
        }
    }
    apart
}

fn service<'d>(field: &Field<'d>) -> Option<Read<'d>> {
    // The type says which other fields there are, so it is looked at first.
    if let Some(kind) = field.peek("type") {
        let text = kind.text()?;
        if TYPES_NOT_BUILT.contains(&text) {
            kind.not_built(text);
            return None;
        }
        kind.word(&[("files", ())])?;
    }
    let fields = field.fields_but(&["name", "type", "path", "target", "autoApprove", "template", "dependsOn"], &[])?;
    let name_field = fields.required("name");
    let name = name_field.as_ref().and_then(Field::name);
    let kind = fields.required("type");
    let path = fields.required("path").and_then(|path| source_folder(&path));
    let target_field = fields.required("target");
    let target = target_field.as_ref().and_then(host_folder);
    let auto_approve = fields.or("autoApprove", false, Field::boolean);
    let template = fields.or("template", false, Field::boolean);
    let depends_field = fields.optional("dependsOn");
    let depends_on = fields.or("dependsOn", Vec::new(), |list| list.set_of(Field::name));
    kind?;
    let service = Service {
        name: name?,
        depends_on: depends_on?,
        kind: ServiceKind::Files(Files { path: path?, target: target?, template: template? }),
    };
    Some(Read {
        service,
        auto_approve: auto_approve?,
        name_field: name_field?,
        target_field: target_field?,
        depends_field,
    })
}
