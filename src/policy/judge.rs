//! The judgement: what is asked for, held against what was said.

use std::collections::BTreeMap;

use super::asked::{Asked, UnknownRuleset, asked_for};
use super::earlier::{Earlier, carrying};
use super::signed::unsigned;
use super::standing::standing;
use super::start::Start;
use super::verdict::{Admitted, Exclusion, Requirement, StatementView, Verdict};
use crate::journal::{Admission, Judged};
use crate::model::{ApprovalVerdict, EnvironmentName, EvidenceKind, Gates, Governance, Permission, PersonName};
use crate::plan::{Contributor, PlanKind};

/// Everything a judgement depends on.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The policy in force.
    pub governance: &'a Governance,
    /// The environment.
    pub environment: &'a EnvironmentName,
    /// What the plan is for.
    pub kind: PlanKind,
    /// The settings in force; `None` for a new environment, which leaves the policy's defaults.
    pub leaves: Option<&'a Gates>,
    /// The settings desired; `None` for a destroy.
    pub enters: Option<&'a Gates>,
    /// Who contributed to the change.
    pub contributors: &'a [Contributor],
    /// Who else contributed while this was the plan of a draft: they approve it as little.
    pub drafted_by: &'a [Contributor],
    /// Whether the preview shown was cut.
    pub truncated: bool,
    /// Every statement on the plan, in the order judged.
    pub statements: &'a [Judged],
    /// The approvals of other plans of the same number, at most one of each person.
    pub earlier: &'a [Earlier],
    /// What else decides whether it may start.
    pub start: &'a Start,
}

/// Judges a plan.
///
/// # Errors
/// [`UnknownRuleset`] where settings or policy name a ruleset that does not exist: nothing can be judged then.
pub fn judge(case: &Case<'_>) -> Result<Verdict, UnknownRuleset> {
    let asked = asked_for(case.governance, case.environment, case.kind, case.leaves, case.enters)?;
    let standing = standing(case.statements);
    let rejected_by: Vec<PersonName> = standing
        .iter()
        .filter(|(_, statement)| statement.verdict == Some(ApprovalVerdict::Reject))
        .filter(|(person, statement)| lapsed(case, person, statement).is_none())
        .map(|(person, _)| (*person).clone())
        .collect();
    let approvals: BTreeMap<&PersonName, &Judged> = standing
        .iter()
        .filter(|(_, statement)| statement.verdict == Some(ApprovalVerdict::Approve))
        .map(|(person, statement)| (*person, *statement))
        .collect();
    let mut requirements: Vec<Requirement> = asked.iter().map(|asked| require(case, asked, &approvals)).collect();
    requirements.extend(unsigned(case, &asked));
    let carries = carrying(case.kind, &asked);
    // What was said before the plan comes before what is said on it.
    let earlier = case.earlier.iter().filter(|_| !carries.is_empty());
    let mut statements: Vec<_> = earlier.map(|one| view_earlier(case, one, &asked, &requirements)).collect();
    statements.extend(case.statements.iter().map(|s| view(case, s, standing.get_by(s), &asked, &requirements)));
    Ok(Verdict { requirements, statements, rejected_by, carries, start: case.start.clone() })
}

fn require(case: &Case<'_>, asked: &Asked<'_>, approvals: &BTreeMap<&PersonName, &Judged>) -> Requirement {
    let mut requirement = Requirement {
        ruleset: asked.rule.map(|(ruleset, _)| ruleset.name.clone()),
        rule: asked.rule.map(|(_, rule)| rule.name.clone()),
        because: asked.because,
        required: asked.rule.map_or(1, |(_, rule)| rule.required.get()),
        have: Vec::new(),
        eligible: Vec::new(),
        excluded: Vec::new(),
        unsigned: Vec::new(),
    };
    for person in &asked.candidates {
        let barred = barred(case, asked, person);
        let said = approvals.get(person).copied().or_else(|| case.carried(asked, person));
        match (barred, said) {
            (Some(why), _) => requirement.excluded.push(Exclusion { person: person.clone(), why }),
            (None, Some(statement)) if insufficient(case, asked, person, statement).is_none() => {
                requirement.have.push((person.clone(), statement.digest));
            }
            (None, _) => requirement.eligible.push(person.clone()),
        }
    }
    requirement
}

