//! A small company: alice, bob and carol are the platform team, mallory writes code, olga is the customer's.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;

use jiff::Timestamp;

use crate::digest::{Digest, PlanId, RepositoryId, RevisionId, StatementId};
use crate::journal::*;
use crate::lifecycle::{EnvironmentState, State};
use crate::model::*;
use crate::object::{Kind, Oid};
use crate::plan::{Base, Contributor, ContributorBasis, PlanKind};
use crate::policy::{Case, Verdict, judge};

pub fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

pub fn oid(seed: &str) -> Oid {
    Oid::of(Kind::Blob, seed.as_bytes())
}

pub fn digest(seed: &str) -> Digest {
    Digest::of(seed)
}

pub fn revision(seed: &str) -> RevisionId {
    RevisionId(digest(seed))
}

pub fn key(person: &str) -> PublicKey {
    let mut seed = [0; 32];
    seed[..person.len()].copy_from_slice(person.as_bytes());
    let pair = ssh_key::private::Ed25519Keypair::from_seed(&seed);
    let text = ssh_key::PublicKey::from(pair.public).to_openssh().unwrap();
    crate::evidence::key::parse_public_key(&text).unwrap()
}

fn person(who: &str, email: &str) -> (PersonName, Person) {
    let keys = vec![PersonKey { key: key(who), valid_until: None }];
    (name(who), Person { name: name(who), emails: vec![email.to_owned()], keys })
}

fn rule(what: &str, required: u32, approvers: Approvers) -> Rule {
    Rule { name: name(what), approvers, required: NonZeroU32::new(required).unwrap() }
}

/// `production` asks for two of the platform team and one of the customer's people.
pub fn governance() -> Governance {
    let people = [
        person("alice", "alice@vendor.example"),
        person("bob", "bob@vendor.example"),
        person("carol", "carol@vendor.example"),
        person("mallory", "mallory@vendor.example"),
        person("olga", "ops@acme.example"),
    ];
    let team = Team { name: name("platform"), members: ["alice", "bob", "carol", "mallory"].map(name).into() };
    let binding = |role: &str, users: &[&str], teams: &[&str]| Binding {
        role: name(role),
        users: users.iter().map(|user| name(user)).collect(),
        teams: teams.iter().map(|team| name(team)).collect(),
        environments: vec![Glob::parse("acme-*").unwrap()],
    };
    let ruleset = Ruleset {
        name: name("production"),
        enabled: true,
        actions: [PolicyAction::Update].into(),
        rules: vec![
            rule("platform", 2, Approvers { teams: [name("platform")].into(), ..Approvers::default() }),
            rule("customer", 1, Approvers { customer: true, ..Approvers::default() }),
        ],
        allow_self_approval: false,
        reapprove_on_change: true,
        require_signed_commits: false,
        evidence: [EvidenceKind::Record, EvidenceKind::Merge].into(),
    };
    Governance {
        policy: Policy {
            rulesets: vec![],
            default_require_approval: true,
            default_rulesets: vec![],
            minimum: vec![],
            roles: BTreeMap::new(),
            bindings: vec![binding("owner", &[], &["platform"]), binding("customer", &["olga"], &[])],
            journal_keys: vec![],
        },
        people: people.into(),
        teams: [(team.name.clone(), team)].into(),
        rulesets: [(ruleset.name.clone(), ruleset)].into(),
    }
}

pub fn gates() -> Gates {
    Gates {
        require_approval: Some(true),
        rulesets: Some(vec![name("production")]),
        customer_email: Some("ops@acme.example".to_owned()),
        auto_approve: BTreeSet::new(),
        imports: Vec::new(),
        deploy: crate::model::Deploy::default(),
        drift: None,
    }
}

/// A journal, entry by entry; the clock moves seven minutes with each.
pub struct World {
    pub governance: Governance,
    pub state: State,
    pub env: EnvironmentName,
    pub revision: &'static str,
    statements: u64,
}

