//! One file per kind of service behind one trait. A driver looks at what is there, says what it would do, and does it.

pub mod files;

use crate::object::Objects;
pub use crate::plan::{ServiceChange, ServiceContent, ServicePlan};
use crate::policy::Permit;

/// What a driver sees when it looks again at a service whose apply may have been interrupted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// It is exactly as the plan sets it.
    Done,
    /// It is exactly as it was before.
    Untouched,
    /// Neither, or it cannot be told.
    Unknown {
        /// What is seen.
        what: String,
    },
}

/// Why a driver could not plan, look or apply. The text is for people and contains nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DriverError {
    /// The change cannot be made as it is written: the environment is Invalid until somebody mends it.
    #[error("{message}")]
    Invalid {
        /// What is wrong and what to do.
        message: String,
    },
    /// The effect failed; what was there before is still there.
    #[error("{message}")]
    Failed {
        /// What happened and what to do.
        message: String,
    },
    /// The effect failed and it is not known what is there now.
    #[error("{message}")]
    Unknown {
        /// What happened and what to do.
        message: String,
    },
}

/// A kind of service. Independent services of an environment are planned and applied at the same time.
pub trait Driver {
    /// What applying this change would do, given what is there now.
    ///
    /// # Errors
    /// [`DriverError::Invalid`] where it cannot be done as written.
    fn plan(&self, objects: &dyn Objects, change: &ServiceChange) -> Result<ServicePlan, DriverError>;

    /// Does it. `permit` is the proof that the gate let it through.
    ///
    /// # Errors
    /// [`DriverError::Failed`] or [`DriverError::Unknown`].
    fn apply(&self, permit: &Permit, objects: &dyn Objects, change: &ServiceChange) -> Result<(), DriverError>;

    /// Looks whether an interrupted apply of this change was done.
    ///
    /// # Errors
    /// Where it cannot look; then the outcome is unknown.
    fn settle(&self, objects: &dyn Objects, change: &ServiceChange) -> Result<Settled, DriverError>;
}
