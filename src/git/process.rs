//! One run of a program: given input, bounded in time and output, its words captured.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use super::words;

/// How much of the standard error is kept.
const ERROR_LIMIT: usize = 64 * 1024;
/// How often a program that is silent is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How long output may still arrive from what a program left behind when it ended.
const LEFT_BEHIND: Duration = Duration::from_secs(1);

/// What a run may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// After this it is killed; `None` where a person sits in front of it.
    pub time: Option<Duration>,
    /// With more bytes of output it is killed.
    pub output: usize,
    /// Whether it gets a process group of its own, so that all it started can be ended with it. Not where a person
    /// sits in front of it: it could no longer ask for a passphrase.
    pub own_group: bool,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it said on its standard error: escaped, without credentials, cut after 64 KiB.
    pub stderr: String,
}

impl Output {
    /// Whether it ended with exit code 0.
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }

    /// What it printed, as text; what is not UTF-8 becomes `U+FFFD`.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// What it said on its standard error, as one line; how it ended where it said nothing.
    pub fn message(&self) -> String {
        let line = words::one_line(&self.stderr);
        match (line.is_empty(), self.code) {
            (false, _) => line,
            (true, Some(code)) => format!("exit code {code}"),
            (true, None) => "ended by a signal".to_owned(),
        }
    }
}

/// Why a run gave no result.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It could not be started.
    #[error("`{program}` cannot be run: is it installed and on the PATH?")]
    Start {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It was killed: it took too long.
    #[error("`{program}` took longer than {} and was ended", seconds(*.limit))]
    Time {
        /// The program.
        program: String,
        /// The limit.
        limit: Duration,
    },
    /// It was killed: it printed too much.
    #[error("`{program}` printed more than {limit} bytes and was ended")]
    Output {
        /// The program.
        program: String,
        /// The limit.
        limit: usize,
    },
    /// It could not be waited for.
    #[error("`{program}` cannot be waited for")]
    Wait {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f32())
}

/// Something that happened to one of the pipes.
enum Event {
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
    End,
}

/// Runs a program to its end. `notes` gets its standard error line by line, as it arrives, escaped.
pub(super) fn run(
    mut command: Command,
    input: Vec<u8>,
    limits: Limits,
    notes: &mut dyn FnMut(&str),
) -> Result<Output, ProcessError> {
    let program = Path::new(command.get_program());
    let program = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    let stdin = if input.is_empty() { Stdio::null() } else { Stdio::piped() };
    command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
    #[cfg(unix)]
    if limits.own_group {
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
    }
    let mut child = command.spawn().map_err(|source| ProcessError::Start { program: program.clone(), source })?;
    let (sender, receiver) = mpsc::channel();
    // The threads are not waited for: a program may leave something behind that keeps a pipe open.
    read_on(child.stdout.take(), sender.clone(), Event::Stdout);
    read_on(child.stderr.take(), sender, Event::Stderr);
    if let Some(mut pipe) = child.stdin.take() {
        // A program that ends without reading everything says why itself.
        thread::spawn(move || drop(pipe.write_all(&input)));
    }
    let mut run = Run { program, limits, started: Instant::now(), stdout: Vec::new(), stderr: Vec::new(), noted: 0 };
    let result = run.follow(&mut child, &receiver, notes).and_then(|()| run.wait(&mut child));
    match result {
        Ok(status) => {
            run.note(notes, true);
            let stderr = words::redact(&words::escape(&run.stderr));
            Ok(Output { code: status.code(), stdout: run.stdout, stderr })
        }
        Err(error) => {
            end(&mut child, limits.own_group);
            Err(error)
        }
    }
}

fn read_on(pipe: Option<impl Read + Send + 'static>, sender: Sender<Event>, event: fn(Vec<u8>) -> Event) {
    thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        if let Some(mut pipe) = pipe {
            while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                if sender.send(event(buffer[..count].to_vec())).is_err() {
                    return;
                }
            }
        }
        // Nobody listens where the run was given up.
        drop(sender.send(Event::End));
    });
}

/// Kills the program and, where it has a group of its own, all it started.
fn end(child: &mut Child, own_group: bool) {
    #[cfg(unix)]
    if own_group && let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        // It may have ended by itself meanwhile: nothing to do then.
        rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap_or_default();
    }
    drop(child.kill());
    drop(child.wait());
}

/// A run under way.
struct Run {
    program: String,
    limits: Limits,
    started: Instant,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    noted: usize,
}

