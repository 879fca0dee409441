//! The statements that are new between two sights of the repository.

use super::state::State;
use crate::evidence::graph::Graph;
use crate::evidence::statements::find_statements;
use crate::evidence::{Found, Source};
use crate::journal::Heads;
use crate::object::{ObjectError, Objects, Oid};

/// Every statement in the commits between two sights of the config and records branches.
///
/// # Errors
/// Where an object cannot be read: then nothing may be concluded.
pub fn find_new(
    graph: &Graph<'_>,
    objects: &dyn Objects,
    state: &State,
    from: Heads,
    to: Heads,
) -> Result<Vec<Found>, ObjectError> {
    let ready = |commit: Oid| state.ready_made(commit);
    let root = &state.start.root;
    // What either branch had before was read before, wherever it appears now.
    let not: Vec<Oid> = std::iter::once(from.config).chain(from.records).collect();
    let mut found = find_statements(graph, objects, root, Source::Config, &not, to.config, &ready)?;
    if let Some(records) = to.records {
        found.extend(find_statements(graph, objects, root, Source::Records, &not, records, &ready)?);
    }
    Ok(found)
}
