//! Why a tick could not be finished.

use crate::digest::RevisionId;
use crate::git::RemoteError;
use crate::journal::JournalError;
use crate::lifecycle::{FoldError, JudgeError};
use crate::object::{Kind, ObjectError, Oid};

/// Why a tick could not be finished. Nothing was applied that is not on the journal.
#[derive(Debug, thiserror::Error)]
pub enum TickError {
    /// The remote is away or refuses.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The remote refused a push.
    #[error("the remote refused to update {reference}: {reason}")]
    Refused {
        /// The reference.
        reference: String,
        /// In its words.
        reason: String,
    },
    /// Somebody else was faster: read again.
    #[error("somebody else wrote to the journal meanwhile")]
    Conflict,
    /// The config branch is not there.
    #[error("the remote has no branch `{branch}`")]
    NoConfig {
        /// The branch.
        branch: String,
    },
    /// There is no journal, and nobody said that one may be started.
    #[error("the remote has no journal branch `{branch}`")]
    NoJournal {
        /// The branch.
        branch: String,
    },
    /// The policy in the config branch is not the one the operator pinned.
    #[error("the policy in governance/ is {}, but the settings pin {pinned}", found.map_or_else(|| "missing".to_owned(), |f| f.to_string()))]
    Pin {
        /// What is there.
        found: Option<RevisionId>,
        /// What was pinned.
        pinned: RevisionId,
    },
    /// Policy 1 cannot be read.
    #[error("policy 1 cannot be read: {0}")]
    Policy(String),
    /// History was rewritten.
    #[error("{branch} was rewritten: {what}")]
    Tampered {
        /// The branch.
        branch: String,
        /// What was found.
        what: String,
        /// What an operator may do about it, with the commands; or empty.
        way_out: String,
    },
    /// What the operator accepts is not there, or not for an operator to accept.
    #[error("{what}")]
    NotAccepted {
        /// Why not.
        what: String,
        /// What to do about it.
        hint: String,
    },
    /// The journal rests on another policy than the settings pin.
    #[error("the journal rests on policy {found}, but the settings pin {pinned}")]
    OtherPin {
        /// The policy that was pinned last on the journal.
        found: RevisionId,
        /// What the settings pin.
        pinned: RevisionId,
    },
    /// A branch is in the way of one that the daemon writes.
    #[error("branch `{branch}` (at {tip}) is in the way of `{wanted}`: git cannot have both")]
    InTheWay {
        /// The branch.
        branch: String,
        /// Where it is.
        tip: Oid,
        /// What it is in the way of.
        wanted: String,
    },
    /// What an entry of somebody else rests on is not here, so it cannot be proven.
    #[error("entry {commit} on {branch} cannot be proven from what is here: {what}")]
    Unproven {
        /// The journal's branch.
        branch: String,
        /// The entry.
        commit: Oid,
        /// What is missing.
        what: String,
    },
    /// The daemon's key is no journal key of the policy in force.
    #[error("the signing key {key} is not among the journalKeys of the policy in force")]
    ForeignKey {
        /// The key.
        key: String,
    },
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// An object cannot be read or written.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// A plan cannot be judged.
    #[error(transparent)]
    Judge(#[from] JudgeError),
    /// What this daemon was about to write does not follow from the journal: a defect, and nothing was written.
    #[error("refusing to write what the journal forbids: {0}")]
    Fold(#[from] FoldError),
    /// The state folder cannot be used.
    #[error("the state folder cannot be used: {0}")]
    Disk(#[from] std::io::Error),
    /// A commit could not be signed.
    #[error("cannot sign: {0}")]
    Sign(String),
    /// A document on the journal is not as this daemon writes it.
    #[error("the journal holds what cannot be read: {0}")]
    Unreadable(String),
    /// There are more environments than the operator allows.
    #[error("there are {found} environments, and the settings allow {most}")]
    TooMany {
        /// How many there are.
        found: usize,
        /// How many are allowed.
        most: usize,
    },
    /// Ticking never came to rest: a defect.
    #[error("still writing after {ticks} ticks without coming to rest; nothing more is done")]
    Restless {
        /// How many.
        ticks: usize,
    },
    /// More than one history fork was seen at once; the tip named is not what was expected.
    #[error("the remote moved {reference} to {} in the middle of a tick", found.map_or_else(|| "nothing".to_owned(), |f| f.short()))]
    Moved {
        /// The reference.
        reference: String,
        /// What is there.
        found: Option<Oid>,
    },
}

impl TickError {
    /// What to do about it: a command or an action, or empty.
    pub fn hint(&self) -> String {
        match self {
            Self::NoJournal { .. } => {
                "if this repository never had a journal: countersign run --start-journal".to_owned()
            }
            Self::Pin { .. } => {
                "check governance/, then put the output of `countersign trust` into spec.repositories[0].trust.policy"
                    .to_owned()
            }
            Self::ForeignKey { .. } => "name it in spec.journalKeys of governance/policy.yaml, by a change that is approved \
                                        and brought into force by a daemon whose key is named already"
                .to_owned(),
            Self::Tampered { way_out, .. } => {
                let look = "nothing is applied meanwhile; compare with your backups and with what people remember";
                match way_out.as_str() {
                    "" => look.to_owned(),
                    way_out => format!("{look}; then {way_out}"),
                }
            }
            Self::NotAccepted { hint, .. } => hint.clone(),
            Self::OtherPin { .. } => {
                "if this pin is older, take over the one on the journal once you know who brought it; if it is a new one, \
                 because the owners' keys are lost: countersign run --once --accept-history governance@COMMIT, where the \
                 commit is the head of the config branch"
                    .to_owned()
            }
            Self::InTheWay { branch, .. } => format!("git push REMOTE --delete {branch}"),
            Self::Object(ObjectError::Missing { kind: Kind::Commit, id }) => {
                format!("push it from a clone that has it: git push REMOTE {id}:refs/countersign/kept/{id}")
            }
            Self::TooMany { .. } => "raise spec.limits.environments in the settings".to_owned(),
            Self::Unproven { .. } => {
                "the next look may bring it; if it stays so, a branch was rewritten: push what is missing from a clone that \
                 has it (git push REMOTE COMMIT:refs/countersign/kept/COMMIT), and compare with `countersign verify`"
                    .to_owned()
            }
            Self::Policy(_) => "countersign validate".to_owned(),
            _ => String::new(),
        }
    }
}