/// Why nothing this person says can count for this rule now.
fn barred(case: &Case<'_>, asked: &Asked<'_>, person: &PersonName) -> Option<String> {
    if !case.governance.may(person, Permission::Approve, case.environment) {
        return Some(format!("lacks `approve` in {}", case.environment));
    }
    let known = case.governance.people.get(person)?;
    if known.keys.is_empty() {
        return Some("has no key".to_owned());
    }
    let self_approval = asked.rule.is_some_and(|(ruleset, _)| ruleset.allow_self_approval);
    if !self_approval {
        return contributed(case, person);
    }
    None
}

fn contributed(case: &Case<'_>, person: &PersonName) -> Option<String> {
    let all = case.contributors.iter().chain(case.drafted_by);
    let found = all.into_iter().find(|contributor| contributor.person.as_ref() == Some(person))?;
    Some(match found.commits.first() {
        Some(commit) => format!("contributed to this change ({})", commit.short()),
        None => "contributed to this change".to_owned(),
    })
}

/// Why this approval does not count for this rule, though its maker could give one that does; and what would.
fn insufficient(case: &Case<'_>, asked: &Asked<'_>, person: &PersonName, statement: &Judged) -> Option<WhyNot> {
    if let Some(why) = lapsed(case, person, statement) {
        return Some((why, String::new()));
    }
    let name = case.environment;
    // Gate: a change of the policy takes signed records, whatever its rulesets accept elsewhere.
    let counts = |kind: EvidenceKind| match case.kind {
        PlanKind::Policy => kind == EvidenceKind::Record,
        _ => asked.rule.is_none_or(|(ruleset, _)| ruleset.evidence.contains(&kind)),
    };
    match statement.evidence {
        Some(kind) if counts(kind) => {}
        _ => {
            let why = "only a signed record counts for this rule".to_owned();
            return Some((why, format!("countersign approve {name}")));
        }
    }
    let acknowledged = statement.acknowledge.iter().any(|what| what == "truncated");
    if case.truncated && !(statement.evidence == Some(EvidenceKind::Record) && acknowledged) {
        let why = "the preview was cut, and this does not say so".to_owned();
        return Some((why, format!("countersign approve {name} --acknowledge truncated")));
    }
    None
}

/// Why what a person said no longer stands: person, key, role and binding must be in force now as well.
fn lapsed(case: &Case<'_>, person: &PersonName, statement: &Judged) -> Option<String> {
    let Some(known) = case.governance.people.get(person) else {
        return Some(format!("{person} is no longer in the policy"));
    };
    if !statement.key.as_ref().is_some_and(|key| known.keys.iter().any(|held| held.key == *key)) {
        return Some(format!("the key that signed it is no longer one of {person}"));
    }
    if !case.governance.may(person, Permission::Approve, case.environment) {
        return Some(format!("{person} no longer holds `approve` in {}", case.environment));
    }
    None
}

trait ByStatement<'a> {
    fn get_by(&self, statement: &Judged) -> Option<&'a Judged>;
}

impl<'a> ByStatement<'a> for BTreeMap<&'a PersonName, &'a Judged> {
    fn get_by(&self, statement: &Judged) -> Option<&'a Judged> {
        self.get(statement.by.as_ref()?).copied()
    }
}

