//! A plan as its approver sees it: computed again from the fetched objects, so that the journal's word is needed for
//! nothing but what was seen on the host.

mod draft;
mod policy;

pub(super) use policy::policy_in_force;

use super::CliError;
use super::journal::JournalTip;
use crate::digest::RevisionId;
use crate::journal::pages::{GateChange, gate_changes};
use crate::journal::{OutcomeResult, Status};
use crate::model::{EnvironmentName, ServiceKind};
use crate::object::{Objects, Oid};
use crate::plan::preview::{Item, Preview};
use crate::plan::{Base, Plan, PlanDocument, PlanKind, ServiceChange, ServiceLine, compose, files, values_diff};
use crate::revision::imports::From;
use crate::revision::{Desired, Hashes, Resolved, Sources, resolve};

/// A plan that was computed again.
pub struct SeenPlan {
    /// The plan as published.
    pub document: PlanDocument,
    /// Each service's preview as the repository alone gives it, in the plan's order.
    pub previews: Vec<(String, Preview)>,
    /// What the change does to the gate settings.
    pub gates: Vec<GateChange>,
    /// What it does to the values. Safe to show.
    pub values: String,
    /// Whether it is a draft's: nothing of it is applied before that is merged.
    pub of_draft: bool,
    /// What the daemon adds to that, on its word: what it saw on the host. Safe to show.
    pub on_the_host: Vec<String>,
}

impl SeenPlan {
    /// Computes the plan that waits again and holds it against the published one.
    ///
    /// # Errors
    /// Where they differ in anything that would be set (exit code 1), or something needed for it is not here.
    pub fn check(journal: &JournalTip<'_>, objects: &dyn Objects, status: &Status) -> Result<Self, CliError> {
        let name = &status.environment;
        let document = journal.plan(status)?.ok_or_else(|| CliError::refused(format!("no plan of {name} waits")))?;
        if name.is_governance() {
            return policy::check(journal, objects, document);
        }
        let plan = &document.plan;
        let hashes = Hashes::default();
        let root = &journal.tips().root;
        let desired = match status.of_draft {
            Some(tip) => draft::desired(journal, objects, &hashes, &document, tip)?,
            None => desired(objects, &hashes, root, journal.tips().config, name, &document.imports)?,
        };
        // Gate 1: the revision is that of the config branch, byte by byte; of a draft, that of its merge.
        let found = desired.as_ref().map(|desired| desired.revision);
        if found != plan.revision && status.of_draft.is_some() {
            return Err(draft::other_revision(&document, found));
        }
        if found != plan.revision {
            return Err(other_revision(journal, objects, &hashes, &document, found)?);
        }
        let base = match plan.base {
            Some(base) => base_of(journal, objects, &hashes, name, base)?,
            None => None,
        };
        // Gate 2: what would be set is what these files say, service by service.
        let changes = compose::changes(name, base.as_ref(), desired.as_ref());
        check_services(plan, &changes)?;
        let mut previews = Vec::new();
        let mut differs = false;
        for (change, line) in changes.iter().zip(&plan.services) {
            let preview = preview_in(plan.kind, preview(objects, change)?, line);
            differs |= preview.digest() != line.preview;
            previews.push((change.name.to_string(), preview));
        }
        let leaves = base.as_ref().map(|base| &base.environment.gates);
        let enters = desired.as_ref().map(|desired| &desired.environment.gates);
        let on_the_host = if differs { host_notes(&journal.plan_diff(status)?, &previews) } else { Vec::new() };
        let values = values_diff(base.as_ref(), desired.as_ref());
        let of_draft = status.of_draft.is_some();
        Ok(Self { values, gates: gate_changes(leaves, enters), document, previews, of_draft, on_the_host })
    }

    /// Every item that changes, with its service, deletions first.
    pub fn items(&self) -> Vec<(&str, &Item)> {
        let mut items: Vec<(&str, &Item)> = self
            .previews
            .iter()
            .flat_map(|(name, p)| p.summary.iter().map(move |item| (name.as_str(), item)))
            .collect();
        items.sort_by_key(|(_, item)| item.action);
        items
    }
}

fn desired(
    objects: &dyn Objects,
    hashes: &Hashes,
    root: &str,
    commit: Oid,
    name: &EnvironmentName,
    imports: &Sources,
) -> Result<Option<Resolved>, CliError> {
    desired_in(objects, hashes, root, objects.commit(commit)?.tree, name, imports)
}

fn desired_in(
    objects: &dyn Objects,
    hashes: &Hashes,
    root: &str,
    tree: Oid,
    name: &EnvironmentName,
    imports: &Sources,
) -> Result<Option<Resolved>, CliError> {
    match resolve(objects, hashes, root, tree, name, From::Exactly(imports))? {
        Desired::Present(resolved) => Ok(Some(*resolved)),
        Desired::Absent => Ok(None),
        Desired::Unmarked => {
            Err(CliError::refused(format!("environments/{name} on the branch has no environment.yaml")))
        }
        Desired::Invalid(problems) => {
            let first = problems.first().map(ToString::to_string).unwrap_or_default();
            Err(CliError::refused(format!("{name} on the branch cannot be read: {first}")))
        }
    }
}

fn in_words(revision: Option<RevisionId>) -> String {
    revision.map_or_else(|| "nothing (its folder is gone)".to_owned(), |revision| revision.to_string())
}

