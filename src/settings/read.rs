//! Reading the settings.

use std::path::{Path, PathBuf};

use super::repository::repository;
use super::{Concurrency, Poll, Settings, SizeLimits};
use crate::model::Problems;
use crate::model::header::nameless_spec;
use crate::model::yaml::{Document, Field, Limits};

const FIELDS: &[&str] = &["repositories", "signingKeyFile", "state", "poll", "concurrency", "limits"];
const NOT_BUILT: &[&str] = &["digestKeyFile", "http", "notify", "cluster"];

impl Settings {
    /// Reads settings: `file` is the path that problems name, `folder` the one that relative paths start from.
    ///
    /// # Errors
    /// Everything that is wrong with the file.
    pub fn parse(file: &str, folder: &Path, bytes: &[u8]) -> Result<Self, Problems> {
        let document = Document::read(file, bytes, Limits::DEFAULT);
        let settings = nameless_spec(&document, "Settings").and_then(|spec| settings(&spec, folder));
        document.finish(settings)
    }
}

fn settings(spec: &Field<'_>, folder: &Path) -> Option<Settings> {
    let fields = spec.fields_but(FIELDS, NOT_BUILT)?;
    let repository = fields.required("repositories").and_then(|list| only_repository(&list, folder));
    let signing_key_file = fields.required("signingKeyFile").and_then(|field| path(&field, folder));
    let state = fields.or("state", PathBuf::from("/var/lib/countersign"), |field| path(field, folder));
    let poll = fields.or("poll", Poll::default(), Poll::read);
    let concurrency = fields.or("concurrency", Concurrency::default(), Concurrency::read);
    let limits = fields.or("limits", SizeLimits::default(), SizeLimits::read);
    Some(Settings {
        repository: repository?,
        signing_key_file: signing_key_file?,
        state: state?,
        poll: poll?,
        concurrency: concurrency?,
        limits: limits?,
    })
}

fn only_repository(list: &Field<'_>, folder: &Path) -> Option<super::Repository> {
    let items = list.filled_list()?;
    let (first, others) = items.split_first()?;
    for other in others {
        other.complain("a second repository is not built yet in this version; remove it");
    }
    repository(first, folder)
}

/// A path on this host, from the folder of the settings where it is relative.
pub(super) fn path(field: &Field<'_>, folder: &Path) -> Option<PathBuf> {
    field.line().map(|text| folder.join(text))
}
