//! From what was applied and what is desired to a plan.

use std::collections::BTreeSet;

use super::document::{Base, FORMAT, Plan, ServiceLine};
use super::preview::Preview;
use super::{Action, PlanKind, ServiceChange, ServiceContent, ServicePlan};
use crate::digest::{Digest, RepositoryId};
use crate::evidence::contributors::Range;
use crate::model::environment::order::in_order;
use crate::model::{EnvironmentName, ServiceKind, ServiceName};
use crate::object::Oid;
use crate::revision::Resolved;

/// A plan together with what it was made of: everything an apply needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    /// The plan.
    pub plan: Plan,
    /// What becomes of each service, in the order of the plan.
    pub changes: Vec<ServiceChange>,
    /// What people read of each, in the same order.
    pub previews: Vec<(ServiceName, Preview)>,
    /// What is taken away. `None` where nobody compares it: of a policy, or where it is too much to be told.
    pub removes: Option<BTreeSet<String>>,
}

/// So many things that a plan takes away are told beside it.
const MOST_REMOVES: usize = 1_000;

/// Where a plan belongs: what makes equal content in another place, or at another time, another plan.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The repository.
    pub repository: RepositoryId,
    /// The environment.
    pub environment: &'a EnvironmentName,
    /// The number the deployment takes.
    pub number: u64,
    /// The round.
    pub round: u64,
    /// The last successful deployment.
    pub base: Option<Base>,
}

/// What becomes of each service, in the order in which it happens: first what is to be destroyed, each before what it
/// depended on; then what is desired, each after what it depends on, and otherwise as written.
///
/// Services are matched by type and target, so that a new name for the same folder is a change of it and not its
/// removal; a new target is the removal of the old one and the making of the new.
pub fn changes(
    environment: &EnvironmentName,
    base: Option<&Resolved>,
    desired: Option<&Resolved>,
) -> Vec<ServiceChange> {
    let contents = |resolved: Option<&Resolved>| resolved.map(|r| r.services.clone()).unwrap_or_default();
    let place = |content: &ServiceContent| (content.service.kind.name(), content.service.kind.target().to_owned());
    let (old, new) = (ordered(contents(base)), ordered(contents(desired)));
    let kept: BTreeSet<_> = new.iter().map(place).collect();
    let gone = old.iter().rev().filter(|content| !kept.contains(&place(content))).map(|content| ServiceChange {
        environment: environment.clone(),
        name: content.service.name.clone(),
        base: Some(content.clone()),
        desired: None,
    });
    let stays = new.iter().map(|content| ServiceChange {
        environment: environment.clone(),
        name: content.service.name.clone(),
        base: old.iter().find(|old| place(old) == place(content)).cloned(),
        desired: Some(content.clone()),
    });
    gone.chain(stays).collect()
}

/// For each change, in the order of [`changes`], those before it that it must come after: whatever depends on it and goes
/// too, or what it depends on and all that goes, where it stays. The others may happen at the same time.
pub fn after(changes: &[ServiceChange]) -> Vec<BTreeSet<usize>> {
    let depends = |one: Option<&ServiceContent>, other: Option<&ServiceContent>| match (one, other) {
        (Some(one), Some(other)) => one.service.depends_on.contains(&other.service.name),
        _ => false,
    };
    let comes_after = |later: &ServiceChange, earlier: &ServiceChange| match (&later.desired, &earlier.desired) {
        (None, _) => depends(earlier.base.as_ref(), later.base.as_ref()),
        (Some(_), None) => true,
        (Some(later), Some(earlier)) => depends(Some(later), Some(earlier)),
    };
    let before = |at: usize| (0..at).filter(|earlier| comes_after(&changes[at], &changes[*earlier])).collect();
    (0..changes.len()).map(before).collect()
}

/// Each service after those it depends on. That there is such an order was checked when the settings were read.
fn ordered(services: Vec<ServiceContent>) -> Vec<ServiceContent> {
    let all: Vec<_> = services.iter().map(|content| &content.service).collect();
    match in_order(&all) {
        Ok(places) => places.into_iter().filter_map(|at| services.get(at).cloned()).collect(),
        Err(_) => services,
    }
}

/// What a plan from `base` to `desired` is for, going by these two alone: an update may be a rollback.
pub fn kind_of(base: Option<Base>, desired: Option<&Resolved>) -> PlanKind {
    match (base, desired) {
        (_, None) => PlanKind::Destroy,
        (None | Some(Base { revision: None, .. }), Some(_)) => PlanKind::Create,
        (Some(_), Some(_)) => PlanKind::Update,
    }
}

/// Puts a plan together; `services` are what the drivers said to each change, in order.
pub fn compose(
    place: Place<'_>,
    kind: PlanKind,
    desired: Option<&Resolved>,
    changes: Vec<ServiceChange>,
    mut services: Vec<ServicePlan>,
) -> Composed {
    if kind == PlanKind::Redeploy {
        services.iter_mut().for_each(set_again);
    }
    let line = |(change, service): (&ServiceChange, &ServicePlan)| {
        let content = change.desired.as_ref().or(change.base.as_ref());
        ServiceLine {
            name: change.name.clone(),
            kind: content.map_or("", |content| content.service.kind.name()).to_owned(),
            action: service.action,
            effect: service.effect,
            preview: service.preview.digest(),
        }
    };
    let plan = Plan {
        format: FORMAT,
        repository: place.repository,
        environment: place.environment.clone(),
        number: place.number,
        round: place.round,
        kind,
        base: place.base,
        revision: desired.map(|desired| desired.revision),
        services: changes.iter().zip(&services).map(line).collect(),
    };
    let removes: BTreeSet<String> = services.iter().flat_map(|service| &service.removes).cloned().collect();
    let removes = (removes.len() <= MOST_REMOVES).then_some(removes);
    let previews = changes.iter().map(|change| change.name.clone()).zip(services.into_iter().map(|s| s.preview));
    Composed { plan, previews: previews.collect(), changes, removes }
}

