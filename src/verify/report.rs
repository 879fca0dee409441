//! What came of it.

use std::fmt;

use serde::Serialize;

use super::notes::{Attested, Finding, Missing};
use crate::digest::{PlanId, RepositoryId, RevisionId};
use crate::journal::OutcomeResult;
use crate::model::{EnvironmentName, PersonName};
use crate::object::Oid;
use crate::plan::PlanKind;
use crate::text::{escape, escape_lines};

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// Everything follows from the repository, but for what is listed as attested.
    Proven,
    /// Something does not.
    Violated,
    /// Something is missing here.
    Unprovable,
}

/// An attempt that has ended, with what let it through proven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProvenDeployment {
    /// The environment.
    pub environment: EnvironmentName,
    /// The number.
    pub number: u64,
    /// The attempt.
    pub attempt: u64,
    /// What it was for.
    pub kind: PlanKind,
    /// The plan.
    pub plan: PlanId,
    /// The revision; null for a destroy.
    pub revision: Option<RevisionId>,
    /// Whose statements met a rule.
    pub approved_by: Vec<PersonName>,
    /// How it ended: the daemon's word.
    pub result: OutcomeResult,
    /// The entry of its outcome.
    pub sequence: u64,
    /// That entry's commit.
    pub commit: Oid,
}

/// Everything that was proven, and what was not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The answer.
    pub verdict: Verdict,
    /// The repository's identity; null where not even the first entry could be read.
    pub repository: Option<RepositoryId>,
    /// The revision of the policy that was pinned last: policy 1, unless an operator pinned another.
    pub root: Option<RevisionId>,
    /// Whether the reader pinned it.
    pub pinned: bool,
    /// The entries proven.
    pub entries: u64,
    /// The entries before, which were only followed.
    pub followed: u64,
    /// The statements judged again.
    pub statements: u64,
    /// The environments of the deployments.
    pub environments: u64,
    /// Every attempt that ended.
    pub deployments: Vec<ProvenDeployment>,
    /// What rests on the daemon's word.
    pub attested: Vec<AttestedCount>,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// What is missing here.
    pub missing: Vec<Missing>,
}

/// How often something rests on the daemon's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttestedCount {
    /// What.
    pub kind: Attested,
    /// How often.
    pub count: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = match (&self.root, self.pinned) {
            (Some(root), true) => format!("root {root} (pinned)"),
            (Some(root), false) => format!("root {root} (unpinned: compare it with what you know, then use --root)"),
            (None, _) => "no root found".to_owned(),
        };
        let word = match self.verdict {
            Verdict::Proven => "proven",
            Verdict::Violated => "looked at",
            Verdict::Unprovable => "not proven",
        };
        writeln!(
            f,
            "{word}: {} of {}, {}, {}",
            count(self.deployments.len() as u64, "deployment"),
            count(self.environments, "environment"),
            entries(self.entries),
            count(self.statements, "statement"),
        )?;
        if self.followed > 0 {
            writeln!(f, "taken as proven before: the first {}", entries(self.followed))?;
        }
        writeln!(f, "{root}")?;
        let attested: Vec<String> =
            self.attested.iter().map(|AttestedCount { kind, count }| format!("{} ({count})", kind.words())).collect();
        if !attested.is_empty() {
            writeln!(f, "attested by the daemon alone: {}", attested.join(", "))?;
        }
        for missing in &self.missing {
            writeln!(f, "missing: {}", escape(&missing.what))?;
        }
        for finding in &self.findings {
            writeln!(f, "violated: {}", escape_lines(&finding.to_string()).replace('\n', " "))?;
        }
        Ok(())
    }
}

fn count(n: u64, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

fn entries(n: u64) -> String {
    if n == 1 { "1 entry".to_owned() } else { format!("{n} entries") }
}
