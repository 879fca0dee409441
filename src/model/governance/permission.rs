//! The words for permissions.

use super::Permission;
use crate::model::yaml::Field;

const WORDS: &[(&str, Permission)] = &[
    ("write", Permission::Write),
    ("promote", Permission::Promote),
    ("approve", Permission::Approve),
    ("deploy", Permission::Deploy),
    ("force", Permission::Force),
    ("rollback", Permission::Rollback),
    ("suspend", Permission::Suspend),
    ("open", Permission::Open),
    ("override", Permission::Override),
    ("invite", Permission::Invite),
    ("administer", Permission::Administer),
];

pub(super) fn permission(field: &Field<'_>) -> Option<Permission> {
    field.word(WORDS)
}

impl Permission {
    /// The word in documents.
    pub fn name(self) -> &'static str {
        WORDS.iter().find(|(_, permission)| *permission == self).map_or("", |(word, _)| word)
    }
}
