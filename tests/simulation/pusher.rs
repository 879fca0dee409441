//! People who change what is desired: new content, older content again, gates on and off, environments gone and back,
//! broken ones, two at once; alone or with somebody else's name on the commit.

use super::content::{Content, ENVIRONMENTS, Gates, Setting};
use super::dice::Dice;
use super::people::{PEOPLE, STRANGER};
use super::world::World;

const GATES: [Gates; 5] = [Gates::Default, Gates::Recorded, Gates::Own, Gates::Off, Gates::Idle];

/// Something new for an environment that is this now.
fn next(dice: &mut Dice, world: &World, environment: &str) -> Content {
    let now = world.ledger.now(environment);
    let setting = match now {
        Content::Present(setting) => setting,
        _ => Setting { gates: Gates::Default, main: 0, extra: None, note: 0 },
    };
    let number = u8::try_from(dice.below(4)).unwrap();
    match dice.below(20) {
        0..7 => Content::Present(Setting { main: number, ..setting }),
        7..9 => Content::Present(Setting { extra: Some(number), ..setting }),
        9 => Content::Present(Setting { extra: None, ..setting }),
        10..12 => Content::Present(Setting { gates: *dice.pick(&GATES), ..setting }),
        12 => Content::Present(Setting { note: number, ..setting }),
        13 => Content::Absent,
        14 => *dice.pick(&[Content::Broken, Content::Unmarked]),
        _ => *dice.pick(&world.ledger.ever(environment)),
    }
}

pub fn push(dice: &mut Dice, world: &mut World) {
    let author = if dice.percent(60) { "dave" } else { *dice.pick(&[PEOPLE[0], PEOPLE[1], PEOPLE[2], STRANGER]) };
    let co_author = dice.percent(10).then(|| *dice.pick(&PEOPLE));
    let mut changes = Vec::new();
    let both = dice.percent(15);
    let first = *dice.pick(&ENVIRONMENTS);
    for environment in ENVIRONMENTS.into_iter().filter(|name| both || *name == first) {
        changes.push((environment, next(dice, world, environment)));
    }
    world.note(format!("{author} (with {co_author:?}) pushes {changes:?}"));
    world.change(author, &changes, co_author);
}
