//! Somebody with the daemon's key who rewrites history and puts right everything that follows from what they changed:
//! digests, signatures, commit ids, and every page and document the daemon would have written.

use std::collections::{BTreeMap, BTreeSet};

use countersign::digest::{Digest, canonical_json};
use countersign::git::sign::{NewCommit, write_commit};
use countersign::journal::pages::{self, Overview};
use countersign::journal::read::governance_of;
use countersign::journal::{AUTHOR, AttemptOutcome, DeploymentDocument, ENTRY, Event, JournalEntry, Status, yaml_out};
use countersign::lifecycle::{State, draft_verdict_on, verdict_on};
use countersign::object::{Edit, Entry, Kind, Mode, Objects, Oid, edit_tree, entry_at};
use countersign::revision::Hashes;
use countersign::verify::{Prover, Tips, Verdict};
use serde_json::Value;

use super::finished::Finished;

/// What is changed in one entry.
#[derive(Debug, Clone)]
pub enum Forgery {
    /// `entry.json` becomes this.
    Json(Value),
    /// A file becomes this; `None`: it is gone.
    File(String, Option<Vec<u8>>),
}

/// The journal as it is rewritten, up to some entry.
struct Rewritten {
    parent: Option<(Oid, Oid, Digest)>,
    /// The fold of what was rewritten; `None` where it cannot be folded.
    state: Option<State>,
    /// Commit ids before and after.
    moved: Vec<(String, String)>,
}

/// Rewrites the journal from entry `at` on and walks it; gives whether all of it was found good, to the last entry.
pub fn passes(world: &Finished, prover: &Prover<'_>, at: usize, forgery: &Forgery) -> bool {
    let mut prover = prover.clone();
    let mut rewritten = Rewritten::before(world, at);
    for place in at..world.line.len() {
        let id = rewritten.write(world, place, (place == at).then_some(forgery));
        if place == at && id == world.line[at].0 {
            panic!("the forgery changed nothing: {forgery:?}");
        }
        if !prover.step(id) || !prover.is_proven() {
            return false;
        }
    }
    let (journal, ..) = rewritten.parent.expect("a tip");
    prover.finish(Tips { journal, ..world.tips }).verdict == Verdict::Proven
}

