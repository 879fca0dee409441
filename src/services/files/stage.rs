//! Writes the new content beside the target, down to the disk.

use std::ffi::CStr;
use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, fchmod, fsync, mkdirat};
use rustix::io::Errno;

use super::folder;
use super::place::{Place, Trouble, c_name};
use super::tree::{Folder, Node, folders};
use crate::object::{self, Objects};
use crate::plan::files::content;
use crate::revision::InputFile;
use crate::text;

/// Folders and executables, whatever the umask.
const OPEN: Mode = Mode::from_raw_mode(0o755);
/// Plain files.
const PLAIN: Mode = Mode::from_raw_mode(0o644);

/// Writes these files into a new folder beside the target. Everything in it, and the folder, is on disk afterwards.
///
/// # Errors
/// Where anything fails; what was written so far stays, to be cleared by the caller.
pub(super) fn stage(place: &Place, aside: &str, objects: &dyn Objects, files: &[InputFile]) -> Result<(), Trouble> {
    let root = make_folder(&place.parent, &c_name(aside)?).map_err(|error| match error {
        Errno::EXIST => {
            Trouble::Failed(format!("an old `{}` beside the target cannot be removed", text::escape(aside)))
        }
        error => cannot_write("", place, error),
    })?;
    Writer { place, objects }.fill(&root, &folders(files), "")
}

struct Writer<'a> {
    place: &'a Place,
    objects: &'a dyn Objects,
}

impl Writer<'_> {
    /// Fills a folder that only we can enter, then opens it to others.
    fn fill(&self, into: &OwnedFd, content: &Folder<'_>, prefix: &str) -> Result<(), Trouble> {
        for (name, node) in content {
            let (path, c_name) = (format!("{prefix}{name}"), c_name(name)?);
            match node {
                Node::File(file) => self.write(into, &c_name, file)?,
                Node::Folder(inner) => {
                    let below = make_folder(into, &c_name).map_err(|error| cannot_write(&path, self.place, error))?;
                    self.fill(&below, inner, &format!("{path}/"))?;
                }
            }
        }
        fchmod(into, OPEN).and_then(|()| fsync(into)).map_err(|error| cannot_write(prefix, self.place, error))
    }

    fn write(&self, into: &OwnedFd, name: &CStr, file: &InputFile) -> Result<(), Trouble> {
        let bytes = content(self.objects, file).map_err(|error| {
            Trouble::Failed(format!("cannot read `{}` from the repository: {error}", text::escape(&file.path)))
        })?;
        let mode = if file.mode == object::Mode::Executable { OPEN } else { PLAIN };
        let write = || -> std::io::Result<()> {
            let mut made = File::from(folder::create(into, name)?);
            made.write_all(&bytes)?;
            // After writing, so that nobody runs or reads half a file; not at creation, where the umask has a say.
            fchmod(&made, mode)?;
            made.sync_all()
        };
        write().map_err(|error| cannot_write(&file.path, self.place, error))
    }
}

fn make_folder(parent: &OwnedFd, name: &CStr) -> Result<OwnedFd, Errno> {
    mkdirat(parent, name, Mode::RWXU)?;
    folder::enter(parent, name)
}

fn cannot_write(path: &str, place: &Place, error: impl std::fmt::Display) -> Trouble {
    let what = if path.is_empty() { "the new folder".to_owned() } else { format!("`{}`", text::escape(path)) };
    Trouble::Failed(format!("cannot write {what} beside the target `{}`: {error}", text::escape(&place.target)))
}
