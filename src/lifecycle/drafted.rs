//! What a draft would make of its environment if it were merged now.
//!
//! Merged is file by file: what the draft changed since it left the config branch is taken whole, everything else is the
//! config branch's. So shared files, imports and settings are those of the merge, and whatever else the draft changes
//! (other environments, the policy) has no say in the plan of this one.

use std::collections::BTreeSet;

use super::environment::EnvironmentState;
use super::refusals;
use super::state::State;
use crate::evidence::graph::Graph;
use crate::journal::NoPlan;
use crate::model::{EnvironmentName, Problem};
use crate::object::{Mode, ObjectError, Objects, Oid, entry_at, merge_trees};
use crate::plan::compose::is_without_effect;
use crate::revision::imports::From;
use crate::revision::resolve::below;
use crate::revision::{Desired, Hashes, Resolved, resolve};

/// A merge that nobody made yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsIfMerged {
    /// Its tree, in the store that it was asked of.
    pub tree: Oid,
    /// The paths that both sides changed.
    pub conflicts: BTreeSet<String>,
}

/// What a draft would make of its environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DraftWanted {
    /// Nothing to be planned, and why.
    Nothing(NoPlan),
    /// It cannot be, for these reasons.
    Problems(Vec<Problem>),
    /// This (`None`: its destroy), with the merged `environment.yaml`.
    Change(Option<Box<Resolved>>, Option<Oid>),
}

/// What a draft is held against.
#[derive(Clone, Copy)]
pub struct DraftCase<'a> {
    /// The environment.
    pub name: &'a EnvironmentName,
    /// The config head.
    pub config: Oid,
    /// The draft's tip.
    pub tip: Oid,
    /// What the journal says of the environment.
    pub env: &'a EnvironmentState,
    /// The content of the last deployment.
    pub base: Option<&'a Resolved>,
    /// Whether anybody imports it.
    pub is_imported: bool,
}

/// The merge of a draft into a config commit; `objects` takes the trees that it makes.
///
/// # Errors
/// Where an object is missing or malformed.
pub fn as_if_merged(
    graph: &Graph<'_>,
    objects: &dyn Objects,
    name: &EnvironmentName,
    config: Oid,
    tip: Oid,
) -> Result<Result<AsIfMerged, Problem>, ObjectError> {
    let tree = |commit: Oid| -> Result<Oid, ObjectError> { Ok(graph.node(commit)?.tree) };
    match graph.merge_bases(config, tip)?.as_slice() {
        [base] => {
            let merged = merge_trees(objects, tree(*base)?, tree(config)?, tree(tip)?)?;
            Ok(Ok(AsIfMerged { tree: merged.tree, conflicts: merged.conflicts }))
        }
        [] => Ok(Err(refusals::unrelated_draft(name))),
        _ => Ok(Err(refusals::crossed_draft(name))),
    }
}

/// What a draft would make of its environment.
///
/// # Errors
/// Where an object is missing or malformed.
pub fn draft_wanted(
    graph: &Graph<'_>,
    objects: &dyn Objects,
    hashes: &Hashes,
    state: &State,
    case: DraftCase<'_>,
) -> Result<DraftWanted, ObjectError> {
    let DraftCase { name, config, tip, env, base, is_imported } = case;
    let root = &state.start.root;
    let merged = match as_if_merged(graph, objects, name, config, tip)? {
        Ok(merged) => merged,
        Err(problem) => return Ok(DraftWanted::Problems(vec![problem])),
    };
    let folder = below(root, &format!("environments/{name}"));
    let desired = resolve(objects, hashes, root, merged.tree, name, From::Deployments(state))?;
    let present = match &desired {
        Desired::Present(resolved) => Some(&**resolved),
        _ => None,
    };
    let problems = merged.conflicts_in(root, name, present);
    if !problems.is_empty() {
        return Ok(DraftWanted::Problems(problems));
    }
    let config_tree = graph.node(config)?.tree;
    let is_same_folder = entry_at(objects, config_tree, &folder)? == entry_at(objects, merged.tree, &folder)?;
    let now = resolve(objects, hashes, root, config_tree, name, From::Deployments(state))?;
    let is_same = match (&now, &desired) {
        (Desired::Present(now), Desired::Present(then)) => now.revision == then.revision,
        (now, then) => now == then && is_same_folder,
    };
    if is_same {
        return Ok(DraftWanted::Nothing(NoPlan::Same));
    }
    Ok(match desired {
        Desired::Absent if env.exists() => DraftWanted::Change(None, None),
        Desired::Absent => DraftWanted::Nothing(NoPlan::InForce),
        Desired::Unmarked => DraftWanted::Problems(vec![refusals::unmarked(name)]),
        Desired::Invalid(problems) => DraftWanted::Problems(problems),
        Desired::Present(then) => {
            let is_certain = !env.uncertain;
            if is_certain && env.in_force_where(is_imported) == Some(then.revision) {
                return Ok(DraftWanted::Nothing(NoPlan::InForce));
            }
            let is_recorded = is_certain && env.exists() && !is_imported;
            if is_recorded && base.is_some_and(|base| is_without_effect(base, &then)) {
                return Ok(DraftWanted::Nothing(NoPlan::WithoutEffect));
            }
            let settings = entry_at(objects, merged.tree, &format!("{folder}/environment.yaml"))?;
            let settings = settings.filter(|entry| matches!(entry.mode, Mode::File | Mode::Executable));
            DraftWanted::Change(Some(then), settings.map(|entry| entry.id))
        }
    })
}

impl AsIfMerged {
    /// The conflicts in what an environment is made of; elsewhere they are for whoever merges.
    pub fn conflicts_in(&self, root: &str, name: &EnvironmentName, desired: Option<&Resolved>) -> Vec<Problem> {
        let mut inputs = vec![below(root, &format!("environments/{name}"))];
        inputs.extend(desired.into_iter().flat_map(|desired| desired.input_paths(root)));
        let holds = |folder: &str, path: &str| {
            folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let is_input = |path: &&String| inputs.iter().any(|input| holds(input, path) || holds(path, input));
        self.conflicts.iter().filter(is_input).map(|path| refusals::conflicting_draft(name, path)).collect()
    }
}
