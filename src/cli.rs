//! The command line: one file per command.

mod approve;
mod ask;
mod chain;
mod change;
mod check;
mod clone;
mod close;
mod completions;
mod demo;
mod deploy;
mod deployments;
mod diff;
mod edit;
mod error;
mod events;
mod history;
mod init;
mod journal;
mod layout;
mod life;
mod log;
mod man;
mod me;
mod output;
mod pending;
mod plan;
mod progress;
mod publish;
mod redeploy;
mod reject;
mod reopen;
mod resume;
mod rewound;
mod rollback;
mod run;
mod say;
mod scaffold;
mod schema;
mod seen;
mod set;
mod show;
mod standing;
mod status;
mod suspend;
mod table;
mod times;
mod trust;
mod validate;
mod verify;
mod wait;
mod watch;
mod weigh;
mod withdraw;
mod worktree;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

pub use error::CliError;
pub use output::Output;

use crate::model::EnvironmentName;

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
    /// text for people, one JSON document for programs, or a table for spreadsheets (`history` alone)
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
    /// For spreadsheets.
    Csv,
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
    /// Make a config repository, with settings for the daemon
    Init(init::Arguments),
    /// See it work: a vendor, a customer and the daemon on this machine, narrated
    Demo(demo::Arguments),
    /// Print the pin for the governance checked out here
    Trust(trust::Arguments),
    /// Read the work tree as the daemon would, and say everything that is wrong
    Validate(validate::Arguments),
    /// Print the JSON Schema of the documents, for editors
    Schema(schema::Arguments),
    /// Where environments stand, what they wait for, and who could give it
    Status(status::Arguments),
    /// Every plan that waits for somebody
    Pending(pending::Arguments),
    /// Wait until an environment is planned, approved or synced: for scripts
    Wait(wait::Arguments),
    /// The plan that waits
    Diff(diff::Arguments),
    /// The plan that the work tree would give, computed here
    Plan(plan::Arguments),
    /// Change a value of an environment, keeping comments and layout
    Set(set::Arguments),
    /// Change an environment's file in your editor
    Edit(edit::Arguments),
    /// Countersign exactly the plan that waits
    Approve(approve::Arguments),
    /// Refuse the plan that waits
    Reject(reject::Arguments),
    /// Take back what you said last on the plan that waits
    Withdraw(withdraw::Arguments),
    /// Start the deployment of an approved plan, at once or later
    Deploy(deploy::Arguments),
    /// Have what is applied applied again
    Redeploy(redeploy::Arguments),
    /// Let nothing be deployed in an environment until somebody resumes it
    Suspend(suspend::Arguments),
    /// End a suspension
    Resume(resume::Arguments),
    /// Drop the change that waits: put back what is applied
    Close(close::Arguments),
    /// Have a rejected change planned anew
    Reopen(reopen::Arguments),
    /// Desire again what an earlier deployment had
    Rollback(rollback::Arguments),
    /// Who approved what, when and why, and what came of it
    History(history::Arguments),
    /// What happened, event by event
    Events(events::Arguments),
    /// Prove the whole history again, offline, from what is fetched
    Verify(verify::Arguments),
    /// Print completions for a shell
    Completions(completions::Arguments),
    /// Print a manual page
    Man(man::Arguments),
}

/// The name of an environment, as typed.
fn environment_name(text: &str) -> Result<EnvironmentName, CliError> {
    text.parse().map_err(|error| CliError::failed(format!("`{text}` is no name of an environment: {error}")))
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

/// Whether this version has a command.
fn has_command(name: &str) -> bool {
    Cli::command().find_subcommand(name).is_some()
}

/// Parses the command line, runs the command, prints an error and its hint.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let global = &cli.global;
    let outcome = match &cli.command {
        other if global.output == Format::Csv && !matches!(other, Command::History(_)) => {
            Err(CliError::failed("`--output csv` is for `history` alone").hint("programs read --output json"))
        }
        Command::Run(arguments) => run::main(global, arguments),
        Command::Init(arguments) => init::main(global, arguments),
        Command::Demo(arguments) => demo::main(global, arguments),
        Command::Trust(arguments) => trust::main(global, arguments),
        Command::Validate(arguments) => validate::main(global, arguments),
        Command::Schema(arguments) => schema::main(global, arguments),
        Command::Verify(arguments) => verify::main(global, arguments),
        Command::Status(arguments) => status::main(global, arguments),
        Command::Pending(arguments) => pending::main(global, arguments),
        Command::Wait(arguments) => wait::main(global, arguments),
        Command::Diff(arguments) => diff::main(global, arguments),
        Command::Plan(arguments) => plan::main(global, arguments),
        Command::Set(arguments) => set::main(global, arguments),
        Command::Edit(arguments) => edit::main(global, arguments),
        Command::Approve(arguments) => approve::main(global, arguments),
        Command::Reject(arguments) => reject::main(global, arguments),
        Command::Withdraw(arguments) => withdraw::main(global, arguments),
        Command::Deploy(arguments) => deploy::main(global, arguments),
        Command::Redeploy(arguments) => redeploy::main(global, arguments),
        Command::Suspend(arguments) => suspend::main(global, arguments),
        Command::Resume(arguments) => resume::main(global, arguments),
        Command::Close(arguments) => close::main(global, arguments),
        Command::Reopen(arguments) => reopen::main(global, arguments),
        Command::Rollback(arguments) => rollback::main(global, arguments),
        Command::Events(arguments) => events::main(global, arguments),
        Command::History(arguments) => history::main(global, arguments),
        Command::Completions(arguments) => completions::main(global, arguments),
        Command::Man(arguments) => man::main(global, arguments),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            error.print();
            error.exit_code()
        }
    }
}
