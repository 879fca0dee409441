mod concurrent;
mod hostile;
mod mounts;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;

use insta::assert_snapshot;
use tempfile::TempDir;

use super::*;
use crate::digest::Digest;
use crate::model::{Files, Service};
use crate::object::{Kind, MemoryObjects, Mode};
use crate::services::ServiceContent;

/// A host with a granted folder, and a repository in memory.
struct Host {
    _folder: TempDir,
    granted: PathBuf,
    objects: MemoryObjects,
}

/// What a service is made of: path, bytes; a path with a final `*` is executable.
type Content<'a> = &'a [(&'a str, &'a [u8])];

impl Host {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let granted = folder.path().canonicalize().unwrap().join("srv");
        fs::create_dir(&granted).unwrap();
        Self { _folder: folder, granted, objects: MemoryObjects::default() }
    }

    fn target(&self) -> PathBuf {
        self.granted.join("acme")
    }

    fn driver(&self) -> FilesDriver {
        FilesDriver::new([self.granted.to_str().unwrap().to_owned()])
    }

    fn content(&self, files: Content<'_>) -> ServiceContent {
        let file = |(path, bytes): &(&str, &[u8])| InputFile {
            path: path.trim_end_matches('*').to_owned(),
            mode: if path.ends_with('*') { Mode::Executable } else { Mode::File },
            sha256: Digest::of(bytes),
            blob: self.objects.write(Kind::Blob, bytes).unwrap(),
            size: bytes.len() as u64,
            rendered: None,
        };
        let kind =
            Files { path: "config".to_owned(), target: self.target().to_str().unwrap().to_owned(), template: false };
        let service =
            Service { name: "config".parse().unwrap(), depends_on: Vec::new(), kind: ServiceKind::Files(kind) };
        ServiceContent { service, files: files.iter().map(file).collect() }
    }

    fn change(&self, base: Option<Content<'_>>, desired: Option<Content<'_>>) -> ServiceChange {
        ServiceChange {
            environment: "acme-prod".parse().unwrap(),
            name: "config".parse().unwrap(),
            base: base.map(|files| self.content(files)),
            desired: desired.map(|files| self.content(files)),
        }
    }

    fn plan(&self, change: &ServiceChange) -> Result<ServicePlan, DriverError> {
        self.driver().plan(&self.objects, change)
    }

    fn apply(&self, change: &ServiceChange) -> Result<(), DriverError> {
        self.driver().apply(&Permit::for_tests(), &self.objects, change)
    }

    fn settle(&self, change: &ServiceChange) -> Settled {
        self.driver().settle(&self.objects, change).unwrap()
    }

    /// Applies a first content.
    fn with(self, files: Content<'_>) -> Self {
        self.apply(&self.change(None, Some(files))).unwrap();
        self
    }

    /// The host's own paths replaced, for snapshots.
    fn neutral(&self, text: &str) -> String {
        text.replace(self.granted.to_str().unwrap(), "/srv")
    }

    /// The reason why a change cannot be planned.
    fn invalid(&self, change: &ServiceChange) -> String {
        match self.plan(change) {
            Err(DriverError::Invalid { message }) => self.neutral(&message),
            other => panic!("expected Invalid, found {other:?}"),
        }
    }

    fn failed(&self, change: &ServiceChange) -> String {
        match self.apply(change) {
            Err(DriverError::Failed { message }) => self.neutral(&message),
            other => panic!("expected Failed, found {other:?}"),
        }
    }

    /// Everything in the granted folder: path to mode and content.
    fn everything(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        let mut open = vec![self.granted.clone()];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(&self.granted).unwrap().to_str().unwrap().to_owned();
                let meta = path.symlink_metadata().unwrap();
                let mode = meta.mode() & 0o7777;
                if meta.is_dir() {
                    found.insert(format!("{name}/"), format!("{mode:04o}"));
                    open.push(path);
                } else {
                    found.insert(name, format!("{mode:04o} {}", String::from_utf8_lossy(&fs::read(path).unwrap())));
                }
            }
        }
        found
    }

    fn listing(&self) -> String {
        self.everything().into_iter().map(|(path, what)| format!("{path} {what}")).collect::<Vec<_>>().join("\n")
    }
}

/// Reports a test that cannot run here, by name. Where CI runs it must.
fn skip(test: &str, why: &str) {
    assert!(std::env::var_os("CI").is_none(), "{test} cannot run: {why}");
    eprintln!("skipped: {test}: {why}");
}

