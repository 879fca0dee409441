//! The pages people read on the journal branch, as pure functions of what the journal says.
//!
//! Nothing here reads a clock: every time comes from an event and is absolute, so that no page changes unless something
//! happened. `plan.md` and `plan.diff` are linked to, and must be there, whenever [`super::Status::plan`] is. Whatever comes from the repository goes through [`crate::text`] before it is shown.

mod commit;
mod diff;
mod draft;
mod environment;
mod gates;
mod overview;
mod plan;
mod preview;
mod statements;
mod words;

pub use commit::commit_message;
pub(crate) use commit::told;
pub use diff::plan_diff;
pub use environment::environment_page;
pub use gates::{GateChange, gate_changes};
pub use overview::{Overview, root_page};
pub use plan::{PlanPage, plan_page};
pub use preview::is_cut;
pub(crate) use words::{count, deployment, list, minute, purpose, said};

use super::Layout;
use crate::digest::Digest;
use crate::model::EnvironmentName;

/// The folder of an environment on the journal, without a slash at either end.
pub fn environment_folder(layout: Layout, name: &EnvironmentName) -> String {
    match layout {
        Layout::Flat => format!("environments/{name}"),
        Layout::Sharded => format!("environments/{}/{name}", &Digest::of(name.as_str()).to_hex()[..2]),
    }
}

#[cfg(test)]
pub(crate) mod tests;
