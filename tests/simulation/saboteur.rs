//! Somebody with all rights on the server, or merely careless: what they do must never count as anybody's word, and
//! must never let anything through.

use std::collections::BTreeMap;

use countersign::digest::{Digest, StatementId};
use countersign::journal::{ReadyMade, ReadyWord};
use countersign::model::{Approval, ApprovalVerdict, Maker};
use countersign::object::{Edit, Entry, Kind, Mode, Objects, entry_at, files_below};

use super::approver::{Meaning, mean, signed};
use super::charter::Charter;
use super::content::{Content, ENVIRONMENTS, Gates, Setting};
use super::dice::Dice;
use super::ledger::Said;
use super::merger::mergeable;
use super::people::{self, DAEMONS, STRANGER};
use super::process::JOURNAL;
use super::world::{Work, World, put};

/// What records are signed for.
const STATEMENTS: &str = "statement-v1@countersign";

pub fn meddle(dice: &mut Dice, world: &mut World) {
    match dice.below(14) {
        0..5 => bad_merge(dice, world),
        5..9 => bad_record(dice, world),
        9 => delete_record(dice, world),
        10 => move_branch(dice, world),
        11 => junk_on_journal(dice, world),
        12 => strip(world),
        _ => copy_record(dice, world),
    }
}

/// What somebody might merge: a ready-made commit that is not in the branch yet.
fn to_merge(dice: &mut Dice, world: &World) -> Option<(Meaning, ReadyMade)> {
    let meaning = mean(dice, world)?;
    let starts = mergeable(world, &meaning.published, ReadyWord::Deploy).filter(|_| dice.percent(40));
    let ready = starts.or_else(|| mergeable(world, &meaning.published, meaning.word(world).says))?.clone();
    Some((meaning, ready))
}

/// A merge that proves nothing, in one way or another.
fn bad_merge(dice: &mut Dice, world: &mut World) {
    let Some((meaning, ready)) = to_merge(dice, world) else { return };
    let person = meaning.person;
    let record = Edit::Put(Entry { mode: Mode::File, id: ready.blob });
    let mut edits = BTreeMap::from([(ready.path.clone(), record)]);
    let mut deed = world.deed(Vec::new());
    let mut merges = vec![ready.commit];
    let (mut author, mut signer) = (person, Some(meaning.key));
    let mut message = format!("Merge branch '{}'\n", ready.branch);
    let how = match dice.below(9) {
        0 => {
            signer = None;
            "unsigned"
        }
        1 => {
            // Other work rides along in the tree of the merge.
            let other = ENVIRONMENTS[usize::from(meaning.environment == ENVIRONMENTS[0])];
            let content = Content::Present(Setting { main: 9, note: 9, ..Setting::plain(Gates::Off) });
            if deed.contents.insert(other, content) == Some(content) {
                return;
            }
            deed.touched.insert(other);
            edits.extend(content.edits(other, &world.objects()));
            "with other work in it"
        }
        2 => {
            let count = world.log.len();
            edits.insert("README.md".to_owned(), put(&world.objects(), &format!("hello {count}\n")));
            "with another file in it"
        }
        3 => {
            merges.clear();
            "squashed"
        }
        4 => {
            // Something that is no ready-made commit is merged along.
            let objects = world.objects();
            let tree = objects.commit(ready.commit).unwrap().tree;
            let parents = objects.commit(ready.commit).unwrap().parents;
            let work = Work {
                author: STRANGER,
                signer: None,
                merges: vec![],
                edits: BTreeMap::new(),
                message: "x".to_owned(),
            };
            let raw = world.raw_commit(&work, tree, &parents);
            merges.push(objects.write(Kind::Commit, &raw).unwrap());
            "with a stranger's commit merged along"
        }
        5 => {
            message = "Sync with upstream\n".to_owned();
            "under another subject"
        }
        6 => {
            author = STRANGER;
            "under a stranger's name"
        }
        7 => {
            signer = Some(if dice.percent(50) { STRANGER } else { DAEMONS[0] });
            "signed with a key that can approve nothing"
        }
        _ => {
            let other = meaning.published.ready.iter().find(|other| other.says != ready.says);
            let Some(other) = other else { return };
            message = format!("Merge branch '{}'\n", other.branch);
            "under the name of another branch"
        }
    };
    world.note(format!("{person}: a merge of {} of {}, {how}", ready.branch, meaning.environment));
    world.commit(Work { author, signer, merges, edits, message }, deed);
}

/// A record that proves nothing.
fn bad_record(dice: &mut Dice, world: &mut World) {
    let Some(meaning) = mean(dice, world) else { return };
    match dice.below(7) {
        0..2 => in_the_name_of(world, &meaning, people::PEOPLE[dice.below(3)]),
        2..4 => takes_back_something_else(dice, world, &meaning),
        4 => {
            let mut approval = signed(world, &meaning, None);
            approval.reason = "changed after it was signed".to_owned();
            put_record(world, &meaning, &approval, "changed after it was signed");
        }
        5 => signed_otherwise(world, &meaning, meaning.person, "git", "signed for another purpose"),
        _ => signed_otherwise(world, &meaning, DAEMONS[0], STATEMENTS, "signed by a daemon"),
    }
}

/// A record of what somebody means, signed with the key of somebody else.
pub fn in_the_name_of(world: &mut World, meaning: &Meaning, signer: &'static str) {
    if signer != meaning.person {
        signed_otherwise(world, meaning, signer, STATEMENTS, &format!("signed by {signer}"));
    }
}

/// A record that names what nobody ever said as the one before.
pub fn out_of_order(world: &mut World, meaning: &Meaning) {
    let previous = StatementId(Digest::of("nothing that anybody said"));
    let approval = signed(world, meaning, Some(previous));
    put_record(world, meaning, &approval, "out of order");
}

