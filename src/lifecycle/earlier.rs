//! The plans of one number, one after the other: what `reapproveOnChange: false` carries an approval over from.

use std::collections::BTreeSet;

use super::environment::{EnvironmentState, OpenPlan};
use super::judged::{JudgeError, gates_at};
use super::state::State;
use crate::digest::StatementId;
use crate::journal::{Admission, Judged};
use crate::model::{ApprovalVerdict, EnvironmentName, Governance, PersonName};
use crate::object::Objects;
use crate::plan::ContributorBasis;
use crate::policy::Earlier;

impl OpenPlan {
    /// Who contributed, and how that is known; not by which commits.
    fn people(&self) -> BTreeSet<(Option<&PersonName>, &str, ContributorBasis)> {
        let people = self.contributors.iter();
        people.map(|one| (one.person.as_ref(), one.email.as_str(), one.basis)).collect()
    }

    /// Whether the same people contributed to another one.
    pub(super) fn has_same_people(&self, other: &Self) -> bool {
        self.people() == other.people()
    }

    /// The admitted verdicts on it, each with the entry that judged it.
    fn verdicts(&self) -> impl Iterator<Item = (u64, ApprovalVerdict, &Judged)> {
        let admitted = self.statements.iter().filter(|(_, judged)| judged.admitted == Admission::Admitted);
        admitted.filter_map(|(sequence, judged)| Some((*sequence, judged.verdict?, judged)))
    }

    /// What a person said last on it.
    fn last_of(&self, person: &PersonName) -> Option<(u64, ApprovalVerdict, &Judged)> {
        self.verdicts().filter(|(.., judged)| judged.by.as_ref() == Some(person)).last()
    }

    /// Whether somebody's rejection of it stands.
    fn is_rejected(&self) -> bool {
        let people: BTreeSet<&PersonName> = self.verdicts().filter_map(|(.., judged)| judged.by.as_ref()).collect();
        let last = people.into_iter().filter_map(|person| self.last_of(person));
        last.into_iter().any(|(_, verdict, _)| verdict == ApprovalVerdict::Reject)
    }

    /// Whether it takes nothing away that the other one leaves.
    fn removes_no_more_than(&self, other: &Self) -> bool {
        match (&self.removes, &other.removes) {
            (Some(removes), _) if removes.is_empty() => true,
            (Some(removes), Some(known)) => removes.is_subset(known),
            (Some(_), None) | (None, _) => false,
        }
    }
}

impl EnvironmentState {
    /// Every other plan of the same number, ended or not, in no order that means anything.
    fn others<'a>(&'a self, plan: &'a OpenPlan) -> impl Iterator<Item = &'a OpenPlan> {
        let deploying = self.deployment.iter().map(|deployment| &deployment.plan);
        let all = self.earlier.iter().chain(self.plans.iter()).chain(deploying);
        all.filter(|other| other.number == plan.number && other.id != plan.id)
    }

    /// A statement on a plan, or on another one of its number, with the plan it is on.
    pub fn statement_for<'a>(&'a self, plan: &'a OpenPlan, digest: StatementId) -> Option<(&'a OpenPlan, &'a Judged)> {
        let plans = std::iter::once(plan).chain(self.others(plan));
        let statements = plans.flat_map(|plan| plan.statements.iter().map(move |(_, judged)| (plan, judged)));
        statements.into_iter().find(|(_, judged)| judged.digest == digest)
    }

    /// A person's approval of another plan of this number, where it is the last they said on any of them: it may count for
    /// this one, and can be taken back there. None where this plan says of no ruleset that approvals carry over.
    pub(super) fn approval_elsewhere<'a>(
        &'a self,
        plan: &'a OpenPlan,
        person: &PersonName,
    ) -> Option<(u64, &'a Judged, &'a OpenPlan)> {
        if plan.carries.is_empty() || plan.last_of(person).is_some() {
            return None;
        }
        let said = self.others(plan).filter_map(|other| other.last_of(person).map(|last| (last, other)));
        // Of words judged by one entry, an approval is never taken for the last.
        let order =
            |(sequence, verdict, _): &(u64, ApprovalVerdict, _)| (*sequence, *verdict != ApprovalVerdict::Approve);
        let ((sequence, verdict, judged), other) = said.max_by_key(|(last, _)| order(last))?;
        (verdict == ApprovalVerdict::Approve).then_some((sequence, judged, other))
    }

    /// Whether somebody approved another plan of this number and did not take that back.
    pub(super) fn has_approval_elsewhere(&self, plan: &OpenPlan) -> bool {
        self.approvers_elsewhere(plan).iter().any(|person| self.approval_elsewhere(plan, person).is_some())
    }

    pub(super) fn approvers_elsewhere(&self, plan: &OpenPlan) -> BTreeSet<PersonName> {
        let verdicts = self.others(plan).flat_map(OpenPlan::verdicts);
        verdicts.filter_map(|(.., judged)| judged.by.clone()).collect()
    }

    /// The plans that do not run have ended: those that something was said on are kept until a plan of another number is
    /// told. A deployment that failed is tried again by what let it through.
    pub(super) fn end_plans(&mut self) {
        let ended = self.plans.take_all();
        self.earlier.extend(ended.into_iter().filter(|plan| !plan.statements.is_empty()));
    }

    /// Nothing is desired but what is there, though a plan rests: whatever differs later is another change, to which nothing
    /// carries over that was said until now. The same plan, should it come back, has what was said on it.
    pub(super) fn end_carrying(&mut self, until: u64) {
        self.earlier.clear();
        for plan in self.plans.iter_mut() {
            plan.renewed = plan.renewed.max(until);
        }
    }

    /// A plan of this number is told. What was approved before belongs to the same change only if there was one all the
    /// time: once nothing is desired but what is applied, what comes then is another.
    pub(super) fn begin_change(&mut self, sequence: u64, number: u64) {
        let goes_on = !self.plans.is_empty() || self.invalid.is_some() || self.superseded == sequence;
        if !goes_on {
            self.earlier.clear();
        }
        self.earlier.retain(|plan| plan.number == number);
    }
}

