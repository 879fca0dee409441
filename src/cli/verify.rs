//! `countersign verify`: the whole history proven again, from what is fetched.

use std::process::ExitCode;

use super::output::Tone;
use super::{CliError, Global, Outcome, Output};
use crate::digest::RevisionId;
use crate::git::clone::{CloneError, LocalClone};
use crate::journal::Event;
use crate::journal::read::read_entry;
use crate::lifecycle::{Start, State};
use crate::object::{ObjectError, Objects, Oid};
use crate::verify::{Report, Tips, Verdict, prove};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  git fetch && countersign verify --root sha256:…\n  countersign verify --since 4be01aa…\n  countersign --output json verify\n\nNothing is fetched: what is proven is what is here. Without --root the policy that the journal began with is printed,\nfor you to compare.\n\nExit code 0: proven; 1: violated; 2: it cannot be proven here."
)]
pub struct Arguments {
    /// The pin: the revision of the policy that you trust, policy 1 or the one an operator pinned last, as `countersign trust` printed it
    #[arg(long, value_name = "DIGEST")]
    root: Option<RevisionId>,
    /// A journal commit that was proven before: prove what comes after it
    #[arg(long, value_name = "COMMIT")]
    since: Option<Oid>,
}

pub fn main(global: &Global, arguments: &Arguments) -> Outcome {
    let here = Here::find(global)?;
    let objects = here.clone.objects().map_err(failed)?;
    let journal = here.required(&here.journal)?;
    let start = match first_entry(&objects, journal) {
        Ok(start) => start,
        Err(error) => return Err(here.cannot_read(&objects, error)),
    };
    here.check_names(&start)?;
    let tips = Tips {
        journal,
        config: here.required(&start.branch)?,
        records: here.tip(&format!("{}/records", start.prefix))?,
    };
    let report = prove(&objects, tips, arguments.root, arguments.since);
    let output = Output::of(global);
    if output.is_json() {
        output.json(&report)?;
    } else {
        output.text(&colored(output, &report))?;
    }
    match report.verdict {
        Verdict::Proven => Ok(ExitCode::SUCCESS),
        Verdict::Violated => Err(CliError::refused(match report.findings.len() {
            1 => "the history is not what it must be: 1 violation".to_owned(),
            n => format!("the history is not what it must be: {n} violations"),
        })),
        Verdict::Unprovable => {
            let branch = report.missing.iter().find_map(|missing| missing.branch.as_deref()).unwrap_or(&start.branch);
            Err(here.unprovable(&objects, branch))
        }
    }
}

/// The clone, with the names that matter in it.
struct Here {
    clone: LocalClone,
    remote: String,
    journal: String,
    branch: Option<String>,
    root: Option<String>,
}

impl Here {
    fn find(global: &Global) -> Result<Self, CliError> {
        let clone = LocalClone::find(&global.directory).map_err(|error| match error {
            CloneError::NotFound { .. } => {
                failed(error).hint("run it in a clone of the config repository, or name one with -C")
            }
            other => failed(other),
        })?;
        let named = |key: &str| clone.config(&format!("countersign.{key}")).map_err(failed);
        let remote = named("remote")?.unwrap_or_else(|| "origin".to_owned());
        let journal = named("journal")?.unwrap_or_else(|| "countersign/journal".to_owned());
        let branch = named("branch")?;
        let root = named("root")?.map(|root| root.trim_matches('/').to_owned());
        Ok(Self { clone, remote, journal, branch, root })
    }

    /// Where a branch is: as fetched from the remote, else the branch itself (in a bare repository it is there).
    fn tip(&self, branch: &str) -> Result<Option<Oid>, CliError> {
        for name in [format!("refs/remotes/{}/{branch}", self.remote), format!("refs/heads/{branch}")] {
            if let Some(tip) = self.clone.reference(&name).map_err(failed)? {
                return Ok(Some(tip));
            }
        }
        Ok(None)
    }

    fn required(&self, branch: &str) -> Result<Oid, CliError> {
        self.tip(branch)?.ok_or_else(|| {
            CliError::failed(format!("branch `{branch}` is not in this clone")).hint(self.fetch_of(branch))
        })
    }

