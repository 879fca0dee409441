//! The command line: one file per command.

mod check;
mod error;
mod log;
mod output;
mod run;
mod trust;
mod validate;
mod verify;
mod watch;
mod worktree;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use error::CliError;
pub use output::Output;

/// What a command gives back: its exit code, or an error with a code of its own.
pub type Outcome = Result<ExitCode, CliError>;

#[derive(Debug, Parser)]
#[command(
    name = "countersign",
    version,
    about = "Applies a change to an environment only once the people its policy names have countersigned exactly that change",
    after_help = "Start here:\n  countersign demo              everything on this machine in one go, narrated\n  countersign init my-config    a config repository of your own, with settings for the daemon\n\nExit codes: 0 done, 1 the answer is no (see each command), 2 it could not be done."
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options that every command takes.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Run as if started in this folder
    #[arg(short = 'C', value_name = "DIR", global = true, default_value = ".", hide_default_value = true)]
    pub directory: PathBuf,
    /// text for people, or one JSON document for programs
    #[arg(long, value_enum, global = true, default_value_t = Format::Text)]
    pub output: Format,
    /// When to colour
    #[arg(long, value_enum, global = true, default_value_t = Color::Auto)]
    pub color: Color,
    /// Say more; twice: say everything
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The daemon: plan what is pushed, apply what is countersigned
    Run(run::Arguments),
    /// Print the pin for the governance checked out here
    Trust(trust::Arguments),
    /// Read the work tree as the daemon would, and say everything that is wrong
    Validate(validate::Arguments),
    /// Prove the whole history again, offline, from what is fetched
    Verify(verify::Arguments),
}

/// The root folder of the work tree that a command was started in: where `governance/` and `environments/` are.
fn root_folder(directory: &std::path::Path) -> Result<PathBuf, CliError> {
    if !directory.is_dir() {
        return Err(CliError::failed(format!("`{}` is no folder", directory.display())));
    }
    let is_root = |folder: &std::path::Path| folder.join("governance").is_dir() || folder.join("environments").is_dir();
    let absolute = directory.canonicalize()?;
    let found = absolute.ancestors().find(|folder| is_root(folder)).map(std::path::Path::to_path_buf);
    found.ok_or_else(|| {
        CliError::failed(format!(
            "`{}` is not in a config repository: no governance/ is there or above",
            directory.display()
        ))
        .hint("name the work tree with -C, or make one: countersign init my-config")
    })
}

/// Parses the command line, runs the command, prints an error and its hint.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let global = &cli.global;
    let outcome = match &cli.command {
        Command::Run(arguments) => run::main(global, arguments),
        Command::Trust(arguments) => trust::main(global, arguments),
        Command::Validate(arguments) => validate::main(global, arguments),
        Command::Verify(arguments) => verify::main(global, arguments),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            error.print();
            error.exit_code()
        }
    }
}
