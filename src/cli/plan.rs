//! `countersign plan`: the plan that the work tree would give, computed here.

mod governance;

use std::collections::BTreeSet;
use std::process::ExitCode;

use serde_json::json;

use super::clone::ConfigClone;
use super::deployments::Told;
use super::journal::JournalTip;
use super::output::Tone;
use super::seen::{SeenPlan, base_of, preview};
use super::show;
use super::worktree::tree_of_but;
use super::{CliError, Global, Outcome, Output, environment_name, root_folder};
use crate::digest::RevisionId;
use crate::journal::pages::{gate_changes, purpose};
use crate::journal::{OutcomeResult, Status};
use crate::lifecycle::{Phase, is_earlier};
use crate::model::{EnvironmentName, Problem, Problems, ServiceKind};
use crate::object::{Objects, Oid, Overlay};
use crate::plan::compose::{Place, changes, compose, is_without_effect, kind_of};
use crate::plan::{PlanKind, ServiceChange, ServicePlan, files, values_diff};
use crate::policy::unsatisfied_names;
use crate::revision::imports::From;
use crate::revision::{Desired, Hashes, Resolved, resolve};
use crate::text::escape;

/// What decides about the real plan and lies on the daemon's host.
const NOT_SEEN: [&str; 2] = [
    "what is in the targets on the host now: what is found there is part of the daemon's plan",
    "whether the operator's settings grant these targets, and whether another environment owns them",
];

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  countersign plan acme-prod\n  countersign plan acme-prod && echo nothing would change\n  countersign plan governance\n  countersign --output json plan acme-prod | jq .services\n\nThe work tree is read as it is, with what is not committed, without what git ignores. The base is what the journal on\nthe remote says was applied last. Nothing is pushed, and no plan is made that anybody could approve.\nWith --output json: {environment, changes, kind, base, revision, services, gates, notes, notSeen}.\nExit code 0: nothing would change; 1: something would; 2: it could not be planned."
)]
pub struct Arguments {
    /// The environment, or `governance`: who gains and loses what, and why it could not come into force
    #[arg(value_name = "ENV")]
    environment: String,
    /// Run code from the repository where a service needs it (none of this version does)
    #[arg(long)]
    run_code: bool,
}

