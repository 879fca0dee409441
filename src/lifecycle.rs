//! The state machine: what the journal says happened, folded; what a new statement means; what comes next.
//!
//! The daemon and the offline proof run the same functions over the same events.

mod admit;
mod environment;
mod gate;
mod judged;
mod missing;
mod phase;
mod state;

pub use admit::{Facts, admit, merge_command};
pub use environment::{Applied, Deployment, EnvironmentState, HistoryRow, OpenPlan};
pub use gate::permit;
pub use judged::{JudgeError, gates_at, judge_plan};
pub use missing::missing_records;
pub use phase::{Phase, WaitingOn, phase_of};
pub use state::{FoldError, PolicyInForce, Start, State};
