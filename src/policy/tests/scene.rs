//! A case put together word by word.
//!
//! alice is owner; alice, bob and carol are the team `platform` and reviewers; dave is a reviewer outside the team;
//! mallory is a developer; eve and frank are bound as customers of `prod`.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::{Digest, PlanId, StatementId};
use crate::journal::{Admission, Judged};
use crate::model::{
    ApprovalVerdict, Approvers, Binding, EnvironmentName, EvidenceKind, Gates, Glob, Governance, Minimum, Person,
    PersonKey, PersonName, Policy, PolicyAction, PublicKey, Rule, Ruleset, RulesetName, Team,
};
use crate::object::Oid;
use crate::plan::{Contributor, ContributorBasis, PlanKind};
use crate::policy::{Case, Earlier, Start, UnknownRuleset, Verdict, judge};

#[derive(Debug, Clone)]
pub struct Scene {
    governance: Governance,
    kind: PlanKind,
    leaves: Option<Gates>,
    enters: Option<Gates>,
    contributors: Vec<Contributor>,
    truncated: bool,
    pub statements: Vec<Judged>,
    earlier: Vec<Earlier>,
}

pub fn person(name: &str) -> PersonName {
    name.parse().expect("a name")
}

fn key(name: &str) -> PublicKey {
    PublicKey::from_checked("ssh-ed25519", name)
}

fn rulesets(names: &[&str]) -> Vec<RulesetName> {
    names.iter().map(|name| name.parse().expect("a name")).collect()
}

fn globs(texts: &[&str]) -> Vec<Glob> {
    texts.iter().map(|text| Glob::parse(text).expect("a glob")).collect()
}

fn gates(require: Option<bool>, names: &[&str]) -> Gates {
    Gates { require_approval: require, rulesets: Some(rulesets(names)), ..Gates::default() }
}

fn ruleset(name: &str) -> Ruleset {
    Ruleset {
        name: name.parse().expect("a name"),
        enabled: true,
        actions: [PolicyAction::Update].into(),
        rules: Vec::new(),
        allow_self_approval: false,
        reapprove_on_change: true,
        require_signed_commits: false,
        evidence: [EvidenceKind::Record, EvidenceKind::Merge].into(),
    }
}

impl Scene {
    pub fn new() -> Self {
        let people = [
            ("alice", "vendor"),
            ("bob", "vendor"),
            ("carol", "vendor"),
            ("dave", "vendor"),
            ("mallory", "vendor"),
            ("eve", "customer"),
            ("frank", "customer"),
        ];
        let people = people.map(|(name, company)| {
            let known = Person {
                name: person(name),
                emails: vec![format!("{name}@{company}.example")],
                keys: vec![PersonKey { key: key(name), valid_until: None }],
            };
            (person(name), known)
        });
        let team =
            Team { name: "platform".parse().expect("a name"), members: ["alice", "bob", "carol"].map(person).into() };
        let binding = |role: &str, users: &[&str]| Binding {
            role: role.parse().expect("a name"),
            users: users.iter().map(|name| person(name)).collect(),
            teams: BTreeSet::new(),
            environments: globs(&["*"]),
        };
        let standard = Ruleset {
            rules: vec![Rule {
                name: "platform".parse().expect("a name"),
                approvers: Approvers { teams: [team.name.clone()].into(), ..Approvers::default() },
                required: 1.try_into().expect("one"),
            }],
            ..ruleset("standard")
        };
        let policy = Policy {
            rulesets: rulesets(&["standard"]),
            default_require_approval: true,
            default_rulesets: rulesets(&["standard"]),
            minimum: Vec::new(),
            roles: BTreeMap::new(),
            bindings: vec![
                binding("owner", &["alice"]),
                Binding { teams: [team.name.clone()].into(), ..binding("reviewer", &["dave"]) },
                binding("developer", &["mallory"]),
                Binding { environments: globs(&["prod"]), ..binding("customer", &["eve", "frank"]) },
            ],
            journal_keys: Vec::new(),
        };
        let governance = Governance {
            policy,
            people: people.into(),
            teams: [(team.name.clone(), team)].into(),
            rulesets: [(standard.name.clone(), standard)].into(),
        };
        Self {
            governance,
            kind: PlanKind::Update,
            leaves: Some(gates(None, &["standard"])),
            enters: Some(gates(None, &["standard"])),
            contributors: Vec::new(),
            truncated: false,
            statements: Vec::new(),
            earlier: Vec::new(),
        }
    }

    pub fn judge(&self) -> Result<Verdict, UnknownRuleset> {
        let environment: EnvironmentName = "prod".parse().expect("a name");
        judge(&Case {
            governance: &self.governance,
            environment: &environment,
            kind: self.kind,
            leaves: self.leaves.as_ref(),
            enters: self.enters.as_ref(),
            contributors: &self.contributors,
            drafted_by: &[],
            truncated: self.truncated,
            statements: &self.statements,
            earlier: &self.earlier,
            start: &Start::default(),
        })
    }

    #[track_caller]
    pub fn verdict(&self) -> Verdict {
        self.judge().expect("every ruleset is known")
    }

    pub fn says(self, name: &str, verdict: ApprovalVerdict) -> Self {
        self.says_with_key(name, verdict, name)
    }

