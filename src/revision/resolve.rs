//! What a config commit says an environment, or the policy, shall be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::imports::{self, Imported, Merged, Repository, Sources};
use super::rendered::rendered;
use super::template::Budget;
use super::{GovernanceFolder, InputFile, Manifest};
use crate::digest::{Digest, RevisionId};
use crate::model::{Environment, EnvironmentName, Problem, Problems, ServiceKind, Values};
use crate::object::kept::{ENTRY, Kept};
use crate::object::{Entry, Mode, ObjectError, Objects, Oid, RAW_NAME, entry_at, files_below};
use crate::plan::ServiceContent;

/// What a tree says of an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Desired {
    /// There is no folder.
    Absent,
    /// There is a folder without `environment.yaml`: nothing, where it never had one; Invalid, where it had.
    Unmarked,
    /// It cannot be read.
    Invalid(Vec<Problem>),
    /// It is this.
    Present(Box<Resolved>),
}

/// An environment with the content it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// What `environment.yaml` says.
    pub environment: Environment,
    /// Every input.
    pub manifest: Manifest,
    /// The manifest's digest.
    pub revision: RevisionId,
    /// What its templates may name: what is imported with its own on top.
    pub values: Values,
    /// Where each of its imports is from.
    pub sources: Sources,
    /// All that is imported, also by what is imported.
    pub imported: Vec<Imported>,
    /// The services with the files that they set, in the order written.
    pub services: Vec<ServiceContent>,
}

/// SHA-256 and size of blobs that were hashed before. A blob's bytes never change, so neither does this. Threads may share it.
#[derive(Debug)]
pub struct Hashes {
    known: Mutex<Kept<Oid, (Digest, u64)>>,
    /// The policies read last, by the tree of their folder, newest first.
    policies: Mutex<Vec<(Oid, GovernanceFolder)>>,
    imports: Mutex<Kept<(Oid, EnvironmentName), Vec<EnvironmentName>>>,
}

/// So many bytes are kept of each.
const KEPT: usize = 48 << 20;

impl Default for Hashes {
    fn default() -> Self {
        Self { known: Mutex::new(Kept::new(KEPT)), policies: Mutex::default(), imports: Mutex::new(Kept::new(KEPT)) }
    }
}

/// What is remembered is whole at any time, also where a thread that used it has ended badly.
fn locked<T>(memory: &Mutex<T>) -> MutexGuard<'_, T> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many policies are remembered: the one in force, a change of it, and the one before.
const POLICIES: usize = 3;

impl Hashes {
    /// Gives back what can be read again, but for the policies.
    pub fn rest(&self) {
        locked(&self.known).clear();
        locked(&self.imports).clear();
    }

    /// The policy of this folder, if it was read before.
    pub(super) fn policy(&self, folder: Oid) -> Option<GovernanceFolder> {
        locked(&self.policies).iter().find(|(known, _)| *known == folder).map(|(_, policy)| policy.clone())
    }

    /// Remembers a policy.
    pub(super) fn keep_policy(&self, folder: Oid, policy: &GovernanceFolder) {
        let mut policies = locked(&self.policies);
        policies.insert(0, (folder, policy.clone()));
        policies.truncate(POLICIES);
    }

    fn of(&self, objects: &dyn Objects, blob: Oid) -> Result<(Digest, u64), ObjectError> {
        if let Some(found) = locked(&self.known).get(&blob) {
            return Ok(found);
        }
        let bytes = objects.blob(blob)?;
        let hashed = (Digest::of(&bytes), bytes.len() as u64);
        locked(&self.known).put(blob, hashed, ENTRY);
        Ok(hashed)
    }

    /// What an `environment.yaml` of this name imports, read once.
    pub(super) fn imports_of(
        &self,
        blob: Oid,
        name: &EnvironmentName,
        read: impl FnOnce() -> Result<Vec<EnvironmentName>, ObjectError>,
    ) -> Result<Vec<EnvironmentName>, ObjectError> {
        let key = (blob, name.clone());
        if let Some(found) = locked(&self.imports).get(&key) {
            return Ok(found);
        }
        let found = read()?;
        let size = 2 * ENTRY * (1 + found.len());
        locked(&self.imports).put(key, found.clone(), size);
        Ok(found)
    }
}

