use insta::assert_snapshot;

use super::*;
use crate::object::{MemoryObjects, Oid};

/// Files in a store of their own, in path order.
#[derive(Default)]
struct Source {
    objects: MemoryObjects,
}

impl Source {
    fn file(&self, path: &str, mode: Mode, bytes: &[u8]) -> InputFile {
        let blob = self.objects.write(Kind::Blob, bytes).unwrap();
        InputFile {
            path: path.to_owned(),
            mode,
            sha256: Digest::of(bytes),
            blob,
            size: bytes.len() as u64,
            rendered: None,
        }
    }

    fn files(&self, files: &[(&str, &str)]) -> Vec<InputFile> {
        files.iter().map(|(path, text)| self.file(path, Mode::File, text.as_bytes())).collect()
    }

    fn preview(&self, base: Option<&[InputFile]>, desired: Option<&[InputFile]>, live: &[LiveDifference]) -> String {
        preview(&self.objects, "/srv/acme", base, desired, live).unwrap().render(usize::MAX).0
    }
}

fn foreign(path: &str, kind: LiveKind) -> LiveDifference {
    LiveDifference::Foreign { path: path.to_owned(), kind }
}

#[test]
fn deletions_come_first_then_what_is_new_then_what_changes() {
    let source = Source::default();
    let base = source.files(&[("a.conf", "one\n"), ("legacy.conf", "old\n"), ("same", "same\n"), ("z/run", "x\n")]);
    let mut desired = source.files(&[("a.conf", "two\n"), ("new.conf", "new\n"), ("same", "same\n"), ("z/run", "x\n")]);
    desired[3].mode = Mode::Executable;
    assert_snapshot!(source.preview(Some(&base), Some(&desired), &[]), @r"
    - delete legacy.conf
    + create new.conf
    ~ change a.conf
    ~ change z/run
    note: sets the folder `/srv/acme`, which is owned whole

    delete 0644 legacy.conf
    --- legacy.conf
    +++ /dev/null
    @@ -1 +0,0 @@
    -old
    create 0644 new.conf
    --- /dev/null
    +++ new.conf
    @@ -0,0 +1 @@
    +new
    change 0644 a.conf
    --- a.conf
    +++ a.conf
    @@ -1 +1 @@
    -one
    +two
    change 0644 → 0755 z/run
    ");
}

#[test]
fn a_destroy_lists_everything() {
    let source = Source::default();
    let base = source.files(&[("a", "one\n"), ("b", "two\n")]);
    assert_snapshot!(source.preview(Some(&base), None, &[]), @r"
    - delete a
    - delete b
    note: removes the folder `/srv/acme`, which is owned whole

    delete 0644 a
    --- a
    +++ /dev/null
    @@ -1 +0,0 @@
    -one
    delete 0644 b
    --- b
    +++ /dev/null
    @@ -1 +0,0 @@
    -two
    ");
}

#[test]
fn binary_and_large_files_are_told_by_size_and_digest() {
    let source = Source::default();
    let large = "x\n".repeat(600_000);
    let base = [source.file("logo.png", Mode::File, b"\0\x01"), source.file("new", Mode::File, b"x")];
    let mut desired = vec![
        source.file("big.txt", Mode::File, large.as_bytes()),
        source.file("logo.png", Mode::File, b"\0\x02\x03"),
        source.file("new", Mode::File, b"x"),
    ];
    assert_snapshot!(source.preview(Some(&base), Some(&desired), &[]), @r"
    + create big.txt
    ~ change logo.png
    note: sets the folder `/srv/acme`, which is owned whole
    note: `big.txt` is too large to compare and not shown: 1200000 bytes, sha256 d4e353f38a1e755c2682fd9e3ed8b3e7ff114a6132e45e333f31cd21cef81594
    note: `logo.png` is binary and not shown: 2 bytes, sha256 b413f47d13ee2fe6c845b2ee141af81de858df4ec549a58b7970bb96645bc8d2 → 3 bytes, sha256 e9969bdc67747c3797d62fd1c3e4277269a0945fdb999e8ccc6c7bfb4eeb06bd

    create 0644 big.txt
    change 0644 logo.png
    ");
    // A large file is not even read for it.
    desired[0].blob = Oid::of(Kind::Blob, b"elsewhere");
    assert!(preview(&source.objects, "/srv/acme", None, Some(&desired[..1]), &[]).is_ok());
    // The mode of a binary file alone needs no word on its content.
    desired[1] = InputFile { mode: Mode::Executable, ..base[0].clone() };
    assert_snapshot!(source.preview(Some(&base), Some(&desired[1..]), &[]), @r"
    ~ change logo.png
    note: sets the folder `/srv/acme`, which is owned whole

    change 0644 → 0755 logo.png
    ");
}

#[test]
fn what_is_on_the_host_is_told_without_its_content() {
    let source = Source::default();
    let base =
        source.files(&[("drifted", "d\n"), ("dropped", "x\n"), ("gone", "g\n"), ("odd", "o\n"), ("same", "s\n")]);
    let desired = source.files(&[("drifted", "d\n"), ("gone", "g\n"), ("odd", "o\n"), ("same", "s\n")]);
    let at = |path: &str, drift| LiveDifference::Changed { path: path.to_owned(), drift };
    let live = [
        foreign("secret\u{202e}.key", LiveKind::File { size: 42 }),
        foreign("pipe", LiveKind::Special),
        foreign("empty", LiveKind::Folder),
        LiveDifference::Missing { path: "gone".to_owned() },
        LiveDifference::Missing { path: "dropped".to_owned() },
        at("drifted", Drift::ContentAndMode),
        at("odd", Drift::Kind(LiveKind::Symlink)),
        at("", Drift::Mode),
    ];
    let shown = source.preview(Some(&base), Some(&desired), &live);
    assert_snapshot!(shown, @r"
    - delete dropped
    - delete empty/
    - delete pipe
    - delete secret<U+202E>.key
    + create gone
    ~ change drifted
    ~ change odd
    note: sets the folder `/srv/acme`, which is owned whole
    note: the target differs on the host from what was applied (mode); it will be set
    note: `drifted` differs on the host from what was applied (content and mode); it will be set
    note: `odd` differs on the host from what was applied (it is a symlink); it will be set
    note: `dropped` is gone from the host although it was applied; nothing to remove
    note: `gone` is gone from the host although it was applied; it will be made again
    note: `empty` on the host is not from a deployment (a folder); it will be removed
    note: `pipe` on the host is not from a deployment (a pipe, socket or device); it will be removed
    note: `secret<U+202E>.key` on the host is not from a deployment (a file of 42 bytes); it will be removed

    delete 0644 dropped
    --- dropped
    +++ /dev/null
    @@ -1 +0,0 @@
    -x
    ");
    // In whatever order the host lists things, the preview is the same.
    let mut turned = live.to_vec();
    turned.reverse();
    assert_eq!(source.preview(Some(&base), Some(&desired), &turned), shown);
}

#[test]
fn drift_alone_is_set_again_and_shows_no_diff() {
    let source = Source::default();
    let base = source.files(&[("a", "a\n"), ("b", "b\n")]);
    let live = [LiveDifference::Changed { path: "b".to_owned(), drift: Drift::Content }];
    assert_snapshot!(source.preview(Some(&base), Some(&base), &live), @r"
    ~ change b
    note: sets the folder `/srv/acme`, which is owned whole
    note: `b` differs on the host from what was applied (content); it will be set
    ");
    assert_snapshot!(source.preview(Some(&base), Some(&base), &[LiveDifference::TargetMissing]), @r"
    + create a
    + create b
    note: sets the folder `/srv/acme`, which is owned whole
    note: the target is gone although it was applied; it will be made again
    ");
}

#[test]
fn a_foreign_file_in_the_place_of_a_new_one_is_deleted_first() {
    let source = Source::default();
    let desired = source.files(&[("a", "a\n")]);
    let live = [foreign("a", LiveKind::File { size: 7 })];
    assert_snapshot!(source.preview(None, Some(&desired), &live), @r"
    - delete a
    + create a
    note: sets the folder `/srv/acme`, which is owned whole
    note: `a` on the host is not from a deployment (a file of 7 bytes); it will be removed

    create 0644 a
    --- /dev/null
    +++ a
    @@ -0,0 +1 @@
    +a
    ");
}

#[test]
fn a_content_other_than_the_one_covered_by_the_plan_is_refused() {
    let source = Source::default();
    let mut desired = source.files(&[("a", "shown\n")]);
    desired[0].blob = source.objects.write(Kind::Blob, b"other\n").unwrap();
    let refused = preview(&source.objects, "/srv/acme", None, Some(&desired), &[]).unwrap_err();
    assert!(matches!(refused, ObjectError::Malformed { kind: Kind::Blob, .. }), "{refused}");
    let missing = [InputFile { blob: Oid::of(Kind::Blob, b"?"), ..desired[0].clone() }];
    assert!(matches!(
        preview(&source.objects, "/srv/acme", None, Some(&missing), &[]),
        Err(ObjectError::Missing { .. })
    ));
}

#[test]
fn a_preview_is_cut_at_a_line_and_says_how_much_is_missing() {
    let source = Source::default();
    let desired = source.files(&[("a", "one\ntwo\nthree\n")]);
    let preview = preview(&source.objects, "/srv/acme", None, Some(&desired), &[]).unwrap();
    let (whole, truncated) = preview.render(usize::MAX);
    assert!(!truncated && preview.render(whole.len()) == (whole.clone(), false));
    let (shown, truncated) = preview.render(whole.len() - 1);
    assert!(truncated);
    assert_eq!(shown, whole.replace("+three\n", "… 1 more line, 7 bytes, not shown\n"));
}

#[test]
fn the_effect_is_the_digest_of_a_document_anybody_can_write() {
    let source = Source::default();
    let mut files = source.files(&[("a.conf", "one\n"), ("run", "two\n")]);
    files[1].mode = Mode::Executable;
    let document = concat!(
        r#"{"files":[{"mode":"0644","path":"a.conf","sha256":"2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806"},"#,
        r#"{"mode":"0755","path":"run","sha256":"27dd8ed44a83ff94d557f9fd0412ed5a8cbca69ea04922d88c01184a07300a5a"}],"#,
        r#""target":"/srv/acme","type":"files"}"#,
    );
    assert_eq!(effect("/srv/acme", Some(&files)), Digest::of(document));
    assert_eq!(effect("/srv/acme", None), Digest::of(r#"{"files":null,"target":"/srv/acme","type":"files"}"#));
    assert_ne!(effect("/srv/other", Some(&files)), effect("/srv/acme", Some(&files)));
}

#[test]
fn the_action_compares_content_and_mode() {
    let source = Source::default();
    let base = source.files(&[("a", "a\n")]);
    let executable = [InputFile { mode: Mode::Executable, ..base[0].clone() }];
    assert_eq!(action(None, Some(&base)), Action::Create);
    assert_eq!(action(Some(&base), None), Action::Destroy);
    assert_eq!(action(Some(&base), Some(&base)), Action::None);
    assert_eq!(action(Some(&base), Some(&executable)), Action::Update);
    assert_eq!(action(Some(&base), Some(&source.files(&[("b", "a\n")]))), Action::Update);
}

#[test]
fn sources_that_cannot_be_put_on_a_host_as_shown_are_refused() {
    let source = Source::default();
    let refused = |files: &[(&str, Mode)]| {
        let files: Vec<_> = files.iter().map(|(path, mode)| source.file(path, *mode, b"x")).collect();
        check_source(&files).err().unwrap_or_else(|| "accepted".to_owned())
    };
    let plain = |paths: &[&str]| refused(&paths.iter().map(|path| (*path, Mode::File)).collect::<Vec<_>>());
    let deep = "d/".repeat(MAX_DEPTH) + "f";
    let found = [
        refused(&[]),
        refused(&[("link", Mode::Symlink)]),
        refused(&[("module", Mode::Submodule)]),
        plain(&["App.conf", "app.conf"]),
        plain(&["Conf/a", "conf/b"]),
        plain(&["STRASSE", "straße"]),
        plain(&["a", "a/b"]),
        plain(&["a", "a"]),
        plain(&["a\u{202e}b"]),
        plain(&["a\tb"]),
        plain(&["../up"]),
        plain(&["/abs"]),
        plain(&["a//b"]),
        plain(&[".git/hooks/post-checkout"]),
        plain(&["x/.GIT"]),
        plain(&["pаypal"]),
        plain(&[&deep]),
        plain(&[&deep[2..], ".gitignore", "größe", "x y"]),
    ];
    assert_snapshot!(found.join("\n"), @r"
    the source folder is missing or empty; to remove what is deployed, remove the service
    `link` is a symlink; put the file itself there
    `module` is a submodule; put its files there
    `app.conf` differs from `App.conf` only in upper and lower case; rename one
    `conf/b` differs from `Conf` only in upper and lower case; rename one
    `straße` differs from `STRASSE` only in upper and lower case; rename one
    `a` is both a file and a folder
    `a` appears twice
    `a<U+202E>b`: `a<U+202E>b` has control, invisible or direction-changing characters
    `a<U+0009>b`: `a<U+0009>b` has control, invisible or direction-changing characters
    `../up`: `..` is no file name
    `/abs`: `` is no file name
    `a//b`: `` is no file name
    `.git/hooks/post-checkout`: files of a git repository cannot be deployed
    `x/.GIT`: files of a git repository cannot be deployed
    `pаypal`: `pаypal` mixes Latin letters with look-alikes of another alphabet
    `d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/f` is nested more than 64 levels deep
    accepted
    ");
}

#[test]
fn what_is_beyond_the_bounds_of_a_preview_is_told_and_never_read() {
    let source = Source::default();
    let big = "x\n".repeat(300_000);
    let names: Vec<String> = (0..9).map(|n| format!("{n}.conf")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), big.as_str())).collect();
    let mut desired = source.files(&files);
    // The eighth is not in the store: it would be an error to read it.
    desired[8].blob = crate::object::Oid::of(crate::object::Kind::Blob, b"not here");
    let shown = preview(&source.objects, "/srv/acme", None, Some(&desired), &[]).unwrap();
    assert_eq!(shown.omitted, 3, "4 MiB are six files of 600 kB");
    let told =
        shown.notes.iter().filter(|note| note.contains("is beyond what one preview shows: 600000 bytes, sha256 "));
    assert_eq!(told.count(), 3, "{:?}", shown.notes);
    assert_eq!(shown.summary.len(), 9, "every file is named");
    assert!(crate::journal::pages::is_cut("", &[("app".parse().unwrap(), shown)], usize::MAX));
}

#[test]
fn of_more_files_than_a_preview_shows_each_is_named() {
    let source = Source::default();
    let names: Vec<String> = (0..MOST_FILES + 5).map(|n| format!("{n:06}.conf")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1\n")).collect();
    let desired = source.files(&files);
    let shown = preview(&source.objects, "/srv/acme", None, Some(&desired), &[]).unwrap();
    assert_eq!((shown.omitted, shown.summary.len()), (5, MOST_FILES + 5));
    let digest = shown.digest();
    let mut other = desired;
    other[MOST_FILES + 4] = source.files(&[("other", "2\n")]).remove(0);
    other[MOST_FILES + 4].path = names[MOST_FILES + 4].clone();
    let other = preview(&source.objects, "/srv/acme", None, Some(&other), &[]).unwrap();
    assert_ne!(other.digest(), digest, "what is left out is covered all the same");
}
