//! Who the policy's first person is: as git knows them, with the key they sign with.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::CliError;
use crate::cli::scaffold::tools::configured;
use crate::evidence::key::parse_public_key;
use crate::git::keygen::SigningKey;
use crate::model::{PersonName, PublicKey};

/// The policy's first person.
#[derive(Debug)]
pub struct Identity {
    /// What the policy calls them: made of their address.
    pub person: String,
    /// As git knows them.
    pub name: String,
    /// As git knows it.
    pub email: String,
    /// The key that their signatures are checked with.
    pub key: PublicKey,
    /// What git's `user.signingKey` has to be for that key.
    pub signing: String,
}

const NO_KEY: &str = "make a key with `ssh-keygen -t ed25519`, or name one with --key";

impl Identity {
    /// Asks git as it is configured in a folder. `key`: the public key to take instead of git's.
    ///
    /// # Errors
    /// Where name, address or key is missing, and which command would set it.
    pub fn find(folder: &Path, key: Option<&Path>) -> Result<Self, CliError> {
        let setting = |name: &str, example: &str| match configured(folder, name) {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(CliError::failed(format!("git knows no `{name}` for you"))
                .hint(format!("git config --global {name} {example}"))),
            Err(error) => Err(error),
        };
        let name = setting("user.name", "\"Alice Example\"")?;
        let email = setting("user.email", "alice@vendor.example")?;
        let (key, signing) = match key {
            Some(file) => from_file(file)?,
            None => own_key(folder)?,
        };
        let person = name_from(email.split('@').next().unwrap_or_default(), "me");
        Ok(Self { person, name, email, key, signing })
    }
}

/// The key git signs with, where it signs with SSH keys at all; else the usual one.
fn own_key(folder: &Path) -> Result<(PublicKey, String), CliError> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let is_ssh = configured(folder, "gpg.format")?.is_some_and(|format| format == "ssh");
    let configured = configured(folder, "user.signingKey")?.filter(|text| {
        // Otherwise it names a key of GnuPG.
        is_ssh || text.starts_with("ssh-") || text.starts_with("key::")
    });
    if let Some(text) = configured {
        return match SigningKey::parse(&text, home.as_deref()) {
            SigningKey::File(file) => from_file(&folder.join(file)),
            SigningKey::Public(line) => Ok((parse(&line, "git's user.signingKey")?, format!("key::{line}"))),
        };
    }
    match home.map(|home| home.join(".ssh/id_ed25519.pub")).filter(|file| file.is_file()) {
        Some(file) => from_file(&file),
        None => Err(CliError::failed(
            "no SSH key of yours is known: git's user.signingKey names none, and ~/.ssh/id_ed25519.pub is not there",
        )
        .hint(NO_KEY)),
    }
}

/// Reads the public half of a key, whichever half is named.
fn from_file(file: &Path) -> Result<(PublicKey, String), CliError> {
    let file = std::path::absolute(file)?;
    let text = file.display().to_string();
    let private = text.strip_suffix(".pub").map_or_else(|| file.clone(), PathBuf::from);
    let public = PathBuf::from(format!("{}.pub", private.display()));
    let public = if public.is_file() { public } else { file.clone() };
    let line = fs::read_to_string(&public).map_err(|error| {
        CliError::failed(format!("the key `{}` cannot be read: {error}", file.display())).hint(NO_KEY)
    })?;
    if line.contains("PRIVATE KEY") {
        return Err(CliError::failed(format!("`{}` is a private key without its public half", file.display()))
            .hint(format!("ssh-keygen -y -f {file} > {file}.pub", file = file.display())));
    }
    let key = parse(&line, &format!("`{}`", public.display()))?;
    // git takes either half; with the private one it needs no agent.
    let signing = if private.is_file() { private } else { public };
    Ok((key, signing.display().to_string()))
}

fn parse(line: &str, what: &str) -> Result<PublicKey, CliError> {
    parse_public_key(line.trim())
        .map_err(|error| CliError::failed(format!("{what} cannot be used: {error}")).hint(NO_KEY))
}

/// A name as documents take it, as close to a text as can be.
pub fn name_from(text: &str, otherwise: &str) -> String {
    let mapped: String =
        text.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(63).collect();
    let name = mapped.trim_matches('-');
    name.parse::<PersonName>().map_or_else(|_| otherwise.to_owned(), |name| name.to_string())
}

#[cfg(test)]
mod tests {
    use super::name_from;

    #[test]
    fn names_are_made_of_what_is_there() {
        assert_eq!(name_from("Alice.Example", "me"), "alice-example");
        assert_eq!(name_from("123+o'neil", "me"), "123-o-neil");
        assert_eq!(name_from("漢字", "me"), "me");
        assert_eq!(name_from("", "config"), "config");
    }
}
