//! Whether deployments may begin at a time: the windows of an environment, read with the time zone database.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use crate::model::{Schedule, Window, WindowKind};

/// How far ahead an opening is looked for, in days.
const AHEAD: i32 = 400;

/// How many windows may follow each other without a gap before that is given up.
const MOST_STEPS: usize = 1_000;

/// Whether a deployment may begin: no deny window is open and, where there are allow windows, one of them is.
pub fn is_open(windows: &[Window], now: Timestamp) -> bool {
    // Gate: a zone that was known when the settings were read and is not now closes everything.
    Windows::read(windows).is_some_and(|windows| windows.is_open(now))
}

/// When a deployment may begin next: now, where it may; `None` where that is not in sight.
pub fn opens(windows: &[Window], now: Timestamp) -> Option<Timestamp> {
    Windows::read(windows)?.opens(now)
}

/// When they next go from closed to open after a time; `None` where that is not in sight.
pub fn next_opening(windows: &[Window], after: Timestamp) -> Option<Timestamp> {
    let windows = Windows::read(windows)?;
    let closed = if windows.is_open(after) { windows.closes(after)? } else { after };
    windows.opens(closed).filter(|at| *at > after)
}

/// When a schedule that is read in a zone comes next after a time; `None` where that is not in sight.
pub fn next_of(schedule: &Schedule, timezone: &str, after: Timestamp) -> Option<Timestamp> {
    Calendar::new(schedule, timezone)?.next(after)
}

/// All windows of an environment, as one question needs them.
struct Windows<'a> {
    allow: Vec<Opening<'a>>,
    deny: Vec<Opening<'a>>,
}

impl<'a> Windows<'a> {
    /// `None` where a time zone is unknown.
    fn read(windows: &'a [Window]) -> Option<Self> {
        let of =
            |kind| -> Option<Vec<_>> { windows.iter().filter(|one| one.kind == kind).map(Opening::read).collect() };
        Some(Self { allow: of(WindowKind::Allow)?, deny: of(WindowKind::Deny)? })
    }

    fn is_open(&self, now: Timestamp) -> bool {
        let is_any = |openings: &[Opening<'_>]| openings.iter().any(|one| one.covering(now).is_some());
        (self.allow.is_empty() || is_any(&self.allow)) && !is_any(&self.deny)
    }

    fn opens(&self, now: Timestamp) -> Option<Timestamp> {
        let mut at = now;
        for _ in 0..MOST_STEPS {
            if self.is_open(at) {
                return Some(at);
            }
            at = match self.deny.iter().filter_map(|one| one.covering(at)).max() {
                Some(end) => end,
                None => self.allow.iter().filter_map(|one| one.calendar.next(at)).min()?,
            };
        }
        None
    }

    /// When a deployment may begin no more, where it may at a time.
    fn closes(&self, now: Timestamp) -> Option<Timestamp> {
        let mut at = now;
        for _ in 0..MOST_STEPS {
            let denied = self.deny.iter().filter_map(|one| one.calendar.next(at)).min();
            let allowed = self.allow.iter().filter_map(|one| one.covering(at)).max();
            at = match (denied, allowed) {
                (Some(denied), Some(allowed)) => denied.min(allowed),
                (one, other) => one.or(other)?,
            };
            if !self.is_open(at) {
                return Some(at);
            }
        }
        None
    }
}

/// A window: when it opens, and for how long.
struct Opening<'a> {
    calendar: Calendar<'a>,
    length: SignedDuration,
    /// On how many days before a time an opening may have begun that still lasts.
    days: i32,
}

impl<'a> Opening<'a> {
    fn read(window: &'a Window) -> Option<Self> {
        let seconds = window.duration.as_seconds();
        Some(Self {
            calendar: Calendar::new(&window.schedule, &window.timezone)?,
            length: SignedDuration::from_secs(i64::try_from(seconds).ok()?),
            // One day more on either side: a clock that is set moves openings across midnight.
            days: i32::try_from(seconds / 86_400).ok()? + 2,
        })
    }

    /// Its end, where it is open at a time: of the opening that ends last.
    fn covering(&self, now: Timestamp) -> Option<Timestamp> {
        let today = self.calendar.date(now);
        (-1..=self.days).find_map(|back| {
            let starts = self.calendar.starts(today.checked_sub(back.days()).ok()?);
            // All openings are equally long, so the one that began last ends last.
            let began = starts.get(starts.partition_point(|start| *start <= now).checked_sub(1)?)?;
            began.checked_add(self.length).ok().filter(|end| now < *end)
        })
    }
}

/// A schedule in a time zone. A search comes back to the same day for every minute of it, so days are kept.
struct Calendar<'a> {
    schedule: &'a Schedule,
    zone: TimeZone,
    days: RefCell<HashMap<Date, Rc<[Timestamp]>>>,
}

