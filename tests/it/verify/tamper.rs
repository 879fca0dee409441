//! Every leaf of everything on the journal is changed, once as a vandal does it and once by somebody who has the daemon's
//! key and puts right all that follows. What is then not found is exactly what rests on the daemon's word.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use countersign::digest::canonical_json;
use countersign::evidence::graph::Graph;
use countersign::git::sign::{JournalKey, NewCommit, with_signature, write_commit};
use countersign::journal::{AUTHOR, ENTRY, Event};
use countersign::object::{Edit, Entry, Kind, Mode, Objects, Oid, edit_tree, entry_at, files_below};
use countersign::plan::PlanKind;
use countersign::revision::Hashes;
use countersign::verify::{Prover, Tips, Verdict, prove};
use serde_json::Value;

use super::finished::{Finished, finished};
use super::forger::{Forgery, passes, passes_renamed};
use super::mutation::{lines, mutations};

/// What somebody with the daemon's key can say without being found out, and why that cannot be otherwise.
const ATTESTED: &[(&str, &str)] = &[
    ("time", "the daemon's clock; no date inside a signed object is believed either"),
    ("claimed.drift.*.changed", "what is on the host is known there alone; what is set is not"),
    ("claimed.drift.*.created", "what is on the host is known there alone; what is set is not"),
    ("claimed.drift.*.deleted", "what is on the host is known there alone; what is set is not"),
    ("claimed.instance", "the state folder is on the daemon's host"),
    ("outcome.message", "how an apply failed is known on the host alone"),
    ("outcome.services.*.message", "how an apply failed is known on the host alone"),
    (
        "planned.removes: something added",
        "what lies on the host and no deployment put there is known on the host alone",
    ),
    ("ready.commit", "one that nobody merged goes with its branch; one that was merged is reached, and compared"),
];

/// The walk before each entry.
fn provers<'a>(world: &'a Finished, graph: &'a Graph<'a>, hashes: &'a Hashes) -> Vec<Prover<'a>> {
    let mut prover = Prover::new(&world.objects, graph, hashes, Some(world.pin));
    let mut before = Vec::new();
    for (id, _) in &world.line {
        before.push(prover.clone());
        assert!(prover.step(*id) && prover.is_proven(), "{:?}", prover.findings());
    }
    before
}

#[test]
fn the_finished_repository_is_proven() {
    let world = finished();
    let report = prove(&world.objects, world.tips, Some(world.pin), None);
    assert_eq!(report.verdict, Verdict::Proven, "{report}");
    assert!(report.deployments.len() >= 5 && report.environments == 5, "{report}");
    // The same from any commit on that was proven before.
    for (id, _) in &world.line {
        let report = prove(&world.objects, world.tips, Some(world.pin), Some(*id));
        assert_eq!(report.verdict, Verdict::Proven, "{report}");
    }
}

#[test]
fn every_leaf_of_every_entry_is_found_or_attested() {
    let world = finished();
    let (graph, hashes) = (Graph::new(&world.objects), Hashes::default());
    let provers = provers(world, &graph, &hashes);
    let mut passed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut tried = 0;
    for (at, (_, entry)) in world.line.iter().enumerate() {
        let value = serde_json::to_value(entry).expect("JSON");
        for mutation in mutations(&value) {
            tried += 1;
            if passes(world, &provers[at], at, &Forgery::Json(mutation.value)) {
                let examples = passed.entry(mutation.label).or_default();
                examples.insert(format!("entry {at}: {}", mutation.what));
            }
        }
    }
    assert!(tried > 1000, "only {tried} forgeries were tried");
    let allowed: BTreeSet<&str> = ATTESTED.iter().map(|(label, _)| *label).collect();
    let found: BTreeSet<&str> = passed.keys().map(String::as_str).collect();
    let unlisted: BTreeMap<_, _> = passed.iter().filter(|(label, _)| !allowed.contains(label.as_str())).collect();
    assert!(unlisted.is_empty(), "not found, and not on the list: {unlisted:#?}");
    let stale: Vec<_> = allowed.difference(&found).collect();
    assert!(stale.is_empty(), "on the list, but found: {stale:?}");
}

