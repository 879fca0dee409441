//! The real loop in a simulated world, against a model of the promise that was written separately. See `README.md`.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests make worlds, and fail by panicking"
)]

mod approver;
mod baton;
mod book;
mod content;
mod dice;
mod exhaustive;
mod host;
mod ledger;
mod people;
mod process;
mod promise;
mod pusher;
mod rules;
mod saboteur;
mod schedule;
mod world;

use std::time::Instant;

/// How many schedules a plain test run tries.
const RUNS: u64 = 400;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

#[test]
fn the_promise_is_kept_in_every_schedule() {
    let (first, runs) = match number("SIMULATION_SEED") {
        Some(seed) => (seed, number("SIMULATION_RUNS").unwrap_or(1)),
        None => (0, number("SIMULATION_RUNS").unwrap_or(RUNS)),
    };
    let began = Instant::now();
    let mut total = schedule::Tally::default();
    for seed in first..first + runs {
        let tally = schedule::run(seed).unwrap_or_else(|why| panic!("{why}"));
        total.claims += tally.claims;
        total.switches += tally.switches;
        total.entries += tally.entries;
    }
    println!("{runs} schedules in {:?}: {total:?}", began.elapsed());
}

#[test]
fn the_promise_is_kept_whatever_happens_at_any_point_of_a_small_world() {
    let began = Instant::now();
    let worlds = exhaustive::try_all(number("SIMULATION_STRIDE").and_then(|stride| usize::try_from(stride).ok()));
    println!("{worlds} small worlds in {:?}", began.elapsed());
}
