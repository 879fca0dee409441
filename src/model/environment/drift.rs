//! How the host is looked at between deployments: `drift` in `environment.yaml`.

use serde::Serialize;

use super::deploy::timezone;
use super::schedule::{Schedule, schedule};
use crate::model::yaml::Field;

/// `drift`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// When the host is looked at.
    pub schedule: Schedule,
    /// The IANA name of the zone in which the schedule is read.
    pub timezone: String,
    /// Whether what was approved last is applied again by itself; otherwise that becomes a plan.
    pub correct: bool,
}

/// Reads `drift`.
pub(super) fn drift(field: &Field<'_>) -> Option<Drift> {
    let fields = field.fields(&["schedule", "timezone", "correct"])?;
    let schedule = fields.required("schedule").and_then(|text| schedule(&text));
    let timezone = fields.or("timezone", "UTC".to_owned(), timezone);
    let correct = fields.or("correct", false, Field::boolean);
    Some(Drift { schedule: schedule?, timezone: timezone?, correct: correct? })
}

impl Drift {
    /// In words: ``looked at `*/30 * * * *` UTC, corrected``.
    pub fn in_words(&self) -> String {
        let then = if self.correct { "corrected" } else { "planned" };
        format!("looked at `{}` {}, {then}", self.schedule, self.timezone)
    }
}
