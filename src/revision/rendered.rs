//! The files of a service as they will be set: where it says so, templates become what they make of the values.

use std::sync::Arc;

use super::InputFile;
use super::template::{Budget, LARGEST, TemplateError, render};
use crate::digest::Digest;
use crate::model::{Problem, Values};
use crate::object::{ObjectError, Objects};

/// Renders every file of a service, whose paths are below `source`, a folder from the root folder.
///
/// # Errors
/// Outside: where a file cannot be read. Inside: what is wrong with each template.
pub(super) fn rendered(
    objects: &dyn Objects,
    source: &str,
    files: &[InputFile],
    values: &Values,
    budget: &mut Budget,
) -> Result<Result<Vec<InputFile>, Vec<Problem>>, ObjectError> {
    let mut made = Vec::with_capacity(files.len());
    let mut problems = Vec::new();
    for file in files {
        let written = if file.size > LARGEST as u64 {
            let message = format!("has {} bytes, and a template may have {LARGEST}", file.size);
            Err(TemplateError { line: 1, column: 1, message })
        } else {
            render(&objects.blob(file.blob)?, values, budget)
        };
        match written {
            Ok(bytes) => made.push(InputFile {
                sha256: Digest::of(&bytes),
                size: bytes.len() as u64,
                rendered: Some(Arc::from(bytes)),
                ..file.clone()
            }),
            Err(TemplateError { line, column, message }) => problems.push(Problem {
                line: Some(line),
                column: Some(column),
                ..Problem::of_file(format!("{source}/{}", file.path), message)
            }),
        }
    }
    Ok(if problems.is_empty() { Ok(made) } else { Err(problems) })
}
