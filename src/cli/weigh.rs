//! Whether a statement would count, asked before anything is signed: the daemon's own judgement, read from the status.

use jiff::Timestamp;

use super::CliError;
use super::chain::Chain;
use super::me::Signer;
use crate::journal::Status;
use crate::journal::pages::list;
use crate::lifecycle::{Phase, WaitingOn};
use crate::model::{ApprovalVerdict, EvidenceKind, Governance, Permission, Person, PersonName};
use crate::policy::{HOW_TO_SIGN, StatementView};

/// How many names an answer holds.
const NAMES: usize = 10;

/// Why a statement would not count, and what would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// Why.
    pub why: String,
    /// A command, or who can.
    pub hint: String,
}

impl Objection {
    fn new(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { why: why.into(), hint: hint.into() }
    }

    /// As the answer of a command.
    pub fn into_error(self, status: &Status, verdict: ApprovalVerdict) -> CliError {
        let noun = noun(verdict);
        let why = self.why;
        CliError::refused(format!("{}: your {noun} would not count: {why}", status.environment)).hint(self.hint)
    }
}

/// The word for what a statement is.
pub fn noun(verdict: ApprovalVerdict) -> &'static str {
    match verdict {
        ApprovalVerdict::Approve => "approval",
        ApprovalVerdict::Reject => "rejection",
        ApprovalVerdict::Withdraw => "withdrawal",
    }
}

/// The person whose key would sign.
///
/// # Errors
/// Where the key is nobody's, or is no longer valid (exit code 1).
pub fn signer_in_policy<'g>(
    signer: &Signer,
    governance: &'g Governance,
    now: Timestamp,
) -> Result<&'g Person, CliError> {
    let Some((person, held)) = governance.person_with_key(&signer.public) else {
        return Err(CliError::refused(format!(
            "your key ({}) belongs to nobody in the policy in force",
            signer.shown()
        ))
        .hint("sign with a registered one: --key FILE; or have this one added to governance/people/NAME.yaml"));
    };
    match held.valid_until {
        Some(until) if now >= until => Err(CliError::refused(format!(
            "your key ({}) was valid until {until}: what it signs counts no more",
            signer.shown()
        ))
        .hint(format!("sign with another one, --key FILE; new ones go into governance/people/{}.yaml", person.name))),
        _ => Ok(person),
    }
}

/// What a statement would be weighed with.
#[derive(Clone, Copy)]
pub struct Scales<'a> {
    /// Where the environment stands.
    pub status: &'a Status,
    /// The policy in force.
    pub governance: &'a Governance,
    /// Whose statement.
    pub person: &'a PersonName,
    /// What they said before.
    pub chain: Chain,
    /// Whether they acknowledge that the preview was cut.
    pub acknowledges: bool,
}

