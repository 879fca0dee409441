use std::collections::BTreeMap;

use super::Governance;

/// A sound policy, with these files put in (or taken out, where empty).
fn read(changes: &[(&str, &str)]) -> Result<Governance, String> {
    let policy =
        document("Policy", "policy", "bindings: [{ role: owner, users: [alice], environments: [governance] }]");
    let mut files = BTreeMap::from([
        ("governance/policy.yaml".to_owned(), policy.into_bytes()),
        (
            "governance/people/alice.yaml".to_owned(),
            document("Person", "alice", "emails: [alice@a.example]").into_bytes(),
        ),
        ("governance/teams/all.yaml".to_owned(), document("Team", "all", "members: [alice]").into_bytes()),
    ]);
    for (path, text) in changes {
        if text.is_empty() {
            files.remove(*path);
        } else {
            files.insert((*path).to_owned(), text.as_bytes().to_vec());
        }
    }
    Governance::read(&files).map_err(|problems| problems.to_string())
}

fn document(kind: &str, name: &str, spec: &str) -> String {
    format!("apiVersion: countersign/v1\nkind: {kind}\nmetadata: {{ name: {name} }}\nspec: {{ {spec} }}\n")
}

#[test]
fn a_sound_policy_is_read() {
    let governance = read(&[]).unwrap();
    assert!(governance.people.contains_key("alice"));
    assert!(governance.policy.default_require_approval);
}

#[test]
fn without_policy_yaml_there_is_no_policy() {
    insta::assert_snapshot!(read(&[("governance/policy.yaml", "")]).unwrap_err(), @"governance/policy.yaml: missing; a policy begins with this file");
    assert!(Governance::read(&BTreeMap::new()).is_err());
}

#[test]
fn whoever_is_named_must_exist() {
    insta::assert_snapshot!(read(&[("governance/people/alice.yaml", "")]).unwrap_err(), @r"
    governance/policy.yaml:4:43: spec.bindings[0].users[0]: unknown person `alice`; expected a file `governance/people/alice.yaml`
    governance/teams/all.yaml:4:19: spec.members[0]: unknown person `alice`; expected a file `governance/people/alice.yaml`
    ");
}

#[test]
fn a_file_that_cannot_be_read_is_one_problem_and_not_many() {
    insta::assert_snapshot!(read(&[("governance/people/alice.yaml", "alice\n")]).unwrap_err(), @"governance/people/alice.yaml:1:1: expected fields, found `alice`");
    insta::assert_snapshot!(read(&[("governance/policy.yaml", "- no\n"), ("governance/rulesets/r.yaml", &document("Ruleset", "r", "rules: [{ name: a, approvers: { roles: [releaser] }, required: 1 }]"))]).unwrap_err(), @"governance/policy.yaml:1:1: expected fields, found a list");
}

#[test]
fn documents_in_wrong_places_are_told_and_other_files_left_alone() {
    let text = document("Person", "bob", "keys: []");
    insta::assert_snapshot!(read(&[
        ("governance/README.md", "for people"),
        ("governance/people/NOTES.txt", "for people"),
        ("governance/bob.yaml", &text),
        ("governance/people/bob.yml", &text),
        ("governance/people/bob.YAML", &text),
        ("governance/people/Bob.yaml", &text),
        ("governance/people/Alice.yaml", &text),
        ("governance/people/more/bob.yaml", &text),
        ("governance/People/bob.yaml", &text),
        ("governance/people/.yaml", &text),
        ("governance/people/b\u{1b}[2J.yaml", &text),
    ]).unwrap_err(), @r"
    governance/People/bob.yaml: a YAML file where none is read; expected `policy.yaml`, `people/<name>.yaml`, `teams/<name>.yaml` or `rulesets/<name>.yaml`
    governance/bob.yaml: a YAML file where none is read; expected `policy.yaml`, `people/<name>.yaml`, `teams/<name>.yaml` or `rulesets/<name>.yaml`
    governance/people/.yaml: the file's name is the document's name: expected a name of 1 to 63 characters `a-z`, `0-9` and `-`, with a letter or digit at both ends, found ``
    governance/people/Alice.yaml: the file's name is the document's name: expected a name of 1 to 63 characters `a-z`, `0-9` and `-`, with a letter or digit at both ends, found `Alice`
    governance/people/Bob.yaml: the file's name is the document's name: expected a name of 1 to 63 characters `a-z`, `0-9` and `-`, with a letter or digit at both ends, found `Bob`
    governance/people/bU+001B[2J.yaml: the file's name is the document's name: expected a name of 1 to 63 characters `a-z`, `0-9` and `-`, with a letter or digit at both ends, found `bU+001B[2J`
    governance/people/bob.YAML: a YAML file where none is read; expected `policy.yaml`, `people/<name>.yaml`, `teams/<name>.yaml` or `rulesets/<name>.yaml`
    governance/people/bob.yml: a YAML file where none is read; expected `policy.yaml`, `people/<name>.yaml`, `teams/<name>.yaml` or `rulesets/<name>.yaml`
    governance/people/more/bob.yaml: a YAML file where none is read; expected `policy.yaml`, `people/<name>.yaml`, `teams/<name>.yaml` or `rulesets/<name>.yaml`
    ");
}

#[test]
fn every_problem_of_every_file_is_told() {
    insta::assert_snapshot!(read(&[
        ("governance/people/alice.yaml", &document("Person", "alice", "mails: []")),
        ("governance/teams/all.yaml", &document("Team", "all", "members: [mallory, Alice]")),
    ]).unwrap_err(), @r"
    governance/people/alice.yaml:4:9: spec.mails: unknown field `mails`; did you mean `emails`?
    governance/teams/all.yaml:4:19: spec.members[0]: unknown person `mallory`; expected a file `governance/people/mallory.yaml`
    governance/teams/all.yaml:4:28: spec.members[1]: expected a name of 1 to 63 characters `a-z`, `0-9` and `-`, with a letter or digit at both ends, found `Alice`
    ");
}
