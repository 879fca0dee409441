//! `countersign run`: the daemon.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::json;

use super::output::Tone;
use super::scaffold::shell_word;
use super::{CliError, Global, Outcome, Output};
use crate::disk::{FolderDisk, KeyLock, instance};
use crate::git::command::Access;
use crate::git::remote::GitRemote;
use crate::git::sign::JournalKey;
use crate::git::store::GitObjects;
use crate::lifecycle::Phase;
use crate::reconcile::{AcceptHistory, Config, Daemon, Drivers, Report, SystemClock, TickError};
use crate::services::files::FilesDriver;
use crate::settings::{Credentials, Settings};

/// Where the settings are unless somebody says otherwise.
const SETTINGS: &str = "/etc/countersign/settings.yaml";

/// The least time between two heartbeats.
const HEARTBEAT: SignedDuration = SignedDuration::from_mins(5);

#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "Examples:\n  countersign run --settings settings.yaml --once\n  countersign run --check\n  countersign run --start-journal\n  countersign run --once --accept-history main@4be01aa…\n\nExit code 0: done; with --once 1: an environment is Invalid, Failed or Tampered; 2: it could not run."
)]
pub struct Arguments {
    /// The operator's settings
    #[arg(long, value_name = "FILE", default_value = SETTINGS)]
    settings: PathBuf,
    /// Tick until nothing is left to do now, print one line per environment, leave
    #[arg(long)]
    once: bool,
    /// Only check the settings, the key and the remote
    #[arg(long)]
    check: bool,
    /// Start the journal: only where this repository never had one
    #[arg(long)]
    start_journal: bool,
    /// Settle a claim that another key or state folder made
    #[arg(long, value_name = "ENV/NUMBER.ATTEMPT")]
    take_over: Option<String>,
    /// Accept the rewritten history of a branch, put the journal back, or accept a new pin (governance@COMMIT), once
    #[arg(long, value_name = "BRANCH@COMMIT")]
    accept_history: Option<AcceptHistory>,
}

pub fn main(global: &Global, arguments: &Arguments) -> Outcome {
    let settings = &arguments.settings;
    run(global, arguments).map_err(|error| match settings.to_str() {
        Some(path) if path != SETTINGS => error.with_settings(&shell_word(path)),
        _ => error,
    })
}

fn run(global: &Global, arguments: &Arguments) -> Outcome {
    super::log::start(global.verbose)?;
    let file = global.directory.join(&arguments.settings);
    let settings = Settings::load(&file).map_err(|problems| {
        let hint = if file.exists() { "" } else { "name them with --settings FILE; `countersign init DIR` makes some" };
        CliError::problems(&problems, 2).hint(hint)
    })?;
    let key = &settings.signing_key_file;
    let _lock = KeyLock::take(key).map_err(|error| {
        let make = format!("make one: ssh-keygen -t ed25519 -N '' -f {}", shell_word(&key.display().to_string()));
        CliError::from(error).hint(if key.exists() { String::new() } else { make })
    })?;
    let mut daemon = open(&settings, arguments)?;
    let output = Output::of(global);
    if arguments.check {
        return super::check::check(&mut daemon, output);
    }
    if arguments.once {
        return once(&mut daemon, &settings, output);
    }
    super::watch::watch(settings, daemon, || {
        let settings = Settings::load(&file).map_err(|problems| CliError::problems(&problems, 2))?;
        // What the operator said was said once.
        let daemon = open(&settings, &Arguments { accept_history: None, ..arguments.clone() })?;
        Ok((settings, daemon))
    })
}