impl<'a> Calendar<'a> {
    /// `None` where the time zone is unknown.
    fn new(schedule: &'a Schedule, timezone: &str) -> Option<Self> {
        Some(Self { schedule, zone: TimeZone::get(timezone).ok()?, days: RefCell::default() })
    }

    fn date(&self, now: Timestamp) -> Date {
        self.zone.to_datetime(now).date()
    }

    /// When it comes next after a time.
    fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let today = self.date(now);
        (-1..=AHEAD).find_map(|ahead| {
            let starts = self.starts(today.checked_add(ahead.days()).ok()?);
            starts.get(starts.partition_point(|start| *start <= now)).copied()
        })
    }

    /// The instants at which it begins on a date, in ascending order.
    fn starts(&self, date: Date) -> Rc<[Timestamp]> {
        Rc::clone(self.days.borrow_mut().entry(date).or_insert_with(|| starts(self.schedule, &self.zone, date).into()))
    }
}

/// The instants at which a schedule begins on a date. A time that is skipped when clocks are set forward is taken as much
/// later; of one that comes twice, the first is meant.
fn starts(schedule: &Schedule, zone: &TimeZone, date: Date) -> Vec<Timestamp> {
    let [month, day] = [date.month(), date.day()].map(|n| u32::try_from(n).unwrap_or_default());
    let weekday = u32::try_from(date.weekday().to_sunday_zero_offset()).unwrap_or_default();
    if !schedule.has_date(month, day, weekday) {
        return Vec::new();
    }
    if let Some(midnight) = plain_day(zone, date) {
        let second = |(hour, minute): (u32, u32)| SignedDuration::from_secs(i64::from(hour * 3600 + minute * 60));
        return schedule.times().filter_map(|time| midnight.checked_add(second(time)).ok()).collect();
    }
    let instant = |(hour, minute): (u32, u32)| {
        let time = Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok()?;
        zone.to_ambiguous_timestamp(date.to_datetime(time)).compatible().ok()
    };
    let mut starts: Vec<Timestamp> = schedule.times().filter_map(instant).collect();
    starts.sort();
    starts
}

