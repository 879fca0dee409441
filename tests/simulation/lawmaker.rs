//! People who change the policy: who is in the team, how many must approve, keys, roles, the keys of the daemons; back to
//! what it was; to something that cannot be read or that nobody could change again. Also strangers.

use super::charter::{Charter, PLATFORM};
use super::dice::Dice;
use super::ledger::Said;
use super::people::STRANGER;
use super::world::World;

/// A policy that somebody might wish for, where this is in force or pushed.
fn next(dice: &mut Dice, world: &World) -> Charter {
    let charter = world.ledger.charter_now();
    let mut next = charter;
    match dice.below(20) {
        0..4 => {
            let at = dice.below(PLATFORM.len());
            next.members[at] = !next.members[at];
        }
        4..8 => next.two = 1 + dice.below(3),
        8 if dice.percent(50) => next.signed = !next.signed,
        8 => next.floor = !next.floor,
        9 if dice.percent(50) => next.carries = !next.carries,
        9 => next.erin_everywhere = !next.erin_everywhere,
        10 | 11 => next.dave = !next.dave,
        12..14 => {
            let at = somebody_heard(dice, world).unwrap_or(dice.below(PLATFORM.len()));
            next.second_key[at] = !next.second_key[at];
        }
        14 => next.gone = *dice.pick(&[None, Some("bob"), Some("carol"), Some("dave"), Some("erin")]),
        // The first daemon keeps its key: somebody must be left to write.
        15 => next.daemons[1 + dice.below(2)] ^= true,
        16 => next.broken = !next.broken,
        17 if dice.percent(50) => next.bob_deploys = !next.bob_deploys,
        17 => next.note = u8::try_from(dice.below(3)).unwrap(),
        _ => next = *dice.pick(&world.ledger.charters()),
    }
    next.without_the_gone()
}

/// One of the team who said something on what waits.
fn somebody_heard(dice: &mut Dice, world: &World) -> Option<usize> {
    let waits = |said: &&Said| world.book.environments[said.environment].current().is_some_and(|p| p.plan == said.plan);
    let people = world.ledger.said().filter(waits).filter_map(|said| PLATFORM.iter().position(|p| *p == said.person));
    let people: Vec<usize> = people.collect();
    people.get(dice.below(people.len())).copied()
}

pub fn push(dice: &mut Dice, world: &mut World) {
    let author = *dice.pick(&["dave", "dave", "dave", "erin", "alice", STRANGER]);
    let next = next(dice, world);
    world.note(format!("{author} pushes the policy {next:?}"));
    world.change_policy(author, next);
}
