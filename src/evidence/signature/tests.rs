use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use sha2::{Digest as _, Sha256};
use ssh_key::public::{EcdsaPublicKey, KeyData, SkEcdsaSha2NistP256, SkEd25519};
use ssh_key::{LineEnding, PrivateKey, SigningKey};

use super::*;
use crate::evidence::repository::{Repository, make_key, read_public_key, sign};
use crate::object::{Kind, Objects, Oid};

const PURPOSE: &str = "statement-v1@countersign";
const PAYLOAD: &[u8] = b"exactly that change";

/// A fresh key of this kind and its signature over [`PAYLOAD`].
fn signed_with(kind: &[&str]) -> (PublicKey, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    make_key(&path, kind);
    (read_public_key(&path), sign(&path, PURPOSE, PAYLOAD, &[]))
}

/// The parts of a signature, to be put together wrongly.
#[derive(Clone)]
struct Parts {
    version: u32,
    key: Vec<u8>,
    namespace: Vec<u8>,
    reserved: Vec<u8>,
    hash: Vec<u8>,
    signature: Vec<u8>,
    trailing: Vec<u8>,
}

impl Parts {
    fn of(pem: &str) -> Self {
        let blob = armour::open(pem).unwrap();
        let mut wire = Wire(&blob);
        wire.take(6).unwrap();
        let version = wire.number().unwrap();
        let mut next = || wire.string().unwrap().to_vec();
        let (key, namespace, reserved, hash, signature) = (next(), next(), next(), next(), next());
        Self { version, key, namespace, reserved, hash, signature, trailing: Vec::new() }
    }

    fn pem(&self) -> String {
        let mut blob = b"SSHSIG".to_vec();
        blob.extend(self.version.to_be_bytes());
        for part in [&self.key, &self.namespace, &self.reserved, &self.hash, &self.signature] {
            blob.extend(string(part));
        }
        blob.extend(&self.trailing);
        armour::close(&blob)
    }

    fn verified(&self) -> Result<PublicKey, SignatureError> {
        verify(&self.pem(), PURPOSE, PAYLOAD)
    }
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

#[test]
fn signatures_by_ssh_keygen_verify_with_every_accepted_kind_of_key() {
    for kind in [&["-t", "ed25519"][..], &["-t", "ecdsa", "-b", "256"], &["-t", "ecdsa", "-b", "384"], &["-t", "rsa"]] {
        let (key, pem) = signed_with(kind);
        assert_eq!(verify(&pem, PURPOSE, PAYLOAD), Ok(key.clone()), "{kind:?}");
        assert_eq!(verify(pem.trim_end(), PURPOSE, PAYLOAD), Ok(key));
        assert_eq!(verify(&pem, PURPOSE, b"another change"), Err(SignatureError::Mismatch));
        assert_eq!(ssh_key::SshSig::from_pem(&pem).unwrap().to_pem(LineEnding::LF).unwrap(), pem);
    }
}

#[test]
fn both_hashes_of_the_format_verify_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    make_key(&path, &["-t", "rsa"]);
    for hash in ["sha256", "sha512"] {
        let pem = sign(&path, PURPOSE, PAYLOAD, &["-O", &format!("hashalg={hash}")]);
        assert_eq!(verify(&pem, PURPOSE, PAYLOAD), Ok(read_public_key(&path)));
        let other = Parts { hash: b"sha1".to_vec(), ..Parts::of(&pem) };
        assert!(matches!(other.verified(), Err(SignatureError::Malformed(_))));
    }
}

