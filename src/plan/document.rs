//! `plan.json`: what a plan's digest covers, and what is told beside it.

use serde::{Deserialize, Serialize};

use super::{Action, PlanKind};
use crate::digest::{Digest, PlanId, RepositoryId, RevisionId};
use crate::model::{EnvironmentName, PersonName, RulesetName, ServiceName};
use crate::object::Oid;
use crate::revision::Sources;

/// The version of the plan format. It includes the preview's renderer, whose library is pinned for that reason.
pub const FORMAT: u32 = 1;

/// What the digest covers: the canonical JSON of this value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plan {
    /// [`FORMAT`].
    pub format: u32,
    /// The repository.
    pub repository: RepositoryId,
    /// The environment, or `governance`.
    pub environment: EnvironmentName,
    /// The number the deployment would take.
    pub number: u64,
    /// The environment's round.
    pub round: u64,
    /// What it is for.
    pub kind: PlanKind,
    /// The last successful deployment, or null.
    pub base: Option<Base>,
    /// The desired revision; null for a destroy.
    pub revision: Option<RevisionId>,
    /// What happens to each service, in the order in which it happens.
    pub services: Vec<ServiceLine>,
}

/// The deployment that a plan starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Base {
    /// Its number.
    pub number: u64,
    /// Its revision; null after a destroy.
    pub revision: Option<RevisionId>,
}

/// One service in a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceLine {
    /// Its name.
    pub name: ServiceName,
    /// Its type (`files`).
    #[serde(rename = "type")]
    pub kind: String,
    /// What happens to it.
    pub action: Action,
    /// The digest of exactly what is set.
    pub effect: Digest,
    /// The digest of the full masked preview, before any cut for display.
    pub preview: Digest,
}

impl Plan {
    /// The plan's digest.
    pub fn id(&self) -> PlanId {
        PlanId(Digest::of_canonical(self))
    }

    /// The plan as it is published, with what is told beside it.
    pub fn document(
        self,
        truncated: bool,
        contributors: Vec<Contributor>,
        commits: Vec<CommitLine>,
        imports: Sources,
    ) -> PlanDocument {
        let (digest, carries) = (self.id(), Vec::new());
        PlanDocument { plan: self, digest, short: digest.short(), truncated, contributors, commits, imports, carries }
    }
}

/// `plan.json` as published: the plan, its digest, and what is told beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanDocument {
    /// What the digest covers.
    #[serde(flatten)]
    pub plan: Plan,
    /// The digest.
    pub digest: PlanId,
    /// Its first 12 hex digits.
    pub short: String,
    /// Whether the preview shown was cut: approving it then takes a signed record that acknowledges so.
    pub truncated: bool,
    /// Who contributed to the change.
    pub contributors: Vec<Contributor>,
    /// The commits that changed an input, newest first.
    pub commits: Vec<CommitLine>,
    /// Where each of its imports is from.
    pub imports: Sources,
    /// The rulesets that carry approvals over to later changes (`reapproveOnChange: false`), by the policy in force when it
    /// was told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carries: Vec<RulesetName>,
}

impl PlanDocument {
    /// The file `plan.json`: indented JSON with a final newline, since people look into it too.
    pub fn to_file(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        text
    }
}

/// Someone who contributed to a change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contributor {
    /// The registered person, or null for somebody the policy does not know (who excludes nobody).
    pub person: Option<PersonName>,
    /// The e-mail address as the commit has it; for a signer the person's first.
    pub email: String,
    /// How we know.
    pub basis: ContributorBasis,
    /// The commits, in ascending order.
    pub commits: Vec<Oid>,
}

/// How a contributor is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContributorBasis {
    /// A signature by a key of the person proves it.
    Signed,
    /// An author line or `Co-authored-by` claims it.
    Claimed,
    /// A signed request asks for it.
    Asked,
}

/// A commit of the change, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitLine {
    /// Its id.
    pub id: Oid,
    /// Its author's e-mail address, as claimed.
    pub author: String,
    /// The person whose key signed it, or null.
    pub signed_by: Option<PersonName>,
    /// Its subject.
    pub subject: String,
}
