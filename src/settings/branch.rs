//! Names of branches: a part of what git allows, with nothing that a program could take for an option or a refspec.

use crate::model::yaml::Field;

/// The name of a branch, without `refs/heads/`.
pub(super) fn branch(field: &Field<'_>) -> Option<String> {
    field.formed("the name of a branch like `main` or `teams/acme`", |text| is_branch(text).then(|| text.to_owned()))
}

/// See `git check-ref-format`; narrower, since only letters, digits, `.`, `_` and `-` are taken.
pub(super) fn is_branch(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && part.bytes().all(inner)
            && !part.ends_with('.')
            && !part.ends_with(".lock")
            && !part.contains("..")
    };
    text.len() <= 200 && text.split('/').all(part) && text != "HEAD"
}
