//! The daemon's outer loop: what wakes it up, and what makes it stop. A wake-up carries nothing: each tick reads
//! everything that matters anew.

use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use notify::{EventKind, RecursiveMode, Watcher};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use super::{CliError, Outcome};
use crate::reconcile::{Clock as _, Daemon, SystemClock, TickError};
use crate::settings::Settings;

/// How often folders are listed again that were gone when they were to be watched.
const WATCH_ATTEMPTS: u32 = 100;

/// How long it is quiet before the daemon gives back what it keeps to be faster.
const QUIET: Duration = Duration::from_secs(2);

/// Runs until told to stop.
pub fn watch(settings: Settings, daemon: Daemon, reopen: impl Fn() -> Result<(Settings, Daemon), CliError>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(run(settings, daemon, reopen))
}

async fn run(
    mut settings: Settings,
    mut daemon: Daemon,
    reopen: impl Fn() -> Result<(Settings, Daemon), CliError>,
) -> Outcome {
    let (wake, mut woken) = mpsc::channel::<()>(1);
    let mut _watcher = watch_local(&settings, wake.clone())?;
    let mut signals = Signals::new()?;
    let mut last_error = String::new();
    tracing::info!(repository = %settings.repository.name, "running");
    loop {
        let interval = super::run::heartbeat_interval(&settings);
        let leaves_off = Arc::new(AtomicBool::new(false));
        let is_asked = Arc::clone(&leaves_off);
        let mut working = tokio::task::spawn_blocking(move || {
            let result = daemon.settle_and(|daemon| {
                super::run::beat(daemon, interval);
                daemon.tidy();
                if is_asked.load(Ordering::SeqCst) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            (daemon, result)
        });
        // Where much waits, or pushes never end, what the operator wants does not wait for the last of them.
        let mut asked = None;
        let (back, result) = loop {
            tokio::select! {
                done = &mut working => {
                    break done.map_err(|error| CliError::failed(format!("a tick ended abnormally: {error}")))?;
                }
                word = signals.next() => asked = asked.max(Some(word)),
            }
            leaves_off.store(true, Ordering::SeqCst);
        };
        daemon = back;
        match result {
            Ok(()) => last_error.clear(),
            // Said once: a remote that stays away for an hour is one line, not a hundred.
            Err(error) if error.to_string() == last_error => {}
            Err(error) => {
                let hint = error.hint();
                match &error {
                    TickError::Remote(_) => tracing::warn!(%error, "will try again"),
                    _ => tracing::error!(%error, hint, "nothing is applied until this is resolved"),
                }
                last_error = error.to_string();
            }
        }
        if asked.is_none() {
            let pause = until(&settings, daemon.next());
            let mut came = wait(pause.min(QUIET), &mut woken, &mut signals).await;
            if matches!(came, Came::Time) && pause > QUIET {
                daemon.rest();
                came = wait(pause - QUIET, &mut woken, &mut signals).await;
            }
            asked = match came {
                Came::Time | Came::Push => None,
                Came::Word(word) => Some(word),
            };
        }
        match asked {
            None => {}
            Some(Word::Leave) => break,
            Some(Word::Reload) => {
                match reopen().and_then(|(new, opened)| Ok((watch_local(&new, wake.clone())?, new, opened))) {
                    Ok((watcher, new, opened)) => {
                        (_watcher, settings, daemon) = (watcher, new, opened);
                        tracing::info!("settings reloaded");
                    }
                    Err(error) => {
                        error.print();
                        tracing::error!("the new settings cannot be used; the old ones stay");
                    }
                }
            }
        }
    }
    tracing::info!("leaving");
    Ok(ExitCode::SUCCESS)
}

/// What ends a wait.
enum Came {
    Time,
    Push,
    Word(Word),
}

async fn wait(pause: Duration, woken: &mut mpsc::Receiver<()>, signals: &mut Signals) -> Came {
    tokio::select! {
        () = tokio::time::sleep(pause) => Came::Time,
        Some(()) = woken.recv() => Came::Push,
        word = signals.next() => Came::Word(word),
    }
}

/// What an operator wants of a daemon that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Word {
    Reload,
    Leave,
}

/// The signals by which they say so.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    reload: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            reload: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Word {
        tokio::select! {
            _ = self.terminate.recv() => Word::Leave,
            _ = self.interrupt.recv() => Word::Leave,
            _ = self.reload.recv() => Word::Reload,
        }
    }
}

