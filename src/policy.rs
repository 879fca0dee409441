//! Who may do what: statements and rules in, a verdict with its reasons out.

mod verdict;

pub use verdict::*;

/// The proof that the gate let a deployment through. Only [`crate::lifecycle`] can make one.
#[derive(Debug)]
pub struct Permit {
    _private: (),
}
