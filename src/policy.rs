//! Who may do what: statements and rules in, a verdict with its reasons out.

mod verdict;

pub use verdict::*;

/// The proof that the gate let a deployment through. Only [`crate::lifecycle`] can make one.
#[derive(Debug)]
pub struct Permit {
    _private: (),
}

#[cfg(test)]
impl Permit {
    /// For tests of drivers, which take a permit as proof and never look into it.
    pub(crate) fn for_tests() -> Self {
        Self { _private: () }
    }
}
