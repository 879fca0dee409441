//! The only way to a [`Permit`].

use super::environment::Deployment;
use crate::digest::PlanId;
use crate::policy::{Hold, Permit, Verdict};
use crate::windows::is_open;

/// Lets a claimed deployment through, or not: `verdict` is the judgement after the second look, `plan` the digest of
/// what was computed just now. Times and windows are those of the claim.
pub fn permit(verdict: &Verdict, deployment: &Deployment, plan: PlanId) -> Option<Permit> {
    // Gate: a draft's plan lets nothing through, whatever was said on it.
    if deployment.plan.drafted.is_some() {
        return None;
    }
    let at = deployment.claimed;
    Permit::granted(verdict, at, is_open(&verdict.start.windows, at), deployment.plan.id, plan)
}

/// What holds a claimed deployment, beside approvals.
pub fn held(verdict: Option<&Verdict>, deployment: &Deployment) -> Option<Hold> {
    // That a window was open rests on the word of whoever claimed.
    verdict?.may_start(deployment.claimed, true).err().flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;

    use super::*;
    use crate::digest::{Digest, RevisionId};
    use crate::journal::{Claim, Event, Heads};
    use crate::lifecycle::OpenPlan;
    use crate::model::PublicKey;
    use crate::object::Oid;
    use crate::plan::PlanKind;
    use crate::policy::Start;

    fn commit() -> Oid {
        Oid::from_bytes([1; 20])
    }

    /// A claimed plan for which nothing is asked, of the config branch or of a draft.
    fn claimed(of_draft: bool) -> Deployment {
        let environment = || "prod".parse().expect("a name");
        let plan = PlanId(Digest::of("a plan"));
        let revision = Some(RevisionId(Digest::of("content")));
        let (number, round, kind, base, truncated) = (1, 1, PlanKind::Create, None, false);
        let (contributors, imports, commit) = (Vec::new(), BTreeMap::new(), commit());
        let environment_of = environment();
        let event = if of_draft {
            let (environment, draft, settings) = (environment_of, commit, None);
            Event::DraftPlanned {
                environment,
                draft,
                settings,
                plan,
                number,
                round,
                kind,
                base,
                revision,
                commit,
                truncated,
                contributors,
                imports,
            }
        } else {
            let environment = environment_of;
            Event::Planned {
                environment,
                plan,
                number,
                round,
                kind,
                base,
                revision,
                commit,
                truncated,
                contributors,
                imports,
                removes: None,
                carries: Vec::new(),
            }
        };
        let claim = Claim {
            environment: environment(),
            plan,
            number,
            attempt: 1,
            heads: Heads { config: commit, records: None },
            journal: commit,
            policy: 1,
            key: PublicKey::from_checked("ssh-ed25519", "journal"),
            instance: "0".repeat(32),
            met: Vec::new(),
            started: None,
            targets: Vec::new(),
            drift: None,
        };
        let plan = OpenPlan::of(&event, Timestamp::UNIX_EPOCH).expect("a plan");
        let claimed = Timestamp::UNIX_EPOCH;
        Deployment { plan, claim, claimed, failed: None, closed: None, started: None }
    }

    #[test]
    fn nothing_lets_the_plan_of_a_draft_through() {
        let (requirements, statements, rejected_by, start) = (Vec::new(), Vec::new(), Vec::new(), Start::default());
        let verdict = Verdict { requirements, statements, rejected_by, carries: Vec::new(), start };
        let through = |deployment: &Deployment| permit(&verdict, deployment, deployment.plan.id).is_some();
        assert!(through(&claimed(false)));
        assert!(!through(&claimed(true)));
    }
}
