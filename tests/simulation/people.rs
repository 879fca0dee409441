//! The people of the simulated world and their keys.

use std::sync::OnceLock;

use countersign::git::sign::JournalKey;
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{LineEnding, PrivateKey};

/// Everybody with a key and a place in the first policy. `dave` may push and deploy and approves nothing; `erin` approves
/// in `beta`.
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

/// The name of a person's second key.
pub fn second(person: &str) -> &'static str {
    match person {
        "alice" => "alice-2",
        "bob" => "bob-2",
        "carol" => "carol-2",
        other => panic!("{other} has one key"),
    }
}

/// The name of a person, for good.
pub fn person(name: &str) -> &'static str {
    PEOPLE.into_iter().chain([STRANGER]).find(|known| *known == name).unwrap()
}

/// The name of a key, for good.
pub fn key_name(name: &str) -> &'static str {
    let names = PEOPLE.into_iter().chain([STRANGER, "alice-2", "bob-2", "carol-2"]).chain(DAEMONS);
    names.into_iter().find(|known| *known == name).unwrap()
}

/// A key by its name: that of a person or daemon, or [`second`].
pub fn key(name: &str) -> &'static JournalKey {
    static KEYS: OnceLock<Vec<(&str, JournalKey)>> = OnceLock::new();
    let keys = KEYS.get_or_init(|| {
        let names = PEOPLE.into_iter().chain([STRANGER, "alice-2", "bob-2", "carol-2"]).chain(DAEMONS);
        names.map(|name| (name, JournalKey::from_openssh(&private_key(name)).unwrap())).collect()
    });
    &keys.iter().find(|(known, _)| *known == name).unwrap().1
}

/// The public half of a key, as a policy names it.
pub fn public(name: &str) -> &'static str {
    key(name).public().as_str()
}
