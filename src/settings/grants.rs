//! What services may touch: what the operator lists, and nothing else.

use crate::model::folder::{host_folder, is_below, is_host_folder};
use crate::model::governance::policy::glob;
use crate::model::yaml::Field;
use crate::model::{EnvironmentName, Glob};

/// All entries of `allow`. Empty: nothing is granted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grants(pub Vec<Grant>);

/// An entry of `allow`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// To these environments.
    pub environments: Vec<Glob>,
    /// For services of these types.
    pub services: Vec<String>,
    /// Strictly below these folders of the host.
    pub targets: Vec<String>,
}

impl Grants {
    /// Whether a service of this type may own this target: an absolute, normalised path strictly below a folder that
    /// is granted to the environment for the type.
    pub fn target_allowed(&self, environment: &EnvironmentName, service_type: &str, target: &str) -> bool {
        // A path with `..` in it would be below a folder by name alone; environments cannot have one, and this must
        // not depend on it.
        is_host_folder(target)
            && self.0.iter().any(|grant| {
                grant.environments.iter().any(|glob| glob.matches(environment))
                    && grant.services.iter().any(|granted| granted == service_type)
                    && grant.targets.iter().any(|folder| is_below(target, folder))
            })
    }

    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        field.list_of(grant).map(Self)
    }
}

fn grant(field: &Field<'_>) -> Option<Grant> {
    let fields = field.fields_but(&["environments", "services", "targets"], &["env", "planEnv", "isolation"])?;
    let environments = fields.required("environments").and_then(|list| list.filled_list_of(glob));
    let services = fields.required("services").and_then(|list| list.filled_list_of(service_type));
    let targets = fields.required("targets").and_then(|list| list.filled_list_of(host_folder));
    Some(Grant { environments: environments?, services: services?, targets: targets? })
}

fn service_type(field: &Field<'_>) -> Option<String> {
    let text = field.text()?;
    if ["git", "command", "terraform", "helm", "kubernetes"].contains(&text) {
        field.not_built(text);
        return None;
    }
    field.word(&[("files", "files")]).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(targets: &[&str], environment: &str, target: &str) -> bool {
        let grant = Grant {
            environments: vec![Glob::parse("acme-*").unwrap()],
            services: vec!["files".to_owned()],
            targets: targets.iter().map(|target| (*target).to_owned()).collect(),
        };
        Grants(vec![grant]).target_allowed(&environment.parse().unwrap(), "files", target)
    }

    #[test]
    fn a_target_must_be_strictly_below_a_granted_folder() {
        assert!(allowed(&["/srv"], "acme-prod", "/srv/acme"));
        assert!(allowed(&["/opt", "/srv/acme"], "acme-prod", "/srv/acme/config/api"));
        assert!(!allowed(&["/srv"], "acme-prod", "/srv"));
        assert!(!allowed(&["/srv"], "acme-prod", "/srv/"));
        assert!(!allowed(&["/srv"], "acme-prod", "/srv2/acme"));
        assert!(!allowed(&["/srv/acme"], "acme-prod", "/srv"));
        assert!(!allowed(&["/srv"], "acme-prod", "/etc/passwd"));
        assert!(!allowed(&[], "acme-prod", "/srv/acme"));
    }

    #[test]
    fn a_path_that_leaves_the_folder_is_not_below_it() {
        assert!(!allowed(&["/srv"], "acme-prod", "/srv/../etc"));
        assert!(!allowed(&["/srv"], "acme-prod", "/srv//acme"));
        assert!(!allowed(&["/srv"], "acme-prod", "/srv/./acme"));
        assert!(!allowed(&["/srv"], "acme-prod", "srv/acme"));
    }

    #[test]
    fn only_the_listed_environments_and_types_are_granted() {
        assert!(!allowed(&["/srv"], "other-prod", "/srv/acme"));
        let environment: EnvironmentName = "acme-prod".parse().unwrap();
        let files = Grants(vec![Grant {
            environments: vec![Glob::parse("*").unwrap()],
            services: vec!["files".to_owned()],
            targets: vec!["/srv".to_owned()],
        }]);
        assert!(files.target_allowed(&environment, "files", "/srv/acme"));
        assert!(!files.target_allowed(&environment, "terraform", "/srv/acme"));
        assert!(!Grants::default().target_allowed(&environment, "files", "/srv/acme"));
    }
}
