//! Globs over environment names: `*` stands for any characters. `governance` is matched by its name only.

use serde::{Deserialize, Serialize};

use super::EnvironmentName;

/// A name or a pattern with `*`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Glob(String);

impl Glob {
    /// A pattern of name characters and `*`, or `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'*';
        (!text.is_empty() && text.len() <= 63 && text.bytes().all(allowed)).then(|| Self(text.to_owned()))
    }

    /// The pattern.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names this environment.
    pub fn matches(&self, name: &EnvironmentName) -> bool {
        if name.as_str() == EnvironmentName::GOVERNANCE {
            return self.0 == EnvironmentName::GOVERNANCE;
        }
        matches(self.0.as_bytes(), name.as_str().as_bytes())
    }
}

fn matches(pattern: &[u8], text: &[u8]) -> bool {
    // The greedy two-pointer walk: on a mismatch, let the last star take one character more. Linear in practice,
    // and never worse than the product of both lengths.
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(b) if *b == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    t = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(pattern: &str, name: &str) -> bool {
        Glob::parse(pattern).unwrap().matches(&name.parse().unwrap())
    }

    #[test]
    fn a_star_stands_for_any_characters() {
        assert!(matched("*", "prod"));
        assert!(matched("*-prod", "acme-prod"));
        assert!(!matched("acme-*", "acme"));
        assert!(matched("a*b*c", "axxbyybzc"));
        assert!(!matched("*-prod", "acme-production"));
        assert!(!matched("prod", "prod2"));
    }

    #[test]
    fn governance_is_matched_by_name_only() {
        assert!(!matched("*", "governance"));
        assert!(!matched("gov*", "governance"));
        assert!(matched("governance", "governance"));
    }
}
