//! Who uses what: of each environment, the paths that it was made of when it was resolved last, and back.

use std::collections::{BTreeMap, BTreeSet};

use crate::lifecycle::overlapping;
use crate::model::EnvironmentName;

/// Paths and those who use them.
#[derive(Debug, Default)]
pub(super) struct Users {
    by_path: BTreeMap<String, BTreeSet<EnvironmentName>>,
    of: BTreeMap<EnvironmentName, BTreeSet<String>>,
}

impl Users {
    /// An environment uses exactly these.
    pub fn set(&mut self, name: &EnvironmentName, paths: BTreeSet<String>) {
        if self.of.get(name).map_or(paths.is_empty(), |before| *before == paths) {
            return;
        }
        for gone in self.of.remove(name).into_iter().flatten().filter(|path| !paths.contains(path)) {
            if let Some(users) = self.by_path.get_mut(&gone) {
                users.remove(name);
                if users.is_empty() {
                    self.by_path.remove(&gone);
                }
            }
        }
        for path in &paths {
            self.by_path.entry(path.clone()).or_default().insert(name.clone());
        }
        if !paths.is_empty() {
            self.of.insert(name.clone(), paths);
        }
    }

    /// By path.
    pub fn by_path(&self) -> &BTreeMap<String, BTreeSet<EnvironmentName>> {
        &self.by_path
    }

    /// Those who use a path, or one above or below it.
    pub fn overlapping(&self, path: &str) -> BTreeSet<EnvironmentName> {
        overlapping(&self.by_path, path).flat_map(|(_, users)| users.iter().cloned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_uses_what_is_known_both_ways_and_forgotten_both_ways() {
        let name = |name: &str| -> EnvironmentName { name.parse().unwrap() };
        let paths = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect();
        let mut users = Users::default();
        users.set(&name("a"), paths(&["/srv/one", "/srv/two"]));
        users.set(&name("b"), paths(&["/srv/one"]));
        assert_eq!(users.overlapping("/srv"), [name("a"), name("b")].into());
        assert_eq!(users.overlapping("/srv/two/below"), [name("a")].into());
        assert!(users.overlapping("/srv/on").is_empty());
        users.set(&name("a"), paths(&["/srv/two"]));
        assert_eq!(users.by_path()["/srv/one"], [name("b")].into());
        users.set(&name("a"), paths(&[]));
        users.set(&name("b"), paths(&[]));
        assert!(users.by_path().is_empty() && users.of.is_empty());
    }
}