/// `a/b` below a root folder (`""` is the repository's root).
pub fn below(root: &str, path: &str) -> String {
    if root.is_empty() { path.to_owned() } else { format!("{root}/{path}") }
}

/// An environment as it is written, before imports and templates.
#[derive(Debug)]
pub(super) struct Read {
    pub environment: Environment,
    /// Without imports as yet.
    pub manifest: Manifest,
    /// Each service with the folder its files are from.
    pub services: Vec<(String, ServiceContent)>,
}

/// What a tree says of an environment, before imports and templates.
pub(super) enum Content {
    Absent,
    Unmarked,
    Invalid(Vec<Problem>),
    Present(Box<Read>),
}

/// Reads an environment out of a tree, with what it imports.
///
/// # Errors
/// Where an object is missing or malformed: that is no statement about the environment at all.
pub fn resolve(
    objects: &dyn Objects,
    hashes: &Hashes,
    root: &str,
    tree: Oid,
    name: &EnvironmentName,
    imports: imports::From<'_>,
) -> Result<Desired, ObjectError> {
    let repository = Repository { objects, hashes, root };
    let Read { environment, mut manifest, services } = match read(repository, tree, name)? {
        Content::Absent => return Ok(Desired::Absent),
        Content::Unmarked => return Ok(Desired::Unmarked),
        Content::Invalid(problems) => return Ok(Desired::Invalid(problems)),
        Content::Present(read) => *read,
    };
    let Merged { values, sources, revisions, all } = match imports::merged(repository, tree, &environment, imports)? {
        Ok(merged) => merged,
        Err(problems) => return Ok(Desired::Invalid(problems)),
    };
    let values = values.merged_with(&environment.values);
    if !values.can_be_shown() {
        let message = "the values are more than anybody could be shown; keep what is large in a file of a service";
        let file = format!("environments/{name}/environment.yaml");
        let problem = Problem { field: "spec.values".to_owned(), ..Problem::of_file(file, message) };
        return Ok(Desired::Invalid(vec![problem]));
    }
    let services = match set(objects, services, &values)? {
        Ok(services) => services,
        Err(problems) => return Ok(Desired::Invalid(problems)),
    };
    manifest.imports = revisions;
    let revision = manifest.revision();
    Ok(Desired::Present(Box::new(Resolved {
        environment,
        manifest,
        revision,
        values,
        sources,
        imported: all,
        services,
    })))
}

/// Reads an environment as it is written.
pub(super) fn read(repository: Repository<'_>, tree: Oid, name: &EnvironmentName) -> Result<Content, ObjectError> {
    let Repository { objects, hashes, root } = repository;
    let folder = format!("environments/{name}");
    let marker = format!("{folder}/environment.yaml");
    let Some(entry) = entry_at(objects, tree, &below(root, &folder))? else { return Ok(Content::Absent) };
    if entry.mode != Mode::Tree {
        return Ok(invalid(&folder, "is no folder"));
    }
    let mut inputs = BTreeMap::new();
    let mut problems = collect(objects, hashes, entry, &folder, &mut inputs)?;
    let Some(file) = inputs.get(&marker) else {
        return Ok(if problems.is_empty() { Content::Unmarked } else { Content::Invalid(problems) });
    };
    let environment = match Environment::read(&marker, name.as_str(), &objects.blob(file.blob)?) {
        Ok(environment) => environment,
        Err(Problems(more)) => {
            problems.extend(more);
            return Ok(Content::Invalid(problems));
        }
    };
    let mut services = Vec::new();
    for service in &environment.services {
        let ServiceKind::Files(files) = &service.kind;
        let source = match files.path.strip_prefix('/') {
            Some(shared) => shared.to_owned(),
            None => format!("{folder}/{}", files.path),
        };
        let wrong = |what: &str| Problem {
            field: "spec.services".to_owned(),
            ..Problem::of_file(&marker, format!("service `{}`: `{source}` {what}", service.name))
        };
        match entry_at(objects, tree, &below(root, &source))? {
            Some(entry) if entry.mode == Mode::Tree => {
                problems.extend(collect(objects, hashes, entry, &source, &mut inputs)?);
            }
            Some(_) => problems.push(wrong("is no folder")),
            None => problems.push(wrong("does not exist")),
        }
        let prefix = format!("{source}/");
        let content: Vec<InputFile> = inputs
            .range(prefix.clone()..)
            .take_while(|(path, _)| path.starts_with(&prefix))
            .map(|(path, file)| InputFile { path: path[prefix.len()..].to_owned(), ..file.clone() })
            .collect();
        if let Err(what) = crate::plan::files::check_source(&content) {
            problems.push(wrong(&what));
        }
        services.push((source, ServiceContent { service: service.clone(), files: content }));
    }
    if !problems.is_empty() {
        problems.sort();
        problems.dedup();
        return Ok(Content::Invalid(problems));
    }
    let manifest = Manifest { files: inputs, imports: BTreeMap::new() };
    Ok(Content::Present(Box::new(Read { environment, manifest, services })))
}

