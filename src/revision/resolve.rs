//! What a config commit says an environment, or the policy, shall be.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{InputFile, Manifest};
use crate::digest::{Digest, RevisionId};
use crate::model::{Environment, EnvironmentName, Problem, Problems, ServiceKind};
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
    /// The services with their files, in the order written.
    pub services: Vec<ServiceContent>,
}

/// SHA-256 and size of blobs that were hashed before. A blob's bytes never change, so neither does this.
#[derive(Debug, Default)]
pub struct Hashes {
    known: RefCell<HashMap<Oid, (Digest, u64)>>,
}

impl Hashes {
    fn of(&self, objects: &dyn Objects, blob: Oid) -> Result<(Digest, u64), ObjectError> {
        if let Some(found) = self.known.borrow().get(&blob) {
            return Ok(*found);
        }
        let bytes = objects.blob(blob)?;
        let hashed = (Digest::of(&bytes), bytes.len() as u64);
        self.known.borrow_mut().insert(blob, hashed);
        Ok(hashed)
    }
}

/// `a/b` below a root folder (`""` is the repository's root).
pub fn below(root: &str, path: &str) -> String {
    if root.is_empty() { path.to_owned() } else { format!("{root}/{path}") }
}

/// Reads an environment out of a tree.
///
/// # Errors
/// Where an object is missing or malformed: that is no statement about the environment at all.
pub fn resolve(
    objects: &dyn Objects,
    hashes: &Hashes,
    root: &str,
    tree: Oid,
    name: &EnvironmentName,
) -> Result<Desired, ObjectError> {
    let folder = format!("environments/{name}");
    let marker = format!("{folder}/environment.yaml");
    let Some(entry) = entry_at(objects, tree, &below(root, &folder))? else { return Ok(Desired::Absent) };
    if entry.mode != Mode::Tree {
        return Ok(invalid(&folder, "is no folder"));
    }
    let mut inputs = BTreeMap::new();
    let mut problems = collect(objects, hashes, entry, &folder, &mut inputs)?;
    let Some(file) = inputs.get(&marker) else {
        return Ok(if problems.is_empty() { Desired::Unmarked } else { Desired::Invalid(problems) });
    };
    let environment = match Environment::read(&marker, name.as_str(), &objects.blob(file.blob)?) {
        Ok(environment) => environment,
        Err(Problems(more)) => {
            problems.extend(more);
            return Ok(Desired::Invalid(problems));
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
        services.push(ServiceContent { service: service.clone(), files: content });
    }
    if !problems.is_empty() {
        problems.sort();
        problems.dedup();
        return Ok(Desired::Invalid(problems));
    }
    let manifest = Manifest { files: inputs, imports: BTreeMap::new() };
    let revision = manifest.revision();
    Ok(Desired::Present(Box::new(Resolved { environment, manifest, revision, services })))
}

fn invalid(file: &str, message: &str) -> Desired {
    Desired::Invalid(vec![Problem::of_file(file, message)])
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
                inputs.insert(path.clone(), InputFile { path, mode: entry.mode, sha256, blob: entry.id, size });
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
        let own = format!("environments/{}", self.environment.name);
        let shared = self.environment.services.iter().filter_map(|service| match &service.kind {
            ServiceKind::Files(files) => files.path.strip_prefix('/').map(str::to_owned),
        });
        let all: BTreeSet<String> = std::iter::once(own).chain(shared).map(|path| below(root, &path)).collect();
        all.into_iter().collect()
    }

    /// The targets its services own.
    pub fn targets(&self) -> Vec<String> {
        self.environment.services.iter().map(|service| service.kind.target().to_owned()).collect()
    }
}
