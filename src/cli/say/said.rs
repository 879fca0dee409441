//! Statements that were made: signed, and told.

use std::ffi::OsStr;
use std::process::ExitCode;

use serde::Serialize;

use super::super::clone::{RECORDS, passed_on};
use super::super::error::from_error;
use super::super::journal::JournalTip;
use super::super::publish::Published;
use super::super::weigh::noun;
use super::super::{CliError, Outcome};
use super::Voice;
use super::subject::Subject;
use crate::digest::{PlanId, StatementId};
use crate::evidence::signature::verify;
use crate::evidence::statements::STATEMENT_NAMESPACE;
use crate::git::keygen;
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
            deploy: false,
            reason: self.saying.reason.clone(),
            acknowledge: self.acknowledge.to_vec(),
            maker: Maker::Signed {
                by: self.person.name.clone(),
                previous: subject.chain.last,
                signature: String::new(),
            },
        };
        let payload = approval.signed_bytes();
        let program = OsStr::new(&self.signer.program);
        let made = keygen::sign(program, &self.signer.key, STATEMENT_NAMESPACE, &payload, &mut passed_on);
        let pem = made.map_err(|error| from_error(&error))?;
        // Gate: what was made is what the daemon will accept, by the key that it knows.
        let made_by = verify(&pem, STATEMENT_NAMESPACE, &payload).map_err(|error| {
            CliError::failed(format!("`{}` made a signature that does not hold: {error}", self.signer.program))
        })?;
        if made_by != self.signer.public {
            return Err(CliError::failed("the signature was made by another key than the one named"));
        }
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
        let Published { commit, branch, tries, protected } = published;
        if self.output.is_json() {
            let statements: Vec<Said> = said.into_iter().map(|(said, _)| said).collect();
            let document = serde_json::json!({
                "commit": commit, "branch": branch, "tries": tries, "statements": statements,
                "refused": messages(refused),
            });
            self.output.json(&document)?;
            return Ok(code(refused));
        }
        let mut notes = Vec::new();
        if let Some(reason) = protected {
            notes.push(format!("{} refused: {}", self.clone.branch, escape(reason)));
        }
        let races = tries - 1 - usize::from(protected.is_some());
        if races > 0 {
            notes.push(format!("{} try: someone pushed in between", ordinal(races + 1)));
        }
        let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join("; ")) };
        self.output.text(&format!("signed · committed {} on {branch} · pushed{notes}\n", commit.short()))?;
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

fn ordinal(n: usize) -> String {
    match n {
        2 => "second".to_owned(),
        3 => "third".to_owned(),
        n => format!("{n}th"),
    }
}
