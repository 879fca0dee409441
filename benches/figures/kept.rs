//! Objects in memory that remember what was written, so that all of it can become one pack.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use countersign::git::store::GitObjects;
use countersign::object::{Kind, MemoryObjects, ObjectError, Objects, Oid};

#[derive(Clone, Default)]
pub struct Kept {
    objects: MemoryObjects,
    written: Arc<Mutex<Vec<(Kind, Oid)>>>,
}

impl Kept {
    /// What the remote and the daemon share.
    pub fn on(objects: &MemoryObjects) -> Self {
        Self { objects: objects.clone(), written: Arc::default() }
    }

    /// Puts everything into a bare repository, as one pack.
    pub fn pack_into(&self, repository: &Path) {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let written: BTreeMap<Oid, Kind> = written.iter().map(|(kind, id)| (*id, *kind)).collect();
        let object = |(id, kind): (&Oid, &Kind)| (*kind, self.objects.read(*kind, *id).expect("an object"));
        let objects: Vec<_> = written.iter().map(object).collect();
        GitObjects::open(repository).expect("a repository").write_all(&objects).expect("written");
    }
}

impl Objects for Kept {
    fn read(&self, kind: Kind, id: Oid) -> Result<Arc<[u8]>, ObjectError> {
        self.objects.read(kind, id)
    }

    fn write(&self, kind: Kind, bytes: &[u8]) -> Result<Oid, ObjectError> {
        let id = self.objects.write(kind, bytes)?;
        self.written.lock().unwrap_or_else(PoisonError::into_inner).push((kind, id));
        Ok(id)
    }
}
