//! Scenarios against the library and the binary, in one test binary.

mod approvals;
mod clones;
mod fixtures;
mod gates;
mod house;
mod lifecycle;
mod remote;
mod replay;
mod shown;
mod statements;
mod targets;
mod world;
