//! People who start a deployment by merging its branch `deploy`: those who may and those who may not, in time and late.

use countersign::journal::ReadyWord;

use super::chapter::{EnvironmentBook, Published};
use super::dice::Dice;
use super::merger::{self, Word, mergeable};
use super::people::PEOPLE;
use super::world::World;

/// Somebody looks whether there is anything to start, and starts it. Gives whether there was.
pub fn start(dice: &mut Dice, world: &mut World) -> bool {
    let offered = |(name, book): (&&'static str, &EnvironmentBook)| {
        let current = book.current()?;
        mergeable(world, current, ReadyWord::Deploy).map(|_| (*name, current.clone()))
    };
    let Some((name, published)) = world.book.environments.iter().find_map(offered) else { return false };
    merge(dice, world, name, &published)
}

/// Somebody merges the branch that says so of a plan, if there is one to merge; sometimes in one commit with that of another
/// environment. Gives whether there was.
pub fn merge(dice: &mut Dice, world: &mut World, environment: &'static str, published: &Published) -> bool {
    let person = if dice.percent(70) { *dice.pick(&["alice", "bob", "dave"]) } else { *dice.pick(&PEOPLE) };
    let key = world.book.charter().key_of(person).unwrap_or(person);
    let others = world.book.environments.iter().filter(|(name, _)| **name != environment);
    let others = others.filter_map(|(name, book)| Some((*name, book.current()?.clone()))).collect::<Vec<_>>();
    let also = if dice.percent(20) { others } else { Vec::new() };
    let mut words = vec![Word { environment, published, says: ReadyWord::Deploy }];
    for (environment, published) in &also {
        let says = *dice.pick(&[ReadyWord::Deploy, ReadyWord::Approve, ReadyWord::ApproveAndDeploy]);
        words.push(Word { environment, published, says });
    }
    merger::merge(world, person, key, &words)
}
