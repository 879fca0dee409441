//! Where a remote is: the four ways that are allowed, and nothing that makes git run a program of somebody's choice.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// How a remote is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// A repository on this machine.
    Local(PathBuf),
    /// Through `ssh`.
    Ssh,
    /// Through `https`.
    Https,
}

/// No URL is longer.
const LONGEST: usize = 2048;

/// The URL of a remote, checked.
#[derive(Clone, PartialEq, Eq)]
pub struct RemoteUrl {
    url: String,
    transport: Transport,
}

/// Why a text is no URL of a remote. It never repeats the URL, which may contain a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not one of the known forms.
    #[error(
        "expected `/absolute/path`, `file:///absolute/path`, `ssh://user@host/path`, `user@host:path` or `https://host/path`"
    )]
    Form,
    /// A control character or a space.
    #[error("the URL has a control character or a space in it")]
    Character,
    /// A user name or password where everybody on the machine could read it.
    #[error("the URL has credentials in it: name a file with them instead")]
    Credentials,
}

impl RemoteUrl {
    /// Reads `/absolute/path`, `file:///absolute/path`, `ssh://user@host/path`, `user@host:path` or
    /// `https://host/path`.
    ///
    /// # Errors
    /// For every other form (`ext::`, `http:`, relative paths, hosts that would be options), and for passwords.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        if text.len() > LONGEST {
            return Err(UrlError::Form);
        }
        // Spaces are nothing unusual in a path here; every other place would need them written otherwise.
        let spaces = if text.starts_with('/') { &[' '][..] } else { &[] };
        if text.chars().any(|c| c.is_control() || (c.is_whitespace() && !spaces.contains(&c))) {
            return Err(UrlError::Character);
        }
        let (url, transport) = if text.starts_with('/') {
            check_path(text)?;
            (text.to_owned(), Transport::Local(PathBuf::from(text)))
        } else if let Some(path) = text.strip_prefix("file://") {
            let path = percent_decode(path).filter(|path| path.starts_with('/')).ok_or(UrlError::Form)?;
            if path.chars().any(char::is_control) {
                return Err(UrlError::Character);
            }
            check_path(&path)?;
            // Given to git as a path: that means the same, and needs no second decoding to agree with this one.
            (path.clone(), Transport::Local(PathBuf::from(path)))
        } else if let Some(rest) = text.strip_prefix("ssh://") {
            check_authority(rest, true)?;
            (text.to_owned(), Transport::Ssh)
        } else if let Some(rest) = text.strip_prefix("https://") {
            check_authority(rest, false)?;
            (text.to_owned(), Transport::Https)
        } else {
            let (host, path) = text.split_once(':').ok_or(UrlError::Form)?;
            let (user, host) = host.split_once('@').ok_or(UrlError::Form)?;
            // `ext::…` and the like have two colons; a leading dash would be an option of ssh.
            if !is_user(user) || !is_host(host) || path.is_empty() || path.starts_with([':', '-']) {
                return Err(UrlError::Form);
            }
            check_path(&format!("/{}", path.strip_prefix('/').unwrap_or(path)))?;
            (text.to_owned(), Transport::Ssh)
        };
        Ok(Self { url, transport })
    }

    /// A repository on this machine.
    ///
    /// # Errors
    /// Where the path is not absolute, not UTF-8, or has control characters in it.
    pub fn local(path: &Path) -> Result<Self, UrlError> {
        Self::parse(path.to_str().filter(|text| text.starts_with('/')).ok_or(UrlError::Form)?)
    }

    /// As git gets it.
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// The path, where it is on this machine.
    pub fn local_path(&self) -> Option<&Path> {
        match &self.transport {
            Transport::Local(path) => Some(path),
            Transport::Ssh | Transport::Https => None,
        }
    }

    /// Whether it is reached through ssh.
    pub fn is_ssh(&self) -> bool {
        self.transport == Transport::Ssh
    }

    /// How it is reached.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }
}

impl FromStr for RemoteUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        Self::parse(text)
    }
}

/// As people see it.
impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

