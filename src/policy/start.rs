//! What a deployment waits for beside approvals.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::PersonName;

/// Everything but approvals that decides whether a deployment may start, or go on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Start {
    /// Whose suspensions stand.
    pub suspended_by: Vec<PersonName>,
    /// Who closed it while it was running.
    pub closed_by: Option<PersonName>,
}

/// One thing that keeps a deployment from starting although everything asked for was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Hold {
    /// The environment is suspended.
    Suspended {
        /// By whom.
        by: Vec<PersonName>,
    },
    /// The change was closed.
    Closed {
        /// By whom.
        by: PersonName,
    },
}

impl Start {
    /// What holds it, if anything does.
    pub fn hold(&self) -> Option<Hold> {
        if let Some(by) = &self.closed_by {
            return Some(Hold::Closed { by: by.clone() });
        }
        let by = &self.suspended_by;
        (!by.is_empty()).then(|| Hold::Suspended { by: by.clone() })
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Suspended { by } => {
                let by: Vec<String> = by.iter().map(ToString::to_string).collect();
                write!(f, "suspended by {}", by.join(", "))
            }
            Self::Closed { by } => write!(f, "closed by {by}"),
        }
    }
}
