//! `countersign set`: one value of an environment, changed in its file, committed and pushed.

use serde_json::Value;

use super::change::{Change, change};
use super::layout::{Step, candidates, path, set};
use super::{CliError, Global, Outcome, environment_name};
use crate::model::{Environment, EnvironmentName};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  countersign set acme-prod services[name=config].target /srv/acme/v2\n  countersign set acme-prod requireApproval true\n  countersign set acme-prod rulesets '[standard, customer]'\n  countersign set acme-prod values.version 1.10 --string\n  countersign set acme-prod values.replicas 3 --draft -m \"more room for Monday\"\n\nPATH leads from `spec` (or names it): a field after each `.`, an item of a list as [0] or [name=config], a field with\ndots in its name as [\"a.b\"]. Comments, order and quotes stay. Neither work tree nor local branch is touched.\nExit code 0: pushed, or it was so already; 1: it would not be valid, or a draft is in the way; 2: it could not be done."
)]
pub struct Arguments {
    /// The environment
    #[arg(value_name = "ENV")]
    environment: String,
    /// Where: services[name=config].target
    #[arg(value_name = "PATH")]
    path: String,
    /// What, as YAML
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    value: String,
    /// VALUE is text, whatever it looks like
    #[arg(long)]
    string: bool,
    #[command(flatten)]
    change: Change,
}

pub fn main(global: &Global, arguments: &Arguments) -> Outcome {
    let name = environment_name(&arguments.environment)?;
    let mut steps = path(&arguments.path).map_err(CliError::failed)?;
    if !matches!(&steps[0], Step::Field(first) if ["apiVersion", "kind", "metadata", "spec"].contains(&first.as_str()))
    {
        steps.insert(0, Step::Field("spec".to_owned()));
    }
    let value = if arguments.string {
        Value::String(arguments.value.clone())
    } else {
        serde_saphyr::from_str(&arguments.value).map_err(|error| {
            CliError::failed(format!("`{}` is no YAML: {error}", arguments.value)).hint("for text: --string")
        })?
    };
    let told = format!("{name}: {} is {}", arguments.path, arguments.value);
    change(global, &arguments.change, &name, &told, &|file, text| {
        edited(&name, file, text, &steps, &value, &arguments.path)
    })
}

/// What helps where the result would not be valid: values are not beside the settings, but below `values`.
fn meant(name: &EnvironmentName, before: &Value, steps: &[Step], shown: &str) -> String {
    match steps {
        [Step::Field(spec), Step::Field(first), ..]
            if spec == "spec" && before["spec"]["values"].get(first).is_some() =>
        {
            format!("countersign set {name} values.{shown} VALUE")
        }
        _ => "countersign schema Environment shows every field".to_owned(),
    }
}

/// The file with the value in it, and nothing else changed.
pub(super) fn edited(
    name: &EnvironmentName,
    file: &str,
    text: &str,
    steps: &[Step],
    value: &Value,
    shown: &str,
) -> Result<String, CliError> {
    let wrong = |what: String| CliError::failed(format!("{name}: {shown}: {what}"));
    let read = |text: &str| serde_saphyr::from_str::<Value>(text);
    let before = read(text).map_err(|error| wrong(format!("{file} cannot be read: {error}")))?;
    let mut intended = before.clone();
    set(&mut intended, steps, value).map_err(wrong)?;
    if intended == before {
        return Ok(text.to_owned());
    }
    let mut problems = None;
    for candidate in candidates(text, steps, value).map_err(wrong)? {
        // Gate: the text says what was meant, and nothing else has changed.
        if read(&candidate).ok().as_ref() != Some(&intended) {
            continue;
        }
        // Gate: and the daemon reads it so too.
        match Environment::read(file, name.as_str(), candidate.as_bytes()) {
            Ok(_) => return Ok(candidate),
            Err(found) => problems = Some(found),
        }
    }
    Err(match problems {
        Some(problems) => CliError::problems(&problems, 1).hint(meant(name, &before, steps, shown)),
        None => wrong("it cannot be written there without changing something else".to_owned())
            .hint(format!("countersign edit {name}")),
    })
}