/// The services with what they set: each comes with the folder its files are from.
fn set(
    objects: &dyn Objects,
    services: Vec<(String, ServiceContent)>,
    values: &Values,
) -> Result<Result<Vec<ServiceContent>, Vec<Problem>>, ObjectError> {
    let (mut set, mut problems, mut budget) = (Vec::new(), Vec::new(), Budget::default());
    for (source, mut content) in services {
        let ServiceKind::Files(files) = &content.service.kind;
        if files.template {
            match rendered(objects, &source, &content.files, values, &mut budget)? {
                Ok(files) => content.files = files,
                Err(more) => problems.extend(more),
            }
        }
        set.push(content);
    }
    problems.sort();
    problems.dedup();
    Ok(if problems.is_empty() { Ok(set) } else { Err(problems) })
}

fn invalid(file: &str, message: &str) -> Content {
    Content::Invalid(vec![Problem::of_file(file, message)])
}

/// Adds every plain file below a folder to the inputs; anything else is a problem.
pub(super) fn collect(
    objects: &dyn Objects,
    hashes: &Hashes,
    folder: Entry,
    path: &str,
    inputs: &mut BTreeMap<String, InputFile>,
) -> Result<Vec<Problem>, ObjectError> {
    let mut problems = Vec::new();
    for (name, entry) in files_below(objects, folder.id)? {
        let path = format!("{path}/{name}");
        if name.contains(RAW_NAME) {
            problems.push(Problem::of_file(path, "has a name that is not UTF-8"));
            continue;
        }
        match entry.mode {
            Mode::File | Mode::Executable => {
                let (sha256, size) = hashes.of(objects, entry.id)?;
                inputs.insert(
                    path.clone(),
                    InputFile { path, mode: entry.mode, sha256, blob: entry.id, size, rendered: None },
                );
            }
            Mode::Symlink => problems.push(Problem::of_file(path, "is a symbolic link; only plain files are read")),
            Mode::Submodule | Mode::Tree => {
                problems.push(Problem::of_file(path, "is a submodule; only plain files are read"));
            }
        }
    }
    Ok(problems)
}

/// The names of the folders below `environments/` in a tree, and problems with those that are no names.
///
/// # Errors
/// Where a tree cannot be read.
pub fn environment_names(
    objects: &dyn Objects,
    root: &str,
    tree: Oid,
) -> Result<BTreeSet<EnvironmentName>, ObjectError> {
    let Some(Entry { mode: Mode::Tree, id }) = entry_at(objects, tree, &below(root, "environments"))? else {
        return Ok(BTreeSet::new());
    };
    let names = objects.tree(id)?.entries.into_keys();
    Ok(names
        .filter_map(|name| name.parse().ok())
        .filter(|name: &EnvironmentName| name.as_str() != EnvironmentName::GOVERNANCE)
        .collect())
}

impl Resolved {
    /// The folders and files an environment is made of, as paths from the repository's root: whoever changes one
    /// contributes.
    pub fn input_paths(&self, root: &str) -> Vec<String> {
        self.environment.folders(root)
    }

    /// The targets its services own.
    pub fn targets(&self) -> Vec<String> {
        self.environment.services.iter().map(|service| service.kind.target().to_owned()).collect()
    }
}
