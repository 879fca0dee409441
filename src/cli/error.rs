//! An error as a person reads it: `error: …`, what caused it, `hint: …`.

use std::process::ExitCode;

use crate::journal::JournalError;
use crate::model::Problems;
use crate::object::ObjectError;
use crate::reconcile::TickError;
use crate::text::escape_lines;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub struct CliError {
    /// Each printed as `error: …`.
    messages: Vec<String>,
    /// Printed as `hint: …`, unless empty.
    hint: String,
    code: u8,
}

impl CliError {
    /// It could not be done (exit code 2).
    pub fn failed(message: impl Into<String>) -> Self {
        Self { messages: vec![message.into()], hint: String::new(), code: 2 }
    }

    /// The answer is no (exit code 1).
    pub fn refused(message: impl Into<String>) -> Self {
        Self { code: 1, ..Self::failed(message) }
    }

    /// With what to do about it.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }

    /// The hint with the settings in the commands it proposes, where they are not where `run` looks by itself.
    #[must_use]
    pub fn with_settings(mut self, settings: &str) -> Self {
        self.hint = self.hint.replace("countersign run ", &format!("countersign run --settings {settings} "));
        self
    }

    /// With an exit code of its own.
    #[must_use]
    pub fn with_code(self, code: u8) -> Self {
        Self { code, ..self }
    }

    /// Several problems of files.
    pub fn problems(problems: &Problems, code: u8) -> Self {
        Self { messages: problems.0.iter().map(ToString::to_string).collect(), hint: String::new(), code }
    }

    /// Whether the answer is no, and not that it could not be had.
    pub fn is_refusal(&self) -> bool {
        self.code == 1
    }

    /// What went wrong, in one line.
    pub fn message(&self) -> String {
        self.messages.join("; ")
    }

    /// Prints it to standard error.
    pub fn print(&self) {
        for message in &self.messages {
            eprintln!("error: {}", escape_lines(message));
        }
        if !self.hint.is_empty() {
            eprintln!("hint: {}", escape_lines(&self.hint));
        }
    }

    /// Prints it as something that is told beside the result.
    pub fn print_as_note(&self) {
        for message in &self.messages {
            eprintln!("note: {}", escape_lines(message));
        }
    }

    /// The process's exit code.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl From<TickError> for CliError {
    fn from(error: TickError) -> Self {
        Self::failed(error.to_string()).hint(error.hint())
    }
}

/// An error with its causes, in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

macro_rules! failed_from {
    ($($error:ty),* $(,)?) => {$(
        impl From<$error> for CliError {
            fn from(error: $error) -> Self {
                Self::failed(with_causes(&error))
            }
        }
    )*};
}

/// Any error, with its causes.
pub(super) fn from_error(error: &dyn std::error::Error) -> CliError {
    CliError::failed(with_causes(error))
}

impl From<ObjectError> for CliError {
    fn from(error: ObjectError) -> Self {
        from_error(&error).hint(super::clone::hint_for_missing(&error))
    }
}

impl From<JournalError> for CliError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Object(error) => error.into(),
            other => from_error(&other),
        }
    }
}

failed_from! {
    std::io::Error,
    crate::git::RemoteError,
    crate::git::sign::KeyError,
    crate::git::store::StoreError,
    crate::disk::KeyLockError,
}
