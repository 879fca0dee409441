//! Journal entries and the events in them. The state of everything is the fold of these events.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ReadyMade;
use crate::digest::{Digest, PlanId, RepositoryId, RevisionId, StatementId};
use crate::model::{
    ApprovalVerdict, EnvironmentName, EvidenceKind, PersonName, Problem, PublicKey, RequestAction, RuleName,
    RulesetName, ServiceName,
};
use crate::object::Oid;
use crate::plan::{Base, Contributor, PlanDocument, PlanKind};
use crate::revision::Sources;

/// The version of the journal's format.
pub const FORMAT: u32 = 1;

/// One commit of the journal: the file `entry.json`, canonical JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JournalEntry {
    /// [`FORMAT`].
    pub format: u32,
    /// 0, 1, 2 …
    pub sequence: u64,
    /// The SHA-256 of the previous entry's raw commit object; null in the first.
    pub previous: Option<Digest>,
    /// The daemon's clock, whole seconds.
    pub time: Timestamp,
    /// What was read to get here.
    pub heads: Heads,
    /// The policy version in force before this entry's events.
    pub policy: u64,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// Every file this commit changes beside `entry.json`: path to SHA-256, null where it is removed.
    pub files: BTreeMap<String, Option<Digest>>,
}

/// The tips that were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Heads {
    /// The config branch.
    pub config: Oid,
    /// `countersign/records`, where it exists.
    pub records: Option<Oid>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Event {
    /// The journal begins. Always the first event of the first entry, and nowhere else.
    Started {
        /// 128 random bits, 32 hex digits.
        nonce: String,
        /// The journal's branch.
        journal: String,
        /// The config branch.
        branch: String,
        /// The root folder (`/`).
        root: String,
        /// How environments are laid out.
        layout: Layout,
        /// The prefix of ready-made branches (`countersign`).
        prefix: String,
        /// The operator's pin: the revision of policy 1.
        policy: RevisionId,
    },
    /// A policy version comes into force: the first with the journal's start, each later one with the outcome of the
    /// deployment of `governance` that brings it, in the same entry.
    PolicyAdmitted {
        /// 1, 2, 3 …
        version: u64,
        /// The revision of `governance/`.
        revision: RevisionId,
        /// The config commit it was read from.
        commit: Oid,
    },
    /// An operator accepted a branch whose history does not continue what was read from it, or put the journal back.
    /// Who that was cannot be known. An entry of its own, which reads nothing.
    HistoryAccepted {
        /// The config branch, the branch of records, or the journal's.
        branch: String,
        /// What was read last; of the journal: what was taken off, or null where it was gone.
        old: Option<Oid>,
        /// What is accepted; of the journal: the entry it was put back to, the one before this.
        new: Oid,
    },
    /// An operator's new pin brings a policy into force that nobody approved. An entry of its own.
    PolicyPinned {
        /// One more than the version before.
        version: u64,
        /// The revision of `governance/`: the pin from here on.
        revision: RevisionId,
        /// The config commit it was read from.
        commit: Oid,
    },
    /// A statement was seen for the first time and judged.
    Statement(Judged),
    /// A plan waits, or what is told beside it (contributors) changed.
    Planned {
        /// The environment.
        environment: EnvironmentName,
        /// The plan.
        plan: PlanId,
        /// Its number.
        number: u64,
        /// Its round.
        round: u64,
        /// Its kind.
        kind: PlanKind,
        /// Its base.
        base: Option<Base>,
        /// Its desired revision.
        revision: Option<RevisionId>,
        /// The config commit it was computed from.
        commit: Oid,
        /// Whether its preview was cut for display.
        truncated: bool,
        /// Who contributed.
        contributors: Vec<Contributor>,
        /// Where each of its imports is from.
        imports: Sources,
        /// What it takes away; null where nobody compares it.
        removes: Option<BTreeSet<String>>,
        /// The rulesets that carry approvals over to later changes.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        carries: Vec<RulesetName>,
    },
    /// The desired revision left that of a published plan: its plans have ended and the round goes up.
    Superseded {
        /// The environment.
        environment: EnvironmentName,
        /// The plans that ended.
        plans: Vec<PlanId>,
        /// The new round.
        round: u64,
        /// The config commit that did it.
        commit: Oid,
    },
    /// A change without effect was recorded without approval or number.
    Recorded {
        /// The environment.
        environment: EnvironmentName,
        /// The revision that is now desired.
        revision: RevisionId,
        /// The config commit.
        commit: Oid,
    },
    /// The desired configuration cannot be read or resolved (or null problems: it can again).
    Invalid {
        /// The environment.
        environment: EnvironmentName,
        /// The config commit.
        commit: Oid,
        /// What is wrong; empty when it is mended.
        problems: Vec<Problem>,
    },
    /// The plan that a draft (`draft/<env>`) would give if it were merged now, with number and round as they would be
    /// then. It can be approved, and is applied by nobody before the config branch desires the same.
    DraftPlanned {
        /// The environment.
        environment: EnvironmentName,
        /// The draft's tip.
        draft: Oid,
        /// The merged `environment.yaml`, by git's name for it, which is `draft.yaml` on the journal; null for a destroy.
        settings: Option<Oid>,
        /// The plan.
        plan: PlanId,
        /// Its number.
        number: u64,
        /// Its round.
        round: u64,
        /// Its kind.
        kind: PlanKind,
        /// Its base.
        base: Option<Base>,
        /// The revision that the merge would desire.
        revision: Option<RevisionId>,
        /// The config commit that the draft was merged into.
        commit: Oid,
        /// Whether its preview was cut for display.
        truncated: bool,
        /// Who contributed, on the draft and on the config branch.
        contributors: Vec<Contributor>,
        /// Where each of its imports is from.
        imports: Sources,
    },
    /// A draft has no plan (any more); those it had have ended.
    DraftUnplanned {
        /// The environment.
        environment: EnvironmentName,
        /// The draft's tip; null where the branch is gone.
        draft: Option<Oid>,
        /// The config commit that it was held against.
        commit: Oid,
        /// Why.
        why: NoPlan,
        /// What is wrong, where that is why.
        problems: Vec<Problem>,
    },
    /// A ready-made commit was made; its branch is pushed after this entry.
    Ready(ReadyMade),
    /// A deployment begins.
    Claimed(Claim),
    /// A claim ended.
    Outcome {
        /// The environment.
        environment: EnvironmentName,
        /// The deployment.
        number: u64,
        /// The attempt.
        attempt: u64,
        /// How.
        result: OutcomeResult,
        /// What came of each service, in order.
        services: Vec<ServiceOutcome>,
        /// For people; empty when applied, unless it was found done after an interruption.
        message: String,
    },
    /// The host is as it was applied again: the plan of its drift rests, or a correction that failed is moot.
    AsApplied {
        /// The environment.
        environment: EnvironmentName,
    },
    /// Something that should not be was seen, and what was done about it.
    Alarm {
        /// The environment it concerns, or null.
        environment: Option<EnvironmentName>,
        /// What, for people.
        message: String,
    },
}