const ONE: Content<'_> = &[("app.conf", b"one"), ("bin/run*", b"#!/bin/sh")];
const TWO: Content<'_> = &[("app.conf", b"two"), ("lib/deep/er.conf", b"x")];

#[test]
fn a_first_apply_makes_the_target_with_its_modes() {
    let host = Host::new();
    let change = host.change(None, Some(ONE));
    let plan = host.plan(&change).unwrap();
    assert_eq!(plan.action, Action::Create);
    assert_eq!(plan.effect, effect(host.target().to_str().unwrap(), Some(&change.desired.as_ref().unwrap().files)));
    host.apply(&change).unwrap();
    assert_snapshot!(host.listing(), @r"
    acme/ 0755
    acme/app.conf 0644 one
    acme/bin/ 0755
    acme/bin/run 0755 #!/bin/sh
    ");
    assert_eq!(host.settle(&change), Settled::Done);
}

#[test]
fn an_update_changes_and_prunes_and_leaves_nothing_beside_the_target() {
    let host = Host::new().with(ONE);
    let change = host.change(Some(ONE), Some(TWO));
    let plan = host.plan(&change).unwrap();
    assert_eq!(plan.action, Action::Update);
    assert_snapshot!(host.neutral(&plan.preview.render(usize::MAX).0), @r"
    - delete bin/run
    + create lib/deep/er.conf
    ~ change app.conf
    note: sets the folder `/srv/acme`, which is owned whole

    delete 0755 bin/run
    --- bin/run
    +++ /dev/null
    @@ -1 +0,0 @@
    -#!/bin/sh
    \ No newline at end of file
    create 0644 lib/deep/er.conf
    --- /dev/null
    +++ lib/deep/er.conf
    @@ -0,0 +1 @@
    +x
    \ No newline at end of file
    change 0644 app.conf
    --- app.conf
    +++ app.conf
    @@ -1 +1 @@
    -one
    \ No newline at end of file
    +two
    \ No newline at end of file
    ");
    host.apply(&change).unwrap();
    assert_snapshot!(host.listing(), @r"
    acme/ 0755
    acme/app.conf 0644 two
    acme/lib/ 0755
    acme/lib/deep/ 0755
    acme/lib/deep/er.conf 0644 x
    ");
}

#[test]
fn without_differences_on_the_host_the_plan_is_that_of_the_repository_alone() {
    let host = Host::new().with(ONE);
    let change = host.change(Some(ONE), Some(TWO));
    let job = Job::of(&change).unwrap();
    let pure = preview(&host.objects, job.target, job.base, job.desired, &[]).unwrap();
    assert_eq!(host.plan(&change).unwrap().preview, pure);
    // Looking changes nothing and gives the same again.
    assert_eq!(host.plan(&change), host.plan(&change));
}

#[test]
fn nothing_to_do_is_said_and_applying_it_anyway_is_harmless() {
    let host = Host::new().with(ONE);
    let change = host.change(Some(ONE), Some(ONE));
    assert_eq!(host.plan(&change).unwrap().action, Action::None);
    let before = host.listing();
    host.apply(&change).unwrap();
    assert_eq!(host.listing(), before);
}

#[test]
fn a_destroy_removes_the_target_and_is_fine_when_it_is_gone() {
    let host = Host::new().with(ONE);
    let change = host.change(Some(ONE), None);
    assert_eq!(host.plan(&change).unwrap().action, Action::Destroy);
    assert_eq!(host.settle(&change), Settled::Untouched);
    host.apply(&change).unwrap();
    assert_eq!(host.listing(), "");
    assert_eq!(host.settle(&change), Settled::Done);
    host.apply(&change).unwrap();
    fs::remove_dir(&host.granted).unwrap();
    host.plan(&change).unwrap();
    host.apply(&change).unwrap();
    assert_eq!(host.settle(&change), Settled::Done);
}

#[test]
fn binary_and_empty_files_arrive_as_they_are() {
    let bytes: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    let host = Host::new().with(&[("blob", &bytes), ("empty", b"")]);
    assert_eq!(fs::read(host.target().join("blob")).unwrap(), bytes);
    assert_eq!(fs::read(host.target().join("empty")).unwrap(), b"");
}

#[test]
fn an_empty_source_is_never_a_deletion() {
    let host = Host::new().with(ONE);
    let change = host.change(Some(ONE), Some(&[]));
    assert_snapshot!(host.invalid(&change), @"service `config`: the source folder is missing or empty; to remove what is deployed, remove the service");
    assert!(host.apply(&change).is_err());
    assert_eq!(host.settle(&host.change(None, Some(ONE))), Settled::Done);
}

#[test]
fn a_missing_parent_is_not_made() {
    let host = Host::new();
    fs::remove_dir(&host.granted).unwrap();
    let change = host.change(None, Some(ONE));
    assert_snapshot!(host.invalid(&change), @"the parent of the target `/srv/acme` is missing; make the folder `/srv`");
    assert_snapshot!(host.failed(&change), @"the parent of the target `/srv/acme` is missing; make the folder `/srv`");
    assert_eq!(host.settle(&change), Settled::Untouched);
}

#[test]
fn drift_is_told_and_set_right() {
    let host = Host::new().with(TWO);
    let target = host.target();
    fs::write(target.join("app.conf"), "edited by hand").unwrap();
    fs::set_permissions(target.join("lib"), fs::Permissions::from_mode(0o777)).unwrap();
    fs::remove_file(target.join("lib/deep/er.conf")).unwrap();
    fs::set_permissions(&target, fs::Permissions::from_mode(0o700)).unwrap();
    let change = host.change(Some(TWO), Some(TWO));
    let plan = host.plan(&change).unwrap();
    assert_eq!(plan.action, Action::Update);
    assert_snapshot!(host.neutral(&plan.preview.render(usize::MAX).0), @r"
    + create lib/deep/er.conf
    ~ change app.conf
    note: sets the folder `/srv/acme`, which is owned whole
    note: the target differs on the host from what was applied (mode); it will be set
    note: `app.conf` differs on the host from what was applied (content); it will be set
    note: `lib` differs on the host from what was applied (mode); it will be set
    note: `lib/deep/er.conf` is gone from the host although it was applied; it will be made again
    ");
    host.apply(&change).unwrap();
    assert_eq!(host.plan(&change).unwrap().action, Action::None);

    fs::remove_dir_all(&target).unwrap();
    let plan = host.plan(&change).unwrap();
    assert_eq!(plan.action, Action::Update);
    assert_snapshot!(host.neutral(&plan.preview.render(usize::MAX).0), @r"
    + create app.conf
    + create lib/deep/er.conf
    note: sets the folder `/srv/acme`, which is owned whole
    note: the target is gone although it was applied; it will be made again
    ");
}

#[test]
fn the_same_size_with_other_bytes_is_drift() {
    let host = Host::new().with(ONE);
    fs::write(host.target().join("app.conf"), "eno").unwrap();
    assert_eq!(host.plan(&host.change(Some(ONE), Some(ONE))).unwrap().action, Action::Update);
}

#[test]
fn permission_bits_are_compared_to_the_last_one() {
    for mode in [0o666, 0o600, 0o755, 0o4644, 0o2644, 0o1644] {
        let host = Host::new().with(ONE);
        fs::set_permissions(host.target().join("app.conf"), fs::Permissions::from_mode(mode)).unwrap();
        let plan = host.plan(&host.change(Some(ONE), Some(ONE))).unwrap();
        let told = "`app.conf` differs on the host from what was applied (mode); it will be set";
        assert_eq!(plan.preview.notes[1..], [told], "{mode:o}");
    }
}

#[test]
fn settling_tells_done_untouched_and_anything_else() {
    let host = Host::new();
    let create = host.change(None, Some(ONE));
    assert_eq!(host.settle(&create), Settled::Untouched);
    host.apply(&create).unwrap();
    assert_eq!(host.settle(&create), Settled::Done);
    let update = host.change(Some(ONE), Some(TWO));
    assert_eq!(host.settle(&update), Settled::Untouched);

    fs::write(host.target().join("stray"), "?").unwrap();
    fs::write(host.target().join("app.conf"), "half").unwrap();
    let what = |change: &ServiceChange| match host.settle(change) {
        Settled::Unknown { what } => host.neutral(&what),
        other => panic!("expected Unknown, found {other:?}"),
    };
    assert_snapshot!(what(&update), @"the target `/srv/acme` is neither as planned nor as before: `app.conf` differs, `lib/deep/er.conf` is missing, `bin/run` should not be there, and 1 more");
    assert_snapshot!(what(&host.change(Some(ONE), None)), @"the target `/srv/acme` is neither as planned nor as before: `app.conf` is still there, `bin/run` is still there, `stray` is still there");
    fs::remove_dir_all(host.target()).unwrap();
    assert_snapshot!(what(&update), @"the target `/srv/acme` is neither as planned nor as before: it is missing");

    fs::write(host.target(), "a file").unwrap();
    let cannot = host.driver().settle(&host.objects, &update).unwrap_err();
    assert!(matches!(cannot, DriverError::Unknown { .. }), "{cannot:?}");
}

#[test]
fn leftovers_of_killed_runs_go_with_the_next_apply_and_nothing_else_does() {
    let host = Host::new().with(ONE);
    let change = host.change(Some(ONE), Some(TWO));
    let job = Job::of(&change).unwrap();
    let place = host.driver().place(&job).unwrap().unwrap();
    // Killed while staging this very effect, killed after the exchange of another one.
    let same = host.granted.join(place.aside(effect(job.target, job.desired)));
    let older = host.granted.join(".acme.countersign-0123456789ab");
    for leftover in [&same, &older] {
        fs::create_dir_all(leftover.join("lib")).unwrap();
        fs::write(leftover.join("lib/half"), "written").unwrap();
    }
    for other in [
        ".acme.countersign-abc",
        ".acme.countersign-notes",
        ".other.countersign-0123456789ab",
        "acme.countersign-0123456789ab",
    ] {
        fs::create_dir(host.granted.join(other)).unwrap();
    }
    assert_eq!(host.settle(&change), Settled::Untouched);
    host.apply(&change).unwrap();
    assert_snapshot!(host.listing(), @r"
    .acme.countersign-abc/ 0755
    .acme.countersign-notes/ 0755
    .other.countersign-0123456789ab/ 0755
    acme.countersign-0123456789ab/ 0755
    acme/ 0755
    acme/app.conf 0644 two
    acme/lib/ 0755
    acme/lib/deep/ 0755
    acme/lib/deep/er.conf 0644 x
    ");
}

#[test]
fn what_a_destroy_left_goes_when_it_is_found_to_be_done() {
    let host = Host::new().with(ONE);
    let change = host.change(Some(ONE), None);
    fs::rename(host.target(), host.granted.join(".acme.countersign-0123456789ab")).unwrap();
    assert_eq!(host.settle(&change), Settled::Done);
    assert_eq!(host.listing(), "");
}

#[test]
fn bytes_other_than_the_approved_are_never_written() {
    let host = Host::new().with(ONE);
    let mut change = host.change(Some(ONE), Some(TWO));
    let files = &mut change.desired.as_mut().unwrap().files;
    files[0].blob = host.objects.write(Kind::Blob, b"twx").unwrap();
    let before = host.listing();
    assert_snapshot!(host.failed(&change), @"cannot read `app.conf` from the repository: blob 487d4adf7e365b5131458945d1fd0ab7538231bc is malformed: its SHA-256 is 78cce42d5ce058fecf6d1b2d124162800a8628878ee5c9ea3ab9e14af0f5cc11 where the input's is 3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3; nothing was changed");
    assert_eq!(host.listing(), before);
}

#[test]
fn modes_do_not_depend_on_the_umask() {
    const MARK: &str = "COUNTERSIGN_TEST_UMASK";
    if std::env::var_os(MARK).is_none() {
        // The umask belongs to the process: try in one of our own.
        let done = std::process::Command::new("sh")
            .args(["-c", r#"umask 077; exec "$0" --exact services::files::tests::modes_do_not_depend_on_the_umask"#])
            .arg(std::env::current_exe().unwrap())
            .env(MARK, "1")
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&done.stdout);
        assert!(done.status.success() && told.contains("1 passed"), "{told}");
        return;
    }
    let host = Host::new();
    fs::write(host.granted.join("witness"), "").unwrap();
    assert_eq!(host.everything()["witness"], "0600 ");
    fs::remove_file(host.granted.join("witness")).unwrap();
    let host = host.with(ONE);
    assert_snapshot!(host.listing(), @r"
    acme/ 0755
    acme/app.conf 0644 one
    acme/bin/ 0755
    acme/bin/run 0755 #!/bin/sh
    ");
}