    fn fetch_of(&self, branch: &str) -> String {
        let remote = &self.remote;
        format!("git fetch {remote} +refs/heads/{branch}:refs/remotes/{remote}/{branch}")
    }

    /// The names configured here are those that the journal was begun with.
    fn check_names(&self, start: &Start) -> Result<(), CliError> {
        let other = |what: &str, ours: &str, theirs: &str| {
            CliError::failed(format!("the journal was begun for {what} `{theirs}`, not `{ours}`"))
                .hint(format!("git config countersign.{what} {theirs}"))
        };
        match (&self.branch, &self.root) {
            (Some(branch), _) if *branch != start.branch => Err(other("branch", branch, &start.branch)),
            (_, Some(root)) if *root != start.root => {
                Err(other("root", &format!("/{root}"), &format!("/{}", start.root)))
            }
            _ => Ok(()),
        }
    }

    fn cannot_read(&self, objects: &crate::git::store::GitObjects, error: Unread) -> CliError {
        match error {
            Unread::Object(error @ ObjectError::Missing { .. }) => {
                let cause = CliError::failed(format!("the history is not all here: {error}"));
                cause.hint(self.missing_fetch(objects, &self.journal))
            }
            Unread::Object(error) => error.into(),
            Unread::Entry(what) => CliError::refused(format!("branch `{}` is no journal: {what}", self.journal)),
        }
    }

    fn unprovable(&self, objects: &crate::git::store::GitObjects, branch: &str) -> CliError {
        CliError::failed("the history cannot be proven from what is here").hint(self.missing_fetch(objects, branch))
    }

    /// Whether history was rewritten and accepted, and what was there before is not here.
    fn lacks_kept(&self, objects: &crate::git::store::GitObjects) -> bool {
        let mut at = self.tip(&self.journal).ok().flatten();
        while let Some(read) = at.and_then(|id| read_entry(objects, id).ok()) {
            let lacks = |event: &Event| matches!(event, Event::HistoryAccepted { old: Some(old), .. } if !objects.contains(*old));
            if read.entry.events.iter().any(lacks) {
                return true;
            }
            at = read.commit.parents.first().copied();
        }
        false
    }

    /// The fetch that brings what is missing.
    fn missing_fetch(&self, objects: &crate::git::store::GitObjects, branch: &str) -> String {
        let partial = self.clone.config(&format!("remote.{}.promisor", self.remote)).ok().flatten();
        if objects.is_shallow() {
            format!("git fetch --unshallow {}", self.remote)
        } else if self.lacks_kept(objects) {
            format!("git fetch {} '+refs/countersign/kept/*:refs/countersign/kept/*'", self.remote)
        } else if partial.as_deref() == Some("true") {
            format!("git fetch --refetch --no-filter {}", self.remote)
        } else {
            self.fetch_of(branch)
        }
    }
}

/// Why the first entry could not be read.
enum Unread {
    Object(ObjectError),
    Entry(String),
}

/// What the journal was begun with.
fn first_entry(objects: &dyn Objects, tip: Oid) -> Result<Start, Unread> {
    let mut first = tip;
    while let Some(parent) = objects.commit(first).map_err(Unread::Object)?.parents.first() {
        first = *parent;
    }
    let read = read_entry(objects, first).map_err(|error| match error {
        crate::journal::JournalError::Object(error) => Unread::Object(error),
        other => Unread::Entry(other.to_string()),
    })?;
    Ok(State::begin(&read.entry).map_err(|error| Unread::Entry(error.to_string()))?.start)
}

/// The text of a report, with its answer in colour.
fn colored(output: Output, report: &Report) -> String {
    let text = report.to_string();
    let line = |line: &str| match line.split_once(':') {
        Some((word @ "proven", rest)) => format!("{}:{rest}\n", output.paint(Tone::Good, word)),
        Some((word @ ("violated" | "missing" | "not proven"), rest)) => {
            format!("{}:{rest}\n", output.paint(Tone::Bad, word))
        }
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

fn failed(error: impl std::error::Error) -> CliError {
    CliError::failed(error.to_string())
}
