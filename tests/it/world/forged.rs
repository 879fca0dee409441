//! What somebody with the daemon's stolen key could write.

use countersign::digest::{Digest, canonical_json};
use countersign::journal::{Claim, Event, JournalEntry};
use countersign::lifecycle::{Phase, phase_of};

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
        let last = self.last_entry();
        let raw = self.run({
            let mut command = self.command("git");
            command.arg("-C").arg(self.at("remote.git")).args(["cat-file", "commit", JOURNAL]);
            command
        });
        let entry = JournalEntry {
            sequence: last.sequence + 1,
            previous: Some(Digest::of(raw.stdout.as_bytes())),
            policy: last.policy,
            events,
            files: std::collections::BTreeMap::new(),
            ..last
        };
        self.make_clone("thief", DAEMON, &["--branch", JOURNAL]);
        std::fs::write(self.at("thief/entry.json"), canonical_json(&entry)).expect("an entry");
        self.git("thief", &["commit", "--quiet", "--all", "-S", "-m", "forged"]);
        self.git("thief", &["push", "--quiet", "origin", &format!("HEAD:{JOURNAL}")]);
        self
    }

    /// A claim of the pending plan that no approval stands behind, as this daemon would have written it.
    #[track_caller]
    pub fn forge_claim(&mut self, environment: &str) -> &mut Self {
        let status = self.status(environment);
        let plan = status.plan.expect("a plan");
        let instance = std::fs::read_to_string(self.at("journal.state/world/instance")).expect("an instance");
        let claim = Claim {
            environment: status.environment,
            plan: plan.digest,
            number: plan.number,
            attempt: 1,
            heads: self.last_entry().heads,
            journal: self.tip(JOURNAL).parse().expect("an id"),
            policy: 1,
            key: serde_json::from_value(self.public_key(DAEMON).into()).expect("a key"),
            instance: instance.trim().to_owned(),
            met: Vec::new(),
            started: None,
            targets: if environment == "governance" {
                Vec::new()
            } else {
                vec![self.target(environment).display().to_string()]
            },
        };
        self.forge_entry(vec![Event::Claimed(claim)])
    }

    /// A claim that cannot be the next one: its number is used up.
    #[track_caller]
    pub fn forge_claim_out_of_order(&mut self, environment: &str) -> &mut Self {
        let claimed = |event| match event {
            Event::Claimed(claim) if claim.environment.as_str() == environment => Some(claim),
            _ => None,
        };
        let claim = self.events().into_iter().filter_map(claimed).next_back().expect("a claim");
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
