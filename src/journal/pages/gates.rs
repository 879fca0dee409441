//! What a change does to the settings that decide who must approve.

use std::fmt::Display;

use crate::model::{DeployMode, Drift, Gates, Window};

/// A gate setting that differs between what a change leaves and what it enters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateChange {
    /// The setting's name, as people write it.
    pub setting: &'static str,
    /// What it was, in words; not escaped.
    pub old: String,
    /// What it becomes, in words; not escaped.
    pub new: String,
}

/// The gate settings that a change touches, as written: what is left to the policy's `defaults` says so.
///
/// A new environment (`leaves` is `None`) leaves the policy's defaults. A destroy (`enters` is `None`) enters nothing:
/// it is judged by what it leaves alone, and there is nothing to show.
pub fn gate_changes(leaves: Option<&Gates>, enters: Option<&Gates>) -> Vec<GateChange> {
    let Some(enters) = enters else { return Vec::new() };
    let nothing = Gates::default();
    let leaves = leaves.unwrap_or(&nothing);
    let default = || "the policy's default".to_owned();
    let require = |gates: &Gates| gates.require_approval.map_or_else(default, |required| required.to_string());
    let rulesets = |gates: &Gates| gates.rulesets.as_ref().map_or_else(default, names_or_none);
    let customer = |gates: &Gates| gates.customer_email.clone().unwrap_or_else(|| "none".to_owned());
    let automatic = |gates: &Gates| names_or_none(&gates.auto_approve);
    let imports = |gates: &Gates| names_or_none(&gates.imports);
    let mode = |gates: &Gates| match gates.deploy.mode {
        DeployMode::Auto => "auto".to_owned(),
        DeployMode::Manual => "manual".to_owned(),
    };
    let windows = |gates: &Gates| {
        let all: Vec<String> = gates.deploy.windows.iter().map(Window::in_words).collect();
        if all.is_empty() { "none".to_owned() } else { all.join("; ") }
    };
    let drift = |gates: &Gates| gates.drift.as_ref().map_or_else(|| "none".to_owned(), Drift::in_words);
    let change = |setting, in_words: &dyn Fn(&Gates) -> String, changed: bool| {
        changed.then(|| GateChange { setting, old: in_words(leaves), new: in_words(enters) })
    };
    [
        change("requireApproval", &require, leaves.require_approval != enters.require_approval),
        change("rulesets", &rulesets, leaves.rulesets != enters.rulesets),
        change("customerEmail", &customer, leaves.customer_email != enters.customer_email),
        change("deploy.mode", &mode, leaves.deploy.mode != enters.deploy.mode),
        change("deploy.windows", &windows, leaves.deploy.windows != enters.deploy.windows),
        change("drift", &drift, leaves.drift != enters.drift),
        change("autoApprove", &automatic, leaves.auto_approve != enters.auto_approve),
        change("imports", &imports, leaves.imports != enters.imports),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn names_or_none<'a, T: Display + 'a>(names: impl IntoIterator<Item = &'a T>) -> String {
    let names: Vec<String> = names.into_iter().map(ToString::to_string).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
