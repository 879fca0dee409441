//! What the requests share: look where the environment stands, say before signing whether it would count, sign, publish.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;
use serde_json::json;

use super::chain::last_word;
use super::clone::{ConfigClone, Tips};
use super::journal::JournalTip;
use super::me::Signer;
use super::publish::{Publication, Records, publish_as};
use super::say::{check_plan, pushed};
use super::weigh::signer_in_policy;
use super::{CliError, Global, Outcome, Output};
use crate::digest::StatementId;
use crate::git::is_ref_name;
use crate::journal::pages::list;
use crate::journal::{Status, StatusPlan};
use crate::lifecycle::permission_for;
use crate::model::{EnvironmentName, Governance, Maker, Person, PersonName, Request, RequestAction, Statement};
use crate::object::Edit;
use crate::reconcile::{Clock as _, SystemClock};
use crate::revision::resolve::below;

/// The options that every request takes.
#[derive(Debug, clap::Args)]
pub struct Asking {
    /// The environment, or `governance`
    #[arg(value_name = "ENV")]
    environment: String,
    /// Why, for those who read the history
    #[arg(short = 'm', long = "message", value_name = "REASON", default_value = "", hide_default_value = true)]
    pub reason: String,
    /// The SSH key to sign with; git's user.signingKey if left out
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Push to a new branch instead, for a pull request
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
    /// Sign, and print the record instead of pushing it
    #[arg(long)]
    no_push: bool,
}

/// What is asked for, once it is known where the environment stands.
pub struct Asked {
    /// The action with its parameters.
    pub action: RequestAction,
    /// What it does, in a sentence or two.
    pub does: String,
    /// What else the commit changes.
    pub edits: BTreeMap<String, Edit>,
}

/// What a request is made from.
pub struct Scene<'a> {
    /// Where the environment stands.
    pub status: &'a Status,
    /// The policy in force.
    pub governance: &'a Governance,
    /// Who asks.
    pub person: &'a Person,
    /// The clone.
    pub clone: &'a ConfigClone,
    /// What was fetched.
    pub tips: &'a Tips,
}

impl Scene<'_> {
    /// Who could do it beside the person who asks.
    pub fn others(&self, action: &RequestAction) -> String {
        let name = &self.status.environment;
        let may = permission_for(action).map(|permission| self.governance.who_may(permission, name));
        let others: Vec<PersonName> = may.unwrap_or_default().into_iter().filter(|p| *p != self.person.name).collect();
        match others.as_slice() {
            [] => format!("nobody else can either: countersign status {name}"),
            people => format!("{} can: countersign status {name}", list(people, "or", 10)),
        }
    }

    /// The number of the last deployment.
    pub fn number(&self) -> Option<u64> {
        self.status.applied.map(|base| base.number)
    }

    /// The plan that waits; where one is wanted, it must be that.
    pub fn plan(&self, wanted: Option<&str>) -> Result<&StatusPlan, CliError> {
        let Some(plan) = &self.status.plan else {
            return Err(self.objection(format!("no plan waits: it is {}", self.status.phase)));
        };
        if let Some(wanted) = wanted {
            check_plan(wanted, &self.status.environment, plan.digest)?;
        }
        Ok(plan)
    }

    /// The answer that it would not count.
    pub fn objection(&self, why: impl std::fmt::Display) -> CliError {
        let name = &self.status.environment;
        CliError::refused(format!("{name}: your request would not count: {why}"))
            .hint(format!("countersign status {name}"))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    environment: EnvironmentName,
    request: RequestAction,
    digest: StatementId,
    by: PersonName,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<String>,
}

