//! Scenarios against the library and the binary, in one test binary.

mod demo;
mod fixtures;
mod formats;
mod init;
mod shell;
mod walkthrough;
