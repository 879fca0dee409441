//! A host on which everything is as it was applied: what a world is generated with.

use countersign::model::ServiceKind;
use countersign::object::Objects;
use countersign::plan::files::{action, effect, preview, removes};
use countersign::policy::Permit;
use countersign::services::{Driver, DriverError, ServiceChange, ServicePlan, Settled};

/// Believes what it did, and does nothing.
pub struct Believer;

impl Driver for Believer {
    fn plan(&self, objects: &dyn Objects, change: &ServiceChange) -> Result<ServicePlan, DriverError> {
        let content = change.desired.as_ref().or(change.base.as_ref()).expect("one of both");
        let ServiceKind::Files(files) = &content.service.kind;
        let [base, desired] =
            [&change.base, &change.desired].map(|side| side.as_ref().map(|side| side.files.as_slice()));
        let preview = preview(objects, &files.target, base, desired, &[]);
        let preview = preview.map_err(|error| DriverError::Failed { message: error.to_string() })?;
        let removes = removes(&files.target, base, desired, &[]);
        Ok(ServicePlan { action: action(base, desired), effect: effect(&files.target, desired), preview, removes })
    }

    fn apply(&self, _: &Permit, _: &dyn Objects, _: &ServiceChange) -> Result<(), DriverError> {
        Ok(())
    }

    fn settle(&self, _: &dyn Objects, _: &ServiceChange) -> Result<Settled, DriverError> {
        Ok(Settled::Done)
    }
}
