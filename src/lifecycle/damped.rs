//! How often something that the world does by itself is written down: each further time waits longer, so that a host
//! that does not come to rest cannot fill the journal.

use jiff::{SignedDuration, Timestamp};

/// The wait after the first time; doubled with each further one.
const FIRST: i64 = 60;

/// The longest wait: a day.
const LONGEST: i64 = 86_400;

/// After so long without it begins anew: twice the longest wait, so that one who keeps at it never gets there.
const QUIET: i64 = 2 * LONGEST;

/// How often it came in a row, and when last. By the journal's own times, the same on every replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Damped {
    streak: u32,
    last: Option<Timestamp>,
}

impl Damped {
    /// After it came once more.
    pub fn again(self, time: Timestamp) -> Self {
        let in_a_row = self.last.is_some_and(|last| apart(last, time) <= QUIET);
        let streak = if in_a_row { self.streak.saturating_add(1) } else { 1 };
        Self { streak, last: Some(time) }
    }

    /// Whether it may come again. Whoever wrote the last one may have another clock: one far ahead is not waited for.
    pub fn is_due(self, now: Timestamp) -> bool {
        self.last.is_none_or(|last| apart(last, now) >= self.wait())
    }

    /// When it may come again; `None` where it never came.
    pub fn not_before(self) -> Option<Timestamp> {
        self.last?.checked_add(SignedDuration::from_secs(self.wait())).ok()
    }

    fn wait(self) -> i64 {
        match self.streak {
            0 => 0,
            streak => (FIRST << (streak - 1).min(16)).min(LONGEST),
        }
    }
}

fn apart(one: Timestamp, other: Timestamp) -> i64 {
    one.duration_since(other).abs().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn each_further_time_waits_twice_as_long_up_to_a_day() {
        let mut damped = Damped::default();
        assert!(damped.is_due(at(0)) && damped.not_before().is_none());
        let mut now = 0;
        let mut waits = Vec::new();
        for _ in 0..14 {
            damped = damped.again(at(now));
            let next = damped.not_before().unwrap();
            assert!(damped.is_due(next) && !damped.is_due(at(next.as_second() - 1_800_000_001)));
            waits.push(next.as_second() - 1_800_000_000 - now);
            now = next.as_second() - 1_800_000_000;
        }
        assert_eq!(waits[..5], [60, 120, 240, 480, 960]);
        assert_eq!(waits[11..], [86_400, 86_400, 86_400]);
    }

    #[test]
    fn what_comes_rarely_is_never_held() {
        let mut damped = Damped::default();
        for week in 0..100 {
            assert!(damped.is_due(at(week * 604_800)));
            damped = damped.again(at(week * 604_800));
        }
        assert_eq!(damped.not_before(), Some(at(99 * 604_800 + 60)));
    }

    #[test]
    fn a_clock_that_was_far_ahead_is_not_waited_for() {
        let damped = Damped::default().again(at(900_000_000));
        assert!(damped.is_due(at(0)));
    }
}