/// Everything the settings name, opened.
fn open(settings: &Settings, arguments: &Arguments) -> Result<Daemon, CliError> {
    let repository = &settings.repository;
    let key = JournalKey::load(&settings.signing_key_file)?;
    let state = settings.state.join(repository.name.as_str());
    let disk = FolderDisk::open(&state)?;
    let instance = instance(&disk)?;
    let home = crate::git::command::GitHome::create(&state)?;
    let cache = state.join("git");
    let objects = GitObjects::create_bare(&cache)?;
    let remote = GitRemote::new(repository.url.clone(), objects.clone(), &home, access(&repository.credentials)?)
        .map_err(|error| CliError::failed(error.to_string()))?;
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(|error| CliError::failed(format!("no randomness to be had: {error}")))?;
    let config = Config {
        nonce: hex::encode(nonce),
        branch: repository.branch.clone(),
        root: repository.root.trim_matches('/').to_owned(),
        journal: repository.journal.branch.clone(),
        layout: repository.journal.layout,
        prefix: "countersign".to_owned(),
        policy: repository.trust.policy,
        identity: repository.trust.journal,
        require_tips: repository.trust.require_tips,
        grants: repository.grants.clone(),
        preview_limit: settings.limits.preview,
        most_environments: settings.limits.environments,
        yaml_limit: settings.limits.yaml as u64,
        plans_at_once: settings.concurrency.plan,
        applies_at_once: settings.concurrency.apply,
        ready_limit: settings.limits.ready_made_branches,
        start_journal: arguments.start_journal,
        accept_history: arguments.accept_history.clone(),
        take_over: arguments.take_over.clone(),
    };
    let granted = repository.grants.0.iter().flat_map(|grant| grant.targets.clone());
    let drivers = Drivers { files: Box::new(FilesDriver::new(granted)) };
    let objects = Arc::new(objects);
    Ok(Daemon::new(config, objects, Box::new(remote), Box::new(SystemClock), Box::new(disk), drivers, key, instance))
}

/// What the settings let the daemon show the remote.
fn access(credentials: &Credentials) -> Result<Access, CliError> {
    match (&credentials.ssh_key_file, &credentials.known_hosts_file) {
        (None, None) => Ok(Access::Open),
        (Some(key), Some(known_hosts)) => Ok(Access::Ssh { key: key.clone(), known_hosts: known_hosts.clone() }),
        _ => Err(CliError::failed("spec.repositories[0].credentials: sshKeyFile and knownHostsFile go together")),
    }
}

/// Gives a sign of life where that is due. Without it nothing is lost but the sign, so a failure is only said.
pub fn beat(daemon: &mut Daemon, interval: SignedDuration) {
    if let Err(error) = daemon.beat(interval) {
        tracing::warn!(%error, "the heartbeat could not be renewed");
    }
}

/// How often the daemon says that it is there: every few minutes, or with every poll where those are rarer.
pub fn heartbeat_interval(settings: &Settings) -> SignedDuration {
    let poll = i64::try_from(settings.poll.interval.as_seconds()).unwrap_or(i64::MAX);
    HEARTBEAT.max(SignedDuration::from_secs(poll))
}

fn once(daemon: &mut Daemon, settings: &Settings, output: Output) -> Outcome {
    let report = match daemon.settle() {
        Ok(()) => {
            beat(daemon, heartbeat_interval(settings));
            daemon.tidy();
            daemon.report()?
        }
        Err(error @ TickError::Tampered { .. }) => {
            let report = daemon.report_tampered(&error.to_string());
            print(&report, output)?;
            return Err(CliError::refused(error.to_string()).hint(error.hint()));
        }
        Err(error) => return Err(error.into()),
    };
    print(&report, output)?;
    Ok(if report.needs_attention() { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn print(report: &Report, output: Output) -> Result<(), CliError> {
    if output.is_json() {
        let lines = report.lines.iter();
        let lines = lines.map(|l| json!({ "environment": l.environment, "phase": l.phase, "text": l.text }));
        return output.json(&lines.collect::<Vec<_>>());
    }
    for line in &report.lines {
        let phase = output.paint(tone(line.phase), &line.phase.to_string());
        let text = if line.text.is_empty() { String::new() } else { format!(" {}", line.text) };
        output.text(&format!("{} {phase}{text}\n", line.environment))?;
    }
    Ok(())
}

/// The colour of a phase.
pub fn tone(phase: Phase) -> Tone {
    match phase {
        Phase::Synced => Tone::Good,
        Phase::AwaitingApproval | Phase::Approved | Phase::Deploying | Phase::Suspended => Tone::Waits,
        Phase::Invalid | Phase::Failed | Phase::Rejected | Phase::Tampered => Tone::Bad,
    }
}
