//! What the policy of the simulated world can be: a few small values, from which the files of `governance/` follow.
//! [`crate::rules`] says in its own words what they mean.

use std::collections::BTreeMap;

use countersign::object::{Edit, MemoryObjects};

use super::people::{DAEMONS, PEOPLE, email, public, second};
use super::world::put;

/// The place of the policy among the environments.
pub const GOVERNANCE: &str = "governance";

/// Who can be in the team `platform`.
pub const PLATFORM: [&str; 3] = ["alice", "bob", "carol"];

/// What `governance/` is at a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charter {
    /// Who of [`PLATFORM`] is in the team.
    pub members: [bool; 3],
    /// How many of the team the ruleset `two` asks for; it is also what changes of the policy ask for.
    pub two: usize,
    /// Whether one of the team must approve whatever comes to `acme-prod`.
    pub floor: bool,
    /// Whether erin may approve everywhere, not in `beta` alone.
    pub erin_everywhere: bool,
    /// Whether dave is a developer, who may deploy and suspend.
    pub dave: bool,
    /// Whether bob, who is of the team, may deploy as well.
    pub bob_deploys: bool,
    /// Whether the ruleset `signed` asks for signed commits.
    pub signed: bool,
    /// Whether the ruleset `carried` carries approvals over.
    pub carries: bool,
    /// Who of [`PLATFORM`] has a second key in the place of the first.
    pub second_key: [bool; 3],
    /// Somebody whom the policy does not know any more.
    pub gone: Option<&'static str>,
    /// Which of [`DAEMONS`] may write the journal.
    pub daemons: [bool; 3],
    /// Whether a file of it cannot be read.
    pub broken: bool,
    /// A comment, which changes the revision and nothing else.
    pub note: u8,
}

impl Charter {
    /// The policy that every world begins with.
    pub const FIRST: Self = Self {
        members: [true; 3],
        two: 2,
        floor: true,
        erin_everywhere: false,
        dave: true,
        bob_deploys: false,
        signed: true,
        carries: true,
        second_key: [false; 3],
        gone: None,
        daemons: [true; 3],
        broken: false,
        note: 0,
    };

    /// The name of the key with which a person signs under this policy; `None`: the policy does not know them.
    pub fn key_of(&self, person: &'static str) -> Option<&'static str> {
        if self.gone == Some(person) || !PEOPLE.contains(&person) {
            return None;
        }
        let place = PLATFORM.iter().position(|known| *known == person);
        Some(if place.is_some_and(|place| self.second_key[place]) { second(person) } else { person })
    }

    /// How many of the team the ruleset `carried` asks for: two at least, where there are as many.
    pub fn carried(&self) -> usize {
        self.two.max(self.team().len().min(2))
    }

    /// Whose key this is under this policy.
    pub fn owner_of(&self, key: &str) -> Option<&'static str> {
        PEOPLE.into_iter().find(|person| self.key_of(person) == Some(key))
    }

    /// The same, said in one way: whoever is gone is in no other part of it.
    pub fn without_the_gone(mut self) -> Self {
        match self.gone {
            Some("dave") => self.dave = false,
            Some("erin") => self.erin_everywhere = false,
            Some(person) => {
                self.bob_deploys &= person != "bob";
                let place = PLATFORM.iter().position(|known| *known == person).unwrap();
                (self.members[place], self.second_key[place]) = (false, false);
            }
            None => {}
        }
        self
    }

    /// Who is in the team.
    pub fn team(&self) -> Vec<&'static str> {
        let there =
            |(at, person): (usize, &&'static str)| (self.members[at] && self.gone != Some(*person)).then_some(*person);
        PLATFORM.iter().enumerate().filter_map(there).collect()
    }

    /// The edits that make `governance/` this.
    pub fn edits(&self, objects: &MemoryObjects) -> BTreeMap<String, Edit> {
        let mut edits = BTreeMap::from([(GOVERNANCE.to_owned(), Edit::Remove)]);
        edits.extend(self.files().into_iter().map(|(path, text)| (path, put(objects, &text))));
        edits
    }

    /// The files of `governance/`.
    pub fn files(&self) -> Vec<(String, String)> {
        let mut files = Vec::new();
        let mut add = |path: &str, kind: &str, name: &str, spec: String| {
            let text =
                format!("apiVersion: countersign/v1\nkind: {kind}\nmetadata: {{ name: {name} }}\nspec:\n{spec}\n");
            files.push((format!("{GOVERNANCE}/{path}.yaml"), text));
        };
        add("policy", "Policy", "policy", self.policy());
        add("teams/platform", "Team", "platform", format!("  members: [{}]", self.team().join(", ")));
        for person in PEOPLE {
            if let Some(key) = self.key_of(person) {
                let spec = format!("  emails: [{}]\n  keys: [{{ key: \"{}\" }}]", email(person), public(key));
                add(&format!("people/{person}"), "Person", person, spec);
            }
        }
        let mut ruleset = |name: &str, settings: &str, required: usize| {
            let rules =
                format!("  rules: [{{ name: some, approvers: {{ teams: [platform] }}, required: {required} }}]");
            add(&format!("rulesets/{name}"), "Ruleset", name, format!("{settings}{rules}"));
        };
        ruleset("two", if self.broken { "  enabeld: true\n" } else { "" }, self.two);
        ruleset("floor", "", 1);
        ruleset("recorded", "  evidence: [record]\n", 1);
        ruleset("own", "  allowSelfApproval: true\n", 1);
        ruleset("signed", if self.signed { "  requireSignedCommits: true\n" } else { "" }, 1);
        ruleset("carried", if self.carries { "  reapproveOnChange: false\n" } else { "" }, self.carried());
        ruleset("idle", "  enabled: false\n", 2);
        files
    }

    fn policy(&self) -> String {
        let known = |person: &&str| self.gone != Some(*person);
        let erin = if self.erin_everywhere { "\"*\"" } else { "beta" };
        let mut bindings = vec![
            "{ role: reviewer, teams: [platform], environments: [\"*\"] }".to_owned(),
            format!("{{ role: owner, teams: [platform], environments: [{GOVERNANCE}] }}"),
        ];
        let mut bind = |role: &str, person: &str, place: &str| {
            if known(&person) {
                bindings.push(format!("{{ role: {role}, users: [{person}], environments: [{place}] }}"));
            }
        };
        bind("chief", "alice", "\"*\"");
        bind("reviewer", "erin", erin);
        if self.dave {
            bind("developer", "dave", "\"*\"");
        }
        if self.bob_deploys {
            bind("starter", "bob", "\"*\"");
        }
        let floor = if self.floor { "{ environments: [acme-prod], rulesets: [floor] }" } else { "" };
        let keys: Vec<String> = DAEMONS
            .iter()
            .zip(self.daemons)
            .filter(|(_, may)| *may)
            .map(|(name, _)| format!("{{ key: \"{}\" }}", public(name)))
            .collect();
        format!(
            "  # note {}\n  rulesets: [two]\n  defaults: {{ requireApproval: true, rulesets: [two] }}\n  \
             minimum: [{floor}]\n  roles: {{ chief: [write, deploy, override, suspend], starter: [deploy] }}\n  bindings: [{}]\n  journalKeys: [{}]",
            self.note,
            bindings.join(", "),
            keys.join(", ")
        )
    }
}
