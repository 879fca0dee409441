//! The real daemon on a generated world: the real loop, store, remote, disk and driver, in this process, so that its own
//! time can be told from that of the programs it starts.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use countersign::disk::{FolderDisk, instance};
use countersign::git::command::{Access, GitHome};
use countersign::git::remote::GitRemote;
use countersign::git::sign::JournalKey;
use countersign::git::store::GitObjects;
use countersign::git::url::RemoteUrl;
use countersign::reconcile::{Daemon, Drivers, SystemClock};
use countersign::services::files::FilesDriver;

use super::people::{DAEMON, private_key};
use super::world::World;

impl World {
    /// A daemon with a state folder, which may be one that another left.
    pub fn daemon(&self, state: &Path, url: &str, access: Access) -> Daemon {
        fs::create_dir_all(state).expect("a folder");
        let disk = FolderDisk::open(state).expect("a state folder");
        let instance = instance(&disk).expect("an instance");
        let home = GitHome::create(state).expect("a home for git");
        let cache = state.join("git");
        let objects = GitObjects::create_bare(&cache).expect("a store");
        let url: RemoteUrl = url.parse().expect("a URL");
        let remote = GitRemote::new(url, objects.clone(), &home, access).expect("a remote");
        let granted = vec![self.folder.join("srv").display().to_string()];
        Daemon::new(
            self.config(false),
            Arc::new(objects),
            Box::new(remote),
            Box::new(SystemClock),
            Box::new(disk),
            Drivers { files: Box::new(FilesDriver::new(granted)) },
            JournalKey::from_openssh(&private_key(DAEMON)).expect("a key"),
            instance,
        )
    }

    /// As [`World::daemon`], on the remote in the world's folder.
    pub fn local_daemon(&self, state: &str) -> Daemon {
        self.daemon(&self.folder.join(state), &self.remote().display().to_string(), Access::Open)
    }
}
