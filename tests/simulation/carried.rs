//! What `reapproveOnChange: false` may carry over, in the model's own words: somebody's approval of an earlier plan of the same
//! change, where it is the last they said on any of them and nothing that they relied on became another.

use std::collections::{BTreeMap, BTreeSet};

use countersign::digest::{PlanId, StatementId};
use countersign::journal::{Admission, Judged};
use countersign::model::ApprovalVerdict;
use countersign::plan::{Contributor, ContributorBasis};

use super::chapter::Published;
use super::charter::{Charter, GOVERNANCE};
use super::content::{Content, Files, Setting};
use super::hearing::stands;
use super::world::World;

/// A verdict that counted when it was judged.
#[derive(Debug, Clone)]
pub struct Verdict {
    pub place: usize,
    pub plan: PlanId,
    pub by: String,
    pub verdict: ApprovalVerdict,
    pub digest: StatementId,
}

impl Verdict {
    /// What a judged statement says, where it is a verdict that counted.
    pub fn of(judged: &Judged, place: usize) -> Option<Self> {
        let (Admission::Admitted, None) = (&judged.admitted, &judged.request) else { return None };
        let (plan, verdict, by) = (judged.plan?, judged.verdict?, judged.by.as_ref()?.to_string());
        Some(Self { place, plan, by, verdict, digest: judged.digest })
    }
}

/// Who contributed, and how that is known.
pub type Makers = BTreeSet<(String, ContributorBasis)>;

/// Who contributed to a plan, as it says.
pub fn makers(contributors: &[Contributor]) -> Makers {
    contributors.iter().map(|one| (one.email.clone(), one.basis)).collect()
}

/// The settings that decide who must approve, and when it is deployed.
fn gates(content: Content) -> Option<Setting> {
    match content {
        Content::Present(setting) => Some(Setting { main: 0, extra: None, note: 0, ..setting }),
        _ => None,
    }
}

/// What is taken away where this was applied, that was found, and this shall be there: what is not set any more, and what
/// nobody set, each time with its content.
pub fn removed(
    applied: &BTreeMap<String, Files>,
    found: &BTreeMap<String, Files>,
    desired: &BTreeMap<String, Files>,
) -> BTreeSet<String> {
    let mut removed = BTreeSet::new();
    // A target that no service has, before or after, is not looked at.
    let is_theirs =
        |target: &String| [applied, desired].iter().any(|side| side.get(target).is_some_and(Option::is_some));
    for (target, there) in found.iter().filter(|(target, _)| is_theirs(target)) {
        let set = |files: &BTreeMap<String, Files>, path: &str| {
            files.get(target).and_then(|files| files.as_ref()?.get(path).cloned()).is_some()
        };
        let known = applied.get(target).and_then(Option::as_ref).into_iter().flatten().map(|(path, _)| path);
        for path in known.filter(|path| !set(desired, path)) {
            removed.insert(format!("{target}/{path}"));
        }
        for (path, text) in there.iter().flatten() {
            if !set(applied, path) && !set(desired, path) {
                removed.insert(format!("{target}/{path} of {} bytes", text.len()));
            }
        }
    }
    removed
}

impl World {
    /// Whose approvals of earlier plans may count for this one, each with whether it is a record; of what was judged up to a
    /// place on the journal.
    pub fn carried(
        &self,
        environment: &str,
        published: &Published,
        charter: &Charter,
        upto: usize,
    ) -> BTreeSet<(&'static str, bool)> {
        // A policy is approved as it is, or not.
        if environment == GOVERNANCE {
            return BTreeSet::new();
        }
        let book = &self.book.environments[environment];
        // The plans of the same change, each as it was told last.
        let mut plans: BTreeMap<PlanId, &Published> = BTreeMap::new();
        for one in book.published.iter().filter(|one| (one.number, one.change) == (published.number, published.change))
        {
            plans.insert(one.plan, one);
        }
        let words: Vec<&Verdict> =
            book.verdicts.iter().filter(|word| word.place <= upto && plans.contains_key(&word.plan)).collect();
        let mut carried = BTreeSet::new();
        for (at, approval) in words.iter().enumerate() {
            let theirs = |word: &&&Verdict| word.by == approval.by;
            // They said nothing on this plan, and nothing later or at the same time on another.
            let is_last = words[at + 1..].iter().filter(theirs).count() == 0
                && !words[..at]
                    .iter()
                    .filter(theirs)
                    .any(|word| word.place == approval.place && word.verdict != approval.verdict);
            let is_here = words.iter().filter(theirs).any(|word| word.plan == published.plan);
            let from = plans[&approval.plan];
            if approval.verdict != ApprovalVerdict::Approve || !is_last || is_here {
                continue;
            }
            if self.why_not(environment, (from, approval.place), published, &words, upto).is_some() {
                continue;
            }
            let mut said =
                self.ledger.said().filter(|said| (said.digest, said.plan) == (approval.digest, approval.plan));
            if let Some(said) = said.next()
                && stands(said, environment, charter)
            {
                carried.insert((said.person, said.by_record));
            }
        }
        carried
    }

    /// Why an approval of one plan, judged at a place, says nothing about another.
    fn why_not(
        &self,
        environment: &str,
        (from, given): (&Published, usize),
        to: &Published,
        words: &[&Verdict],
        upto: usize,
    ) -> Option<&'static str> {
        if given > to.shown_at {
            return Some("they approved the one when the other was there to be approved");
        }
        if self.book.policies.iter().any(|policy| policy.place >= given && policy.place <= upto) {
            return Some("the policy is another");
        }
        if from.makers != to.makers || given <= from.renewed || given <= to.renewed {
            return Some("somebody else contributed");
        }
        if from.kind != to.kind || from.base != to.base {
            return Some("it is of another kind, or starts from something else");
        }
        match (&from.removes, &to.removes) {
            (Some(before), Some(now)) if now.is_subset(before) => {}
            // Where the model does not know what was on the host it says nothing.
            (None, _) | (_, None) => {}
            _ => return Some("it takes more away"),
        }
        let rejects = |word: &&&Verdict| word.verdict == ApprovalVerdict::Reject;
        if words.iter().filter(rejects).any(|word| word.place >= given) {
            return Some("somebody rejected the change since");
        }
        let mut last: BTreeMap<&str, ApprovalVerdict> = BTreeMap::new();
        for word in words.iter().filter(|word| word.plan == from.plan) {
            last.insert(&word.by, word.verdict);
        }
        if last.values().any(|verdict| *verdict == ApprovalVerdict::Reject) {
            return Some("the one that they approved is rejected");
        }
        let entered = |published: &Published| gates(self.ledger.content(published.commit, environment));
        (entered(from) != entered(to)).then_some("other settings decide who must approve")
    }
}
