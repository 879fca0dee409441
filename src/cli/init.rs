//! `countersign init`: a config repository of one's own, with settings for the daemon beside it.

mod files;
mod identity;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;

use super::output::Tone;
use super::scaffold::tools::{check, git, make_key};
use super::scaffold::{documents, folder, is_free, place, program, shell_word, typed, write};
use super::{CliError, Global, Outcome, Output};
use crate::digest::RevisionId;
use crate::git::url::{RemoteUrl, UrlError};
use crate::settings::Settings;
use identity::Identity;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  countersign init my-config\n  countersign init my-config --remote ssh://git@git.example/acme/config.git\n  countersign init my-config --key ~/.ssh/id_ed25519.pub\n\nMakes DIR (a work tree with one commit) and DIR.daemon (settings, journal key, state). The commit is pushed to --remote, or to a bare DIR.git made beside it."
)]
pub struct Arguments {
    /// The work tree to make; it must not exist, or be empty
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// An empty repository to push to, instead of a bare DIR.git
    #[arg(long, value_name = "URL")]
    remote: Option<String>,
    /// Your SSH public key, instead of git's user.signingKey or ~/.ssh/id_ed25519.pub
    #[arg(long, value_name = "PUB")]
    key: Option<PathBuf>,
}

/// Where everything goes.
struct Places {
    /// As it was typed, for the commands that are printed.
    typed: String,
    work: PathBuf,
    daemon: PathBuf,
    /// The bare repository to make, unless there is a remote.
    bare: Option<PathBuf>,
    url: String,
    name: String,
}

pub fn main(global: &Global, arguments: &Arguments) -> Outcome {
    check()?;
    let key = arguments.key.as_ref().map(|key| global.directory.join(key));
    let me = Identity::find(&global.directory, key.as_deref())?;
    let places = Places::of(global, arguments)?;
    let new: Vec<PathBuf> = places.all().filter(|path| !path.exists()).map(Path::to_path_buf).collect();
    let policy = build(&places, &me).inspect_err(|_| {
        // Whatever was made so far would be in the way of the next try; what was there before was empty.
        for path in new {
            let _ = fs::remove_dir_all(path);
        }
    })?;
    report(&places, &me, policy, Output::of(global))
}

impl Places {
    fn of(global: &Global, arguments: &Arguments) -> Result<Self, CliError> {
        let typed = typed(&global.directory, &arguments.folder);
        let work = place(&typed)?;
        let beside = |end: &str| {
            let mut path = work.clone().into_os_string();
            path.push(end);
            PathBuf::from(path)
        };
        let Some(text) = work.to_str() else {
            return Err(CliError::failed(format!("the path `{}` is not UTF-8", work.display())));
        };
        let name = identity::name_from(text.rsplit('/').next().unwrap_or_default(), "config");
        let (bare, url) = match &arguments.remote {
            Some(url) => (None, remote(global, url)?),
            None => (Some(beside(".git")), format!("{text}.git")),
        };
        let checked = url.parse::<RemoteUrl>();
        // What is printed and written for people to go on with has no spaces in it.
        let checked = if url.contains(' ') { Err(UrlError::Character) } else { checked.map(|_| ()) };
        if let Err(error) = checked {
            let message = format!("the remote `{url}` cannot be used: {error}");
            let without_spaces = "use a path without spaces, or name another remote with --remote";
            return Err(CliError::failed(message).hint(if bare.is_some() { without_spaces } else { "" }));
        }
        let places = Self { typed: typed.display().to_string(), daemon: beside(".daemon"), work, bare, url, name };
        if let Some(path) = places.all().find(|path| !is_free(path)) {
            return Err(CliError::failed(format!("`{}` exists and is not empty", path.display()))
                .hint("choose another DIR, or move it away"));
        }
        Ok(places)
    }

    fn all(&self) -> impl Iterator<Item = &Path> {
        [Some(&self.work), Some(&self.daemon), self.bare.as_ref()].into_iter().flatten().map(PathBuf::as_path)
    }
}

