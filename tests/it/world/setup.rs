//! How a world begins: governance, settings, keys.

use std::cell::Cell;

use super::{DAEMON, World};

/// 2026-01-01T00:00:00Z.
const BEGINNING: u64 = 1_767_225_600;

/// A world to be.
#[derive(Debug, Clone)]
pub struct Setup {
    people: Vec<String>,
    approvers: Vec<String>,
    daemons: Vec<String>,
    rulesets: Vec<(String, String)>,
    documents: Vec<(String, String)>,
    policy: String,
    bindings: String,
    settings: String,
    no_developers: Vec<String>,
}

impl Default for Setup {
    fn default() -> Self {
        let strings = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let standard = "rules:\n  - name: platform\n    approvers:\n      teams: [platform]\n    required: 1\n";
        let owners = "rules:\n  - name: owners\n    approvers:\n      users: [alice]\n    required: 1\nallowSelfApproval: true\n";
        Self {
            people: strings(&["alice", "bob", "mallory"]),
            approvers: strings(&["alice", "bob"]),
            daemons: strings(&[DAEMON]),
            rulesets: vec![("standard".to_owned(), standard.to_owned()), ("owners".to_owned(), owners.to_owned())],
            documents: Vec::new(),
            policy: String::new(),
            bindings: String::new(),
            settings: String::new(),
            no_developers: Vec::new(),
        }
    }
}

impl Setup {
    /// One more person, a developer: an e-mail address `NAME@x.example`, a key, a clone when it is first used.
    pub fn person(mut self, name: &str) -> Self {
        self.people.push(name.to_owned());
        self
    }

    /// Somebody who is no developer: what they may do is bound elsewhere.
    pub fn no_developer(mut self, name: &str) -> Self {
        self.no_developers.push(name.to_owned());
        self
    }

    /// The members of the team `platform`, who are reviewers everywhere.
    pub fn approvers(mut self, names: &[&str]) -> Self {
        self.approvers = names.iter().map(|name| (*name).to_owned()).collect();
        self
    }

    /// A ruleset, new or instead of the one of that name; `spec` as YAML.
    pub fn ruleset(mut self, name: &str, spec: &str) -> Self {
        self.rulesets.retain(|(old, _)| old != name);
        self.rulesets.push((name.to_owned(), spec.to_owned()));
        self
    }

    /// One more team; `members` as in YAML: `alice, bob`.
    pub fn team(mut self, name: &str, members: &str) -> Self {
        let text = document("Team", name, &format!("members: [{members}]\n"));
        self.documents.push((format!("governance/teams/{name}.yaml"), text));
        self
    }

    /// One more binding of a role; as YAML flow: `role: reviewer, users: [carol], environments: [prod]`.
    pub fn binding(mut self, flow: &str) -> Self {
        self.bindings.push_str(&format!("  - {{ {flow} }}\n"));
        self
    }

    /// More fields of the policy's `spec`, as YAML.
    pub fn policy(mut self, spec: &str) -> Self {
        self.policy.push_str(spec);
        self
    }

    /// More fields of the settings' `spec`, as YAML.
    pub fn settings(mut self, spec: &str) -> Self {
        self.settings.push_str(spec);
        self
    }

    /// One more daemon: a journal key, a state folder and settings of its own.
    pub fn daemon(mut self, name: &str) -> Self {
        self.daemons.push(name.to_owned());
        self
    }

    /// Makes it: remote, keys, the first commit with all of governance, settings with the pin filled in.
    #[track_caller]
    pub fn build(self) -> World {
        let folder = tempfile::Builder::new().prefix("countersign").tempdir().expect("a folder");
        let mut world = World {
            folder,
            clock: Cell::new(BEGINNING),
            pin: String::new(),
            started: false,
            last: None,
            // Until it stands there is nothing to finish.
            finished: true,
        };
        for path in ["srv", "home"] {
            std::fs::create_dir(world.at(path)).expect("a folder");
        }
        let config = "[init]\ndefaultBranch = main\n[advice]\ndetachedHead = false\n[gc]\nauto = 0\n[maintenance]\nauto = false\n";
        std::fs::write(world.at("gitconfig"), config).expect("a file");
        for name in self.daemons.iter().chain(&self.people) {
            world.make_key(name, &[]);
        }
        world.git(".", &["init", "--quiet", "--bare", "remote.git"]);
        self.govern(&world);
        world.shell(
            "alice",
            "git add --all && git commit --quiet -m governance && git push --quiet -u origin HEAD:main",
        );
        let pin = world.countersign(&["-C", "alice", "trust"]);
        if pin.succeeded() {
            world.pin = pin.stdout.trim().to_owned();
        }
        for daemon in &self.daemons {
            world.write_settings(daemon, &self.settings);
        }
        world.finished = false;
        world
    }

    fn govern(&self, world: &World) {
        let write = |path: &str, text: &str| world.write("alice", path, text);
        for person in &self.people {
            let key = world.public_key(person);
            let spec = format!("emails: [{person}@x.example]\nkeys:\n  - key: \"{key}\"\n");
            write(&format!("governance/people/{person}.yaml"), &document("Person", person, &spec));
        }
        let members = format!("members: [{}]\n", self.approvers.join(", "));
        write("governance/teams/platform.yaml", &document("Team", "platform", &members));
        for (name, spec) in &self.rulesets {
            write(&format!("governance/rulesets/{name}.yaml"), &document("Ruleset", name, spec));
        }
        let keys: String =
            self.daemons.iter().map(|name| format!("  - key: \"{}\"\n", world.public_key(name))).collect();
        let is_developer = |name: &&String| !self.no_developers.contains(name);
        let developers: Vec<String> = self.people.iter().filter(is_developer).cloned().collect();
        let policy = format!(
            "rulesets: [owners]\n\
             defaults:\n  requireApproval: true\n  rulesets: [standard]\n\
             bindings:\n\
             \x20 - role: owner\n    users: [alice]\n    environments: [\"*\", governance]\n\
             \x20 - role: reviewer\n    teams: [platform]\n    environments: [\"*\"]\n\
             \x20 - role: developer\n    users: [{}]\n    environments: [\"*\"]\n\
             {}journalKeys:\n{keys}{}",
            developers.join(", "),
            self.bindings,
            self.policy,
        );
        write("governance/policy.yaml", &document("Policy", "policy", &policy));
        for (path, text) in &self.documents {
            write(path, text);
        }
    }
}

/// A document of a kind; `spec` is the YAML below it.
pub fn document(kind: &str, name: &str, spec: &str) -> String {
    let indented: String = spec.lines().map(|line| format!("  {line}\n")).collect();
    format!("apiVersion: countersign/v1\nkind: {kind}\nmetadata:\n  name: {name}\nspec:\n{indented}")
}
