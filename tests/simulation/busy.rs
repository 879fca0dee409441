//! A busy day: people do something, and a daemon mostly comes to the end of its round before they do the next thing. So
//! approvals are heard while they matter, and more is deployed than in an hour in which everybody moves a little.

use super::baton::{Call, Order, Point};
use super::dice::Dice;
use super::schedule::{Climate, jump, meanwhile, rarely, speak, step};
use super::world::World;
use super::{pusher, refiner, starter};

pub fn live(dice: &mut Dice, world: &mut World, climate: &Climate) -> Result<(), String> {
    for _ in 0..14 + dice.below(20) {
        happen(dice, world, climate);
        rarely(dice, world, climate)?;
        match dice.below(10) {
            0..7 => round(dice, world, climate)?,
            7 | 8 => step(dice, world, climate)?,
            _ => jump(dice, world),
        }
        world.check()?;
    }
    Ok(())
}

/// Somebody does something.
fn happen(dice: &mut Dice, world: &mut World, climate: &Climate) {
    if dice.percent(climate.work) && refiner::refine(dice, world) || dice.percent(30) && starter::start(dice, world) {
        return;
    }
    if dice.percent(12) {
        pusher::push(dice, world);
    } else {
        speak(dice, world, climate);
    }
}

/// A daemon goes on to the end of its round; where others can see what it did, something may happen.
fn round(dice: &mut Dice, world: &mut World, climate: &Climate) -> Result<(), String> {
    let at = dice.below(world.processes.len());
    loop {
        match world.processes[at].point() {
            Point::Gone => return step(dice, world, climate),
            Point::Idle => {}
            _ if dice.percent(climate.faults + climate.crashes) => return step(dice, world, climate),
            _ if dice.percent(10) => happen(dice, world, climate),
            Point::After(Call::Push) if dice.percent(12) => meanwhile(dice, world, climate),
            _ => {}
        }
        if world.order(at, Order::Go(usize::MAX))? == Point::Idle {
            return Ok(());
        }
    }
}