#[test]
fn short_rsa_and_unaccepted_curves_are_refused() {
    for (kind, expected) in [(["-t", "rsa", "-b", "2048"], "2048"), (["-t", "ecdsa", "-b", "521"], "nistp521")] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        make_key(&path, &kind);
        let error = verify(&sign(&path, PURPOSE, PAYLOAD, &[]), PURPOSE, PAYLOAD).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn a_signature_for_another_purpose_is_refused() {
    let (_, pem) = signed_with(&["-t", "ed25519"]);
    let error = verify(&pem, GIT_NAMESPACE, PAYLOAD).unwrap_err();
    assert_eq!(error, SignatureError::Namespace { expected: "git".to_owned() });
    // Renaming the purpose in the signature does not help.
    let renamed = Parts { namespace: b"git".to_vec(), ..Parts::of(&pem) };
    assert_eq!(verify(&renamed.pem(), GIT_NAMESPACE, PAYLOAD), Err(SignatureError::Mismatch));
}

#[test]
fn a_signature_by_a_certificate_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, user) = (folder.path().join("authority"), folder.path().join("user"));
    make_key(&authority, &["-t", "ed25519"]);
    make_key(&user, &["-t", "ed25519"]);
    let certified = std::process::Command::new("ssh-keygen")
        .args(["-q", "-I", "alice", "-n", "alice", "-V", "+52w", "-s"])
        .arg(&authority)
        .arg(folder.path().join("user.pub"))
        .output();
    assert!(certified.unwrap().status.success());
    let certificate = std::fs::read_to_string(folder.path().join("user-cert.pub")).unwrap();
    let certificate = ssh_key::Certificate::from_openssh(&certificate).unwrap().to_bytes().unwrap();
    let with_certificate = Parts { key: certificate, ..Parts::of(&sign(&user, PURPOSE, PAYLOAD, &[])) };
    assert!(matches!(with_certificate.verified(), Err(SignatureError::Key(_))));
}

