//! `countersign demo`: a vendor, a customer and the daemon, on this machine, in one go.

mod files;
mod stage;
mod story;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::output::Tone;
use super::scaffold::tools::check;
use super::scaffold::{is_free, place, shell_word, typed};
use super::{CliError, Global, Outcome, Output};
use crate::git::url::RemoteUrl;
use stage::Stage;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  countersign demo\n  countersign demo /tmp/somewhere\n\nNeeds git and ssh-keygen, and no network. Everything is done with real programs in the new folder, which stays there to play with.\n\nExit code 0: the change was applied."
)]
pub struct Arguments {
    /// The folder to make; it must not exist, or be empty
    #[arg(value_name = "DIR", default_value = "countersign-demo")]
    folder: PathBuf,
}

pub fn main(global: &Global, arguments: &Arguments) -> Outcome {
    check()?;
    let typed = typed(&global.directory, &arguments.folder);
    let folder = place(&typed)?;
    if !is_free(&folder) {
        return Err(CliError::failed(format!("`{}` exists and is not empty", typed.display()))
            .hint("choose another folder: countersign demo /tmp/another-demo"));
    }
    // The daemon takes spaces too, but the story prints commands to be typed.
    if folder.to_str().is_none_or(|text| text.contains(' ') || text.parse::<RemoteUrl>().is_err()) {
        return Err(CliError::failed(format!(
            "the path `{}` has spaces or signs in it that git addresses cannot have",
            folder.display()
        ))
        .hint("choose another folder: countersign demo /tmp/countersign-demo"));
    }
    let output = Output::of(global);
    let stage = Stage::build(&folder)?;
    let told = Narrator { output, stage: &stage };
    story::tell(&told)?;
    end(&told, &typed)?;
    if output.is_json() {
        output.json(&serde_json::json!({ "directory": folder, "applied": true }))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Tells what happens, and makes it happen.
struct Narrator<'a> {
    output: Output,
    stage: &'a Stage,
}

impl Narrator<'_> {
    /// A line of the story.
    fn say(&self, text: &str) -> Result<(), CliError> {
        if self.output.is_json() { Ok(()) } else { self.output.text(&format!("{text}\n")) }
    }

    /// A title, with an empty line before it.
    fn step(&self, text: &str) -> Result<(), CliError> {
        self.say(&format!("\n{}", self.output.paint(Tone::Strong, text)))
    }

    /// Shows a command and runs it, as `who` in their clone, or in the demo's folder where `who` is empty. Gives what
    /// it printed.
    fn run(&self, who: &str, command: &str) -> Result<String, CliError> {
        let prompt = self.output.paint(Tone::Faint, &format!("{who}$"));
        self.say(&format!("  {prompt} {command}"))?;
        self.stage.shell(who, command)
    }

    /// What came of it.
    fn show(&self, text: &str) -> Result<(), CliError> {
        text.lines().try_for_each(|line| self.say(format!("    {line}").trim_end()))
    }
}

/// Where everything lies, and what to try next.
fn end(told: &Narrator<'_>, typed: &Path) -> Result<(), CliError> {
    let typed = shell_word(&typed.display().to_string());
    told.step(&format!(
        "Everything is in {typed}: remote.git, clones of victor and carla, keys, daemon, and srv with what is applied."
    ))?;
    told.say(&format!("Victor's second change still waits. To go on: cd {typed} && . ./env.sh"))?;
    told.say("  1. see it and approve it as carla: countersign -C carla approve acme-prod")?;
    told.say("  2. or say no:                      countersign -C carla reject acme-prod -m 'not this week'")?;
    told.say("  3. change or delete a file in victor/environments/acme-prod/config, commit and push")?;
    told.say(&format!("After each of them, the daemon: {}", story::TICK))
}
