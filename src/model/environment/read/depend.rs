//! What depends on what: every name known, and nothing, by whatever way, on itself.

use std::collections::{BTreeSet, HashMap};

use super::Read;
use crate::model::environment::order::in_order;
use crate::model::{Service, ServiceName};

/// How many names of a circle are told.
const SHOWN: usize = 10;

/// Complains of names that are unknown and of a circle; whether there are none.
pub(super) fn are_in_order(services: &[Read<'_>]) -> bool {
    let names: BTreeSet<&ServiceName> = services.iter().map(|one| &one.service.name).collect();
    let mut sound = true;
    for one in services {
        let Some(field) = &one.depends_field else { continue };
        for needed in one.service.depends_on.iter().filter(|needed| !names.contains(needed)) {
            field.complain(format!("there is no service `{needed}` in this environment"));
            sound = false;
        }
    }
    let all: Vec<&Service> = services.iter().map(|one| &one.service).collect();
    let Err(left) = in_order(&all) else { return sound };
    let circle = circle(&all, &left);
    let mut told: Vec<String> = circle.iter().take(SHOWN).map(|at| format!("`{}`", all[*at].name)).collect();
    if circle.len() > SHOWN {
        told.push("…".to_owned());
    }
    if let Some(first) = circle.first() {
        told.push(format!("`{}`", all[*first].name));
        if let Some(field) = &services[*first].depends_field {
            field.complain(format!("depends on itself: {}; none of them could be applied first", told.join(" → ")));
        }
    }
    false
}

/// A circle among the services that wait for each other for ever, beginning with the first of it as written.
fn circle(services: &[&Service], left: &BTreeSet<usize>) -> Vec<usize> {
    let places: HashMap<_, _> = services.iter().enumerate().map(|(at, service)| (&service.name, at)).collect();
    let mut way: Vec<usize> = Vec::new();
    let mut walked = HashMap::new();
    let mut at = left.first().copied();
    while let Some(place) = at {
        if let Some(begins) = walked.insert(place, way.len()) {
            let mut circle = way.split_off(begins);
            let first = circle.iter().enumerate().min_by_key(|(_, place)| **place).map_or(0, |(first, _)| first);
            circle.rotate_left(first);
            return circle;
        }
        way.push(place);
        // Whatever is left waits for one that is left.
        let needed = services[place].depends_on.iter().filter_map(|name| places.get(name).copied());
        at = needed.into_iter().find(|needed| left.contains(needed));
    }
    way
}
