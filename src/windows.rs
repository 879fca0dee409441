//! Whether deployments may begin at a time: the windows of an environment, read with the time zone database.

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
    if windows.iter().any(|one| zone(one).is_none()) {
        return false;
    }
    let open = |kind: WindowKind| windows.iter().any(|one| one.kind == kind && covering(one, now).is_some());
    let allowed = open(WindowKind::Allow) || !windows.iter().any(|one| one.kind == WindowKind::Allow);
    allowed && !open(WindowKind::Deny)
}

/// When a deployment may begin next: now, where it may; `None` where that is not in sight.
pub fn opens(windows: &[Window], now: Timestamp) -> Option<Timestamp> {
    let mut at = now;
    for _ in 0..MOST_STEPS {
        if is_open(windows, at) {
            return Some(at);
        }
        let denied = windows.iter().filter(|one| one.kind == WindowKind::Deny).filter_map(|one| covering(one, at));
        at = match denied.max() {
            Some(end) => end,
            None => windows.iter().filter(|one| one.kind == WindowKind::Allow).filter_map(|one| next(one, at)).min()?,
        };
    }
    None
}

/// When they next go from closed to open after a time; `None` where that is not in sight.
pub fn next_opening(windows: &[Window], after: Timestamp) -> Option<Timestamp> {
    let closed = if is_open(windows, after) { closes(windows, after)? } else { after };
    opens(windows, closed).filter(|at| *at > after)
}

/// When a deployment may begin no more, where it may at a time.
fn closes(windows: &[Window], now: Timestamp) -> Option<Timestamp> {
    let mut at = now;
    for _ in 0..MOST_STEPS {
        let denied = windows.iter().filter(|one| one.kind == WindowKind::Deny).filter_map(|one| next(one, at)).min();
        let allowed =
            windows.iter().filter(|one| one.kind == WindowKind::Allow).filter_map(|one| covering(one, at)).max();
        at = match (denied, allowed) {
            (Some(denied), Some(allowed)) => denied.min(allowed),
            (one, other) => one.or(other)?,
        };
        if !is_open(windows, at) {
            return Some(at);
        }
    }
    None
}

/// When a schedule that is read in a zone comes next after a time; `None` where that is not in sight.
pub fn next_of(schedule: &Schedule, timezone: &str, after: Timestamp) -> Option<Timestamp> {
    next_start(schedule, &TimeZone::get(timezone).ok()?, after)
}

/// The end of the window, where it is open at a time: of the opening that ends last.
fn covering(window: &Window, now: Timestamp) -> Option<Timestamp> {
    let zone = zone(window)?;
    let length = SignedDuration::from_secs(i64::try_from(window.duration.as_seconds()).ok()?);
    let today = zone.to_datetime(now).date();
    // One day more on either side: a clock that is set moves openings across midnight.
    let days = i32::try_from(window.duration.as_seconds() / 86_400).ok()? + 2;
    for back in -1..=days {
        let Ok(date) = today.checked_sub(back.days()) else { continue };
        // All openings are equally long, so the one that began last ends last.
        let began = starts(&window.schedule, &zone, date).into_iter().rev().find(|start| *start <= now);
        if let Some(end) = began.and_then(|start| start.checked_add(length).ok()).filter(|end| now < *end) {
            return Some(end);
        }
    }
    None
}

/// When the window opens next after a time.
fn next(window: &Window, now: Timestamp) -> Option<Timestamp> {
    next_start(&window.schedule, &zone(window)?, now)
}

fn next_start(schedule: &Schedule, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
    let today = zone.to_datetime(now).date();
    (-1..=AHEAD).find_map(|ahead| {
        let date = today.checked_add(ahead.days()).ok()?;
        starts(schedule, zone, date).into_iter().find(|start| *start > now)
    })
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

fn zone(window: &Window) -> Option<TimeZone> {
    TimeZone::get(&window.timezone).ok()
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
