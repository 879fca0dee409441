//! Imports: values that an environment takes from others, as they were last applied there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::resolve::{Content, Hashes, Read, below, environment_names, read};
use crate::digest::RevisionId;
use crate::few::Few;
use crate::model::{Environment, EnvironmentName, Import, Problem, Values};
use crate::object::{Mode, ObjectError, Objects, Oid, differing, entry_at};
use crate::uses::Uses;

/// The most environments that one may import, with everything that those import.
pub const MOST_IMPORTS: usize = 64;

/// The longest way of imports that import: what was found is told nested, and has to be read again.
pub const LONGEST_WAY: usize = 16;

/// Where the content of an imported environment is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Source {
    /// Its revision.
    pub revision: RevisionId,
    /// The config commit that it was applied from.
    pub commit: Oid,
    /// What it imported then.
    pub imports: Sources,
}

/// Sources by name.
pub type Sources = BTreeMap<EnvironmentName, Source>;

/// How an imported environment stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nothing was ever applied there.
    Never,
    /// It was destroyed.
    Destroyed,
    /// This is applied.
    Applied(Source),
}

/// What was applied where: the journal, folded.
pub trait Deployments {
    /// What is applied in an environment.
    fn standing(&self, name: &EnvironmentName) -> Standing;
    /// A revision that is or was applied in an environment, as it was last.
    fn deployed(&self, name: &EnvironmentName, revision: RevisionId) -> Option<Source>;
}

/// Where imports are taken from.
#[derive(Clone, Copy)]
pub enum From<'a> {
    /// What is applied now, or pinned.
    Deployments(&'a dyn Deployments),
    /// What was once found, and nothing else.
    Exactly(&'a Sources),
    /// What the same tree says of them, whatever is applied: for those who have no journal.
    SameTree,
}

/// An imported environment, found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Its name.
    pub name: EnvironmentName,
    /// Its revision.
    pub revision: RevisionId,
    /// The config commit that it was applied from.
    pub commit: Oid,
    /// The folders it is made of, from the repository's root.
    pub folders: Vec<String>,
}

/// What the imports of an environment come to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Merged {
    /// Their values: what is imported later is on top.
    pub values: Values,
    /// Where each direct one is from; empty for [`From::SameTree`].
    pub sources: Sources,
    /// The revision of each direct one.
    pub revisions: BTreeMap<EnvironmentName, RevisionId>,
    /// All of them, also what is imported by what is imported; none for [`From::SameTree`].
    pub all: Vec<Imported>,
}

/// What resolving an environment needs of the repository.
#[derive(Clone, Copy)]
pub(super) struct Repository<'a> {
    pub objects: &'a dyn Objects,
    pub hashes: &'a Hashes,
    pub root: &'a str,
}

/// Finds and merges what an environment imports.
///
/// # Errors
/// Outside: where an object cannot be read. Inside: why they cannot be had.
pub(super) fn merged(
    repository: Repository<'_>,
    tree: Oid,
    environment: &Environment,
    from: From<'_>,
) -> Result<Result<Merged, Vec<Problem>>, ObjectError> {
    let (name, imports) = (&environment.name, environment.gates.imports.as_slice());
    let mut merged = Merged::default();
    if imports.is_empty() {
        return Ok(Ok(merged));
    }
    if !matches!(from, From::Exactly(_))
        && let Some(circle) = circle(repository, tree, name, imports)?
    {
        let names: Vec<String> = circle.iter().map(|name| format!("`{name}`")).collect();
        let message = format!("imports itself: {}; none of them could be applied first", names.join(" → "));
        return Ok(Err(vec![problem(name, None, message)]));
    }
    let mut problems = Vec::new();
    let mut left = MOST_IMPORTS;
    for (at, import) in imports.iter().enumerate() {
        let one = match from {
            From::SameTree => in_same_tree(repository, tree, &import.name, &mut left)?,
            From::Exactly(sources) => match sources.get(&import.name) {
                Some(source) => found(repository, (&import.name, source), LONGEST_WAY, &mut merged.all, &mut left)?,
                None => Err(format!("`{}` is not among what was found when this was planned", import.name)),
            },
            From::Deployments(deployments) => match source_of(deployments, import) {
                Ok(source) => {
                    let values = found(repository, (&import.name, &source), LONGEST_WAY, &mut merged.all, &mut left)?;
                    merged.sources.insert(import.name.clone(), source);
                    values
                }
                Err(why) => Err(why),
            },
        };
        match one {
            Ok(values) => merged.values = merged.values.merged_with(&values),
            Err(why) => problems.push(problem(name, Some(at), why)),
        }
    }
    if let From::Exactly(sources) = from {
        merged.sources = sources.clone();
    }
    merged.revisions = merged.sources.iter().map(|(name, source)| (name.clone(), source.revision)).collect();
    Ok(if problems.is_empty() { Ok(merged) } else { Err(problems) })
}

fn problem(name: &EnvironmentName, at: Option<usize>, message: String) -> Problem {
    let field = at.map_or_else(|| "spec.imports".to_owned(), |at| format!("spec.imports[{at}]"));
    Problem { field, ..Problem::of_file(format!("environments/{name}/environment.yaml"), message) }
}