/// A remote as the settings take it, in which nobody's branch `main` would be in the way.
fn remote(global: &Global, url: &str) -> Result<String, CliError> {
    let local = global.directory.join(url);
    let url = if local.is_dir() { local.canonicalize()?.display().to_string() } else { url.to_owned() };
    // What could be an option of git is refused before git sees it.
    url.parse::<RemoteUrl>().map_err(|error| CliError::failed(format!("`--remote` cannot be used: {error}")))?;
    let heads = git(&global.directory, &["ls-remote", "--heads", "--", &url])?;
    if heads.lines().any(|line| line.ends_with("refs/heads/main") || line.contains("refs/heads/countersign/")) {
        return Err(CliError::failed(format!("`{url}` has a branch `main` or a journal already"))
            .hint("name an empty repository; to work with this one: git clone it"));
    }
    Ok(url)
}

/// Makes everything, and gives the pin.
fn build(places: &Places, me: &Identity) -> Result<RevisionId, CliError> {
    let Places { work, daemon, bare, url, name, .. } = places;
    let targets = daemon.join("srv");
    folder(&targets)?;
    let journal_key = make_key(&daemon.join("journal_ed25519"), "countersign-journal")?;
    for (path, text) in files::of(me, &journal_key, &targets.join("sample")) {
        write(&work.join(path), &text)?;
    }
    let policy = super::trust::pin_of(work)?;
    let settings = documents::settings(&documents::SettingsOf { name, url, policy, targets: &targets });
    let settings_file = daemon.join("settings.yaml");
    write(&settings_file, &settings)?;
    Settings::load(&settings_file).map_err(|problems| CliError::problems(&problems, 2))?;
    folder(&daemon.join("state"))?;

    git(work, &["init", "-q", "-b", "main", "."])?;
    // Whatever the person's other repositories use, a merge here must be signed with this key to count.
    for (setting, value) in [
        ("user.name", me.name.as_str()),
        ("user.email", &me.email),
        ("gpg.format", "ssh"),
        ("user.signingKey", &me.signing),
    ] {
        git(work, &["config", setting, value])?;
    }
    git(work, &["add", "-A"])?;
    git(work, &["commit", "-q", "-m", "A config repository with one sample environment"])?;
    if let Some(bare) = bare {
        folder(bare)?;
        git(bare, &["init", "-q", "--bare", "-b", "main", "."])?;
    }
    git(work, &["remote", "add", "origin", "--", url])?;
    git(work, &["push", "-q", "-u", "origin", "main"])?;
    Ok(policy)
}

/// What to type next: the daemon, the status, the approval.
fn next(places: &Places) -> [String; 3] {
    let (program, work) = (program(), shell_word(&places.typed));
    let settings = shell_word(&format!("{}.daemon/settings.yaml", places.typed.trim_end_matches('/')));
    let branch = "$(git branch -r --list 'origin/countersign/approve/sample/*')";
    [
        format!("{program} run --settings {settings} --start-journal --once"),
        format!("{program} -C {work} status"),
        format!("(cd {work} && git pull -q --ff-only && git merge -S --no-ff --no-edit {branch} && git push -q)"),
    ]
}

fn report(places: &Places, me: &Identity, policy: RevisionId, output: Output) -> Outcome {
    let next = next(places);
    if output.is_json() {
        output.json(&json!({
            "directory": places.work, "daemon": places.daemon, "remote": places.url,
            "person": me.person, "policy": policy, "next": next,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let typed = places.typed.trim_end_matches('/');
    let [run, status, approve] = next.map(|command| output.paint(Tone::Strong, &command));
    output.text(&format!(
        "{typed}  your config repository; its first commit is on main of
  {url}
{typed}.daemon  for the daemon: settings.yaml (pins the policy), its key, its state, and
  srv for what is applied

You are {person} <{email}>, {fingerprint}:
owner, and the only one in the policy, so you may approve your own changes. If others shall be
in it from the start, see README.md in {typed} before you go on.

Next: have the daemon plan the sample environment, see what it waits for, approve by a signed merge.
  {run}
  {status}
  {approve}
Then run the daemon again, without --start-journal, and look into {typed}.daemon/srv/sample.
",
        url = places.url,
        person = me.person,
        email = me.email,
        fingerprint = crate::evidence::key::fingerprint(&me.key),
    ))?;
    Ok(ExitCode::SUCCESS)
}
