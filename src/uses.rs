//! Who uses what, known both ways.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::EnvironmentName;

/// What each environment uses, and who uses each thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uses<T> {
    of: BTreeMap<EnvironmentName, BTreeSet<T>>,
    users: BTreeMap<T, BTreeSet<EnvironmentName>>,
}

impl<T> Default for Uses<T> {
    fn default() -> Self {
        Self { of: BTreeMap::new(), users: BTreeMap::new() }
    }
}

impl<T: Ord + Clone> Uses<T> {
    /// An environment uses exactly these.
    pub fn set(&mut self, name: &EnvironmentName, things: BTreeSet<T>) {
        if self.of.get(name).map_or(things.is_empty(), |before| *before == things) {
            return;
        }
        for gone in self.of.remove(name).into_iter().flatten().filter(|thing| !things.contains(thing)) {
            if let Some(users) = self.users.get_mut(&gone) {
                users.remove(name);
                if users.is_empty() {
                    self.users.remove(&gone);
                }
            }
        }
        for thing in &things {
            self.users.entry(thing.clone()).or_default().insert(name.clone());
        }
        if !things.is_empty() {
            self.of.insert(name.clone(), things);
        }
    }

    /// Each thing that is used, with those that do.
    pub fn users(&self) -> &BTreeMap<T, BTreeSet<EnvironmentName>> {
        &self.users
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::overlapping;

    #[test]
    fn who_uses_what_is_known_both_ways_and_forgotten_both_ways() {
        let name = |name: &str| -> EnvironmentName { name.parse().unwrap() };
        let paths = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect();
        let mut uses = Uses::default();
        uses.set(&name("a"), paths(&["/srv/one", "/srv/two"]));
        uses.set(&name("b"), paths(&["/srv/one"]));
        let overlapping = |uses: &Uses<String>, path: &str| -> BTreeSet<EnvironmentName> {
            overlapping(uses.users(), path).flat_map(|(_, users)| users.iter().cloned()).collect()
        };
        assert_eq!(overlapping(&uses, "/srv"), [name("a"), name("b")].into());
        assert_eq!(overlapping(&uses, "/srv/two/below"), [name("a")].into());
        assert!(overlapping(&uses, "/srv/on").is_empty());
        uses.set(&name("a"), paths(&["/srv/two"]));
        assert_eq!(uses.users()["/srv/one"], [name("b")].into());
        uses.set(&name("a"), paths(&[]));
        uses.set(&name("b"), paths(&[]));
        assert!(uses.users().is_empty() && uses.of.is_empty());
    }
}
