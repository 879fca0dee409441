//! `countersign edit`: an environment's file in the person's editor, committed and pushed.

use std::cell::RefCell;
use std::io::Write as _;
use std::process::Command;

use super::change::{Change, change};
use super::clone::{ConfigClone, failed};
use super::{CliError, Global, Outcome, environment_name};
use crate::model::Environment;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  countersign edit acme-prod\n  countersign edit acme-prod --draft -m \"more room for Monday\"\n\nThe file is the remote's, as it is now; the editor is git's. Neither work tree nor local branch is touched.\nExit code 0: pushed, or nothing was changed; 1: it would not be valid, or a draft is in the way; 2: it could not be done."
)]
pub struct Arguments {
    /// The environment
    #[arg(value_name = "ENV")]
    environment: String,
    #[command(flatten)]
    change: Change,
}

pub fn main(global: &Global, arguments: &Arguments) -> Outcome {
    let name = environment_name(&arguments.environment)?;
    let clone = ConfigClone::find(global)?;
    // What the editor was given, and what came out of it.
    let session: RefCell<Option<(String, String)>> = RefCell::new(None);
    change(global, &arguments.change, &name, &format!("{name}: edited"), &|file, text| {
        if let Some((given, made)) = session.borrow().as_ref() {
            if text == given || text == made {
                return Ok(made.clone());
            }
            let kept = keep(made)?;
            return Err(CliError::refused(format!("somebody changed {file} while you edited it; nothing was pushed"))
                .hint(format!("your text is in {kept}: countersign edit {name}")));
        }
        let made = in_editor(&clone, text)?;
        if let Err(problems) = Environment::read(file, name.as_str(), made.as_bytes()) {
            let kept = keep(&made)?;
            return Err(CliError::problems(&problems, 1).hint(format!("nothing was pushed; your text is in {kept}")));
        }
        *session.borrow_mut() = Some((text.to_owned(), made.clone()));
        Ok(made)
    })
}

fn in_editor(clone: &ConfigClone, text: &str) -> Result<String, CliError> {
    let editor = clone.git().editor().map_err(failed)?;
    let mut file = tempfile::Builder::new().prefix("environment-").suffix(".yaml").tempfile()?;
    file.write_all(text.as_bytes())?;
    file.flush()?;
    // As git starts it: the editor may be a command line.
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{editor} \"$@\"")).arg(&editor).arg(file.path());
    let status =
        command.status().map_err(|error| CliError::failed(format!("the editor cannot be started: {error}")))?;
    if !status.success() {
        return Err(CliError::failed(format!("the editor `{editor}` ended with an error; nothing was changed"))
            .hint("another editor: git config core.editor NAME"));
    }
    Ok(std::fs::read_to_string(file.path())?)
}

/// Keeps what somebody wrote, and says where.
fn keep(text: &str) -> Result<String, CliError> {
    let mut file = tempfile::Builder::new().prefix("environment-").suffix(".yaml").tempfile()?;
    file.write_all(text.as_bytes())?;
    let (_, path) = file.keep().map_err(|error| CliError::failed(error.to_string()))?;
    Ok(path.display().to_string())
}
