//! `countersign completions`: for shells, from the same definition as the command line.

use std::process::ExitCode;

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use super::{Cli, Global, Outcome, Output};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  countersign completions bash > ~/.local/share/bash-completion/completions/countersign\n  countersign completions fish > ~/.config/fish/completions/countersign.fish\n  countersign completions zsh > \"${fpath[1]}/_countersign\""
)]
pub struct Arguments {
    /// The shell
    shell: Shell,
}

pub fn main(global: &Global, arguments: &Arguments) -> Outcome {
    let mut script = Vec::new();
    generate(arguments.shell, &mut Cli::command(), "countersign", &mut script);
    Output::of(global).text(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
