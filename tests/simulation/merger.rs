//! Merging ready-made branches: as many as somebody likes in one signed merge, as git makes it.

use std::collections::BTreeMap;

use countersign::digest::{Digest, StatementId};
use countersign::journal::{ReadyMade, ReadyWord};
use countersign::object::{Edit, Entry, Mode, Objects, entry_at};

use super::chapter::Published;
use super::ledger::Said;
use super::request::{Asked, Wish};
use super::world::{Work, World};

/// Something that can be said by merging.
#[derive(Debug, Clone, Copy)]
pub struct Word<'a> {
    pub environment: &'static str,
    pub published: &'a Published,
    pub says: ReadyWord,
}

/// The newest ready-made commit for a word that is not in the config branch yet. None where its branch was not pushed, or
/// git would say that it is up to date already.
pub fn mergeable<'a>(world: &World, published: &'a Published, says: ReadyWord) -> Option<&'a ReadyMade> {
    let objects = world.objects();
    let tree = objects.commit(world.config_tip()).unwrap().tree;
    let ready = published.ready.iter().rev().find(|ready| ready.says == says)?;
    let is_new = objects.commit(ready.commit).is_ok() && entry_at(&objects, tree, &ready.path).unwrap().is_none();
    is_new.then_some(ready)
}

/// Merges, in one commit, what can be merged of these words. Gives whether there was any.
pub fn merge(world: &mut World, person: &'static str, key: &'static str, words: &[Word<'_>]) -> bool {
    let (mut edits, mut merges, mut branches) = (BTreeMap::new(), Vec::new(), Vec::new());
    let mut deed = world.deed(Vec::new());
    for Word { environment, published, says } in words {
        let Some(ready) = mergeable(world, published, *says) else { continue };
        let record = Edit::Put(Entry { mode: Mode::File, id: ready.blob });
        if edits.insert(ready.path.clone(), record).is_some() {
            continue;
        }
        merges.push(ready.commit);
        branches.push(format!("'{}'", ready.branch));
        let (plan, occurrence, path) = (published.plan, published.occurrence, ready.path.clone());
        let (environment, by_record) = (*environment, false);
        // That of the merge takes its place.
        let digest = StatementId(Digest::of(&path));
        match says.verdict() {
            Some(verdict) => {
                let (deploy, previous) = (says.deploys(), None);
                deed.said.push(Said {
                    person,
                    environment,
                    plan,
                    occurrence,
                    verdict,
                    deploy,
                    key,
                    by_record,
                    digest,
                    previous,
                    path,
                });
            }
            None => {
                let wish = Wish::Deploy { plan, occurrence, at: None, overrides: false };
                deed.asked.push(Asked { person, environment, wish, key, by_record, digest, path });
            }
        }
    }
    if merges.is_empty() {
        return false;
    }
    let branches = branches.join(" and ");
    world.note(format!("{person} merges {branches}"));
    let plural = if merges.len() > 1 { "es" } else { "" };
    let message = format!("Merge branch{plural} {branches}\n\nlooked at it\n");
    world.commit(Work { author: person, signer: Some(key), merges, edits, message }, deed);
    true
}