pub fn main(global: &Global, arguments: &Arguments) -> Outcome {
    let name = environment_name(&arguments.environment)?;
    if arguments.run_code {
        eprintln!("note: --run-code adds nothing: no type of service in this version runs code from the repository");
    }
    let output = Output::of(global);
    let folder = root_folder(&global.directory)?;
    let clone = ConfigClone::find(global)?;
    let journal = JournalTip::open(&clone, clone.fetch()?)?;
    // The work tree's objects, with those of the clone behind them: what was applied may not be in the work tree.
    let objects = Overlay::new(clone.objects());
    let ignored: BTreeSet<_> = clone.git().ignored(&folder).map_err(super::clone::failed)?;
    let tree = tree_of_but(objects.memory(), &folder, &|path| ignored.contains(path))?;
    let here = if name.is_governance() {
        Here::of_policy(&journal, &objects, tree)?
    } else {
        let desired = desired(&journal, &objects, tree, &name)?;
        let status = journal.status(&name)?;
        if desired.is_none() && status.is_none() {
            return Err(CliError::failed(format!(
                "neither the work tree nor the journal knows an environment `{name}`"
            ))
            .hint("countersign status lists those it knows"));
        }
        Here::of(&journal, &objects, &name, desired, status)?
    };
    if output.is_json() {
        output.json(&here.document())?;
    } else {
        output.text(&here.text(output))?;
    }
    Ok(if here.changes { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// What the work tree says the environment shall be; `None` where it has no folder.
fn desired(
    journal: &JournalTip<'_>,
    objects: &Overlay<'_>,
    tree: Oid,
    name: &EnvironmentName,
) -> Result<Option<Resolved>, CliError> {
    let deployments = Told::by(journal);
    let found = resolve(objects, &Hashes::default(), "", tree, name, From::Deployments(&deployments))?;
    deployments.finish()?;
    match found {
        Desired::Present(resolved) => Ok(Some(*resolved)),
        Desired::Absent => Ok(None),
        Desired::Unmarked => Err(CliError::failed(format!("environments/{name} has no environment.yaml"))
            .hint("to have the environment destroyed, remove its whole folder")),
        Desired::Invalid(problems) => Err(CliError::problems(&Problems(problems), 2)),
    }
}

/// A plan that was computed here.
struct Here {
    seen: SeenPlan,
    changes: bool,
    /// What is to be known beside it.
    notes: Vec<String>,
    /// What decides about the real plan and cannot be seen from here.
    not_seen: &'static [&'static str],
}

impl Here {
    fn of(
        journal: &JournalTip<'_>,
        objects: &Overlay<'_>,
        name: &EnvironmentName,
        desired: Option<Resolved>,
        status: Option<Status>,
    ) -> Result<Self, CliError> {
        let status = status.as_ref();
        let applied = status.and_then(|status| status.applied);
        let base = match applied {
            Some(applied) => base_of(journal, objects, &Hashes::default(), name, applied)?,
            None => None,
        };
        let changes = changes(name, base.as_ref(), desired.as_ref());
        let services = changes.iter().map(|change| service(objects, change)).collect::<Result<Vec<_>, _>>()?;
        let mut kind = kind_of(applied, desired.as_ref());
        if let (PlanKind::Update, Some(base), Some(desired)) = (kind, &base, &desired)
            && was_there(journal, objects, base, desired)?
        {
            kind = PlanKind::Rollback;
        }
        // Neither number nor round is known before the daemon plans, and nothing here is a plan that can be approved.
        let place = Place { repository: journal.repository()?, environment: name, number: 0, round: 0, base: applied };
        let composed = compose(place, kind, desired.as_ref(), changes, services);
        let gates = gate_changes(
            base.as_ref().map(|base| &base.environment.gates),
            desired.as_ref().map(|desired| &desired.environment.gates),
        );
        let imports = desired.as_ref().map(|desired| desired.sources.clone()).unwrap_or_default();
        let document = composed.plan.document(false, Vec::new(), Vec::new(), imports);
        let uncertain = status.and_then(|status| status.last.as_ref()).filter(|last| {
            matches!(last.result, OutcomeResult::Failed | OutcomeResult::Unknown)
                && applied.is_none_or(|applied| last.number > applied.number)
        });
        let same = match (&base, &desired) {
            (Some(base), Some(desired)) => is_without_effect(base, desired),
            (None, None) => true,
            _ => false,
        };
        let mut notes = Vec::new();
        if let Some(last) = uncertain {
            notes.push(format!("deployment {} did not end well: the daemon plans even what is unchanged", last.number));
        } else if same && base.as_ref().map(|b| b.revision) != desired.as_ref().map(|d| d.revision) {
            notes.push("files differ from those applied, without effect: that is recorded without approval".to_owned());
        }
        let revision = desired.as_ref().map(|desired| desired.revision);
        notes.extend(status.into_iter().flat_map(|status| beside(status, revision)));
        for unknown in desired.iter().flat_map(|d| unsatisfied_names(&journal.governance, &d.environment.gates)) {
            let problem = Problem::of_file(
                format!("environments/{name}/environment.yaml"),
                format!("ruleset `{}` is not in the policy in force", unknown.0),
            );
            notes.push(problem.to_string());
        }
        let previews = composed.previews.into_iter().map(|(name, preview)| (name.to_string(), preview)).collect();
        let values = values_diff(base.as_ref(), desired.as_ref());
        let seen = SeenPlan { document, previews, gates, values, of_draft: false, on_the_host: Vec::new() };
        Ok(Self { seen, changes: !same || uncertain.is_some(), notes, not_seen: &NOT_SEEN })
    }

    fn document(&self) -> serde_json::Value {
        let plan = &self.seen.document.plan;
        let services = plan.services.iter().zip(&self.seen.previews).map(|(line, (_, preview))| {
            json!({
                "name": line.name, "type": line.kind, "action": line.action, "effect": line.effect,
                "summary": preview.summary, "notes": preview.notes, "diff": preview.diff,
            })
        });
        let gates = self.seen.gates.iter();
        let gates = gates.map(|gate| json!({ "setting": gate.setting, "old": gate.old, "new": gate.new }));
        json!({
            "environment": plan.environment,
            "changes": self.changes,
            "kind": plan.kind,
            "base": plan.base,
            "revision": plan.revision,
            "services": services.collect::<Vec<_>>(),
            "gates": gates.collect::<Vec<_>>(),
            "notes": self.notes,
            "notSeen": self.not_seen,
        })
    }

    fn text(&self, output: Output) -> String {
        let plan = &self.seen.document.plan;
        let name = output.paint(Tone::Strong, plan.environment.as_str());
        let notes: String = self.notes.iter().map(|note| format!("  {}\n", escape(note))).collect();
        if !self.changes {
            return format!("{name} · nothing would change\n{notes}");
        }
        let not_seen: String = self.not_seen.iter().map(|what| format!("  {what}\n")).collect();
        let not_seen = if not_seen.is_empty() { not_seen } else { format!("\nnot seen from here:\n{not_seen}") };
        format!(
            "{name} · of this work tree · {}\n{}{notes}{not_seen}",
            purpose(plan.kind, plan.base),
            show::body(&self.seen, output, &show::notes(&self.seen)),
        )
    }
}

/// Whether an earlier deployment was exactly this, as the daemon will see it.
fn was_there(
    journal: &JournalTip<'_>,
    objects: &Overlay<'_>,
    base: &Resolved,
    desired: &Resolved,
) -> Result<bool, CliError> {
    if base.revision == desired.revision {
        return Ok(false);
    }
    let earlier = Told::by(journal).all(&desired.environment.name)?;
    let is_one = earlier.iter().any(|source| source.revision == desired.revision);
    // The clone's tree may have a root folder; what was applied is read from there.
    let root = &journal.tips().root;
    Ok(is_one || is_earlier(objects, &Hashes::default(), root, base, desired, || earlier)?)
}

/// What a service would be set to, by the repository alone.
fn service(objects: &dyn Objects, change: &ServiceChange) -> Result<ServicePlan, CliError> {
    let none = || CliError::failed(format!("service `{}` is neither there nor wanted", change.name));
    let content = change.desired.as_ref().or(change.base.as_ref()).ok_or_else(none)?;
    let ServiceKind::Files(target) = &content.service.kind;
    let base = change.base.as_ref().map(|content| content.files.as_slice());
    let desired = change.desired.as_ref().map(|content| content.files.as_slice());
    Ok(ServicePlan {
        action: files::action(base, desired),
        effect: files::effect(&target.target, desired),
        preview: preview(objects, change)?,
        removes: files::removes(&target.target, base, desired, &[]),
    })
}

/// What waits or runs, and what becomes of it.
fn beside(status: &Status, desired: Option<RevisionId>) -> Option<String> {
    let plan = status.plan.as_ref()?;
    Some(match status.phase {
        Phase::Deploying => format!("plan {} is being deployed: what it applies becomes the base", plan.short),
        _ if status.desired == desired => {
            format!("plan {} of exactly this waits already: countersign diff {}", plan.short, status.environment)
        }
        _ => format!("plan {} waits now; pushing this ends it", plan.short),
    })
}
