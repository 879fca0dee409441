//! Scenarios against the library and the binary, in one test binary.

mod approvals;
mod fixtures;
mod gates;
mod house;
mod lifecycle;
mod replay;
mod world;
