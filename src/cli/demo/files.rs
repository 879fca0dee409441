//! The demo's documents.

use std::path::Path;

use crate::cli::scaffold::documents::{person, quoted};

/// git's configuration for everybody in the demo.
pub const GITCONFIG: &str = "[init]
\tdefaultBranch = main
[gpg]
\tformat = ssh
[commit]
\tgpgSign = true
[pull]
\trebase = false
[advice]
\tdetachedHead = false
";

/// `env.sh`: a shell that sources it speaks as the demo's people do. `folder` is a word of the shell.
pub fn env(folder: &str) -> String {
    format!(
        "# To play on: cd into this folder, then `. ./env.sh`
demo={folder}
export PATH=\"$demo/bin:$PATH\"
export GIT_CONFIG_GLOBAL=\"$demo/home/gitconfig\" GIT_CONFIG_NOSYSTEM=1
# Merges take git's own message, without an editor.
export GIT_MERGE_AUTOEDIT=no
unset GIT_DIR GIT_WORK_TREE GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL
echo 'victor/ and carla/ are clones, each with its own name and key. The daemon, once:'
echo '  countersign run --settings daemon/settings.yaml --once'
"
    )
}

/// The policy's files: Victor is the vendor's owner, Carla the customer.
pub fn governance(victor: &str, carla: &str, journal: &str) -> Vec<(&'static str, String)> {
    vec![
        ("governance/people/victor.yaml", person("victor", "victor@vendor.example", victor)),
        ("governance/people/carla.yaml", person("carla", "carla@acme.example", carla)),
        ("governance/rulesets/owners.yaml", OWNERS.to_owned()),
        ("governance/rulesets/standard.yaml", STANDARD.to_owned()),
        ("governance/rulesets/production.yaml", PRODUCTION.to_owned()),
        ("governance/policy.yaml", format!("{POLICY}    - key: {}\n", quoted(journal))),
    ]
}

const POLICY: &str = "apiVersion: countersign/v1
kind: Policy
metadata:
  name: policy
spec:
  # Who must approve changes to governance/ itself.
  rulesets: [owners]
  # What a new environment leaves behind, and what one gets that says nothing.
  defaults:
    requireApproval: true
    rulesets: [standard]
  # Asked for whatever an environment says of itself.
  minimum:
    - { environments: [\"*-prod\"], rulesets: [production] }
  bindings:
    - { role: owner, users: [victor], environments: [\"*\", governance] }
    - { role: customer, users: [carla], environments: [acme-prod] }
  journalKeys:
";

const OWNERS: &str = "apiVersion: countersign/v1
kind: Ruleset
metadata:
  name: owners
spec:
  rules:
    - { name: owner, approvers: { roles: [owner] }, required: 1 }
  allowSelfApproval: true
";

const STANDARD: &str = "apiVersion: countersign/v1
kind: Ruleset
metadata:
  name: standard
spec:
  rules:
    - { name: second-person, approvers: { permissions: [approve] }, required: 1 }
  allowSelfApproval: false
";

const PRODUCTION: &str = "apiVersion: countersign/v1
kind: Ruleset
metadata:
  name: production
spec:
  rules:
    # The person with the role customer here whose address is the environment's customerEmail.
    - { name: customer, approvers: { customer: true }, required: 1 }
  allowSelfApproval: false
";

/// `environments/acme-prod/environment.yaml`.
pub fn environment(target: &Path) -> String {
    format!(
        "apiVersion: countersign/v1
kind: Environment
metadata:
  name: acme-prod
spec:
  requireApproval: true
  rulesets: [standard, production]
  customerEmail: carla@acme.example
  services:
    - {{ name: config, type: files, path: config, target: {} }}
",
        quoted(&target.to_string_lossy())
    )
}