/// Why a draft has no plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NoPlan {
    /// The branch is gone.
    Gone,
    /// It would change nothing that the config branch does not desire already: it was merged, or has nothing.
    Same,
    /// What it would have the environment be is in force.
    InForce,
    /// Its change has no effect and would be recorded without approval.
    WithoutEffect,
    /// It cannot be merged, read or planned.
    Problems,
}

/// How environments are laid out on the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// `environments/<env>/`.
    Flat,
    /// `environments/<hh>/<env>/`, two hex digits of the SHA-256 of the name.
    Sharded,
}

/// A statement, judged once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Judged {
    /// Its digest; for a file that cannot be read as a statement, the SHA-256 of its bytes.
    pub digest: StatementId,
    /// The environment of the statement, or of its folder.
    pub environment: EnvironmentName,
    /// The plan, where it names one.
    pub plan: Option<PlanId>,
    /// What it says, where it can be read and is no request.
    pub verdict: Option<ApprovalVerdict>,
    /// What it asks for, where it is a request.
    pub request: Option<RequestAction>,
    /// Who made it, once proven; for a refused one, whom it claims.
    pub by: Option<PersonName>,
    /// The key that proves it.
    pub key: Option<PublicKey>,
    /// How it was made.
    pub evidence: Option<EvidenceKind>,
    /// The commit that brought it.
    pub commit: Oid,
    /// The record's path in that commit.
    pub path: String,
    /// The reason given.
    pub reason: String,
    /// What its maker acknowledges.
    pub acknowledge: Vec<String>,
    /// Whether it is an approval that asks for the deployment as well.
    pub deploy: bool,
    /// Why such an approval is a plain one: its maker held no `deploy` when it was judged.
    pub plain: Option<String>,
    /// Whether it was admitted, and if not, why not and what would count.
    pub admitted: Admission,
}

