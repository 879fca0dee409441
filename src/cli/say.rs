//! What `approve`, `reject` and `withdraw` share: choose the plans, show them, say before signing whether it would
//! count, ask, sign, publish.

mod said;
mod shown;
mod subject;

use std::io::{self, BufRead as _, IsTerminal as _};
use std::path::PathBuf;

pub use self::said::pushed;
use self::subject::Subject;
pub use self::subject::check_plan;
use super::chain::Chain;
use super::clone::{ConfigClone, Tips};
use super::journal::JournalTip;
use super::me::Signer;
use super::publish::{Records, publish};
use super::seen::SeenPlan;
use super::weigh::signer_in_policy;
use super::{CliError, Global, Outcome, Output};
use crate::model::{ApprovalVerdict, Person};
use crate::reconcile::{Clock as _, SystemClock};
use crate::revision::resolve::below;

/// The options that the three commands share.
#[derive(Debug, clap::Args)]
pub struct Saying {
    /// Environments, or globs over those with a plan that waits (quote them: 'acme-*')
    #[arg(value_name = "ENV", required = true)]
    environments: Vec<String>,
    /// The plan of draft/ENV, before it is merged
    #[arg(long)]
    draft: bool,
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

    /// After somebody pushed in between: the plans still wait, and what was said before is still the same.
    fn still(&self, tips: &Tips, subjects: &[Subject]) -> Result<(), CliError> {
        let journal = JournalTip::open(self.clone, tips.clone())?;
        for subject in subjects {
            let name = &subject.status.environment;
            let now = self.known(&journal, name)?;
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
}
