//! What Countersign costs, against git itself in the same run: one table.
//!
//!     cargo bench --bench figures -- 10 1000 10000
//!
//! Each argument is a number of environments (10 without any). `--deployments N` gives each of them a longer past,
//! `--keep` leaves the folder. Nothing is asserted about time.
#![allow(clippy::disallowed_methods, clippy::expect_used, reason = "benches make worlds, and fail by panicking")]

mod daemon;
mod host;
mod kept;
mod measure;
mod people;
mod people_do;
mod rows;
mod world;

use std::time::Instant;

use rows::Row;
use world::{Size, World, generate};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_set = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let after = |flag: &str| {
        let at = arguments.iter().position(|argument| argument == flag)?;
        arguments.get(at + 1)?.parse::<usize>().ok()
    };
    let deployments = after("--deployments").unwrap_or(1);
    let mut sizes: Vec<usize> = arguments
        .iter()
        .enumerate()
        .filter(|(at, _)| *at == 0 || !arguments[at - 1].starts_with("--"))
        .filter_map(|(_, argument)| argument.parse().ok())
        .collect();
    if sizes.is_empty() {
        sizes.push(10);
    }
    for environments in sizes {
        let folder = tempfile::Builder::new().prefix("figures").tempdir().expect("a folder");
        let size = Size { environments, files: 10, deployments, seed: 7 };
        let begun = Instant::now();
        let world = generate(folder.path(), size);
        eprintln!("generated {environments} environments in {:.1} s", begun.elapsed().as_secs_f64());
        print(&measure(&world));
        if is_set("--keep") {
            println!("\nkept: {}", folder.keep().display());
        }
    }
}

fn measure(world: &World) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |row: Row| {
        eprintln!("  {}: {} | {} | {}", row.what, row.ours, row.against, row.figure);
        rows.push(row);
    };
    add(rows::signatures(world));
    add(rows::proof(world));
    add(rows::first_start(world, 1));
    let mut daemon = world.local_daemon("state/world");
    daemon.settle().expect("settled");
    add(rows::idle(world, &mut daemon, 21));
    add(rows::push(world, &mut daemon, 9).0);
    add(rows::growth(world));
    add(rows::approved(world, &mut daemon, 5));
    rows::commands(world, 5).into_iter().for_each(&mut add);
    add(rows::everything(world, &mut daemon));
    drop(daemon);
    add(rows::idle_memory(world));
    rows
}

fn print(rows: &[Row]) {
    println!("| what | Countersign | against, same run | figure | to reach |\n| --- | --- | --- | --- | --- |");
    for row in rows {
        println!("| {} | {} | {} | {} | {} |", row.what, row.ours, row.against, row.figure, row.to_reach);
    }
}
