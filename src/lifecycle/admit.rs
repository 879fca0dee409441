//! What a newly found statement means: each is judged once, when it is first seen.
//!
//! Order matters only where it must: rejections come first, and each person's statements follow the chain that their
//! `previous` makes. Everything else is independent of the order in which commits happen to be read.

mod request;

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use jiff::Timestamp;

pub use request::{NOTHING_TO_START, permission_for};

use super::state::{JudgedKey, State};
use crate::digest::{Digest, PlanId, StatementId};
use crate::evidence::key::fingerprint;
use crate::evidence::{Found, Proof};
use crate::journal::{Admission, Judged, ReadyMade, ReadyWord};
use crate::model::{
    Approval, ApprovalVerdict, EnvironmentName, EvidenceKind, Governance, Maker, Permission, PersonName, Request,
    RequestAction, Statement,
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
    /// The environments whose folder is, in the config head, what is applied: those whose change can be closed.
    pub put_back: &'a BTreeSet<EnvironmentName>,
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
    if proven.is_empty() {
        return judged;
    }
    let mut chains = Chains::new(facts, &proven);
    let (vetoes, rest): (Vec<_>, Vec<_>) = proven.into_iter().partition(Proven::is_veto);
    let mut rest = VecDeque::from(rest);
    // Gate 1: rejections and suspensions first, whatever they name as previous.
    for veto in vetoes {
        judged.push(chains.take(facts, veto));
    }
    // Gate 2: then each person's chain, link by link; what ends plans after what is said on them.
    while let Some(next) = chains.next_link(&rest).and_then(|at| rest.remove(at)) {
        judged.push(chains.take(facts, next));
    }
    // Gate 3: what follows nothing: a withdrawal of an approval still takes effect, all else is refused.
    for statement in rest {
        judged.push(chains.take_out_of_order(facts, statement));
    }
    judged
}

/// A statement of a known person: on an open plan, or a request.
struct Proven {
    judged: Judged,
    person: PersonName,
    says: Says,
    source: Link,
    in_tip: bool,
}

/// What a statement says.
enum Says {
    /// A verdict on a plan.
    Verdict(PlanId, ApprovalVerdict),
    /// A request.
    Request(RequestAction),
}

impl Proven {
    /// What takes effect whatever its maker said before.
    fn is_veto(&self) -> bool {
        matches!(self.says, Says::Verdict(_, ApprovalVerdict::Reject) | Says::Request(RequestAction::Suspend { .. }))
    }

    /// What ends the plans of its environment.
    fn ends_plans(&self) -> bool {
        matches!(self.says, Says::Request(RequestAction::Close { .. } | RequestAction::Reopen { .. }))
    }

