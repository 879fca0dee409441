//! A change of the policy as its approver sees it: it depends on no host, so the whole plan is computed again.

use super::SeenPlan;
use crate::cli::CliError;
use crate::cli::journal::JournalTip;
use crate::object::{Objects, Oid};
use crate::plan::PlanDocument;
use crate::plan::compose::Place;
use crate::plan::policy::{Side, compose};
use crate::revision::{GovernanceFolder, Hashes, governance_folder};

/// Computes the plan of a policy change again and holds it against the published one.
pub(super) fn check(
    journal: &JournalTip<'_>,
    objects: &dyn Objects,
    document: PlanDocument,
) -> Result<SeenPlan, CliError> {
    let plan = &document.plan;
    let hashes = Hashes::default();
    let refused = |what: String| {
        CliError::refused(format!("plan {} of governance is not what the branch would give: {what}", plan.id().short()))
            .hint(
                "wait for the daemon to look again; if it stays so, do not approve it and tell whoever runs the daemon",
            )
    };
    let old = policy_in_force(journal, objects, &hashes)?;
    let config = journal.tips().config;
    let new = folder(journal, objects, &hashes, config)?;
    let (Ok(before), Ok(after)) = (&old.governance, &new.governance) else {
        return Err(refused(format!("governance/ of {} cannot be read: countersign validate", config.short())));
    };
    if plan.revision != Some(new.revision) {
        return Err(refused(format!("the branch ({}) has {} by now", config.short(), new.revision)));
    }
    let place = Place {
        repository: plan.repository,
        environment: &plan.environment,
        number: plan.number,
        round: plan.round,
        base: plan.base,
    };
    let old = Side { files: &old.files, governance: before };
    let side = Side { files: &new.files, governance: after };
    let composed = compose(objects, place, new.revision, old, side)?;
    // Gate: the digest that will be signed is that of what is shown here.
    if composed.plan.id() != plan.id() {
        return Err(refused(format!("computed here it is plan {}", composed.plan.id().short())));
    }
    let previews = composed.previews.into_iter().map(|(name, preview)| (name.to_string(), preview)).collect();
    let (gates, values, on_the_host) = (Vec::new(), String::new(), Vec::new());
    Ok(SeenPlan { document, previews, gates, values, of_draft: false, on_the_host })
}

/// The policy in force, as the config commit has it that it was read from.
pub(in crate::cli) fn policy_in_force(
    journal: &JournalTip<'_>,
    objects: &dyn Objects,
    hashes: &Hashes,
) -> Result<GovernanceFolder, CliError> {
    let (commit, revision) = journal.policy_from()?;
    let found = folder(journal, objects, hashes, commit)?;
    if found.revision != revision {
        let what = format!("policy {} is not what commit {} has in governance/", journal.policy, commit.short());
        return Err(CliError::refused(what).hint("tell whoever runs the daemon"));
    }
    Ok(found)
}

fn folder(
    journal: &JournalTip<'_>,
    objects: &dyn Objects,
    hashes: &Hashes,
    commit: Oid,
) -> Result<GovernanceFolder, CliError> {
    let tree = objects.commit(commit)?.tree;
    governance_folder(objects, hashes, &journal.tips().root, tree)?
        .map_err(|problem| CliError::refused(format!("commit {}: {problem}", commit.short())))
}
