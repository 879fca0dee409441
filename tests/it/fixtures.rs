//! Every document under `fixtures/`: the good ones are read, and what is said of the bad ones is kept word for word.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};

use countersign::model::{Environment, Governance, Problems, Statement};
use countersign::settings::Settings;

pub type Reader = fn(&[u8]) -> Result<String, Problems>;

const KINDS: &[(&str, Reader)] = &[
    ("yaml", environment),
    ("environment", environment),
    ("policy", |bytes| governance("governance/policy.yaml", bytes)),
    ("person", |bytes| governance("governance/people/alice.yaml", bytes)),
    ("team", |bytes| governance("governance/teams/platform.yaml", bytes)),
    ("ruleset", |bytes| governance("governance/rulesets/production.yaml", bytes)),
    ("approval", statement),
    ("request", statement),
    ("settings", |bytes| shown(Settings::parse("settings.yaml", Path::new("/etc/countersign"), bytes))),
];

#[test]
fn good_documents_are_read() {
    let mut count = 0;
    for (name, bytes, read) in documents("good-") {
        match read(&bytes) {
            Ok(value) => snapshot(&name, &value),
            Err(problems) => panic!("{name}:\n{problems}"),
        }
        count += 1;
    }
    assert!(count > 20, "only {count} good documents were found");
}

#[test]
fn bad_documents_are_refused_in_these_words() {
    let mut count = 0;
    for (name, bytes, read) in documents("bad-") {
        match read(&bytes) {
            Ok(value) => panic!("{name} was read:\n{value}"),
            Err(problems) => snapshot(&name, &problems.to_string()),
        }
        count += 1;
    }
    assert!(count > 100, "only {count} bad documents were found");
}

#[test]
fn no_error_repeats_more_of_a_file_than_a_token() {
    for (name, bytes, read) in documents("bad-") {
        let problems = read(&bytes).unwrap_err();
        for problem in problems.0 {
            for token in problem.message.split('`').skip(1).step_by(2) {
                assert!(token.chars().count() <= 40 * "U+0000".len() + 1, "{name}: {token}");
            }
            let text = problem.to_string();
            assert!(!text.contains(|c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c)), "{name}");
        }
    }
}

fn environment(bytes: &[u8]) -> Result<String, Problems> {
    shown(Environment::read("environments/acme-prod/environment.yaml", "acme-prod", bytes))
}

fn statement(bytes: &[u8]) -> Result<String, Problems> {
    let statement = Statement::read("approvals/acme-prod/3f2a9c1d04be/alice.yaml", bytes)?;
    // What is written is read back as the same, and signed as the same.
    let again = Statement::read("written", statement.to_yaml().as_bytes())?;
    assert_eq!(again, statement);
    assert_eq!(again.digest(), statement.digest());
    let signed = String::from_utf8(statement.signed_bytes()).unwrap();
    Ok(format!("{statement:#?}\n\n{}\n{signed}\n{}", statement.to_yaml(), statement.digest()))
}

/// The whole policy, with this document in it.
fn governance(path: &str, bytes: &[u8]) -> Result<String, Problems> {
    let mut files = BTreeMap::new();
    let base = root().join("governance");
    for file in walk(&base) {
        let name = file.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        files.insert(name, fs::read(file).unwrap());
    }
    assert_eq!(files.len(), 6);
    assert!(Governance::read(&files).is_ok(), "the policy without it must be sound");
    files.insert(path.to_owned(), bytes.to_vec());
    shown(Governance::read(&files))
}

fn shown<T: Debug>(read: Result<T, Problems>) -> Result<String, Problems> {
    read.map(|value| format!("{value:#?}"))
}

fn snapshot(name: &str, text: &str) {
    insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => "snapshots/fixtures", omit_expression => true }, {
        insta::assert_snapshot!(name.to_owned(), text);
    });
}

pub fn documents(prefix: &str) -> Vec<(String, Vec<u8>, Reader)> {
    let mut documents = Vec::new();
    for (kind, read) in KINDS {
        for file in walk(&root().join(kind)) {
            let name = file.file_stem().unwrap().to_str().unwrap();
            if name.starts_with(prefix) {
                documents.push((format!("{kind}-{name}"), fs::read(&file).unwrap(), *read));
            }
        }
    }
    documents
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(walk(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}
