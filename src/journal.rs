//! The journal: a branch on which the daemon writes plans, decisions and history, for people and for proof.

pub mod event;
pub mod read;
pub mod status;

pub use event::*;
pub use read::{ENTRY, EntryCommit, Journal, JournalError};
pub use status::{LastOutcome, Status, StatusPlan};
