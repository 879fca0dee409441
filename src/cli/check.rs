//! `countersign run --check`: settings, key and remote, without writing anything.

use std::process::ExitCode;

use super::{Outcome, Output};
use crate::reconcile::Daemon;

pub fn check(daemon: &mut Daemon, output: Output) -> Outcome {
    let warnings = daemon.check()?;
    for warning in &warnings {
        eprintln!("warning: {}", crate::text::escape(warning));
    }
    if output.is_json() {
        output.json(&serde_json::json!({ "ok": true, "warnings": warnings }))?;
    } else {
        output.text("settings, key and remote are usable\n")?;
    }
    Ok(ExitCode::SUCCESS)
}
