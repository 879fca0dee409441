//! The same work on many things, on all processors.
//!
//! # Guarantees
//! * The results are those of the work done on one thing after the other, in their order: that several processors did
//!   it can be told by nothing but the time it takes.

use std::num::NonZeroUsize;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// No more threads than that, whatever the machine has.
const MOST: usize = 8;

/// A thread costs about as much as some signatures: it takes at least so many things.
const AT_LEAST: usize = 8;

/// How many processors this program may use. Asked once: to answer, the system reads some files.
pub(crate) fn processors() -> usize {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    *PROCESSORS.get_or_init(|| thread::available_parallelism().map_or(1, NonZeroUsize::get).min(MOST))
}

/// What `work` makes of each thing.
pub(crate) fn map<T: Sync, R: Send>(things: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    map_on(processors().min(things.len() / AT_LEAST), things, work)
}

fn map_on<T: Sync, R: Send>(threads: usize, things: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if threads < 2 {
        return things.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let some = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(thing) = things.get(at) else { return done };
            done.push((at, work(thing)));
        }
    };
    let mut all = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(some)).collect();
        let mut all = some();
        for other in others {
            match other.join() {
                Ok(done) => all.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    });
    all.sort_unstable_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order_however_many_threads_there_are() {
        for count in [0, 1, 7, 16, 1000] {
            let things: Vec<usize> = (0..count).collect();
            let expected: Vec<usize> = things.iter().map(|n| n * n).collect();
            for threads in [0, 1, 2, 5] {
                assert_eq!(map_on(threads, &things, |n| n * n), expected, "{count} on {threads}");
            }
            assert_eq!(map(&things, |n| n * n), expected);
        }
    }
}
