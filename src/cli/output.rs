//! What commands print to standard output: text or JSON, with colour where it helps.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use super::{CliError, Color, Format, Global};

/// Where results go.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    format: Format,
    colored: bool,
}

/// A colour that means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// All is well.
    Good,
    /// Somebody is waited for.
    Waits,
    /// Something is wrong.
    Bad,
    /// Beside the point.
    Faint,
    /// A title.
    Strong,
}

impl Output {
    /// As the command line asks.
    pub fn of(global: &Global) -> Self {
        let colored = match global.color {
            Color::Always => true,
            Color::Never => false,
            #[expect(clippy::disallowed_methods, reason = "NO_COLOR is a convention about the terminal, not a setting")]
            Color::Auto => io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        };
        Self { format: global.output, colored }
    }

    /// Whether programs read it.
    pub fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// Whether spreadsheets read it.
    pub fn is_csv(self) -> bool {
        self.format == Format::Csv
    }

    /// Text in a tone.
    pub fn paint(self, tone: Tone, text: &str) -> String {
        if !self.colored {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Waits => "33",
            Tone::Bad => "31",
            Tone::Faint => "2",
            Tone::Strong => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// Prints text as it is; a closed pipe is no error.
    ///
    /// # Errors
    /// Where standard output cannot be written.
    pub fn text(self, text: &str) -> Result<(), CliError> {
        match io::stdout().lock().write_all(text.as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => Ok(result?),
        }
    }

    /// Prints one JSON document.
    ///
    /// # Errors
    /// Where standard output cannot be written.
    pub fn json(self, value: &impl Serialize) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(value).map_err(|error| CliError::failed(error.to_string()))?;
        self.text(&format!("{text}\n"))
    }
}
