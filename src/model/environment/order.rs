//! The order of services: each after those it depends on, and otherwise as written.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};

use super::Service;

/// The places of these services in the order in which they are applied: always the first as written of those whose
/// dependencies come before. Names that none of them has ask for nothing.
///
/// # Errors
/// The places of those that can never come, each on a circle or behind one; never empty.
pub fn in_order(services: &[&Service]) -> Result<Vec<usize>, BTreeSet<usize>> {
    let places: HashMap<_, _> = services.iter().enumerate().map(|(at, service)| (&service.name, at)).collect();
    let mut waits = vec![0_usize; services.len()];
    let mut behind = vec![Vec::new(); services.len()];
    for (at, service) in services.iter().enumerate() {
        for needed in service.depends_on.iter().filter_map(|name| places.get(name)) {
            waits[at] += 1;
            behind[*needed].push(at);
        }
    }
    let mut free: BinaryHeap<Reverse<usize>> = (0..services.len()).filter(|at| waits[*at] == 0).map(Reverse).collect();
    let mut order = Vec::with_capacity(services.len());
    while let Some(Reverse(at)) = free.pop() {
        order.push(at);
        for next in std::mem::take(&mut behind[at]) {
            waits[next] -= 1;
            if waits[next] == 0 {
                free.push(Reverse(next));
            }
        }
    }
    if order.len() == services.len() {
        return Ok(order);
    }
    let placed: BTreeSet<usize> = order.into_iter().collect();
    Err((0..services.len()).filter(|at| !placed.contains(at)).collect())
}