/// Gate: only what was approved and applied in the imported environment is ever imported.
fn source_of(deployments: &dyn Deployments, import: &Import) -> Result<Source, String> {
    let name = &import.name;
    match import.revision {
        Some(pin) => deployments.deployed(name, pin).ok_or_else(|| {
            format!("`{name}` never had {pin} applied; pin a revision of one of its deployments, or leave the pin out")
        }),
        None => match deployments.standing(name) {
            Standing::Applied(source) => Ok(source),
            Standing::Never => Err(format!("nothing is applied in `{name}` yet; this goes on once something is")),
            Standing::Destroyed => {
                Err(format!("`{name}` was destroyed; remove the import, or pin a revision that it had"))
            }
        },
    }
}

/// The values of an imported environment as they were applied: its content must have the source's revision.
fn found(
    repository: Repository<'_>,
    (name, source): (&EnvironmentName, &Source),
    way: usize,
    all: &mut Vec<Imported>,
    left: &mut usize,
) -> Result<Result<Values, String>, ObjectError> {
    let Some(rest) = left.checked_sub(1) else {
        return Ok(Err(format!("more than {MOST_IMPORTS} environments are imported, with all that they import")));
    };
    *left = rest;
    let Some(way) = way.checked_sub(1) else {
        return Ok(Err(format!("imports that import others are followed {LONGEST_WAY} times, and there are more")));
    };
    let tree = repository.objects.tree_of(source.commit)?;
    let elsewhere = || format!("`{name}` has not revision {} in commit {}", source.revision, source.commit.short());
    let Content::Present(read) = read(repository, tree, name)? else { return Ok(Err(elsewhere())) };
    let Read { environment, mut manifest, .. } = *read;
    let mut values = Values::default();
    // As deep as sources are nested, of which there are no more than may be imported.
    for import in &environment.gates.imports {
        let Some(inner) = source.imports.get(&import.name) else { return Ok(Err(elsewhere())) };
        manifest.imports.insert(import.name.clone(), inner.revision);
        match found(repository, (&import.name, inner), way, all, left)? {
            Ok(imported) => values = values.merged_with(&imported),
            Err(why) => return Ok(Err(why)),
        }
    }
    if manifest.revision() != source.revision {
        return Ok(Err(elsewhere()));
    }
    all.push(Imported {
        name: name.clone(),
        revision: source.revision,
        commit: source.commit,
        folders: environment.folders(repository.root),
    });
    Ok(Ok(values.merged_with(&environment.values)))
}

fn in_same_tree(
    repository: Repository<'_>,
    tree: Oid,
    name: &EnvironmentName,
    left: &mut usize,
) -> Result<Result<Values, String>, ObjectError> {
    let Some(rest) = left.checked_sub(1) else {
        return Ok(Err(format!("more than {MOST_IMPORTS} environments are imported, with all that they import")));
    };
    *left = rest;
    let Content::Present(read) = read(repository, tree, name)? else {
        return Ok(Err(format!("there is no environment `{name}` that can be read")));
    };
    let mut values = Values::default();
    for import in &read.environment.gates.imports {
        match in_same_tree(repository, tree, &import.name, left)? {
            Ok(imported) => values = values.merged_with(&imported),
            Err(why) => return Ok(Err(why)),
        }
    }
    Ok(Ok(values.merged_with(&read.environment.values)))
}

/// What an environment imports by a tree, as far as it can be read; whether it can be had is another question.
pub fn imports_in(
    objects: &dyn Objects,
    hashes: &Hashes,
    root: &str,
    tree: Oid,
    name: &EnvironmentName,
) -> Result<Vec<EnvironmentName>, ObjectError> {
    let file = format!("environments/{name}/environment.yaml");
    let Some(entry) = entry_at(objects, tree, &below(root, &file))? else { return Ok(Vec::new()) };
    if !matches!(entry.mode, Mode::File | Mode::Executable) {
        return Ok(Vec::new());
    }
    hashes.imports_of(entry.id, name, || {
        let read = Environment::read(&file, name.as_str(), &objects.blob(entry.id)?);
        let imports = read.map(|environment| environment.gates.imports).unwrap_or_default();
        Ok(imports.into_iter().map(|import| import.name).collect())
    })
}

/// Each environment that is imported, with those that do.
pub type ImportedBy = BTreeMap<EnvironmentName, Few<EnvironmentName>>;

/// Who imports whom by a tree: each name that is imported, with those that do.
///
/// # Errors
/// Where an object cannot be read.
pub fn importers(objects: &dyn Objects, hashes: &Hashes, root: &str, tree: Oid) -> Result<ImportedBy, ObjectError> {
    let mut found = ImportedBy::new();
    for name in environment_names(objects, root, tree)? {
        for imported in imports_in(objects, hashes, root, tree, &name)? {
            found.entry(imported).or_default().put(name.clone(), ());
        }
    }
    Ok(found)
}

