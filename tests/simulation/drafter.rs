//! People who work on drafts: the branches `draft/<env>` are pushed, changed and closed, and merged in one way or another,
//! unchanged or not, while the config branch moves on or stays.

use std::collections::BTreeSet;

use countersign::object::{Kind, Objects, Oid, edit_tree};

use super::content::{Content, ENVIRONMENTS, Gates, Setting};
use super::dice::Dice;
use super::drafts::DraftDeed;
use super::imports::{BASE, IMPORTER, Import};
use super::ledger::Deed;
use super::people::PEOPLE;
use super::promise::left;
use super::world::{Work, World};

/// A draft as it was pushed last.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The config commit that it left from, and what the environment was there.
    base: Oid,
    before: Content,
    /// Its commits, each with what the environment is in it and who made it.
    commits: Vec<(Oid, Content, &'static str, Option<&'static str>)>,
}

impl Draft {
    fn content(&self) -> Content {
        self.commits.last().unwrap().1
    }
}

fn branch(environment: &str) -> String {
    format!("refs/heads/draft/{environment}")
}

pub fn draft(dice: &mut Dice, world: &mut World) {
    let environment = *dice.pick(&ENVIRONMENTS);
    let Some(draft) = world.drafts.get(environment).cloned() else {
        if dice.percent(70) {
            push(dice, world, environment, None);
        }
        return;
    };
    let approved = world.book.environments[environment]
        .drafts
        .current()
        .is_some_and(|plan| world.ledger.said().filter(|said| plan.covers(said.plan, said.occurrence)).count() > 0);
    match dice.below(20) {
        0..4 => push(dice, world, environment, Some(draft)),
        // Begun anew, over what was there.
        4 => push(dice, world, environment, None),
        5 => {
            world.note(format!("the draft of {environment} is closed"));
            close(world, environment);
        }
        6..8 => merge(dice, world, environment, &draft),
        _ if approved => merge(dice, world, environment, &draft),
        _ => {}
    }
}

/// Somebody pushes to a draft.
fn push(dice: &mut Dice, world: &mut World, environment: &'static str, draft: Option<Draft>) {
    let tip = world.config_tip();
    let mut draft = draft.unwrap_or(Draft { base: tip, before: world.ledger.now(environment), commits: Vec::new() });
    let (parent, now) = draft.commits.last().map_or((tip, draft.before), |(tip, content, ..)| (*tip, *content));
    let setting = match now {
        Content::Present(setting) => setting,
        _ => Setting::plain(Gates::Default),
    };
    let number = u8::try_from(dice.below(4)).unwrap();
    let next = match dice.below(12) {
        0..8 => Content::Present(Setting { main: (setting.main + 1 + number) % 4, ..setting }),
        8 => Content::Present(Setting { extra: Some(number), ..setting }),
        9 => Content::Present(Setting { gates: *dice.pick(&[Gates::Default, Gates::Own, Gates::Off]), ..setting }),
        10 => Content::Absent,
        _ => *dice.pick(&world.ledger.ever(environment)),
    };
    if next == now {
        return;
    }
    let author = *dice.pick(&["dave", "dave", "dave", "alice", "bob", "carol"]);
    let own = world.book.charter().key_of(author);
    let asks = [next, draft.before].iter().any(|content| content.gates() == Some(Gates::Signed));
    let signer = own.filter(|_| dice.percent(if asks { 80 } else { 10 }));
    let objects = world.objects();
    let below = objects.commit(parent).unwrap().tree;
    let edits = next.edits(environment, &objects);
    let tree = edit_tree(&objects, Some(below), &edits).unwrap();
    let message = format!("Draft {environment}");
    let work = Work { author, signer, merges: Vec::new(), edits, message };
    let raw = world.raw_commit(&work, tree, &[parent]);
    let id = objects.write(Kind::Commit, &raw).unwrap();
    world.note(format!("{author} pushes {next:?} to the draft of {environment}"));
    let below = draft.commits.last().and_then(|(tip, ..)| world.ledger.drafts.get(tip)).cloned();
    let mut deed: DraftDeed = below.unwrap_or_default();
    deed.hands.insert(author);
    deed.signatures.push(signer);
    world.ledger.drafts.insert(id, deed);
    draft.commits.push((id, next, author, signer));
    world.drafts.insert(environment, draft);
    world.surroundings.server.set(&branch(environment), Some(id));
}

fn close(world: &mut World, environment: &str) {
    world.drafts.remove(environment);
    world.surroundings.server.set(&branch(environment), None);
}