/// The opposite of what somebody said last, out of order.
fn takes_back_something_else(dice: &mut Dice, world: &mut World, meaning: &Meaning) {
    let Meaning { published, .. } = meaning;
    let about = |said: &&Said| said.plan == published.plan && said.occurrence == published.occurrence;
    let said: Vec<Said> = world.ledger.said().filter(about).cloned().collect();
    if said.is_empty() {
        return;
    }
    let last = dice.pick(&said).clone();
    let verdict = match last.verdict {
        ApprovalVerdict::Reject => ApprovalVerdict::Withdraw,
        ApprovalVerdict::Approve | ApprovalVerdict::Withdraw => ApprovalVerdict::Approve,
    };
    out_of_order(world, &Meaning { person: last.person, verdict, ..meaning.clone() });
}

fn signed_otherwise(world: &mut World, meaning: &Meaning, signer: &str, namespace: &str, how: &str) {
    let mut approval = signed(world, meaning, None);
    let made = people::key(signer).sign(namespace, &approval.signed_bytes()).unwrap();
    if let Maker::Signed { signature, .. } = &mut approval.maker {
        *signature = made;
    }
    put_record(world, meaning, &approval, how);
}

fn put_record(world: &mut World, meaning: &Meaning, approval: &Approval, how: &str) {
    let count = world.log.len();
    let path = format!("approvals/{}/{}/bad-{count}.yaml", meaning.environment, meaning.published.plan.short());
    let verdict = meaning.verdict.name();
    world.note(format!("a record of {} to {verdict} {}, {how}", meaning.person, meaning.published.plan.short()));
    let edits = BTreeMap::from([(path, put(&world.objects(), &approval.to_yaml()))]);
    let deed = world.deed(Vec::new());
    world.commit(Work { author: STRANGER, signer: None, merges: vec![], edits, message: "record".to_owned() }, deed);
}

/// The records in the config branch now, with their contents.
fn records(world: &World) -> Vec<(String, Entry)> {
    let objects = world.objects();
    let tree = objects.commit(world.config_tip()).unwrap().tree;
    let Some(folder) = entry_at(&objects, tree, "approvals").unwrap() else { return Vec::new() };
    let files = files_below(&objects, folder.id).unwrap();
    files.into_iter().map(|(path, entry)| (format!("approvals/{path}"), entry)).collect()
}

fn delete_record(dice: &mut Dice, world: &mut World) {
    let records = records(world);
    if records.is_empty() {
        return;
    }
    let (path, _) = dice.pick(&records).clone();
    world.note(format!("somebody deletes {path}"));
    world.ledger.spoiled.insert(path.clone());
    let deed = world.deed(Vec::new());
    let edits = BTreeMap::from([(path, Edit::Remove)]);
    world.commit(Work { author: STRANGER, signer: None, merges: vec![], edits, message: "tidy".to_owned() }, deed);
}

/// Somebody's record, once more: at another place, for another plan's folder, or in another environment's.
fn copy_record(dice: &mut Dice, world: &mut World) {
    let (records, count) = (records(world), world.log.len());
    let Some(meaning) = mean(dice, world).filter(|_| !records.is_empty()) else { return };
    let (from, entry) = dice.pick(&records).clone();
    let path = format!("approvals/{}/{}/copy-{count}.yaml", meaning.environment, meaning.published.plan.short());
    world.note(format!("somebody copies {from} to {path}"));
    // Where its own record is gone the copy may be the first that is seen: nothing is certain about it any more.
    world.ledger.spoiled.insert(from);
    let deed = world.deed(Vec::new());
    let edits = BTreeMap::from([(path, Edit::Put(entry))]);
    world.commit(Work { author: STRANGER, signer: None, merges: vec![], edits, message: "copy".to_owned() }, deed);
}

/// A ready-made branch is put on another commit, or taken away.
fn move_branch(dice: &mut Dice, world: &mut World) {
    let references = world.surroundings.server.references();
    let ours = |name: &&String| {
        ReadyWord::ALL.iter().any(|word| name.starts_with(&format!("refs/heads/countersign/{}/", word.name())))
    };
    let branches: Vec<String> = references.keys().filter(ours).cloned().collect();
    if branches.is_empty() {
        return;
    }
    let branch = dice.pick(&branches).clone();
    let to = match dice.below(3) {
        0 => None,
        1 => Some(references[dice.pick(&branches)]),
        _ => Some(world.config_tip()),
    };
    world.note(format!("somebody moves {branch} to {to:?}"));
    world.surroundings.server.set(&branch, to);
}

/// A commit that is no entry on top of the journal.
fn junk_on_journal(dice: &mut Dice, world: &mut World) {
    let Some(tip) = world.surroundings.server.get(JOURNAL) else { return };
    let objects = world.objects();
    let tree = objects.commit(tip).unwrap().tree;
    let parents = if dice.percent(30) { vec![tip, world.config_tip()] } else { vec![tip] };
    let signer = dice.percent(50).then_some("alice");
    let work = Work { author: STRANGER, signer, merges: vec![], edits: BTreeMap::new(), message: "junk".to_owned() };
    let raw = world.raw_commit(&work, tree, &parents);
    let junk = objects.write(Kind::Commit, &raw).unwrap();
    world.note(format!("somebody puts {} on the journal", junk.short()));
    world.book.junk.insert(junk, tip);
    world.surroundings.server.set(JOURNAL, Some(junk));
}

/// A policy that asks one of the team alone is pushed over the one that is there.
fn strip(world: &mut World) {
    let charter = Charter { two: 1, floor: false, broken: false, ..world.ledger.charter_now() };
    world.note("somebody pushes a weaker policy".to_owned());
    world.change_policy(STRANGER, charter);
}
