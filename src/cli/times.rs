//! `--since` and `--until`: points in time, as people type them.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::CliError;
use crate::reconcile::{Clock as _, SystemClock};

/// The two options.
#[derive(Debug, clap::Args)]
pub struct Span {
    /// Only what began at or after this: 2026-01-31, 2026-01-31T12:00:00Z, or 24h ago
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only what began before this
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

/// What they say.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Span {
    /// Reads them.
    ///
    /// # Errors
    /// Where one of them is no time.
    pub fn read(&self) -> Result<Times, CliError> {
        let now = SystemClock.now();
        let read =
            |option: &str, text: &Option<String>| text.as_deref().map(|text| point(option, text, now)).transpose();
        Ok(Times { since: read("--since", &self.since)?, until: read("--until", &self.until)? })
    }
}

impl Times {
    /// Whether a time lies between them.
    pub fn holds(self, time: Timestamp) -> bool {
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time < until)
    }
}

fn point(option: &str, text: &str, now: Timestamp) -> Result<Timestamp, CliError> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    if let Ok(time) = text.parse::<Date>().and_then(|date| date.to_zoned(TimeZone::UTC)) {
        return Ok(time.timestamp());
    }
    if let Ok(ago) = text.parse::<crate::model::Duration>()
        && let Ok(time) = now.checked_sub(std::time::Duration::from(ago))
    {
        return Ok(time);
    }
    Err(CliError::failed(format!("{option}: `{text}` is no time"))
        .hint("2026-01-31 and 2026-01-31T12:00:00Z are UTC; 90s, 15m and 24h count back from now"))
}
