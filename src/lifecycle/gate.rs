//! The only way to a [`Permit`].

use super::environment::Deployment;
use crate::digest::PlanId;
use crate::policy::{Permit, Verdict};

/// Lets a claimed deployment through, or not: `verdict` is the judgement after the second look, `plan` the digest of
/// what was computed just now.
pub fn permit(verdict: &Verdict, deployment: &Deployment, plan: PlanId) -> Option<Permit> {
    Permit::granted(verdict, deployment.plan.id, plan)
}