/// Whether a statement was admitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "camelCase", deny_unknown_fields)]
pub enum Admission {
    /// It is proven, in order, and its maker held the permission for it in the environment.
    Admitted,
    /// It is proven and moves its maker's chain of statements, but gives nothing.
    Powerless {
        /// Why.
        why: String,
    },
    /// It counts for nothing.
    Refused {
        /// Why.
        why: String,
        /// What would count: a command, or empty.
        hint: String,
    },
}

/// A deployment's claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Claim {
    /// The environment.
    pub environment: EnvironmentName,
    /// The plan.
    pub plan: PlanId,
    /// The number it consumes, unless it is abandoned.
    pub number: u64,
    /// 1, 2, 3 … per number.
    pub attempt: u64,
    /// The heads of config and records that were judged.
    pub heads: Heads,
    /// The journal commit before this entry.
    pub journal: Oid,
    /// The policy version that was asked.
    pub policy: u64,
    /// The daemon's key that claims.
    pub key: PublicKey,
    /// The random id of the daemon's state folder.
    pub instance: String,
    /// What met each rule.
    pub met: Vec<MetRule>,
    /// By whose word it starts; null where it starts by itself.
    pub started: Option<StartedBy>,
    /// The targets that belong to the environment from here on.
    pub targets: Vec<String>,
    /// Where this corrects drift of the deployment that was applied last: what was found, service by service. Left out
    /// everywhere else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Vec<Drifted>>,
}

/// What was found on the host that is not as it was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Drifted {
    /// The service.
    pub service: ServiceName,
    /// How many files that nobody approved were there.
    pub deleted: u64,
    /// How many differed.
    pub changed: u64,
    /// How many were gone.
    pub created: u64,
}

/// `drift of config: 1 changed, 2 created`.
pub fn drift_in_words(found: &[Drifted]) -> String {
    let one = |drifted: &Drifted| {
        let counts = [(drifted.deleted, "deleted"), (drifted.changed, "changed"), (drifted.created, "created")];
        let counts: Vec<String> =
            counts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
        let counts = if counts.is_empty() { "folders".to_owned() } else { counts.join(", ") };
        format!("{}: {counts}", drifted.service)
    };
    format!("drift of {}", found.iter().map(one).collect::<Vec<_>>().join("; "))
}

/// By whose word a deployment starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartedBy {
    /// The request, or the approval that asked for it as well.
    pub statement: StatementId,
    /// Whose.
    pub by: PersonName,
    /// Whether it starts although no window allows it.
    pub overrides_window: bool,
}

/// A rule that was met, and by which statements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MetRule {
    /// The ruleset; null for the single approval.
    pub ruleset: Option<RulesetName>,
    /// The rule; null for the single approval.
    pub rule: Option<RuleName>,
    /// The statements that count for it, with who made each, in ascending order.
    pub statements: Vec<(StatementId, PersonName)>,
}