impl State {
    /// Whatever was said until now carries over to no other plan.
    pub(super) fn carry_nothing(&mut self, until: u64) {
        for env in self.environments.values_mut() {
            env.end_carrying(until);
            let deploying = env.deployment.iter_mut().map(|deployment| &mut deployment.plan);
            // Also what was said on a draft, which may be merged later.
            for plan in env.drafted.iter_mut().chain(deploying) {
                plan.renewed = plan.renewed.max(until);
            }
        }
    }
}

/// The approvals of other plans of the same number, each with why it does not carry over to this one, if so.
///
/// # Errors
/// Where an object is missing or malformed.
pub(super) fn earlier(
    objects: &dyn Objects,
    root: &str,
    governance: &Governance,
    name: &EnvironmentName,
    env: &EnvironmentState,
    plan: &OpenPlan,
) -> Result<Vec<Earlier>, JudgeError> {
    // A policy changes by approvals of exactly that change.
    if name.is_governance() || governance.rulesets.values().all(|ruleset| ruleset.reapprove_on_change) {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for person in env.approvers_elsewhere(plan) {
        if let Some((sequence, judged, from)) = env.approval_elsewhere(plan, &person) {
            let why_not = why_not(objects, root, name, env, plan, (sequence, from))?;
            found.push(Earlier { judged: judged.clone(), plan: from.id, why_not });
        }
    }
    Ok(found)
}

/// Why an approval that was judged by this entry on `from` does not carry over to `plan`, whoever gave it.
fn why_not(
    objects: &dyn Objects,
    root: &str,
    name: &EnvironmentName,
    env: &EnvironmentState,
    plan: &OpenPlan,
    (sequence, from): (u64, &OpenPlan),
) -> Result<Option<String>, JudgeError> {
    let because = |why: &str| Ok(Some(why.to_owned()));
    // Gate 1: the plan came after the approval.
    if sequence > plan.shown {
        return because("it was given after this plan was made");
    }
    // Gate 2: the policy, and who had contributed, are as they were when it was given.
    if sequence <= from.renewed || sequence <= plan.renewed {
        return because("the policy or the contributors changed after it was given");
    }
    if !from.has_same_people(plan) {
        return because("other people contributed to this plan");
    }
    // Gate 3: the kind is the same.
    if from.kind != plan.kind {
        return Ok(Some(format!("that one was of kind `{}`, this one is `{}`", from.kind.name(), plan.kind.name())));
    }
    // Gate 4: nothing more is taken away.
    if !plan.removes_no_more_than(from) {
        return because("this plan deletes something that the one before left");
    }
    // Gate 5: nobody rejected since, on whatever plan of this number and taken back or not; nor had somebody rejected what
    // was approved.
    let mut rejections = std::iter::once(plan).chain(env.others(plan)).flat_map(OpenPlan::verdicts);
    if rejections.any(|(at, verdict, _)| verdict == ApprovalVerdict::Reject && at >= sequence) {
        return because("somebody rejected this change after it was given");
    }
    if from.is_rejected() {
        return because("the plan it was given to is rejected");
    }
    // Gate 6: the settings that decide who must approve are the same. Those that are left are, since both plans start from
    // the same deployment.
    if plan.base != from.base {
        return because("this plan starts from another deployment");
    }
    if let (Some(_), Some(_)) = (plan.revision, from.revision)
        && gates_at(objects, root, name, plan.commit)? != gates_at(objects, root, name, from.commit)?
    {
        return because("the gate settings that this plan enters are others");
    }
    Ok(None)
}