/// Rewrites the journal with other names for commits and trees, from the first entry that has one of them, and walks it;
/// gives whether all of it was found good. `provers`: the walk before each entry.
pub fn passes_renamed(world: &Finished, provers: &[Prover<'_>], names: &[(String, String)], tips: Tips) -> bool {
    let names_one = |(_, entry): &(Oid, JournalEntry)| {
        let text = String::from_utf8(canonical_json(entry)).expect("text");
        names.iter().any(|(old, _)| text.contains(old.as_str()))
    };
    let at = world.line.iter().position(names_one).expect("an entry that names one");
    let mut prover = provers[at].clone();
    let mut rewritten = Rewritten::before(world, at);
    rewritten.moved = names.to_vec();
    for place in at..world.line.len() {
        let id = rewritten.write(world, place, None);
        if !prover.step(id) || !prover.is_proven() {
            return false;
        }
    }
    let (journal, ..) = rewritten.parent.expect("a tip");
    prover.finish(Tips { journal, ..tips }).verdict == Verdict::Proven
}

impl Rewritten {
    /// Nothing rewritten yet, up to this entry.
    fn before(world: &Finished, at: usize) -> Self {
        let parent = at.checked_sub(1).map(|before| {
            let (id, _) = world.line[before];
            let commit = world.objects.commit(id).expect("a commit");
            (id, commit.tree, Digest::of(&commit.raw))
        });
        let state = at.checked_sub(1).map(|before| world.states[before].clone());
        Self { parent, state, moved: Vec::new() }
    }

    /// Writes one entry on top of what was rewritten.
    fn write(&mut self, world: &Finished, place: usize, forgery: Option<&Forgery>) -> Oid {
        let objects = &world.objects;
        let (old, entry) = &world.line[place];
        let old = objects.commit(*old).expect("a commit");
        let mut value = self.moved_value(entry);
        let mut kept = Vec::new();
        if let Some(Forgery::Json(forged)) = forgery {
            // What was forged there stays; everything else is put right.
            kept = ["files", "previous"].into_iter().filter(|field| forged[field] != value[field]).collect();
            value = forged.clone();
        }
        let mut files: BTreeMap<String, Option<Vec<u8>>> = BTreeMap::new();
        for path in entry.files.keys() {
            let bytes = entry_at(objects, old.tree, path).expect("a tree").map(|entry| {
                let bytes = objects.blob(entry.id).expect("a blob").to_vec();
                self.moved_text(&bytes)
            });
            files.insert(path.clone(), bytes);
        }
        let forged = serde_json::from_value::<JournalEntry>(value.clone()).ok();
        self.fold(world, forged.as_ref(), &mut files);
        if let Some(Forgery::File(path, bytes)) = forgery {
            files.insert(path.clone(), bytes.clone());
        }
        let before = self.parent.map(|(_, tree, _)| tree);
        let mut edits = BTreeMap::new();
        let mut listed = serde_json::Map::new();
        for (path, bytes) in &files {
            let there = before.and_then(|tree| entry_at(objects, tree, path).expect("a tree"));
            let put = bytes.as_ref().map(|bytes| {
                let id = objects.write(Kind::Blob, bytes).expect("a store");
                Entry { mode: Mode::File, id }
            });
            if there != put {
                edits.insert(path.clone(), put.map_or(Edit::Remove, Edit::Put));
                let digest = bytes.as_ref().map(|bytes| Digest::of(bytes).to_string());
                listed.insert(path.clone(), digest.map_or(Value::Null, Value::String));
            }
        }
        if !kept.contains(&"files") {
            value["files"] = Value::Object(listed);
        }
        if !kept.contains(&"previous") && place > 0 {
            value["previous"] = Value::String(self.parent.expect("a parent").2.to_string());
        }
        let id = objects.write(Kind::Blob, &canonical_json(&value)).expect("a store");
        edits.insert(ENTRY.to_owned(), Edit::Put(Entry { mode: Mode::File, id }));
        let tree = edit_tree(objects, before, &edits).expect("a tree");
        let parents: Vec<Oid> = self.parent.iter().map(|(parent, ..)| *parent).collect();
        let (time, message) = match &forged {
            Some(forged) => (forged.time, pages::commit_message(&forged.events)),
            None => (entry.time, old.message.clone()),
        };
        let commit = NewCommit { tree, parents: &parents, name: AUTHOR.0, email: AUTHOR.1, time, message: &message };
        let (id, raw) = write_commit(objects, &commit, Some(&world.key)).expect("a commit");
        self.parent = Some((id, tree, Digest::of(&raw)));
        self.moved.push((old.id.to_string(), id.to_string()));
        id
    }

    /// Folds the forged entry and renders what the daemon would have rendered; where it cannot be folded the files stay
    /// as they were.
    fn fold(&mut self, world: &Finished, forged: Option<&JournalEntry>, files: &mut BTreeMap<String, Option<Vec<u8>>>) {
        let Some(entry) = forged else {
            self.state = None;
            return;
        };
        let Some(mut state) = self.state.take() else {
            self.state = State::begin(entry).ok().filter(|_| self.parent.is_none());
            return;
        };
        if state.apply(entry).is_err() {
            return;
        }
        if self.render(world, entry, &state, files).is_some() {
            self.state = Some(state);
        }
    }

    fn render(
        &self,
        world: &Finished,
        entry: &JournalEntry,
        state: &State,
        files: &mut BTreeMap<String, Option<Vec<u8>>>,
    ) -> Option<()> {
        let governance = governance_of(&world.objects, &Hashes::default(), state).ok()?;
        let status = |name| {
            let env = state.environment(name);
            let verdict = verdict_on(&world.objects, &state.start.root, &governance, name, &env).ok()?;
            let of_draft = draft_verdict_on(&world.objects, &state.start.root, &governance, name, &env).ok()?;
            let status = Status::of(state, &governance, name, &env, verdict.as_ref());
            Some((status.with_draft(&env, of_draft.as_ref()), env))
        };
        let touched: BTreeSet<_> = entry.events.iter().filter_map(Event::environment).collect();
        for name in touched {
            let (status, env) = status(name)?;
            let folder = pages::environment_folder(state.start.layout, name);
            files.insert(format!("{folder}/status.yaml"), Some(yaml_out::to_yaml(&status).into_bytes()));
            let page = pages::environment_page(state, &status, &env);
            files.insert(format!("{folder}/README.md"), Some(page.into_bytes()));
        }
        let mut overview = Overview::new(state);
        for name in state.environments.keys() {
            overview.set(&status(name)?.0);
        }
        files.insert("README.md".to_owned(), Some(pages::root_page(&overview).into_bytes()));
        for event in &entry.events {
            self.deployment(world, entry, event, state, files);
        }
        Some(())
    }

    fn deployment(
        &self,
        world: &Finished,
        entry: &JournalEntry,
        event: &Event,
        state: &State,
        files: &mut BTreeMap<String, Option<Vec<u8>>>,
    ) -> Option<()> {
        let path = |name, number: u64| {
            format!("{}/history/{number}/deployment.yaml", pages::environment_folder(state.start.layout, name))
        };
        let before = |path: &str| {
            let (_, tree, _) = self.parent?;
            let found = entry_at(&world.objects, tree, path).ok()??;
            yaml_out::from_yaml::<DeploymentDocument>(&world.objects.blob(found.id).ok()?).ok()
        };
        let (path, document) = match event {
            Event::Claimed(claim) => {
                let path = path(&claim.environment, claim.number);
                let env = state.environment(&claim.environment);
                let document = match &env.correcting {
                    Some(correcting) => before(&path)?.with_correction(claim, correcting.claimed),
                    None => DeploymentDocument::of_claim(before(&path), &env, env.running()?),
                };
                (path, document)
            }
            Event::Outcome { environment, number, attempt, result, services, message } => {
                let path = path(environment, *number);
                let outcome = AttemptOutcome {
                    result: *result,
                    message: message.clone(),
                    services: services.clone(),
                    time: entry.time,
                };
                let document = before(&path)?.with_outcome(*attempt, outcome).ok()?;
                (path, document)
            }
            _ => return None,
        };
        files.insert(path, Some(yaml_out::to_yaml(&document).into_bytes()));
        Some(())
    }

    /// An entry with the commit ids that have changed.
    fn moved_value(&self, entry: &JournalEntry) -> Value {
        let text = String::from_utf8(canonical_json(entry)).expect("text");
        serde_json::from_slice(&self.moved_text(text.as_bytes())).expect("JSON")
    }

    fn moved_text(&self, bytes: &[u8]) -> Vec<u8> {
        let Ok(text) = std::str::from_utf8(bytes) else { return bytes.to_vec() };
        let mut text = text.to_owned();
        for (old, new) in &self.moved {
            if text.contains(old.as_str()) {
                text = text.replace(old.as_str(), new);
            }
        }
        text.into_bytes()
    }
}