    fn word(&self) -> &'static str {
        match &self.says {
            Says::Verdict(_, verdict) => verdict.name(),
            Says::Request(action) => action.name(),
        }
    }
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
        request: None,
        by: None,
        key: None,
        evidence: None,
        commit: found.commit,
        path: found.path.clone(),
        reason: String::new(),
        acknowledge: Vec::new(),
        deploy: false,
        plain: None,
        admitted: Admission::Refused { why: String::new(), hint: String::new() },
    };
    match &found.proof {
        Proof::Nothing { statement, ready, why, .. } => {
            let Some(environment) = ready.as_ref().map(|ready| ready.environment.clone()).or(folder) else {
                return Err(None);
            };
            let mut judged = blank(environment);
            match statement {
                Some(Statement::Approval(approval)) => describe(&mut judged, approval),
                Some(Statement::Request(request)) => request::describe(&mut judged, request),
                None => {}
            }
            if let Some(ready) = ready {
                describe_ready(&mut judged, ready);
            }
            let hint = hint_for(facts, &judged, ready.as_ref());
            Err(Some(refuse(judged, why.clone(), hint)))
        }
        Proof::Record { statement, key, in_tip, bytes, .. } => {
            let mut judged = blank(statement.environment().clone());
            match statement {
                Statement::Approval(approval) => describe(&mut judged, approval),
                Statement::Request(request) => request::describe(&mut judged, request),
            }
            // Until it is known to be its maker's own, it goes by the digest of its file: anybody can sign the words of
            // somebody else, or lay their record into another folder, and the statement itself must still be heard.
            judged.digest = StatementId(Digest::of(bytes));
            judged.evidence = Some(EvidenceKind::Record);
            let Maker::Signed { by, previous, .. } = statement.maker() else {
                return Err(Some(refuse(judged, "it is not signed".to_owned(), String::new())));
            };
            judged.by = Some(by.clone());
            let place = match statement {
                Statement::Approval(_) => "approvals",
                Statement::Request(_) => "requests",
            };
            let name = statement.environment();
            if folder.as_ref() != Some(name) {
                let why = format!("it lies in the folder of another environment than `{name}`");
                return Err(Some(refuse(judged, why, format!("move it to {place}/{name}/"))));
            }
            if judged.request.is_some() && !found.path.starts_with("requests/") {
                let why = "a request does not lie among the approvals".to_owned();
                return Err(Some(refuse(judged, why, format!("move it to {place}/{name}/"))));
            }
            if statement.repository() != facts.state.repository {
                let why = format!("it is for another repository ({})", statement.repository().short());
                return Err(Some(refuse(judged, why, String::new())));
            }
            match facts.governance.person_with_key(key) {
                Some((person, held)) if person.name == *by => in_time(facts, held.valid_until, &judged)?,
                Some((person, _)) => {
                    let why = format!("it says `{by}` but is signed with a key of {}", person.name);
                    return Err(Some(refuse(judged, why, String::new())));
                }
                None => {
                    let why = format!("the key that signed it ({}) belongs to nobody in the policy", fingerprint(key));
                    return Err(Some(refuse(judged, why, String::new())));
                }
            }
            judged.digest = digest;
            judged.key = Some(key.clone());
            let link = Link::Previous(*previous);
            match statement {
                Statement::Approval(_) => on_open_plan(facts, judged, by.clone(), link, *in_tip),
                Statement::Request(Request { action, .. }) => {
                    request::can_be_asked(facts, &judged, action)?;
                    Ok(Proven {
                        judged,
                        person: by.clone(),
                        says: Says::Request(action.clone()),
                        source: link,
                        in_tip: *in_tip,
                    })
                }
            }
        }
        Proof::Merge { ready, key, email, reason, .. } => {
            let mut judged = blank(ready.environment.clone());
            describe_ready(&mut judged, ready);
            judged.evidence = Some(EvidenceKind::Merge);
            judged.reason.clone_from(reason);
            let hint = hint_for(facts, &judged, Some(ready));
            let Some((person, held)) = facts.governance.person_with_key(key) else {
                let why =
                    format!("the key that signed the merge ({}) belongs to nobody in the policy", fingerprint(key));
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
                plan.statements.iter().chain(&plan.deploys).any(|(_, before)| {
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
            let (person, link) = (person.name.clone(), Link::Published(published));
            match judged.request.clone() {
                None => on_open_plan(facts, judged, person, link, true),
                Some(action) => {
                    request::can_be_asked(facts, &judged, &action)?;
                    Ok(Proven { judged, person, says: Says::Request(action), source: link, in_tip: true })
                }
            }
        }
    }
}

fn describe(judged: &mut Judged, approval: &Approval) {
    judged.plan = Some(approval.plan);
    judged.verdict = Some(approval.verdict);
    judged.reason.clone_from(&approval.reason);
    judged.acknowledge.clone_from(&approval.acknowledge);
    judged.deploy = approval.deploy;
    if let Maker::Signed { by, .. } = &approval.maker {
        judged.by = Some(by.clone());
    }
}

/// What merging a ready-made commit says.
fn describe_ready(judged: &mut Judged, ready: &ReadyMade) {
    judged.plan = Some(ready.plan);
    judged.verdict = ready.says.verdict();
    judged.request = ready.says.request(ready.plan);
    judged.deploy = ready.says == ReadyWord::ApproveAndDeploy;
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
    Ok(Proven { judged, person, says: Says::Verdict(plan, verdict), source, in_tip })
}

/// What the person could do now: the newest ready-made branch of the plan, or the command that signs a record.
fn hint_for(facts: &Facts<'_>, judged: &Judged, ready: Option<&ReadyMade>) -> String {
    let Some(env) = facts.state.environments.get(&judged.environment) else { return String::new() };
    let plan = judged.plan.and_then(|plan| env.open_plan(plan)).or_else(|| env.current_plan());
    if let Some(newest) = plan.zip(ready).and_then(|(plan, ready)| plan.newest_ready(ready.says)) {
        return merge_command(&newest.branch);
    }
    if let Some(action) = &judged.request {
        return format!("countersign {} {}", action.name(), judged.environment);
    }
    let Some(plan) = plan else { return String::new() };
    let verdict = judged.verdict.unwrap_or(ApprovalVerdict::Approve);
    let deploy = if judged.deploy { " --deploy" } else { "" };
    let draft = if plan.drafted.is_some() { " --draft" } else { "" };
    format!("countersign {} {}{draft} --plan {}{deploy}", verdict.name(), judged.environment, plan.id.short())
}

/// Each person's last proven statement, on each plan and in each environment, and what stands of it.
struct Chains {
    last: BTreeMap<(PlanId, PersonName), Last>,
    /// Who approved another plan of the same number, and may take that back on this one.
    elsewhere: BTreeSet<(PlanId, PersonName)>,
    /// In the environment, on a plan or not.
    spoken: BTreeMap<(EnvironmentName, PersonName), (StatementId, u64)>,
    /// The environments whose plans ended just now.
    ended: BTreeSet<EnvironmentName>,
    /// The environments that somebody asked to be deployed again just now.
    redeployed: BTreeSet<EnvironmentName>,
    /// What stands of suspensions, by sequence and person.
    suspended: BTreeMap<EnvironmentName, Vec<(u64, PersonName)>>,
}

#[derive(Clone)]
struct Last {
    statement: StatementId,
    sequence: u64,
    stands: Option<ApprovalVerdict>,
}

impl Chains {
    /// What was said before in the environments of these statements: nothing that was said elsewhere ties to them.
    fn new(facts: &Facts<'_>, proven: &[Proven]) -> Self {
        let mut chains = Self {
            last: BTreeMap::new(),
            elsewhere: BTreeSet::new(),
            spoken: BTreeMap::new(),
            ended: BTreeSet::new(),
            redeployed: BTreeSet::new(),
            suspended: BTreeMap::new(),
        };
        let names: BTreeSet<&EnvironmentName> = proven.iter().map(|one| &one.judged.environment).collect();
        for (name, env) in names.into_iter().filter_map(|name| facts.state.environments.get_key_value(name)) {
            for (sequence, judged) in &env.suspensions {
                let all = chains.suspended.entry(name.clone()).or_default();
                all.extend(judged.by.clone().map(|by| (*sequence, by)));
            }
            let running = env.deployment.iter().map(|deployment| &deployment.plan);
            for plan in env.plans.iter().chain(running.clone()) {
                let people = env.approvers_elsewhere(plan).into_iter();
                let people = people.filter(|person| env.approval_elsewhere(plan, person).is_some());
                chains.elsewhere.extend(people.map(|person| (plan.id, person)));
            }
            for plan in env.plans.iter().chain(running).chain(env.drafted.iter()) {
                for (sequence, judged) in &plan.statements {
                    if let (Some(by), Some(verdict)) = (&judged.by, judged.verdict) {
                        chains.record(plan.id, by, verdict, judged, *sequence);
                    }
                }
            }
            // After the plans: it is at least as new as any word on one of them.
            for (person, last) in env.last_words.iter() {
                chains.spoken.insert((name.clone(), person.clone()), *last);
            }
        }
        chains
    }

    fn record(&mut self, plan: PlanId, by: &PersonName, verdict: ApprovalVerdict, judged: &Judged, sequence: u64) {
        let key = (plan, by.clone());
        let before = self.stands(&key);
        let stands = match (&judged.admitted, verdict) {
            (Admission::Refused { .. }, _) => return,
            (Admission::Powerless { .. }, _) => before,
            (Admission::Admitted, ApprovalVerdict::Withdraw) => None,
            (Admission::Admitted, verdict) => Some(verdict),
        };
        self.last.insert(key, Last { statement: judged.digest, sequence, stands });
    }

    /// What stands of what a person said on a plan; an approval of an earlier one where they said nothing on it.
    fn stands(&self, key: &(PlanId, PersonName)) -> Option<ApprovalVerdict> {
        let elsewhere = || self.elsewhere.contains(key).then_some(ApprovalVerdict::Approve);
        self.last.get(key).map_or_else(elsewhere, |last| last.stands)
    }

    fn standing(&self, statement: &Proven) -> Option<ApprovalVerdict> {
        match statement.says {
            Says::Verdict(plan, _) => self.stands(&(plan, statement.person.clone())),
            Says::Request(_) => None,
        }
    }

    fn last_of(&self, statement: &Proven) -> Option<&Last> {
        match statement.says {
            Says::Verdict(plan, _) => self.last.get(&(plan, statement.person.clone())),
            Says::Request(_) => None,
        }
    }

    /// The statement, and when it was judged, that this one must follow.
    fn before(&self, statement: &Proven) -> Option<(StatementId, u64)> {
        match statement.says {
            Says::Verdict(..) => self.last_of(statement).map(|last| (last.statement, last.sequence)),
            Says::Request(_) => {
                self.spoken.get(&(statement.judged.environment.clone(), statement.person.clone())).copied()
            }
        }
    }

    fn follows(&self, statement: &Proven) -> bool {
        let before = self.before(statement);
        match statement.source {
            Link::Previous(previous) => previous == before.map(|(statement, _)| statement),
            // What one entry judges comes before what it publishes.
            Link::Published(sequence) => before.is_none_or(|(_, judged)| sequence >= judged),
        }
    }

    fn next_link(&self, rest: &VecDeque<Proven>) -> Option<usize> {
        let follows = |ends: bool| rest.iter().position(|one| one.ends_plans() == ends && self.follows(one));
        follows(false).or_else(|| follows(true))
    }

    /// Judges a statement that is next in its maker's chain (or a veto, which is always next).
    fn take(&mut self, facts: &Facts<'_>, statement: Proven) -> Judged {
        if self.ended.contains(&statement.judged.environment) && statement.judged.plan.is_some() {
            let why = "its plan ended by a request that was seen at the same time".to_owned();
            return self.finish(facts, statement, Admission::Refused { why, hint: String::new() });
        }
        let admitted = match &statement.says {
            Says::Verdict(_, verdict) => self.weigh(facts, &statement, *verdict),
            Says::Request(action) => self.weigh_request(facts, &statement, action),
        };
        self.finish(facts, statement, admitted)
    }

    fn weigh(&self, facts: &Facts<'_>, statement: &Proven, verdict: ApprovalVerdict) -> Admission {
        let stands = self.standing(statement);
        let may = facts.governance.may(&statement.person, Permission::Approve, &statement.judged.environment);
        let record = matches!(statement.source, Link::Previous(_));
        match (verdict, stands) {
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
        }
    }

    fn take_out_of_order(&mut self, facts: &Facts<'_>, statement: Proven) -> Judged {
        let last = self.before(&statement);
        let stands = self.standing(&statement);
        let ended = self.ended.contains(&statement.judged.environment);
        let admitted = match (&statement.says, stands) {
            (Says::Verdict(_, ApprovalVerdict::Withdraw), Some(ApprovalVerdict::Approve)) if !ended => {
                Admission::Admitted
            }
            (says, _) => {
                let place = match says {
                    Says::Verdict(..) => "on this plan".to_owned(),
                    Says::Request(_) => format!("in {}", statement.judged.environment),
                };
                let why = match statement.source {
                    Link::Previous(_) => format!(
                        "its `previous` is not {}'s last statement {place} ({})",
                        statement.person,
                        last.map_or_else(|| "there is none: null".to_owned(), |(last, _)| last.to_string())
                    ),
                    Link::Published(_) => {
                        format!("the branch it merged was made before {}'s newest statement {place}", statement.person)
                    }
                };
                let hint = format!("countersign {} {}", statement.word(), statement.judged.environment);
                Admission::Refused { why, hint }
            }
        };
        self.finish(facts, statement, admitted)
    }

    fn finish(&mut self, facts: &Facts<'_>, statement: Proven, admitted: Admission) -> Judged {
        let Proven { mut judged, person, says, .. } = statement;
        judged.admitted = admitted;
        if judged.deploy && judged.admitted == Admission::Admitted {
            // Nothing starts a draft, nor will what was said on one.
            judged.plain = if is_drafted(facts, &judged) {
                Some("its plan is that of a draft".to_owned())
            } else if !facts.governance.may(&person, Permission::Deploy, &judged.environment) {
                Some(format!("{person} does not hold `deploy` in {}", judged.environment))
            } else {
                None
            };
        }
        let sequence = facts.state.sequence + 1;
        if !matches!(judged.admitted, Admission::Refused { .. }) {
            self.spoken.insert((judged.environment.clone(), person.clone()), (judged.digest, sequence));
        }
        match says {
            Says::Verdict(plan, verdict) => self.record(plan, &person, verdict, &judged, sequence),
            Says::Request(action) => self.done(facts, &judged, &person, &action),
        }
        judged
    }
}

/// Whether a statement is about a plan of the draft.
fn is_drafted(facts: &Facts<'_>, judged: &Judged) -> bool {
    let env = facts.state.environments.get(&judged.environment);
    let plan = judged.plan.and_then(|plan| env?.open_plan(plan));
    plan.is_some_and(|plan| plan.drafted.is_some())
}

fn powerless(why: &str) -> Admission {
    Admission::Powerless { why: why.to_owned() }
}

fn gone() -> Admission {
    powerless("its record was gone from the branch when it was first seen")
}

#[cfg(test)]
mod tests;