    pub fn says_with_key(mut self, name: &str, verdict: ApprovalVerdict, with: &str) -> Self {
        let nth = self.statements.len();
        self.statements.push(Judged {
            digest: StatementId(Digest::of(format!("{nth} {name} {verdict:?}"))),
            environment: "prod".parse().expect("a name"),
            plan: None,
            verdict: Some(verdict),
            request: None,
            by: Some(person(name)),
            key: Some(key(with)),
            evidence: Some(EvidenceKind::Record),
            commit: Oid::from_bytes([1; 20]),
            path: String::new(),
            reason: String::new(),
            acknowledge: Vec::new(),
            deploy: false,
            plain: None,
            admitted: Admission::Admitted,
        });
        self
    }

    fn last(mut self, change: impl FnOnce(&mut Judged)) -> Self {
        change(self.statements.last_mut().expect("a statement"));
        self
    }

    /// The last statement was made on an earlier plan; `why_not` is why it does not carry over.
    pub fn on_an_earlier_plan(mut self, why_not: Option<&str>) -> Self {
        let judged = self.statements.pop().expect("a statement");
        let plan = PlanId(Digest::of("an earlier plan"));
        self.earlier.push(Earlier { judged, plan, why_not: why_not.map(str::to_owned) });
        self
    }

    pub fn without_key(self) -> Self {
        self.last(|statement| statement.key = None)
    }

    pub fn refused_last(self) -> Self {
        self.last(|statement| statement.admitted = Admission::Powerless { why: "gone".to_owned() })
    }

    pub fn by_evidence(self, kind: EvidenceKind) -> Self {
        self.last(|statement| statement.evidence = Some(kind))
    }

    pub fn acknowledging(self) -> Self {
        self.last(|statement| statement.acknowledge = vec!["truncated".to_owned()])
    }

    pub fn kind(mut self, kind: PlanKind) -> Self {
        self.kind = kind;
        self
    }

    pub fn truncated(mut self) -> Self {
        self.truncated = true;
        self
    }

    pub fn contributed(mut self, name: &str) -> Self {
        self.contributors.push(Contributor {
            person: Some(person(name)),
            email: format!("{name}@vendor.example"),
            basis: ContributorBasis::Signed,
            commits: vec![Oid::from_bytes([2; 20])],
        });
        self
    }

    /// A commit that names this person as its author and carries nobody's signature.
    pub fn claimed(mut self, name: &str, commit: u8) -> Self {
        self = self.contributed(name);
        if let Some(contributor) = self.contributors.last_mut() {
            contributor.basis = ContributorBasis::Claimed;
            contributor.commits = vec![Oid::from_bytes([commit; 20])];
        }
        self
    }

    /// What the policy's bindings are now.
    pub fn bindings(mut self, change: impl FnOnce(&mut Vec<Binding>)) -> Self {
        change(&mut self.governance.policy.bindings);
        self
    }

    pub fn contributed_unknown(mut self) -> Self {
        self = self.contributed("alice");
        if let Some(contributor) = self.contributors.last_mut() {
            contributor.person = None;
        }
        self
    }

    pub fn second_key(mut self, name: &str, more: &str) -> Self {
        let known = self.governance.people.get_mut(&person(name)).expect("a person");
        known.keys.push(PersonKey { key: key(more), valid_until: None });
        self
    }

    pub fn keyless(mut self, name: &str) -> Self {
        self.governance.people.get_mut(&person(name)).expect("a person").keys.clear();
        self
    }

    pub fn ruleset(mut self, name: &str, change: impl FnOnce(&mut Ruleset)) -> Self {
        let found = self.governance.rulesets.entry(name.parse().expect("a name"));
        change(found.or_insert_with(|| ruleset(name)));
        self
    }

    /// A rule of a ruleset, new or instead of the one of that name, met by these people.
    pub fn rule(self, ruleset: &str, rule: &str, users: &[&str], required: u32) -> Self {
        let users = users.iter().map(|name| person(name)).collect();
        self.any_rule(ruleset, rule, Approvers { users, ..Approvers::default() }, required)
    }

    pub fn customer_rule(self, name: &str) -> Self {
        self.any_rule(name, name, Approvers { customer: true, ..Approvers::default() }, 1)
    }

    fn any_rule(self, ruleset: &str, rule: &str, approvers: Approvers, required: u32) -> Self {
        let rule = Rule {
            name: rule.parse().expect("a name"),
            approvers,
            required: required.try_into().expect("at least one"),
        };
        self.ruleset(ruleset, |ruleset| {
            ruleset.rules.retain(|other| other.name != rule.name);
            ruleset.rules.push(rule);
        })
    }

    pub fn leaving(mut self, require: Option<bool>, names: &[&str]) -> Self {
        self.leaves = Some(gates(require, names));
        self
    }

    pub fn entering(mut self, require: Option<bool>, names: &[&str]) -> Self {
        self.enters = Some(gates(require, names));
        self
    }

    pub fn new_environment(mut self) -> Self {
        self.leaves = None;
        self
    }

    pub fn destroyed(mut self) -> Self {
        self.enters = None;
        self
    }

    pub fn customer(self, email: &str) -> Self {
        self.customer_left(email).customer_entered(email)
    }

    pub fn customer_left(mut self, email: &str) -> Self {
        self.leaves.as_mut().expect("settings").customer_email = Some(email.to_owned());
        self
    }

    pub fn customer_entered(mut self, email: &str) -> Self {
        self.enters.as_mut().expect("settings").customer_email = Some(email.to_owned());
        self
    }

    pub fn minimum(mut self, environments: &[&str], names: &[&str]) -> Self {
        let minimum = Minimum { environments: globs(environments), rulesets: rulesets(names) };
        self.governance.policy.minimum.push(minimum);
        self
    }

    pub fn defaults(mut self, names: &[&str]) -> Self {
        self.governance.policy.default_rulesets = rulesets(names);
        self
    }
}
