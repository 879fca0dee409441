//! What Countersign costs, against git itself in the same run: one table.
//!
//!     cargo bench --bench figures -- 10 1000 10000
//!
//! Each argument is a number of environments (10 without any). `--deployments N` gives each of them a longer past.
//! `--worlds FOLDER` keeps generated worlds there and takes those that are; `--only WORDS` measures the rows alone whose
//! names contain these words, `--pressure` puts them under all the pressure that there is. `--soak MINUTES` lets a daemon
//! run that long on one world, at speed. Nothing is asserted about time.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    reason = "benches make worlds, and fail by panicking"
)]

mod daemon;
mod host;
mod kept;
mod measure;
mod people;
mod people_do;
mod pressure;
mod rows;
mod server;
mod soak;
mod world;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use countersign::reconcile::Daemon;
use pressure::Pressure;
use rows::Row;
use world::{Size, World, generate};

/// The program's own.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let after = |flag: &str| {
        let at = arguments.iter().position(|argument| argument == flag)?;
        arguments.get(at + 1).cloned()
    };
    let number = |text: String| text.parse::<usize>().unwrap_or_else(|_| panic!("{text} is no number"));
    let deployments = after("--deployments").map_or(1, number);
    let worlds = after("--worlds").map(PathBuf::from);
    let only = after("--only").unwrap_or_default();
    let pressure = arguments.iter().any(|argument| argument == "--pressure");
    let pressure = if pressure { Pressure::FULL } else { Pressure::SMALL };
    let soak = after("--soak").map(number);
    let sizes = arguments.iter().enumerate().filter(|(at, _)| *at == 0 || !arguments[at - 1].starts_with("--"));
    let mut sizes: Vec<usize> = sizes.filter_map(|(_, argument)| argument.parse().ok()).collect();
    if sizes.is_empty() {
        sizes.push(10);
    }
    for environments in sizes {
        let size = Size { environments, files: 10, deployments, seed: 7 };
        let temporary = tempfile::Builder::new().prefix("figures").tempdir().expect("a folder");
        let world = match &worlds {
            Some(worlds) => kept(worlds, size),
            None => generated(temporary.path(), size),
        };
        match soak {
            Some(minutes) => soak::run(&world, minutes),
            None => print(&measure(&world, &only, pressure)),
        }
    }
}

fn generated(folder: &Path, size: Size) -> World {
    let begun = Instant::now();
    let world = generate(folder, size);
    eprintln!("generated {} environments in {:.1} s", size.environments, begun.elapsed().as_secs_f64());
    world
}

/// A world as it was when it was generated, in its own folder: what an earlier run left there is removed.
fn kept(worlds: &Path, size: Size) -> World {
    let folder = worlds.join(format!("{}x{}", size.environments, size.deployments));
    let first = folder.join("first.git");
    let world = if first.exists() {
        for entry in fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry")) {
            match entry.file_name().to_str() {
                Some("first.git" | "journal.key" | "settings.yaml") => {}
                _ if entry.path().is_dir() => fs::remove_dir_all(entry.path()).expect("removed"),
                _ => fs::remove_file(entry.path()).expect("removed"),
            }
        }
        fs::create_dir(folder.join("srv")).expect("a folder");
        World::at(&folder, size)
    } else {
        fs::create_dir_all(&folder).expect("a folder");
        let world = generated(&folder, size);
        fs::rename(world.remote(), &first).expect("renamed");
        world
    };
    world::git(&folder, &["clone", "--quiet", "--mirror", "first.git", "remote.git"]);
    world
}

/// One row, or several of a kind.
type Measured<'m> = (&'static str, Box<dyn FnMut(&mut Daemon) -> Vec<Row> + 'm>);

fn measure(world: &World, only: &str, pressure: Pressure) -> Vec<Row> {
    let at_rest: [(&str, &dyn Fn() -> Row); 3] = [
        ("signatures", &|| rows::signatures(world)),
        ("proof", &|| rows::proof(world)),
        ("first start", &|| rows::first_start(world, 1)),
    ];
    let mut rows = Vec::new();
    let mut add = |row: Row| {
        eprintln!("  {}: {} | {} | {}", row.what, row.ours, row.against, row.figure);
        rows.push(row);
    };
    let is_wanted = |name: &str| name.contains(only);
    for (_, row) in at_rest.iter().filter(|(name, _)| is_wanted(name)) {
        add(row());
    }
    let mut living: Vec<Measured<'_>> = vec![
        ("idle", Box::new(|daemon| vec![rows::idle(world, daemon, 21)])),
        ("ssh", Box::new(|_| rows::idle_ssh(world, 11))),
        ("push", Box::new(|daemon| vec![rows::push(world, daemon, 9)])),
        ("growth", Box::new(|_| vec![rows::growth(world)])),
        ("approval", Box::new(|daemon| vec![rows::approved(world, daemon, 5)])),
        ("commands", Box::new(|_| rows::commands(world, 5))),
        ("everything", Box::new(|daemon| vec![rows::everything(world, daemon)])),
        ("pressure of pushes", Box::new(|daemon| pressure::pushes(world, daemon, pressure))),
        ("pressure of statements", Box::new(|daemon| pressure::statements(world, daemon, pressure))),
        ("pressure of files", Box::new(|daemon| pressure::files(world, daemon, pressure))),
        ("pressure of size", Box::new(|daemon| pressure::large(world, daemon, pressure))),
        ("pressure of branches", Box::new(|daemon| pressure::branches(world, daemon, pressure))),
    ];
    living.retain(|(name, _)| is_wanted(name));
    if !living.is_empty() {
        let mut daemon = world.local_daemon("state/world");
        daemon.settle().expect("settled");
        for (_, measured) in &mut living {
            measured(&mut daemon).into_iter().for_each(&mut add);
        }
    }
    if is_wanted("memory") {
        add(rows::idle_memory(world));
    }
    rows
}

fn print(rows: &[Row]) {
    println!("| what | Countersign | against, same run | figure | to reach |\n| --- | --- | --- | --- | --- |");
    for row in rows {
        println!("| {} | {} | {} | {} | {} |", row.what, row.ours, row.against, row.figure, row.to_reach);
    }
}