impl World {
    pub fn new() -> Self {
        let started = Event::Started {
            nonce: "00112233445566778899aabbccddeeff".to_owned(),
            journal: "countersign/journal".to_owned(),
            branch: "main".to_owned(),
            root: "/".to_owned(),
            layout: Layout::Flat,
            prefix: "countersign".to_owned(),
            policy: revision("policy 1"),
        };
        let policy = Event::PolicyAdmitted { version: 1, revision: revision("policy 1"), commit: oid("first commit") };
        let entry = JournalEntry {
            format: FORMAT,
            sequence: 0,
            previous: None,
            time: "2026-11-20T08:00:00Z".parse().unwrap(),
            heads: Heads { config: oid("first commit"), records: None },
            policy: 0,
            events: vec![started, policy],
            files: BTreeMap::new(),
        };
        let state = State::begin(&entry).unwrap();
        Self { governance: governance(), state, env: name("acme-prod"), revision: "first", statements: 0 }
    }

    pub fn entry(&mut self, events: Vec<Event>) -> &mut Self {
        let entry = JournalEntry {
            format: FORMAT,
            sequence: self.state.sequence + 1,
            previous: Some(digest("the one before")),
            time: self.state.time + jiff::Span::new().minutes(7),
            heads: Heads { config: oid("config head"), records: None },
            policy: 1,
            events,
            files: BTreeMap::new(),
        };
        self.state.apply(&entry).unwrap();
        self
    }

    pub fn environment(&self) -> Arc<EnvironmentState> {
        self.state.environment(&self.env)
    }

    pub fn plan(&self) -> PlanId {
        let env = self.environment();
        PlanId(digest(&format!("{} {} {} {}", self.env, env.next_number(), env.round, self.revision)))
    }

    /// A plan that mallory, who signs, and somebody unknown contributed to.
    pub fn planned(&mut self, kind: PlanKind, truncated: bool) -> &mut Self {
        let env = self.environment();
        let event = Event::Planned {
            environment: self.env.clone(),
            plan: self.plan(),
            number: env.next_number(),
            round: env.round,
            kind,
            base: env.base(),
            revision: (kind != PlanKind::Destroy).then(|| revision(self.revision)),
            commit: oid("config head"),
            truncated,
            contributors: contributors(),
            imports: Default::default(),
            removes: Some(Default::default()),
            carries: Vec::new(),
        };
        self.entry(vec![event])
    }

    /// The plan that a draft would give, by the same people.
    pub fn drafted(&mut self, number: u64, round: u64) -> &mut Self {
        let env = self.environment();
        let event = Event::DraftPlanned {
            environment: self.env.clone(),
            draft: oid("draft"),
            settings: Some(oid("settings")),
            plan: PlanId(digest("of the draft")),
            number,
            round,
            kind: PlanKind::Update,
            base: env.base(),
            revision: Some(revision("of the draft")),
            commit: oid("config head"),
            truncated: false,
            contributors: contributors(),
            imports: Default::default(),
        };
        self.entry(vec![event])
    }

    pub fn ready(&mut self, says: ReadyWord) -> &mut Self {
        let plan = self.plan();
        let short = plan.short();
        let event = Event::Ready(ReadyMade {
            environment: self.env.clone(),
            plan,
            says,
            n: 1,
            commit: oid(&format!("{short} {}", says.name())),
            branch: format!("countersign/{}/{}/{short}", says.name(), self.env),
            path: format!("approvals/{}/{short}/{}-1.yaml", self.env, says.name()),
            blob: oid("record"),
        });
        self.entry(vec![event])
    }

    /// A statement on the plan that waits (or was claimed last), as `admit` would have judged it.
    pub fn judged(&mut self, who: &str, verdict: ApprovalVerdict, reason: &str, admitted: Admission) -> Judged {
        self.statements += 1;
        let env = self.environment();
        let plan = env.deployment.as_ref().map_or_else(|| self.plan(), |deployment| deployment.plan.id);
        Judged {
            digest: StatementId(digest(&format!("statement {}", self.statements))),
            environment: self.env.clone(),
            plan: Some(plan),
            verdict: Some(verdict),
            request: None,
            by: Some(name(who)),
            key: Some(key(who)),
            evidence: Some(if who == "olga" { EvidenceKind::Record } else { EvidenceKind::Merge }),
            commit: oid("its commit"),
            path: format!("approvals/{}/{}/{who}.yaml", self.env, plan.short()),
            reason: reason.to_owned(),
            acknowledge: vec![],
            deploy: false,
            plain: None,
            admitted,
        }
    }

    pub fn says(&mut self, who: &str, verdict: ApprovalVerdict, reason: &str) -> &mut Self {
        let judged = self.judged(who, verdict, reason, Admission::Admitted);
        self.entry(vec![Event::Statement(judged)])
    }

