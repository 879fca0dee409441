//! What is to become of one service, and what a driver would do about it.

use std::collections::BTreeSet;

use super::Action;
use super::preview::Preview;
use crate::digest::Digest;
use crate::model::{EnvironmentName, Service, ServiceName};
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
    /// What it takes away, each thing by a name that no other has: a target as a whole, a file, something found on the
    /// host with what it is. Fit to be shown.
    pub removes: BTreeSet<String>,
}
