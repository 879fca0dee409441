//! Reading ahead: while an entry is proven, another processor reads what the next ones need, and verifies their
//! signatures.
//!
//! # Guarantees
//! * Nothing is decided here and nothing is told. What was read is remembered where the walk looks for it ([`Recent`], and
//!   the memory of signatures that fit), and the walk asks the same questions as without. Which files differ between two
//!   trees, and their digests, are told to it with the trees' names, and it takes them for these trees alone: what it
//!   finds cannot depend on this.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::tree::Changed;
use crate::evidence::Source;
use crate::evidence::graph::Graph;
use crate::evidence::signature::commit_signer;
use crate::evidence::statements::find_statements;
use crate::journal::read::read_entry;
use crate::journal::{Claim, EntryCommit, Event, Heads};
use crate::lifecycle::Start;
use crate::model::EnvironmentName;
use crate::object::{Mode, ObjectError, Objects, Oid, Recent, entry_at, files_below};
use crate::parallel;
use crate::revision::resolve::below;

/// So many entries are read ahead: while an entry is proven that plans hundreds, those that deploy what it planned can
/// be read. What is read ahead must still be remembered when it is asked for. A large one takes the room of several.
const FAR: usize = 256;

/// Of an entry that changes more files than that, the walk itself shares the work.
const MANY: usize = 64;

/// So few entries are not worth a thread.
const FEW: usize = 8;

/// Where so few entries are ready the walk is the faster of the two, and reads more of them itself.
const SCARCE: usize = 4;

/// Walks along these entries while they are read ahead: [`Ahead::wait`] before each.
///
/// `start` is what the journal's first entry fixed, where that is not among them.
pub(crate) fn along<R>(
    objects: &Recent<'_>,
    start: Option<&Start>,
    line: &[Oid],
    walk: impl FnOnce(Ahead<'_>) -> R,
) -> R {
    let (tell, told) = sync_channel(FAR);
    let ready = &AtomicUsize::new(0);
    thread::scope(|scope| {
        if line.len() > FEW && parallel::processors() > 1 {
            scope.spawn(move || {
                // What cannot be read is for the walk to tell.
                let _ = read(objects, start.cloned(), line, &Tell { tell, ready });
            });
        } else {
            drop(tell);
        }
        walk(Ahead { told, ready })
    })
}

/// How far it was read.
pub(crate) struct Ahead<'r> {
    told: Receiver<Option<ReadAhead>>,
    /// So many entries wait to be walked over.
    ready: &'r AtomicUsize,
}

/// The other end of [`Ahead`].
struct Tell<'r> {
    tell: SyncSender<Option<ReadAhead>>,
    ready: &'r AtomicUsize,
}

impl Tell<'_> {
    /// False where nobody walks any more.
    fn send(&self, read: ReadAhead) -> bool {
        let room = read.changed.len() / MANY;
        self.ready.fetch_add(1, Ordering::Relaxed);
        let mut told = std::iter::repeat_with(|| None).take(room).chain([Some(read)]);
        told.all(|told| self.tell.send(told).is_ok())
    }

    fn is_scarce(&self) -> bool {
        self.ready.load(Ordering::Relaxed) < SCARCE
    }
}

/// An entry that was read ahead, and what it changed.
pub(crate) struct ReadAhead {
    pub read: EntryCommit,
    pub changed: Changed,
}

impl Ahead<'_> {
    /// Waits until the next entry was read, or nobody reads ahead any more.
    pub fn wait(&self) -> Option<ReadAhead> {
        loop {
            match self.told.recv() {
                Ok(Some(read)) => {
                    self.ready.fetch_sub(1, Ordering::Relaxed);
                    return Some(read);
                }
                // The room of a large one.
                Ok(None) => {}
                Err(_) => return None,
            }
        }
    }
}

fn read(objects: &Recent<'_>, mut start: Option<Start>, line: &[Oid], tell: &Tell<'_>) -> Result<(), ObjectError> {
    let graph = Graph::new(objects);
    let first = line.first().map(|first| objects.commit(*first)).transpose()?;
    let mut before = match first.and_then(|first| first.parents.first().copied()) {
        Some(parent) => read_entry(objects, parent).ok().map(|read| (read.commit.tree, read.entry.heads)),
        None => None,
    };
    for id in line {
        let Ok(read) = read_entry(objects, *id) else { return Ok(()) };
        let _ = commit_signer(&read.commit);
        start = start.or_else(|| Start::of(&read.entry));
        let tree = read.commit.tree;
        let mut changed = Changed::between(objects, before.map(|(tree, _)| tree), tree)?;
        let is_shared = changed.len() > MANY;
        let planned = planned(&read.entry.events);
        if !is_shared && !tell.is_scarce() {
            changed.read(objects)?;
            if let (Some(start), Some((_, heads))) = (&start, before) {
                statements(objects, &graph, start, heads, read.entry.heads)?;
                inputs(objects, start, read.entry.heads, &planned)?;
            }
        }
        let heads = read.entry.heads;
        before = Some((tree, heads));
        if !tell.send(ReadAhead { read, changed }) {
            return Ok(());
        }
        // One environment is planned after the other, and takes longer to be planned than to be read.
        if let (true, Some(start)) = (is_shared, &start) {
            inputs(objects, start, heads, &planned)?;
        }
    }
    Ok(())
}

/// Verifies the statements that an entry read.
fn statements(
    objects: &Recent<'_>,
    graph: &Graph<'_>,
    start: &Start,
    from: Heads,
    to: Heads,
) -> Result<(), ObjectError> {
    let not: Vec<Oid> = std::iter::once(from.config).chain(from.records).collect();
    let tips = [(Source::Config, from.config != to.config, Some(to.config))];
    let tips = tips.into_iter().chain([(Source::Records, from.records != to.records, to.records)]);
    for (source, _, tip) in tips.filter(|(_, moved, _)| *moved) {
        let Some(tip) = tip else { continue };
        find_statements(graph, objects, &start.root, source, &not, tip, &|_| None)?;
    }
    Ok(())
}

/// The environments that these events plan or deploy.
pub(super) fn planned(events: &[Event]) -> Vec<EnvironmentName> {
    let planned = |event: &Event| match event {
        Event::Planned { environment, .. } | Event::Claimed(Claim { environment, .. }) => Some(environment.clone()),
        _ => None,
    };
    events.iter().filter_map(planned).filter(|name| !name.is_governance()).collect()
}

/// Reads what these environments are made of.
fn inputs(objects: &Recent<'_>, start: &Start, heads: Heads, names: &[EnvironmentName]) -> Result<(), ObjectError> {
    let tree = objects.tree_of(heads.config)?;
    for name in names {
        let folder = below(&start.root, &format!("environments/{name}"));
        let Some(folder) = entry_at(objects, tree, &folder)?.filter(|entry| entry.mode == Mode::Tree) else { continue };
        for entry in files_below(objects, folder.id)?.into_values().filter(|entry| entry.mode != Mode::Submodule) {
            objects.blob(entry.id)?;
        }
    }
    Ok(())
}
