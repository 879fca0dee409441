//! What each person's last word on a plan is.

use std::collections::BTreeMap;

use crate::journal::{Admission, Judged};
use crate::model::{ApprovalVerdict, PersonName};

/// The last admitted statement of each person, where it is an approval or a rejection; a withdrawal leaves nothing.
pub(super) fn standing(statements: &[Judged]) -> BTreeMap<&PersonName, &Judged> {
    let mut last = BTreeMap::new();
    for statement in statements.iter().filter(|statement| statement.admitted == Admission::Admitted) {
        let Some(by) = &statement.by else { continue };
        match statement.verdict {
            Some(ApprovalVerdict::Approve | ApprovalVerdict::Reject) => last.insert(by, statement),
            Some(ApprovalVerdict::Withdraw) => last.remove(by),
            None => None,
        };
    }
    last
}
