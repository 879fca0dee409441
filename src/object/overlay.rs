//! A store on top of another: for trees that are in no repository, or not yet.

use std::sync::Arc;

use super::{Kind, MemoryObjects, ObjectError, Objects, Oid};

/// What is written stays in memory, and what is not there is read from the store behind, which is written to by
/// [`Overlay::keep`] alone.
pub struct Overlay<'a> {
    memory: MemoryObjects,
    behind: &'a dyn Objects,
}

impl<'a> Overlay<'a> {
    /// Nothing yet, on top of this store.
    pub fn new(behind: &'a dyn Objects) -> Self {
        Self::on(MemoryObjects::default(), behind)
    }

    /// What was written to this memory before, on top of this store.
    pub fn on(memory: MemoryObjects, behind: &'a dyn Objects) -> Self {
        Self { memory, behind }
    }

    /// What was written.
    pub fn memory(&self) -> &MemoryObjects {
        &self.memory
    }

    /// Puts everything that was written into the store behind.
    ///
    /// # Errors
    /// As [`Objects::write_all`].
    pub fn keep(self) -> Result<(), ObjectError> {
        self.behind.write_all(&self.memory.all())
    }
}

impl Objects for Overlay<'_> {
    fn read(&self, kind: Kind, id: Oid) -> Result<Arc<[u8]>, ObjectError> {
        match self.memory.read(kind, id) {
            Err(ObjectError::Missing { .. }) => self.behind.read(kind, id),
            found => found,
        }
    }

    fn write(&self, kind: Kind, bytes: &[u8]) -> Result<Oid, ObjectError> {
        self.memory.write(kind, bytes)
    }
}
