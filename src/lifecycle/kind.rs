//! What a plan is for, by content alone: whoever reads the same journal and the same commit finds the same.

use super::state::State;
use crate::model::{Environment, EnvironmentName};
use crate::object::{ObjectError, Objects};
use crate::plan::{PlanKind, compose};
use crate::revision::imports::From;
use crate::revision::{Desired, Hashes, Resolved, Source, resolve};

impl State {
    /// What a plan towards `desired` is for; `applied` is the content of the last deployment.
    ///
    /// # Errors
    /// Where what was deployed earlier cannot be read.
    pub fn kind_of(
        &self,
        objects: &dyn Objects,
        hashes: &Hashes,
        name: &EnvironmentName,
        applied: Option<&Resolved>,
        desired: Option<&Resolved>,
    ) -> Result<PlanKind, ObjectError> {
        let kind = compose::kind_of(self.environments.get(name).and_then(super::EnvironmentState::base), desired);
        let (PlanKind::Update, Some(applied), Some(desired)) = (kind, applied, desired) else { return Ok(kind) };
        let was_there = applied.revision != desired.revision
            && (self.deployed.contains_key(&(name.clone(), desired.revision))
                || is_earlier(objects, hashes, &self.start.root, applied, desired, || {
                    self.deployed.iter().filter(|((of, _), _)| of == name).map(|(_, source)| source.clone()).collect()
                })?);
        Ok(if was_there { PlanKind::Rollback } else { kind })
    }
}

/// Whether `desired`, which pins imports, is one of the earlier deployments of its environment but for pins that hold
/// what was imported then: that is how a rollback keeps what is imported from moving on. What is applied is none.
///
/// # Errors
/// Where an earlier one cannot be read.
pub fn is_earlier(
    objects: &dyn Objects,
    hashes: &Hashes,
    root: &str,
    applied: &Resolved,
    desired: &Resolved,
    earlier: impl FnOnce() -> Vec<Source>,
) -> Result<bool, ObjectError> {
    let pins = desired.environment.gates.imports.iter().any(|import| import.revision.is_some());
    if !pins || is_but_for_pins(applied, desired) {
        return Ok(false);
    }
    let imports = |source: &Source| {
        let of = |(name, source): (&EnvironmentName, &Source)| (name.clone(), source.revision);
        source.imports.iter().map(of).collect::<std::collections::BTreeMap<_, _>>()
    };
    for source in earlier().iter().filter(|source| imports(source) == desired.manifest.imports) {
        let tree = objects.tree_of(source.commit)?;
        let found = resolve(objects, hashes, root, tree, &desired.environment.name, From::Exactly(&source.imports))?;
        if let Desired::Present(then) = found
            && then.revision == source.revision
            && is_but_for_pins(&then, desired)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether two are made of the same files, settings, values and imported revisions, wherever their imports are pinned.
fn is_but_for_pins(a: &Resolved, b: &Resolved) -> bool {
    let settings = format!("environments/{}/environment.yaml", b.environment.name);
    let files = |of: &Resolved| {
        let others = of.manifest.files.values().filter(|file| file.path != settings);
        others.map(|file| (file.path.clone(), file.mode, file.sha256)).collect::<Vec<_>>()
    };
    let unpinned = |of: &Resolved| {
        let mut environment: Environment = of.environment.clone();
        environment.gates.imports.iter_mut().for_each(|import| import.revision = None);
        environment
    };
    a.manifest.imports == b.manifest.imports && unpinned(a) == unpinned(b) && files(a) == files(b)
}
