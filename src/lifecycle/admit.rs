//! What a newly found statement means: each is judged once, when it is first seen.
//!
//! Order matters only where it must: rejections come first, and each person's statements follow the chain that their
//! `previous` makes. Everything else is independent of the order in which commits happen to be read.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;

use super::state::{JudgedKey, State};
use crate::digest::{Digest, PlanId, StatementId};
use crate::evidence::{Found, Proof};
use crate::journal::{Admission, Judged, ReadyMade};
use crate::model::{
    Approval, ApprovalVerdict, EnvironmentName, EvidenceKind, Governance, Maker, Permission, PersonName, Statement,
};

/// What a judgement of statements depends on.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The journal so far.
    pub state: &'a State,
    /// The policy in force.
    pub governance: &'a Governance,
    /// The daemon's clock: the only time that matters for `validUntil`.
    pub now: Timestamp,
}

/// The command that makes an approval by merge count.
pub fn merge_command(branch: &str) -> String {
    format!("git pull --ff-only && git fetch origin {branch} && git merge -S --no-ff FETCH_HEAD && git push")
}

/// Judges every statement among `found` that was never judged before.
pub fn admit(facts: &Facts<'_>, found: &[Found]) -> Vec<Judged> {
    let mut seen: HashSet<JudgedKey> = HashSet::new();
    let mut judged = Vec::new();
    let mut proven = Vec::new();
    for found in found {
        let digest = match &found.proof {
            Proof::Record { digest, .. } | Proof::Merge { digest, .. } | Proof::Nothing { digest, .. } => *digest,
        };
        let identified = identify(facts, found, digest);
        let key = match &identified {
            Ok(statement) => JudgedKey::of(&statement.judged),
            Err(Some(refused)) => JudgedKey::of(refused),
            Err(None) => continue,
        };
        if facts.state.judged.contains(&key) || !seen.insert(key) {
            continue;
        }
        match identified {
            Ok(statement) => proven.push(statement),
            Err(Some(refused)) => judged.push(*refused),
            Err(None) => {}
        }
    }
    let mut chains = Chains::new(facts);
    let is_rejection = |statement: &Proven| statement.verdict == ApprovalVerdict::Reject;
    let (rejections, mut rest): (Vec<_>, Vec<_>) = proven.into_iter().partition(is_rejection);
    // Gate 1: rejections first, whatever they name as previous.
    for rejection in rejections {
        judged.push(chains.take(facts, rejection));
    }
    // Gate 2: then each person's chain, link by link.
    while let Some(at) = rest.iter().position(|statement| chains.follows(statement)) {
        let next = rest.remove(at);
        judged.push(chains.take(facts, next));
    }
    // Gate 3: what follows nothing: a withdrawal of an approval still takes effect, all else is refused.
    for statement in rest {
        judged.push(chains.take_out_of_order(facts, statement));
    }
    judged
}

/// A statement of a known person on an open plan.
struct Proven {
    judged: Judged,
    person: PersonName,
    plan: PlanId,
    verdict: ApprovalVerdict,
    source: Link,
    in_tip: bool,
}

/// What ties a statement to the ones before it.
enum Link {
    /// A record names the one before.
    Previous(Option<StatementId>),
    /// A merge is ordered by when its ready-made commit was published (sequence of the entry).
    Published(u64),
}

