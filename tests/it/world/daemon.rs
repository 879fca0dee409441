//! The real binary: daemons that tick, and commands.

use std::process::Command;

use super::{DAEMON, Run, World};

impl World {
    pub(super) fn write_settings(&self, daemon: &str, extra: &str) {
        let folder = self.folder.path().display();
        let extra: String = extra.lines().map(|line| format!("  {line}\n")).collect();
        let text = format!(
            "apiVersion: countersign/v1\n\
             kind: Settings\n\
             spec:\n\
             \x20 repositories:\n\
             \x20   - name: world\n\
             \x20     url: {folder}/remote.git\n\
             \x20     branch: main\n\
             \x20     trust:\n\
             \x20       policy: \"{pin}\"\n\
             \x20     allow:\n\
             \x20       - environments: [\"*\"]\n\
             \x20         services: [files]\n\
             \x20         targets: [{folder}/srv]\n\
             \x20 signingKeyFile: {folder}/{daemon}.key\n\
             \x20 state: {folder}/{daemon}.state\n\
             {extra}",
            pin = self.pin,
        );
        std::fs::write(self.at(format!("{daemon}.settings.yaml")), text).expect("a file");
    }

    /// Changes a daemon's settings.
    pub fn edit_settings(&mut self, daemon: &str, edit: impl FnOnce(String) -> String) -> &mut Self {
        let file = self.at(format!("{daemon}.settings.yaml"));
        let text = std::fs::read_to_string(&file).expect("settings");
        std::fs::write(file, edit(text)).expect("a file");
        self
    }

    /// Pins the policy that alice's clone holds now: before the first tick, the operator may.
    #[track_caller]
    pub fn pin_again(&mut self) -> &mut Self {
        let new = self.countersign(&["-C", "alice", "trust"]).text();
        let old = std::mem::replace(&mut self.pin, new.clone());
        self.edit_settings(DAEMON, |text| text.replace(&old, &new))
    }

    /// The pin that `verify` is given.
    pub fn root(&self) -> String {
        self.pin.clone()
    }

    /// From here on `verify` is given this pin.
    pub fn take_root(&mut self, pin: &str) -> &mut Self {
        pin.clone_into(&mut self.pin);
        self
    }

    /// Runs a command of the binary.
    pub fn countersign(&self, arguments: &[&str]) -> Run {
        self.run(self.program(arguments))
    }

    fn program(&self, arguments: &[impl AsRef<std::ffi::OsStr>]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_countersign"));
        command.args(arguments);
        command
    }

    /// The arguments of one tick; the very first one starts the journal.
    pub fn tick_arguments(&mut self, daemon: &str) -> Vec<String> {
        let settings = self.at(format!("{daemon}.settings.yaml")).display().to_string();
        let mut arguments: Vec<String> = ["run", "--settings", &settings, "--once"].map(str::to_owned).into();
        if !std::mem::replace(&mut self.started, true) {
            arguments.push("--start-journal".to_owned());
        }
        arguments
    }

    /// A daemon as a process to be spawned.
    pub fn daemon_command(&mut self, daemon: &str) -> Command {
        let arguments = self.tick_arguments(daemon);
        self.program(&arguments)
    }

    /// As [`World::daemon_command`], of one that stays until it is told to leave.
    pub fn resident_command(&mut self, daemon: &str) -> Command {
        let mut arguments = self.tick_arguments(daemon);
        arguments.retain(|argument| argument != "--once");
        self.program(&arguments)
    }

    /// `countersign run --once` of the first daemon, whatever comes of it.
    pub fn try_tick(&mut self) -> Run {
        self.try_tick_of(DAEMON)
    }

    /// `countersign run --once` of a daemon, whatever comes of it.
    pub fn try_tick_of(&mut self, daemon: &str) -> Run {
        let command = self.daemon_command(daemon);
        let run = Run { is_tick: daemon == DAEMON, ..self.run(command) };
        crate::alarms::expect_documented(&run.stderr);
        self.last = Some(run.clone());
        run
    }

    /// `countersign run --once`: it must be able to run, whatever it finds.
    #[track_caller]
    pub fn tick(&mut self) -> &mut Self {
        self.tick_of(DAEMON)
    }

    /// As [`World::tick`], of another daemon.
    #[track_caller]
    pub fn tick_of(&mut self, daemon: &str) -> &mut Self {
        let run = self.try_tick_of(daemon);
        assert!(matches!(run.code, Some(0 | 1)), "{daemon} could not tick: {run}");
        self
    }

    /// The last tick ended with this code.
    #[track_caller]
    pub fn expect_exit(&mut self, code: i32) -> &mut Self {
        let last = self.last.as_ref().expect("a tick");
        assert_eq!(last.code, Some(code), "{last}");
        self
    }

    /// The last tick said this, on standard output or error.
    #[track_caller]
    pub fn expect_said(&mut self, words: &str) -> &mut Self {
        let last = self.last.as_ref().expect("a tick");
        assert!(last.stdout.contains(words) || last.stderr.contains(words), "`{words}` was not said: {last}");
        self
    }
}
