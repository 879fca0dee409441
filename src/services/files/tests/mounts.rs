//! Mount points and full disks, which only root can make.

use std::path::Path;
use std::process::Command;

use super::*;

/// A small file system in memory, unmounted at the end.
struct Mounted(PathBuf);

impl Mounted {
    fn at(path: &Path, test: &str) -> Option<Self> {
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "none"]).arg(path).output();
        match mount {
            Ok(done) if done.status.success() => Some(Self(path.to_owned())),
            Ok(done) => {
                skip(test, String::from_utf8_lossy(&done.stderr).trim());
                None
            }
            Err(error) => {
                skip(test, &format!("mount: {error}"));
                None
            }
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}

#[test]
fn a_mount_point_as_target_is_refused() {
    let host = Host::new();
    fs::create_dir(host.target()).unwrap();
    let Some(_mounted) = Mounted::at(&host.target(), "a_mount_point_as_target_is_refused") else { return };
    fs::write(host.target().join("precious"), "data").unwrap();
    let change = host.change(None, Some(ONE));
    assert_snapshot!(host.invalid(&change), @"the target `/srv/acme` is a mount point; choose a folder below it");
    assert_snapshot!(host.failed(&change), @"the target `/srv/acme` is a mount point; choose a folder below it; nothing was changed");
    host.failed(&host.change(Some(ONE), None));
    assert_eq!(fs::read(host.target().join("precious")).unwrap(), b"data");
    assert_eq!(fs::read_dir(&host.granted).unwrap().count(), 1, "staging is cleared");
}

#[test]
fn what_is_mounted_inside_a_target_is_never_deleted() {
    let host = Host::new().with(ONE);
    let data = host.target().join("data");
    fs::create_dir(&data).unwrap();
    let change = host.change(Some(ONE), Some(TWO));
    let Some(mut mounted) = Mounted::at(&data, "what_is_mounted_inside_a_target_is_never_deleted") else { return };
    fs::write(data.join("precious"), "data").unwrap();
    assert_snapshot!(host.invalid(&change), @"`data` in the target `/srv/acme` is a mount point; unmount it");

    // Mounted after the last look: the exchange takes it along, and it stays where it then is.
    host.apply(&change).unwrap();
    let job = Job::of(&change).unwrap();
    let aside = host.driver().place(&job).unwrap().unwrap().aside(effect(job.target, job.desired));
    mounted.0 = host.granted.join(aside).join("data");
    assert_eq!(fs::read(mounted.0.join("precious")).unwrap(), b"data");
    assert_eq!(host.settle(&change), Settled::Done);
    assert_eq!(fs::read(mounted.0.join("precious")).unwrap(), b"data");
}

#[test]
fn a_full_disk_leaves_the_old_content_and_no_half_of_the_new() {
    let host = Host::new();
    let Some(_mounted) = Mounted::at(&host.granted, "a_full_disk_leaves_the_old_content_and_no_half_of_the_new") else {
        return;
    };
    let host = host.with(ONE);
    let before = host.listing();
    let large = vec![b'x'; 100_000];
    let change = host.change(Some(ONE), Some(&[("a", b"fits"), ("large", &large)]));
    assert_snapshot!(host.failed(&change), @"cannot write `large` beside the target `/srv/acme`: No space left on device (os error 28); nothing was changed");
    assert_eq!(host.listing(), before);
    assert_eq!(host.settle(&change), Settled::Untouched);
    // The room is back: what fits can be applied.
    host.apply(&host.change(Some(ONE), Some(TWO))).unwrap();
}
