//! Answers that are remembered: those of pure functions of bytes, which give the same every time.
//!
//! # Guarantees
//! * An answer is kept under the SHA-256 of everything it depends on, and given for exactly that again. Whether it was
//!   remembered can be told by nothing but the time it takes.
//! * Refusals are never kept: what is wrong is found wrong anew each time.
//! * A memory is bounded. Where it is full it is emptied: what is still needed is soon known again.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

/// What one function answered.
pub(crate) struct Memo<V> {
    most: usize,
    known: Mutex<BTreeMap<[u8; 32], V>>,
}

impl<V: Clone> Memo<V> {
    /// An empty memory of at most so many answers.
    pub(crate) const fn new(most: usize) -> Self {
        Self { most, known: Mutex::new(BTreeMap::new()) }
    }

    /// The answer to these bytes, in this order: remembered, or found now.
    ///
    /// # Errors
    /// As the function.
    pub(crate) fn of<E>(&self, parts: &[&[u8]], answer: impl FnOnce() -> Result<V, E>) -> Result<V, E> {
        let mut hash = Sha256::new();
        for part in parts {
            // With its length: no two questions are ever written alike.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let question: [u8; 32] = hash.finalize().into();
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&question) {
            return Ok(known.clone());
        }
        let found = answer()?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= self.most {
            known.clear();
        }
        known.insert(question, found.clone());
        Ok(found)
    }

    /// Forgets everything where more than so many answers are known.
    pub(crate) fn keep_at_most(&self, few: usize) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() > few {
            known.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(memo: &Memo<u32>, parts: &[&[u8]], answer: Result<u32, ()>) -> (Result<u32, ()>, bool) {
        let mut found = false;
        let given = memo.of(parts, || {
            found = true;
            answer
        });
        (given, found)
    }

    #[test]
    fn an_answer_is_found_once() {
        let memo = Memo::new(10);
        assert_eq!(asked(&memo, &[b"a"], Ok(1)), (Ok(1), true));
        assert_eq!(asked(&memo, &[b"a"], Ok(2)), (Ok(1), false));
    }

    #[test]
    fn a_refusal_is_found_again() {
        let memo = Memo::new(10);
        assert_eq!(asked(&memo, &[b"a"], Err(())), (Err(()), true));
        assert_eq!(asked(&memo, &[b"a"], Ok(2)), (Ok(2), true));
    }

    #[test]
    fn no_two_questions_are_alike() {
        let memo = Memo::new(10);
        assert_eq!(asked(&memo, &[b"ab", b"c"], Ok(1)), (Ok(1), true));
        assert_eq!(asked(&memo, &[b"a", b"bc"], Ok(2)), (Ok(2), true));
        assert_eq!(asked(&memo, &[b"abc"], Ok(3)), (Ok(3), true));
    }

    #[test]
    fn what_is_too_much_is_forgotten_when_it_is_asked_to() {
        let memo = Memo::new(10);
        assert_eq!(asked(&memo, &[b"a"], Ok(1)), (Ok(1), true));
        memo.keep_at_most(1);
        assert_eq!(asked(&memo, &[b"a"], Ok(2)), (Ok(1), false));
        memo.keep_at_most(0);
        assert_eq!(asked(&memo, &[b"a"], Ok(2)), (Ok(2), true));
    }

    #[test]
    fn it_does_not_grow_without_bound() {
        let memo = Memo::new(2);
        for n in 0..5_u32 {
            assert_eq!(asked(&memo, &[&n.to_be_bytes()], Ok(n)), (Ok(n), true));
        }
        assert!(memo.known.lock().unwrap().len() <= 2);
    }
}
