//! The plans of an environment that have not ended.

use std::mem;

use super::environment::OpenPlan;
use crate::digest::PlanId;

/// Plans in the order of their digests. There is hardly ever more than one, of which there are many thousands: each takes
/// the room of one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plans(Vec<OpenPlan>);

impl Plans {
    fn find(&self, id: PlanId) -> Result<usize, usize> {
        self.0.binary_search_by_key(&id, |plan| plan.id)
    }

    /// One of them.
    pub fn get(&self, id: PlanId) -> Option<&OpenPlan> {
        self.find(id).ok().map(|at| &self.0[at])
    }

    /// Whether it is one of them.
    pub fn contains(&self, id: PlanId) -> bool {
        self.find(id).is_ok()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, OpenPlan> {
        self.0.iter()
    }

    /// Their digests.
    pub fn ids(&self) -> impl Iterator<Item = PlanId> {
        self.0.iter().map(|plan| plan.id)
    }

    /// One of them, to be changed.
    pub(super) fn get_mut(&mut self, id: PlanId) -> Option<&mut OpenPlan> {
        self.find(id).ok().map(|at| &mut self.0[at])
    }

    /// All of them, to be changed.
    pub(super) fn iter_mut(&mut self) -> std::slice::IterMut<'_, OpenPlan> {
        self.0.iter_mut()
    }

    /// One more, in place of the one with its digest.
    pub(super) fn put(&mut self, plan: OpenPlan) {
        match self.find(plan.id) {
            Ok(at) => self.0[at] = plan,
            Err(at) => {
                self.0.reserve_exact(1);
                self.0.insert(at, plan);
            }
        }
    }

    /// One of them, which is none of them any more.
    pub(super) fn take(&mut self, id: PlanId) -> Option<OpenPlan> {
        self.find(id).ok().map(|at| self.0.remove(at))
    }

    /// Only these stay.
    pub(super) fn retain(&mut self, stays: impl FnMut(&OpenPlan) -> bool) {
        self.0.retain(stays);
    }

    /// None of them stays.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// All of them, none of which is there any more.
    pub(super) fn take_all(&mut self) -> Vec<OpenPlan> {
        mem::take(&mut self.0)
    }
}
