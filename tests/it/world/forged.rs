//! What somebody with the daemon's stolen key could write.

use countersign::digest::{Digest, PlanId, StatementId, canonical_json};
use countersign::git::sign::{JournalKey, NewCommit, write_commit};
use countersign::git::store::GitObjects;
use countersign::journal::pages::commit_message;
use countersign::journal::{
    AUTHOR, Admission, Claim, ENTRY, Event, Heads, JournalEntry, Judged, MetRule, OutcomeResult, ServiceOutcome,
    ServiceResult,
};
use countersign::lifecycle::{Phase, phase_of};
use countersign::model::{ApprovalVerdict, EvidenceKind};
use countersign::object::{Edit, Entry, Kind, Mode, Objects, Oid, edit_tree};

use super::journal::JOURNAL;
use super::{DAEMON, World};

impl World {
    /// The last entry, as the next one's predecessor.
    fn last_entry(&self) -> JournalEntry {
        self.entries().pop().expect("an entry")
    }

    /// Puts an entry with these events on top of the journal, signed with the daemon's key and right in every other way.
    #[track_caller]
    pub fn forge_entry(&mut self, events: Vec<Event>) -> &mut Self {
        let config = self.last_entry().heads.config;
        self.forge_entry_reading(config, events)
    }

    /// As [`World::forge_entry`], where the entry read the config branch at this commit.
    #[track_caller]
    pub fn forge_entry_reading(&mut self, config: Oid, events: Vec<Event>) -> &mut Self {
        let policy = self.last_entry().policy;
        self.forge(config, policy, events)
    }

    /// An entry without events that says another policy is in force.
    #[track_caller]
    pub fn forge_entry_under(&mut self, policy: u64) -> &mut Self {
        let config = self.last_entry().heads.config;
        self.forge(config, policy, Vec::new())
    }

    #[track_caller]
    fn forge(&mut self, config: Oid, policy: u64, events: Vec<Event>) -> &mut Self {
        let last = self.last_entry();
        let objects = GitObjects::open(&self.at("remote.git")).expect("the remote");
        let key = JournalKey::load(&self.at(format!("{DAEMON}.key"))).expect("the stolen key");
        let tip: Oid = self.tip(JOURNAL).parse().expect("an id");
        let before = objects.commit(tip).expect("a commit");
        let entry = JournalEntry {
            sequence: last.sequence + 1,
            previous: Some(Digest::of(&before.raw)),
            policy,
            events,
            heads: Heads { config, ..last.heads },
            files: std::collections::BTreeMap::new(),
            ..last
        };
        let id = objects.write(Kind::Blob, &canonical_json(&entry)).expect("a store");
        let put = [(ENTRY.to_owned(), Edit::Put(Entry { mode: Mode::File, id }))].into();
        let tree = edit_tree(&objects, Some(before.tree), &put).expect("a tree");
        let message = commit_message(&entry.events);
        let (name, email) = AUTHOR;
        let commit = NewCommit { tree, parents: &[tip], name, email, time: entry.time, message: &message };
        let (forged, _) = write_commit(&objects, &commit, Some(&key)).expect("a commit");
        self.git("remote.git", &["update-ref", &format!("refs/heads/{JOURNAL}"), &forged.to_string()]);
        self
    }

    /// A claim of the pending plan that no approval stands behind, as this daemon would have written it.
    #[track_caller]
    pub fn forge_claim(&mut self, environment: &str) -> &mut Self {
        self.forge_claim_met(environment, Vec::new())
    }

    /// As [`World::forge_claim`], where it says what met each rule.
    #[track_caller]
    pub fn forge_claim_met(&mut self, environment: &str, met: Vec<MetRule>) -> &mut Self {
        let plan = self.status(environment).plan.expect("a plan");
        self.forge_claim_of(environment, plan.digest, plan.number, met)
    }

