//! Points in time, as they are written in documents.

use jiff::Timestamp;

use super::yaml::Field;

/// A time in whole seconds, UTC, in the one form that reads back as it was written: `2027-06-30T00:00:00Z`.
pub(crate) fn instant(field: &Field<'_>) -> Option<Timestamp> {
    field.formed("a time like `2027-06-30T00:00:00Z`", |text| {
        let time: Timestamp = text.parse().ok()?;
        (time.to_string() == text && time.subsec_nanosecond() == 0).then_some(time)
    })
}
