//! The `files` driver: puts a folder of the repository on this host, whole, by one atomic exchange.
//!
//! # Guarantees
//! * Whoever opens the target sees the old content or the new one, never a mixture, and never nothing.
//! * Until the exchange nothing of what was there is touched; a failure before it leaves everything as it was.
//! * What is there afterwards is exactly what the plan says: those files, mode 0644 or 0755, folders 0755, synced to disk.
//! * No symbolic link is followed on the way to the target or inside it, no mount point is entered, no pipe, socket or
//!   device is opened.
//!
//! # Assumptions
//! * Linux 5.6 or later (`openat2`), and a file system that can exchange two folders (`renameat2`).
//! * Nobody but the daemon and those it trusts can write to the target's parent folder.
//! * The target belongs to one environment, of which one deployment runs at a time: the claim on the journal sees to it.
//!
//! # Caveats
//! * What somebody puts into the target between the last look and the exchange goes with the old content.
//! * A process that works inside the target keeps the old folder until it opens the target again.
//! * Owners, extended attributes and access control lists are neither set nor compared.

mod folder;
mod observe;
mod place;
mod stage;
mod tree;

use rustix::fs::{RenameFlags, fsync, renameat_with};
use rustix::io::Errno;

use observe::{Live, observe};
use place::{Place, Trouble};
use stage::stage;

use super::{Driver, DriverError, ServiceChange, ServicePlan, Settled};
use crate::model::ServiceKind;
use crate::object::Objects;
use crate::plan::Action;
use crate::plan::files::{LiveDifference, action, check_source, effect, preview, removes};
use crate::policy::Permit;
use crate::revision::InputFile;
use crate::text;

/// The driver, with what the operator granted to the environment it works for.
#[derive(Debug, Clone)]
pub struct FilesDriver {
    granted: Vec<String>,
}

impl FilesDriver {
    /// A driver that works strictly below these absolute prefixes and nowhere else. None granted: it refuses everything.
    pub fn new(granted: impl IntoIterator<Item = String>) -> Self {
        Self { granted: granted.into_iter().collect() }
    }

    fn place(&self, job: &Job<'_>) -> Result<Option<Place>, Trouble> {
        Place::find(job.target, &self.granted)
    }
}

impl Driver for FilesDriver {
    fn plan(&self, objects: &dyn Objects, change: &ServiceChange) -> Result<ServicePlan, DriverError> {
        let job = Job::of(change)?;
        let live = self.place(&job).and_then(|place| {
            if place.is_none() && job.desired.is_some() {
                return Err(Trouble::no_parent(job.target));
            }
            observe(place.as_ref(), job.base)
        });
        let live = live.map_err(|trouble| match trouble {
            Trouble::Unusable(message) => DriverError::Invalid { message },
            Trouble::Failed(message) => DriverError::Failed { message },
        })?;
        let action = match action(job.base, job.desired) {
            Action::None if !live.differences.is_empty() => Action::Update,
            action => action,
        };
        let preview = preview(objects, job.target, job.base, job.desired, &live.differences)
            .map_err(|error| DriverError::Failed { message: format!("cannot preview `{}`: {error}", change.name) })?;
        let removes = removes(job.target, job.base, job.desired, &live.differences);
        Ok(ServicePlan { action, effect: effect(job.target, job.desired), preview, removes })
    }

    fn apply(&self, _permit: &Permit, objects: &dyn Objects, change: &ServiceChange) -> Result<(), DriverError> {
        let job = Job::of(change)?;
        let failed = |trouble: Trouble| DriverError::Failed { message: trouble.into_message() };
        let Some(place) = self.place(&job).map_err(failed)? else {
            return if job.desired.is_some() { Err(failed(Trouble::no_parent(job.target))) } else { Ok(()) };
        };
        place.clear_leftovers();
        let aside = place.aside(effect(job.target, job.desired));
        let switched = match job.desired {
            Some(files) => stage(&place, &aside, objects, files).and_then(|()| switch(&place, &aside)),
            None => take_away(&place, &aside),
        };
        if let Err(trouble) = switched {
            place.clear(&aside);
            return Err(failed(Trouble::Failed(format!("{}; nothing was changed", trouble.into_message()))));
        }
        fsync(&place.parent).map_err(|error| DriverError::Unknown {
            message: format!(
                "the target `{}` is set but may not outlast a power cut: {error}",
                text::escape(job.target)
            ),
        })?;
        place.clear(&aside);
        Ok(())
    }