impl fmt::Debug for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `[user@]host[:port]/path`.
fn check_authority(rest: &str, user_allowed: bool) -> Result<(), UrlError> {
    let (authority, path) = rest.split_once('/').ok_or(UrlError::Form)?;
    let host = match authority.rsplit_once('@') {
        None => authority,
        Some((user, _)) if !user_allowed || user.contains(':') => return Err(UrlError::Credentials),
        Some((user, _)) if !is_user(user) => return Err(UrlError::Form),
        Some((_, host)) => host,
    };
    let (host, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => {
            let address_only = address.parse::<std::net::Ipv6Addr>().is_ok();
            (if address_only { "ip6" } else { "" }, rest.strip_prefix(':').or(rest.is_empty().then_some("22")))
        }
        None => host.split_once(':').map_or((host, Some("22")), |(host, port)| (host, Some(port))),
    };
    let sound = is_host(host) && port.is_some_and(is_port);
    if !sound || path.is_empty() || path.starts_with('-') || path.contains(['?', '#', '\\']) {
        return Err(UrlError::Form);
    }
    check_path(&format!("/{path}"))
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

/// An absolute path without empty parts, `.` and `..`: what it names can be told by looking at it.
fn check_path(path: &str) -> Result<(), UrlError> {
    let rest = path.strip_prefix('/').ok_or(UrlError::Form)?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.split('/').any(|part| matches!(part, "" | "." | "..")) { Err(UrlError::Form) } else { Ok(()) }
}

fn is_user(text: &str) -> bool {
    !text.starts_with('-') && is_word(text)
}

fn is_host(text: &str) -> bool {
    !text.starts_with(['-', '.']) && is_word(text)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// Percent-decoding as git does it for `file://`.
fn percent_decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            let mut value = [0];
            hex::decode_to_slice(digits, &mut value).ok()?;
            decoded.extend_from_slice(&value);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_ways_are_known() {
        let transport = |text: &str| RemoteUrl::parse(text).map(|url| url.transport);
        assert_eq!(transport("/srv/my repo.git"), Ok(Transport::Local("/srv/my repo.git".into())));
        assert_eq!(transport("file:///srv/a%20b.git"), Ok(Transport::Local("/srv/a b.git".into())));
        for url in [
            "ssh://git@git.example/acme/config.git",
            "ssh://git.example:2222/x",
            "ssh://[::1]:22/x",
            "git@git.example:acme/x",
            "git@git.example:/srv/acme/x.git",
            "ssh://git.example/~git/config.git",
        ] {
            assert_eq!(transport(url), Ok(Transport::Ssh), "{url}");
        }
        assert_eq!(transport("https://git.example/acme/config.git"), Ok(Transport::Https));
    }

    #[test]
    fn nothing_else_is() {
        for url in [
            "",
            "config.git",
            "../config.git",
            "-oProxyCommand=touch /tmp/x",
            "--upload-pack=touch",
            "ext::sh -c touch% /tmp/x",
            "ext::sh",
            "fd::3",
            "http://git.example/x",
            "git://git.example/x",
            "file://git.example/srv/x",
            "file://srv/x",
            "file:///srv/%zz",
            "file:///srv/%0a",
            "ssh://-oProxyCommand=x/y",
            "ssh://a@-oProxyCommand=x/y",
            "ssh://-l@host/y",
            "ssh://host",
            "ssh://host/",
            "ssh://host:99999/x",
            "ssh://[x]/y",
            "-x@host:y",
            "a@-host:y",
            "a@host:-y",
            "a@host::y",
            "host:y",
            "https:///x",
            "https://host/x\n",
            "HTTPS://host/x",
            "/srv/../etc",
            "/srv//x",
            "/srv/a\tb",
            "file:///srv/a b",
            "file:///srv/%2e%2e/x",
            "ext::ssh://[git]/x",
            "user@host:two words",
            "a@host:../x",
            "ssh://host:-1/x",
            "ssh://host:0/x",
            "ssh://host/-x",
            "ssh://host/a/../x",
            "https://host/x?private_token=s3cret",
        ] {
            assert!(RemoteUrl::parse(url).is_err(), "{url:?}");
        }
    }

    #[test]
    fn passwords_are_refused_without_being_repeated() {
        for url in ["https://bob:s3cret@host/x", "https://s3cret@host/x", "ssh://bob:s3cret@host/x"] {
            let error = RemoteUrl::parse(url).expect_err(url);
            assert_eq!(error, UrlError::Credentials);
            assert!(!format!("{error} {error:?}").contains("s3cret"));
        }
    }
}
