//! Countersign applies a change to an environment only once the people its policy names have countersigned *exactly
//! that change*.
//!
//! # The map of the house
//!
//! Data flows one way, and nothing on the right of this picture is imported by anything on its left:
//!
//! ```text
//! git ──trees──> model ──> revision ─┐
//!  └──commits──> evidence ───────────┼─> plan ──> lifecycle ──> reconcile ──> services, journal, git
//! journal ───────────────────────────┘   policy ──────┘
//! ```
//!
//! The rooms on the way to a decision ([`model`], [`evidence`], [`revision`], [`plan`], [`policy`], [`lifecycle`]) are
//! pure: values in, values out; no clock, no environment variable, no file, no randomness. [`verify`] walks the same
//! rooms from the journal alone.
#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        clippy::expect_used,
        clippy::panic,
        clippy::unwrap_used,
        reason = "tests make worlds, and fail by panicking"
    )
)]

#[expect(clippy::disallowed_methods, reason = "the command line is where files, environment and programs are met")]
pub mod cli;
pub mod digest;
#[expect(clippy::disallowed_methods, reason = "the seam to the state folder")]
pub mod disk;
pub mod evidence;
pub mod few;
#[expect(clippy::disallowed_methods, reason = "the seam to git")]
pub mod git;
pub mod journal;
pub mod lifecycle;
mod memo;
pub mod model;
pub mod object;
mod parallel;
pub mod plan;
pub mod policy;
pub mod reconcile;
pub mod revision;
pub mod schema;
#[expect(clippy::disallowed_methods, reason = "drivers touch the world")]
pub mod services;
#[expect(clippy::disallowed_methods, reason = "the operator's file is read here")]
pub mod settings;
pub mod text;
mod uses;
pub mod verify;
pub mod windows;
