//! The journal: a branch on which the daemon writes plans, decisions and history, for people and for proof.

pub mod deployment;
pub mod event;
pub mod pages;
pub mod read;
pub mod status;
pub mod yaml_out;

pub use deployment::{AttemptOutcome, DeploymentDocument, evidence_path};
pub use event::*;
pub use read::{ENTRY, EntryCommit, Journal, JournalError};
pub use status::{LastOutcome, Status, StatusPlan};
