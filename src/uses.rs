//! Who uses what, known both ways.

use std::collections::BTreeMap;

use crate::few::Few;
use crate::model::EnvironmentName;

/// What each environment uses, and who uses each thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uses<T> {
    of: BTreeMap<EnvironmentName, Few<T>>,
    users: BTreeMap<T, Few<EnvironmentName>>,
}

impl<T> Default for Uses<T> {
    fn default() -> Self {
        Self { of: BTreeMap::new(), users: BTreeMap::new() }
    }
}

impl<T: Ord + Clone> Uses<T> {
    /// An environment uses exactly these.
    pub fn set(&mut self, name: &EnvironmentName, things: Few<T>) {
        if self.of.get(name).map_or(things.is_empty(), |before| *before == things) {
            return;
        }
        let before = self.of.remove(name).unwrap_or_default();
        for gone in before.keys().filter(|thing| !things.contains(*thing)) {
            if let Some(users) = self.users.get_mut(gone) {
                users.remove(name);
                if users.is_empty() {
                    self.users.remove(gone);
                }
            }
        }
        for thing in things.keys() {
            self.users.entry(thing.clone()).or_default().put(name.clone(), ());
        }
        if !things.is_empty() {
            self.of.insert(name.clone(), things);
        }
    }

    /// Each thing that is used, with those that do.
    pub fn users(&self) -> &BTreeMap<T, Few<EnvironmentName>> {
        &self.users
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

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
            overlapping(uses.users(), path).flat_map(|(_, users)| users.keys().cloned()).collect()
        };
        assert_eq!(overlapping(&uses, "/srv"), [name("a"), name("b")].into());
        assert_eq!(overlapping(&uses, "/srv/two/below"), [name("a")].into());
        assert!(overlapping(&uses, "/srv/on").is_empty());
        uses.set(&name("a"), paths(&["/srv/two"]));
        assert_eq!(uses.users()["/srv/one"], Few::from_iter([name("b")]));
        uses.set(&name("a"), paths(&[]));
        uses.set(&name("b"), paths(&[]));
        assert!(uses.users().is_empty() && uses.of.is_empty());
    }
}
