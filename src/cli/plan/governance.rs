//! The plan that the work tree's `governance/` would give.

use super::{Here, beside};
use crate::cli::CliError;
use crate::cli::journal::JournalTip;
use crate::cli::seen::{SeenPlan, policy_in_force};
use crate::model::{EnvironmentName, Problems};
use crate::object::{Oid, Overlay};
use crate::plan::compose::Place;
use crate::plan::policy::{Side, compose};
use crate::policy::locked;
use crate::reconcile::{Clock as _, SystemClock};
use crate::revision::{Hashes, Sources, governance_folder};

impl Here {
    /// Of the policy in `tree`, held against the one in force.
    ///
    /// # Errors
    /// Where it cannot be read, or could not come into force (exit code 2, with every reason).
    pub(super) fn of_policy(journal: &JournalTip<'_>, objects: &Overlay<'_>, tree: Oid) -> Result<Self, CliError> {
        let name = EnvironmentName::governance();
        let hashes = Hashes::default();
        let old = policy_in_force(journal, objects, &hashes)?;
        let refused = |problems| CliError::problems(&problems, 2);
        let new = governance_folder(objects, &hashes, "", tree)?.map_err(|problem| refused(problem.into()))?;
        let after = new.governance.clone().map_err(refused)?;
        // Gate: what the daemon would refuse when it plans is refused here, in the same words.
        let changes = new.revision != old.revision;
        let problems = if changes { locked(&after, SystemClock.now()) } else { Vec::new() };
        if !problems.is_empty() {
            return Err(refused(Problems(problems)));
        }
        let before = old.governance.clone().map_err(refused)?;
        let status = journal.status(&name)?;
        let base = status.as_ref().and_then(|status| status.applied);
        // As for any environment: neither number nor round is known before the daemon plans.
        let place = Place { repository: journal.repository()?, environment: &name, number: 0, round: 0, base };
        let old = Side { files: &old.files, governance: &before };
        let side = Side { files: &new.files, governance: &after };
        let composed = compose(objects, place, new.revision, old, side)?;
        let document = composed.plan.document(false, Vec::new(), Vec::new(), Sources::new());
        let previews = composed.previews.into_iter().map(|(name, preview)| (name.to_string(), preview)).collect();
        let seen = SeenPlan {
            document,
            previews,
            gates: Vec::new(),
            values: String::new(),
            of_draft: false,
            on_the_host: Vec::new(),
        };
        let notes = status.iter().filter_map(|status| beside(status, Some(new.revision))).collect();
        Ok(Self { seen, changes, notes, not_seen: &[] })
    }
}
