//! Paths of folders, as they are written in documents.

use super::yaml::Field;

/// The longest path that the host's system calls take.
const LONGEST: usize = 4095;

/// The source of a service: relative to the environment's folder, or from the root folder with a leading `/`.
pub(crate) fn source_folder(field: &Field<'_>) -> Option<String> {
    let text = field.line()?;
    let parts = text.strip_prefix('/').unwrap_or(text);
    if is_normal(parts) && text.len() <= LONGEST {
        return Some(text.to_owned());
    }
    field.expected("the path of a folder, without empty parts, `.` or `..`");
    None
}

/// A folder on the host, absolute and normalised, and not the host's root.
pub(crate) fn host_folder(field: &Field<'_>) -> Option<String> {
    let text = field.line()?;
    if is_host_folder(text) {
        return Some(text.to_owned());
    }
    field.expected("an absolute path below `/`, without empty parts, `.`, `..` or a final `/`");
    None
}

/// Whether a path is absolute, normalised and not `/`.
pub(crate) fn is_host_folder(path: &str) -> bool {
    path.len() <= LONGEST && path.strip_prefix('/').is_some_and(is_normal)
}

fn is_normal(parts: &str) -> bool {
    parts.split('/').all(|part| !matches!(part, "" | "." | "..") && part.len() <= 255)
}

/// Whether a normalised path is strictly below another, part by part.
pub(crate) fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.len() > 1 && rest.starts_with('/'))
}
