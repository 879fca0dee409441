//! `countersign verify`: what is proven, what is found, and what rests on the daemon's word.

mod clone;
mod finished;
mod forger;
mod mutation;
mod tamper;
