//! Which environments a tick takes up: those of which anything changed that a decision about them rests on. The others would
//! be decided about as before, which is to leave them alone.
//!
//! What a decision about an environment rests on, and how a change of it gets here:
//!
//! | it rests on | which is noticed |
//! | --- | --- |
//! | what the journal says of it | by every event that is folded ([`Daemon::emit`](super::Daemon)) |
//! | the policy in force, accepted history, a journal that was read anew | as everything |
//! | the time: windows, hours that somebody named, retries, schedules of looks | by the time that each decision waits for |
//! | its folder and its shared inputs | by what differs between two config commits: it is planned anew |
//! | what it imports, and who imports it | when that deployment ends, or a commit changes who imports whom: it is planned anew |
//! | who owns its targets | when one is taken or given up: those that want it, or one above or below, are planned anew |
//! | the host, and whether an earlier apply still runs | not at all: whoever came as far as to ask stays until it is decided |
//! | when the host was looked at last | by whoever looks |
//!
//! A clock that was set back makes it everything.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use jiff::Timestamp;

use crate::model::EnvironmentName;

/// What is to be taken up, and when.
#[derive(Debug)]
pub(super) struct Agenda {
    is_everything: bool,
    open: BTreeSet<EnvironmentName>,
    waits: BTreeMap<EnvironmentName, Timestamp>,
    by_time: BTreeSet<(Timestamp, EnvironmentName)>,
    last: Timestamp,
    /// Those that come before the round goes on.
    first: BTreeSet<EnvironmentName>,
    /// The one after which the next round begins, where the last one paused.
    paused: Option<EnvironmentName>,
}

/// A way along what is to be taken up: from where the one before paused to the end, then from the beginning up to there. What
/// is touched behind the one at work is for the next.
#[derive(Debug)]
pub(super) struct Round {
    paused: Option<EnvironmentName>,
    last: Option<EnvironmentName>,
    is_second: bool,
}

impl Default for Agenda {
    fn default() -> Self {
        Self {
            is_everything: true,
            open: BTreeSet::new(),
            waits: BTreeMap::new(),
            by_time: BTreeSet::new(),
            last: Timestamp::MIN,
            first: BTreeSet::new(),
            paused: None,
        }
    }
}

impl Agenda {
    /// Something about all of them may be otherwise.
    pub fn everything(&mut self) {
        self.is_everything = true;
    }

    /// Something about this one may be otherwise.
    pub fn touch(&mut self, name: &EnvironmentName) {
        if !self.open.contains(name) {
            self.open.insert(name.clone());
        }
    }