/// How a claim ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeResult {
    /// Everything is as the plan says.
    Applied,
    /// Something was not done; what is known.
    Failed,
    /// Nothing was done: what was seen after the claim forbade it. Consumes no number.
    Abandoned,
    /// It is not known what was done: a new approval is needed.
    Unknown,
}

/// What came of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceOutcome {
    /// The service.
    pub name: ServiceName,
    /// `done`, `failed`, `untouched` or `unknown`.
    pub result: ServiceResult,
    /// For people.
    pub message: String,
}

/// What came of one service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServiceResult {
    /// It is as the plan says.
    Done,
    /// The driver failed.
    Failed,
    /// Nothing was done to it.
    Untouched,
    /// It is not known.
    Unknown,
}

impl Judged {
    /// Whether it is a request that was admitted and makes a plan of what is applied.
    pub fn makes_a_plan(&self) -> bool {
        matches!(self.request, Some(RequestAction::Redeploy { .. })) && self.admitted == Admission::Admitted
    }

    /// Whether it is a request that was admitted and ends the open plans: closed or reopened, the change is looked at anew.
    pub fn ends_plans(&self) -> bool {
        let ends = matches!(self.request, Some(RequestAction::Close { .. } | RequestAction::Reopen { .. }));
        ends && self.admitted == Admission::Admitted
    }
}

impl JournalEntry {
    /// The repository's identity: the digest of its first entry.
    pub fn repository(&self) -> RepositoryId {
        RepositoryId(Digest::of_canonical(self))
    }
}

impl Event {
    /// That a plan waits, as its document says, computed from this config commit.
    pub fn planned(document: &PlanDocument, commit: Oid, removes: Option<BTreeSet<String>>) -> Self {
        let plan = &document.plan;
        Self::Planned {
            environment: plan.environment.clone(),
            plan: document.digest,
            number: plan.number,
            round: plan.round,
            kind: plan.kind,
            base: plan.base,
            revision: plan.revision,
            commit,
            truncated: document.truncated,
            contributors: document.contributors.clone(),
            imports: document.imports.clone(),
            removes,
            carries: document.carries.clone(),
        }
    }

    /// That the plan of a draft waits, as its document says, computed by merging `draft` into this config commit.
    pub fn draft_planned(document: &PlanDocument, draft: Oid, settings: Option<Oid>, commit: Oid) -> Self {
        let plan = &document.plan;
        Self::DraftPlanned {
            environment: plan.environment.clone(),
            draft,
            settings,
            plan: document.digest,
            number: plan.number,
            round: plan.round,
            kind: plan.kind,
            base: plan.base,
            revision: plan.revision,
            commit,
            truncated: document.truncated,
            contributors: document.contributors.clone(),
            imports: document.imports.clone(),
        }
    }

    /// Whether another policy is in force after it.
    pub fn moves_policy(&self) -> bool {
        matches!(self, Self::PolicyAdmitted { .. } | Self::PolicyPinned { .. })
    }

    /// The environment an event is about, where it is about one.
    pub fn environment(&self) -> Option<&EnvironmentName> {
        match self {
            Self::Started { .. }
            | Self::PolicyAdmitted { .. }
            | Self::HistoryAccepted { .. }
            | Self::PolicyPinned { .. } => None,
            Self::Statement(judged) => Some(&judged.environment),
            Self::Planned { environment, .. }
            | Self::Superseded { environment, .. }
            | Self::Recorded { environment, .. }
            | Self::Invalid { environment, .. }
            | Self::AsApplied { environment }
            | Self::DraftPlanned { environment, .. }
            | Self::DraftUnplanned { environment, .. }
            | Self::Outcome { environment, .. } => Some(environment),
            Self::Ready(ready) => Some(&ready.environment),
            Self::Claimed(claim) => Some(&claim.environment),
            Self::Alarm { environment, .. } => environment.as_ref(),
        }
    }
}
