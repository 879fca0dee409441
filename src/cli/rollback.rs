//! `countersign rollback`: desire again what an earlier deployment had, and pin what it imported.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::clone::{ConfigClone, Tips};
use super::deployments::Told;
use super::journal::JournalTip;
use super::layout::Step;
use super::me::Signer;
use super::publish::{Publication, Records, publish_as};
use super::say::pushed;
use super::seen::{applied_from, base_of};
use super::set::edited;
use super::weigh::signer_in_policy;
use super::{CliError, Global, Outcome, Output, environment_name};
use crate::git::is_ref_name;
use crate::journal::pages::list;
use crate::model::{EnvironmentName, Permission, PersonName, Problems};
use crate::object::{Edit, Entry, Kind, Mode, ObjectError, Objects, Oid, edit_tree, entry_at};
use crate::plan::Base;
use crate::reconcile::{Clock as _, SystemClock};
use crate::revision::imports::From;
use crate::revision::resolve::below;
use crate::revision::{Desired, Hashes, Resolved, resolve};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  countersign rollback acme-prod --to 6 -m \"7 loses orders\"\n  countersign rollback acme-prod --to 6 --branch back-to-6    for a pull request, where main is protected\n\nOne commit puts the environment's folder back to what deployment N had and pins each import to its revision of then. Nothing is applied by it: the daemon plans it like any other change, and the same approvals are asked for. What the environment takes from folders outside its own (`path: /…`) is shared and is not put back; where it changed since, that is said.\nExit code 0: pushed, or it is so already; 1: you may not, or there is no such deployment, and nothing was pushed; 2: it could not be done."
)]
pub struct Arguments {
    /// The environment
    #[arg(value_name = "ENV")]
    environment: String,
    /// The deployment whose content is wanted again
    #[arg(long, value_name = "N")]
    to: u64,
    /// Why, for those who approve and those who read the history
    #[arg(short = 'm', long = "message", value_name = "REASON", default_value = "", hide_default_value = true)]
    reason: String,
    /// The SSH key that says who you are; git's user.signingKey if left out
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Push to a new branch instead, for a pull request
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
}

/// What the commit does.
#[derive(Debug, PartialEq)]
struct Back {
    /// The environment's folder as it shall be, by path.
    edits: BTreeMap<String, Edit>,
    /// The imports that are pinned.
    pins: Vec<EnvironmentName>,
    /// What it takes from outside its folder that is not as it was.
    shared: Vec<String>,
    /// Whether the folder is so already.
    is_so: bool,
}

