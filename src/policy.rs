//! Who may do what: statements and rules in, a verdict with its reasons out.
//!
//! Nothing here knows a clock, a file or a git handle: the same case gives the same verdict in the daemon, in a clone on
//! somebody's laptop and in an auditor's proof ten years later.

mod asked;
mod earlier;
mod judge;
mod locked;
mod signed;
mod standing;
mod start;
mod verdict;

pub use asked::{UnknownRuleset, unsatisfied_names};
pub use earlier::Earlier;
pub use judge::{Case, judge};
pub use locked::locked;
pub use signed::{HOW_TO_SIGN, Unsigned};
pub use start::{Hold, Start, Wish};
pub use verdict::*;

use jiff::Timestamp;

use crate::digest::PlanId;

/// The proof that the gate let a deployment of this plan through. Only [`crate::lifecycle::permit`] and
/// [`crate::lifecycle::permit_correction`] make one.
#[derive(Debug)]
pub struct Permit {
    plan: PlanId,
}

impl Permit {
    /// The plan that may be applied.
    pub fn plan(&self) -> PlanId {
        self.plan
    }

    /// A correction needs no verdict: what it applies was let through before. Only [`crate::lifecycle::permit_correction`]
    /// makes one, where the settings in force ask for it and nothing holds it.
    pub(crate) fn of_correction(plan: PlanId) -> Self {
        Self { plan }
    }

    /// Gate 1: everything the policy asks for is met, no rejection stands, and nothing else holds it.
    /// Gate 2: the claim is for this plan.
    /// `now` is when it was claimed, `is_open` whether its windows were open then.
    pub(crate) fn granted(
        verdict: &Verdict,
        now: Timestamp,
        is_open: bool,
        claimed: PlanId,
        plan: PlanId,
    ) -> Option<Self> {
        (verdict.may_start(now, is_open).is_ok() && claimed == plan).then_some(Self { plan })
    }
}

#[cfg(test)]
impl Permit {
    /// For tests of drivers, which take a permit as proof and never look into it.
    pub(crate) fn for_tests() -> Self {
        Self { plan: PlanId(crate::digest::Digest::of("a plan for tests")) }
    }
}

#[cfg(test)]
mod tests;
