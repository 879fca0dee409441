//! What a claim and its deployment's folder say of the statements that let it through.

use std::collections::BTreeMap;

use super::environment::{Deployment, EnvironmentState};
use crate::journal::{MetRule, evidence_path};
use crate::model::EvidenceKind;
use crate::object::{Mode, ObjectError, Objects, Oid, entry_at};
use crate::policy::{Hold, Requirement, Verdict};
use crate::revision::resolve::below;

/// The message of an outcome that was found done after an interruption, though by then nothing would have let it
/// through: that it was done before is the daemon's word, and the journal says so.
pub const SETTLED: &str = "interrupted; all of it was there already when it was looked at again";

/// What met each rule.
pub fn met(verdict: &Verdict) -> Vec<MetRule> {
    let rule = |requirement: &Requirement| MetRule {
        ruleset: requirement.ruleset.clone(),
        rule: requirement.rule.clone(),
        statements: requirement.have.iter().map(|(person, digest)| (*digest, person.clone())).collect(),
    };
    verdict.requirements.iter().map(rule).collect()
}

/// Why a deployment is not let through: the message of an abandoned claim.
pub fn why_not(verdict: Option<&Verdict>, hold: Option<&Hold>) -> String {
    match verdict {
        None => "the plan can no longer be judged".to_owned(),
        Some(verdict) if !verdict.rejected_by.is_empty() => {
            let names: Vec<String> = verdict.rejected_by.iter().map(ToString::to_string).collect();
            format!("rejected by {}", names.join(", "))
        }
        Some(verdict) if verdict.is_approved() => match hold {
            None => "no window was open".to_owned(),
            Some(hold @ (Hold::Suspended { .. } | Hold::Closed { .. })) => hold.to_string(),
            Some(hold) => format!("it {hold}"),
        },
        Some(verdict) => {
            let open = verdict.requirements.iter().filter(|requirement| !requirement.is_met());
            let labels: Vec<String> = open.map(Requirement::label).collect();
            format!("no longer approved: {}", labels.join(", "))
        }
    }
}

/// The raw evidence of every statement on a claimed plan, and of those carried over to it, by the path it gets in the deployment's folder.
///
/// # Errors
/// Where an object cannot be read.
pub fn evidence_files(
    objects: &dyn Objects,
    root: &str,
    env: &EnvironmentState,
    Deployment { plan, claim, .. }: &Deployment,
) -> Result<BTreeMap<String, Vec<u8>>, ObjectError> {
    let mut files = BTreeMap::new();
    let said = plan.statements.iter().chain(&plan.deploys).map(|(_, judged)| (plan, judged));
    let met = claim.met.iter().flat_map(|met| &met.statements);
    // What met a rule and was said on an earlier plan comes on top.
    let carried = met.filter_map(|(digest, _)| env.statement_for(plan, *digest)).filter(|(on, _)| on.id != plan.id);
    for (on, judged) in said.chain(carried) {
        let Some(path) = evidence_path(judged) else { continue };
        let commit = objects.commit(judged.commit)?;
        if judged.evidence == Some(EvidenceKind::Merge) {
            files.insert(path, commit.raw.to_vec());
            let ready = |parent: &&Oid| on.ready.iter().any(|(_, made)| made.commit == **parent);
            for parent in commit.parents.iter().filter(ready) {
                let raw = objects.commit(*parent)?.raw.to_vec();
                files.insert(format!("evidence/{}.ready.commit", judged.digest.0.to_hex()), raw);
            }
        } else {
            let record = entry_at(objects, commit.tree, &below(root, &judged.path))?;
            if let Some(record) = record.filter(|record| matches!(record.mode, Mode::File | Mode::Executable)) {
                files.insert(path, objects.blob(record.id)?.to_vec());
            }
        }
    }
    Ok(files)
}