pub fn main(global: &Global, arguments: &Arguments) -> Outcome {
    let output = Output::of(global);
    if let Some(branch) = arguments.branch.as_deref().filter(|name| !is_ref_name(&format!("refs/heads/{name}"))) {
        return Err(CliError::failed(format!("--branch: `{branch}` is no name of a branch")));
    }
    if arguments.environment == EnvironmentName::GOVERNANCE {
        return Err(CliError::failed("the policy is not rolled back by a command: its versions only go up")
            .hint("revert the commit that changed it, and have that approved like any change of the policy"));
    }
    let name = environment_name(&arguments.environment)?;
    let clone = ConfigClone::find(global)?;
    let signer = Signer::find(global, &clone, arguments.key.as_deref())?;
    let tips = clone.fetch()?;
    let (by, back) = look(&clone, &tips, &signer, &name, arguments.to)?;
    let to = arguments.to;
    if back.is_so {
        if output.is_json() {
            output.json(&json!({ "environment": name, "to": to, "changed": false, "notRestored": back.shared }))?;
        } else {
            let branch = &clone.branch;
            output.text(&format!("{name} is on {branch} as deployment {to} had it\n{}", beside(&back)))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut message = format!("{name}: back to deployment {to}");
    if !arguments.reason.is_empty() {
        message = format!("{message}\n\n{}", arguments.reason);
    }
    let still = |tips: &Tips| {
        // Gate: who may, and what there is to go back to, as it is after the push that was faster.
        let (_, now) = look(&clone, tips, &signer, &name, to)?;
        if now != back {
            return Err(CliError::refused(format!("{name} changed in between; nothing was pushed"))
                .hint("run the command again"));
        }
        Ok(())
    };
    let records = Records::new();
    let publication =
        Publication { records: &records, edits: &back.edits, branch: arguments.branch.as_deref(), message: &message };
    let published = publish_as(&clone, &tips, &publication, &still)?;
    if output.is_json() {
        output.json(&json!({
            "environment": name, "to": to, "changed": true, "by": by, "commit": published.commit,
            "branch": published.branch, "tries": published.tries, "pinned": back.pins, "notRestored": back.shared,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    output.text(&format!("environments/{name} is put back to deployment {to}\n{}", beside(&back)))?;
    let line = pushed(&clone, &published);
    // There is no record in it: what is signed, if anything, is the commit.
    output.text(line.strip_prefix("signed · ").unwrap_or(&line))?;
    output.text(&match &arguments.branch {
        None => format!("it is planned and approved like any change: countersign wait {name} --for planned\n"),
        Some(branch) => format!("it is planned once {branch} is merged into {}\n", clone.branch),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What is to be known beside it.
fn beside(back: &Back) -> String {
    let mut text = String::new();
    if !back.pins.is_empty() {
        text = format!("pinned to the revision of then: {}\n", list(&back.pins, "and", 10));
    }
    for path in &back.shared {
        text.push_str(&format!(
            "not put back: /{path} has changed since, and is shared; the plan is an update of what is there now\n"
        ));
    }
    text
}

fn look(
    clone: &ConfigClone,
    tips: &Tips,
    signer: &Signer,
    name: &EnvironmentName,
    to: u64,
) -> Result<(PersonName, Back), CliError> {
    let journal = JournalTip::open(clone, tips.clone())?;
    let start = clone.start(journal.tips().journal)?;
    clone.check_names(&start.start, journal.tips())?;
    let person = signer_in_policy(signer, &journal.governance, SystemClock.now())?;
    // Gate: the command is for those who hold the permission.
    if !journal.governance.may(&person.name, Permission::Rollback, name) {
        let others = journal.governance.who_may(Permission::Rollback, name);
        return Err(CliError::refused(format!("{name}: you lack `rollback` there")).hint(match others.as_slice() {
            [] => "nobody holds it there: governance/roles and governance/bindings say who could".to_owned(),
            others => format!("{} can", list(others, "or", 10)),
        }));
    }
    let status = journal.known(name)?;
    let Some(plan) = journal.deployed_plan(name, to)? else {
        return Err(CliError::refused(format!("{name} has no deployment {to}"))
            .hint(format!("countersign history {name} lists them")));
    };
    if status.applied.is_some_and(|applied| applied.number == to) {
        return Err(CliError::refused(format!("deployment {to} is what is applied in {name}"))
            .hint(format!("to drop a change that waits: countersign close {name}")));
    }
    let Some(revision) = plan.plan.revision else {
        return Err(CliError::refused(format!("deployment {to} of {name} took it down: there is nothing to restore"))
            .hint(format!("to take it down again, remove environments/{name}")));
    };
    let from = applied_from(&journal, name, to).map_err(|_| {
        CliError::refused(format!("deployment {to} of {name} was not applied"))
            .hint(format!("countersign history {name} lists them"))
    })?;
    let hashes = Hashes::default();
    let base = Base { number: to, revision: Some(revision) };
    let nothing = || CliError::failed(format!("deployment {to} of {name} cannot be found again"));
    let then = base_of(&journal, clone.objects(), &hashes, name, base)?.ok_or_else(nothing)?;
    let back = back(clone, &journal, &hashes, (name, &then), from)?;
    Ok((person.name.clone(), back))
}

fn back(
    clone: &ConfigClone,
    journal: &JournalTip<'_>,
    hashes: &Hashes,
    (name, then): (&EnvironmentName, &Resolved),
    from: Oid,
) -> Result<Back, CliError> {
    let objects = clone.objects();
    let (root, config) = (&journal.tips().root, journal.tips().config);
    let folder = below(root, &format!("environments/{name}"));
    let file = format!("environments/{name}/environment.yaml");
    let lost = || CliError::failed(format!("{folder} is not in commit {}", from.short()));
    let old = objects.commit(from)?.tree;
    let settings = entry_at(objects, old, &below(root, &file))?.ok_or_else(lost)?;
    let bytes = objects.blob(settings.id)?;
    let mut text = String::from_utf8(bytes.to_vec()).map_err(|_| CliError::failed(format!("{file} is not UTF-8")))?;
    let mut pins = Vec::new();
    for (at, import) in then.environment.gates.imports.iter().enumerate().filter(|(_, i)| i.revision.is_none()) {
        let source = then.sources.get(&import.name).ok_or_else(lost)?;
        let field = |name: &str| Step::Field(name.to_owned());
        let path = [field("spec"), field("imports"), Step::Item(at), field("revision")];
        let pin = Value::String(source.revision.to_string());
        text = edited(name, &file, &text, &path, &pin, &format!("imports[{at}].revision"))?;
        pins.push(import.name.clone());
    }
    let blob = Entry { mode: settings.mode, id: objects.write(Kind::Blob, text.as_bytes())? };
    let pinned = edit_tree(objects, Some(old), &BTreeMap::from([(below(root, &file), Edit::Put(blob))]))?;
    let restored = entry_at(objects, pinned, &folder)?.filter(|entry| entry.mode == Mode::Tree).ok_or_else(lost)?;
    let edits = BTreeMap::from([(folder.clone(), Edit::Put(restored))]);
    let now = objects.commit(config)?.tree;
    let tree = edit_tree(objects, Some(now), &edits)?;
    // Gate: the daemon could plan it.
    let told = Told::by(journal);
    let found = resolve(objects, hashes, root, tree, name, From::Deployments(&told))?;
    told.finish()?;
    match found {
        Desired::Present(_) => {}
        Desired::Invalid(problems) => {
            return Err(CliError::problems(&Problems(problems), 1)
                .hint("what the environment takes from outside its folder is not put back; restore that by a commit of its own first"));
        }
        Desired::Absent | Desired::Unmarked => return Err(lost()),
    }
    let shared = shared(objects, root, then, (old, now))?;
    Ok(Back { is_so: entry_at(objects, now, &folder)? == Some(restored), edits, pins, shared })
}

/// The folders and files outside its own that it takes something from and that differ between two trees.
fn shared(
    objects: &dyn Objects,
    root: &str,
    then: &Resolved,
    (old, now): (Oid, Oid),
) -> Result<Vec<String>, ObjectError> {
    let own = below(root, &format!("environments/{}", then.environment.name));
    let mut paths = BTreeSet::new();
    for path in then.input_paths(root).into_iter().filter(|path| *path != own) {
        if entry_at(objects, old, &path)? != entry_at(objects, now, &path)? {
            paths.insert(path);
        }
    }
    Ok(paths.into_iter().collect())
}
