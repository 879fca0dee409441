//! `countersign schema`: JSON Schema of the documents, so that editors complete and check them.

use std::process::ExitCode;

use super::{CliError, Global, Outcome, Output};
use crate::schema::{KINDS, of, of_any};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  countersign schema > countersign.schema.json\n  countersign schema Environment\n  countersign schema Ruleset | jq .properties.spec.properties\n\nAn editor with a YAML language server takes it by a comment at the top of a file:\n  # yaml-language-server: $schema=../../countersign.schema.json\n\nIt is JSON with --output text too. A document that a schema takes may still be refused: countersign validate."
)]
pub struct Arguments {
    /// The kind of document; one schema for all of them if left out
    #[arg(value_name = "KIND", value_parser = clap::builder::PossibleValuesParser::new(KINDS), ignore_case = true)]
    kind: Option<String>,
}

pub fn main(global: &Global, arguments: &Arguments) -> Outcome {
    let schema = match &arguments.kind {
        None => of_any(),
        Some(kind) => {
            let known = KINDS.iter().find(|known| known.eq_ignore_ascii_case(kind));
            let schema = known.and_then(|kind| of(kind));
            schema.ok_or_else(|| CliError::failed(format!("`{kind}` is no kind of document")))?
        }
    };
    Output::of(global).json(&schema)?;
    Ok(ExitCode::SUCCESS)
}