    /// As [`World::forge_claim_met`], of this plan.
    #[track_caller]
    pub fn forge_claim_of(&mut self, environment: &str, plan: PlanId, number: u64, met: Vec<MetRule>) -> &mut Self {
        let instance = std::fs::read_to_string(self.at("journal.state/world/instance")).expect("an instance");
        let claim = Claim {
            environment: environment.parse().expect("a name"),
            plan,
            number,
            attempt: 1,
            heads: self.last_entry().heads,
            journal: self.tip(JOURNAL).parse().expect("an id"),
            policy: 1,
            key: serde_json::from_value(self.public_key(DAEMON).into()).expect("a key"),
            instance: instance.trim().to_owned(),
            met,
            started: None,
            targets: if environment == "governance" {
                Vec::new()
            } else {
                vec![self.target(environment).display().to_string()]
            },
            drift: None,
        };
        self.forge_entry(vec![Event::Claimed(claim)])
    }

    /// An outcome of the claim that is on the journal last.
    #[track_caller]
    pub fn forge_outcome(&mut self, environment: &str, result: OutcomeResult) -> &mut Self {
        let claim = self.last_claim(environment);
        let services = vec![ServiceOutcome {
            name: "app".parse().expect("a name"),
            result: ServiceResult::Done,
            message: String::new(),
        }];
        let (number, attempt) = (claim.number, claim.attempt);
        self.forge_entry(vec![Event::Outcome {
            environment: claim.environment,
            number,
            attempt,
            result,
            services,
            message: String::new(),
        }])
    }

    /// A statement that nobody made: it says that `who` approved the pending plan, and was admitted.
    #[track_caller]
    pub fn forge_approval(&mut self, who: &str, environment: &str) -> &mut Self {
        let status = self.status(environment);
        let plan = status.plan.expect("a plan").digest;
        self.forge_entry(vec![Event::Statement(Judged {
            digest: StatementId(Digest::of("never said")),
            environment: status.environment,
            plan: Some(plan),
            verdict: Some(ApprovalVerdict::Approve),
            by: Some(who.parse().expect("a name")),
            key: Some(serde_json::from_value(self.public_key(who).into()).expect("a key")),
            evidence: Some(EvidenceKind::Record),
            commit: self.tip("main").parse().expect("an id"),
            path: format!("approvals/{environment}/{}/forged.yaml", plan.short()),
            reason: String::new(),
            acknowledge: Vec::new(),
            deploy: false,
            plain: None,
            request: None,
            admitted: Admission::Admitted,
        })])
    }

    #[track_caller]
    fn last_claim(&self, environment: &str) -> Claim {
        let claimed = |event| match event {
            Event::Claimed(claim) if claim.environment.as_str() == environment => Some(claim),
            _ => None,
        };
        self.events().into_iter().filter_map(claimed).next_back().expect("a claim")
    }

    /// What an operator does about a forged entry: the journal's branch is put back to the entry before it.
    #[track_caller]
    pub fn take_off_the_last_entry(&mut self) -> &mut Self {
        self.git("remote.git", &["update-ref", &format!("refs/heads/{JOURNAL}"), &format!("{JOURNAL}~1")]);
        self
    }

    /// A claim that cannot be the next one: its number is used up.
    #[track_caller]
    pub fn forge_claim_out_of_order(&mut self, environment: &str) -> &mut Self {
        let claim = self.last_claim(environment);
        self.forge_entry(vec![Event::Claimed(claim)])
    }

    /// The phase that the journal's entries alone leave an environment in, whatever its pages say.
    #[track_caller]
    pub fn expect_phase_of_fold(&mut self, environment: &str, phase: Phase) -> &mut Self {
        let entries = self.entries();
        let mut state = countersign::lifecycle::State::begin(&entries[0]).expect("a first entry");
        for entry in &entries[1..] {
            state.apply(entry).expect("an entry that follows");
        }
        assert_eq!(phase_of(&state.environment(&environment.parse().expect("a name")), None), phase);
        self
    }
}