impl Run {
    /// Collects output until both pipes are closed, or the program ended and nothing comes any more.
    fn follow(
        &mut self,
        child: &mut Child,
        events: &Receiver<Event>,
        notes: &mut dyn FnMut(&str),
    ) -> Result<(), ProcessError> {
        let (mut open, mut ended) = (2, None::<Instant>);
        while open > 0 && ended.is_none_or(|at| at.elapsed() < LEFT_BEHIND) {
            self.check_time()?;
            match events.recv_timeout(LOOK) {
                Ok(Event::Stdout(bytes)) => {
                    self.stdout.extend(bytes);
                    if self.stdout.len() > self.limits.output {
                        return Err(ProcessError::Output { program: self.program.clone(), limit: self.limits.output });
                    }
                }
                Ok(Event::Stderr(bytes)) => {
                    let room = ERROR_LIMIT.saturating_sub(self.stderr.len());
                    self.stderr.extend_from_slice(&bytes[..room.min(bytes.len())]);
                    self.note(notes, false);
                }
                Ok(Event::End) => open -= 1,
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    if ended.is_none() && self.look(child)?.is_some() {
                        ended = Some(Instant::now());
                    }
                }
            }
        }
        Ok(())
    }

    fn wait(&mut self, child: &mut Child) -> Result<ExitStatus, ProcessError> {
        loop {
            if let Some(status) = self.look(child)? {
                return Ok(status);
            }
            self.check_time()?;
            // Between closing its pipes and ending, a program has nothing left to do.
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn look(&self, child: &mut Child) -> Result<Option<ExitStatus>, ProcessError> {
        child.try_wait().map_err(|source| ProcessError::Wait { program: self.program.clone(), source })
    }

    fn check_time(&self) -> Result<(), ProcessError> {
        match self.limits.time {
            Some(limit) if self.started.elapsed() > limit => {
                Err(ProcessError::Time { program: self.program.clone(), limit })
            }
            _ => Ok(()),
        }
    }

    /// Hands on the lines of the standard error that are complete.
    fn note(&mut self, notes: &mut dyn FnMut(&str), all: bool) {
        while let Some(length) = self.stderr[self.noted..].iter().position(|b| *b == b'\n') {
            notes(&words::redact(&words::escape(&self.stderr[self.noted..self.noted + length])));
            self.noted += length + 1;
        }
        if all && self.noted < self.stderr.len() {
            notes(&words::redact(&words::escape(&self.stderr[self.noted..])));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    const LIMITS: Limits = Limits { time: Some(Duration::from_secs(30)), output: 1_000_000, own_group: true };

    #[test]
    fn input_goes_in_and_words_come_out() {
        let mut notes = Vec::new();
        let output =
            run(shell("cat; printf 'one\\ntw\\033o' >&2; exit 3"), b"x".repeat(500_000), LIMITS, &mut |line| {
                notes.push(line.to_owned())
            })
            .expect("it ran");
        assert_eq!((output.code, output.stdout.len()), (Some(3), 500_000));
        assert_eq!(output.message(), "one; twU+001Bo");
        assert_eq!(notes, ["one", "twU+001Bo"]);
    }

    #[test]
    fn without_input_standard_input_is_empty() {
        assert!(run(shell("read x || exit 0; exit 1"), Vec::new(), LIMITS, &mut |_| {}).expect("it ran").success());
    }

    #[test]
    fn what_hangs_is_ended_with_all_it_started() {
        let limits = Limits { time: Some(Duration::from_millis(200)), ..LIMITS };
        let folder = tempfile::tempdir().expect("a folder");
        let fifo = folder.path().join("fifo");
        assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo runs").success());
        // The inner shell holds the fifo open for writing as long as it lives; its reader sees the end when it dies.
        let mut command = shell("sh -c 'exec 3>\"$0\"; while :; do sleep 100; done' \"$0\" & wait");
        command.arg(&fifo);
        let reader = thread::spawn(move || std::fs::read(fifo));
        let error = run(command, Vec::new(), limits, &mut |_| {}).expect_err("it hangs");
        assert_eq!(error.to_string(), "`sh` took longer than 0.2 s and was ended");
        assert_eq!(reader.join().expect("the reader ends").expect("a read"), b"");
    }

    #[test]
    fn what_floods_is_ended() {
        let limits = Limits { output: 10_000, ..LIMITS };
        let error = run(shell("while :; do echo flood; done"), Vec::new(), limits, &mut |_| {}).expect_err("too much");
        assert_eq!(error.to_string(), "`sh` printed more than 10000 bytes and was ended");
    }

    #[test]
    fn a_program_that_leaves_something_behind_has_still_ended() {
        let started = Instant::now();
        let mut command = shell("exec 3>&1; sleep 300 & echo $!");
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let output = run(command, Vec::new(), LIMITS, &mut |_| {}).expect("it ran");
        assert!(output.success() && started.elapsed() < Duration::from_secs(20));
        assert!(Command::new("kill").arg(output.text().trim()).status().expect("kill runs").success());
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run(Command::new("no-such-program"), Vec::new(), LIMITS, &mut |_| {}).expect_err("not there");
        assert_eq!(error.to_string(), "`no-such-program` cannot be run: is it installed and on the PATH?");
    }
}
