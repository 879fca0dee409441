//! The verdict on a plan, as a value with its reasons.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::signed::Unsigned;
use super::start::{Hold, Start};
use crate::digest::{PlanId, StatementId};
use crate::journal::{Admission, Judged, StartedBy};
use crate::model::{ApprovalVerdict, PersonName, RuleName, RulesetName};
use crate::object::Oid;
use crate::text::cut;

/// What the policy in force says of a plan, given the statements on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Everything that is asked for. All must be met.
    pub requirements: Vec<Requirement>,
    /// Every statement on the plan, with whether it counts and why (not).
    pub statements: Vec<StatementView>,
    /// The people whose rejection stands.
    pub rejected_by: Vec<PersonName>,
    /// The rulesets whose approvals carry over to later changes (`reapproveOnChange: false`).
    pub carries: Vec<RulesetName>,
    /// What else decides whether it may start.
    pub start: Start,
}

/// One thing that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The ruleset; `None` for the single approval.
    pub ruleset: Option<RulesetName>,
    /// The rule; `None` for the single approval.
    pub rule: Option<RuleName>,
    /// Why it is asked for.
    pub because: Because,
    /// How many different people.
    pub required: u32,
    /// The people whose approval counts for it, with their statement.
    pub have: Vec<(PersonName, StatementId)>,
    /// The people who could still give what is missing.
    pub eligible: Vec<PersonName>,
    /// The people the rule names who cannot, and why.
    pub excluded: Vec<Exclusion>,
    /// The commits that the ruleset wants signed and that are not: where there is one, no approval is enough.
    pub unsigned: Vec<Unsigned>,
}

/// Why a ruleset is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Because {
    /// The settings that the change leaves ask for it.
    Leaves,
    /// The settings that the change enters ask for it.
    Enters,
    /// Both do.
    Both,
    /// The policy's `minimum`.
    Minimum,
    /// A change of the policy itself.
    Policy,
}

/// Somebody whom a rule names but whose approval cannot count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exclusion {
    /// Who.
    pub person: PersonName,
    /// Why, with the commit where there is one: `contributed (4be01aa)`, `lacks approve in acme-prod`, `has no key`.
    pub why: String,
}

/// How much of a reason a view holds, in characters.
const REASON: usize = 200;

/// A statement as the verdict sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatementView {
    /// The statement.
    pub digest: StatementId,
    /// Whose, as far as known.
    pub by: Option<PersonName>,
    /// What it says, as far as it can be read.
    pub verdict: Option<ApprovalVerdict>,
    /// What it asks for, where it is a request: the action's word.
    pub request: Option<String>,
    /// The commit that brought it: where nothing proves who made it, that is all there is to say.
    pub commit: Oid,
    /// Whether it counts now.
    pub counted: bool,
    /// How it was judged when it was first seen.
    pub admitted: Admitted,
    /// The earlier plan it was given to, where it is none on this plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried_from: Option<PlanId>,
    /// Why it counts, or why not.
    pub why: String,
    /// What would count: a command; empty where it counts, or nothing helps.
    pub hint: String,
    /// The reason that its maker gave, the beginning of it.
    pub reason: String,
}

/// How a statement was judged when it was first seen, in one word. All but refused ones are part of their maker's chain
/// on the plan: the next statement names the last of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Admitted {
    /// It is proven, in order, and its maker held `approve`.
    Admitted,
    /// It is proven and in order, but gives nothing.
    Powerless,
    /// It is nobody's, or out of order.
    Refused,
}

impl StatementView {
    /// A statement that is on no open plan: it cannot count.
    pub fn of_refused(judged: &Judged) -> Self {
        Self::of_uncounted(judged, "its plan has ended")
    }

