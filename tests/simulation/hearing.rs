//! What stands of what was said about a plan, going by the policies of its times: a word counts where its maker, their key
//! and their right were in force when it was judged and are in force now.

use std::collections::{BTreeMap, BTreeSet};

use countersign::digest::{PlanId, StatementId};
use countersign::model::ApprovalVerdict;
use countersign::object::Oid;

use super::book::Heard;
use super::chapter::Published;
use super::charter::Charter;
use super::ledger::Said;
use super::rules::may_approve;
use super::world::World;

/// What stands of what was said about one occurrence of a plan.
pub struct Standing {
    /// Whose approval may stand, and whether it is a record.
    pub approvals: BTreeSet<(&'static str, bool)>,
    /// Who certainly rejects it.
    pub rejecting: BTreeSet<&'static str>,
}

/// What became of a statement.
pub enum Ear {
    /// It was judged as its maker's.
    Heard(Heard),
    /// It was judged as nobody's.
    Refused,
    /// It was not judged yet.
    Unheard,
}

/// What is said about an occurrence of a plan, by person.
pub fn about<'a>(said: impl Iterator<Item = &'a Said>, published: &Published) -> BTreeMap<&'static str, Vec<&'a Said>> {
    let mut people: BTreeMap<&str, Vec<&Said>> = BTreeMap::new();
    for said in said.filter(|said| published.covers(said.plan, said.occurrence)) {
        people.entry(said.person).or_default().push(said);
    }
    people
}

impl World {
    /// What became of a statement, by its digest, the plan it is about if it is a verdict on one, and its path.
    pub fn ear(&self, digest: StatementId, plan: Option<PlanId>, path: &str) -> Ear {
        match self.book.heard.get(&(digest, plan)) {
            Some(heard) => Ear::Heard(*heard),
            None if self.book.refused.contains(path) => Ear::Refused,
            None => Ear::Unheard,
        }
    }

    /// What stands of what these tips hold about a plan, under a policy; of what was judged up to a place on the journal,
    /// where one is given.
    pub fn standing(
        &self,
        environment: &str,
        published: &Published,
        tips: (Oid, Option<Oid>),
        charter: &Charter,
        upto: Option<usize>,
    ) -> Standing {
        let mut standing = Standing { approvals: BTreeSet::new(), rejecting: BTreeSet::new() };
        for (person, said) in about(self.ledger.visible(tips), published) {
            let kept: Vec<&Said> = said
                .into_iter()
                .filter(|said| match self.ear(said.digest, Some(said.plan), &said.path) {
                    Ear::Heard(heard) => upto.is_none_or(|upto| heard.place <= upto) && gives(said, &heard.charter),
                    Ear::Refused => false,
                    Ear::Unheard => said.verdict == ApprovalVerdict::Reject && gives(said, charter),
                })
                .collect();
            let taken_back = |rejection: &Said| {
                kept.iter().any(|s| s.verdict == ApprovalVerdict::Withdraw && s.previous == Some(rejection.digest))
            };
            // Their last rejection, unless a later word of theirs names it.
            let rejection = kept.iter().rev().find(|said| said.verdict == ApprovalVerdict::Reject);
            if rejection.is_some_and(|rejection| !taken_back(rejection) && stands(rejection, environment, charter)) {
                standing.rejecting.insert(person);
            }
            // Of several approvals in a row a later one may be void, and the one before it still stands.
            let approvals = kept.iter().rev().take_while(|said| said.verdict == ApprovalVerdict::Approve);
            let approvals = approvals.filter(|approval| stands(approval, environment, charter));
            standing.approvals.extend(approvals.map(|approval| (person, approval.by_record)));
        }
        standing
    }
}

/// Whether a word was its maker's, and of somebody who had the right to it, when it was judged.
fn gives(said: &Said, then: &Charter) -> bool {
    let right = said.verdict == ApprovalVerdict::Withdraw || may_approve(then, said.person, said.environment);
    right && then.key_of(said.person) == Some(said.key)
}

/// Whether it still is.
pub fn stands(said: &Said, environment: &str, now: &Charter) -> bool {
    may_approve(now, said.person, environment) && now.key_of(said.person) == Some(said.key)
}
