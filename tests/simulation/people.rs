//! The people of the simulated world, their keys, and the policy that says who may what.

use std::sync::OnceLock;

use countersign::git::sign::JournalKey;
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{LineEnding, PrivateKey};

/// Everybody with a key and a place in the policy. `dave` may push and approve nothing; `erin` may approve in `beta`.
pub const PEOPLE: [&str; 5] = ["alice", "bob", "carol", "dave", "erin"];

/// Somebody who may push and whom the policy does not know.
pub const STRANGER: &str = "mallory";

/// The keys of the daemons.
pub const DAEMONS: [&str; 3] = ["north", "south", "east"];

/// The address of a person.
pub fn email(person: &str) -> String {
    format!("{person}@vendor.example")
}

/// The private key of a person or daemon, as OpenSSH would write it. The same in every run.
pub fn private_key(name: &str) -> String {
    let mut seed = [7; 32];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    let pair = KeypairData::Ed25519(Ed25519Keypair::from_seed(&seed));
    PrivateKey::new(pair, name).unwrap().to_openssh(LineEnding::LF).unwrap().to_string()
}

/// What signs for a person.
pub fn key(person: &str) -> &'static JournalKey {
    static KEYS: OnceLock<Vec<(&str, JournalKey)>> = OnceLock::new();
    let keys = KEYS.get_or_init(|| {
        let names = PEOPLE.into_iter().chain([STRANGER]).chain(DAEMONS);
        names.map(|name| (name, JournalKey::from_openssh(&private_key(name)).unwrap())).collect()
    });
    &keys.iter().find(|(name, _)| *name == person).unwrap().1
}

/// The files of `governance/`. [`crate::rules`] says the same in its own words.
pub fn governance() -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut add = |path: &str, kind: &str, name: &str, spec: String| {
        let text = format!("apiVersion: countersign/v1\nkind: {kind}\nmetadata: {{ name: {name} }}\nspec:\n{spec}\n");
        files.push((format!("governance/{path}.yaml"), text));
    };
    let public = |name: &str| key(name).public().as_str().to_owned();
    let keys: Vec<String> = DAEMONS.iter().map(|name| format!("{{ key: \"{}\" }}", public(name))).collect();
    add(
        "policy",
        "Policy",
        "policy",
        format!(
            "  rulesets: [two]\n  \
               defaults: {{ requireApproval: true, rulesets: [two] }}\n  \
               minimum: [{{ environments: [acme-prod], rulesets: [floor] }}]\n  \
               bindings:\n    \
               - {{ role: reviewer, teams: [platform], environments: [\"*\"] }}\n    \
               - {{ role: developer, users: [dave], environments: [\"*\"] }}\n    \
               - {{ role: reviewer, users: [erin], environments: [beta] }}\n  \
               journalKeys: [{}]",
            keys.join(", ")
        ),
    );
    add("teams/platform", "Team", "platform", "  members: [alice, bob, carol]".to_owned());
    for person in PEOPLE {
        let spec = format!("  emails: [{}]\n  keys: [{{ key: \"{}\" }}]", email(person), public(person));
        add(&format!("people/{person}"), "Person", person, spec);
    }
    let mut ruleset = |name: &str, settings: &str, required: u32| {
        let rules = format!("  rules: [{{ name: some, approvers: {{ teams: [platform] }}, required: {required} }}]");
        add(&format!("rulesets/{name}"), "Ruleset", name, format!("{settings}{rules}"));
    };
    ruleset("two", "", 2);
    ruleset("floor", "", 1);
    ruleset("recorded", "  evidence: [record]\n", 1);
    ruleset("own", "  allowSelfApproval: true\n", 1);
    ruleset("idle", "  enabled: false\n", 2);
    files
}
