//! `requireSignedCommits`: every commit of a change must be signed by somebody who may make it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::judge::Case;
use super::verdict::Requirement;
use crate::model::{Permission, RulesetName};
use crate::object::Oid;
use crate::plan::{Contributor, ContributorBasis};
use crate::text::escape;

/// What helps where a commit is not signed. Nothing on top of a commit takes it out of the change.
pub const HOW_TO_SIGN: &str = "a commit on the branch cannot be signed afterwards: where it is signed, a change of the policy can register \
     its signer's key or give them `write`; otherwise one has to turn `requireSignedCommits` off";

/// A commit that no registered person with `write` signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unsigned {
    /// The commit.
    pub commit: Oid,
    /// Whose it is, as far as it is known: a person, or the address in the commit.
    pub by: String,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for Unsigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "commit {} by {} {}", self.commit.short(), escape(&self.by), escape(&self.why))
    }
}

/// One requirement for each ruleset that asks for signed commits and has some that are not: it names the commits, and
/// no approval meets it.
pub(super) fn unsigned(case: &Case<'_>, asked: &[Asked<'_>]) -> Vec<Requirement> {
    let missing = missing(case);
    let mut requirements: Vec<Requirement> = Vec::new();
    if missing.is_empty() {
        return requirements;
    }
    let mut seen: BTreeSet<&RulesetName> = BTreeSet::new();
    let rulesets = asked.iter().filter_map(|asked| asked.rule.map(|(ruleset, _)| (ruleset, asked.because)));
    for (ruleset, because) in rulesets.filter(|(ruleset, _)| ruleset.require_signed_commits) {
        if seen.insert(&ruleset.name) {
            requirements.push(Requirement {
                ruleset: Some(ruleset.name.clone()),
                rule: None,
                because,
                required: u32::try_from(missing.len()).unwrap_or(u32::MAX),
                have: Vec::new(),
                eligible: Vec::new(),
                excluded: Vec::new(),
                unsigned: missing.clone(),
            });
        }
    }
    requirements
}

/// The commits of the change without the signature of a registered person who holds `write` in the environment now.
/// The plan names for each commit whoever signed or claims it, so every commit of the change is in there. The one that
/// brought a request to redeploy changes nothing: the request is a record that its maker signed.
fn missing(case: &Case<'_>) -> Vec<Unsigned> {
    let mut commits: BTreeMap<Oid, Vec<&Contributor>> = BTreeMap::new();
    for contributor in case.contributors.iter().filter(|contributor| contributor.basis != ContributorBasis::Asked) {
        for commit in &contributor.commits {
            commits.entry(*commit).or_default().push(contributor);
        }
    }
    let mut missing = Vec::new();
    for (commit, by) in commits {
        let signers: Vec<_> = by
            .iter()
            .filter(|contributor| contributor.basis == ContributorBasis::Signed)
            .filter_map(|contributor| contributor.person.as_ref())
            .collect();
        // Gate: a signature counts as long as its maker is in the policy and may write there.
        let may = |person: &&crate::model::PersonName| {
            case.governance.people.contains_key(*person)
                && case.governance.may(person, Permission::Write, case.environment)
        };
        if signers.iter().any(may) {
            continue;
        }
        missing.push(match (signers.first(), by.first()) {
            (Some(signer), _) => Unsigned {
                commit,
                by: signer.to_string(),
                why: format!("is signed by {signer}, who lacks `write` in {}", case.environment),
            },
            (None, author) => Unsigned {
                commit,
                by: author.map_or_else(String::new, |author| match &author.person {
                    Some(person) => person.to_string(),
                    None => author.email.clone(),
                }),
                why: "is not signed by anybody whom the policy knows".to_owned(),
            },
        });
    }
    missing
}