#[test]
fn malleable_encodings_are_refused() {
    let (_, pem) = signed_with(&["-t", "ed25519"]);
    let parts = Parts::of(&pem);
    assert!(parts.verified().is_ok());
    let refused = |parts: Parts| parts.verified().unwrap_err().to_string();
    let refusals = [
        refused(Parts { version: 2, ..parts.clone() }),
        refused(Parts { reserved: b"x".to_vec(), ..parts.clone() }),
        refused(Parts { trailing: b"x".to_vec(), ..parts.clone() }),
        refused(Parts { signature: [&parts.signature[..], b"x"].concat(), ..parts.clone() }),
        refused(Parts { signature: parts.signature[..40].to_vec(), ..parts.clone() }),
        refused(Parts { signature: [string(b"ssh-ed25519"), string(&[0; 63])].concat(), ..parts.clone() }),
        refused(Parts { signature: [string(b"ssh-rsa"), string(&[0; 64])].concat(), ..parts.clone() }),
        refused(Parts { key: [&parts.key[..], b"x"].concat(), ..parts.clone() }),
        verify("", PURPOSE, PAYLOAD).unwrap_err().to_string(),
    ];
    insta::assert_snapshot!(refusals.join("\n"), @r"
    the signature is malformed: it is not of version 1
    the signature is malformed: its reserved field is not empty
    the signature is malformed: something follows it
    the signature is malformed: something follows it
    the signature is malformed: it is cut off
    the signature is malformed: its numbers are not of the right size
    the signature's algorithm is not accepted for its key
    the key is not in the canonical encoding of its type
    the signature is not an SSH signature
    ");
}

#[test]
fn nothing_stands_around_the_armour() {
    let (_, pem) = signed_with(&["-t", "ed25519"]);
    assert!(verify(&pem, PURPOSE, PAYLOAD).is_ok());
    let lines: Vec<_> = pem.lines().collect();
    for other in [
        format!("{pem}\n"),
        format!("{pem}x"),
        format!("{pem}{pem}"),
        pem.replace('\n', "\r\n"),
        pem.replace('\n', "\n\n"),
        pem.replace("-----END", "\n-----END"),
        pem.replace("-----END", "=\n-----END"),
        format!("{} ", pem.trim_end()),
        [lines[0], &lines[1..lines.len() - 1].concat(), lines[lines.len() - 1]].join("\n"),
        lines[..lines.len() - 1].join("\n"),
    ] {
        assert_eq!(verify(&other, PURPOSE, PAYLOAD), Err(SignatureError::Armour), "{other}");
    }
    for other in [format!("\n{pem}"), format!("x{pem}"), format!(" {pem}"), pem.replace("SIGNATURE", "SIGNATUR")] {
        assert_eq!(verify(&other, PURPOSE, PAYLOAD), Err(SignatureError::NotSsh));
    }
}

#[test]
fn rsa_signatures_with_sha1_or_of_another_length_are_refused() {
    let (_, pem) = signed_with(&["-t", "rsa"]);
    let parts = Parts::of(&pem);
    let mut wire = Wire(&parts.signature);
    assert_eq!(wire.string().unwrap(), b"rsa-sha2-512");
    let data = wire.string().unwrap();
    let with = |name: &[u8], data: &[u8]| {
        Parts { signature: [string(name), string(data)].concat(), ..parts.clone() }.verified()
    };
    assert!(with(b"rsa-sha2-512", data).is_ok());
    assert_eq!(with(b"ssh-rsa", data), Err(SignatureError::Algorithm));
    assert_eq!(with(b"rsa-sha2-256", data), Err(SignatureError::Mismatch));
    assert_eq!(with(b"rsa-sha2-512", &[&[0], data].concat()), Err(SignatureError::Mismatch));
}

#[test]
fn ecdsa_numbers_have_one_encoding() {
    let (_, pem) = signed_with(&["-t", "ecdsa", "-b", "256"]);
    let parts = Parts::of(&pem);
    let mut wire = Wire(&parts.signature);
    let name = wire.string().unwrap();
    let data = wire.string().unwrap();
    let mut numbers = Wire(data);
    let (r, s) = (numbers.string().unwrap(), numbers.string().unwrap());
    let with = |data: Vec<u8>| Parts { signature: [string(name), string(&data)].concat(), ..parts.clone() }.verified();
    assert!(with([string(r), string(s)].concat()).is_ok());
    assert!(with([string(&[&[0], r].concat()), string(s)].concat()).is_err());
    assert!(with([string(r), string(s), string(s)].concat()).is_err());
    assert!(with([string(r), string(&[])].concat()).is_err());
}

/// A signature as a security key would make it.
fn touched_or_not(key: KeyData, private: &PrivateKey, flags: u8) -> String {
    fn raw(key: &impl SigningKey, bytes: &[u8]) -> Signature {
        key.try_sign(bytes).unwrap()
    }
    let message = SshSig::signed_data(PURPOSE, HashAlg::Sha512, PAYLOAD).unwrap();
    let counter = [flags, 0, 0, 0, 9];
    let signed = [&Sha256::digest(b"ssh:")[..], &counter, &Sha256::digest(message)].concat();
    let signature = raw(private, &signed);
    let name = key.algorithm().as_str().as_bytes().to_vec();
    Parts {
        version: 1,
        key: ssh_key::PublicKey::from(key).to_bytes().unwrap(),
        namespace: PURPOSE.as_bytes().to_vec(),
        reserved: Vec::new(),
        hash: b"sha512".to_vec(),
        signature: [string(&name), string(signature.as_bytes()), counter.to_vec()].concat(),
        trailing: Vec::new(),
    }
    .pem()
}

#[test]
fn a_security_key_must_have_been_touched() {
    let folder = tempfile::tempdir().unwrap();
    let private = |name: &str, kind: &[&str]| {
        let path = folder.path().join(name);
        make_key(&path, kind);
        PrivateKey::read_openssh_file(&path).unwrap()
    };
    let ed25519 = private("ed25519", &["-t", "ed25519"]);
    let ecdsa = private("ecdsa", &["-t", "ecdsa", "-b", "256"]);
    let KeyData::Ed25519(point) = *ed25519.public_key().key_data() else { panic!("an ed25519 key") };
    let KeyData::Ecdsa(EcdsaPublicKey::NistP256(curve_point)) = *ecdsa.public_key().key_data() else {
        panic!("a P-256 key")
    };
    let keys = [
        (KeyData::SkEd25519(SkEd25519::new(point, "ssh:")), ed25519),
        (KeyData::SkEcdsaSha2NistP256(SkEcdsaSha2NistP256::new(curve_point, "ssh:")), ecdsa),
    ];
    for (key, private) in keys {
        let name = key.algorithm().as_str().to_owned();
        let touched = verify(&touched_or_not(key.clone(), &private, 0x01), PURPOSE, PAYLOAD);
        assert!(touched.unwrap().as_str().starts_with(&name));
        let verified_by_pin = verify(&touched_or_not(key.clone(), &private, 0x05), PURPOSE, PAYLOAD);
        assert!(verified_by_pin.is_ok());
        let untouched = verify(&touched_or_not(key.clone(), &private, 0x00), PURPOSE, PAYLOAD);
        assert_eq!(untouched, Err(SignatureError::NotPresent), "{name}");
        let untouched = verify(&touched_or_not(key.clone(), &private, 0x04), PURPOSE, PAYLOAD);
        assert_eq!(untouched, Err(SignatureError::NotPresent), "{name}");
        // Claiming the touch afterwards breaks the signature.
        let mut claimed = Parts::of(&touched_or_not(key, &private, 0x00));
        let flags = claimed.signature.len() - 5;
        claimed.signature[flags] = 0x01;
        assert_eq!(claimed.verified(), Err(SignatureError::Mismatch));
    }
}

#[test]
fn a_signature_that_fits_every_message_does_not_verify() {
    // The identity as key and as R, and zero as S: the verifying equation then holds for any message.
    let mut identity = [0; 32];
    identity[0] = 1;
    let forged = Parts {
        version: 1,
        key: [string(b"ssh-ed25519"), string(&identity)].concat(),
        namespace: PURPOSE.as_bytes().to_vec(),
        reserved: Vec::new(),
        hash: b"sha512".to_vec(),
        signature: [string(b"ssh-ed25519"), string(&[identity, [0; 32]].concat())].concat(),
        trailing: Vec::new(),
    };
    let signature = SshSig::from_pem(forged.pem()).unwrap();
    let key = ssh_key::PublicKey::from(signature.public_key().clone());
    assert!(key.verify(PURPOSE, PAYLOAD, &signature).is_ok(), "the library alone accepts it");
    assert_eq!(forged.verified(), Err(SignatureError::Key(KeyError::Weak)));
}

/// A commit made of this raw object with one part replaced.
fn tampered(repository: &Repository, id: Oid, from: &str, to: &str) -> Commit {
    let raw = repository.read(Kind::Commit, id).unwrap();
    let text = String::from_utf8(raw.to_vec()).unwrap();
    assert!(text.contains(from));
    let raw: Arc<[u8]> = text.replacen(from, to, 1).into_bytes().into();
    Commit::parse(Oid::of(Kind::Commit, &raw), raw).unwrap()
}

#[test]
fn the_signer_of_a_commit_is_known_by_the_key() {
    let repository = Repository::new();
    let unsigned = repository.commit("alice", "unsigned");
    assert_eq!(commit_signer(&repository.commit_object(unsigned)), Ok(None));
    let signed = repository.commit_signed("alice", "signed");
    let key = Some(repository.public_key("alice"));
    assert_eq!(commit_signer(&repository.commit_object(signed)), Ok(key));
    for (from, to, expected) in [
        ("\n\nsigned", "\n\nother", SignatureError::Mismatch),
        ("author alice", "author mallory", SignatureError::Mismatch),
        ("gpgsig -----BEGIN SSH", "gpgsig -----BEGIN PGP", SignatureError::NotSsh),
        ("\ngpgsig ", "\ngpgsig-sha256 x\ngpgsig ", SignatureError::Several),
        ("\ngpgsig ", "\ngpgsig x\ngpgsig ", SignatureError::Several),
        ("\ngpgsig ", "\nencoding x\ngpgsig ", SignatureError::Mismatch),
    ] {
        let commit = tampered(&repository, signed, from, to);
        assert_eq!(commit_signer(&commit), Err(expected), "{from:?} -> {to:?}");
    }
}

#[test]
fn a_file_signature_on_a_commit_is_refused() {
    let repository = Repository::new();
    let id = repository.commit_signed("alice", "signed");
    let commit = repository.commit_object(id);
    let pem = sign(&repository.key_file("alice"), "file", &commit.signed, &[]);
    let pem = pem.trim_end().replace('\n', "\n ");
    let raw = String::from_utf8(commit.signed).unwrap().replacen("\n\n", &format!("\ngpgsig {pem}\n\n"), 1);
    let raw: Arc<[u8]> = raw.into_bytes().into();
    let refused = commit_signer(&Commit::parse(Oid::of(Kind::Commit, &raw), raw).unwrap());
    assert_eq!(refused, Err(SignatureError::Namespace { expected: "git".to_owned() }));
}

fn seeded() -> ProptestConfig {
    ProptestConfig { rng_seed: RngSeed::Fixed(1), cases: 512, failure_persistence: None, ..ProptestConfig::default() }
}

/// A signature that never changes: the input of mutations.
fn fixed_signature() -> String {
    let key = ssh_key::private::Ed25519Keypair::from_seed(&[42; 32]);
    let private = PrivateKey::from(key);
    private.sign(PURPOSE, HashAlg::Sha512, PAYLOAD).unwrap().to_pem(LineEnding::LF).unwrap()
}

proptest! {
    #![proptest_config(seeded())]

    #[test]
    fn verifying_never_panics(text in ".{0,400}", bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(verify(&text, PURPOSE, PAYLOAD).is_err());
        prop_assert!(verify(&armour::close(&bytes), PURPOSE, PAYLOAD).is_err());
        let started = [b"SSHSIG\0\0\0\x01", &bytes[..]].concat();
        prop_assert!(verify(&armour::close(&started), PURPOSE, PAYLOAD).is_err());
    }

    #[test]
    fn a_mutated_signature_never_verifies(position in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let pem = fixed_signature();
        prop_assert!(verify(&pem, PURPOSE, PAYLOAD).is_ok());
        let mut blob = armour::open(&pem).unwrap();
        let at = position.index(blob.len());
        blob[at] ^= flip;
        prop_assert!(verify(&armour::close(&blob), PURPOSE, PAYLOAD).is_err());
        let mut text = pem.into_bytes();
        let at = position.index(text.len());
        text[at] ^= flip;
        if let Ok(text) = String::from_utf8(text) {
            prop_assert!(verify(&text, PURPOSE, PAYLOAD).is_err());
        }
    }

    #[test]
    fn armour_opens_what_it_closed(bytes in prop::collection::vec(any::<u8>(), 1..400)) {
        prop_assert_eq!(armour::open(&armour::close(&bytes)), Some(bytes));
    }

    #[test]
    fn parsing_a_commit_never_panics(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        lines in prop::collection::vec(prop::sample::select(vec![
            "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904", "parent 4b825dc642cb6eb9a060e54bf8d69288fbee4904",
            "author A <a@b> 1 +0000", "committer A <a@b> 1 +0000", "author >A<", "gpgsig x", " ", " y", "", "\u{fffd}", "x",
        ]), 0..12),
    ) {
        for raw in [bytes, lines.join("\n").into_bytes()] {
            let raw: Arc<[u8]> = raw.into();
            if let Ok(commit) = Commit::parse(Oid::of(Kind::Commit, &raw), raw) {
                prop_assert!(!matches!(commit_signer(&commit), Ok(Some(_))));
            }
        }
    }
}

impl Repository {
    fn commit_object(&self, id: Oid) -> Commit {
        Objects::commit(self, id).unwrap()
    }
}
