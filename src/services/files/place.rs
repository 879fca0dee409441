//! Where a target is: an open parent folder and a name in it.

use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

use super::folder;
use crate::digest::Digest;
use crate::plan::files::LiveKind;
use crate::text;

/// Between a target's name and the short digest in the name of the folder beside it.
const MARK: &str = ".countersign-";

/// Why a target cannot be looked at or set.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It is no target as the settings or the host are: somebody must change something.
    Unusable(String),
    /// The system refused.
    Failed(String),
}

impl Trouble {
    pub(super) fn no_parent(target: &str) -> Self {
        let parent = target.rsplit_once('/').map_or("", |(parent, _)| parent);
        let (target, parent) = (text::escape(target), text::escape(parent));
        Self::Unusable(format!("the parent of the target `{target}` is missing; make the folder `{parent}`"))
    }

    pub(super) fn into_message(self) -> String {
        match self {
            Self::Unusable(message) | Self::Failed(message) => message,
        }
    }
}

/// A target that may be set: granted, with a parent reached without any symbolic link.
#[derive(Debug)]
pub(super) struct Place {
    /// The absolute path.
    pub(super) target: String,
    /// The open parent folder.
    pub(super) parent: OwnedFd,
    /// The target's name in it.
    pub(super) name: String,
}

impl Place {
    /// Finds the target; `None` where its parent is missing.
    pub(super) fn find(target: &str, granted: &[String]) -> Result<Option<Self>, Trouble> {
        let shown = text::escape(target);
        let unusable = |why: &str| Err(Trouble::Unusable(format!("the target `{shown}` {why}")));
        let names: Vec<&str> = target.split('/').skip(1).collect();
        let clean = |name: &&str| !matches!(*name, "" | "." | "..") && text::is_safe(name);
        if !target.starts_with('/') || !names.iter().all(clean) {
            return unusable("is no plain absolute path; write it without `.`, `..`, `//` and final `/`");
        }
        let below = |prefix: &String| {
            let prefix = prefix.trim_end_matches('/');
            target.strip_prefix(prefix).is_some_and(|rest| rest.len() > 1 && rest.starts_with('/'))
        };
        if !granted.iter().any(below) {
            return unusable("is not below a folder that the operator granted to this environment");
        }
        let Some((parent, name)) = target.rsplit_once('/') else { return unusable("has no parent") };
        if is_aside(name, None) {
            return unusable("has a name of the kind that is used for folders beside a target; choose another");
        }
        if aside(name, Digest::of("")).len() > 255 {
            return unusable("has too long a name; choose one of at most 229 bytes");
        }
        let parent = if parent.is_empty() { "/" } else { parent };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match openat2(CWD, parent, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
            Ok(parent) => Ok(Some(Self { target: target.to_owned(), parent, name: name.to_owned() })),
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::LOOP) => {
                let link = text::escape(first_link(parent));
                unusable(&format!("is reached through the symlink `{link}`; write the path that it leads to"))
            }
            Err(Errno::NOTDIR) => unusable("has something other than folders on the way to it"),
            Err(Errno::NOSYS) => {
                Err(Trouble::Failed("this system lacks openat2: Linux 5.6 or later is needed".to_owned()))
            }
            Err(error) => Err(Trouble::Failed(format!("cannot open the parent of the target `{shown}`: {error}"))),
        }
    }

    /// Opens the target; `None` where there is nothing.
    pub(super) fn open(&self) -> Result<Option<OwnedFd>, Trouble> {
        let shown = text::escape(&self.target);
        let unusable = |why: &str| Err(Trouble::Unusable(format!("the target `{shown}` {why}")));
        let name = c_name(&self.name)?;
        let cannot = |error: Errno| Trouble::Failed(format!("cannot look at the target `{shown}`: {error}"));
        let seen = match folder::look(&self.parent, &name) {
            Err(Errno::XDEV) => return unusable("is a mount point; choose a folder below it"),
            seen => seen.map_err(cannot)?,
        };
        match seen.map(|seen| seen.kind) {
            None => Ok(None),
            Some(LiveKind::Folder) => folder::enter(&self.parent, &name).map(Some).map_err(cannot),
            Some(LiveKind::Symlink) => unusable("is a symlink; remove it or choose another target"),
            Some(LiveKind::File { .. }) => unusable("is a file; remove it or choose another target"),
            Some(LiveKind::Special) => unusable("is a pipe, socket or device; choose another target"),
        }
    }

    /// The name of the folder beside the target in which this effect is prepared, and to which what was there moves.
    pub(super) fn aside(&self, effect: Digest) -> String {
        aside(&self.name, effect)
    }

    /// Removes a folder beside the target as far as possible; what stays is tried again at the next apply.
    pub(super) fn clear(&self, aside: &str) {
        let Ok(name) = c_name(aside) else { return };
        if let Err(error) = folder::remove(&self.parent, &name) {
            tracing::warn!(target = %text::escape(&self.target), leftover = %text::escape(aside), %error, "a leftover stays");
        }
    }

    /// Removes what runs that were killed left beside the target.
    pub(super) fn clear_leftovers(&self) {
        let names = folder::names(&self.parent).unwrap_or_default();
        for name in names.iter().filter_map(|name| name.to_str().ok()).filter(|name| is_aside(name, Some(&self.name))) {
            self.clear(name);
        }
    }
}

pub(super) fn c_name(name: &str) -> Result<CString, Trouble> {
    CString::new(name).map_err(|_| Trouble::Unusable(format!("`{}` has a NUL in it", text::escape(name))))
}

fn aside(name: &str, effect: Digest) -> String {
    format!(".{name}{MARK}{}", effect.short())
}

/// Whether this is the name of a folder beside the target of this name, or of any.
fn is_aside(name: &str, target: Option<&str>) -> bool {
    let parts = name.strip_prefix('.').and_then(|rest| rest.rsplit_once(MARK));
    parts.is_some_and(|(middle, digest)| {
        digest.len() == 12
            && digest.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
            && target.is_none_or(|target| target == middle)
    })
}

/// The first symbolic link on the way, for the message alone.
fn first_link(path: &str) -> &str {
    let ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]);
    ends.map(|end| &path[..end]).find(|part| Path::new(part).is_symlink()).unwrap_or(path)
}
