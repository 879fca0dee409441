//! The plan of a `files` service: which source is acceptable, what exactly would be set, and what people are shown.
//!
//! Pure, so that anybody can compute it again from the repository alone: without differences on the host the preview is
//! a function of the files applied and the files desired.

mod live;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use serde::Serialize;

pub use live::{Drift, LiveDifference, LiveKind};
pub use source::{MAX_DEPTH, check_source};

use super::Action;
use super::diff::{FileDiff, LARGE, unified};
use super::preview::{Item, Preview};
use crate::digest::Digest;
use crate::object::{Kind, Mode, ObjectError, Objects};
use crate::revision::InputFile;
use crate::text;

/// Of so many changed files, in the preview's order, the contents are compared; of the rest, sizes and digests are told.
pub const MOST_FILES: usize = 2_000;

/// The contents of changed files are compared while those read so far, both sides, are at most so many bytes.
pub const MOST_BYTES: u64 = 4 << 20;

#[derive(Serialize)]
struct EffectDocument<'a> {
    files: Option<Vec<FileLine<'a>>>,
    target: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct FileLine<'a> {
    mode: &'static str,
    path: &'a str,
    sha256: String,
}

/// The digest of exactly what is set: of the canonical JSON of `{files: [{mode, path, sha256}], target, type: "files"}`.
///
/// Files are in ascending byte order of their paths, which are relative to the target; modes are `0644` and `0755`;
/// `sha256` is bare hex. `files` is null where the target is removed.
pub fn effect(target: &str, desired: Option<&[InputFile]>) -> Digest {
    let files = desired.map(|files| {
        by_path(Some(files))
            .into_values()
            .map(|file| FileLine { mode: host_mode(file.mode), path: &file.path, sha256: file.sha256.to_hex() })
            .collect()
    });
    Digest::of_canonical(&EffectDocument { files, target, kind: "files" })
}

/// What happens to the service as a whole, going by the repository alone.
pub fn action(base: Option<&[InputFile]>, desired: Option<&[InputFile]>) -> Action {
    match (base, desired) {
        (None, None) => Action::None,
        (_, None) => Action::Destroy,
        (None, Some(_)) => Action::Create,
        (Some(base), Some(desired)) if same_files(base, desired) => Action::None,
        (Some(_), Some(_)) => Action::Update,
    }
}

/// A file's mode on the host, as people write it. Sources hold plain and executable files only ([`check_source`]).
pub fn host_mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Executable => "0755",
        Mode::File => "0644",
        Mode::Tree | Mode::Symlink | Mode::Submodule => mode.octal(),
    }
}

/// A file's bytes, checked to be those whose SHA-256 the plan covers: git names them by SHA-1, which alone would let
/// two contents share a name.
///
/// # Errors
/// [`ObjectError`] where they cannot be read or are others.
pub fn content(objects: &(impl Objects + ?Sized), file: &InputFile) -> Result<Arc<[u8]>, ObjectError> {
    let bytes = match &file.rendered {
        Some(bytes) => Arc::clone(bytes),
        None => objects.blob(file.blob)?,
    };
    let found = Digest::of(&bytes);
    if found == file.sha256 && bytes.len() as u64 == file.size {
        return Ok(bytes);
    }
    let what = format!("its SHA-256 is {} where the input's is {}", found.to_hex(), file.sha256.to_hex());
    Err(ObjectError::Malformed { kind: Kind::Blob, id: file.blob, what })
}

/// What people see before they countersign: what changes from `base` (as applied last) to `desired`, and what on the
/// host is not as `base` says.
///
/// What was found on the host is described by path, kind and size only: a foreign file may be a secret, and the journal
/// is readable.
///
/// # Errors
/// [`ObjectError`] where a file's content cannot be read.
pub fn preview(
    objects: &(impl Objects + ?Sized),
    target: &str,
    base: Option<&[InputFile]>,
    desired: Option<&[InputFile]>,
    live: &[LiveDifference],
) -> Result<Preview, ObjectError> {
    let olds = by_path(base);
    let news = by_path(desired);
    let changes = changes(&olds, &news);
    let mut summary: BTreeSet<Item> = changes.iter().map(|c| item(c.action(), c.path)).collect();
    let verb = if desired.is_some() { "sets" } else { "removes" };
    let mut notes = vec![format!("{verb} the folder `{}`, which is owned whole", text::escape(target))];
    live::tell(live, &olds, &news, &mut summary, &mut notes);

    let mut diff = String::new();
    let omitted = describe(objects, &changes, &mut diff, &mut notes)?;
    Ok(Preview { summary: summary.into_iter().collect(), notes, diff, omitted })
}

/// The diff of every file that differs, a note for each whose content is not shown, and how many were left out for the
/// preview's size.
///
/// # Errors
/// [`ObjectError`] where a file's content cannot be read.
pub(super) fn diff_of(
    objects: &(impl Objects + ?Sized),
    base: &[InputFile],
    desired: &[InputFile],
) -> Result<(String, Vec<String>, u64), ObjectError> {
    let (mut diff, mut notes) = (String::new(), Vec::new());
    let omitted = describe(objects, &changes(&by_path(Some(base)), &by_path(Some(desired))), &mut diff, &mut notes)?;
    Ok((diff, notes, omitted))
}

