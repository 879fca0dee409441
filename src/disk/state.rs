//! What is kept in the state folder: who we are, and what we saw last.

use std::io::{self, ErrorKind};

use serde::{Deserialize, Serialize};

use super::Disk;
use crate::object::Oid;

const INSTANCE: &str = "instance";
const TIPS: &str = "tips.json";

/// The random id (128 bits, as 32 hex digits) of this state folder, made once. A claim belongs to it and to a key.
///
/// # Errors
/// Where it can neither be read nor made. An unreadable one is never replaced: our own claims would look foreign.
pub fn instance(disk: &dyn Disk) -> io::Result<String> {
    if let Some(bytes) = disk.read(INSTANCE)? {
        let is_id = |text: &String| text.len() == 32 && text.bytes().all(|b| b"0123456789abcdef".contains(&b));
        let id = String::from_utf8(bytes).ok().map(|text| text.trim_end().to_owned()).filter(is_id);
        return id.ok_or_else(|| damaged(INSTANCE, "32 hex digits expected"));
    }
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| io::Error::other(format!("no randomness to be had: {error}")))?;
    let id = hex::encode(random);
    disk.write(INSTANCE, format!("{id}\n").as_bytes())?;
    Ok(id)
}

/// The tips that were seen last. What the remote shows later must descend from them. A field that is missing from the
/// file is an error, like every other damage.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tips {
    /// Of the config branch.
    #[serde(deserialize_with = "Option::deserialize")]
    pub config: Option<Oid>,
    /// Of the journal.
    #[serde(deserialize_with = "Option::deserialize")]
    pub journal: Option<Oid>,
    /// Of the branch of records.
    #[serde(deserialize_with = "Option::deserialize")]
    pub records: Option<Oid>,
}

impl Tips {
    /// What was seen last; `None` in a fresh state folder.
    ///
    /// # Errors
    /// Where it cannot be read. That is never the same as having seen nothing.
    pub fn read(disk: &dyn Disk) -> io::Result<Option<Self>> {
        let Some(bytes) = disk.read(TIPS)? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|error| damaged(TIPS, &error.to_string()))
    }

    /// Remembers what was seen.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&self, disk: &dyn Disk) -> io::Result<()> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        disk.write(TIPS, &bytes)
    }
}

fn damaged(name: &str, what: &str) -> io::Error {
    let text = format!("the state file `{name}` is damaged ({what}); delete it to start as if it had never been");
    io::Error::new(ErrorKind::InvalidData, text)
}
