//! The real loop in a simulated world, against a model of the promise that was written separately. See `README.md`.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests make worlds, and fail by panicking"
)]

mod again;
mod approver;
mod baton;
mod book;
mod busy;
mod carried;
mod chapter;
mod charter;
mod content;
mod correcting;
mod counts;
mod dice;
mod drafter;
mod drafts;
mod drift;
mod exhaustive;
mod fresh;
mod hands;
mod hearing;
mod hearsay;
mod holds;
mod host;
mod imports;
mod lawmaker;
mod ledger;
mod merger;
mod once;
mod people;
mod process;
mod promise;
mod pusher;
mod quiet;
mod refiner;
mod request;
mod rules;
mod saboteur;
mod schedule;
mod signed;
mod starter;
mod truth;
mod window;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Worlds in memory are made and dropped all the time.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many schedules a plain test run tries: a quarter of an hour on two processors.
const RUNS: u64 = 20_000;

/// How many schedules it tries twice.
const TWICE: u64 = 200;

/// In how many quiet worlds it tries what a status says.
const TRUTHS: u64 = 300;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// Tries every number of a range on all processors, and fails with the lowest that fails.
fn try_all<T: Send>(first: u64, count: u64, attempt: impl Fn(u64) -> Result<T, String> + Sync) -> Vec<T> {
    let next = AtomicU64::new(first);
    let failed = AtomicU64::new(u64::MAX);
    let (done, failures) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    if at >= first + count || at > failed.load(Ordering::SeqCst) {
                        return;
                    }
                    match catch_unwind(AssertUnwindSafe(|| attempt(at))) {
                        Ok(Ok(value)) => done.lock().unwrap().push(value),
                        Ok(Err(why)) => {
                            failed.fetch_min(at, Ordering::SeqCst);
                            failures.lock().unwrap().push((at, why));
                        }
                        Err(panic) => {
                            println!("a panic in number {at}");
                            resume_unwind(panic);
                        }
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    if let Some((_, why)) = failures.into_iter().min() {
        panic!("{why}");
    }
    done.into_inner().unwrap()
}

#[test]
fn the_promise_is_kept_in_every_schedule() {
    let (first, runs) = match number("SIMULATION_SEED") {
        Some(seed) => (seed, number("SIMULATION_RUNS").unwrap_or(1)),
        None => (0, number("SIMULATION_RUNS").unwrap_or(RUNS)),
    };
    let began = Instant::now();
    let mut total = schedule::Tally::default();
    for tally in try_all(first, runs, schedule::run) {
        total.claims += tally.claims;
        total.switches += tally.switches;
        total.corrections += tally.corrections;
        total.drifted += tally.drifted;
        total.redeployed += tally.redeployed;
        total.policies += tally.policies;
        total.entries += tally.entries;
        total.counts.add(tally.counts);
    }
    let took = began.elapsed();
    let last = first + runs.saturating_sub(1);
    let a_minute = f64::from(u32::try_from(runs).unwrap()) * 60.0 / took.as_secs_f64();
    println!("seeds {first} to {last}: {runs} schedules in {took:.1?}, {a_minute:.0} a minute: {total:?}");
}

#[test]
fn what_is_passed_over_would_have_been_left_alone() {
    let first = number("SIMULATION_SEED").unwrap_or(0);
    let runs = number("SIMULATION_TWICE").unwrap_or(if first > 0 { 1 } else { TWICE });
    let began = Instant::now();
    let claims: usize = try_all(first, runs, schedule::run_twice).iter().map(|tally| tally.claims).sum();
    println!("{runs} schedules, each twice, in {:.1?}: {claims} claims", began.elapsed());
}

#[test]
fn what_a_status_says_of_who_could_move_a_plan_is_true() {
    let first = number("SIMULATION_SEED").unwrap_or(0);
    let runs = number("SIMULATION_TRUTHS").unwrap_or(if first > 0 { 1 } else { TRUTHS });
    let began = Instant::now();
    let mut total = truth::Tried::default();
    for tried in try_all(first, runs, truth::run) {
        total.named += tried.named;
        total.excluded += tried.excluded;
        total.nobody += tried.nobody;
        total.held += tried.held;
    }
    println!("{runs} quiet worlds in {:.1?}: {total:?}", began.elapsed());
}

#[test]
fn the_promise_is_kept_whatever_happens_at_any_point_of_a_small_world() {
    let began = Instant::now();
    let worlds = exhaustive::worlds(number("SIMULATION_PAIRS").is_some());
    let count = worlds.len() as u64;
    try_all(0, count, |at| exhaustive::run(&worlds[usize::try_from(at).unwrap()]));
    println!("{count} small worlds in {:?}", began.elapsed());
}
