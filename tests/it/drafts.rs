//! Drafts: `draft/<env>` is planned as if it were merged now, reviewed and approved before it is.

mod approved;
mod commands;
mod content;
mod hostile;
mod told;

use countersign::journal::DraftStatus;
use countersign::lifecycle::{Phase, WaitingOn, merge_command};
use countersign::model::ApprovalVerdict;

use crate::world::{Record, World};

impl World {
    /// Commits everything in a clone and pushes it as the draft of an environment; the clone goes back to main.
    #[track_caller]
    pub fn push_draft(&mut self, who: &str, environment: &str) -> &mut Self {
        self.shell(who, "git add --all && git commit --quiet -m draft");
        self.shell(who, &format!("git push --quiet --force origin HEAD:refs/heads/draft/{environment}"));
        self.shell(who, "git reset --quiet --hard origin/main");
        self
    }

    /// The environment's `app.conf` becomes this on its draft, which begins at main.
    #[track_caller]
    pub fn draft(&mut self, who: &str, environment: &str, content: &str) -> &mut Self {
        self.pull(who);
        self.write(who, &format!("environments/{environment}/config/app.conf"), content);
        self.push_draft(who, environment)
    }

    /// One more commit on a draft.
    #[track_caller]
    pub fn amend_draft(&mut self, who: &str, environment: &str, content: &str) -> &mut Self {
        self.clone_of(who);
        self.shell(who, &format!("git fetch --quiet && git reset --quiet --hard origin/draft/{environment}"));
        self.write(who, &format!("environments/{environment}/config/app.conf"), content);
        self.push_draft(who, environment)
    }

    /// Merges a draft into main and pushes that, with more arguments for `git merge`.
    #[track_caller]
    pub fn merge_draft(&mut self, who: &str, environment: &str, arguments: &str) -> &mut Self {
        self.pull(who);
        let line = format!("git fetch --quiet && git merge --quiet {arguments} origin/draft/{environment}");
        self.shell(who, &format!("{line} && (git diff --cached --quiet || git commit --quiet -m squashed)"));
        self.shell(who, "git push --quiet");
        self
    }

    #[track_caller]
    pub fn delete_draft(&mut self, environment: &str) -> &mut Self {
        self.git("remote.git", &["update-ref", "-d", &format!("refs/heads/draft/{environment}")]);
        self
    }

    /// Where the draft of an environment stands.
    #[track_caller]
    pub fn draft_status(&self, environment: &str) -> DraftStatus {
        self.status(environment).draft.unwrap_or_else(|| panic!("{environment} has no draft"))
    }

    /// The digest of a draft's plan, number and round.
    #[track_caller]
    pub fn draft_plan(&self, environment: &str) -> (String, u64, u64) {
        let status = self.draft_status(environment);
        let plan = status.plan.unwrap_or_else(|| panic!("no plan: {:?} {:?}", status.no_plan, status.problems));
        (plan.digest.to_string(), plan.number, plan.round)
    }

    /// The plan of the config branch: digest, number and round.
    #[track_caller]
    pub fn main_plan(&self, environment: &str) -> (String, u64, u64) {
        let plan = self.status(environment).plan.expect("a plan");
        (plan.digest.to_string(), plan.number, plan.round)
    }

    /// The draft waits for exactly these rules.
    #[track_caller]
    pub fn expect_draft_waiting_on(&mut self, environment: &str, rules: &str) -> &mut Self {
        let status = self.draft_status(environment);
        let open = status.waiting_on.iter().filter(|rule| rule.missing() > 0);
        let open: Vec<String> = open.map(WaitingOn::label).collect();
        assert_eq!((status.phase, open.join(", ")), (Phase::AwaitingApproval, rules.to_owned()), "{status:#?}");
        self
    }

    #[track_caller]
    pub fn expect_draft_phase(&mut self, environment: &str, phase: Phase) -> &mut Self {
        let status = self.draft_status(environment);
        assert_eq!(status.phase, phase, "{status:#?}");
        self
    }

    /// What is wrong with a draft holds these words, and it has no plan.
    #[track_caller]
    pub fn expect_draft_invalid(&mut self, environment: &str, words: &str) -> &mut Self {
        let status = self.draft_status(environment);
        let problems: Vec<String> = status.problems.iter().map(ToString::to_string).collect();
        assert!(problems.iter().any(|problem| problem.contains(words)), "`{words}` is not in {problems:#?}");
        assert!(status.phase == Phase::Invalid && status.plan.is_none(), "{status:#?}");
        self
    }

    /// The signed merge of the ready-made branch of a draft's plan.
    #[track_caller]
    pub fn say_on_draft(&mut self, who: &str, environment: &str, verdict: &str) -> &mut Self {
        let branch = self.draft_status(environment).branches.get(verdict).expect("a branch").clone();
        self.shell(who, &merge_command(&branch));
        self
    }

    /// A signed record on the plan of a draft.
    #[track_caller]
    pub fn draft_record(&self, who: &str, environment: &str, verdict: ApprovalVerdict) -> Record {
        let plan = self.draft_status(environment).plan.expect("a plan").digest;
        self.record_on(who, environment, plan, verdict)
    }
}

/// `prod` has v1, countersigned by alice.
pub fn deployed() -> World {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("alice", "prod").tick();
    world.expect_applied("prod", "v1\n");
    world
}
