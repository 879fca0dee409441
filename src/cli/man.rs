//! `countersign man`: the manual pages, from the same definition as the command line.

use std::process::ExitCode;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use super::{Cli, CliError, Global, Outcome, Output};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  countersign man | man -l -\n  countersign man approve > countersign-approve.1")]
pub struct Arguments {
    /// The command; the program itself if left out
    command: Option<String>,
}

pub fn main(global: &Global, arguments: &Arguments) -> Outcome {
    let mut program = Cli::command();
    // Gives the commands the options that all of them take.
    program.build();
    let page = match &arguments.command {
        None => program,
        Some(name) => of(&program, name)?,
    };
    let mut text = Vec::new();
    Man::new(page).render(&mut text)?;
    Output::of(global).text(&String::from_utf8_lossy(&text))?;
    Ok(ExitCode::SUCCESS)
}

fn of(program: &Command, name: &str) -> Result<Command, CliError> {
    let found = program.get_subcommands().find(|command| command.get_name() == name && !command.is_hide_set());
    let found =
        found.ok_or_else(|| CliError::failed(format!("there is no command `{name}`")).hint("countersign help"))?;
    // Once built, its display name is `countersign-approve`, which is what the page is called.
    Ok(found.clone())
}
