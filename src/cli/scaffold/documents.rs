//! The documents that `init` and `demo` write: each one as a person would, comments and all.

use std::path::Path;

use crate::digest::RevisionId;

/// A text as YAML reads it back, whatever is in it.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// `governance/people/<name>.yaml`.
pub fn person(name: &str, email: &str, key: &str) -> String {
    format!(
        "apiVersion: countersign/v1\nkind: Person\nmetadata:\n  name: {name}\nspec:\n  emails: [{}]\n  keys:\n    \
         - key: {}\n",
        quoted(email),
        quoted(key)
    )
}

/// What goes into the daemon's settings.
#[derive(Debug)]
pub struct SettingsOf<'a> {
    /// What the repository is called.
    pub name: &'a str,
    /// Where it is.
    pub url: &'a str,
    /// The pin.
    pub policy: RevisionId,
    /// The folder below which environments may put files.
    pub targets: &'a Path,
}

/// `settings.yaml`: paths are relative to the file, the key and the state lie beside it.
pub fn settings(settings: &SettingsOf<'_>) -> String {
    let SettingsOf { name, url, policy, targets } = settings;
    let ssh = if url.starts_with("ssh://") {
        "      # As whom the daemon reaches it; without, as the user who runs it.\n      \
         # credentials: { sshKeyFile: id_ed25519, knownHostsFile: known_hosts }\n"
    } else {
        ""
    };
    format!(
        "apiVersion: countersign/v1
kind: Settings
spec:
  repositories:
    - name: {name}
      url: {url}
{ssh}      branch: main
      # The policy that trust starts from: what `countersign trust` printed for governance/.
      trust: {{ policy: \"{policy}\" }}
      # What services may touch on this host. Nothing that is not listed.
      allow:
        - {{ environments: [\"*\"], services: [files], targets: [{targets}] }}
  # Signs the journal. Its public half is in governance/policy.yaml; it can approve nothing.
  signingKeyFile: journal_ed25519
  # A cache, and what was seen last: keep it outside the repository's reach.
  state: state
",
        url = quoted(url),
        targets = quoted(&targets.to_string_lossy()),
    )
}
