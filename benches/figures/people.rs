//! Who is who in a generated repository: the same keys in every run.

use std::sync::OnceLock;

use countersign::git::sign::JournalKey;
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{LineEnding, PrivateKey};

/// The two who approve everything.
pub const APPROVERS: [&str; 2] = ["alice", "bob"];

/// The one who pushes.
pub const PUSHER: &str = "vera";

/// The daemon.
pub const DAEMON: &str = "journal";

const ALL: [&str; 4] = ["alice", "bob", PUSHER, DAEMON];

/// A person's private key, as OpenSSH writes it.
pub fn private_key(name: &str) -> String {
    let mut seed = [3; 32];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    let pair = KeypairData::Ed25519(Ed25519Keypair::from_seed(&seed));
    PrivateKey::new(pair, name).expect("a key").to_openssh(LineEnding::LF).expect("text").to_string()
}

/// What signs for a person.
pub fn key(name: &str) -> &'static JournalKey {
    static KEYS: OnceLock<Vec<JournalKey>> = OnceLock::new();
    let keys = KEYS
        .get_or_init(|| ALL.iter().map(|name| JournalKey::from_openssh(&private_key(name)).expect("a key")).collect());
    &keys[ALL.iter().position(|other| *other == name).expect("somebody known")]
}

/// A person's public key: algorithm and base64.
pub fn public_key(name: &str) -> String {
    key(name).public().as_str().to_owned()
}

/// The files of `governance/`: two people of a team approve each change.
pub fn governance() -> Vec<(String, String)> {
    let document = |path: &str, kind: &str, name: &str, spec: String| {
        let text = format!("apiVersion: countersign/v1\nkind: {kind}\nmetadata: {{ name: {name} }}\nspec:\n{spec}\n");
        (format!("governance/{path}.yaml"), text)
    };
    let mut files = vec![
        document(
            "policy",
            "Policy",
            "policy",
            format!(
                "  rulesets: [two]\n  \
                   defaults: {{ requireApproval: true, rulesets: [two] }}\n  \
                   bindings:\n    \
                   - {{ role: owner, teams: [platform], environments: [\"*\", governance] }}\n    \
                   - {{ role: developer, users: [{PUSHER}], environments: [\"*\"] }}\n  \
                   journalKeys: [{{ key: \"{}\" }}]",
                public_key(DAEMON)
            ),
        ),
        document("teams/platform", "Team", "platform", format!("  members: [{}]", APPROVERS.join(", "))),
        document(
            "rulesets/two",
            "Ruleset",
            "two",
            "  rules: [{ name: platform, approvers: { teams: [platform] }, required: 2 }]".to_owned(),
        ),
    ];
    for name in APPROVERS.into_iter().chain([PUSHER]) {
        let spec = format!("  emails: [{name}@x.example]\n  keys: [{{ key: \"{}\" }}]", public_key(name));
        files.push(document(&format!("people/{name}"), "Person", name, spec));
    }
    files
}
