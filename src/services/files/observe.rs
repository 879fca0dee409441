//! Looks at what is there and compares it with what should be.

use std::ffi::CStr;
use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;

use rustix::io::Errno;

use super::folder::{self, Seen};
use super::place::{Place, Trouble};
use super::tree::{Folder, Node, folders};
use crate::digest::Digest;
use crate::object::Mode;
use crate::plan::files::{Drift, LiveDifference, LiveKind, MAX_DEPTH};
use crate::revision::InputFile;
use crate::text;

/// Above so many things that are not ours nobody would read the list of what is deleted: it is refused.
const MAX_FOREIGN: usize = 10_000;

/// The mode of every folder.
const FOLDER_MODE: u32 = 0o755;

/// What is there.
#[derive(Debug)]
pub(super) struct Live {
    /// Whether anything is.
    pub(super) present: bool,
    /// How it differs from what was expected; nothing expected means an empty folder or none.
    pub(super) differences: Vec<LiveDifference>,
}

/// Compares the target with what is expected there.
///
/// # Errors
/// [`Trouble::Unusable`] where what is there can never be a target: a link, a file, a mount point in it, too much that
/// is not ours. [`Trouble::Failed`] where it cannot be looked at.
pub(super) fn observe(place: Option<&Place>, expected: Option<&[InputFile]>) -> Result<Live, Trouble> {
    let opened = match place {
        Some(place) => place.open()?.map(|folder| (place, folder)),
        None => None,
    };
    let Some((place, root)) = opened else {
        let differences = expected.map(|_| LiveDifference::TargetMissing).into_iter().collect();
        return Ok(Live { present: false, differences });
    };
    let mut walk = Walk { place, differences: Vec::new(), foreign: 0 };
    if expected.is_some() {
        let mode = rustix::fs::fstat(&root).map_err(|error| walk.cannot("", error))?.st_mode & 0o7777;
        if mode != FOLDER_MODE {
            walk.differences.push(LiveDifference::Changed { path: String::new(), drift: Drift::Mode });
        }
    }
    walk.compare(&root, &folders(expected.unwrap_or_default()), "", 1)?;
    walk.differences.sort();
    Ok(Live { present: true, differences: walk.differences })
}

struct Walk<'a> {
    place: &'a Place,
    differences: Vec<LiveDifference>,
    foreign: usize,
}

impl Walk<'_> {
    fn compare(&mut self, at: &OwnedFd, expected: &Folder<'_>, prefix: &str, depth: usize) -> Result<(), Trouble> {
        if depth > 2 * MAX_DEPTH {
            return Err(self.unusable(prefix, "is nested too deep; remove it"));
        }
        let names = folder::names(at).map_err(|error| self.cannot(prefix, error))?;
        for (name, node) in expected {
            if names.binary_search_by(|found| found.to_bytes().cmp(name.as_bytes())).is_err() {
                self.missing(node, &format!("{prefix}{name}"));
            }
        }
        for name in &names {
            let path = format!("{prefix}{}", name.to_string_lossy());
            let node = name.to_str().ok().and_then(|name| expected.get(name));
            let seen = match folder::look(at, name) {
                Ok(Some(seen)) => seen,
                // Gone since it was listed.
                Ok(None) => {
                    if let Some(node) = node {
                        self.missing(node, &path);
                    }
                    continue;
                }
                Err(Errno::XDEV) => return Err(self.unusable(&path, "is a mount point; unmount it")),
                Err(error) => return Err(self.cannot(&path, error)),
            };
            self.compare_one(at, name, node, seen, path, depth)?;
        }
        Ok(())
    }

    fn compare_one(
        &mut self,
        at: &OwnedFd,
        name: &CStr,
        node: Option<&Node<'_>>,
        seen: Seen,
        path: String,
        depth: usize,
    ) -> Result<(), Trouble> {
        let below = format!("{path}/");
        match (node, seen.kind) {
            (Some(Node::File(file)), LiveKind::File { size }) => {
                if let Some(drift) = self.drift(at, name, file, seen.mode, size)? {
                    self.differences.push(LiveDifference::Changed { path, drift });
                }
            }
            (Some(Node::Folder(inner)), LiveKind::Folder) => {
                if seen.mode != FOLDER_MODE {
                    self.differences.push(LiveDifference::Changed { path: path.clone(), drift: Drift::Mode });
                }
                let folder = folder::enter(at, name).map_err(|error| self.cannot(&path, error))?;
                self.compare(&folder, inner, &below, depth + 1)?;
            }
            (node, kind) => {
                if let Some(node) = node {
                    let drift = Drift::Kind(kind);
                    self.differences.push(LiveDifference::Changed { path: path.clone(), drift });
                    if let Node::Folder(_) = node {
                        self.missing(node, &path);
                    }
                }
                let before = self.foreign;
                if kind == LiveKind::Folder {
                    let folder = folder::enter(at, name).map_err(|error| self.cannot(&path, error))?;
                    self.compare(&folder, &Folder::new(), &below, depth + 1)?;
                }
                if node.is_none() && self.foreign == before {
                    self.foreign(path, kind)?;
                }
            }
        }
        Ok(())
    }

    fn foreign(&mut self, path: String, kind: LiveKind) -> Result<(), Trouble> {
        self.foreign += 1;
        if self.foreign > MAX_FOREIGN {
            let why =
                format!("holds more than {MAX_FOREIGN} things that are not from a deployment; choose another target");
            return Err(self.unusable("", &why));
        }
        self.differences.push(LiveDifference::Foreign { path, kind });
        Ok(())
    }

    /// Says of every file of a node that it is missing.
    fn missing(&mut self, node: &Node<'_>, path: &str) {
        match node {
            Node::File(_) => self.differences.push(LiveDifference::Missing { path: path.to_owned() }),
            Node::Folder(inner) => {
                for (name, node) in inner {
                    self.missing(node, &format!("{path}/{name}"));
                }
            }
        }
    }

    /// In what a file differs from the one expected. Reads no more than the expected size.
    fn drift(
        &self,
        at: &OwnedFd,
        name: &CStr,
        file: &InputFile,
        mode: u32,
        size: u64,
    ) -> Result<Option<Drift>, Trouble> {
        let same_mode = mode == if file.mode == Mode::Executable { 0o755 } else { 0o644 };
        let same_content = size == file.size
            && match folder::read(at, name) {
                Ok(opened) => {
                    let mut bytes = Vec::new();
                    let read = File::from(opened).take(file.size.saturating_add(1)).read_to_end(&mut bytes);
                    read.map_err(|error| self.cannot(&file.path, error))?;
                    Digest::of(&bytes) == file.sha256
                }
                // Somebody took away our right to read it: that is what differs, as far as can be told.
                Err(Errno::ACCESS) if !same_mode => true,
                Err(error) => return Err(self.cannot(&file.path, error)),
            };
        Ok(match (same_content, same_mode) {
            (true, true) => None,
            (false, true) => Some(Drift::Content),
            (true, false) => Some(Drift::Mode),
            (false, false) => Some(Drift::ContentAndMode),
        })
    }

    fn unusable(&self, path: &str, why: &str) -> Trouble {
        Trouble::Unusable(format!("{} {why}", self.name(path)))
    }

    fn cannot(&self, path: &str, error: impl std::fmt::Display) -> Trouble {
        Trouble::Failed(format!("cannot look at {}: {error}", self.name(path)))
    }

    fn name(&self, path: &str) -> String {
        let target = text::escape(&self.place.target);
        match path.trim_end_matches('/') {
            "" => format!("the target `{target}`"),
            path => format!("`{}` in the target `{target}`", text::escape(path)),
        }
    }
}
