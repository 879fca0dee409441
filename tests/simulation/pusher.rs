//! People who change what is desired: new content, older content again, gates on and off, environments gone and back,
//! broken ones, two at once; alone or with somebody else's name on the commit.

use countersign::digest::{Digest, RevisionId};

use super::content::{Content, ENVIRONMENTS, Gates, Setting};
use super::dice::Dice;
use super::drift::DRIFTS;
use super::imports::{BASE, IMPORTER, Import};
use super::people::{PEOPLE, STRANGER};
use super::signed;
use super::window::WINDOWS;
use super::world::World;

const GATES: [Gates; 8] = [
    Gates::Default,
    Gates::Recorded,
    Gates::Own,
    Gates::Off,
    Gates::Idle,
    Gates::Carried,
    Gates::Carried,
    Gates::Signed,
];

/// Something new for an environment that is this now.
fn next(dice: &mut Dice, world: &World, environment: &str) -> Content {
    let now = world.ledger.now(environment);
    let setting = match now {
        Content::Present(setting) => setting,
        _ => Setting::plain(Gates::Default),
    };
    let number = u8::try_from(dice.below(4)).unwrap();
    match dice.below(20) {
        0..7 => Content::Present(Setting { main: number, ..setting }),
        7 => Content::Present(Setting { extra: Some(number), ..setting }),
        9 => Content::Present(Setting { extra: None, ..setting }),
        10..12 => Content::Present(Setting { gates: *dice.pick(&GATES), ..setting }),
        12 => Content::Present(Setting { note: number, ..setting }),
        13 => Content::Absent,
        14 => *dice.pick(&[Content::Broken, Content::Unmarked]),
        15 if dice.percent(50) => Content::Present(Setting { manual: !setting.manual, ..setting }),
        15 => Content::Present(Setting { window: *dice.pick(&WINDOWS), ..setting }),
        8 => Content::Present(Setting { drift: *dice.pick(&DRIFTS), ..setting }),
        16 if environment == IMPORTER => Content::Present(Setting { import: import(dice, world), ..setting }),
        _ => *dice.pick(&world.ledger.ever(environment)),
    }
}

/// Something that can be imported, or that never could.
fn import(dice: &mut Dice, world: &World) -> Import {
    let mut pins: Vec<RevisionId> = world.book.environments[BASE].deployed.keys().copied().collect();
    pins.sort();
    if dice.percent(5) {
        pins = vec![RevisionId(Digest::of("never applied"))];
    }
    match dice.below(4) {
        0 => Import::Nothing,
        1 if !pins.is_empty() => Import::Pinned(*dice.pick(&pins)),
        _ => Import::Follows,
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
    let signature = signed::choose(dice, world, author, &changes);
    world.note(format!("{author} (with {co_author:?}, {signature:?}) pushes {changes:?}"));
    world.change_signed(author, &changes, co_author, signature);
}
