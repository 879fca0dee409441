//! Where a remote is: the four ways that are allowed, and nothing that makes git run a program of somebody's choice.

use std::fmt;
use std::path::{Path, PathBuf};

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
        if text.chars().any(|c| c.is_control()) || (!text.starts_with('/') && text.contains(' ')) {
            return Err(UrlError::Character);
        }
        let (url, transport) = if text.starts_with('/') {
            (text.to_owned(), Transport::Local(PathBuf::from(text)))
        } else if let Some(path) = text.strip_prefix("file://") {
            let path = percent_decode(path).filter(|path| path.starts_with('/')).ok_or(UrlError::Form)?;
            if path.chars().any(char::is_control) {
                return Err(UrlError::Character);
            }
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
    pub(super) fn as_str(&self) -> &str {
        &self.url
    }

    /// How it is reached.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }
}

/// As people see it.
impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.url.split_once('?') {
            // There can be no password before it, but what follows has been used as one.
            Some((before, _)) if self.transport == Transport::Https => f.write_str(before),
            _ => f.write_str(&self.url),
        }
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
            let address_only = !address.is_empty() && address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':');
            (if address_only { "ip6" } else { "" }, rest.strip_prefix(':').or(rest.is_empty().then_some("22")))
        }
        None => host.split_once(':').map_or((host, Some("22")), |(host, port)| (host, Some(port))),
    };
    if is_host(host) && port.is_some_and(|port| port.parse::<u16>().is_ok()) && !path.is_empty() {
        Ok(())
    } else {
        Err(UrlError::Form)
    }
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
        let url = RemoteUrl::parse("https://host/x?private_token=s3cret").expect("a URL");
        assert_eq!(format!("{url} {url:?}"), "https://host/x https://host/x");
    }
}