#[test]
fn what_a_deployment_set_is_no_find_on_the_host() {
    let world = finished();
    let (graph, hashes) = (Graph::new(&world.objects), Hashes::default());
    let provers = provers(world, &graph, &hashes);
    let mut tried = 0;
    for (at, (_, entry)) in world.line.iter().enumerate() {
        let of_drift = |event: &Event| matches!(event, Event::Planned { kind: PlanKind::Drift, .. });
        let Some(place) = entry.events.iter().position(of_drift) else { continue };
        let name = entry.events[place].environment().expect("an environment");
        let claims = world.line[..at].iter().rev().flat_map(|(_, entry)| &entry.events);
        let target = claims.into_iter().find_map(|event| match event {
            Event::Claimed(claim) if claim.environment == *name => claim.targets.first(),
            _ => None,
        });
        let told = |path: String| {
            let mut value = serde_json::to_value(entry).expect("JSON");
            value["events"][place]["removes"] = serde_json::json!([path]);
            passes(world, &provers[at], at, &Forgery::Json(value))
        };
        let target = target.expect("a target");
        assert!(told(format!("{target}/foreign (a file of 3 bytes)")), "entry {at}: what was found there");
        assert!(!told(format!("{target}/app.conf")), "entry {at}: what was applied there");
        tried += 1;
    }
    assert!(tried > 0, "no plan of drift");
}

#[test]
fn every_line_of_every_file_is_found() {
    let world = finished();
    let (graph, hashes) = (Graph::new(&world.objects), Hashes::default());
    let provers = provers(world, &graph, &hashes);
    let mut last: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, (_, entry)) in world.line.iter().enumerate() {
        last.extend(entry.files.iter().filter(|(_, digest)| digest.is_some()).map(|(path, _)| (path.as_str(), at)));
    }
    let mut passed = Vec::new();
    for (at, (id, entry)) in world.line.iter().enumerate() {
        let tree = world.objects.commit(*id).expect("a commit").tree;
        for (path, _) in entry.files.iter().filter(|(_, digest)| digest.is_some()) {
            let file = entry_at(&world.objects, tree, path).expect("a tree").expect("a file");
            let bytes = world.objects.blob(file.id).expect("a blob");
            let mut changes = lines(&bytes);
            if last[path.as_str()] != at {
                // Of the versions that were replaced, one line each.
                let one = changes.len() * (at + 1) / (world.line.len() + 1);
                changes = vec![changes.swap_remove(one)];
            }
            // What people read of drift is what was seen on the host: its digest is proven, and its words are attested.
            let is_of_drift = |event: &Event| matches!(event, Event::Planned { kind: PlanKind::Drift, .. });
            let is_shown = path.ends_with("/plan.md") || path.ends_with("/plan.diff");
            if is_shown && entry.events.iter().any(is_of_drift) {
                continue;
            }
            for (what, changed) in changes {
                if passes(world, &provers[at], at, &Forgery::File(path.clone(), changed)) {
                    passed.push(format!("entry {at}: {path}: {what}"));
                }
            }
        }
        // What nobody asked for.
        for path in ["extra", "policy/1/extra.yaml", "environments/prod/extra"] {
            if passes(world, &provers[at], at, &Forgery::File(path.to_owned(), Some(b"x".to_vec()))) {
                passed.push(format!("entry {at}: {path} is added"));
            }
        }
    }
    assert!(passed.is_empty(), "{passed:#?}");
}

#[test]
fn nothing_can_be_changed_without_the_daemons_key() {
    let world = finished();
    let (graph, hashes) = (Graph::new(&world.objects), Hashes::default());
    let provers = provers(world, &graph, &hashes);
    let found = |at: usize, raw: &[u8]| {
        let id = world.objects.write(Kind::Commit, raw).expect("a store");
        let mut prover = provers[at].clone();
        prover.step(id);
        !prover.is_proven()
    };
    for (at, (id, entry)) in world.line.iter().enumerate() {
        let commit = world.objects.commit(*id).expect("a commit");
        let pem = &commit.signatures[0];
        // Every signature: a letter of it, another one's, none at all.
        let body = pem.find('\n').expect("lines") + 1;
        for place in [body + 1, body + 100, pem.len() - 60] {
            let mut other = pem.clone().into_bytes();
            other[place] = if other[place] == b'A' { b'B' } else { b'A' };
            let other = String::from_utf8(other).expect("text");
            assert!(found(at, &with_signature(&commit.signed, &other).expect("a commit")), "entry {at} at {place}");
        }
        assert!(found(at, &commit.signed), "entry {at} is not signed");
        let neighbour = world.objects.commit(world.line[(at + 1) % world.line.len()].0).expect("a commit");
        let other = with_signature(&commit.signed, &neighbour.signatures[0]).expect("a commit");
        assert!(found(at, &other), "entry {at} carries another's signature");
        // Every leaf, with the signature as it was.
        let value = serde_json::to_value(entry).expect("JSON");
        for mutation in mutations(&value) {
            let raw = vandalised(world, &commit, &mutation.value, pem);
            assert!(found(at, &raw), "entry {at}: {}", mutation.what);
        }
    }
}

