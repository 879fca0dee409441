//! What people write: environments, policy, people, teams, rulesets and statements.
//!
//! Raw types only deserialize; the types here are made by the functions that check, so that holding one means it was
//! checked. Reading is strict (see [`yaml`]) and reports every problem it can find, each with file, line, column and
//! field path.

pub mod environment;
pub mod glob;
pub mod governance;
pub mod name;
pub mod problem;
pub mod statement;
pub mod yaml;

pub use environment::{Environment, Files, Gates, Service, ServiceKind};
pub use glob::Glob;
pub use governance::{
    Approvers, Binding, EvidenceKind, Governance, Minimum, Permission, Person, PersonKey, Policy, PolicyAction,
    PublicKey, Rule, Ruleset, Team,
};
pub use name::{EnvironmentName, PersonName, RoleName, RuleName, RulesetName, ServiceName, TeamName};
pub use problem::{Problem, Problems};
pub use statement::{Approval, ApprovalVerdict, Maker, Request, Statement};