/// Until the next poll, or the time at which there is something to do, if that comes before.
fn until(settings: &Settings, next: Option<Timestamp>) -> Duration {
    let pause = pause(settings);
    let due = next.map(|next| next.duration_since(SystemClock.now()));
    // A second more: the daemon's clock counts whole ones.
    due.map_or(pause, |due| pause.min(Duration::try_from(due).unwrap_or_default() + Duration::from_secs(1)))
}

/// The poll interval, with jitter so that many daemons do not ask one server at the same moment.
fn pause(settings: &Settings) -> Duration {
    let interval = Duration::from_secs(settings.poll.interval.as_seconds());
    let mut random = [0; 2];
    let share = match getrandom::fill(&mut random) {
        Ok(()) => f64::from(u16::from_le_bytes(random)) / f64::from(u16::MAX),
        Err(_) => 0.5,
    };
    interval.mul_f64(1.0 + f64::from(settings.poll.jitter_percent) / 100.0 * (2.0 * share - 1.0))
}

/// Watches a local remote's references, so that a push is seen at once; polling goes on all the same.
fn watch_local(settings: &Settings, wake: mpsc::Sender<()>) -> Result<Option<notify::RecommendedWatcher>, CliError> {
    let Some(path) = settings.repository.url.local_path() else { return Ok(None) };
    let git = if path.join(".git").is_dir() { path.join(".git") } else { path.to_path_buf() };
    let woken = move |event: notify::Result<notify::Event>| {
        // Readers, this daemon among them, make access events without end; lock files come and go.
        let matters = event.as_ref().is_ok_and(|event| {
            !matches!(event.kind, EventKind::Access(_))
                && !event.paths.iter().all(|path| path.extension().is_some_and(|end| end == "lock"))
        });
        if matters || event.is_err() {
            // A full channel is a wake-up that is already on its way.
            let _ = wake.try_send(());
        }
    };
    let failed = |error: notify::Error| CliError::failed(format!("cannot watch `{}`: {error}", git.display()));
    let mut watcher = notify::recommended_watcher(woken).map_err(failed)?;
    watch_references(&mut watcher, &git).map_err(failed)?;
    Ok(Some(watcher))
}

/// Watches all folders of references. Git removes those that are empty, at any time: one that was listed may be gone when it
/// is to be watched.
fn watch_references(watcher: &mut impl Watcher, git: &Path) -> notify::Result<()> {
    let references = git.join("refs");
    let mut left = WATCH_ATTEMPTS;
    loop {
        match watcher.watch(&references, RecursiveMode::Recursive) {
            Ok(()) => return watcher.watch(git, RecursiveMode::NonRecursive),
            Err(error) if left > 0 && is_gone(&error) && references.is_dir() => left -= 1,
            Err(error) => return Err(error),
        }
    }
}

fn is_gone(error: &notify::Error) -> bool {
    match &error.kind {
        notify::ErrorKind::PathNotFound => true,
        notify::ErrorKind::Io(error) => error.kind() == std::io::ErrorKind::NotFound,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn folders_of_references_may_go_while_they_are_being_watched() {
        let folder = tempfile::tempdir().unwrap();
        let references = folder.path().join("refs/heads");
        fs::create_dir_all(&references).unwrap();
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for thread in 0..2 {
                let (references, is_over) = (&references, &is_over);
                scope.spawn(move || {
                    for number in (0..20).cycle().take_while(|_| !is_over.load(Ordering::SeqCst)) {
                        let one = references.join(format!("{thread}-{number}"));
                        fs::create_dir(&one).unwrap();
                        fs::remove_dir(&one).unwrap();
                    }
                });
            }
            let mut watched = Ok(());
            for _ in 0..300 {
                let mut watcher = notify::recommended_watcher(|_| {}).unwrap();
                watched = watched.and_then(|()| watch_references(&mut watcher, folder.path()));
            }
            is_over.store(true, Ordering::SeqCst);
            watched.unwrap();
        });
    }

    #[test]
    fn what_was_never_there_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let mut watcher = notify::recommended_watcher(|_| {}).unwrap();
        assert!(watch_references(&mut watcher, folder.path()).is_err());
    }
}
