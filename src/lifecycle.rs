//! The state machine: what the journal says happened, folded; what a new statement means; what comes next.
//!
//! The daemon and the offline proof run the same functions over the same events.

mod accepted;
mod admit;
mod claim;
mod correction;
mod damped;
mod draft;
mod drafted;
mod earlier;
mod environment;
mod found;
mod gate;
mod imports;
mod judged;
mod kind;
mod missing;
mod phase;
mod plans;
mod policy;
mod put_back;
pub mod ready;
mod redeploy;
pub mod refusals;
mod request;
mod state;

pub use accepted::{Accepted, accepted_in_words, gone, pinned_in_words};
pub use admit::{Facts, NOTHING_TO_START, admit, merge_command, permission_for};
pub use claim::{SETTLED, evidence_files, met, why_not};
pub use correction::{Correcting, Corrections, correctable, correction_held, permit_correction};
pub use damped::Damped;
pub use draft::{DRAFTS, DraftState, Drafted, draft_branch};
pub use drafted::{AsIfMerged, DraftCase, DraftWanted, as_if_merged, draft_wanted};
pub use environment::{Applied, Deployment, EnvironmentState, HistoryRow, OpenPlan};
pub use found::find_new;
pub use gate::{held, permit};
pub use judged::{JudgeError, draft_verdict_on, gates_at, judge_plan, verdict_on};
pub use kind::is_earlier;
pub use missing::missing_records;
pub use phase::{Phase, WaitingOn, phase_of, phase_of_change};
pub use plans::Plans;
pub use policy::{NextPolicy, PolicyWanted, policy_plan, policy_wanted};
pub use put_back::put_back;
pub use ready::ReadyRecord;
pub use state::{Alarm, Environments, FoldError, Index, PolicyInForce, Start, State, Targets, overlapping};