    fn settle(&self, _objects: &dyn Objects, change: &ServiceChange) -> Result<Settled, DriverError> {
        let job = Job::of(change)?;
        let unknown = |trouble: Trouble| DriverError::Unknown { message: trouble.into_message() };
        let place = self.place(&job).map_err(unknown)?;
        let look = |expected| observe(place.as_ref(), expected).map_err(unknown);
        let now = look(job.desired)?;
        if if job.desired.is_some() { now.differences.is_empty() } else { !now.present } {
            // A run that was killed after the exchange left the old content beside the target.
            if let Some(place) = &place {
                place.clear_leftovers();
            }
            return Ok(Settled::Done);
        }
        // Without a base, nothing or an empty folder was there.
        if look(job.base)?.differences.is_empty() {
            return Ok(Settled::Untouched);
        }
        Ok(Settled::Unknown { what: describe(&job, &now) })
    }
}

/// The parts of a change that matter here, checked against each other.
struct Job<'a> {
    target: &'a str,
    base: Option<&'a [InputFile]>,
    desired: Option<&'a [InputFile]>,
}

impl<'a> Job<'a> {
    fn of(change: &'a ServiceChange) -> Result<Self, DriverError> {
        let invalid = |message| DriverError::Invalid { message };
        let sides = [&change.base, &change.desired].map(Option::as_ref);
        let targets = sides.map(|side| {
            side.map(|content| match &content.service.kind {
                ServiceKind::Files(files) => files.target.as_str(),
            })
        });
        let target = match targets {
            [Some(base), Some(desired)] if base != desired => {
                let (base, desired) = (text::escape(base), text::escape(desired));
                return Err(invalid(format!("the target is `{desired}` but was `{base}`: a move is two changes")));
            }
            [base, desired] => desired.or(base),
        };
        let target =
            target.ok_or_else(|| invalid(format!("service `{}` is neither there nor desired", change.name)))?;
        let [base, desired] = sides.map(|side| side.map(|content| content.files.as_slice()));
        if let Some(files) = desired {
            check_source(files).map_err(|why| invalid(format!("service `{}`: {why}", change.name)))?;
        }
        Ok(Self { target, base, desired })
    }
}

/// Puts the staged folder in the target's place, and the old one, if any, in its.
fn switch(place: &Place, aside: &str) -> Result<(), Trouble> {
    let flags = if place.open()?.is_some() { RenameFlags::EXCHANGE } else { RenameFlags::NOREPLACE };
    renameat_with(&place.parent, aside, &place.parent, place.name.as_str(), flags).map_err(|e| cannot_rename(place, e))
}

/// Moves the target out of the way.
fn take_away(place: &Place, aside: &str) -> Result<(), Trouble> {
    if place.open()?.is_none() {
        return Ok(());
    }
    renameat_with(&place.parent, place.name.as_str(), &place.parent, aside, RenameFlags::NOREPLACE)
        .map_err(|e| cannot_rename(place, e))
}

fn cannot_rename(place: &Place, error: Errno) -> Trouble {
    let target = text::escape(&place.target);
    Trouble::Failed(match error {
        Errno::BUSY => format!("the target `{target}` is in use as a mount point"),
        Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP => {
            format!("the file system of `{target}` cannot exchange folders in one step ({error}); use another")
        }
        Errno::EXIST | Errno::NOENT | Errno::NOTDIR => {
            format!("somebody else changed `{target}` or its neighbours at the same moment ({error}); try again")
        }
        error => format!("cannot put the new content in the place of `{target}`: {error}"),
    })
}

/// What is seen where neither the new nor the old content is: the first differences from the new.
fn describe(job: &Job<'_>, now: &Live) -> String {
    const SHOWN: usize = 3;
    let target = text::escape(job.target);
    let mut seen: Vec<String> = now
        .differences
        .iter()
        .take(SHOWN)
        .map(|difference| match difference {
            LiveDifference::TargetMissing => "it is missing".to_owned(),
            LiveDifference::Changed { path, .. } if path.is_empty() => "its own mode differs".to_owned(),
            LiveDifference::Changed { path, .. } => format!("`{}` differs", text::escape(path)),
            LiveDifference::Missing { path } => format!("`{}` is missing", text::escape(path)),
            LiveDifference::Foreign { path, .. } if job.desired.is_none() => {
                format!("`{}` is still there", text::escape(path))
            }
            LiveDifference::Foreign { path, .. } => format!("`{}` should not be there", text::escape(path)),
        })
        .collect();
    match now.differences.len() {
        0 => seen.push("it is still there".to_owned()),
        count if count > SHOWN => seen.push(format!("and {} more", count - SHOWN)),
        _ => {}
    }
    format!("the target `{target}` is neither as planned nor as before: {}", seen.join(", "))
}

#[cfg(test)]
mod tests;
