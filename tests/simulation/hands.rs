//! People who change the host by hand: a file changed or removed, something put beside it, the whole target gone, and all of
//! it put back.

use super::content::{ENVIRONMENTS, Files, target};
use super::dice::Dice;
use super::world::World;

/// Somebody changes the host where a plan waits, on which something was said.
pub fn meddle_where_something_waits(dice: &mut Dice, world: &mut World) {
    let is_said = |plan| world.ledger.said().any(|said| said.plan == plan);
    let waits = |name: &&str| world.book.environments[*name].current().is_some_and(|open| is_said(open.plan));
    let waiting: Vec<&str> = ENVIRONMENTS.iter().copied().filter(|name| waits(name)).collect();
    if !waiting.is_empty() {
        let environment = *dice.pick(&waiting);
        meddle(dice, world, environment);
    }
}

/// Somebody changes one of the targets of an environment.
pub fn meddle(dice: &mut Dice, world: &mut World, environment: &str) {
    let target = target(environment, if dice.percent(75) { "main" } else { "extra" });
    let mut state = world.surroundings.host.state();
    let there = state.targets.get(&target).cloned().flatten();
    let before = state.disturbed.get(&target).cloned();
    let count = state.all_hands();
    let foreign = || "by hand\n".repeat(1 + count % 7);
    let (how, after): (&str, Files) = match (there.clone(), dice.below(10)) {
        (_, 0..3) if before.is_some() => ("puts back", before.clone().flatten()),
        (Some(_), 0) => ("removes", None),
        (Some(mut files), 1..4) => {
            files.insert("app.txt".to_owned(), foreign());
            ("changes a file of", Some(files))
        }
        (Some(mut files), 4 | 5) => {
            files.remove("fixed/same.txt");
            ("removes a file of", Some(files))
        }
        (files, 6..) => {
            let mut files = files.unwrap_or_default();
            files.insert(format!("foreign-{}.txt", count % 2), foreign());
            ("puts something into", Some(files))
        }
        (None, _) => return,
    };
    if after == there {
        return;
    }
    state.change_by_hand(&target, |_| after);
    drop(state);
    world.note(format!("somebody {how} {target} by hand"));
}
