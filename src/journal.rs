//! The journal: a branch on which the daemon writes plans, decisions and history, for people and for proof.

pub mod event;

pub use event::*;