    pub fn refused(&mut self, who: &str, reason: &str, why: &str, hint: &str) -> &mut Self {
        let admitted = Admission::Refused { why: why.to_owned(), hint: hint.to_owned() };
        let judged = self.judged(who, ApprovalVerdict::Approve, reason, admitted);
        self.entry(vec![Event::Statement(judged)])
    }

    pub fn claimed(&mut self) -> &mut Self {
        let env = self.environment();
        let (plan, number) = match &env.deployment {
            Some(failed) => (failed.plan.clone(), failed.claim.number),
            None => (env.current_plan().unwrap().clone(), env.next_number()),
        };
        let verdict = self.verdict_on(&plan.id);
        let met = verdict.requirements.iter().map(|requirement| MetRule {
            ruleset: requirement.ruleset.clone(),
            rule: requirement.rule.clone(),
            statements: requirement.have.iter().map(|(person, id)| (*id, person.clone())).collect(),
        });
        let claim = Claim {
            environment: self.env.clone(),
            plan: plan.id,
            number,
            attempt: env.next_attempt(number),
            heads: Heads { config: oid("config head"), records: None },
            journal: oid("journal head"),
            policy: 1,
            key: key("daemon"),
            instance: "5f0c".to_owned(),
            met: met.collect(),
            started: None,
            targets: vec!["/srv/acme/config".to_owned()],
            drift: None,
        };
        self.entry(vec![Event::Claimed(claim)])
    }

    pub fn ended(&mut self, result: OutcomeResult, message: &str, services: Vec<ServiceOutcome>) -> &mut Self {
        let claim = self.environment().running().unwrap().claim.clone();
        let event = Event::Outcome {
            environment: self.env.clone(),
            number: claim.number,
            attempt: claim.attempt,
            result,
            services,
            message: message.to_owned(),
        };
        self.entry(vec![event])
    }

    /// Six deployments that went well, the last one approved by people with reasons.
    pub fn with_history(&mut self) -> &mut Self {
        for revision in ["one", "two", "three", "four", "five", "six"] {
            self.revision = revision;
            let kind = if revision == "one" { PlanKind::Create } else { PlanKind::Update };
            self.planned(kind, false);
            self.says("alice", ApprovalVerdict::Approve, "load-tested on staging");
            self.says("bob", ApprovalVerdict::Approve, "");
            self.says("olga", ApprovalVerdict::Approve, "agreed with Acme in CHG-4711");
            self.claimed().ended(OutcomeResult::Applied, "", vec![]);
        }
        self.revision = "seven";
        self
    }

    fn verdict_on(&self, plan: &PlanId) -> Verdict {
        let env = self.environment();
        let open = env.open_plan(*plan).unwrap();
        let gates = gates();
        judge(&Case {
            governance: &self.governance,
            environment: &self.env,
            kind: open.kind,
            leaves: Some(&gates),
            enters: Some(&gates),
            contributors: &open.contributors,
            drafted_by: &[],
            truncated: open.truncated,
            statements: &open.judged(),
            earlier: &[],
            start: &crate::policy::Start::default(),
        })
        .unwrap()
    }

    pub fn status(&self) -> Status {
        let env = self.environment();
        let verdict = env.current_plan().map(|plan| self.verdict_on(&plan.id));
        let of_draft = env.draft_plan().map(|plan| self.verdict_on(&plan.id));
        Status::of(&self.state, &self.governance, &self.env, &env, verdict.as_ref()).with_draft(&env, of_draft.as_ref())
    }

    pub fn page(&self) -> String {
        crate::journal::pages::environment_page(&self.state, &self.status(), &self.environment())
    }
}

pub fn contributors() -> Vec<Contributor> {
    vec![
        Contributor {
            person: Some(name("mallory")),
            email: "mallory@vendor.example".to_owned(),
            basis: ContributorBasis::Signed,
            commits: vec![oid("one"), oid("two")],
        },
        Contributor {
            person: None,
            email: "dave@elsewhere.example".to_owned(),
            basis: ContributorBasis::Claimed,
            commits: vec![oid("two")],
        },
    ]
}

pub fn service(name_of: &str, result: ServiceResult, message: &str) -> ServiceOutcome {
    ServiceOutcome { name: name(name_of), result, message: message.to_owned() }
}

pub fn base(number: u64) -> Option<Base> {
    Some(Base { number, revision: Some(revision("six")) })
}

pub fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn repository() -> RepositoryId {
    RepositoryId(digest("repository"))
}
