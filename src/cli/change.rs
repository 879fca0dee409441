//! What `set` and `edit` share: an environment's file, changed on the freshly fetched tip and pushed.

use std::collections::BTreeMap;
use std::process::ExitCode;

use serde_json::json;

use super::clone::{ConfigClone, Tips, failed, passed_on};
use super::{CliError, Global, Outcome, Output};
use crate::evidence::graph::Graph;
use crate::git::RefResult;
use crate::git::clone::Draft;
use crate::model::EnvironmentName;
use crate::object::{Edit, Entry, Kind, Mode, Objects as _, Oid, edit_tree, entry_at};
use crate::revision::resolve::below;
use crate::text::escape;

/// How often somebody else may be faster before that is an error.
const MOST_TRIES: usize = 20;

/// The options that the commands share.
#[derive(Debug, clap::Args)]
pub struct Change {
    /// Put it on draft/ENV instead of the config branch
    #[arg(long)]
    draft: bool,
    /// Why: the commit's message
    #[arg(short = 'm', long = "message", value_name = "TEXT")]
    message: Option<String>,
}

/// Changes `environment.yaml` by `edit`, which is given its path and text, and pushes it. Somebody else's push in between
/// costs nothing but another try on top of theirs.
pub fn change(
    global: &Global,
    options: &Change,
    name: &EnvironmentName,
    told: &str,
    edit: &dyn Fn(&str, &str) -> Result<String, CliError>,
) -> Outcome {
    if name.as_str() == EnvironmentName::GOVERNANCE {
        return Err(CliError::failed("`governance` has no values; edit its files, commit and push")
            .hint("countersign validate reads them first"));
    }
    let output = Output::of(global);
    let clone = ConfigClone::find(global)?;
    let branch = if options.draft { format!("draft/{name}") } else { clone.branch.clone() };
    let message = options.message.as_deref().unwrap_or(told);
    for _ in 0..MOST_TRIES {
        let tips = clone.fetch()?;
        let draft = clone.fetch_draft(name)?;
        let is_merged = match draft {
            Some(tip) => Graph::new(clone.objects()).is_ancestor(tip, tips.config)?,
            None => false,
        };
        // Gate: what waits as a draft is not overtaken in silence.
        if draft.is_some() && !is_merged && !options.draft {
            return Err(CliError::refused(format!("draft/{name} exists: what you set now would not be in it"))
                .hint("add --draft to change the draft; or merge or delete that branch first"));
        }
        let expected = if options.draft { draft } else { Some(tips.config) };
        // One that was merged and left lying goes on from where the config branch is now.
        let base = expected.filter(|_| !is_merged).unwrap_or(tips.config);
        let Some((tree, file)) = changed(&clone, &tips, base, name, edit)? else {
            if output.is_json() {
                output.json(&json!({ "environment": name, "changed": false, "branch": branch }))?;
            } else {
                output.text(&format!("{name} is so already on {branch}\n"))?;
            }
            return Ok(ExitCode::SUCCESS);
        };
        let parents = [base];
        let commit =
            clone.git().commit_tree(&Draft { tree, parents: &parents, message }, &mut passed_on).map_err(failed)?;
        match clone.push(&branch, expected, commit)? {
            Some(RefResult::Done) => {
                if output.is_json() {
                    let document = json!({ "environment": name, "changed": true, "branch": branch, "commit": commit, "file": file });
                    output.json(&document)?;
                } else {
                    let next = if options.draft {
                        format!("countersign diff {name} --draft, once the daemon has looked")
                    } else {
                        format!("countersign wait {name} --for planned")
                    };
                    output.text(&format!("committed {} on {branch} · pushed\n{next}\n", commit.short()))?;
                }
                return Ok(ExitCode::SUCCESS);
            }
            Some(RefResult::Refused { reason }) => {
                return Err(CliError::failed(format!("{} refuses {branch}: {}", clone.remote, escape(&reason)))
                    .hint("where the branch is protected, add --draft and open a pull request from draft/ENV"));
            }
            // Somebody was faster, or it is not known: where it arrived, nothing is left to be changed.
            Some(RefResult::Stale) | None => {}
        }
    }
    Err(CliError::failed(format!("{branch} moved {MOST_TRIES} times meanwhile")).hint("run the command again"))
}

/// The tree with the file changed, and the file's path; `None` where it is so already.
fn changed(
    clone: &ConfigClone,
    tips: &Tips,
    base: Oid,
    name: &EnvironmentName,
    edit: &dyn Fn(&str, &str) -> Result<String, CliError>,
) -> Result<Option<(Oid, String)>, CliError> {
    let objects = clone.objects();
    let tree = objects.commit(base)?.tree;
    let file = format!("environments/{name}/environment.yaml");
    let path = below(&tips.root, &file);
    let Some(Entry { mode, id }) = entry_at(objects, tree, &path)?.filter(|entry| entry.mode != Mode::Tree) else {
        return Err(CliError::failed(format!("there is no {path} on {}", clone.branch))
            .hint("countersign status lists the environments"));
    };
    let bytes = objects.blob(id)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| CliError::failed(format!("{path} is not UTF-8")))?;
    let new = edit(&file, text)?;
    if new == text {
        return Ok(None);
    }
    let entry = Entry { mode, id: objects.write(Kind::Blob, new.as_bytes())? };
    Ok(Some((edit_tree(objects, Some(tree), &BTreeMap::from([(path, Edit::Put(entry))]))?, file)))
}