/// Who made it and what it is about, or why it is refused (`None`: it is none of our business).
fn identify(facts: &Facts<'_>, found: &Found, digest: StatementId) -> Result<Proven, Option<Box<Judged>>> {
    let folder = found.folder.clone();
    let blank = |environment: EnvironmentName| Judged {
        digest,
        environment,
        plan: None,
        verdict: None,
        by: None,
        key: None,
        evidence: None,
        commit: found.commit,
        path: found.path.clone(),
        reason: String::new(),
        acknowledge: Vec::new(),
        admitted: Admission::Refused { why: String::new(), hint: String::new() },
    };
    match &found.proof {
        Proof::Nothing { statement, ready, why, .. } => {
            let Some(environment) = ready.as_ref().map(|ready| ready.environment.clone()).or(folder) else {
                return Err(None);
            };
            let mut judged = blank(environment);
            if let Some(Statement::Approval(approval)) = statement {
                describe(&mut judged, approval);
            }
            if let Some(ready) = ready {
                judged.plan = Some(ready.plan);
                judged.verdict = Some(ready.verdict);
            }
            let hint = hint_for(facts, &judged, ready.as_ref());
            Err(Some(refuse(judged, why.clone(), hint)))
        }
        Proof::Record { statement: Statement::Request(request), key, .. } => {
            let mut judged = blank(request.environment.clone());
            judged.by = facts.governance.person_with_key(key).map(|(person, _)| person.name.clone());
            let why = format!("`{}` requests are not built yet in this version", request.action.name());
            Err(Some(refuse(judged, why, String::new())))
        }
        Proof::Record { statement: Statement::Approval(approval), key, in_tip, bytes, .. } => {
            let mut judged = blank(approval.environment.clone());
            // Until it is known to be its maker's, it is only this file: whoever signs somebody's words with another
            // key, or puts them somewhere else, must not use up the statement itself, which is judged once.
            judged.digest = StatementId(Digest::of(bytes));
            describe(&mut judged, approval);
            // Until it is known to be its maker's own, it goes by the digest of its file: anybody can sign the words of
            // somebody else, or lay their record into another folder, and the statement itself must still be heard.
            judged.digest = StatementId(Digest::of(bytes));
            judged.evidence = Some(EvidenceKind::Record);
            let Maker::Signed { by, previous, .. } = &approval.maker else {
                return Err(Some(refuse(judged, "it is not signed".to_owned(), String::new())));
            };
            judged.by = Some(by.clone());
            if folder.as_ref() != Some(&approval.environment) {
                let why = format!("it lies in the folder of another environment than `{}`", approval.environment);
                return Err(Some(refuse(judged, why, format!("move it to approvals/{}/", approval.environment))));
            }
            if approval.repository != facts.state.repository {
                let why = format!("it is for another repository ({})", approval.repository.short());
                return Err(Some(refuse(judged, why, String::new())));
            }
            match facts.governance.person_with_key(key) {
                Some((person, held)) if person.name == *by => in_time(facts, held.valid_until, &judged)?,
                Some((person, _)) => {
                    let why = format!("it says `{by}` but is signed with a key of {}", person.name);
                    return Err(Some(refuse(judged, why, String::new())));
                }
                None => {
                    let why = "the key that signed it belongs to nobody in the policy".to_owned();
                    return Err(Some(refuse(judged, why, String::new())));
                }
            }
            judged.digest = digest;
            judged.key = Some(key.clone());
            judged.digest = digest;
            on_open_plan(facts, judged, by.clone(), Link::Previous(*previous), *in_tip)
        }
        Proof::Merge { ready, key, email, reason, .. } => {
            let mut judged = blank(ready.environment.clone());
            judged.plan = Some(ready.plan);
            judged.verdict = Some(ready.verdict);
            judged.evidence = Some(EvidenceKind::Merge);
            judged.reason.clone_from(reason);
            let hint = hint_for(facts, &judged, Some(ready));
            let Some((person, held)) = facts.governance.person_with_key(key) else {
                let why = "the key that signed the merge belongs to nobody in the policy".to_owned();
                return Err(Some(refuse(judged, why, hint)));
            };
            judged.by = Some(person.name.clone());
            if !person.emails.contains(&email.to_lowercase()) {
                let why = format!("the merge is signed by {} but its author is <{email}>", person.name);
                return Err(Some(refuse(judged, why, hint)));
            }
            in_time(facts, held.valid_until, &judged)?;
            // An ECDSA signature can be turned into another valid one by anybody, and the merge into another object with
            // it: whoever merged a ready-made commit once has said what it says once.
            let env = facts.state.environments.get(&judged.environment);
            let open = env.and_then(|env| env.open_plan(ready.plan));
            let again = open.is_some_and(|plan| {
                plan.statements.iter().any(|(_, before)| {
                    before.by == judged.by
                        && before.path == judged.path
                        && before.evidence == Some(EvidenceKind::Merge)
                        && !matches!(before.admitted, Admission::Refused { .. })
                })
            });
            if again {
                let why = format!("{} merged this ready-made commit before", person.name);
                return Err(Some(refuse(judged, why, hint)));
            }
            judged.key = Some(key.clone());
            let published = facts.state.ready.get(&ready.commit).map_or(0, |(sequence, _)| *sequence);
            on_open_plan(facts, judged, person.name.clone(), Link::Published(published), true)
        }
    }
}

