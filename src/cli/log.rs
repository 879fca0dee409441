//! Logs: one line per decision on standard error.

use tracing_subscriber::EnvFilter;

use super::CliError;

/// Starts logging. `verbose` counts the `-v`s.
pub fn start(verbose: u8) -> Result<(), CliError> {
    let level = match verbose {
        0 => "countersign=warn",
        1 => "countersign=info",
        _ => "countersign=trace",
    };
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(level))
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(false)
        .try_init()
        .map_err(|error| CliError::failed(format!("cannot start logging: {error}")))
}
