//! A config repository, as the operator names it.

use std::path::{Path, PathBuf};

use super::Grants;
use super::branch::branch;
use super::read::path;
use crate::digest::{RepositoryId, RevisionId};
use crate::git::url::{RemoteUrl, UrlError};
use crate::journal::Layout;
use crate::model::RepositoryName;
use crate::model::folder::host_folder;
use crate::model::yaml::Field;

/// A config repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// What it is called here.
    pub name: RepositoryName,
    /// Where it is.
    pub url: RemoteUrl,
    /// The branch of it that is desired; `main` by default.
    pub branch: String,
    /// The folder that holds `governance/` and `environments/`: `/`, the default, or `/folder` without a final `/`.
    pub root: String,
    /// The journal.
    pub journal: JournalSettings,
    /// What trust starts from.
    pub trust: Trust,
    /// How the remote is reached.
    pub credentials: Credentials,
    /// What services may touch.
    pub grants: Grants,
}

/// `journal`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalSettings {
    /// Its branch; `countersign/journal` by default.
    pub branch: String,
    /// How a new journal is laid out; flat by default.
    pub layout: Layout,
}

/// `trust`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// The revision of policy version 1.
    pub policy: RevisionId,
    /// The journal's first entry, where it is pinned.
    pub journal: Option<RepositoryId>,
    /// Whether to refuse where no last-seen tips are kept and `journal` is not pinned.
    pub require_tips: bool,
}

/// `credentials`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Credentials {
    /// The private key for ssh.
    pub ssh_key_file: Option<PathBuf>,
    /// The host keys for ssh.
    pub known_hosts_file: Option<PathBuf>,
}

impl Default for JournalSettings {
    fn default() -> Self {
        Self { branch: "countersign/journal".to_owned(), layout: Layout::Flat }
    }
}

pub(super) fn repository(field: &Field<'_>, folder: &Path) -> Option<Repository> {
    let known = ["name", "url", "branch", "root", "journal", "trust", "credentials", "allow"];
    let fields = field.fields(&known)?;
    let name = fields.required("name").and_then(|name| name.name());
    let url = fields.required("url").and_then(|url| remote(&url));
    let branch = fields.or("branch", "main".to_owned(), branch);
    let root = fields.or("root", "/".to_owned(), root);
    let journal = fields.or("journal", JournalSettings::default(), journal);
    let trust = fields.required("trust").and_then(|trust| self::trust(&trust));
    let credentials = fields.or("credentials", Credentials::default(), |field| credentials(field, folder));
    let grants = fields.or("allow", Grants::default(), Grants::read);
    let (branch, journal, url, credentials) = (branch?, journal?, url?, credentials?);
    let mut sound = true;
    // git keeps branches as files: `a` and `a/b` cannot both be. And what the daemon writes nobody else may.
    if overlap(&branch, &journal.branch) || overlap(&branch, "countersign") {
        fields.whole().complain("`branch` is, contains or lies in a branch that the daemon writes; use another");
        sound = false;
    }
    if credentials != Credentials::default() && !url.is_ssh() {
        fields.whole().complain("`credentials` are for an ssh url; remove them");
        sound = false;
    }
    if !sound {
        return None;
    }
    Some(Repository { name: name?, url, branch, root: root?, journal, trust: trust?, credentials, grants: grants? })
}

/// The address is not repeated where it is wrong: it may hold a password.
fn remote(field: &Field<'_>) -> Option<RemoteUrl> {
    field.text()?.parse().map_err(|error: UrlError| field.complain(error.to_string())).ok()
}

fn overlap(one: &str, other: &str) -> bool {
    let lies_in = |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
    one == other || lies_in(one, other) || lies_in(other, one)
}

fn root(field: &Field<'_>) -> Option<String> {
    if field.text()? == "/" {
        return Some("/".to_owned());
    }
    host_folder(field)
}

fn journal(field: &Field<'_>) -> Option<JournalSettings> {
    let default = JournalSettings::default();
    let fields = field.fields(&["branch", "layout"])?;
    let branch_field = fields.optional("branch");
    let branch = fields.or("branch", default.branch, branch);
    let layout = fields
        .or("layout", default.layout, |field| field.word(&[("flat", Layout::Flat), ("sharded", Layout::Sharded)]));
    let branch = branch?;
    // The branches beside it that have a meaning of their own.
    let taken = ["records", "approve", "reject", "withdraw", "deploy", "approve-and-deploy"];
    if let Some(field) = branch_field
        && taken.iter().any(|name| overlap(&branch, &format!("countersign/{name}")))
    {
        field.complain("this branch has another meaning; expected one like `countersign/journal`");
        return None;
    }
    Some(JournalSettings { branch, layout: layout? })
}

fn trust(field: &Field<'_>) -> Option<Trust> {
    let fields = field.fields(&["policy", "journal", "requireTips"])?;
    let policy = fields.required("policy").and_then(|policy| policy.parsed());
    let journal = fields.maybe("journal", |field| {
        if field.is_null() {
            field.complain("expected the journal's identity; leave `journal` out where none is pinned");
            return None;
        }
        field.parsed()
    });
    let require_tips = fields.or("requireTips", false, Field::boolean);
    Some(Trust { policy: policy?, journal: journal?, require_tips: require_tips? })
}

fn credentials(field: &Field<'_>, folder: &Path) -> Option<Credentials> {
    let not_built = ["username", "password", "passwordFile", "token", "tokenFile", "caFile", "proxy"];
    let fields = field.fields_but(&["sshKeyFile", "knownHostsFile"], &not_built)?;
    let ssh_key_file = fields.maybe("sshKeyFile", |field| path(field, folder));
    let known_hosts_file = fields.maybe("knownHostsFile", |field| path(field, folder));
    Some(Credentials { ssh_key_file: ssh_key_file?, known_hosts_file: known_hosts_file? })
}
