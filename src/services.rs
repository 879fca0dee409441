//! One file per kind of service behind one trait. A driver looks at what is there, says what it would do, and does it.

pub mod files;

use crate::digest::Digest;
use crate::model::{EnvironmentName, Service, ServiceName};
use crate::object::Objects;
use crate::plan::Action;
use crate::plan::preview::Preview;
use crate::policy::Permit;
use crate::revision::InputFile;

/// A service together with the files it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceContent {
    /// What the environment says of it.
    pub service: Service,
    /// Its files; `path` is relative to the service's own folder here. In path order.
    pub files: Vec<InputFile>,
}

/// What is to become of one service: from what was applied last to what is desired. One of the two is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceChange {
    /// The environment.
    pub environment: EnvironmentName,
    /// The service.
    pub name: ServiceName,
    /// As the last deployment left it; `None` where there was none or its target was another.
    pub base: Option<ServiceContent>,
    /// As it shall be; `None` where it is to be destroyed.
    pub desired: Option<ServiceContent>,
}

/// What a driver would do: complete, so that applying it needs no further choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePlan {
    /// In one word.
    pub action: Action,
    /// The digest of exactly what is set.
    pub effect: Digest,
    /// What people read.
    pub preview: Preview,
}

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

/// A kind of service.
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
