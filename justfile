# `just` alone lists these; `just ci` is what CI runs.

default:
    @just --list

# Format, in place
format:
    cargo fmt

# Everything that must hold
ci:
    .ci/run

# The tests, as the README says
test:
    cargo test --locked

# What it costs, against git in the same run: a table. `just figures 10 1000 10000`
figures *environments:
    cargo bench --locked --bench figures -- {{environments}}

# Lints as CI has them
lint:
    cargo fmt --check
    cargo clippy --locked --all-targets -- -D warnings

# Takes the guards out one by one: the simulation must find each
mutants *guards:
    tests/mutants/run {{guards}}

# The library's documentation
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps

# Licences, bans, sources
deny:
    cargo deny check licenses bans sources

# The main job in a folder to play with
demo:
    cargo run --release -- demo
