//! Which source folders are acceptable.

use std::collections::{BTreeMap, BTreeSet};

use crate::object::Mode;
use crate::revision::InputFile;
use crate::text;

/// So many folders may be nested, the file included.
pub const MAX_DEPTH: usize = 64;

/// Whether these files, relative to the service's folder, can be put on a host so that what is there is what was shown.
///
/// # Errors
/// What is wrong first, and what to do.
pub fn check_source(files: &[InputFile]) -> Result<(), String> {
    if files.is_empty() {
        return Err("the source folder is missing or empty; to remove what is deployed, remove the service".to_owned());
    }
    let mut paths = BTreeSet::new();
    let mut spellings: BTreeMap<String, &str> = BTreeMap::new();
    for file in files {
        let path = file.path.as_str();
        let shown = text::escape(path);
        match file.mode {
            Mode::File | Mode::Executable => {}
            Mode::Symlink => return Err(format!("`{shown}` is a symlink; put the file itself there")),
            Mode::Submodule => return Err(format!("`{shown}` is a submodule; put its files there")),
            Mode::Tree => return Err(format!("`{shown}` is a folder where a file was expected")),
        }
        if path.split('/').count() > MAX_DEPTH {
            return Err(format!("`{shown}` is nested more than {MAX_DEPTH} levels deep"));
        }
        for name in path.split('/') {
            text::check_file_name(name).map_err(|why| format!("`{shown}`: `{}` {why}", text::escape(name)))?;
            if name.eq_ignore_ascii_case(".git") {
                return Err(format!("`{shown}`: files of a git repository cannot be deployed"));
            }
        }
        if !paths.insert(path) {
            return Err(format!("`{shown}` appears twice"));
        }
        // Every folder on the way and the file itself must be spelled in one way only.
        for end in path.match_indices('/').map(|(end, _)| end).chain([path.len()]) {
            let spelling = &path[..end];
            let known = *spellings.entry(folded(spelling)).or_insert(spelling);
            if known != spelling {
                let known = text::escape(known);
                return Err(format!("`{shown}` differs from `{known}` only in upper and lower case; rename one"));
            }
        }
    }
    for path in &paths {
        let folder = |(end, _)| &path[..end];
        if let Some(file) = path.match_indices('/').map(folder).find(|folder| paths.contains(folder)) {
            return Err(format!("`{}` is both a file and a folder", text::escape(file)));
        }
    }
    Ok(())
}

/// Equal for names that a file system without case takes for one: there and back, because `ſ` and `K` (the Kelvin
/// sign) reach their plain letters only by way of the other case.
fn folded(path: &str) -> String {
    path.to_uppercase().to_lowercase()
}
