//! The environments that a state is made of.

use std::borrow::Borrow;
use std::collections::{BTreeMap, btree_map};
use std::ops::Index;
use std::sync::Arc;

use crate::lifecycle::environment::EnvironmentState;
use crate::model::EnvironmentName;

/// Every environment that was ever on the journal, by name.
///
/// Copies share each environment until one of them changes it: the daemon's state, the state that its proof goes on from,
/// and whoever looks at an environment while the journal is folded on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environments(BTreeMap<EnvironmentName, Arc<EnvironmentState>>);

impl Environments {
    /// One of them.
    pub fn get<N: Ord + ?Sized>(&self, name: &N) -> Option<&EnvironmentState>
    where
        EnvironmentName: Borrow<N>,
    {
        self.0.get(name).map(Arc::as_ref)
    }

    /// One of them, with its name.
    pub fn get_key_value(&self, name: &EnvironmentName) -> Option<(&EnvironmentName, &EnvironmentState)> {
        self.0.get_key_value(name).map(|(name, env)| (name, env.as_ref()))
    }

    /// One of them as it is now, whatever becomes of it.
    pub fn shared(&self, name: &EnvironmentName) -> Option<Arc<EnvironmentState>> {
        self.0.get(name).cloned()
    }

    /// Whether there is one of this name.
    pub fn contains_key<N: Ord + ?Sized>(&self, name: &N) -> bool
    where
        EnvironmentName: Borrow<N>,
    {
        self.0.contains_key(name)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&EnvironmentName, &EnvironmentState)> {
        self.0.iter().map(|(name, env)| (name, env.as_ref()))
    }

    /// All of them, without their names.
    pub fn values(&self) -> impl Iterator<Item = &EnvironmentState> {
        self.0.values().map(Arc::as_ref)
    }

    /// The names.
    pub fn keys(&self) -> btree_map::Keys<'_, EnvironmentName, Arc<EnvironmentState>> {
        self.0.keys()
    }

    /// The names, of which nothing else is needed.
    pub fn into_keys(self) -> impl Iterator<Item = EnvironmentName> {
        self.0.into_keys()
    }

    /// One of them, to be changed.
    pub(in crate::lifecycle) fn get_mut(&mut self, name: &EnvironmentName) -> Option<&mut EnvironmentState> {
        self.0.get_mut(name).map(Arc::make_mut)
    }

    /// One of them, to be changed; a new one where there is none.
    pub(in crate::lifecycle) fn get_or_new(&mut self, name: &EnvironmentName) -> &mut EnvironmentState {
        Arc::make_mut(self.0.entry(name.clone()).or_default())
    }

    /// All of them, to be changed.
    pub(in crate::lifecycle) fn values_mut(&mut self) -> impl Iterator<Item = &mut EnvironmentState> {
        self.0.values_mut().map(Arc::make_mut)
    }
}

impl<N: Ord + ?Sized> Index<&N> for Environments
where
    EnvironmentName: Borrow<N>,
{
    type Output = EnvironmentState;

    /// # Panics
    /// Where there is none of this name.
    fn index(&self, name: &N) -> &EnvironmentState {
        &self.0[name]
    }
}
