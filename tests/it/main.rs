//! Scenarios against the library and the binary, in one test binary.

mod fixtures;
mod house;