/// Somebody pushed since the daemon looked; or the plan is not of what it claims to be of.
fn other_revision(
    journal: &JournalTip<'_>,
    objects: &dyn Objects,
    hashes: &Hashes,
    document: &PlanDocument,
    found: Option<RevisionId>,
) -> Result<CliError, CliError> {
    let plan = &document.plan;
    let (name, root) = (&plan.environment, &journal.tips().root);
    let (config, looked_at) = (journal.tips().config, journal.looked_at());
    let then =
        desired(objects, hashes, root, looked_at, name, &document.imports).ok().flatten().map(|then| then.revision);
    let short = plan.id().short();
    if config != looked_at && then == plan.revision {
        return Ok(CliError::refused(format!(
            "{name} was changed by a push ({}) after plan {short} was made: it will be superseded",
            config.short()
        ))
        .hint(format!("wait for the daemon's new plan: countersign status {name}")));
    }
    Ok(CliError::refused(format!(
        "plan {short} of {name} is not a plan of what is on the branch: it is for {}, and the branch ({}) has {}",
        in_words(plan.revision),
        config.short(),
        in_words(found)
    ))
    .hint("do not approve it by other means either; tell whoever runs the daemon"))
}

/// The content of the deployment that the plan starts from.
pub(super) fn base_of(
    journal: &JournalTip<'_>,
    objects: &dyn Objects,
    hashes: &Hashes,
    name: &EnvironmentName,
    base: Base,
) -> Result<Option<Resolved>, CliError> {
    let Some(revision) = base.revision else { return Ok(None) };
    let number = base.number;
    let applied = applied_from(journal, name, number)?;
    let imports = journal.deployed_plan(name, number)?.map(|document| document.imports).unwrap_or_default();
    let found = desired(objects, hashes, &journal.tips().root, applied, name, &imports)?;
    match found {
        Some(found) if found.revision == revision => Ok(Some(found)),
        other => Err(CliError::refused(format!(
            "the plan starts from deployment {number} of {name}, {revision}, but what that was applied from ({}) is {}",
            applied.short(),
            in_words(other.map(|other| other.revision))
        ))),
    }
}

/// The config commit that a deployment was applied from.
pub fn applied_from(journal: &JournalTip<'_>, name: &EnvironmentName, number: u64) -> Result<Oid, CliError> {
    let document = journal.deployment(name, number)?;
    let applied =
        document.as_ref().and_then(|document| {
            document.attempts.iter().rev().find(|attempt| {
                attempt.outcome.as_ref().is_some_and(|outcome| outcome.result == OutcomeResult::Applied)
            })
        });
    let applied = applied.map(|attempt| attempt.claim.heads.config);
    applied
        .ok_or_else(|| CliError::failed(format!("the journal does not say what deployment {number} of {name} applied")))
}

fn check_services(plan: &Plan, changes: &[ServiceChange]) -> Result<(), CliError> {
    let name = &plan.environment;
    let wrong = |what: String| {
        CliError::refused(format!("plan {} of {name} is not what the branch would give: {what}", plan.id().short()))
            .hint("do not approve it by other means either; tell whoever runs the daemon")
    };
    if (plan.kind == PlanKind::Destroy) != plan.revision.is_none() {
        return Err(wrong(format!("it says {} and is for {}", plan.kind.name(), in_words(plan.revision))));
    }
    if plan.services.len() != changes.len() {
        return Err(wrong(format!("it has {} services instead of {}", plan.services.len(), changes.len())));
    }
    for (line, change) in plan.services.iter().zip(changes) {
        let Some(content) = change.desired.as_ref().or(change.base.as_ref()) else { continue };
        let ServiceKind::Files(target) = &content.service.kind;
        let desired = change.desired.as_ref().map(|content| content.files.as_slice());
        let effect = files::effect(&target.target, desired);
        if line.name != change.name || line.kind != content.service.kind.name() || line.effect != effect {
            return Err(wrong(format!(
                "service `{}` would be set to {}, and the files give `{}` {effect}",
                line.name, line.effect, change.name
            )));
        }
    }
    Ok(())
}

/// What people read of a change, as the repository alone gives it.
pub(super) fn preview(objects: &dyn Objects, change: &ServiceChange) -> Result<Preview, CliError> {
    let Some(content) = change.desired.as_ref().or(change.base.as_ref()) else {
        return Ok(Preview { summary: Vec::new(), notes: Vec::new(), diff: String::new(), omitted: 0 });
    };
    let ServiceKind::Files(target) = &content.service.kind;
    let base = change.base.as_ref().map(|content| content.files.as_slice());
    let desired = change.desired.as_ref().map(|content| content.files.as_slice());
    Ok(files::preview(objects, &target.target, base, desired, &[])?)
}

/// A redeployment says of a service that is as it shall be that it is set again.
fn preview_in(kind: PlanKind, preview: Preview, line: &ServiceLine) -> Preview {
    if kind != PlanKind::Redeploy || preview.digest() == line.preview {
        return preview;
    }
    let mut again = preview.clone();
    again.notes.push(compose::SET_AGAIN.to_owned());
    if again.digest() == line.preview { again } else { preview }
}

/// The notes of the published diff that the repository alone does not give.
fn host_notes(diff: &str, previews: &[(String, Preview)]) -> Vec<String> {
    let known: Vec<&String> = previews.iter().flat_map(|(_, preview)| &preview.notes).collect();
    // The first line names the plan.
    let notes = diff.lines().skip(1).filter_map(|line| line.strip_prefix("# "));
    notes.filter(|note| !known.iter().any(|known| crate::text::escape(known) == *note)).map(str::to_owned).collect()
}
