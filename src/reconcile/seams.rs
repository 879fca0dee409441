//! The seams that are not defined elsewhere: the clock, and the drivers by type.

use jiff::Timestamp;

use crate::model::ServiceKind;
use crate::services::Driver;

/// What time it is.
pub trait Clock {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the loop's time comes from")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A driver for each type of service.
pub struct Drivers {
    /// `files`.
    pub files: Box<dyn Driver + Send + Sync>,
}

impl Drivers {
    /// The driver of a service.
    pub fn of(&self, kind: &ServiceKind) -> &(dyn Driver + Send + Sync) {
        match kind {
            ServiceKind::Files(_) => self.files.as_ref(),
        }
    }
}
