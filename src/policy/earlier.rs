//! Approvals of an earlier plan of the same change: `reapproveOnChange: false` lets some of them count for a later one.

use super::asked::Asked;
use super::judge::Case;
use crate::digest::PlanId;
use crate::journal::{Admission, Judged};
use crate::model::{PersonName, RulesetName};
use crate::plan::PlanKind;

/// A person's approval of another plan of the same number, the last they said on any of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// The approval.
    pub judged: Judged,
    /// The plan that it was given to.
    pub plan: PlanId,
    /// Why it does not carry over, whoever gave it; `None` where rules that let approvals carry over count it.
    pub why_not: Option<String>,
}

impl Asked<'_> {
    /// Whether approvals carry over for what is asked for here. Never to a change of the policy, and never for the single
    /// approval.
    pub(super) fn carries(&self, kind: PlanKind) -> bool {
        kind != PlanKind::Policy && self.rule.is_some_and(|(ruleset, _)| !ruleset.reapprove_on_change)
    }
}

/// The rulesets among what is asked for that carry approvals over, each once.
pub(super) fn carrying(kind: PlanKind, asked: &[Asked<'_>]) -> Vec<RulesetName> {
    let mut names: Vec<RulesetName> = Vec::new();
    for (ruleset, _) in asked.iter().filter(|asked| asked.carries(kind)).filter_map(|asked| asked.rule) {
        if !names.contains(&ruleset.name) {
            names.push(ruleset.name.clone());
        }
    }
    names
}

impl<'a> Case<'a> {
    /// The approval that carries over to this plan for what is asked for, if this person gave one. Whatever they say on the
    /// plan itself takes its place.
    pub(super) fn carried(&self, asked: &Asked<'_>, person: &PersonName) -> Option<&'a Judged> {
        let earlier = self.earlier.iter().find(|earlier| earlier.judged.by.as_ref() == Some(person))?;
        let is_said_here = |said: &Judged| {
            said.by.as_ref() == Some(person) && said.verdict.is_some() && said.admitted == Admission::Admitted
        };
        let carries =
            asked.carries(self.kind) && earlier.why_not.is_none() && !self.statements.iter().any(is_said_here);
        carries.then_some(&earlier.judged)
    }
}
