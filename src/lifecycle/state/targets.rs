//! Who owns which target. Ordered by path, so that what is above or below one is found without looking at the others.

use std::collections::{BTreeMap, BTreeSet};

use crate::few::Few;
use crate::model::EnvironmentName;

/// Targets, each with the environment that owns it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Targets {
    owners: BTreeMap<String, EnvironmentName>,
    owned: BTreeMap<EnvironmentName, Few<String>>,
}

impl Targets {
    /// Who owns exactly this one.
    pub fn owner(&self, target: &str) -> Option<&EnvironmentName> {
        self.owners.get(target)
    }

    /// Everything an environment owns, in order.
    pub fn of(&self, owner: &EnvironmentName) -> BTreeSet<String> {
        self.owned.get(owner).into_iter().flat_map(Few::keys).cloned().collect()
    }

    /// Takes a target for an environment.
    pub(super) fn take(&mut self, target: &str, owner: &EnvironmentName) {
        if let Some(before) = self.owners.insert(target.to_owned(), owner.clone()) {
            self.forget(target, &before);
        }
        self.owned.entry(owner.clone()).or_default().put(target.to_owned(), ());
    }

    /// Gives up what an environment owns and is not in `kept`.
    pub(super) fn keep_only(&mut self, owner: &EnvironmentName, kept: &[String]) {
        for target in self.of(owner).iter().filter(|target| !kept.contains(target)) {
            self.owners.remove(target);
            self.forget(target, owner);
        }
    }

    fn forget(&mut self, target: &str, owner: &EnvironmentName) {
        if let Some(owned) = self.owned.get_mut(owner) {
            owned.remove(target);
            if owned.is_empty() {
                self.owned.remove(owner);
            }
        }
    }

    /// The first target, in order, that is equal to, above or below this one and that another environment than `name` owns.
    pub fn other_owner(&self, name: &EnvironmentName, target: &str) -> Option<(&str, &EnvironmentName)> {
        let mut overlapping = overlapping(&self.owners, target);
        overlapping.find(|(_, owner)| *owner != name).map(|(owned, owner)| (owned.as_str(), owner))
    }
}

/// What a map of paths has at, above and below a path, in order.
pub fn overlapping<'m, V>(map: &'m BTreeMap<String, V>, path: &str) -> impl Iterator<Item = (&'m String, &'m V)> {
    let above: Vec<_> = path
        .match_indices('/')
        .map(|(at, _)| &path[..at])
        .chain([path])
        .filter_map(|above| map.get_key_value(above))
        .collect();
    let below = format!("{path}/");
    let all_below = map.range(below.clone()..).take_while(move |(other, _)| other.starts_with(&below));
    above.into_iter().chain(all_below)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_path() -> impl Strategy<Value = String> {
        prop::collection::vec(prop::sample::select(vec!["a", "b", "ab", "a-", "."]), 0..4)
            .prop_map(|parts| parts.iter().map(|part| format!("/{part}")).collect())
    }

    fn name(at: u8) -> EnvironmentName {
        format!("env-{at}").parse().unwrap()
    }

    proptest! {
        #[test]
        fn the_owner_found_is_the_first_of_all(
            taken in prop::collection::vec((any_path(), 0..4_u8), 0..12),
            given in 0..4_u8,
            target in any_path(),
            by in 0..4_u8,
        ) {
            let (mut targets, mut all) = (Targets::default(), BTreeMap::new());
            for (target, owner) in &taken {
                targets.take(target, &name(*owner));
                all.insert(target.clone(), name(*owner));
            }
            let kept: Vec<String> = taken.iter().step_by(2).map(|(target, _)| target.clone()).collect();
            targets.keep_only(&name(given), &kept);
            all.retain(|target, owner| *owner != name(given) || kept.contains(target));
            prop_assert_eq!(&targets.owners, &all);
            for at in 0..4 {
                let theirs = all.iter().filter(|(_, owner)| **owner == name(at)).map(|(target, _)| target.clone());
                prop_assert_eq!(targets.of(&name(at)), theirs.collect());
            }
            let nested = |a: &str, b: &str| a == b || a.strip_prefix(b).is_some_and(|rest| rest.starts_with('/'));
            let found = all
                .iter()
                .find(|(owned, owner)| **owner != name(by) && (nested(owned, &target) || nested(&target, owned)))
                .map(|(owned, owner)| (owned.as_str(), owner));
            prop_assert_eq!(targets.other_owner(&name(by), &target), found);
        }
    }
}
