//! Statements that were made: signed, and told.

use std::process::ExitCode;

use serde::Serialize;

use super::super::clone::{ConfigClone, RECORDS};
use super::super::journal::JournalTip;
use super::super::publish::Published;
use super::super::weigh::noun;
use super::super::{CliError, Outcome};
use super::Voice;
use super::subject::Subject;
use crate::digest::{PlanId, StatementId};
use crate::model::{Approval, ApprovalVerdict, EnvironmentName, Maker, PersonName, Statement};
use crate::revision::resolve::below;
use crate::text::escape;

/// A statement that was made.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Said {
    pub(super) environment: EnvironmentName,
    pub(super) plan: PlanId,
    pub(super) verdict: ApprovalVerdict,
    pub(super) digest: StatementId,
    pub(super) by: PersonName,
    pub(super) path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) record: Option<String>,
}

impl Voice<'_> {
    pub(super) fn sign(&self, subject: &Subject) -> Result<(Said, String), CliError> {
        let mut approval = Approval {
            repository: subject.status.repository,
            environment: subject.status.environment.clone(),
            plan: subject.plan,
            verdict: self.verdict,
            deploy: subject.deploys,
            reason: self.saying.reason.clone(),
            acknowledge: self.acknowledge.to_vec(),
            maker: Maker::Signed {
                by: self.person.name.clone(),
                previous: subject.chain.last,
                signature: String::new(),
            },
        };
        let pem = self.signer.sign(&approval.signed_bytes())?;
        if let Maker::Signed { signature, .. } = &mut approval.maker {
            *signature = pem;
        }
        let digest = approval.digest();
        let file = format!("{}-{}.yaml", self.person.name, digest.short());
        let path = format!("approvals/{}/{}/{file}", subject.status.environment, subject.plan.short());
        let yaml = approval.to_yaml();
        match Statement::read(&path, yaml.as_bytes()) {
            Ok(Statement::Approval(read)) if read == approval => {}
            Err(problems) => return Err(CliError::problems(&problems, 2)),
            Ok(_) => return Err(CliError::failed("the record does not read back as it was written")),
        }
        let said = Said {
            environment: subject.status.environment.clone(),
            plan: subject.plan,
            verdict: self.verdict,
            digest,
            by: self.person.name.clone(),
            path,
            record: None,
        };
        Ok((said, yaml))
    }

    pub(super) fn print_records(
        &self,
        journal: &JournalTip<'_>,
        said: Vec<(Said, String)>,
        refused: &[CliError],
    ) -> Outcome {
        let root = &journal.tips().root;
        if self.output.is_json() {
            let said = said.into_iter().map(|(said, yaml)| Said { record: Some(yaml), ..said });
            self.output.json(&serde_json::json!({
                "statements": said.collect::<Vec<_>>(), "refused": messages(refused),
            }))?;
            return Ok(code(refused));
        }
        for (said, yaml) in &said {
            self.output.text(&format!("# {}\n{yaml}", below(root, &said.path)))?;
        }
        eprintln!(
            "commit it at the path in its first line, on {} or {}; it proves itself, whoever commits it",
            self.clone.branch, RECORDS
        );
        Ok(code(refused))
    }

    pub(super) fn print(&self, published: &Published, said: Vec<(Said, String)>, refused: &[CliError]) -> Outcome {
        let Published { commit, branch, tries, .. } = published;
        if self.output.is_json() {
            let statements: Vec<Said> = said.into_iter().map(|(said, _)| said).collect();
            let document = serde_json::json!({
                "commit": commit, "branch": branch, "tries": tries, "statements": statements,
                "refused": messages(refused),
            });
            self.output.json(&document)?;
            return Ok(code(refused));
        }
        self.output.text(&pushed(self.clone, published))?;
        let names: Vec<&EnvironmentName> = said.iter().map(|(said, _)| &said.environment).collect();
        let noun = noun(self.verdict);
        self.output.text(&match names.as_slice() {
            [only] => format!("the daemon judges your {noun} when it looks next: countersign status {only}\n"),
            _ => format!("the daemon judges your {noun}s when it looks next: countersign status\n"),
        })?;
        Ok(code(refused))
    }
}

/// No, where anything that was meant would not have counted.
fn code(refused: &[CliError]) -> ExitCode {
    if refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn messages(refused: &[CliError]) -> Vec<String> {
    refused.iter().map(CliError::message).collect()
}

/// `signed · committed 4be01aa on main · pushed`, with what was in the way.
pub fn pushed(clone: &ConfigClone, published: &Published) -> String {
    let Published { commit, branch, tries, protected } = published;
    let mut notes = Vec::new();
    if let Some(reason) = protected {
        notes.push(format!("{} refused: {}", clone.branch, escape(reason)));
    }
    let races = tries - 1 - usize::from(protected.is_some());
    if races > 0 {
        notes.push(format!("{} try: someone pushed in between", ordinal(races + 1)));
    }
    let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join("; ")) };
    format!("signed · committed {} on {branch} · pushed{notes}\n", commit.short())
}

fn ordinal(n: usize) -> String {
    match n {
        2 => "second".to_owned(),
        3 => "third".to_owned(),
        n => format!("{n}th"),
    }
}
