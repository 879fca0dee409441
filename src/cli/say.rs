//! What `approve`, `reject` and `withdraw` share: choose the plans, show them, say before signing whether it would
//! count, ask, sign, publish.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;

use super::chain::Chain;
use super::clone::{ConfigClone, Tips};
use super::journal::JournalTip;
use super::me::Signer;
use super::publish::{Published, Records, publish};
use super::seen::SeenPlan;
use super::show;
use super::weigh::{Scales, noun, rejected_by, signer_in_policy};
use super::{CliError, Global, Outcome, Output};
use crate::digest::{PlanId, StatementId};
use crate::journal::Status;
use crate::journal::pages::list;
use crate::lifecycle::WaitingOn;
use crate::model::statement::TRUNCATED;
use crate::model::{Approval, ApprovalVerdict, EnvironmentName, Glob, Maker, Permission, Person, Statement};
use crate::reconcile::{Clock as _, SystemClock};
use crate::revision::resolve::below;
use crate::text::escape;

/// The options that the three commands share.
#[derive(Debug, clap::Args)]
pub struct Saying {
    /// Environments, or globs over those with a plan that waits (quote them: 'acme-*')
    #[arg(value_name = "ENV", required = true)]
    environments: Vec<String>,
    /// Only if the plan that waits is this one: its digest, or the beginning of it
    #[arg(long, value_name = "ID")]
    plan: Option<String>,
    /// Why, for those who read the history
    #[arg(short = 'm', long = "message", value_name = "REASON", default_value = "", hide_default_value = true)]
    reason: String,
    /// The SSH key to sign with; git's user.signingKey if left out
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Sign, and print the record instead of pushing it
    #[arg(long)]
    no_push: bool,
}

/// One environment's plan that something is to be said on.
struct Subject {
    status: Status,
    plan: PlanId,
    seen: Option<SeenPlan>,
    chain: Chain,
    /// What the statement would do.
    gives: String,
    /// Whether it starts the deployment as well.
    deploys: bool,
}

/// A statement that was made.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    environment: EnvironmentName,
    plan: PlanId,
    verdict: ApprovalVerdict,
    digest: StatementId,
    by: crate::model::PersonName,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<String>,
}

/// Says it.
pub fn say(global: &Global, saying: &Saying, verdict: ApprovalVerdict, acknowledge: &[String]) -> Outcome {
    say_and_deploy(global, saying, verdict, acknowledge, false)
}

/// Says it, and starts the deployment as well where `deploy` says so, somebody has to, and this completes what is asked.
pub fn say_and_deploy(
    global: &Global,
    saying: &Saying,
    verdict: ApprovalVerdict,
    acknowledge: &[String],
    deploy: bool,
) -> Outcome {
    let output = Output::of(global);
    if output.is_json() && !saying.yes {
        return Err(CliError::failed("with --output json nothing is asked: add --yes"));
    }
    let clone = ConfigClone::find(global)?;
    let journal = JournalTip::open(&clone, clone.fetch()?)?;
    let start = clone.start(journal.tips().journal)?;
    clone.check_names(&start.start, journal.tips())?;
    let signer = Signer::find(global, &clone, saying.key.as_deref())?;
    let person = signer_in_policy(&signer, &journal.governance, SystemClock.now())?;
    let voice = Voice { output, clone: &clone, signer: &signer, person, verdict, acknowledge, deploy, saying };
    let (subjects, refused) = voice.subjects(&journal)?;
    for subject in &subjects {
        if subject.status.repository != start.repository {
            let (found, ours) = (subject.status.repository, start.repository);
            return Err(CliError::failed(format!("the status is of repository {found}, the journal of {ours}")));
        }
    }
    voice.show(&subjects)?;
    voice.ask(&subjects)?;
    let said = subjects.iter().map(|subject| voice.sign(subject)).collect::<Result<Vec<_>, _>>()?;
    if saying.no_push {
        return voice.print_records(&journal, said, &refused);
    }
    let root = &journal.tips().root;
    let records: Records =
        said.iter().map(|(said, yaml)| (below(root, &said.path), yaml.clone().into_bytes())).collect();
    let still = |tips: &Tips| voice.still(tips, &subjects);
    let published = publish(&clone, journal.tips(), &records, &voice.message(&subjects), &still)?;
    voice.print(&published, said, &refused)
}

