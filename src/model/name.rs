//! Names: lower-case ASCII, `[a-z0-9]([-a-z0-9]*[a-z0-9])?`, at most 63 characters (RFC 1123 labels).

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a name of 1 to 63 characters `a-z`, `0-9` and `-`, with a letter or digit at both ends")]
pub struct NameError;

fn is_name(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(|b| inner(*b) || *b == b'-')
        && bytes.first().is_some_and(|b| inner(*b))
        && bytes.last().is_some_and(|b| inner(*b))
}

macro_rules! name_type {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                if is_name(text) { Ok(Self(text.to_owned())) } else { Err(NameError) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

name_type! {
    /// An environment: the unit of approval and of apply.
    EnvironmentName;
    /// A person of the policy.
    PersonName;
    /// A team of the policy.
    TeamName;
    /// A ruleset of the policy.
    RulesetName;
    /// A rule within a ruleset.
    RuleName;
    /// A role: a set of permissions.
    RoleName;
    /// A service within an environment.
    ServiceName;
    /// A repository of the operator's settings.
    RepositoryName;
}

impl EnvironmentName {
    /// The name under which the policy's own change appears where an environment is expected.
    pub const GOVERNANCE: &'static str = "governance";

    /// The name of the policy's own change.
    pub fn governance() -> Self {
        Self(Self::GOVERNANCE.to_owned())
    }

    /// Whether this is the policy's own change and no environment.
    pub fn is_governance(&self) -> bool {
        self.0 == Self::GOVERNANCE
    }

    /// Its folder in the config branch, from the root folder.
    pub fn folder(&self) -> String {
        if self.is_governance() { self.0.clone() } else { format!("environments/{}", self.0) }
    }
}
