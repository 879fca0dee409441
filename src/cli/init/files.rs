//! What a new config repository holds.

use std::path::Path;

use super::Identity;
use crate::cli::scaffold::documents::{person, quoted};

/// The files of the first commit: paths from the root folder, and texts.
pub fn of(me: &Identity, journal_key: &str, target: &Path) -> Vec<(String, String)> {
    let who = &me.person;
    vec![
        ("README.md".to_owned(), README.to_owned()),
        ("governance/policy.yaml".to_owned(), policy(who, journal_key)),
        (format!("governance/people/{who}.yaml"), person(who, &me.email, me.key.as_str())),
        ("governance/rulesets/owners.yaml".to_owned(), ruleset("owners", "owner", "[owner]")),
        ("governance/rulesets/standard.yaml".to_owned(), ruleset("standard", "reviewer", "[owner, reviewer]")),
        ("environments/sample/environment.yaml".to_owned(), environment(target)),
        ("environments/sample/config/hello.txt".to_owned(), "Hello\n".to_owned()),
    ]
}

fn policy(who: &str, journal_key: &str) -> String {
    format!(
        "apiVersion: countersign/v1
kind: Policy
metadata:
  name: policy
spec:
  # Who must approve changes to governance/ itself.
  rulesets: [owners]
  # For what an environment does not say, and what a new one leaves.
  defaults:
    requireApproval: true
    rulesets: [standard]
  # Who holds which role, where. `*` is every environment; `governance` is only ever meant by name.
  bindings:
    - {{ role: owner, users: [{who}], environments: [\"*\", governance] }}
  # The daemon's own keys. They sign the journal and can approve nothing.
  journalKeys:
    - key: {}
",
        quoted(journal_key)
    )
}

fn ruleset(name: &str, rule: &str, roles: &str) -> String {
    format!(
        "apiVersion: countersign/v1
kind: Ruleset
metadata:
  name: {name}
spec:
  rules:
    - {{ name: {rule}, approvers: {{ roles: {roles} }}, required: 1 }}
  # While you are alone. Once a second person can approve, make this false:
  # then nobody countersigns what they contributed to.
  allowSelfApproval: true
"
    )
}

fn environment(target: &Path) -> String {
    format!(
        "apiVersion: countersign/v1
kind: Environment
metadata:
  name: sample
spec:
  requireApproval: true
  rulesets: [standard]
  services:
    # The folder config/ beside this file becomes the target, whole: what is not in it is deleted there.
    - {{ name: config, type: files, path: config, target: {} }}
",
        quoted(&target.to_string_lossy())
    )
}

const README: &str = "# Config repository

What is on `main` here is desired. Countersign's daemon plans every change of an environment, and applies it
once the people that the policy names have approved exactly that plan.

| folder | what is in it |
| --- | --- |
| `environments/NAME/` | one environment: `environment.yaml` and the files of its services. The unit of approval |
| `governance/policy.yaml` | who holds which role, and what is asked for by default |
| `governance/people/` | each person's e-mail addresses and SSH keys |
| `governance/teams/` | who belongs together |
| `governance/rulesets/` | how many approvals, from whom |
| `approvals/` | comes into being by approving: what people said, as files |

The branch `countersign/journal` is the daemon's: plans, status and history, to be read there.
`countersign validate` reads this work tree as the daemon would, and says everything that is wrong with it.

## Before the journal starts

The daemon trusts the policy whose digest its settings pin. Until its first run you may change `governance/`
freely, to add people for instance: commit, push, and put what `countersign trust` then prints into
`trust.policy` of the daemon's `settings.yaml`. After that a change to `governance/` is a change like any other,
which takes approval by the policy in force.
";
