//! What the remote tells: references, the journal, and the status of each environment.

use std::collections::BTreeMap;

use countersign::journal::{Event, JournalEntry, Status, yaml_out};
use countersign::lifecycle::{Phase, WaitingOn};

use super::World;

/// The journal's branch.
pub const JOURNAL: &str = "countersign/journal";

impl World {
    /// Every reference of the remote.
    pub fn references(&self) -> BTreeMap<String, String> {
        let text = self.git("remote.git", &["for-each-ref", "--format=%(refname) %(objectname)"]);
        text.lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(name, id)| (name.to_owned(), id.to_owned()))
            .collect()
    }

    /// A hook of the remote: a shell script.
    pub fn hook(&self, name: &str, script: &str) {
        let path = self.at("remote.git/hooks").join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a hook");
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a hook");
    }

    /// The remote's branches that begin so.
    pub fn branches(&self, prefix: &str) -> Vec<String> {
        let prefix = format!("refs/heads/{prefix}");
        let found = self.references().into_keys().filter(|name| name.starts_with(&prefix));
        found.map(|name| name.trim_start_matches("refs/heads/").to_owned()).collect()
    }

    /// The commit a branch of the remote is at.
    #[track_caller]
    pub fn tip(&self, branch: &str) -> String {
        self.git("remote.git", &["rev-parse", "--verify", &format!("refs/heads/{branch}")])
    }

    /// A file at the journal's tip.
    pub fn journal_file(&self, path: &str) -> Option<String> {
        let run = self.try_git("remote.git", &["show", &format!("{JOURNAL}:{path}")]);
        run.succeeded().then_some(run.stdout)
    }

    /// Every entry of the journal, oldest first.
    pub fn entries(&self) -> Vec<JournalEntry> {
        let commits = self.git("remote.git", &["rev-list", "--reverse", "--first-parent", JOURNAL]);
        let read = |commit: &str| {
            let text = self.git("remote.git", &["show", &format!("{commit}:entry.json")]);
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{commit}: {error}"))
        };
        commits.lines().map(read).collect()
    }

    /// Every event of the journal, oldest first.
    pub fn events(&self) -> Vec<Event> {
        self.entries().into_iter().flat_map(|entry| entry.events).collect()
    }

    /// What the journal's alarms say.
    pub fn alarms(&self) -> Vec<String> {
        let said = |event| match event {
            Event::Alarm { message, .. } => Some(message),
            _ => None,
        };
        self.events().into_iter().filter_map(said).collect()
    }

    /// The deployments that were applied: number and attempt, oldest first.
    pub fn deployments(&self, environment: &str) -> Vec<(u64, u64)> {
        let applied = |event| match event {
            Event::Outcome { environment: found, number, attempt, result, .. } => (found.as_str() == environment
                && result == countersign::journal::OutcomeResult::Applied)
                .then_some((number, attempt)),
            _ => None,
        };
        self.events().into_iter().filter_map(applied).collect()
    }

    /// Where an environment stands, as `status.yaml` on the journal says.
    #[track_caller]
    pub fn status(&self, environment: &str) -> Status {
        let text = self.journal_file(&format!("environments/{environment}/status.yaml"));
        let text = text.unwrap_or_else(|| panic!("{environment} has no status\n{}", self.said()));
        yaml_out::from_yaml(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    /// The phase of an environment.
    #[track_caller]
    pub fn expect_phase(&mut self, environment: &str, phase: Phase) -> &mut Self {
        let status = self.status(environment);
        assert_eq!(status.phase, phase, "{status:#?}\n{}", self.said());
        self
    }

    /// The environment waits for exactly these rules: `production/platform`, or `single approval`, in this order.
    #[track_caller]
    pub fn expect_waiting_on(&mut self, environment: &str, rules: &str) -> &mut Self {
        let status = self.status(environment);
        assert_eq!(status.phase, Phase::AwaitingApproval, "{status:#?}\n{}", self.said());
        let open: Vec<String> =
            status.waiting_on.iter().filter(|rule| rule.missing() > 0).map(WaitingOn::label).collect();
        assert_eq!(open.join(", "), rules, "{status:#?}");
        self
    }

    /// A rule of the pending plan, met or not.
    #[track_caller]
    pub fn rule(&self, environment: &str, label: &str) -> WaitingOn {
        let status = self.status(environment);
        let found = status.waiting_on.iter().find(|rule| rule.label() == label);
        found.unwrap_or_else(|| panic!("{environment} does not ask for {label}: {status:#?}")).clone()
    }

    /// No statement counts, and the reason of one holds these words.
    #[track_caller]
    pub fn expect_not_counted(&mut self, environment: &str, words: &str) -> &mut Self {
        let status = self.status(environment);
        let found = status
            .statements
            .iter()
            .any(|view| !view.counted && (view.why.contains(words) || view.hint.contains(words)));
        assert!(found, "no statement is refused with `{words}`: {:#?}\n{}", status.statements, self.said());
        self
    }

    /// What is wrong with an environment holds these words.
    #[track_caller]
    pub fn expect_invalid(&mut self, environment: &str, words: &str) -> &mut Self {
        self.expect_phase(environment, Phase::Invalid);
        let problems: Vec<String> = self.status(environment).problems.iter().map(ToString::to_string).collect();
        assert!(problems.iter().any(|problem| problem.contains(words)), "`{words}` is not in {problems:#?}");
        self
    }

    /// An alarm on the journal holds these words.
    #[track_caller]
    pub fn expect_alarm(&mut self, words: &str) -> &mut Self {
        let alarms = self.alarms();
        assert!(alarms.iter().any(|alarm| alarm.contains(words)), "`{words}` is not in {alarms:#?}\n{}", self.said());
        self
    }

    /// Nobody was alarmed.
    #[track_caller]
    pub fn expect_no_alarm(&mut self) -> &mut Self {
        let alarms = self.alarms();
        assert!(alarms.is_empty(), "{alarms:#?}");
        self
    }
}
