use std::fs;

use super::*;
use crate::git::store::GitObjects;
use crate::git::testing::Folder;
use crate::object::Tree;

const KINDS: [&[&str]; 3] = [&["-t", "ed25519"], &["-t", "ecdsa", "-b", "256"], &["-t", "ecdsa", "-b", "384"]];

fn commit<'a>(tree: Oid, parents: &'a [Oid], message: &'a str) -> NewCommit<'a> {
    let time = "2027-01-15T08:00:00.75Z".parse().expect("a time");
    NewCommit { tree, parents, name: "Countersign", email: "countersign@test.example", time, message }
}

fn refusal(path: &Path) -> String {
    let error = JournalKey::load(path).expect_err("refused").to_string();
    error.replace(&path.display().to_string(), "[KEY]")
}

#[test]
fn git_and_ssh_keygen_accept_what_is_signed() {
    for kind in KINDS {
        let folder = Folder::new();
        let path = folder.key("key", kind);
        let key = JournalKey::load(&path).expect("a key");
        let public = fs::read_to_string(folder.at("key.pub")).expect("a public key");
        assert_eq!(public.trim(), format!("{} a comment", key.public().as_str()));

        let objects = GitObjects::create_bare(&folder.at("cache.git")).expect("a store");
        let tree = objects.write(Kind::Tree, &Tree::default().to_raw()).expect("written");
        let (first, _) = write_commit(&objects, &commit(tree, &[], "first"), Some(&key)).expect("a commit");
        let message = "Grüße\n\nwith a body\n\n-----BEGIN SSH SIGNATURE-----\nnot one\n-----END SSH SIGNATURE-----";
        let (id, raw) = write_commit(&objects, &commit(tree, &[first, first], message), Some(&key)).expect("a commit");
        assert_eq!(Oid::of(Kind::Commit, &raw), id);
        let again = write_commit(&objects, &commit(tree, &[first, first], message), Some(&key)).expect("a commit");
        assert_eq!(again, (id, raw), "the same bytes every time");
        let read = objects.commit(id).expect("a commit");
        assert_eq!(read.signed, commit(tree, &[first, first], message).payload().expect("a payload"));
        assert_eq!(read.signatures.len(), 1);

        let signers = format!("countersign@test.example {}\n", key.public().as_str());
        fs::write(folder.at("signers"), signers).expect("written");
        let signers = format!("gpg.ssh.allowedSignersFile={}", folder.at("signers").display());
        let mut git = folder.command("git");
        git.arg("-C").arg(folder.at("cache.git")).args(["-c", "gpg.format=ssh", "-c", &signers]);
        let output = git.args(["verify-commit", "--raw", &id.to_string()]).output().expect("git runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.starts_with("Good \"git\" signature for countersign@test.example"), "{kind:?}: {said}");
        let shown = folder.git("cache.git", &["-c", &signers, "log", "-1", "--show-signature", &id.to_string()]);
        assert!(shown.contains("Good \"git\" signature"), "{shown}");
        let shown = folder.git("cache.git", &["log", "-1", "--format=%an|%ae|%at|%cn|%s|%P", &id.to_string()]);
        assert_eq!(shown, format!("Countersign|countersign@test.example|1800000000|Countersign|Grüße|{first} {first}"));
        folder.git("cache.git", &["update-ref", "refs/heads/main", &first.to_string()]);
        assert_eq!(folder.git("cache.git", &["fsck", "--strict", "--no-dangling"]), "");
    }
}

#[test]
fn the_format_of_a_signature_is_that_of_ssh_keygen() {
    let folder = Folder::new();
    let path = folder.key("key", &["-t", "ed25519"]);
    let ours = JournalKey::load(&path).expect("a key").sign("x@countersign", b"payload").expect("a signature");
    fs::write(folder.at("payload"), "payload").expect("written");
    let mut keygen = folder.command("ssh-keygen");
    keygen.args(["-q", "-Y", "sign", "-n", "x@countersign", "-f"]).arg(&path).arg("payload");
    assert!(keygen.output().expect("ssh-keygen runs").status.success());
    assert_eq!(fs::read_to_string(folder.at("payload.sig")).expect("a signature"), ours);
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let folder = Folder::new();
    let path = folder.key("key", &["-t", "ed25519"]);
    for (mode, refused) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true), (0o610, true)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("permissions");
        assert_eq!(JournalKey::load(&path).is_err(), refused, "{mode:o}");
    }
    insta::assert_snapshot!(refusal(&path), @"the key `[KEY]` cannot be used: its mode is 0610, others may read or change it; run `chmod 600 [KEY]`");
}

#[test]
fn keys_that_cannot_sign_are_refused_by_name() {
    let folder = Folder::new();
    let locked = folder.key("locked", &["-t", "ed25519"]);
    let mut keygen = folder.command("ssh-keygen");
    assert!(keygen.args(["-q", "-p", "-N", "secret", "-f"]).arg(&locked).output().expect("it runs").status.success());
    let cut = folder.key("cut", &["-t", "ed25519"]);
    fs::write(&cut, fs::read_to_string(&cut).expect("a key").replace("AAAA", "AAAB")).expect("written");
    let public = folder.at("cut.pub");
    fs::set_permissions(&public, fs::Permissions::from_mode(0o600)).expect("permissions");
    let paths = [
        folder.key("rsa", &["-t", "rsa", "-b", "3072"]),
        folder.key("pem", &["-t", "ecdsa", "-m", "PEM"]),
        locked,
        cut,
        public,
        folder.at("nowhere"),
    ];
    let refusals: Vec<_> = paths.iter().map(|path| refusal(path)).collect();
    insta::assert_snapshot!(refusals.join("\n"), @"
    the key `[KEY]` cannot be used: a key of type `ssh-rsa` cannot sign here; make an Ed25519 key with `ssh-keygen -t ed25519`
    the key `[KEY]` cannot be used: it is not in OpenSSH's format; make one with `ssh-keygen -t ed25519`
    the key `[KEY]` cannot be used: it has a passphrase, and nobody is there to type it; make one without for the daemon
    the key `[KEY]` cannot be used: it is damaged or of an unknown kind (length invalid); make one with `ssh-keygen -t ed25519`
    the key `[KEY]` cannot be used: it is a public key; name the file of the private one
    the key `[KEY]` cannot be read
    ");
    fs::create_dir(folder.at("folder")).expect("a folder");
    fs::set_permissions(folder.at("folder"), fs::Permissions::from_mode(0o700)).expect("permissions");
    assert_eq!(refusal(&folder.at("folder")), "the key `[KEY]` cannot be used: it is no key file");
}

#[test]
fn a_key_never_shows_itself() {
    let folder = Folder::new();
    let path = folder.key("key", &["-t", "ed25519"]);
    let key = JournalKey::load(&path).expect("a key");
    assert_eq!(format!("{key:?}"), format!("JournalKey({})", key.public().as_str()));
}

#[test]
fn what_would_be_read_back_as_something_else_is_refused() {
    let tree = Oid::of(Kind::Tree, b"");
    let good = commit(tree, &[], "x");
    assert!(good.payload().is_ok());
    for name in ["", "a\nparent 1", "a <b> c", " a", "a.", "a\0"] {
        assert!(NewCommit { name, ..good }.payload().is_err(), "{name:?}");
    }
    for email in ["", "a>b", "a b", "a\nb"] {
        assert!(NewCommit { email, ..good }.payload().is_err(), "{email:?}");
    }
    assert!(NewCommit { message: "a\0b", ..good }.payload().is_err());
    assert!(NewCommit { time: Timestamp::MIN, ..good }.payload().is_err());
}