/// Who imports whom by a tree, kept up from one tree to the next by what differs between them.
#[derive(Debug, Clone, Default)]
pub struct Importers {
    tree: Option<Oid>,
    imports: Uses<EnvironmentName>,
}

impl Importers {
    /// Goes on to a tree: only what lies in the folders that differ is read. What is known then is what
    /// [`importers`] finds in it.
    ///
    /// # Errors
    /// Where an object cannot be read: then nothing is known.
    pub fn go_to(&mut self, objects: &dyn Objects, hashes: &Hashes, root: &str, tree: Oid) -> Result<(), ObjectError> {
        if self.tree == Some(tree) {
            return Ok(());
        }
        let mut known = std::mem::take(self);
        let folder = |tree: Oid| -> Result<Option<Oid>, ObjectError> {
            let entry = entry_at(objects, tree, &below(root, "environments"))?;
            Ok(entry.filter(|entry| entry.mode == Mode::Tree).map(|entry| entry.id))
        };
        let before = known.tree.map(folder).transpose()?.flatten();
        for name in differing(objects, before, folder(tree)?)?.into_keys() {
            let Ok(name) = name.parse::<EnvironmentName>() else { continue };
            if !name.is_governance() {
                let imports = imports_in(objects, hashes, root, tree, &name)?;
                known.imports.set(&name, imports.into_iter().collect());
            }
        }
        known.tree = Some(tree);
        *self = known;
        Ok(())
    }

    /// Who imports whom.
    pub fn all(&self) -> &ImportedBy {
        self.imports.users()
    }
}

/// A way from an environment by imports back to itself, with it at both ends.
fn circle(
    repository: Repository<'_>,
    tree: Oid,
    name: &EnvironmentName,
    imports: &[Import],
) -> Result<Option<Vec<EnvironmentName>>, ObjectError> {
    let Repository { objects, hashes, root } = repository;
    // Whom each was first reached from.
    let mut came: BTreeMap<EnvironmentName, EnvironmentName> = BTreeMap::new();
    let mut open: Vec<(EnvironmentName, EnvironmentName)> =
        imports.iter().rev().map(|import| (name.clone(), import.name.clone())).collect();
    while let Some((by, at)) = open.pop() {
        if came.contains_key(&at) {
            continue;
        }
        came.insert(at.clone(), by);
        if at == *name {
            let mut way = vec![at.clone()];
            let mut back = came.get(&at);
            while let Some(by) = back {
                way.push(by.clone());
                back = came.get(by).filter(|_| by != name);
            }
            way.reverse();
            return Ok(Some(way));
        }
        let next = imports_in(objects, hashes, root, tree, &at)?;
        open.extend(next.into_iter().rev().map(|next| (at.clone(), next)));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::object::{Edit, Entry, Kind, MemoryObjects, edit_tree};

    const NAMES: [&str; 5] = ["a", "b", "c", "d", "governance"];

    /// An environment of these names, what it imports and whether its settings can be read; `None`: it is taken away.
    type Push = Vec<(usize, Option<(Vec<usize>, bool)>)>;

    fn any_push() -> impl Strategy<Value = Push> {
        let content = (prop::collection::vec(0..4_usize, 0..3), prop::bool::weighted(0.9));
        prop::collection::vec((0..NAMES.len(), prop::option::weighted(0.8, content)), 0..4)
    }

    proptest! {
        #[test]
        fn who_imports_whom_is_the_same_from_scratch(pushes in prop::collection::vec(any_push(), 1..6), back in any::<bool>()) {
            let (objects, hashes) = (MemoryObjects::default(), Hashes::default());
            let mut trees = Vec::new();
            let mut tree = None;
            for push in &pushes {
                let mut edits = BTreeMap::new();
                for (name, content) in push {
                    let path = format!("root/environments/{}/environment.yaml", NAMES[*name]);
                    let edit = match content {
                        None => Edit::Remove,
                        Some((imports, is_good)) => {
                            let imports: BTreeSet<&str> = imports.iter().map(|at| NAMES[*at]).collect();
                            let imports: Vec<String> =
                                imports.iter().map(|name| format!("{{ name: {name} }}")).collect();
                            let yaml = format!(
                                "apiVersion: countersign/v1\nkind: Environment\nmetadata: {{ name: {} }}\nspec: {{ imports: [{}], services: [{}] }}\n",
                                NAMES[*name], imports.join(", "), if *is_good { "" } else { "1" },
                            );
                            let id = objects.write(Kind::Blob, yaml.as_bytes()).unwrap();
                            Edit::Put(Entry { mode: Mode::File, id })
                        }
                    };
                    edits.insert(path, edit);
                }
                tree = Some(edit_tree(&objects, tree, &edits).unwrap());
                trees.extend(tree);
            }
            if back {
                trees.reverse();
            }
            let mut kept = Importers::default();
            for tree in trees {
                kept.go_to(&objects, &hashes, "root", tree).unwrap();
                prop_assert_eq!(kept.all(), &importers(&objects, &hashes, "root", tree).unwrap());
            }
        }
    }
}
