//! What people write: environments, policy, people, teams, rulesets and statements.
//!
//! Raw types only deserialize; the types here are made by the functions that check, so that holding one means it was
//! checked. Reading is strict (see [`yaml`]) and reports every problem it can find, each with file, line, column and
//! field path.

pub mod duration;
mod email;
pub mod environment;
pub(crate) mod folder;
pub mod glob;
pub mod governance;
pub(crate) mod header;
mod instant;
pub mod name;
pub mod problem;
pub mod statement;
pub mod values;
pub mod yaml;

pub use duration::Duration;
pub use environment::{
    Deploy, DeployMode, Drift, Environment, Files, Gates, Import, Schedule, Service, ServiceKind, Window, WindowKind,
};
pub use glob::Glob;
pub use governance::{
    Approvers, Binding, EvidenceKind, Governance, Minimum, Permission, Person, PersonKey, Policy, PolicyAction,
    PublicKey, Rule, Ruleset, Team,
};
pub use name::{EnvironmentName, PersonName, RepositoryName, RoleName, RuleName, RulesetName, ServiceName, TeamName};
pub use problem::{Problem, Problems};
pub use statement::{Approval, ApprovalVerdict, Maker, Request, RequestAction, Statement};
pub use values::{Value, Values};
