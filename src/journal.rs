//! The journal: a branch on which the daemon writes plans, decisions and history, for people and for proof.

pub mod deployment;
pub mod draft;
pub mod event;
pub mod heartbeat;
pub mod pages;
pub mod read;
pub mod ready;
pub mod status;
pub mod yaml_out;

/// The name and address that commits of the daemon carry as author. It is nobody's address: names in headers prove
/// nothing.
pub const AUTHOR: (&str, &str) = ("countersign", "countersign@invalid");

pub use deployment::{AttemptOutcome, DeploymentDocument, evidence_path};
pub use draft::DraftStatus;
pub use event::*;
pub use heartbeat::Heartbeat;
pub use read::{ENTRY, EntryCommit, Journal, JournalError};
pub use ready::{ReadyMade, ReadyWord};
pub use status::{LastOutcome, Status, StatusCorrections, StatusPlan, Suspender, Suspension};
