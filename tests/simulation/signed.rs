//! Signatures on the commits that change something: those that are asked for, and those that prove nothing.

use countersign::git::sign::with_signature;
use countersign::object::Oid;

use super::chapter::Published;
use super::charter::Charter;
use super::content::{Content, Gates};
use super::dice::Dice;
use super::ledger::Deed;
use super::people::{self, DAEMONS, STRANGER};
use super::rules::may_write;
use super::world::{Work, World};

/// How a commit is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    None,
    /// With a key, by its name.
    By(&'static str),
    /// With a key, but the commit was changed after that.
    Spoiled(&'static str),
}

impl Signature {
    pub fn key(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::By(key) | Self::Spoiled(key) => Some(key),
        }
    }
}

/// How somebody signs a push: as it is asked for where they know that it is, and mostly.
pub fn choose(dice: &mut Dice, world: &World, author: &'static str, changes: &[(&'static str, Content)]) -> Signature {
    let charter = world.book.charter();
    let own = charter.key_of(author).map_or(Signature::None, Signature::By);
    let asks = |name: &str, content: Content| {
        [content, world.ledger.now(name), world.book.environments[name].in_force(&world.ledger, name)]
            .iter()
            .any(|content| content.gates() == Some(Gates::Signed))
    };
    if !changes.iter().any(|(name, content)| asks(name, *content)) {
        return if dice.percent(15) { own } else { Signature::None };
    }
    match dice.below(20) {
        0..14 => own,
        14 => Signature::None,
        15 | 16 => Signature::By(dice.pick::<&str>(&[STRANGER, DAEMONS[0]])),
        17 => Signature::By(dice.pick::<&str>(&["alice", "alice-2", "bob", "bob-2"])),
        18 => Signature::By("dave"),
        _ => own.key().map_or(Signature::None, Signature::Spoiled),
    }
}

impl World {
    /// Commits with the signature of something else.
    pub fn commit_spoiled(&mut self, work: Work<'_>, deed: Deed) -> Oid {
        let (tree, parents) = self.tree_of(&work, deed.branch);
        let unsigned =
            Work { signer: None, edits: work.edits.clone(), message: work.message.clone(), merges: vec![], ..work };
        let payload = self.raw_commit(&unsigned, tree, &parents);
        let other = [&payload[..], b"and more\n"].concat();
        let pem = people::key(work.signer.unwrap()).sign("git", &other).unwrap();
        let raw = with_signature(&payload, &pem).unwrap();
        self.enter(&work, &raw, None, deed)
    }

    /// A commit of a change that nobody signed who may make it, if there is one.
    pub fn unsigned(&self, environment: &str, published: &Published, upto: Oid, charter: &Charter) -> Option<String> {
        let may = |key: &Option<&str>| {
            key.and_then(|key| charter.owner_of(key)).is_some_and(|person| may_write(charter, person, environment))
        };
        let deeds = self.deeds(environment, published, upto);
        let bad = deeds.iter().find(|deed| !deed.signatures.iter().all(may))?;
        Some(format!("it asks for signed commits, and one is signed by {:?} (hands {:?})", bad.signatures, bad.hands))
    }
}
