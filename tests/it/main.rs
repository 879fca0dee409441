//! Scenarios against the library and the binary, in one test binary.

mod approvals;
mod fixtures;
mod house;
mod world;
