//! A journal only grows: a tip that does not follow the one this clone saw last is not read.
//!
//! An older entry is as well signed as the newest one, so whoever may push the journal's branch could show a person an
//! earlier state of things. Nobody but the clone itself remembers what it was shown.

use super::CliError;
use super::clone::{ConfigClone, Tips, failed, hint_for_missing};
use crate::journal::JournalError;
use crate::journal::read::line;

/// How often another command in the same clone may be faster.
const TRIES: usize = 5;

/// Where a clone remembers the last tip it saw. Not below `refs/remotes/`: `git fetch --prune` leaves it alone.
pub fn seen_ref(clone: &ConfigClone) -> String {
    format!("refs/countersign-seen/{}/{}", clone.remote, clone.journal)
}

/// Gate: the journal that was fetched is the one seen last, or has grown from it. Remembers it.
///
/// # Errors
/// Where it went back, or is another.
pub fn check(clone: &ConfigClone, tips: &Tips) -> Result<(), CliError> {
    let name = seen_ref(clone);
    for _ in 0..TRIES {
        let seen = clone.git().reference(&name).map_err(failed)?;
        match seen.map(|seen| (seen, line(clone.objects(), tips.journal, Some(seen)))) {
            Some((seen, Ok(_))) if seen == tips.journal => return Ok(()),
            None | Some((_, Ok(_))) => {}
            Some((_, Err(JournalError::Object(error)))) => {
                let hint = hint_for_missing(&error);
                return Err(
                    CliError::failed(format!("whether {} went back cannot be seen: {error}", clone.journal)).hint(hint)
                );
            }
            Some((seen, Err(_))) => {
                return Err(CliError::failed(format!(
                    "{} of {} went back: it is at {}, which does not follow {}, seen here before",
                    clone.journal,
                    clone.remote,
                    tips.journal.short(),
                    seen.short()
                ))
                .hint(format!(
                    "tell whoever runs the daemon; only if they say that it was begun anew, forget what was seen: git \
                     update-ref -d {name}"
                )));
            }
        }
        if clone.git().move_reference(&name, seen, tips.journal).map_err(failed)? {
            return Ok(());
        }
    }
    Err(CliError::failed(format!("{name} cannot be written: other commands in this clone are always faster")))
}
