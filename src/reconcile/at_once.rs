//! Work that is done at the same time, as far as its order lets it.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Does each piece of work once all those it comes `after` went well, at most `most` at the same time. Gives what came of
/// each in the order of the pieces, whatever ended first; `None` of what was not begun.
///
/// After one that did not go well nothing more is begun, and what was begun is let end. With `most` 1 all of it happens in
/// order in the thread that asks for it.
///
/// # Assumptions
/// A piece comes after earlier ones alone.
pub(super) fn at_once<T: Send>(
    after: &[BTreeSet<usize>],
    most: usize,
    work: impl Fn(usize) -> T + Sync,
    went_well: impl Fn(&T) -> bool + Sync,
) -> Vec<Option<T>> {
    let board = Board { after, turns: Mutex::new(Turns::of(after.len())), moved: Condvar::new() };
    let worker = || {
        while let Some(turn) = board.next() {
            let came = work(turn.at);
            let well = went_well(&came);
            turn.ended(came, well);
        }
    };
    thread::scope(|scope| {
        for _ in 1..most.min(after.len()) {
            // Where the system gives no more threads, those that are there do it.
            if thread::Builder::new().spawn_scoped(scope, worker).is_err() {
                break;
            }
        }
        worker();
    });
    board.turns.into_inner().unwrap_or_else(PoisonError::into_inner).came
}

/// Who does what, and what came of it.
struct Board<'a, T> {
    after: &'a [BTreeSet<usize>],
    turns: Mutex<Turns<T>>,
    moved: Condvar,
}

struct Turns<T> {
    begun: BTreeSet<usize>,
    well: BTreeSet<usize>,
    running: usize,
    stopped: bool,
    came: Vec<Option<T>>,
}

impl<T> Turns<T> {
    fn of(pieces: usize) -> Self {
        let came = std::iter::repeat_with(|| None).take(pieces).collect();
        Self { begun: BTreeSet::new(), well: BTreeSet::new(), running: 0, stopped: false, came }
    }
}

/// A piece that somebody works on. Dropped without an end, by a panic, it did not go well.
struct Turn<'b, 'a, T> {
    board: &'b Board<'a, T>,
    at: usize,
    came: Option<T>,
    well: bool,
}

impl<'a, T> Board<'a, T> {
    fn turns(&self) -> MutexGuard<'_, Turns<T>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first piece that can be begun; waits where one may become so, `None` where none will.
    fn next(&self) -> Option<Turn<'_, 'a, T>> {
        let mut turns = self.turns();
        loop {
            let free = |at: &usize| !turns.begun.contains(at) && self.after[*at].is_subset(&turns.well);
            let free = (0..self.after.len()).find(free).filter(|_| !turns.stopped);
            match free {
                Some(at) => {
                    turns.begun.insert(at);
                    turns.running += 1;
                    return Some(Turn { board: self, at, came: None, well: false });
                }
                None if turns.running == 0 || turns.stopped => return None,
                None => turns = self.moved.wait(turns).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

impl<T> Turn<'_, '_, T> {
    fn ended(mut self, came: T, well: bool) {
        (self.came, self.well) = (Some(came), well);
    }
}

impl<T> Drop for Turn<'_, '_, T> {
    fn drop(&mut self) {
        let mut turns = self.board.turns();
        turns.running -= 1;
        turns.stopped |= !self.well;
        if self.well {
            turns.well.insert(self.at);
        }
        turns.came[self.at] = self.came.take();
        drop(turns);
        self.board.moved.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn after<const N: usize>(sets: [&[usize]; N]) -> Vec<BTreeSet<usize>> {
        sets.iter().map(|set| set.iter().copied().collect()).collect()
    }

    #[test]
    fn what_waits_for_nothing_is_done_at_the_same_time_and_told_in_order() {
        // Each passes the barrier only while the other is at it too.
        let both = Barrier::new(2);
        let done = at_once(&after([&[], &[]]), 2, |at| (both.wait(), at).1, |_| true);
        assert_eq!(done, [Some(0), Some(1)]);
        // The second of three ends last: the third cannot begin before the first has.
        let third = Barrier::new(2);
        let work = |at: usize| {
            if at > 0 {
                third.wait();
            }
            at
        };
        assert_eq!(at_once(&after([&[], &[], &[0]]), 2, work, |_| true), [Some(0), Some(1), Some(2)]);
    }

    #[test]
    fn never_more_than_asked_for_and_alone_in_the_thread_that_asks() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let nine = vec![BTreeSet::new(); 9];
        let work = |at: usize| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            thread::yield_now();
            now.fetch_sub(1, Ordering::SeqCst);
            at
        };
        assert_eq!(at_once(&nine, 3, work, |_| true).into_iter().flatten().sum::<usize>(), 36);
        assert!(most.load(Ordering::SeqCst) <= 3);
        let here = thread::current().id();
        assert!(at_once(&nine, 1, |_| thread::current().id(), |_| true).into_iter().all(|id| id == Some(here)));
    }

    #[test]
    fn after_one_that_fails_what_was_begun_ends_and_nothing_else_begins() {
        // 2 waits for 1 alone, and 3 for nothing.
        let waits = after([&[], &[], &[1], &[]]);
        let board = Board { after: &waits, turns: Mutex::new(Turns::of(4)), moved: Condvar::new() };
        let (zero, one) = (board.next().expect("free"), board.next().expect("free"));
        assert_eq!((zero.at, one.at), (0, 1));
        zero.ended("failed", false);
        one.ended("done", true);
        assert!(board.next().is_none());
        assert_eq!(board.turns().came, [Some("failed"), Some("done"), None, None]);
        let alone = at_once(&after([&[], &[], &[0], &[]]), 1, |at| at, |at| *at != 0);
        assert_eq!(alone, [Some(0), None, None, None]);
        // What waits for one that is at work waits, and what has nobody left to wait for is not waited for.
        let board = Board { after: &waits, turns: Mutex::new(Turns::of(4)), moved: Condvar::new() };
        let begun: Vec<_> = [(); 3].iter().map(|()| board.next().expect("free")).collect();
        assert_eq!(begun.iter().map(|turn| turn.at).collect::<Vec<_>>(), [0, 1, 3]);
        begun.into_iter().for_each(|turn| turn.ended("done", true));
        assert_eq!(board.next().map(|turn| turn.at), Some(2));
    }

    #[test]
    fn a_chain_comes_in_order_however_many_could_work() {
        let order = Mutex::new(Vec::new());
        let chain: Vec<BTreeSet<usize>> = (0..6).map(|at: usize| at.checked_sub(1).into_iter().collect()).collect();
        at_once(&chain, 4, |at| order.lock().expect("nobody panics").push(at), |()| true);
        assert_eq!(order.into_inner().expect("nobody panics"), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_panic_ends_it_and_is_passed_on() {
        let both = Barrier::new(2);
        let work = |at: usize| {
            both.wait();
            assert_eq!(at, 0, "a piece that panics");
        };
        let ended = thread::scope(|scope| {
            scope.spawn(|| at_once(&after([&[], &[], &[1]]), 2, work, |()| true)).join().is_err()
        });
        assert!(ended);
    }
}
