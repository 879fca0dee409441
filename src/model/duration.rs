//! Durations, as they are written in documents: `90s`, `15m`, `24h`.

use std::fmt;
use std::str::FromStr;
use std::time;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A duration of at least a second, which remembers the unit it was written in: `2h` and `120m` are different texts
/// in a signed statement.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration {
    amount: u32,
    unit: Unit,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Unit {
    Seconds,
    Minutes,
    Hours,
}

/// Why a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a duration like `90s`, `15m` or `24h`")]
pub struct DurationError;

impl Duration {
    /// So many seconds; at least one.
    pub const fn from_seconds(amount: std::num::NonZeroU32) -> Self {
        Self { amount: amount.get(), unit: Unit::Seconds }
    }

    /// In seconds.
    pub fn as_seconds(self) -> u64 {
        let seconds = match self.unit {
            Unit::Seconds => 1,
            Unit::Minutes => 60,
            Unit::Hours => 3600,
        };
        u64::from(self.amount) * seconds
    }
}

impl From<Duration> for time::Duration {
    fn from(duration: Duration) -> Self {
        Self::from_secs(duration.as_seconds())
    }
}

impl FromStr for Duration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = match &text[digits.len()..] {
            "s" => Unit::Seconds,
            "m" => Unit::Minutes,
            "h" => Unit::Hours,
            _ => return Err(DurationError),
        };
        let canonical = !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
        let amount = digits.parse().ok().filter(|_| canonical).ok_or(DurationError)?;
        Ok(Self { amount, unit })
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Seconds => 's',
            Unit::Minutes => 'm',
            Unit::Hours => 'h',
        };
        write!(f, "{}{unit}", self.amount)
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl fmt::Debug for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_read_and_written_the_same() {
        for (text, seconds) in [("1s", 1), ("90s", 90), ("15m", 900), ("24h", 86400), ("120m", 7200)] {
            let duration: Duration = text.parse().unwrap();
            assert_eq!((duration.as_seconds(), duration.to_string()), (seconds, text.to_owned()));
        }
        assert_ne!("2h".parse::<Duration>(), "120m".parse::<Duration>());
    }

    #[test]
    fn other_forms_are_no_durations() {
        for text in
            ["", "s", "0s", "01s", "-1s", "+1s", "1", "1d", "1.5h", "1h30m", "1 h", "1ms", "4294967296s", "１s", "é"]
        {
            assert_eq!(text.parse::<Duration>(), Err(DurationError), "{text}");
        }
    }
}
