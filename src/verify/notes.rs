//! What is noted on the way: what is wrong, what is missing here, and what rests on the daemon's word.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::report::ProvenDeployment;
use crate::model::EnvironmentName;
use crate::object::{ObjectError, Oid};

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The entry's sequence; null where the finding is about none.
    pub sequence: Option<u64>,
    /// The journal commit.
    pub commit: Option<Oid>,
    /// The environment it concerns.
    pub environment: Option<EnvironmentName>,
    /// The deployment it concerns.
    pub deployment: Option<u64>,
    /// The file or field, or empty.
    pub place: String,
    /// What is wrong; lower case, no final period.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.environment, self.deployment) {
            (Some(name), Some(number)) => write!(f, "{name} deployment {number}: ")?,
            (Some(name), None) => write!(f, "{name}: ")?,
            _ => {}
        }
        if let (Some(sequence), Some(commit)) = (self.sequence, self.commit) {
            write!(f, "entry {sequence} ({}): ", commit.short())?;
        }
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        f.write_str(&self.what)
    }
}

/// An object that is needed and not here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Missing {
    /// The entry that needs it; null where it is needed to find the entries.
    pub sequence: Option<u64>,
    /// The branch that a fetch may bring it with, where one is known.
    pub branch: Option<String>,
    /// What is missing.
    pub what: String,
}

/// Something that rests on the daemon's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Attested {
    /// When an entry was written, and that the branches were then at the heads it names.
    Times,
    /// How an attempt ended: its result, its message, what came of each service.
    Outcomes,
    /// A preview that differs from the repository's by what was found on the host.
    Previews,
    /// Pages with such a preview, or cut at the operator's limit.
    Pages,
    /// A configuration refused because of the operator's settings or the host.
    Refusals,
    /// Rewritten history, or a journal put back, accepted by an operator.
    Histories,
    /// A policy in force by an operator's pin that is not the reader's.
    Pins,
    /// An alarm about something that is not in the repository.
    Alarms,
    /// What was told of a draft that is gone or was rewritten. Nothing is applied by it.
    Drafts,
    /// A ready-made commit that nobody merged and that went with its branch.
    ReadyMade,
    /// The state folder that a claim names.
    Instances,
    /// That a window was open, or a time had come, when a deployment was claimed.
    Windows,
    /// What was found on a host that had drifted, and that it is as it was applied again.
    Drift,
    /// A deployment found done after an interruption, when it would no longer have been let through.
    Settled,
}

impl Attested {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Times => "times and sights of the branches",
            Self::Outcomes => "outcomes",
            Self::Previews => "previews that depended on the host",
            Self::Pages => "pages that show such a preview or a cut one",
            Self::Refusals => "refusals by settings or host",
            Self::Histories => "histories accepted by an operator",
            Self::Pins => "policies by an operator's pin alone",
            Self::Alarms => "alarms",
            Self::Drafts => "sights of drafts that are gone",
            Self::ReadyMade => "ready-made commits gone unmerged",
            Self::Instances => "state folders that claimed",
            Self::Drift => "sights of hosts that had drifted",
            Self::Windows => "windows and times at which deployments began",
            Self::Settled => "deployments found done after an interruption though no longer approved",
        }
    }
}

/// Everything noted so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes {
    pub findings: Vec<Finding>,
    pub missing: Vec<Missing>,
    pub attested: BTreeMap<Attested, u64>,
    pub deployments: Vec<ProvenDeployment>,
    /// Entries proven, and those only followed.
    pub entries: u64,
    pub followed: u64,
    pub statements: u64,
    /// How often something needed was not here.
    pub unread: u64,
}

impl Notes {
    pub fn attest(&mut self, what: Attested) {
        *self.attested.entry(what).or_default() += 1;
    }

    /// An object that could not be read: missing here, or not what it must be.
    pub fn unreadable(&mut self, sequence: Option<u64>, commit: Option<Oid>, error: &ObjectError) {
        match error {
            ObjectError::Malformed { .. } => self.findings.push(Finding {
                sequence,
                commit,
                environment: None,
                deployment: None,
                place: String::new(),
                what: error.to_string(),
            }),
            ObjectError::Missing { .. } | ObjectError::Store(_) => {
                self.unread += 1;
                let missing = Missing { sequence, branch: None, what: error.to_string() };
                if !self.missing.iter().any(|known| known.what == missing.what) {
                    self.missing.push(missing);
                }
            }
        }
    }
}