fn describe(judged: &mut Judged, approval: &Approval) {
    judged.plan = Some(approval.plan);
    judged.verdict = Some(approval.verdict);
    judged.reason.clone_from(&approval.reason);
    judged.acknowledge.clone_from(&approval.acknowledge);
    if let Maker::Signed { by, .. } = &approval.maker {
        judged.by = Some(by.clone());
    }
}

fn refuse(mut judged: Judged, why: String, hint: String) -> Box<Judged> {
    judged.admitted = Admission::Refused { why, hint };
    Box::new(judged)
}

fn in_time(facts: &Facts<'_>, until: Option<Timestamp>, judged: &Judged) -> Result<(), Option<Box<Judged>>> {
    match until {
        Some(until) if facts.now >= until => {
            let why = format!("the key that signed it was valid until {until}");
            Err(Some(refuse(judged.clone(), why, "sign with a key that is valid now".to_owned())))
        }
        _ => Ok(()),
    }
}

fn on_open_plan(
    facts: &Facts<'_>,
    judged: Judged,
    person: PersonName,
    source: Link,
    in_tip: bool,
) -> Result<Proven, Option<Box<Judged>>> {
    let (Some(plan), Some(verdict)) = (judged.plan, judged.verdict) else {
        return Err(Some(refuse(judged, "it names no plan".to_owned(), String::new())));
    };
    let open = facts.state.environments.get(&judged.environment).and_then(|env| env.open_plan(plan));
    if open.is_none() {
        let hint = hint_for(facts, &judged, None);
        let why = format!("plan {} of {} is not open: it ended, or never was", plan.short(), judged.environment);
        return Err(Some(refuse(judged, why, hint)));
    }
    Ok(Proven { judged, person, plan, verdict, source, in_tip })
}

/// What the person could do now: the newest ready-made branch of the plan, or the command that signs a record.
fn hint_for(facts: &Facts<'_>, judged: &Judged, ready: Option<&ReadyMade>) -> String {
    let Some(env) = facts.state.environments.get(&judged.environment) else { return String::new() };
    let plan = judged.plan.and_then(|plan| env.open_plan(plan)).or_else(|| env.current_plan());
    let Some(plan) = plan else { return String::new() };
    let verdict = judged.verdict.unwrap_or(ApprovalVerdict::Approve);
    match (plan.newest_ready(verdict), ready) {
        (Some(newest), Some(_)) => merge_command(&newest.branch),
        _ => format!("countersign {} {} --plan {}", verdict.name(), judged.environment, plan.id.short()),
    }
}

/// Each person's last proven statement on each plan, and what stands of it.
struct Chains {
    last: BTreeMap<(PlanId, PersonName), Last>,
}

#[derive(Clone)]
struct Last {
    statement: StatementId,
    sequence: u64,
    stands: Option<ApprovalVerdict>,
}

impl Chains {
    fn new(facts: &Facts<'_>) -> Self {
        let mut chains = Self { last: BTreeMap::new() };
        let running = facts.state.environments.values().flat_map(|env| env.deployment.iter().map(|d| &d.plan));
        for plan in facts.state.open_plans().map(|(_, plan)| plan).chain(running) {
            for (sequence, judged) in &plan.statements {
                if let (Some(by), Some(verdict)) = (&judged.by, judged.verdict) {
                    chains.record(plan.id, by, verdict, judged, *sequence);
                }
            }
        }
        chains
    }