    /// A statement that does not count; `why` for one that was admitted.
    pub fn of_uncounted(judged: &Judged, why: &str) -> Self {
        let (why, hint) = match &judged.admitted {
            Admission::Refused { why, hint } => (why.clone(), hint.clone()),
            Admission::Powerless { why } => (why.clone(), String::new()),
            Admission::Admitted => (why.to_owned(), String::new()),
        };
        let admitted = match judged.admitted {
            Admission::Admitted => Admitted::Admitted,
            Admission::Powerless { .. } => Admitted::Powerless,
            Admission::Refused { .. } => Admitted::Refused,
        };
        let request = judged.request.as_ref().map(|action| action.name().to_owned());
        let (digest, by, verdict, commit) = (judged.digest, judged.by.clone(), judged.verdict, judged.commit);
        let reason = Self::reason_of(judged);
        Self { digest, by, verdict, request, commit, counted: false, admitted, carried_from: None, why, hint, reason }
    }

    /// As much of the reason as a status holds: the whole of it is in the record, and in the journal's event.
    pub(super) fn reason_of(judged: &Judged) -> String {
        cut(&judged.reason, REASON)
    }

    /// Whose it is, for people.
    pub fn who(&self) -> String {
        self.by.as_ref().map_or_else(|| "somebody".to_owned(), ToString::to_string)
    }

    /// ` (4be01aa)` where nobody is known to have made it, else nothing.
    pub fn whence(&self) -> String {
        if self.by.is_some() { String::new() } else { format!(" ({})", self.commit.short()) }
    }
}

impl Requirement {
    /// Whether enough different people approved.
    pub fn is_met(&self) -> bool {
        self.unsigned.is_empty() && self.have.len() >= self.required as usize
    }

    /// How many are still missing.
    pub fn missing(&self) -> u32 {
        self.required.saturating_sub(u32::try_from(self.have.len()).unwrap_or(u32::MAX))
    }

    /// Whether those who could still approve are enough.
    pub fn is_satisfiable(&self) -> bool {
        self.unsigned.is_empty() && self.have.len() + self.eligible.len() >= self.required as usize
    }

    /// `ruleset/rule`, or `single approval`.
    pub fn label(&self) -> String {
        match (&self.ruleset, &self.rule) {
            (Some(ruleset), _) if !self.unsigned.is_empty() => format!("{ruleset}: signed commits"),
            (Some(ruleset), Some(rule)) => format!("{ruleset}/{rule}"),
            (Some(ruleset), None) => format!("ruleset {ruleset}, which is gone"),
            (None, _) => "single approval".to_owned(),
        }
    }
}

impl Verdict {
    /// The verdict on a plan whose settings ask for a ruleset that the policy in force does not have.
    pub fn unmeetable(ruleset: RulesetName, statements: &[Judged]) -> Self {
        let because = format!("ruleset `{ruleset}` does not exist in the policy in force");
        let requirement = Requirement {
            ruleset: Some(ruleset),
            rule: None,
            because: Because::Enters,
            required: 1,
            have: Vec::new(),
            eligible: Vec::new(),
            excluded: Vec::new(),
            unsigned: Vec::new(),
        };
        let statements = statements.iter().map(|judged| StatementView::of_uncounted(judged, &because)).collect();
        let (rejected_by, carries) = (Vec::new(), Vec::new());
        Self { requirements: vec![requirement], statements, rejected_by, carries, start: Start::default() }
    }

    /// All requirements are met and nobody's rejection stands.
    pub fn is_approved(&self) -> bool {
        self.rejected_by.is_empty() && self.requirements.iter().all(Requirement::is_met)
    }

    /// It is approved, and nothing else holds it at a time; by whose word it starts, where one is needed. `is_open`:
    /// whether its windows are open then.
    ///
    /// # Errors
    /// What holds it; `None` where it is not approved.
    pub fn may_start(&self, now: Timestamp, is_open: bool) -> Result<Option<StartedBy>, Option<Hold>> {
        if !self.is_approved() {
            return Err(None);
        }
        self.start.at(now, is_open).map_err(Some)
    }
}