/// What is taken away, each thing by its path on the host: the target where the service goes, every file that is no
/// longer set, and what no deployment put there, with what it is.
pub fn removes(
    target: &str,
    base: Option<&[InputFile]>,
    desired: Option<&[InputFile]>,
    live: &[LiveDifference],
) -> BTreeSet<String> {
    let (olds, news) = (by_path(base), by_path(desired));
    let gone = olds.keys().filter(|path| !news.contains_key(*path)).map(|path| format!("{target}/{path}"));
    let whole = (base.is_some() && desired.is_none()).then(|| target.to_owned());
    let foreign = live.iter().filter_map(|difference| difference.removes(target));
    whole.into_iter().chain(gone).chain(foreign).map(|name| text::escape(&name)).collect()
}

fn describe(
    objects: &(impl Objects + ?Sized),
    changes: &[Change<'_>],
    diff: &mut String,
    notes: &mut Vec<String>,
) -> Result<u64, ObjectError> {
    let (mut read, mut omitted) = (0_u64, 0);
    for (at, change) in changes.iter().enumerate() {
        // What is beyond is not even read: nobody reads such a preview, and it must not fill the memory.
        read = read.saturating_add(change.bytes());
        let is_shown = at < MOST_FILES && read <= MOST_BYTES;
        omitted += u64::from(change.describe(objects, is_shown, diff, notes)?);
    }
    Ok(omitted)
}

/// What differs: deletions first, then by path.
fn changes<'a>(olds: &Files<'a>, news: &Files<'a>) -> Vec<Change<'a>> {
    let mut changes: Vec<Change<'a>> = olds
        .keys()
        .chain(news.keys())
        .copied()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .filter_map(|path| Change::between(path, olds.get(path).copied(), news.get(path).copied()))
        .collect();
    changes.sort_by_key(|change| (change.action(), change.path));
    changes
}

type Files<'a> = BTreeMap<&'a str, &'a InputFile>;

fn by_path(files: Option<&[InputFile]>) -> Files<'_> {
    files.unwrap_or_default().iter().map(|file| (file.path.as_str(), file)).collect()
}

fn same_files(a: &[InputFile], b: &[InputFile]) -> bool {
    let (a, b) = (by_path(Some(a)), by_path(Some(b)));
    a.len() == b.len() && a.iter().zip(&b).all(|((p, x), (q, y))| p == q && same_file(x, y))
}

fn same_file(a: &InputFile, b: &InputFile) -> bool {
    (a.mode, a.sha256) == (b.mode, b.sha256)
}

fn item(action: Action, path: &str) -> Item {
    Item { action, item: text::escape(path) }
}

/// One path that differs between base and desired.
struct Change<'a> {
    path: &'a str,
    old: Option<&'a InputFile>,
    new: Option<&'a InputFile>,
}

impl<'a> Change<'a> {
    fn between(path: &'a str, old: Option<&'a InputFile>, new: Option<&'a InputFile>) -> Option<Self> {
        match (old, new) {
            (Some(old), Some(new)) if same_file(old, new) => None,
            _ => Some(Self { path, old, new }),
        }
    }

    fn action(&self) -> Action {
        match (self.old, self.new) {
            (_, None) => Action::Destroy,
            (None, Some(_)) => Action::Create,
            (Some(_), Some(_)) => Action::Update,
        }
    }

    /// Adds a line such as `change 0644 → 0755 run.sh`, which no line of content can fake since those begin with a sign,
    /// and the diff; or a note where the content is not shown. Gives whether it was left out for the preview's size.
    fn describe(
        &self,
        objects: &(impl Objects + ?Sized),
        is_shown: bool,
        diff: &mut String,
        notes: &mut Vec<String>,
    ) -> Result<bool, ObjectError> {
        let path = text::escape(self.path);
        let word = if self.action() == Action::Update { "change" } else { self.action().name() };
        let word = if word == "destroy" { "delete" } else { word };
        let mut modes: Vec<&str> = [self.old, self.new].iter().flatten().map(|file| host_mode(file.mode)).collect();
        modes.dedup();
        // Writing to a String cannot fail.
        let _ = writeln!(diff, "{word} {} {path}", modes.join(" → "));

        let differs = self.old.map(|file| file.sha256) != self.new.map(|file| file.sha256);
        let hidden = if self.sides().any(|file| file.size > LARGE) {
            FileDiff::Large
        } else if !is_shown {
            if differs {
                notes.push(format!("`{path}` is beyond what one preview shows: {}", self.facts()));
            }
            return Ok(differs);
        } else {
            let read = |file: Option<&InputFile>| file.map(|file| content(objects, file)).transpose();
            unified(self.path, read(self.old)?.as_deref(), read(self.new)?.as_deref())
        };
        let why = match hidden {
            FileDiff::Text(lines) => {
                diff.push_str(&lines);
                return Ok(false);
            }
            FileDiff::Binary => "is binary",
            FileDiff::Large => "is too large to compare",
        };
        if differs {
            notes.push(format!("`{path}` {why} and not shown: {}", self.facts()));
        }
        Ok(false)
    }

    /// The bytes to be read for the comparison; what is too large is not read.
    fn bytes(&self) -> u64 {
        self.sides().map(|file| file.size).filter(|size| *size <= LARGE).fold(0, u64::saturating_add)
    }

    fn facts(&self) -> String {
        let facts: Vec<_> = self.sides().map(|f| format!("{} bytes, sha256 {}", f.size, f.sha256.to_hex())).collect();
        facts.join(" → ")
    }

    fn sides(&self) -> impl Iterator<Item = &'a InputFile> {
        [self.old, self.new].into_iter().flatten()
    }
}

#[cfg(test)]
mod tests;