fn view(
    case: &Case<'_>,
    statement: &Judged,
    last: Option<&Judged>,
    asked: &[Asked<'_>],
    requirements: &[Requirement],
) -> StatementView {
    let (counted, (mut why, hint)) = match &statement.admitted {
        Admission::Admitted => weigh(case, statement, last, asked, requirements),
        _ => return StatementView::of_refused(statement),
    };
    if counted && let Some(starts) = case.start.started_by(statement) {
        why = format!("{why}; {starts}");
    }
    let (digest, by, verdict, commit) = (statement.digest, statement.by.clone(), statement.verdict, statement.commit);
    let (request, admitted, carried_from) = (None, Admitted::Admitted, None);
    let reason = StatementView::reason_of(statement);
    StatementView { digest, by, verdict, request, commit, counted, admitted, carried_from, why, hint, reason }
}

/// An approval of an earlier plan, and whether it counts for this one.
fn view_earlier(
    case: &Case<'_>,
    earlier: &Earlier,
    asked: &[Asked<'_>],
    requirements: &[Requirement],
) -> StatementView {
    let Earlier { judged, plan, why_not } = earlier;
    let labels = labels(judged, requirements);
    let carrying = || asked.iter().filter(|asked| asked.carries(case.kind));
    let insufficient = || {
        let person = judged.by.as_ref()?;
        let named = carrying().filter(|asked| asked.candidates.contains(person));
        let why = |asked: &Asked<'_>| {
            let barred = barred(case, asked, person).map(|why| (why, String::new()));
            barred.or_else(|| insufficient(case, asked, person, judged))
        };
        let mut named = named.peekable();
        let nobody = named.peek().is_none().then(|| format!("no rule that carries approvals over names {person}"));
        named.find_map(why).map(|(why, _)| why).or(nobody)
    };
    let why = if labels.is_empty() {
        let why = why_not.clone().or_else(insufficient);
        let why = why.unwrap_or_else(|| "its maker said something else on this plan".to_owned());
        format!("given to plan {}, it is not carried over: {why}", plan.short())
    } else {
        let (labels, short, name) = (labels.join(", "), plan.short(), case.environment);
        format!("counts for {labels}, carried over from plan {short} (`countersign diff {name} --plan {short}`)")
    };
    let counted = !labels.is_empty();
    let view = StatementView::of_uncounted(judged, &why);
    StatementView { counted, carried_from: Some(*plan), ..view }
}

/// The rules that a statement counts for.
fn labels(statement: &Judged, requirements: &[Requirement]) -> Vec<String> {
    let have = |requirement: &&Requirement| requirement.have.iter().any(|(_, digest)| *digest == statement.digest);
    requirements.iter().filter(have).map(Requirement::label).collect()
}

/// Why something does not count, and the command that would; empty where there is none.
type WhyNot = (String, String);

fn weigh(
    case: &Case<'_>,
    statement: &Judged,
    last: Option<&Judged>,
    asked: &[Asked<'_>],
    requirements: &[Requirement],
) -> (bool, WhyNot) {
    let because = |counted: bool, why: String| (counted, (why, String::new()));
    let Some(person) = &statement.by else { return because(false, "nobody is known to have made it".to_owned()) };
    if statement.verdict == Some(ApprovalVerdict::Withdraw) {
        return because(true, format!("takes back what {person} said before"));
    }
    if last.is_none_or(|last| last.digest != statement.digest) {
        return because(false, format!("{person} took it back or said something else later"));
    }
    if let Some(why) = lapsed(case, person, statement) {
        return because(false, why);
    }
    if statement.verdict == Some(ApprovalVerdict::Reject) {
        return because(true, "rejects the plan".to_owned());
    }
    let labels = labels(statement, requirements);
    if !labels.is_empty() {
        return because(true, format!("counts for {}", labels.join(", ")));
    }
    let why_not = |asked: &Asked<'_>| {
        if !asked.candidates.contains(person) {
            return None;
        }
        let barred = barred(case, asked, person).map(|why| (why, String::new()));
        barred.or_else(|| insufficient(case, asked, person, statement))
    };
    let why = asked.iter().find_map(why_not).or_else(|| contributed(case, person).map(|why| (why, String::new())));
    let nobody = || (format!("no rule asked for here names {person}"), String::new());
    (false, why.unwrap_or_else(nobody))
}
