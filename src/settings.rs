//! The operator's file: which repository, whom to trust, what services may touch.
//!
//! Read as strictly as everything else. What it grants and pins is never taken from the repository.

mod branch;
mod grants;
mod limits;
mod read;
mod repository;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

pub use grants::{Grant, Grants};
pub use limits::{Concurrency, Poll, SizeLimits};
pub use repository::{Credentials, JournalSettings, Repository, Trust};

use crate::model::yaml::Limits;
use crate::model::{Problem, Problems};

/// The settings of a daemon, checked; all paths absolute or relative to the working folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The one repository.
    pub repository: Repository,
    /// `signingKeyFile`: the private key that signs the journal.
    pub signing_key_file: PathBuf,
    /// `state`: the folder of what is remembered between runs.
    pub state: PathBuf,
    /// `poll`.
    pub poll: Poll,
    /// `concurrency`.
    pub concurrency: Concurrency,
    /// `limits`.
    pub limits: SizeLimits,
}

impl Settings {
    /// Where the file is unless told otherwise.
    pub const DEFAULT_PATH: &'static str = "/etc/countersign/settings.yaml";

    /// Reads the settings from this file.
    ///
    /// # Errors
    /// Where it cannot be read, and everything that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        let name = path.display().to_string();
        let mut bytes = Vec::new();
        File::open(path)
            // One byte more than is allowed is enough to tell that it is too long.
            .and_then(|file| file.take(Limits::DEFAULT.bytes as u64 + 1).read_to_end(&mut bytes))
            .map_err(|error| Problem::of_file(&name, format!("cannot be read: {error}")))?;
        Self::parse(&name, path.parent().unwrap_or(Path::new("")), &bytes)
    }
}

#[cfg(test)]
mod tests;