/// The midnight at which a date begins, where no clock is set on it: nearly always. A schedule may have 1,440 times a day.
fn plain_day(zone: &TimeZone, date: Date) -> Option<Timestamp> {
    let midnight = zone.to_ambiguous_timestamp(date.to_datetime(Time::midnight())).unambiguous().ok()?;
    let end = midnight.checked_add(SignedDuration::from_hours(24)).ok()?;
    let set = zone.following(midnight).next();
    set.is_none_or(|set| set.timestamp() > end).then_some(midnight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Environment;

    fn windows(list: &str) -> Vec<Window> {
        let text = format!(
            "apiVersion: countersign/v1\nkind: Environment\nmetadata: {{ name: prod }}\nspec:\n  deploy:\n    windows:\n{list}  services: []\n"
        );
        Environment::read("f", "prod", text.as_bytes())
            .unwrap_or_else(|problems| panic!("{problems}"))
            .gates
            .deploy
            .windows
    }

    fn deny(schedule: &str, duration: &str) -> String {
        format!("      - {{ kind: deny, schedule: \"{schedule}\", duration: {duration}, timezone: Europe/Berlin }}\n")
    }

    fn allow(schedule: &str, duration: &str) -> String {
        deny(schedule, duration).replace("deny", "allow")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn without_windows_it_is_always_open() {
        assert!(is_open(&[], at("2026-01-01T00:00:00Z")));
    }

    #[test]
    fn the_weekend_is_closed_from_friday_evening_to_monday_morning() {
        let all = windows(&deny("0 18 * * FRI", "62h"));
        // Berlin is one hour ahead in winter: Friday 18:00 is 17:00 UTC, and it ends on Monday at 08:00.
        for (time, open) in [
            ("2026-01-02T16:59:59Z", true),
            ("2026-01-02T17:00:00Z", false),
            ("2026-01-04T12:00:00Z", false),
            ("2026-01-05T06:59:59Z", false),
            ("2026-01-05T07:00:00Z", true),
        ] {
            assert_eq!(is_open(&all, at(time)), open, "{time}");
        }
        assert_eq!(opens(&all, at("2026-01-03T00:00:00Z")), Some(at("2026-01-05T07:00:00Z")));
        assert_eq!(opens(&all, at("2026-01-06T00:00:00Z")), Some(at("2026-01-06T00:00:00Z")));
    }

    #[test]
    fn where_something_is_allowed_nothing_else_is_and_deny_wins() {
        let all = windows(&(allow("0 9 * * MON-FRI", "8h") + &deny("0 12 * * *", "1h")));
        for (time, open) in [
            ("2026-01-05T07:59:59Z", false),
            ("2026-01-05T08:00:00Z", true),
            ("2026-01-05T11:00:00Z", false),
            ("2026-01-05T12:00:00Z", true),
            ("2026-01-05T16:00:00Z", false),
            ("2026-01-10T10:00:00Z", false),
        ] {
            assert_eq!(is_open(&all, at(time)), open, "{time}");
        }
        assert_eq!(opens(&all, at("2026-01-09T16:00:00Z")), Some(at("2026-01-12T08:00:00Z")));
        assert_eq!(opens(&all, at("2026-01-05T11:30:00Z")), Some(at("2026-01-05T12:00:00Z")));
    }

    #[test]
    fn a_window_that_is_skipped_when_clocks_go_forward_opens_as_much_later() {
        // On 2026-03-29 there is no 02:30 in Berlin: it is 03:30 summer time, 01:30 UTC.
        let all = windows(&deny("30 2 * * *", "1h"));
        for (time, open) in [
            ("2026-03-29T01:29:59Z", true),
            ("2026-03-29T01:30:00Z", false),
            ("2026-03-29T02:29:59Z", false),
            ("2026-03-29T02:30:00Z", true),
        ] {
            assert_eq!(is_open(&all, at(time)), open, "{time}");
        }
    }

    #[test]
    fn a_window_at_an_hour_that_comes_twice_opens_once_and_lasts_as_long_as_it_says() {
        // On 2026-10-25 it is 02:30 in Berlin at 00:30 and again at 01:30 UTC.
        let all = windows(&deny("30 2 * * *", "90m"));
        for (time, open) in [
            ("2026-10-25T00:29:59Z", true),
            ("2026-10-25T00:30:00Z", false),
            ("2026-10-25T01:59:59Z", false),
            ("2026-10-25T02:00:00Z", true),
        ] {
            assert_eq!(is_open(&all, at(time)), open, "{time}");
        }
    }

    #[test]
    fn the_next_opening_comes_after_the_next_closing() {
        let all = windows(&(allow("0 9 * * MON-FRI", "8h") + &deny("0 12 * * *", "1h")));
        for (time, opening) in [
            ("2026-01-05T07:00:00Z", "2026-01-05T08:00:00Z"),
            ("2026-01-05T09:00:00Z", "2026-01-05T12:00:00Z"),
            ("2026-01-05T13:00:00Z", "2026-01-06T08:00:00Z"),
            ("2026-01-09T18:00:00Z", "2026-01-12T08:00:00Z"),
        ] {
            assert_eq!(next_opening(&all, at(time)), Some(at(opening)), "{time}");
        }
        assert_eq!(next_opening(&[], at("2026-01-05T07:00:00Z")), None);
    }

    #[test]
    fn a_schedule_comes_next_in_its_own_zone() {
        let schedule = Schedule::parse("*/30 8 * * *").unwrap();
        let next = |time: &str| next_of(&schedule, "Europe/Berlin", at(time));
        assert_eq!(next("2026-01-05T07:00:00Z"), Some(at("2026-01-05T07:30:00Z")));
        assert_eq!(next("2026-01-05T07:30:00Z"), Some(at("2026-01-06T07:00:00Z")));
        assert_eq!(next_of(&schedule, "Mars/Base", at("2026-01-05T07:00:00Z")), None);
    }

    #[test]
    fn days_on_which_no_clock_is_set_are_read_at_once_and_alike() {
        let schedule = Schedule::parse("*/20 * * * *").unwrap();
        // Half an hour of summer time, clocks that are set at midnight, and a day that is missing.
        let zones =
            ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Havana", "Pacific/Apia", "UTC"];
        for zone in zones.map(|name| TimeZone::get(name).unwrap()) {
            let mut plain = 0;
            for day in 0..800 {
                let date = Date::constant(2010, 12, 1).checked_add(day.days()).unwrap();
                let slowly = |(hour, minute): (u32, u32)| {
                    let time = Time::new(hour as i8, minute as i8, 0, 0).unwrap();
                    zone.to_ambiguous_timestamp(date.to_datetime(time)).compatible().unwrap()
                };
                let mut expected: Vec<Timestamp> = schedule.times().map(slowly).collect();
                expected.sort();
                assert_eq!(starts(&schedule, &zone, date), expected, "{zone:?} {date}");
                plain += usize::from(plain_day(&zone, date).is_some());
            }
            assert!(plain > 700, "{zone:?}: {plain}");
        }
    }

    #[test]
    fn an_opening_that_is_nowhere_in_sight_is_none() {
        let never = windows(&deny("* * * * *", "2m"));
        assert_eq!(opens(&never, at("2026-01-01T00:00:00Z")), None);
        // Long ones that overlap are one.
        let long = windows(&(deny("0 0 1 1 *", "720h") + &deny("0 0 20 1 *", "480h")));
        assert_eq!(opens(&long, at("2026-01-02T00:00:00Z")), Some(at("2026-02-08T23:00:00Z")));
    }
}