/// An entry's commit with another `entry.json` under its old signature.
fn vandalised(world: &Finished, commit: &countersign::object::Commit, value: &Value, pem: &str) -> Vec<u8> {
    let id = world.objects.write(Kind::Blob, &canonical_json(value)).expect("a store");
    let edits = [(ENTRY.to_owned(), Edit::Put(Entry { mode: Mode::File, id }))].into();
    let tree = edit_tree(&world.objects, Some(commit.tree), &edits).expect("a tree");
    let signed = String::from_utf8(commit.signed.clone()).expect("text");
    let signed = signed.replacen(&commit.tree.to_string(), &tree.to_string(), 1);
    with_signature(signed.as_bytes(), pem).expect("a commit")
}

#[test]
fn an_entry_that_another_key_signed_is_found() {
    let world = finished();
    let folder = tempfile::tempdir().expect("a folder");
    let key = other_key(folder.path());
    let (graph, hashes) = (Graph::new(&world.objects), Hashes::default());
    for (at, prover) in provers(world, &graph, &hashes).into_iter().enumerate() {
        let (id, entry) = &world.line[at];
        let commit = world.objects.commit(*id).expect("a commit");
        let again = NewCommit {
            tree: commit.tree,
            parents: &commit.parents,
            name: AUTHOR.0,
            email: AUTHOR.1,
            time: entry.time,
            message: &commit.message,
        };
        let (id, _) = write_commit(&world.objects, &again, Some(&key)).expect("a commit");
        let mut prover = prover;
        prover.step(id);
        assert!(prover.findings().iter().any(|finding| finding.what.contains("no journal key")), "entry {at}");
    }
}

fn other_key(folder: &Path) -> JournalKey {
    let file = folder.join("key");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&file).status();
    assert!(made.expect("ssh-keygen runs").success());
    JournalKey::load(&file).expect("a key")
}

/// Statements and policy in the config branch: every line of each is changed in the commit that brought it, and every
/// commit after it made again, once with the journal as it is and once with a journal that follows.
#[test]
fn every_line_of_statements_and_policy_in_the_config_branch_is_found() {
    let world = finished();
    let (graph, hashes) = (Graph::new(&world.objects), Hashes::default());
    let history = graph.range(&[world.tips.config], &[]).expect("a history");
    let provers = provers(world, &graph, &hashes);
    let mut walked = provers[provers.len() - 1].clone();
    walked.step(world.tips.journal);
    let mut seen = BTreeSet::new();
    let mut tried = 0;
    for (at, id) in history.iter().enumerate() {
        let tree = world.objects.commit(*id).expect("a commit").tree;
        for (path, entry) in files_below(&world.objects, tree).expect("a tree") {
            let watched = path.starts_with("approvals/") || path.starts_with("governance/");
            if !watched || !seen.insert((path.clone(), entry.id)) {
                continue;
            }
            let bytes = world.objects.blob(entry.id).expect("a blob");
            for (what, changed) in lines(&bytes) {
                tried += 1;
                let moved = rewritten(world, &history[at..], &path, entry.id, changed.as_deref());
                let config = moved.commits[&world.tips.config];
                let as_it_is = walked.clone().finish(Tips { config, ..world.tips });
                assert_ne!(as_it_is.verdict, Verdict::Proven, "{path}: {what}");
                let follows = passes_renamed(world, &provers, &moved.names, Tips { config, ..world.tips });
                assert!(!follows, "with a journal that follows: {path}: {what}");
            }
        }
    }
    assert!(tried > 100, "only {tried} changes were tried");
}