impl Scales<'_> {
    /// What an approval would give: the rules it counts for.
    ///
    /// # Errors
    /// Why it would not count.
    pub fn approval(&self) -> Result<Vec<&WaitingOn>, Objection> {
        let Self { status, person, .. } = self;
        let name = &status.environment;
        self.in_a_phase_that_waits()?;
        match (self.chain.stands, self.chain.is_new) {
            (Some(ApprovalVerdict::Reject), _) => {
                let hint = format!("countersign withdraw {}", status.named());
                return Err(Objection::new("you rejected this plan and did not take that back", hint));
            }
            (Some(ApprovalVerdict::Approve), true) => {
                let hint = format!("the daemon has not looked since: countersign status {name}");
                return Err(Objection::new("you approved this plan already", hint));
            }
            _ => {}
        }
        if !self.governance.may(person, Permission::Approve, name) {
            return Err(Objection::new(format!("you lack `approve` in {name}"), self.who_can()));
        }
        let unmet = || status.waiting_on.iter().filter(|rule| rule.missing() > 0);
        if let Some(commit) = status.waiting_on.iter().find_map(|rule| rule.unsigned.first()) {
            return Err(Objection::new(format!("{commit}, and no approval makes up for that"), HOW_TO_SIGN));
        }
        let mine: Vec<&WaitingOn> = unmet().filter(|rule| rule.eligible.contains(person)).collect();
        if mine.is_empty() {
            return Err(self.not_mine());
        }
        let counts = |rule: &&WaitingOn| {
            let ruleset = rule.ruleset.as_ref().and_then(|name| self.governance.rulesets.get(name));
            ruleset.is_none_or(|ruleset| ruleset.evidence.contains(&EvidenceKind::Record))
        };
        let counted: Vec<&WaitingOn> = mine.into_iter().filter(counts).collect();
        if counted.is_empty() {
            let branch = status.branches.get("approve").map(|branch| crate::lifecycle::merge_command(branch));
            let hint = branch.unwrap_or_else(|| "no branch is there to be merged".to_owned());
            return Err(Objection::new("signed records do not count for what you could approve, only merges do", hint));
        }
        let plan = status.plan.as_ref();
        if let Some(plan) = plan.filter(|plan| plan.truncated && !self.acknowledges) {
            let hint = format!("countersign approve {} --plan {} --acknowledge truncated", status.named(), plan.short);
            return Err(Objection::new("the published preview is cut, and you must say that you know", hint));
        }
        Ok(counted)
    }

    /// Whether a rejection would count.
    ///
    /// # Errors
    /// Why it would not.
    pub fn rejection(&self) -> Result<(), Objection> {
        let Self { status, person, .. } = self;
        let name = &status.environment;
        if self.chain.stands == Some(ApprovalVerdict::Reject) {
            return Err(Objection::new("you rejected this plan already", format!("countersign status {name}")));
        }
        if !self.governance.may(person, Permission::Approve, name) {
            return Err(Objection::new(format!("you lack `approve` in {name}"), self.who_can()));
        }
        Ok(())
    }

    /// What a withdrawal would take back.
    ///
    /// # Errors
    /// Why it would not count.
    pub fn withdrawal(&self) -> Result<ApprovalVerdict, Objection> {
        let name = &self.status.environment;
        self.chain.stands.ok_or_else(|| {
            let hint = format!("countersign status {name} shows who said what");
            Objection::new("nothing that you said on this plan stands", hint)
        })
    }

    fn in_a_phase_that_waits(&self) -> Result<(), Objection> {
        let name = &self.status.environment;
        let look = format!("countersign status {name}");
        let why = match self.status.phase {
            // Whether anything is missing is asked later.
            Phase::AwaitingApproval | Phase::Suspended => return Ok(()),
            Phase::Approved => "everything that is asked for is there already",
            Phase::Deploying => "the plan is being deployed already",
            Phase::Failed => "its deployment failed, and it is tried again with the approvals it has",
            Phase::Invalid => "the configuration cannot be used now, so nothing can be applied",
            Phase::Synced => "nothing waits",
            Phase::Tampered => "the history of the repository was rewritten",
            Phase::Rejected => {
                // One's own that stands is told of elsewhere; one's own that does not was just taken back.
                let by: Vec<_> = rejected_by(self.status).into_iter().filter(|by| *by != self.person).collect();
                if by.is_empty() {
                    return Ok(());
                }
                let can = list(&by, "and", NAMES);
                let named = self.status.named();
                let hint = format!("{can} can take that back (`countersign withdraw {named}`); or push another change");
                return Err(Objection::new(format!("{can} rejected this plan"), hint));
            }
        };
        Err(Objection::new(why, look))
    }

    /// Why this person's approval would count for no rule.
    fn not_mine(&self) -> Objection {
        let Self { status, person, .. } = self;
        let all = || status.waiting_on.iter();
        let carried = status.statements.iter().filter(|view| view.counted && view.by.as_ref() == Some(*person));
        if let Some(plan) = carried.filter_map(|view| view.carried_from).next() {
            let why = format!("what you said on plan {} counts for this one already", plan.short());
            return Objection::new(why, self.who_can());
        }
        if all().any(|rule| rule.have.contains(person)) {
            return Objection::new("you approved this plan already", self.who_can());
        }
        let excluded = all().filter(|rule| rule.missing() > 0).flat_map(|rule| &rule.excluded);
        if let Some(why) = excluded.into_iter().find(|excluded| excluded.person == **person).map(|e| &e.why) {
            return Objection::new(format!("you {}", in_second_person(why)), self.who_can());
        }
        if all().any(|rule| rule.eligible.contains(person)) {
            return Objection::new("what you could approve is met already", self.who_can());
        }
        Objection::new("no rule that is asked for names you", self.who_can())
    }

    /// Who could supply what is missing.
    fn who_can(&self) -> String {
        let status = self.status;
        let open: Vec<&WaitingOn> = status.waiting_on.iter().filter(|rule| rule.missing() > 0).collect();
        let mut people: Vec<&PersonName> = Vec::new();
        for person in open.iter().flat_map(|rule| &rule.eligible) {
            if person != self.person && !people.contains(&person) {
                people.push(person);
            }
        }
        if people.is_empty() {
            return format!("nobody else can either: countersign status {} says why", status.environment);
        }
        let who = list(&people, "or", NAMES);
        format!("{who} can approve; show them: countersign diff {}", status.named())
    }
}

/// Whose rejection stands.
pub fn rejected_by(status: &Status) -> Vec<&PersonName> {
    let rejects = |view: &&StatementView| view.counted && view.verdict == Some(ApprovalVerdict::Reject);
    status.statements.iter().filter(rejects).filter_map(|view| view.by.as_ref()).collect()
}

/// `lacks approve` said of somebody, said to them.
fn in_second_person(why: &str) -> String {
    match why.split_once(' ') {
        Some(("lacks", rest)) => format!("lack {rest}"),
        Some(("has", rest)) => format!("have {rest}"),
        _ => why.to_owned(),
    }
}
