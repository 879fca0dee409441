//! A word on standard error about what takes long; silence about what does not.

use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

/// Longer than this, and people want to know what they wait for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Says what is being done if it is still being done after a second; ends when dropped.
pub struct Progress {
    _done: Sender<()>,
}

impl Progress {
    /// Begins to wait.
    pub fn start(what: String) -> Self {
        let (done, ended) = mpsc::channel();
        thread::spawn(move || {
            if ended.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                eprintln!("{}", crate::text::escape(&what));
            }
        });
        Self { _done: done }
    }
}