/// Asks for what `what` makes of the scene.
pub fn ask(global: &Global, asking: &Asking, what: &dyn Fn(&Scene<'_>) -> Result<Asked, CliError>) -> Outcome {
    let output = Output::of(global);
    if let Some(branch) = asking.branch.as_deref().filter(|name| !is_ref_name(&format!("refs/heads/{name}"))) {
        return Err(CliError::failed(format!("--branch: `{branch}` is no name of a branch")));
    }
    let name = super::environment_name(&asking.environment)?;
    let clone = ConfigClone::find(global)?;
    let journal = JournalTip::open(&clone, clone.fetch()?)?;
    let start = clone.start(journal.tips().journal)?;
    clone.check_names(&start.start, journal.tips())?;
    let signer = Signer::find(global, &clone, asking.key.as_deref())?;
    let person = signer_in_policy(&signer, &journal.governance, SystemClock.now())?;
    let status = journal.known(&name)?;
    if status.repository != start.repository {
        let (found, ours) = (status.repository, start.repository);
        return Err(CliError::failed(format!("the status is of repository {found}, the journal of {ours}")));
    }
    let scene = Scene { status: &status, governance: &journal.governance, person, clone: &clone, tips: journal.tips() };
    let Asked { action, does, edits } = asked(&scene, what)?;
    if asking.no_push && !edits.is_empty() {
        return Err(CliError::failed("--no-push: the same commit must put the folder back, and a record alone cannot")
            .hint("push it to a branch of its own: --branch NAME"));
    }
    let told = format!("{does}\nYou are {} ({}).\n", person.name, signer.shown());
    if output.is_json() || asking.no_push {
        eprint!("{told}");
    } else {
        output.text(&told)?;
    }
    let previous = last_word(&journal, clone.objects(), &status, &person.name)?;
    let request = sign(&signer, &status, person, &action, &asking.reason, previous)?;
    let digest = request.digest();
    let path = format!("requests/{name}/{}-{}-{}.yaml", person.name, action.name(), digest.short());
    let yaml = request.to_yaml();
    let said = |record| Said {
        environment: name.clone(),
        request: action.clone(),
        digest,
        by: person.name.clone(),
        path: path.clone(),
        record,
    };
    if asking.no_push {
        if output.is_json() {
            output.json(&json!({ "statements": [said(Some(yaml))] }))?;
        } else {
            output.text(&format!("# {}\n{yaml}", below(&journal.tips().root, &path)))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let records = Records::from([(below(&journal.tips().root, &path), yaml.into_bytes())]);
    let still = |tips: &Tips| -> Result<(), CliError> {
        let journal = JournalTip::open(&clone, tips.clone())?;
        let status = journal.known(&name)?;
        let scene = Scene { status: &status, governance: &journal.governance, person, clone: &clone, tips };
        let now = asked(&scene, what)?;
        if now.action != action || last_word(&journal, clone.objects(), &status, &person.name)? != previous {
            return Err(CliError::refused(format!("{name} changed in between; nothing was recorded"))
                .hint("run the command again"));
        }
        Ok(())
    };
    let mut message = format!("{name}: {} asks to {}", person.name, action.name());
    if !asking.reason.is_empty() {
        message = format!("{message}\n\n{}", asking.reason);
    }
    let publication =
        Publication { records: &records, edits: &edits, branch: asking.branch.as_deref(), message: &message };
    let published = publish_as(&clone, journal.tips(), &publication, &still)?;
    if output.is_json() {
        let document = json!({
            "commit": published.commit, "branch": published.branch, "tries": published.tries,
            "statements": [said(None)],
        });
        output.json(&document)?;
        return Ok(ExitCode::SUCCESS);
    }
    output.text(&pushed(&clone, &published))?;
    output.text(&match &asking.branch {
        None => format!("the daemon judges your request when it looks next: countersign status {name}\n"),
        Some(branch) => format!("it counts once {branch} is merged into {}\n", clone.branch),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Gate: who may not ask is told so before anything is signed.
fn asked(scene: &Scene<'_>, what: &dyn Fn(&Scene<'_>) -> Result<Asked, CliError>) -> Result<Asked, CliError> {
    let asked = what(scene)?;
    let name = &scene.status.environment;
    if let Some(permission) = permission_for(&asked.action)
        && !scene.governance.may(&scene.person.name, permission, name)
    {
        let why = format!("{name}: your request would not count: you lack `{}` there", permission.name());
        return Err(CliError::refused(why).hint(scene.others(&asked.action)));
    }
    Ok(asked)
}

fn sign(
    signer: &Signer,
    status: &Status,
    person: &Person,
    action: &RequestAction,
    reason: &str,
    previous: Option<StatementId>,
) -> Result<Request, CliError> {
    let mut request = Request {
        repository: status.repository,
        environment: status.environment.clone(),
        action: action.clone(),
        reason: reason.to_owned(),
        maker: Maker::Signed { by: person.name.clone(), previous, signature: String::new() },
    };
    let pem = signer.sign(&request.signed_bytes())?;
    if let Maker::Signed { signature, .. } = &mut request.maker {
        *signature = pem;
    }
    match Statement::read("the record", request.to_yaml().as_bytes()) {
        Ok(Statement::Request(read)) if read == request => Ok(request),
        Err(problems) => Err(CliError::problems(&problems, 2)),
        Ok(_) => Err(CliError::failed("the record does not read back as it was written")),
    }
}
