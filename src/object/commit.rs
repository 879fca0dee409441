//! A commit's raw bytes, taken apart.

use std::sync::Arc;

use super::{Kind, ObjectError, Oid};

/// An author or committer line: a claim, never a proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The name, as written.
    pub name: String,
    /// The e-mail address, as written between `<` and `>`.
    pub email: String,
    /// Seconds since 1970 and zone, as written (`1700000000 +0100`).
    pub when: String,
}

/// A parsed commit. Header names and values are kept exactly; nothing is normalised.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The commit's own name.
    pub id: Oid,
    /// Its tree.
    pub tree: Oid,
    /// Its parents, in order.
    pub parents: Vec<Oid>,
    /// The author line.
    pub author: Identity,
    /// The committer line.
    pub committer: Identity,
    /// The names of all headers, in order.
    pub headers: Vec<String>,
    /// The values of every `gpgsig` header, unfolded (a good commit has at most one).
    pub signatures: Vec<String>,
    /// The message, after the empty line.
    pub message: String,
    /// The raw object.
    pub raw: Arc<[u8]>,
    /// The bytes a signature covers: the raw object without its `gpgsig` header.
    pub signed: Vec<u8>,
}

impl Commit {
    /// Parses a raw commit object, as leniently as git: whoever may push can write strange authors, and must not be able
    /// to stop the daemon with them. What proves something asks for more.
    ///
    /// # Errors
    /// [`ObjectError::Malformed`] where its tree or parents cannot be told.
    pub fn parse(id: Oid, raw: Arc<[u8]>) -> Result<Self, ObjectError> {
        let bad = |what: &str| ObjectError::Malformed { kind: Kind::Commit, id, what: what.to_owned() };
        let end = raw.windows(2).position(|w| w == b"\n\n").unwrap_or_else(|| raw.len().saturating_sub(1));
        if raw.is_empty() {
            return Err(bad("it is empty"));
        }
        let mut headers: Vec<(String, String)> = Vec::new();
        let mut signed = Vec::with_capacity(raw.len());
        let mut in_signature = false;
        for line in raw[..=end].split_inclusive(|b| *b == b'\n') {
            let text = String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(line));
            if let Some(rest) = text.strip_prefix(' ') {
                let (_, value) = headers.last_mut().ok_or_else(|| bad("a continuation before any header"))?;
                value.push('\n');
                value.push_str(rest);
            } else {
                let (name, value) = text.split_once(' ').unwrap_or((&text, ""));
                in_signature = name == "gpgsig";
                headers.push((name.to_owned(), value.to_owned()));
            }
            if !in_signature {
                signed.extend_from_slice(line);
            }
        }
        signed.extend_from_slice(raw.get(end + 1..).unwrap_or_default());
        let one = |name: &str| {
            let mut found = headers.iter().filter(|(n, _)| n == name);
            match (found.next(), found.next()) {
                (Some((_, value)), None) => Ok(value.clone()),
                (None, _) => Err(bad(&format!("no {name}"))),
                (Some(_), Some(_)) => Err(bad(&format!("more than one {name}"))),
            }
        };
        let first = |name: &str| headers.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.as_str());
        let oid = |text: &str| text.parse::<Oid>().map_err(|_| bad("a tree or parent that is no object id"));
        Ok(Self {
            id,
            tree: oid(&one("tree")?)?,
            parents: headers.iter().filter(|(n, _)| n == "parent").map(|(_, v)| oid(v)).collect::<Result<_, _>>()?,
            author: identity(first("author")),
            committer: identity(first("committer")),
            signatures: headers.iter().filter(|(n, _)| n == "gpgsig").map(|(_, v)| v.clone()).collect(),
            headers: headers.into_iter().map(|(n, _)| n).collect(),
            message: String::from_utf8_lossy(raw.get(end + 2..).unwrap_or_default()).into_owned(),
            signed,
            raw,
        })
    }

    /// The first line of the message.
    pub fn subject(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }

    /// The message after its first line, trimmed.
    pub fn body(&self) -> &str {
        self.message.split_once('\n').map_or("", |(_, body)| body).trim()
    }
}

/// An unreadable line is a name without address: a claim that names nobody.
fn identity(line: &str) -> Identity {
    let parts = line.split_once('<').and_then(|(name, rest)| Some((name, rest.rsplit_once('>')?)));
    match parts {
        Some((name, (email, when))) => {
            Identity { name: name.trim_end().to_owned(), email: email.to_owned(), when: when.trim_start().to_owned() }
        }
        None => Identity { name: line.to_owned(), email: String::new(), when: String::new() },
    }
}
