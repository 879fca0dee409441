//! How often a run tried what is rare.

/// What happened in a schedule beside claims and switches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// Deployments that a merged branch started.
    pub merged_starts: usize,
    /// Approvals that were carried over into a claim.
    pub carried: usize,
    /// Claims of what was the plan of a draft before.
    pub drafted: usize,
    /// Changes of the policy that were suspended, closed or reopened.
    pub policy_requests: usize,
}

impl Counts {
    pub fn add(&mut self, other: Self) {
        self.merged_starts += other.merged_starts;
        self.carried += other.carried;
        self.drafted += other.drafted;
        self.policy_requests += other.policy_requests;
    }
}
