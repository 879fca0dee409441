//! Scenarios against the library and the binary, in one test binary.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests make worlds, and fail by panicking"
)]

mod demo;
mod fixtures;
mod house;
mod init;
mod shell;
mod walkthrough;