/// Somebody with something to say.
struct Voice<'a> {
    output: Output,
    clone: &'a ConfigClone,
    signer: &'a Signer,
    person: &'a Person,
    verdict: ApprovalVerdict,
    acknowledge: &'a [String],
    deploy: bool,
    saying: &'a Saying,
}

impl Voice<'_> {
    /// The plans that are meant and on which it would count; and of those that are meant, why it would not on the others.
    fn subjects(&self, journal: &JournalTip<'_>) -> Result<(Vec<Subject>, Vec<CliError>), CliError> {
        let mut meant: BTreeMap<EnvironmentName, Status> = BTreeMap::new();
        for text in &self.saying.environments {
            if !text.contains('*') {
                let name = super::environment_name(text)?;
                let status = journal.known(&name)?;
                meant.insert(name, status);
                continue;
            }
            let bad = || CliError::failed(format!("`{text}` is no name or glob of environments"));
            let glob = Glob::parse(text).ok_or_else(bad)?;
            let all = journal.statuses()?.into_iter().filter(|status| glob.matches(&status.environment));
            let waiting = all.filter(|status| status.plan.is_some());
            meant.extend(waiting.map(|status| (status.environment.clone(), status)));
        }
        let (mut subjects, mut refused) = (Vec::new(), Vec::new());
        for status in meant.into_values() {
            match self.subject(journal, status) {
                Ok(subject) => subjects.push(subject),
                Err(error) if error.is_refusal() => refused.push(error),
                Err(error) => return Err(error),
            }
        }
        if subjects.is_empty() {
            let last = refused.pop().unwrap_or_else(|| {
                CliError::refused("no environment of these has a plan that waits")
                    .hint("countersign pending lists those")
            });
            refused.iter().for_each(CliError::print);
            return Err(last);
        }
        match (&self.saying.plan, subjects.as_slice(), refused.is_empty()) {
            (None, _, _) => {}
            (Some(wanted), [only], true) => check_plan(wanted, &only.status.environment, only.plan)?,
            (Some(_), _, _) => return Err(CliError::failed("--plan goes with one environment")),
        }
        // Told before anybody is asked: nothing is signed for these.
        refused.iter().for_each(CliError::print);
        Ok((subjects, refused))
    }

    fn subject(&self, journal: &JournalTip<'_>, status: Status) -> Result<Subject, CliError> {
        let (chain, gives) = self.gives(journal, &status)?;
        let name = &status.environment;
        let plan = status.plan.as_ref().map(|plan| plan.digest);
        let plan = plan.ok_or_else(|| CliError::refused(format!("no plan of {name} waits")))?;
        let seen = match (SeenPlan::check(journal, self.clone.objects(), &status), self.verdict) {
            (Ok(seen), _) => Some(seen),
            (Err(error), ApprovalVerdict::Approve) => return Err(error),
            // A veto needs no proof of what it is against.
            (Err(error), _) => {
                error.print_as_note();
                None
            }
        };
        let (deploys, note) = self.deploys(journal, &status);
        Ok(Subject { plan, seen, chain, gives: gives + &note, deploys, status })
    }

    /// Whether it starts the deployment as well, and what is to be said of that.
    fn deploys(&self, journal: &JournalTip<'_>, status: &Status) -> (bool, String) {
        let plain = |why: &str| (false, format!(" It starts nothing: {why}."));
        let missing: usize = status.waiting_on.iter().map(WaitingOn::missing).sum();
        let mine = |rule: &&WaitingOn| rule.missing() == 1 && rule.eligible.contains(&self.person.name);
        let completes = missing == status.waiting_on.iter().filter(mine).count();
        if !self.deploy {
            return (false, String::new());
        }
        if !status.manual {
            return plain("the environment deploys by itself");
        }
        if !journal.governance.may(&self.person.name, Permission::Deploy, &status.environment) {
            return plain("you lack `deploy` there, so this is a plain approval");
        }
        if !completes {
            return plain("more is asked for than yours, so this is a plain approval");
        }
        (true, " It starts the deployment.".to_owned())
    }

    /// What it would do, or why it would not count.
    fn gives(&self, journal: &JournalTip<'_>, status: &Status) -> Result<(Chain, String), CliError> {
        if status.plan.is_none() {
            let name = &status.environment;
            let hint = format!("countersign status {name}");
            return Err(CliError::refused(format!("no plan of {name} waits: it is {}", status.phase)).hint(hint));
        }
        let person = &self.person.name;
        let chain = Chain::of(journal, self.clone.objects(), status, person)?;
        let acknowledges = self.acknowledge.iter().any(|what| what == TRUNCATED);
        let scales = Scales { status, governance: &journal.governance, person, chain, acknowledges };
        let gives = match self.verdict {
            ApprovalVerdict::Approve => scales.approval().map(|rules| {
                let met = |rule: &&WaitingOn| format!("{} {} of {}", rule.label(), rule.have.len() + 1, rule.required);
                let given: Vec<String> = rules.iter().map(met).collect();
                let is_mine = |rule: &&WaitingOn| rules.iter().any(|mine| mine == rule);
                let others = status.waiting_on.iter().filter(|rule| rule.missing() > 0 && !is_mine(rule));
                let others: Vec<String> = others.map(WaitingOn::label).collect();
                let more = rules.iter().map(|rule| rule.missing() - 1).max().unwrap_or_default();
                let rest = match (others.len(), more) {
                    (0, 0) => "nothing else is asked for".to_owned(),
                    (0, 1) => "one more is needed".to_owned(),
                    (0, more) => format!("{more} more are needed"),
                    (1, _) => format!("{} still waits", others.concat()),
                    _ => format!("{} still wait", list(&others, "and", 10)),
                };
                format!("This gives {}; {rest}.", list(&given, "and", 10))
            }),
            ApprovalVerdict::Reject => scales
                .rejection()
                .map(|()| "This stops the plan until you take it back or another change is pushed.".to_owned()),
            ApprovalVerdict::Withdraw => scales.withdrawal().map(|stands| match stands {
                ApprovalVerdict::Reject => {
                    let others: Vec<_> = rejected_by(status).into_iter().filter(|by| *by != person).collect();
                    let rest = if others.is_empty() {
                        "the plan waits for approvals again".to_owned()
                    } else {
                        format!("{} rejected it too", list(&others, "and", 10))
                    };
                    format!("This takes back your rejection; {rest}.")
                }
                _ => "This takes back your approval.".to_owned(),
            }),
        };
        gives.map(|gives| (chain, gives)).map_err(|objection| objection.into_error(status, self.verdict))
    }

    /// Prints each plan; those that read the same, once.
    fn show(&self, subjects: &[Subject]) -> Result<(), CliError> {
        let mut groups: Vec<(String, Vec<&Subject>)> = Vec::new();
        for subject in subjects {
            let body = match (&subject.seen, self.verdict) {
                (Some(seen), ApprovalVerdict::Approve | ApprovalVerdict::Reject) => show::body(seen, self.output, ""),
                _ => String::new(),
            };
            match groups.iter_mut().find(|(known, _)| *known == body) {
                Some((_, same)) => same.push(subject),
                None => groups.push((body, vec![subject])),
            }
        }
        let mut text = String::new();
        for (body, same) in &groups {
            for subject in same {
                text += &match &subject.seen {
                    Some(seen) if same.len() > 1 => show::title(seen, self.output) + &show::notes(seen),
                    Some(seen) => show::title(seen, self.output),
                    None => format!("{} · plan {}\n", subject.status.environment, subject.plan.short()),
                };
            }
            match same.as_slice() {
                [Subject { seen: Some(seen), .. }] if !body.is_empty() => {
                    text += &show::body(seen, self.output, &show::notes(seen));
                }
                _ => text += body,
            }
            if !body.is_empty() {
                text.push('\n');
            }
        }
        let email = self.person.emails.first().map(|email| format!(" <{}>", escape(email))).unwrap_or_default();
        text += &format!("You are {}{email} ({}).", self.person.name, self.signer.shown());
        match subjects {
            [only] => text += &format!(" {}\n", only.gives),
            several => {
                text.push('\n');
                for subject in several {
                    text += &format!("  {}: {}\n", subject.status.environment, subject.gives);
                }
            }
        }
        self.tell(&text)
    }

    /// To standard output, unless that is for the result alone.
    fn tell(&self, text: &str) -> Result<(), CliError> {
        if self.output.is_json() || self.saying.no_push {
            eprint!("{text}");
            return Ok(());
        }
        self.output.text(text)
    }

    fn ask(&self, subjects: &[Subject]) -> Result<(), CliError> {
        if self.saying.yes {
            return Ok(());
        }
        if !io::stdin().is_terminal() {
            return Err(CliError::failed("nobody is there to be asked: standard input is no terminal")
                .hint("look at the plan first, then add --plan ID --yes"));
        }
        let these = if subjects.len() == 1 { "this plan" } else { "these plans" };
        self.tell(&match self.verdict {
            ApprovalVerdict::Approve => format!("Approve exactly {these}? [y/N] "),
            ApprovalVerdict::Reject => format!("Reject {these}? [y/N] "),
            ApprovalVerdict::Withdraw => format!("Take back what you said on {these}? [y/N] "),
        })?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
            return Ok(());
        }
        Err(CliError::refused("nothing was signed"))
    }

    fn sign(&self, subject: &Subject) -> Result<(Said, String), CliError> {
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

    /// After somebody pushed in between: the plans still wait, and what was said before is still the same.
    fn still(&self, tips: &Tips, subjects: &[Subject]) -> Result<(), CliError> {
        let journal = JournalTip::open(self.clone, tips.clone())?;
        for subject in subjects {
            let name = &subject.status.environment;
            let now = journal.known(name)?;
            let plan = now.plan.as_ref().map(|plan| plan.digest);
            if plan != Some(subject.plan) {
                let now = plan.map_or_else(|| "none waits".to_owned(), |plan| format!("{} does", plan.short()));
                return Err(CliError::refused(format!(
                    "plan {} of {name} waits no more ({now}): somebody pushed in between; nothing was recorded",
                    subject.plan.short()
                ))
                .hint(format!("countersign status {name}")));
            }
            if self.verdict == ApprovalVerdict::Approve {
                SeenPlan::check(&journal, self.clone.objects(), &now)?;
            }
            if Chain::of(&journal, self.clone.objects(), &now, &self.person.name)?.last != subject.chain.last {
                return Err(CliError::refused(format!("you said something else on the plan of {name} in between"))
                    .hint("run the command again"));
            }
        }
        Ok(())
    }

    /// The commit's message.
    fn message(&self, subjects: &[Subject]) -> String {
        let by = &self.person.name;
        let what = match self.verdict {
            ApprovalVerdict::Approve => "approves",
            ApprovalVerdict::Reject => "rejects",
            ApprovalVerdict::Withdraw => "takes back",
        };
        let of = if self.verdict == ApprovalVerdict::Withdraw { "what was said on plan" } else { "plan" };
        let subject = match subjects {
            [only] => format!("{}: {by} {what} {of} {}", only.status.environment, only.plan.short()),
            several => format!("{by} {what} {} plans", several.len()),
        };
        let list: String = match subjects {
            [_] => String::new(),
            several => several.iter().map(|s| format!("- {}: {}\n", s.status.environment, s.plan.short())).collect(),
        };
        let blocks = [subject, list, self.saying.reason.clone()];
        blocks.into_iter().filter(|block| !block.is_empty()).collect::<Vec<_>>().join("\n\n")
    }

    fn print_records(&self, journal: &JournalTip<'_>, said: Vec<(Said, String)>, refused: &[CliError]) -> Outcome {
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
            self.clone.branch,
            super::clone::RECORDS
        );
        Ok(code(refused))
    }

    fn print(&self, published: &Published, said: Vec<(Said, String)>, refused: &[CliError]) -> Outcome {
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
pub(super) fn pushed(clone: &ConfigClone, published: &Published) -> String {
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

/// Whether the plan of an environment is the one that was meant: its digest, or the beginning of it.
pub(super) fn check_plan(wanted: &str, name: &EnvironmentName, plan: PlanId) -> Result<(), CliError> {
    let digits = wanted.strip_prefix("sha256:").unwrap_or(wanted);
    let is_digest = (4..=64).contains(&digits.len()) && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !is_digest {
        return Err(CliError::failed(format!("--plan: `{wanted}` is no beginning of a plan's digest"))
            .hint("at least 4 of its hex digits, as status and plan.md show them"));
    }
    if plan.0.to_hex().starts_with(digits) {
        return Ok(());
    }
    Err(CliError::refused(format!("{name} waits with plan {}, not with {wanted}", plan.short()))
        .hint(format!("look at the one that waits: countersign diff {name}")))
}

fn ordinal(n: usize) -> String {
    match n {
        2 => "second".to_owned(),
        3 => "third".to_owned(),
        n => format!("{n}th"),
    }
}