/// Somebody merges a draft.
fn merge(dice: &mut Dice, world: &mut World, environment: &'static str, draft: &Draft) {
    let is_still = world.ledger.now(environment) == draft.before;
    let can_follow = world.config_tip() == draft.base;
    let author = *dice.pick(&PEOPLE);
    let signer = world.book.charter().key_of(author).filter(|_| dice.percent(70));
    if can_follow && dice.percent(70) {
        follow(world, environment, draft);
    } else if is_still && dice.percent(30) {
        world.note(format!("{author} squashes the draft of {environment}"));
        put(world, (environment, draft.content()), Work::of(author, signer, format!("Change {environment}")), None);
    } else {
        let mut work = Work::of(author, signer, format!("Merge branch 'draft/{environment}'"));
        work.merges.push(draft.commits.last().unwrap().0);
        if is_still && dice.percent(75) {
            world.note(format!("{author} merges the draft of {environment}"));
            put(world, (environment, draft.content()), work, Some((draft, false)));
        } else {
            // Neither what the one side has nor what the other has.
            let setting = match draft.content() {
                Content::Present(setting) => setting,
                _ => Setting::plain(Gates::Default),
            };
            let main = 10 + u8::try_from(world.log.len() % 200).unwrap();
            world.note(format!("{author} merges the draft of {environment}, and makes something else of it"));
            put(world, (environment, Content::Present(Setting { main, ..setting })), work, Some((draft, true)));
        }
    }
    world.drafts.remove(environment);
    if dice.percent(60) {
        world.surroundings.server.set(&branch(environment), None);
    }
}

/// The config branch goes on to the draft's tip.
fn follow(world: &mut World, environment: &'static str, draft: &Draft) {
    world.note(format!("the config branch goes on to the draft of {environment}"));
    for (id, content, author, signer) in &draft.commits {
        let mut deed = world.deed(Vec::new());
        deed.contents.insert(environment, *content);
        deed.touched = BTreeSet::from([environment]);
        deed.hands = BTreeSet::from([*author]);
        deed.signatures = vec![*signer];
        world.ledger.add(*id, deed);
    }
    let tip = draft.commits.last().unwrap().0;
    world.surroundings.server.set(super::process::CONFIG, Some(tip));
}

/// Commits what becomes of a draft on the config branch; with its history where it is a merge, by whoever merges where they
/// made something of their own of it.
fn put(world: &mut World, (name, content): (&'static str, Content), work: Work<'_>, of: Option<(&Draft, bool)>) {
    let is_new = world.ledger.now(name) != content;
    let edits = if is_new { content.edits(name, &world.objects()) } else { std::collections::BTreeMap::new() };
    let mut deed: Deed = world.deed(Vec::new());
    deed.contents.insert(name, content);
    deed.touched = BTreeSet::from([name]);
    let (tree, parents) = world.tree_of(&Work { edits, ..work.clone() }, deed.branch);
    let raw = world.raw_commit(&work, tree, &parents);
    match of {
        None => {
            deed.hands.insert(super::people::person(work.author));
            deed.signatures = vec![work.signer.map(super::people::key_name)];
            if !is_new {
                deed.touched.clear();
            }
        }
        Some((draft, is_own)) => {
            for (_, _, author, signer) in &draft.commits {
                deed.hands.insert(author);
                deed.signatures.push(*signer);
            }
            if is_own {
                deed.hands.insert(super::people::person(work.author));
                deed.signatures.push(work.signer.map(super::people::key_name));
            }
        }
    }
    let merger = Work { author: if of.is_some() { "" } else { work.author }, ..work };
    world.enter(&merger, &raw, None, deed);
}

impl World {
    /// In a quiet world: a draft that would certainly change something is planned.
    pub fn check_quiet_draft(&self, environment: &'static str) -> Result<(), String> {
        let Some(draft) = self.drafts.get(environment) else { return Ok(()) };
        let book = &self.book.environments[environment];
        let there = left(book, &self.ledger, environment);
        let (now, next) = (self.ledger.now(environment), draft.content());
        let imports = [now, next, there].iter().any(|content| content.import() != Import::Nothing);
        let is_certain = now == draft.before && matches!(next, Content::Present(_)) && !imports && !book.uncertain;
        let is_imported = environment == BASE && self.book.is_imported(&self.ledger, self.ledger.now(IMPORTER));
        if !is_certain || is_imported || next == now || !next.has_effect_after(there) || book.has_recorded() {
            return Ok(());
        }
        let tip = draft.commits.last().unwrap().0;
        let current = book.drafts.current.map(|at| &book.drafts.told[at]).filter(|told| !told.ended);
        match current {
            Some(told) if told.tip == tip => Ok(()),
            _ => Err(format!(
                "{environment} in a quiet world: its draft {tip} makes it {next:?}, but that is not planned"
            )),
        }
    }
}