    fn record(&mut self, plan: PlanId, by: &PersonName, verdict: ApprovalVerdict, judged: &Judged, sequence: u64) {
        let key = (plan, by.clone());
        let before = self.last.get(&key).and_then(|last| last.stands);
        let stands = match (&judged.admitted, verdict) {
            (Admission::Refused { .. }, _) => return,
            (Admission::Powerless { .. }, _) => before,
            (Admission::Admitted, ApprovalVerdict::Withdraw) => None,
            (Admission::Admitted, verdict) => Some(verdict),
        };
        self.last.insert(key, Last { statement: judged.digest, sequence, stands });
    }

    fn last_of(&self, statement: &Proven) -> Option<&Last> {
        self.last.get(&(statement.plan, statement.person.clone()))
    }

    fn follows(&self, statement: &Proven) -> bool {
        let last = self.last_of(statement);
        match statement.source {
            Link::Previous(previous) => previous == last.map(|last| last.statement),
            Link::Published(sequence) => last.is_none_or(|last| sequence > last.sequence),
        }
    }

    /// Judges a statement that is next in its maker's chain (or a rejection, which is always next).
    fn take(&mut self, facts: &Facts<'_>, statement: Proven) -> Judged {
        let stands = self.last_of(&statement).and_then(|last| last.stands);
        let may = facts.governance.may(&statement.person, Permission::Approve, &statement.judged.environment);
        let record = matches!(statement.source, Link::Previous(_));
        let admitted = match (statement.verdict, stands) {
            // Taking back needs no right; what gives something back to a plan must be there to be seen.
            (ApprovalVerdict::Withdraw, None) => powerless("there is nothing of yours to take back"),
            (ApprovalVerdict::Withdraw, Some(ApprovalVerdict::Reject)) if !record => Admission::Refused {
                why: "taking back a rejection must name it, which a merge cannot".to_owned(),
                hint: format!("countersign withdraw {}", statement.judged.environment),
            },
            (ApprovalVerdict::Withdraw, Some(ApprovalVerdict::Reject)) if !statement.in_tip => gone(),
            (ApprovalVerdict::Withdraw, Some(_)) => Admission::Admitted,
            (_, _) if !may => {
                powerless(&format!("{} does not hold `approve` in {}", statement.person, statement.judged.environment))
            }
            (ApprovalVerdict::Reject, _) => Admission::Admitted,
            (ApprovalVerdict::Approve, Some(ApprovalVerdict::Reject)) => Admission::Refused {
                why: format!("{} rejected this plan and did not take that back", statement.person),
                hint: format!("countersign withdraw {}", statement.judged.environment),
            },
            (ApprovalVerdict::Approve, _) if !statement.in_tip => gone(),
            (ApprovalVerdict::Approve, _) => Admission::Admitted,
        };
        self.finish(facts, statement, admitted)
    }

    fn take_out_of_order(&mut self, facts: &Facts<'_>, statement: Proven) -> Judged {
        let last = self.last_of(&statement).cloned();
        let stands = last.as_ref().and_then(|last| last.stands);
        let admitted = match (statement.verdict, stands) {
            (ApprovalVerdict::Withdraw, Some(ApprovalVerdict::Approve)) => Admission::Admitted,
            (verdict, _) => {
                let why = match statement.source {
                    Link::Previous(_) => format!(
                        "its `previous` is not {}'s last statement on this plan ({})",
                        statement.person,
                        last.map_or_else(|| "there is none: null".to_owned(), |last| last.statement.to_string())
                    ),
                    Link::Published(_) => format!(
                        "the branch it merged was made before {}'s newest statement on this plan",
                        statement.person
                    ),
                };
                let hint = format!("countersign {} {}", verdict.name(), statement.judged.environment);
                Admission::Refused { why, hint }
            }
        };
        self.finish(facts, statement, admitted)
    }

    fn finish(&mut self, facts: &Facts<'_>, statement: Proven, admitted: Admission) -> Judged {
        let Proven { mut judged, person, plan, verdict, .. } = statement;
        judged.admitted = admitted;
        self.record(plan, &person, verdict, &judged, facts.state.sequence + 1);
        judged
    }
}

fn powerless(why: &str) -> Admission {
    Admission::Powerless { why: why.to_owned() }
}

fn gone() -> Admission {
    powerless("its record was gone from the branch when it was first seen")
}

#[cfg(test)]
mod tests;
