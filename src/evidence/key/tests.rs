use std::process::Command;

use super::*;
use crate::evidence::repository::{make_key, public_text, read_public_key};

/// The text of a fresh key of this kind.
fn fresh(kind: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    make_key(&path, kind);
    public_text(&path)
}

fn wire(parts: &[&[u8]]) -> Vec<u8> {
    parts.iter().flat_map(|part| [&u32::try_from(part.len()).unwrap().to_be_bytes()[..], part].concat()).collect()
}

/// `algorithm base64` of a key given as its wire form.
fn text_of(algorithm: &str, blob: &[u8]) -> String {
    let armoured = crate::evidence::armour::close(blob);
    let base64: String = armoured.lines().filter(|line| !line.starts_with('-')).collect();
    format!("{algorithm} {base64}")
}

#[test]
fn keys_that_ssh_keygen_makes_are_read_without_their_comment() {
    for kind in [&["-t", "ed25519"][..], &["-t", "ecdsa", "-b", "256"], &["-t", "ecdsa", "-b", "384"], &["-t", "rsa"]] {
        let text = fresh(kind);
        let key = parse_public_key(&text).unwrap();
        assert_eq!(format!("{} somebody\n", key.as_str()), text);
        assert_eq!(parse_public_key(key.as_str()), Ok(key));
    }
}

#[test]
fn fingerprints_are_those_of_ssh_keygen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    make_key(&path, &["-t", "ed25519"]);
    let told = Command::new("ssh-keygen").arg("-lf").arg(&path).output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    assert_eq!(fingerprint(&read_public_key(&path)), told.split(' ').nth(1).unwrap());
}

#[test]
fn weak_and_foreign_types_are_refused() {
    let refusal = |text: &str| parse_public_key(text).unwrap_err().to_string();
    insta::assert_snapshot!(refusal(&fresh(&["-t", "ecdsa", "-b", "521"])), @"`ecdsa-sha2-nistp521`: keys of this type are not accepted: use ssh-ed25519, ecdsa-sha2-nistp256, ecdsa-sha2-nistp384, ssh-rsa of 3072 bits or more, sk-ssh-ed25519@openssh.com or sk-ecdsa-sha2-nistp256@openssh.com");
    insta::assert_snapshot!(refusal(&fresh(&["-t", "rsa", "-b", "2048"])), @"expected an RSA key of 3072 to 4096 bits, found 2048");
    let dss = text_of("ssh-dss", &wire(&[b"ssh-dss", b"\x01", b"\x01", b"\x01", b"\x01"]));
    assert!(matches!(parse_public_key(&dss), Err(KeyError::Algorithm(_))));
}

#[test]
fn a_certificate_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, user) = (folder.path().join("authority"), folder.path().join("user"));
    make_key(&authority, &["-t", "ed25519"]);
    make_key(&user, &["-t", "ed25519"]);
    let public = folder.path().join("user.pub");
    let signed = Command::new("ssh-keygen")
        .args(["-q", "-I", "alice", "-n", "alice", "-s"])
        .arg(&authority)
        .arg(&public)
        .output();
    assert!(signed.unwrap().status.success());
    let certificate = std::fs::read_to_string(folder.path().join("user-cert.pub")).unwrap();
    assert!(matches!(parse_public_key(&certificate), Err(KeyError::Algorithm(_))));
}

#[test]
fn options_further_lines_and_private_keys_are_refused() {
    let key = fresh(&["-t", "ed25519"]);
    let key = key.trim();
    assert!(matches!(parse_public_key(&format!("cert-authority {key}")), Err(KeyError::Algorithm(_))));
    assert_eq!(parse_public_key(&format!("{key}\n{key}")), Err(KeyError::Shape));
    assert_eq!(parse_public_key(""), Err(KeyError::Shape));
    assert_eq!(parse_public_key("ssh-ed25519"), Err(KeyError::Shape));
    assert_eq!(parse_public_key("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz\n"), Err(KeyError::Shape));
}

