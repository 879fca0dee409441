//! Where a repository is: only forms that git cannot take for anything else.

use std::fmt;
use std::str::FromStr;

/// The address of a remote, checked.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RemoteUrl(String);

/// Why a text is no address of a remote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// Not one of the forms that are allowed.
    #[error("expected an absolute path, `file:///…`, `ssh://…` or `https://…`")]
    Form,
    /// `user@host:path`.
    #[error("expected `ssh://` instead of the short form: write `ssh://user@host/path`")]
    Short,
    /// A password or token in the address.
    #[error("expected no password in the address; name a file in `credentials`")]
    Password,
}

impl RemoteUrl {
    /// The text, as git takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path, where the remote is on this host.
    pub fn local_path(&self) -> Option<&str> {
        let path = self.0.strip_prefix("file://").unwrap_or(&self.0);
        path.starts_with('/').then_some(path)
    }

    /// Whether it is reached by ssh.
    pub fn is_ssh(&self) -> bool {
        self.0.starts_with("ssh://")
    }
}

impl FromStr for RemoteUrl {
    type Err = RemoteError;

    fn from_str(text: &str) -> Result<Self, RemoteError> {
        // Spaces are legal in paths, but end an address in many logs; nothing of the rest is legal in any form.
        let printable = |c: char| !c.is_control() && !c.is_whitespace();
        if text.len() > 2048 || !text.chars().all(printable) {
            return Err(RemoteError::Form);
        }
        let sound = match text.split_once("://") {
            _ if text.starts_with('/') => is_path(text),
            Some(("file", path)) => is_path(path),
            Some(("ssh", rest)) => is_address(rest, true)?,
            Some(("https", rest)) => is_address(rest, false)?,
            // `transport::address` makes git run a program of that name, whatever follows: like every other form it
            // is refused for not being listed.
            Some(_) => false,
            None if text.contains('@') && text.contains(':') && !text.starts_with('-') => {
                return Err(RemoteError::Short);
            }
            None => false,
        };
        if sound { Ok(Self(text.to_owned())) } else { Err(RemoteError::Form) }
    }
}

/// An absolute path without `.` and `..`.
fn is_path(path: &str) -> bool {
    path.strip_prefix('/').is_some_and(|rest| {
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        rest.split('/').all(|part| !matches!(part, "" | "." | ".."))
    })
}

/// `[user@]host[:port]/path`, with nothing in it that a program could take for an option.
fn is_address(rest: &str, users: bool) -> Result<bool, RemoteError> {
    let Some(slash) = rest.find('/') else { return Ok(false) };
    let (authority, path) = rest.split_at(slash);
    let host_and_port = match authority.rsplit_once('@') {
        Some((user, _)) if user.contains(':') => return Err(RemoteError::Password),
        // A user without a password, over https, is how tokens are written.
        Some(_) if !users => return Err(RemoteError::Password),
        Some((user, host)) if is_word(user) => host,
        Some(_) => return Ok(false),
        None => authority,
    };
    let (host, port) = match host_and_port.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => {
            let is_v6 = address.parse::<std::net::Ipv6Addr>().is_ok();
            if !is_v6 {
                return Ok(false);
            }
            ("v6", port)
        }
        None => match host_and_port.find(':') {
            Some(colon) => host_and_port.split_at(colon),
            None => (host_and_port, ""),
        },
    };
    let port_is_sound = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
    let path_is_sound = path.len() > 1 && !path.starts_with("/-") && !path.contains(['?', '#', '\\']) && is_path(path);
    Ok(is_word(host) && port_is_sound && path_is_sound)
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

/// A host or user name: it does not begin like an option.
fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn these_addresses_are_taken() {
        for text in [
            "/srv/git/acme.git",
            "/srv/git/acme.git/",
            "file:///srv/git/acme.git",
            "ssh://git@git.example/acme/config.git",
            "ssh://git@git.example:2222/acme/config.git",
            "ssh://git@[::1]:2222/acme/config.git",
            "ssh://git.example/~git/config.git",
            "https://git.example/acme/config.git",
        ] {
            assert_eq!(text.parse::<RemoteUrl>().map(|url| url.0), Ok(text.to_owned()));
        }
    }

    #[test]
    fn these_addresses_are_refused() {
        use RemoteError::{Form, Password, Short};
        for (text, error) in [
            ("", Form),
            ("acme.git", Form),
            ("../acme.git", Form),
            ("/srv/../etc", Form),
            ("/srv/two words", Form),
            ("ext::sh -c true", Form),
            ("ext::sh", Form),
            ("fd::17", Form),
            ("ext::ssh://[git]/x", Form),
            ("--upload-pack=touch", Form),
            ("-oProxyCommand=x@host:path", Form),
            ("ssh://-oProxyCommand=x/path", Form),
            ("ssh://-l@git.example/path", Form),
            ("ssh://git.example:-1/path", Form),
            ("ssh://git.example/-path", Form),
            ("ssh://git.example", Form),
            ("ssh://git.example/", Form),
            ("file://git.example/srv", Form),
            ("file://srv", Form),
            ("git://git.example/acme", Form),
            ("http://git.example/acme", Form),
            ("https://git.example/acme?x=1", Form),
            ("https://user@git.example/acme", Password),
            ("https://user:word@git.example/acme", Password),
            ("ssh://git:word@git.example/acme", Password),
            ("git@git.example:acme/config.git", Short),
        ] {
            assert_eq!(text.parse::<RemoteUrl>(), Err(error), "{text}");
        }
    }
}
