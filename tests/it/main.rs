//! Scenarios against the library and the binary, in one test binary.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests make worlds, and fail by panicking"
)]

mod alarms;
mod approvals;
mod carried;
mod client;
mod clones;
mod content;
mod crashes;
mod demo;
mod deploy_merges;
mod deploys;
mod drafts;
mod drift;
mod examples;
mod fixtures;
mod fleet;
mod formats;
mod gates;
mod goes_on;
mod governance;
mod governance_requests;
mod house;
mod init;
mod lifecycle;
mod pages;
mod redeploys;
mod remote;
mod replay;
mod requests;
mod rollbacks;
mod schema;
mod shell;
mod shown;
mod signed;
mod statements;
mod tampered;
mod targets;
mod verify;
mod world;
