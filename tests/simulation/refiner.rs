//! People who go on working on a change that others approved already, where approvals carry over: mostly a little and by the
//! same hands; sometimes so that nothing may be carried.

use countersign::model::ApprovalVerdict;

use super::carried::Verdict;
use super::content::{Content, ENVIRONMENTS, Gates, Setting};
use super::dice::Dice;
use super::promise::left;
use super::signed::{self, Signature};
use super::world::World;

/// An environment whose open plan somebody approved, and whose rules carry that over.
fn approved(world: &World) -> Option<(&'static str, Setting)> {
    ENVIRONMENTS.into_iter().find_map(|name| {
        let Content::Present(setting) = world.ledger.now(name) else { return None };
        let book = &world.book.environments[name];
        let carries = |content: Content| content.gates() == Some(Gates::Carried);
        let current = book.current()?;
        // Whoever goes on has seen what was pushed before, and that it is approved.
        let is_seen = world.ledger.content(current.commit, name) == Content::Present(setting);
        let approves = |word: &Verdict| (word.plan, word.verdict) == (current.plan, ApprovalVerdict::Approve);
        let is_approved = is_seen && book.verdicts.iter().any(approves);
        (is_approved && (carries(Content::Present(setting)) || carries(left(book, &world.ledger, name))))
            .then_some((name, setting))
    })
}

/// Gives whether there was anything to go on with.
pub fn refine(dice: &mut Dice, world: &mut World) -> bool {
    let Some((name, setting)) = approved(world) else { return false };
    let book = &world.book.environments[name];
    let published = book.current().unwrap();
    let deeds = world.deeds(name, published, world.config_tip());
    let hands: Vec<&str> = deeds.iter().flat_map(|deed| deed.hands.iter().copied()).collect();
    let mut author = *hands.last().unwrap_or(&"dave");
    let number = (setting.main + 1) % 4;
    let mut next = Setting { main: number, ..setting };
    match dice.below(20) {
        0 => author = *dice.pick(&["alice", "bob", "dave"]),
        1 => next.extra = if setting.extra.is_some() { None } else { Some(number) },
        2 | 6 | 7 => next = Setting { extra: None, ..next },
        3 => next.manual = !setting.manual,
        4 => next.gates = *dice.pick(&[Gates::Carried, Gates::Default, Gates::Own]),
        5 => {
            if let Content::Present(ever) = *dice.pick(&world.ledger.ever(name)) {
                next = ever;
            }
        }
        _ => {}
    }
    let changes = [(name, Content::Present(next))];
    // That nobody signed until now, and that somebody does, makes other contributors of the same people.
    let mut signature = signed::choose(dice, world, author, &changes);
    if dice.percent(90) && deeds_are_unsigned(world, name) {
        signature = Signature::None;
    }
    world.note(format!("{author} goes on ({signature:?}) with {changes:?}"));
    world.change_signed(author, &changes, None, signature);
    true
}

fn deeds_are_unsigned(world: &World, name: &str) -> bool {
    let published = world.book.environments[name].current().unwrap();
    let deeds = world.deeds(name, published, world.config_tip());
    deeds.iter().all(|deed| deed.signatures.iter().all(Option::is_none))
}
