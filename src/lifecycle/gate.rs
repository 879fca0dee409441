//! The only way to a [`Permit`].

use super::environment::Deployment;
use crate::digest::PlanId;
use crate::policy::{Hold, Permit, Verdict};
use crate::windows::is_open;

/// Lets a claimed deployment through, or not: `verdict` is the judgement after the second look, `plan` the digest of
/// what was computed just now. Times and windows are those of the claim.
pub fn permit(verdict: &Verdict, deployment: &Deployment, plan: PlanId) -> Option<Permit> {
    let at = deployment.claimed;
    Permit::granted(verdict, at, is_open(&verdict.start.windows, at), deployment.plan.id, plan)
}

/// What holds a claimed deployment, beside approvals.
pub fn held(verdict: Option<&Verdict>, deployment: &Deployment) -> Option<Hold> {
    // That a window was open rests on the word of whoever claimed.
    verdict?.may_start(deployment.claimed, true).err().flatten()
}
