//! Schedules: five fields of cron, read strictly.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::model::yaml::Field;

/// A schedule: the minutes at which something begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    text: String,
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Days of the month and of the week are both restricted: then either will do, as cron has it.
    either_day: bool,
}

/// A field of a schedule: its name, its bounds, and the words for its values.
struct Part {
    name: &'static str,
    least: u32,
    most: u32,
    words: &'static [&'static str],
}

const PARTS: [Part; 5] = [
    Part { name: "minute", least: 0, most: 59, words: &[] },
    Part { name: "hour", least: 0, most: 23, words: &[] },
    Part { name: "day of the month", least: 1, most: 31, words: &[] },
    Part {
        name: "month",
        least: 1,
        most: 12,
        words: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    },
    Part { name: "day of the week", least: 0, most: 7, words: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"] },
];

/// Reads a schedule.
pub(super) fn schedule(field: &Field<'_>) -> Option<Schedule> {
    let text = field.text()?;
    match Schedule::parse(text) {
        Ok(schedule) => Some(schedule),
        Err(why) => {
            field.complain(why);
            None
        }
    }
}

impl Schedule {
    /// Reads `minute hour day-of-month month day-of-week`.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.split(' ').collect();
        if fields.len() != PARTS.len() || fields.iter().any(|field| field.is_empty()) {
            return Err(
                "expected five fields with a space between: minute, hour, day of the month, month, day of the \
                        week, like `0 18 * * FRI`"
                    .to_owned(),
            );
        }
        let mut sets = [0u64; 5];
        for ((part, field), set) in PARTS.iter().zip(&fields).zip(&mut sets) {
            *set = part.read(field)?;
        }
        let [minutes, hours, days, months, weekdays] = sets;
        // Sunday is 0 and 7.
        let weekdays = (weekdays | (weekdays >> 7 & 1)) & 0x7f;
        let either_day = fields[2] != "*" && fields[4] != "*";
        let schedule = Self { text: text.to_owned(), minutes, hours, days, months, weekdays, either_day };
        if !either_day && fields[2] != "*" && !schedule.has_a_date() {
            return Err(format!("no month of `{}` has a day of `{}`, so it would never begin", fields[3], fields[2]));
        }
        Ok(schedule)
    }

    fn has_a_date(&self) -> bool {
        let longest = |month: u32| match month {
            2 => 29,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        (1..=12).any(|month| has(self.months, month) && (1..=longest(month)).any(|day| has(self.days, day)))
    }

    /// Whether it begins at some time of this date. `weekday`: 0 is Sunday.
    pub fn has_date(&self, month: u32, day: u32, weekday: u32) -> bool {
        let (day, weekday) = (has(self.days, day), has(self.weekdays, weekday));
        has(self.months, month) && if self.either_day { day || weekday } else { day && weekday }
    }

    /// The times of day at which it begins, as hour and minute, in ascending order.
    pub fn times(&self) -> impl DoubleEndedIterator<Item = (u32, u32)> + '_ {
        let hours = (0..24).filter(|hour| has(self.hours, *hour));
        hours.flat_map(|hour| (0..60).filter(|minute| has(self.minutes, *minute)).map(move |minute| (hour, minute)))
    }
}

fn has(set: u64, value: u32) -> bool {
    set >> value & 1 == 1
}

impl Part {
    /// The values of `*`, `3`, `1-5`, `*/10`, `8-18/2`, `MON`, and lists of these.
    fn read(&self, field: &str) -> Result<u64, String> {
        let mut set = 0;
        for item in field.split(',') {
            let (range, step) = match item.split_once('/') {
                Some((range, step)) => (range, Some(step)),
                None => (item, None),
            };
            let (from, to) = match range.split_once('-') {
                _ if range == "*" => (self.least, if self.most == 7 { 6 } else { self.most }),
                Some((from, to)) => (self.value(from)?, self.value(to)?),
                None => {
                    let value = self.value(range)?;
                    (value, value)
                }
            };
            if from > to {
                return Err(format!("the {} `{item}` goes backwards", self.name));
            }
            let step = match step {
                None => 1,
                Some(_) if range != "*" && !range.contains('-') => {
                    return Err(format!(
                        "the {} `{item}` has a step but no range: write `{range}-{}/…`",
                        self.name, self.most
                    ));
                }
                Some(step) => match number(step).filter(|step| *step >= 1 && *step <= to - from) {
                    Some(step) => step,
                    None => return Err(format!("the {} `{item}` has a step beyond its range", self.name)),
                },
            };
            for value in (from..=to).step_by(step as usize) {
                set |= 1 << value;
            }
        }
        Ok(set)
    }

    fn value(&self, text: &str) -> Result<u32, String> {
        let word = self.words.iter().position(|word| *word == text.to_ascii_uppercase());
        let word = word.and_then(|at| u32::try_from(at).ok()).map(|at| at + u32::from(self.least == 1));
        let value = word.or_else(|| number(text)).filter(|value| (self.least..=self.most).contains(value));
        value.ok_or_else(|| {
            format!("`{}` is no {}: expected {} to {}", crate::text::escape(text), self.name, self.least, self.most)
        })
    }
}

fn number(text: &str) -> Option<u32> {
    let canonical = text.len() <= 2 && !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| canonical)
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_that_begin_at_some_time() {
        for text in
            ["0 18 * * FRI", "*/15 8-18/2 1,15 * *", "0 0 29 2 *", "5 4 * * 0-7", "0 0 31 1-3 mon", "59 23 31 12 7"]
        {
            assert_eq!(Schedule::parse(text).map(|schedule| schedule.to_string()), Ok(text.to_owned()));
        }
        let friday = Schedule::parse("0 18 * * FRI").unwrap();
        assert!(friday.has_date(1, 2, 5) && !friday.has_date(1, 3, 6));
        assert_eq!(friday.times().collect::<Vec<_>>(), [(18, 0)]);
        // Both days restricted: either will do.
        let either = Schedule::parse("0 0 13 * FRI").unwrap();
        assert!(either.has_date(2, 13, 2) && either.has_date(2, 6, 5) && !either.has_date(2, 7, 6));
        let sunday = Schedule::parse("0 0 * * 7").unwrap();
        assert!(sunday.has_date(1, 4, 0) && !sunday.has_date(1, 5, 1));
    }

    #[test]
    fn what_is_no_schedule_says_why() {
        let why = |text: &str| Schedule::parse(text).unwrap_err();
        for text in ["", "* * * *", "* * * * * *", "0 18  * FRI", "@daily", "0 18 * * FRI "] {
            assert!(why(text).starts_with("expected five fields"), "{text}");
        }
        for (text, words) in [
            ("*/70 * * * *", "the minute `*/70` has a step beyond its range"),
            ("*/0 * * * *", "has a step beyond its range"),
            ("1,,2 * * * *", "`` is no minute: expected 0 to 59"),
            ("60 * * * *", "`60` is no minute"),
            ("* 24 * * *", "`24` is no hour"),
            ("* * 0 * *", "`0` is no day of the month"),
            ("* * * 13 *", "`13` is no month"),
            ("* * * * 8", "`8` is no day of the week"),
            ("* * * * L", "`L` is no day of the week"),
            ("5-1 * * * *", "goes backwards"),
            ("5/2 * * * *", "has a step but no range"),
            ("0 0 31 2 *", "no month of `2` has a day of `31`"),
            ("0 0 31 4,6,9,11 *", "would never begin"),
            ("+5 * * * *", "`+5` is no minute"),
            ("005 * * * *", "`005` is no minute"),
        ] {
            assert!(why(text).contains(words), "{text}: {}", why(text));
        }
    }
}
