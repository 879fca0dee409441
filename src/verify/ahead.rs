//! Reading ahead: while an entry is proven, another processor reads what the next ones need, and verifies their
//! signatures.
//!
//! # Guarantees
//! * Nothing is decided here and nothing is told. What was read is remembered where the walk looks for it ([`Recent`], and
//!   the memory of signatures that fit), and the walk asks the same questions as without. Which files differ between two
//!   trees, and their digests, are told to it with the trees' names, and it takes them for these trees alone: what it
//!   finds cannot depend on this.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::tree::Changed;
use crate::evidence::Source;
use crate::evidence::graph::Graph;
use crate::evidence::signature::commit_signer;
use crate::evidence::statements::find_statements;
use crate::journal::read::read_entry;
use crate::journal::{Event, Heads, JournalEntry};
use crate::lifecycle::Start;
use crate::model::EnvironmentName;
use crate::object::{Mode, ObjectError, Objects, Oid, Recent, entry_at, files_below};
use crate::parallel;
use crate::revision::resolve::below;

/// So many entries are read ahead.
const FAR: usize = 32;

/// Of an entry that changes more files than that, the walk itself shares the work.
const MANY: usize = 64;

/// So few entries are not worth a thread.
const FEW: usize = 8;

/// Walks along these entries while they are read ahead: [`Ahead::wait`] before each.
///
/// `start` is what the journal's first entry fixed, where that is not among them.
pub(crate) fn along<R>(objects: &Recent<'_>, start: Option<&Start>, line: &[Oid], walk: impl FnOnce(Ahead) -> R) -> R {
    let (tell, told) = sync_channel(FAR);
    thread::scope(|scope| {
        if line.len() > FEW && parallel::processors() > 1 {
            scope.spawn(move || {
                // What cannot be read is for the walk to tell.
                let _ = read(objects, start.cloned(), line, &tell);
            });
        } else {
            drop(tell);
        }
        walk(Ahead(told))
    })
}

/// How far it was read.
pub(crate) struct Ahead(Receiver<Option<Changed>>);

impl Ahead {
    /// Waits until the next entry was read, or nobody reads ahead any more: what it changed, where that was read.
    pub fn wait(&self) -> Option<Changed> {
        self.0.recv().ok().flatten()
    }
}

fn read(
    objects: &Recent<'_>,
    mut start: Option<Start>,
    line: &[Oid],
    tell: &SyncSender<Option<Changed>>,
) -> Result<(), ObjectError> {
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
        if !is_shared {
            changed.read(objects)?;
            if let (Some(start), Some((_, heads))) = (&start, before) {
                statements(objects, &graph, start, heads, read.entry.heads)?;
                inputs(objects, start, &read.entry)?;
            }
        }
        if tell.send(Some(changed)).is_err() {
            return Ok(());
        }
        // One environment is planned after the other, and takes longer to be planned than to be read.
        if let (true, Some(start)) = (is_shared, &start) {
            inputs(objects, start, &read.entry)?;
        }
        before = Some((tree, read.entry.heads));
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

/// Reads what the environments that are planned are made of.
fn inputs(objects: &Recent<'_>, start: &Start, entry: &JournalEntry) -> Result<(), ObjectError> {
    let tree = objects.tree_of(entry.heads.config)?;
    let planned = |event: &Event| match event {
        Event::Planned { environment, .. } | Event::Claimed(crate::journal::Claim { environment, .. }) => {
            Some(environment.clone())
        }
        _ => None,
    };
    for name in entry.events.iter().filter_map(planned).filter(|name: &EnvironmentName| !name.is_governance()) {
        let folder = below(&start.root, &format!("environments/{name}"));
        let Some(folder) = entry_at(objects, tree, &folder)?.filter(|entry| entry.mode == Mode::Tree) else { continue };
        for entry in files_below(objects, folder.id)?.into_values().filter(|entry| entry.mode != Mode::Submodule) {
            objects.blob(entry.id)?;
        }
    }
    Ok(())
}
