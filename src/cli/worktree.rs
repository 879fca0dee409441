//! A work tree on disk as the objects the daemon would read: the same rooms, from files instead of commits.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::object::{Entry, Kind, MemoryObjects, Mode, Objects, Oid, Tree};

use super::CliError;

/// Stores a folder, with all below it but `.git`, and gives its tree.
///
/// # Errors
/// Where a file cannot be read.
pub fn tree_of(objects: &MemoryObjects, folder: &Path) -> Result<Oid, CliError> {
    tree_of_but(objects, folder, &|_| false)
}

/// Likewise, without what `is_left_out`.
///
/// # Errors
/// Where a file cannot be read.
pub fn tree_of_but(
    objects: &MemoryObjects,
    folder: &Path,
    is_left_out: &dyn Fn(&Path) -> bool,
) -> Result<Oid, CliError> {
    let unreadable =
        |path: &Path, error: &std::io::Error| CliError::failed(format!("cannot read `{}`: {error}", path.display()));
    let mut tree = Tree::default();
    for found in fs::read_dir(folder).map_err(|error| unreadable(folder, &error))? {
        let found = found.map_err(|error| unreadable(folder, &error))?;
        let path = found.path();
        let Ok(name) = found.file_name().into_string() else {
            return Err(CliError::failed(format!("the name of `{}` is not UTF-8", path.display())));
        };
        if name == ".git" || is_left_out(&path) {
            continue;
        }
        let meta = fs::symlink_metadata(&path).map_err(|error| unreadable(&path, &error))?;
        let entry = if meta.is_dir() {
            let id = tree_of_but(objects, &path, is_left_out)?;
            // git knows no empty folders.
            if objects.tree(id)?.entries.is_empty() {
                continue;
            }
            Entry { mode: Mode::Tree, id }
        } else if meta.is_symlink() {
            let target = fs::read_link(&path).map_err(|error| unreadable(&path, &error))?;
            Entry { mode: Mode::Symlink, id: objects.write(Kind::Blob, target.as_os_str().as_encoded_bytes())? }
        } else if meta.is_file() {
            let bytes = fs::read(&path).map_err(|error| unreadable(&path, &error))?;
            let executable = meta.permissions().mode() & 0o100 != 0;
            let mode = if executable { Mode::Executable } else { Mode::File };
            Entry { mode, id: objects.write(Kind::Blob, &bytes)? }
        } else {
            return Err(CliError::failed(format!("`{}` is neither a file nor a folder", path.display())));
        };
        tree.entries.insert(name, entry);
    }
    Ok(objects.write(Kind::Tree, &tree.to_raw())?)
}
