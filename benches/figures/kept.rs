//! Objects in memory that remember what was written, so that all of it can become one pack.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

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
        let store = git2::Repository::open_bare(repository).expect("a repository");
        let odb = store.odb().expect("a store");
        let memory = odb.add_new_mempack_backend(1000).expect("a store in memory");
        for (kind, id) in self.written.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let kind_there = match kind {
                Kind::Commit => git2::ObjectType::Commit,
                Kind::Tree => git2::ObjectType::Tree,
                Kind::Blob => git2::ObjectType::Blob,
            };
            odb.write(kind_there, &self.objects.read(*kind, *id).expect("an object")).expect("written");
        }
        let mut pack = git2::Buf::new();
        memory.dump(&store, &mut pack).expect("a pack");
        let mut index = Command::new("git");
        index.arg("--git-dir").arg(repository).args(["index-pack", "--stdin"]);
        let mut index = index.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("git runs");
        index.stdin.take().expect("a pipe").write_all(&pack).expect("written");
        assert!(index.wait().expect("git ends").success(), "git index-pack");
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
