//! How an environment's deployments start, and when: `deploy` in `environment.yaml`.

use serde::Serialize;

use super::schedule::{Schedule, schedule};
use crate::model::Duration;
use crate::model::yaml::Field;

/// `deploy`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Deploy {
    /// Who starts a deployment.
    pub mode: DeployMode,
    /// When one may begin.
    pub windows: Vec<Window>,
}

/// Who starts a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeployMode {
    /// It starts as soon as its rules are met.
    #[default]
    Auto,
    /// Somebody with `deploy` starts it.
    Manual,
}

/// An entry of `windows`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Window {
    /// What it does while it is open.
    pub kind: WindowKind,
    /// When it begins.
    pub schedule: Schedule,
    /// How long it stays open each time.
    pub duration: Duration,
    /// The IANA name of the zone in which the schedule is read.
    pub timezone: String,
}

/// What a window does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WindowKind {
    /// Deployments may begin in it; where there is one, only in one.
    Allow,
    /// None may.
    Deny,
}

/// The longest a window stays open: longer ones would never close.
const LONGEST: u64 = 366 * 24 * 3600;

/// Reads `deploy`.
pub(super) fn deploy(field: &Field<'_>) -> Option<Deploy> {
    let fields = field.fields(&["mode", "windows"])?;
    let mode = fields
        .or("mode", DeployMode::Auto, |mode| mode.word(&[("auto", DeployMode::Auto), ("manual", DeployMode::Manual)]));
    let windows =
        fields.or("windows", Vec::new(), |list| crate::model::yaml::all(list.list()?.iter().map(window).collect()));
    Some(Deploy { mode: mode?, windows: windows? })
}

fn window(field: &Field<'_>) -> Option<Window> {
    let fields = field.fields(&["kind", "schedule", "duration", "timezone"])?;
    let kind =
        fields.required("kind").and_then(|kind| kind.word(&[("allow", WindowKind::Allow), ("deny", WindowKind::Deny)]));
    let schedule = fields.required("schedule").and_then(|text| schedule(&text));
    let duration = fields.required("duration").and_then(|duration| {
        let read: Duration = duration.parsed()?;
        if read.as_seconds() > LONGEST {
            duration.complain("expected at most 366 days: a longer window would never close");
            return None;
        }
        Some(read)
    });
    let timezone = fields.required("timezone").and_then(|zone| timezone(&zone));
    Some(Window { kind: kind?, schedule: schedule?, duration: duration?, timezone: timezone? })
}

pub(super) fn timezone(field: &Field<'_>) -> Option<String> {
    field.formed("an IANA time zone like `Europe/Berlin` or `UTC`", |text| {
        // Only the names of the database: what else a library takes for a zone differs from host to host.
        let is_name = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-' | b'+'));
        (is_name && jiff::tz::TimeZone::get(text).is_ok()).then(|| text.to_owned())
    })
}

impl Window {
    /// In words: ``deny `0 18 * * FRI` for 62h Europe/Berlin``.
    pub fn in_words(&self) -> String {
        let kind = match self.kind {
            WindowKind::Allow => "allow",
            WindowKind::Deny => "deny",
        };
        format!("{kind} `{}` for {} {}", self.schedule, self.duration, self.timezone)
    }
}