    /// What time it is: those that waited for it are to be taken up.
    pub fn passed(&mut self, now: Timestamp) {
        if now < self.last {
            self.is_everything = true;
        }
        self.last = now;
        while self.by_time.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, name)) = self.by_time.pop_first() else { return };
            self.waits.remove(&name);
            self.open.insert(name);
        }
    }

    /// Whether something came up by itself: its time has come, or the clock was set back and no time means what it did.
    pub fn is_due(&self, now: Timestamp) -> bool {
        now < self.last || self.next().is_some_and(|next| next <= now)
    }

    /// When something comes up by itself.
    pub fn next(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// What is to be taken up; `None`: everything.
    pub fn open(&self) -> Option<&BTreeSet<EnvironmentName>> {
        (!self.is_everything).then_some(&self.open)
    }

    /// From here on it is known what everything comes to, and what of it comes first, however long the rest takes.
    pub fn all_of(&mut self, names: impl IntoIterator<Item = EnvironmentName>, first: BTreeSet<EnvironmentName>) {
        self.is_everything = false;
        self.waits.clear();
        self.by_time.clear();
        self.open = names.into_iter().collect();
        self.first = first;
    }

    /// A round, which goes on behind the one that paused, or begins with the first.
    pub fn round(&mut self) -> Round {
        let paused = self.paused.take();
        Round { last: paused.clone(), paused, is_second: false }
    }

    /// Ends a round before it came to all.
    pub fn pause(&mut self, round: Round) {
        self.paused = round.last;
    }

    /// Takes up the next one of a round: from here on it is touched only by what comes of it.
    pub fn take(&mut self, round: &mut Round) -> Option<EnvironmentName> {
        while let Some(name) = self.first.pop_first() {
            if self.open.remove(&name) {
                return Some(name);
            }
        }
        loop {
            let after = round.last.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
            let up_to = round.paused.as_ref().filter(|_| round.is_second).map_or(Bound::Unbounded, Bound::Included);
            if let Some(name) = self.open.range::<EnvironmentName, _>((after, up_to)).next().cloned() {
                self.open.remove(&name);
                round.last = Some(name.clone());
                return Some(name);
            }
            if round.is_second || round.paused.is_none() {
                return None;
            }
            (round.is_second, round.last) = (true, None);
        }
    }

    /// It was decided about, and is to be taken up again at that time if not before.
    pub fn rest(&mut self, name: EnvironmentName, until: Option<Timestamp>) {
        if let Some(before) = self.waits.remove(&name) {
            self.by_time.remove(&(before, name.clone()));
        }
        if let Some(at) = until {
            self.waits.insert(name.clone(), at);
            self.by_time.insert((at, name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> EnvironmentName {
        name.parse().unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn taken(agenda: &mut Agenda) -> Vec<String> {
        let mut round = agenda.round();
        taken_in(agenda, &mut round)
    }

    fn taken_in(agenda: &mut Agenda, round: &mut Round) -> Vec<String> {
        std::iter::from_fn(|| agenda.take(round)).map(|name| name.to_string()).collect()
    }

    #[test]
    fn at_first_it_is_everything_and_then_what_was_touched() {
        let mut agenda = Agenda::default();
        assert_eq!(agenda.open(), None);
        agenda.all_of([name("b"), name("a")], BTreeSet::new());
        assert_eq!(taken(&mut agenda), ["a", "b"]);
        assert!(taken(&mut agenda).is_empty());
        agenda.touch(&name("c"));
        agenda.touch(&name("c"));
        assert_eq!(taken(&mut agenda), ["c"]);
    }

    #[test]
    fn what_is_touched_behind_the_one_at_work_is_for_the_next_round() {
        let mut agenda = Agenda::default();
        agenda.all_of([name("b")], BTreeSet::new());
        let mut round = agenda.round();
        assert_eq!(agenda.take(&mut round), Some(name("b")));
        ["a", "b", "c"].iter().for_each(|one| agenda.touch(&name(one)));
        assert_eq!(taken_in(&mut agenda, &mut round), ["c"]);
        assert_eq!(taken(&mut agenda), ["a", "b"]);
    }

    #[test]
    fn a_round_that_paused_is_gone_on_with_and_comes_to_all() {
        let mut agenda = Agenda::default();
        agenda.all_of(["a", "b", "c", "d"].map(name), BTreeSet::new());
        let mut round = agenda.round();
        assert_eq!([agenda.take(&mut round), agenda.take(&mut round)], [Some(name("a")), Some(name("b"))]);
        // Who comes early in the alphabet and has something to do again does not keep the others from their turn.
        ["a", "b"].iter().for_each(|one| agenda.touch(&name(one)));
        agenda.pause(round);
        let mut round = agenda.round();
        assert_eq!(agenda.take(&mut round), Some(name("c")));
        agenda.touch(&name("c"));
        assert_eq!(taken_in(&mut agenda, &mut round), ["d", "a", "b"]);
        assert_eq!(taken(&mut agenda), ["c"]);
    }

    #[test]
    fn what_comes_first_does_so_once_and_the_round_goes_on_where_it_would() {
        let mut agenda = Agenda::default();
        agenda.all_of(["a", "b", "c", "d"].map(name), BTreeSet::from(["d", "c", "e"].map(name)));
        let mut round = agenda.round();
        assert_eq!(agenda.take(&mut round), Some(name("c")));
        agenda.pause(round);
        let mut round = agenda.round();
        agenda.touch(&name("c"));
        assert_eq!(taken_in(&mut agenda, &mut round), ["d", "a", "b", "c"]);
    }

    #[test]
    fn what_waits_for_a_time_comes_up_then_and_by_its_last_word() {
        let mut agenda = Agenda::default();
        agenda.all_of([], BTreeSet::new());
        agenda.rest(name("a"), Some(at(20)));
        agenda.rest(name("b"), Some(at(10)));
        agenda.rest(name("a"), Some(at(30)));
        agenda.rest(name("c"), Some(at(5)));
        agenda.rest(name("c"), None);
        assert_eq!(agenda.next(), Some(at(10)));
        agenda.passed(at(29));
        assert_eq!(taken(&mut agenda), ["b"]);
        agenda.passed(at(30));
        assert_eq!((taken(&mut agenda), agenda.next()), (vec!["a".to_owned()], None));
    }

    #[test]
    fn a_clock_that_was_set_back_makes_it_everything() {
        let mut agenda = Agenda::default();
        agenda.all_of([], BTreeSet::new());
        agenda.passed(at(10));
        assert!(agenda.open().is_some());
        agenda.passed(at(9));
        assert!(agenda.open().is_none());
    }
}
