//! The journal: a branch on which the daemon writes plans, decisions and history, for people and for proof.

pub mod deployment;
pub mod event;
pub mod pages;
pub mod status;
pub mod yaml_out;

pub use deployment::DeploymentDocument;
pub use event::*;
pub use read::{ENTRY, EntryCommit, Journal, JournalError};
pub use status::{LastOutcome, Status, StatusPlan};
pub use yaml_out::to_yaml;
