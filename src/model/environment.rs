//! An environment, checked.

mod deploy;
mod drift;
pub mod order;
mod read;
mod schedule;

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::digest::RevisionId;

pub use deploy::{Deploy, DeployMode, Window, WindowKind};
pub use drift::Drift;
pub use schedule::Schedule;

use super::{EnvironmentName, RulesetName, ServiceName, Values};

/// `environments/<name>/environment.yaml`, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Equal to the folder's name.
    pub name: EnvironmentName,
    /// Who must approve, as written.
    pub gates: Gates,
    /// What its templates may name, as written here.
    pub values: Values,
    /// The services, in the order written.
    pub services: Vec<Service>,
}

/// The settings that decide who must approve, as written: what is `None` is left to the policy's `defaults`.
///
/// Two environments with equal `Gates` ask for the same; any difference is judged both ways.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gates {
    /// `requireApproval`.
    pub require_approval: Option<bool>,
    /// `rulesets`.
    pub rulesets: Option<Vec<RulesetName>>,
    /// `customerEmail`, lower-cased.
    pub customer_email: Option<String>,
    /// The services with `autoApprove: true`.
    pub auto_approve: BTreeSet<ServiceName>,
    /// `deploy`.
    pub deploy: Deploy,
    /// `drift`; where it is left out, the host is looked at only to plan and to apply.
    pub drift: Option<Drift>,
    /// `imports`, in the order written.
    pub imports: Vec<Import>,
}

/// An environment whose values are taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Import {
    /// Its name.
    pub name: EnvironmentName,
    /// The revision that it is pinned to; without one, what is applied there.
    pub revision: Option<RevisionId>,
}

impl fmt::Display for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.revision {
            Some(revision) => write!(f, "{} at {revision}", self.name),
            None => write!(f, "{}", self.name),
        }
    }
}

impl Environment {
    /// The folders and files an environment is made of, as paths from the repository's root: whoever changes one
    /// contributes.
    pub fn folders(&self, root: &str) -> Vec<String> {
        let below = |path: &str| if root.is_empty() { path.to_owned() } else { format!("{root}/{path}") };
        let own = format!("environments/{}", self.name);
        let shared = self.services.iter().filter_map(|service| match &service.kind {
            ServiceKind::Files(files) => files.path.strip_prefix('/').map(str::to_owned),
        });
        let all: BTreeSet<String> = std::iter::once(own).chain(shared).map(|path| below(&path)).collect();
        all.into_iter().collect()
    }
}

/// One deployable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// Unique within the environment.
    pub name: ServiceName,
    /// The services that are applied before it, as written.
    pub depends_on: Vec<ServiceName>,
    /// What it is, with its own fields.
    #[serde(flatten)]
    pub kind: ServiceKind,
}

/// The kinds of services that this version applies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ServiceKind {
    /// Files put on this host.
    Files(Files),
}

/// A `files` service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Files {
    /// The source folder: relative to the environment's folder, or from the root folder with a leading `/`.
    pub path: String,
    /// The absolute, normalised path of the folder on the host.
    pub target: String,
    /// Whether each file is a template that is rendered with the environment's values.
    pub template: bool,
}

impl ServiceKind {
    /// The word in `type:`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Files(_) => "files",
        }
    }

    /// What it would own on the host or elsewhere, as one comparable text: a folder for `files`.
    pub fn target(&self) -> &str {
        match self {
            Self::Files(files) => &files.target,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(folder: &str) -> String {
        let text = format!(
            "apiVersion: countersign/v1\nkind: Environment\nmetadata: {{ name: {folder} }}\nspec: {{ services: [] }}\n"
        );
        let file = "environments/x/environment.yaml";
        Environment::read(file, folder, text.as_bytes()).map(|read| read.name).unwrap_err().to_string()
    }

    #[test]
    fn an_environment_cannot_take_the_name_of_the_policy() {
        insta::assert_snapshot!(refused("governance"), @"environments/x/environment.yaml: `governance` is reserved for the policy; give the folder another name");
    }

    #[test]
    fn a_folder_whose_name_is_no_name_is_told() {
        insta::assert_snapshot!(refused("Acme\u{202e}"), @"environments/x/environment.yaml: the folder's name names the environment: expected a name of 1 to 63 characters `a-z`, `0-9` and `-`, with a letter or digit at both ends, found `AcmeU+202E`");
    }
}
