//! `countersign validate`: the work tree as the daemon would read it; all errors, not the first.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use super::output::Tone;
use super::worktree::tree_of;
use super::{Global, Outcome, Output};
use crate::journal::pages::count;
use crate::model::{EnvironmentName, Governance, Permission, Problem};
use crate::object::{Entry, MemoryObjects, Mode, Objects, entry_at};
use crate::policy::unsatisfied_names;
use crate::revision::imports::From;
use crate::revision::{Desired, Hashes, resolve, resolve_governance};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  countersign validate\n  countersign validate ~/src/config\n  countersign --output json validate\n\nExit code 0: nothing is wrong; 1: something is; 2: the folder cannot be read."
)]
pub struct Arguments {
    /// The work tree; the current one if left out
    path: Option<PathBuf>,
}

pub fn main(global: &Global, arguments: &Arguments) -> Outcome {
    let directory =
        arguments.path.as_ref().map_or_else(|| global.directory.clone(), |path| global.directory.join(path));
    let folder = super::root_folder(&directory)?;
    let objects = MemoryObjects::default();
    let tree = tree_of(&objects, &folder)?;
    let hashes = Hashes::default();
    let mut problems = Vec::new();
    let mut warnings = Vec::new();
    let (_, governance) = resolve_governance(&objects, &hashes, "", tree)?;
    let governance = match governance {
        Ok(governance) => {
            warnings.extend(lonely_owners(&governance));
            Some(governance)
        }
        Err(found) => {
            problems.extend(found.0);
            None
        }
    };
    let mut environments = 0;
    let names = match entry_at(&objects, tree, "environments")? {
        Some(Entry { mode: Mode::Tree, id }) => objects.tree(id)?.entries,
        _ => std::collections::BTreeMap::new(),
    };
    for (folder, entry) in names {
        let path = format!("environments/{folder}");
        let marked = entry_at(&objects, tree, &format!("{path}/environment.yaml"))?.is_some();
        let name = folder.parse::<EnvironmentName>().ok().filter(|name| name.as_str() != EnvironmentName::GOVERNANCE);
        match name {
            None if marked => problems.push(Problem::of_file(
                path,
                "is no name of an environment: use 1 to 63 of `a-z`, `0-9` and `-`, and not `governance`",
            )),
            None => {}
            Some(_) if entry.mode != Mode::Tree => {}
            Some(name) => match resolve(&objects, &hashes, "", tree, &name, From::SameTree)? {
                Desired::Absent | Desired::Unmarked => {
                    warnings.push(Problem::of_file(path, "has no environment.yaml and is ignored"));
                }
                Desired::Invalid(found) => problems.extend(found),
                Desired::Present(resolved) => {
                    environments += 1;
                    let file = format!("{path}/environment.yaml");
                    for unknown in governance.iter().flat_map(|g| unsatisfied_names(g, &resolved.environment.gates)) {
                        problems.push(Problem {
                            field: "spec.rulesets".to_owned(),
                            ..Problem::of_file(&file, format!("ruleset `{}` does not exist", unknown.0))
                        });
                    }
                }
            },
        }
    }
    problems.sort();
    let output = Output::of(global);
    if output.is_json() {
        output.json(&json!({ "valid": problems.is_empty(), "problems": problems, "warnings": warnings }))?;
    } else {
        for warning in &warnings {
            eprintln!("warning: {}", crate::text::escape(&warning.to_string()));
        }
        for problem in &problems {
            eprintln!("error: {}", crate::text::escape(&problem.to_string()));
        }
        let text = if problems.is_empty() {
            let policy = governance.map_or(0, |governance| governance.people.len());
            let people = if policy == 1 { "1 person".to_owned() } else { format!("{policy} people") };
            let environments = count(environments, "environment");
            format!("{} {environments}, {people}\n", output.paint(Tone::Good, "valid:"))
        } else {
            format!("{} {}\n", output.paint(Tone::Bad, "invalid:"), count(problems.len(), "problem"))
        };
        output.text(&text)?;
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Rulesets that let people approve their own changes although somebody else could: fine while one is alone.
fn lonely_owners(governance: &Governance) -> Vec<Problem> {
    let approvers = |name: &&EnvironmentName| {
        governance.people.keys().filter(|person| governance.may(person, Permission::Approve, name)).count()
    };
    let Ok(policy) = EnvironmentName::GOVERNANCE.parse::<EnvironmentName>() else { return Vec::new() };
    if approvers(&&policy) < 2 {
        return Vec::new();
    }
    let lax = governance.rulesets.values().filter(|ruleset| ruleset.allow_self_approval);
    lax.map(|ruleset| Problem {
        field: "spec.allowSelfApproval".to_owned(),
        ..Problem::of_file(
            format!("governance/rulesets/{}.yaml", ruleset.name),
            "lets people approve their own changes although a second person could approve: consider `false`",
        )
    })
    .collect()
}