#[test]
fn a_key_has_one_text_only() {
    let good = wire(&[b"ssh-ed25519", &[7; 32]]);
    assert!(parse_public_key(&text_of("ssh-ed25519", &good)).is_ok());
    let refused = |algorithm: &str, blob: &[u8]| {
        assert_eq!(parse_public_key(&text_of(algorithm, blob)), Err(KeyError::Encoding));
    };
    refused("ssh-ed25519", &[&good[..], b"\0"].concat());
    refused("ssh-ed25519", &wire(&[b"ssh-ed25519", &[7; 33]]));
    refused("ssh-rsa", &good);
    let text = text_of("ssh-ed25519", &good);
    assert_eq!(parse_public_key(&format!("{text}=")), Err(KeyError::Encoding));
    assert_eq!(parse_public_key(&text.replace("AAAA", "AAA A")), Err(KeyError::Encoding));
    // A coordinate at or above the field's prime, which is the same point as a smaller one.
    let mut above = [0xff; 32];
    (above[0], above[31]) = (0xee, 0x7f);
    refused("ssh-ed25519", &wire(&[b"ssh-ed25519", &above]));
    // A compressed point, and an RSA key that names the signature's algorithm instead of the key's.
    let compressed: Vec<u8> = [&[2][..], &[7; 32]].concat();
    refused("ecdsa-sha2-nistp256", &wire(&[b"ecdsa-sha2-nistp256", b"nistp256", &compressed]));
    refused(
        "sk-ecdsa-sha2-nistp256@openssh.com",
        &wire(&[b"sk-ecdsa-sha2-nistp256@openssh.com", b"nistp256", &compressed, b"ssh:"]),
    );
    let modulus: Vec<u8> = [&[0][..], &[0xff; 384]].concat();
    assert!(parse_public_key(&text_of("ssh-rsa", &wire(&[b"ssh-rsa", &[1, 0, 1], &modulus]))).is_ok());
    refused("ssh-rsa", &wire(&[b"rsa-sha2-256", &[1, 0, 1], &modulus]));
    // A leading zero too many.
    refused("ssh-rsa", &wire(&[b"ssh-rsa", &[0, 1, 0, 1], &modulus]));
}

#[test]
fn keys_with_which_anybody_can_sign_are_refused() {
    let weak = |algorithm: &str, blob: &[u8]| {
        assert_eq!(parse_public_key(&text_of(algorithm, blob)), Err(KeyError::Weak));
    };
    for point in SMALL_ORDER {
        for sign in [0, 0x80] {
            let mut bytes = hex::decode(point).unwrap();
            bytes[31] |= sign;
            weak("ssh-ed25519", &wire(&[b"ssh-ed25519", &bytes]));
            weak("sk-ssh-ed25519@openssh.com", &wire(&[b"sk-ssh-ed25519@openssh.com", &bytes, b"ssh:"]));
        }
    }
    let modulus: Vec<u8> = [&[0][..], &[0xff; 384]].concat();
    weak("ssh-rsa", &wire(&[b"ssh-rsa", &[1], &modulus]));
    weak("ssh-rsa", &wire(&[b"ssh-rsa", &[4], &modulus]));
}

#[test]
fn errors_show_nothing_that_is_not_plain_text() {
    let error = parse_public_key("\u{202e}ssh AAAA").unwrap_err();
    assert_eq!(error, KeyError::Algorithm(String::new()));
    assert!(error.to_string().starts_with("keys of this type"));
}

#[test]
fn a_key_in_a_document_is_checked_like_one_in_a_policy() {
    let read = |text: &str| serde_json::from_value::<PublicKey>(serde_json::Value::String(text.to_owned()));
    for bits in ["256", "384"] {
        let good = parse_public_key(&fresh(&["-t", "ecdsa", "-b", bits])).unwrap();
        assert_eq!(read(good.as_str()).unwrap(), good);
        assert!(read(&format!("{} alice@laptop", good.as_str())).is_err(), "a comment would be a second text");
        // The last bit of y: no longer on the curve.
        let mut blob = ssh_key::PublicKey::from_openssh(good.as_str()).unwrap().to_bytes().unwrap();
        *blob.last_mut().unwrap() ^= 1;
        let off = text_of(&format!("ecdsa-sha2-nistp{bits}"), &blob);
        assert_eq!(parse_public_key(&off), Err(KeyError::Encoding));
        assert!(read(&off).is_err());
    }
    assert!(read("ssh-dss AAAA").is_err());
    assert!(read("").is_err());
}