/// What a preview says of a service that is set although nothing differs.
pub const SET_AGAIN: &str = "nothing differs; all of it is set again";

/// A redeployment sets everything, also what is there already.
fn set_again(service: &mut ServicePlan) {
    if service.action == Action::None {
        service.action = Action::Update;
        service.preview.notes.push(SET_AGAIN.to_owned());
    }
}

/// The digest of exactly what a change sets, going by the repository alone.
pub fn effect_of(change: &ServiceChange) -> Option<Digest> {
    let ServiceKind::Files(service) = &change.desired.as_ref().or(change.base.as_ref())?.service.kind;
    let new = change.desired.as_ref().map(|content| content.files.as_slice());
    Some(super::files::effect(&service.target, new))
}

/// What a service sets, by content alone.
fn effect(content: &ServiceContent) -> Digest {
    match &content.service.kind {
        ServiceKind::Files(files) => super::files::effect(&files.target, Some(&content.files)),
    }
}

/// The commits that may have contributed to a change: those to its own inputs that `to` reach, and of each import those
/// between what was imported before and what is now.
pub fn ranges(
    root: &str,
    base: Option<&Resolved>,
    desired: Option<&Resolved>,
    from: Option<Oid>,
    to: &[Oid],
) -> Vec<Range> {
    let sides = || base.into_iter().chain(desired);
    let own: BTreeSet<String> = sides().flat_map(|resolved| resolved.input_paths(root)).collect();
    let mut ranges =
        vec![Range { folders: own.into_iter().collect(), from: from.into_iter().collect(), to: to.to_vec() }];
    let old = base.map(|base| base.imported.as_slice()).unwrap_or_default();
    for new in desired.iter().flat_map(|desired| &desired.imported) {
        let before: Vec<_> = old.iter().filter(|old| old.name == new.name).collect();
        if before.iter().any(|old| old.revision == new.revision) {
            continue;
        }
        let folders = before.iter().flat_map(|old| &old.folders).chain(&new.folders).cloned().collect::<BTreeSet<_>>();
        let range = Range {
            folders: folders.into_iter().collect(),
            from: before.iter().map(|old| old.commit).collect(),
            to: vec![new.commit],
        };
        if !ranges.contains(&range) {
            ranges.push(range);
        }
    }
    ranges
}

/// Whether applying `desired` would set exactly what `base` set, by content and never by live state, with the same
/// targets and the same gates: then it is recorded without approval.
pub fn is_without_effect(base: &Resolved, desired: &Resolved) -> bool {
    let effects = |resolved: &Resolved| resolved.services.iter().map(effect).collect::<BTreeSet<_>>();
    base.environment.gates == desired.environment.gates && effects(base) == effects(desired)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Files, Service};

    fn service(name: &str, depends_on: &[&str]) -> ServiceContent {
        let depends_on = depends_on.iter().map(|name| name.parse().expect("a name")).collect();
        let kind = ServiceKind::Files(Files { path: "x".to_owned(), target: format!("/srv/{name}"), template: false });
        ServiceContent { service: Service { name: name.parse().expect("a name"), depends_on, kind }, files: Vec::new() }
    }

    /// `name`, from what it depended on to what it depends on.
    fn change(name: &str, base: Option<&[&str]>, desired: Option<&[&str]>) -> ServiceChange {
        let environment = "prod".parse().expect("a name");
        let side = |side: Option<&[&str]>| side.map(|depends_on| service(name, depends_on));
        ServiceChange { environment, name: name.parse().expect("a name"), base: side(base), desired: side(desired) }
    }

    fn sets(changes: &[ServiceChange]) -> Vec<Vec<usize>> {
        after(changes).into_iter().map(|set| set.into_iter().collect()).collect()
    }

    #[test]
    fn what_stays_comes_after_what_it_depends_on_and_nothing_else() {
        let changes = [
            change("free", None, Some(&[])),
            change("base", None, Some(&[])),
            change("api", None, Some(&["base"])),
            change("web", None, Some(&["api", "base"])),
        ];
        assert_eq!(sets(&changes), [vec![], vec![], vec![1], vec![1, 2]]);
    }

    #[test]
    fn what_goes_goes_before_what_it_depended_on_and_all_of_it_before_what_stays() {
        let changes = [
            change("web", Some(&["api"]), None),
            change("api", Some(&[]), None),
            change("free", Some(&[]), None),
            change("old", Some(&["api"]), Some(&[])),
            change("new", None, Some(&["old"])),
        ];
        assert_eq!(sets(&changes), [vec![], vec![0], vec![], vec![0, 1, 2], vec![0, 1, 2, 3]]);
    }
}