/// Merges that say something: the signature of each is changed, taken away and replaced by one of the daemon's key, and
/// what it covers is changed under it; every commit after it is made again, once with the journal as it is and once with
/// a journal that follows.
#[test]
fn every_signed_merge_in_the_config_branch_is_found() {
    let world = finished();
    let (graph, hashes) = (Graph::new(&world.objects), Hashes::default());
    let history = graph.range(&[world.tips.config], &[]).expect("a history");
    let provers = provers(world, &graph, &hashes);
    let mut walked = provers[provers.len() - 1].clone();
    walked.step(world.tips.journal);
    let mut tried = 0;
    for (at, id) in history.iter().enumerate() {
        let commit = world.objects.commit(*id).expect("a commit");
        let Some(pem) = commit.signatures.first().filter(|_| commit.parents.len() > 1) else { continue };
        let signed = String::from_utf8(commit.signed.clone()).expect("text");
        let mut letter = pem.clone().into_bytes();
        let place = pem.find('\n').expect("lines") + 101;
        letter[place] = if letter[place] == b'A' { b'B' } else { b'A' };
        let letter = String::from_utf8(letter).expect("text");
        let other = |text: &str, pem: &str| with_signature(text.as_bytes(), pem).expect("a commit");
        let ours = |text: &str| other(text, &world.key.sign("git", text.as_bytes()).expect("a signature"));
        let said = format!("{signed}and one more word\n");
        let changes = [
            ("a letter of its signature", other(&signed, &letter)),
            ("its signature is gone", signed.clone().into_bytes()),
            ("the daemon signs it", ours(&signed)),
            ("its message, under the old signature", other(&said, pem)),
            ("its message, and the daemon signs it", ours(&said)),
        ];
        for (what, raw) in changes {
            tried += 1;
            let moved = remade(world, &history[at..], &raw);
            let config = moved.commits[&world.tips.config];
            let as_it_is = walked.clone().finish(Tips { config, ..world.tips });
            assert_ne!(as_it_is.verdict, Verdict::Proven, "{id}: {what}");
            let follows = passes_renamed(world, &provers, &moved.names, Tips { config, ..world.tips });
            assert!(!follows, "with a journal that follows: {id}: {what}");
        }
    }
    assert!(tried >= 30, "only {tried} changes were tried");
}

/// These commits again, the first of them with these bytes. Nobody signs again: the people did not.
fn remade(world: &Finished, history: &[Oid], first: &[u8]) -> Moved {
    let objects = &world.objects;
    let mut moved = Moved { commits: BTreeMap::new(), names: Vec::new() };
    for (at, id) in history.iter().enumerate() {
        let mut text = String::from_utf8(objects.commit(*id).expect("a commit").raw.to_vec()).expect("text");
        if at == 0 {
            text = String::from_utf8(first.to_vec()).expect("text");
        }
        for (old, new) in &moved.commits {
            text = text.replacen(&format!("parent {old}"), &format!("parent {new}"), 1);
        }
        let new = objects.write(Kind::Commit, text.as_bytes()).expect("a store");
        if new != *id {
            moved.commits.insert(*id, new);
            moved.names.push((id.to_string(), new.to_string()));
        }
    }
    moved
}

/// A rewritten config branch: what each commit has become, and the names of commits and trees before and after.
struct Moved {
    commits: BTreeMap<Oid, Oid>,
    names: Vec<(String, String)>,
}

/// These commits again, with another text wherever a path has this blob. Nobody signs again: the people did not.
fn rewritten(world: &Finished, history: &[Oid], path: &str, blob: Oid, changed: Option<&[u8]>) -> Moved {
    let objects = &world.objects;
    let edit = match changed {
        Some(bytes) => Edit::Put(Entry { mode: Mode::File, id: objects.write(Kind::Blob, bytes).expect("a store") }),
        None => Edit::Remove,
    };
    let mut moved = Moved { commits: BTreeMap::new(), names: Vec::new() };
    for id in history {
        let commit = objects.commit(*id).expect("a commit");
        let has_it = entry_at(objects, commit.tree, path).expect("a tree").is_some_and(|entry| entry.id == blob);
        let mut text = String::from_utf8(commit.raw.to_vec()).expect("text");
        if has_it {
            let edits = [(path.to_owned(), edit)].into();
            let tree = edit_tree(objects, Some(commit.tree), &edits).expect("a tree");
            text = text.replacen(&commit.tree.to_string(), &tree.to_string(), 1);
            moved.names.push((commit.tree.to_string(), tree.to_string()));
        }
        for parent in &commit.parents {
            if let Some(new) = moved.commits.get(parent) {
                text = text.replacen(&parent.to_string(), &new.to_string(), 1);
            }
        }
        let new = objects.write(Kind::Commit, text.as_bytes()).expect("a store");
        if new != *id {
            moved.commits.insert(*id, new);
            moved.names.push((id.to_string(), new.to_string()));
        }
    }
    moved
}
