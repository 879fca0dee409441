//! The few system calls on folders: relative to an open folder, through no symbolic link, into no other mount.

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, fstat, openat2, unlinkat};
use rustix::io::{Errno, Result};

use crate::plan::files::LiveKind;

/// Nothing outside the folder, no link, no mount point: with these a path is what it says.
const STRICT: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_XDEV);

/// What a name in a folder stands for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) kind: LiveKind,
    /// The permission bits, the set-id and sticky bits included.
    pub(super) mode: u32,
}

/// Looks at a name without opening what it stands for; `None` where there is nothing.
///
/// # Errors
/// `EXDEV` for a mount point.
pub(super) fn look(folder: &OwnedFd, name: &CStr) -> Result<Option<Seen>> {
    // A symbolic link itself may be looked at: O_PATH with O_NOFOLLOW opens the link, which NO_SYMLINKS allows.
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let found = match openat2(folder, name, flags, Mode::empty(), STRICT) {
        Ok(found) => found,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error),
    };
    let stat = fstat(&found)?;
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => LiveKind::File { size: u64::try_from(stat.st_size).unwrap_or_default() },
        FileType::Directory => LiveKind::Folder,
        FileType::Symlink => LiveKind::Symlink,
        _ => LiveKind::Special,
    };
    Ok(Some(Seen { kind, mode: stat.st_mode & 0o7777 }))
}

/// Opens a folder in a folder.
///
/// # Errors
/// `ELOOP` or `ENOTDIR` where it is something else, `EXDEV` for a mount point.
pub(super) fn enter(folder: &OwnedFd, name: &CStr) -> Result<OwnedFd> {
    openat2(folder, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty(), STRICT)
}

/// Opens a file in a folder to read it. Does not block on what turns out to be a pipe.
///
/// # Errors
/// As [`enter`].
pub(super) fn read(folder: &OwnedFd, name: &CStr) -> Result<OwnedFd> {
    openat2(folder, name, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty(), STRICT)
}

/// Makes a file in a folder, to be written; it must not be there.
///
/// # Errors
/// As the system says.
pub(super) fn create(folder: &OwnedFd, name: &CStr) -> Result<OwnedFd> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat2(folder, name, flags, Mode::RUSR | Mode::WUSR, STRICT)
}

/// The names in a folder, in byte order.
///
/// # Errors
/// As the system says.
pub(super) fn names(folder: &OwnedFd) -> Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if !matches!(name.to_bytes(), b"." | b"..") {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Removes what a name stands for, with everything below it, but never across a mount point. Links are removed, not
/// followed; nothing but folders is opened. Nothing there is fine.
///
/// # Errors
/// The first that occurs; the rest stays.
pub(super) fn remove(folder: &OwnedFd, name: &CStr) -> Result<()> {
    let Some(seen) = look(folder, name)? else { return Ok(()) };
    if seen.kind != LiveKind::Folder {
        return unlinkat(folder, name, AtFlags::empty());
    }
    let inner = enter(folder, name)?;
    for below in names(&inner)? {
        remove(&inner, &below)?;
    }
    unlinkat(folder, name, AtFlags::REMOVEDIR)
}
