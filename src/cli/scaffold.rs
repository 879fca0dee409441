//! What `init` and `demo` share: the documents they write and the programs they need.

pub mod documents;
pub mod tools;

use std::fs;
use std::path::{Path, PathBuf};

use super::CliError;

/// Writes a file, with the folders it lies in.
///
/// # Errors
/// Where it cannot be written.
pub fn write(path: &Path, text: &str) -> Result<(), CliError> {
    let unwritable = |error: std::io::Error| CliError::failed(format!("cannot write `{}`: {error}", path.display()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(unwritable)?;
    }
    fs::write(path, text).map_err(unwritable)
}

/// Makes a folder, with those it lies in.
///
/// # Errors
/// Where it cannot be made.
pub fn folder(path: &Path) -> Result<(), CliError> {
    fs::create_dir_all(path).map_err(|error| CliError::failed(format!("cannot make `{}`: {error}", path.display())))
}

/// Whether nothing would be lost by writing there: it does not exist, or is an empty folder.
pub fn is_free(path: &Path) -> bool {
    match fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(_) => fs::symlink_metadata(path).is_err(),
    }
}

/// The same path without links, `.` and `..`, although its last part need not exist; its parents are made.
///
/// # Errors
/// Where it has no last part, or a parent cannot be made.
pub fn place(path: &Path) -> Result<PathBuf, CliError> {
    let path = std::path::absolute(path)?;
    let name = path.file_name().ok_or_else(|| CliError::failed(format!("`{}` has no name", path.display())))?;
    let parent = path.parent().unwrap_or(Path::new("/"));
    folder(parent)?;
    Ok(parent.canonicalize()?.join(name))
}

/// A path as somebody who stands where the program was started would type it: `-C` before it, where there was one.
pub fn typed(directory: &Path, path: &Path) -> PathBuf {
    if directory == Path::new(".") { path.to_owned() } else { directory.join(path) }
}

/// A word for the shell: quoted where it must be.
pub fn shell_word(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-+=:@%,".contains(&b);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// What somebody typed to run this program: the path they used, or its name alone.
pub fn program() -> String {
    let typed = std::env::args().next().unwrap_or_default();
    if typed.contains('/') { shell_word(&typed) } else { "countersign".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::shell_word;

    #[test]
    fn words_for_the_shell() {
        assert_eq!(shell_word("/srv/my-config"), "/srv/my-config");
        assert_eq!(shell_word("two words"), "'two words'");
        assert_eq!(shell_word("o'neil; rm"), r"'o'\''neil; rm'");
        assert_eq!(shell_word(""), "''");
    }
}
