use std::fs;

use super::*;
use crate::evidence::repository::{Repository, email};
use crate::model::{PersonKey, Policy};
use crate::object::Kind;

const FOLDER: &str = "environments/acme-prod";
const FILE: &str = "environments/acme-prod/values.yaml";

/// A policy that knows Alice, Bob and Carol. Mallory is nobody.
fn governance(repository: &Repository) -> Governance {
    let person = |name: &str| {
        let key = PersonKey { key: repository.public_key(name), valid_until: None };
        let name: PersonName = name.parse().unwrap();
        (name.clone(), Person { emails: vec![email(name.as_str())], name, keys: vec![key] })
    };
    Governance {
        policy: Policy {
            rulesets: Vec::new(),
            default_require_approval: true,
            default_rulesets: Vec::new(),
            minimum: Vec::new(),
            roles: BTreeMap::new(),
            bindings: Vec::new(),
            journal_keys: Vec::new(),
        },
        people: ["alice", "bob", "carol"].map(person).into(),
        teams: BTreeMap::new(),
        rulesets: BTreeMap::new(),
    }
}

fn found(repository: &Repository, from: Option<Oid>, to: Oid) -> Contributions {
    let graph = Graph::new(repository);
    contributions(&graph, repository, &governance(repository), &[FOLDER.to_owned()], from, to).unwrap()
}

/// What is told of the change from one commit to another: people first, then commits, newest first.
fn told(repository: &Repository, from: Option<Oid>, to: Oid) -> String {
    let Contributions { contributors, commits } = found(repository, from, to);
    let mut lines = Vec::new();
    for contributor in contributors {
        let name = contributor.person.map_or("nobody".to_owned(), |person| person.to_string());
        let count = contributor.commits.len();
        lines.push(format!("{name} <{}> {:?} in {count}", contributor.email, contributor.basis));
    }
    for commit in commits {
        let signed = commit.signed_by.map_or(String::new(), |person| format!(", signed by {person}"));
        lines.push(format!("- {} by {}{signed}", commit.subject, commit.author));
    }
    lines.join("\n")
}

/// A repository whose first commit, by Carol, is what is applied.
fn world() -> (Repository, Oid) {
    let repository = Repository::new();
    repository.write(FILE, "replicas: 1\n");
    repository.write("environments/acme-prod/image.yaml", "image: v1\n");
    repository.write("environments/other/values.yaml", "x\n");
    let base = repository.commit("carol", "base");
    (repository, base)
}

#[test]
fn a_line_of_commits() {
    let (repository, base) = world();
    repository.change("alice", FILE, "replicas: 2\n");
    repository.change("bob", "environments/other/values.yaml", "y\n");
    repository.write(FILE, "replicas: 3\n");
    let tip = repository.commit_signed("bob", "three");
    insta::assert_snapshot!(told(&repository, Some(base), tip), @"
    alice <alice@vendor.example> Claimed in 1
    bob <bob@vendor.example> Signed in 1
    - three by bob@vendor.example, signed by bob
    - environments/acme-prod/values.yaml by alice@vendor.example
    ");
    insta::assert_snapshot!(told(&repository, None, base), @"
    carol <carol@vendor.example> Claimed in 1
    - base by carol@vendor.example
    ");
    assert_eq!(found(&repository, Some(tip), tip), Contributions::default());
}

#[test]
fn inputs_may_be_files_and_may_be_gone() {
    let (repository, base) = world();
    let alice = repository.change("alice", "environments/other/values.yaml", "y\n");
    repository.remove("environments/other/values.yaml");
    let tip = repository.commit("bob", "gone");
    let graph = Graph::new(&repository);
    let files = ["environments/other/values.yaml".to_owned(), "never/there".to_owned()];
    let governance = governance(&repository);
    let found = contributions(&graph, &repository, &governance, &files, Some(base), tip).unwrap();
    assert_eq!(found.commits.iter().map(|commit| commit.id).collect::<Vec<_>>(), [tip, alice]);
    let everything = contributions(&graph, &repository, &governance, &[String::new()], Some(base), tip).unwrap();
    assert_eq!(everything, found);
}

#[test]
fn co_authors_and_signers_count_and_committers_do_not() {
    let (repository, base) = world();
    repository.write(FILE, "replicas: 2\n");
    repository.commit("mallory", "two\n\nCO-AUTHORED-BY: Bob <BOB@vendor.example>\nCo-authored-by: X <x@y.example>");
    repository.write(FILE, "replicas: 3\n");
    repository.git("bob", &["commit", "-qaS", "--author=Alice <Alice@vendor.example>", "-m", "three"]);
    repository.write(FILE, "replicas: 4\n");
    repository.git("carol", &["commit", "-qa", "--author=Alice <alice@vendor.example>", "-m", "four"]);
    insta::assert_snapshot!(told(&repository, Some(base), repository.head()), @"
    alice <Alice@vendor.example> Claimed in 2
    bob <bob@vendor.example> Signed in 1
    bob <BOB@vendor.example> Claimed in 1
    nobody <mallory@vendor.example> Claimed in 1
    nobody <x@y.example> Claimed in 1
    - four by alice@vendor.example
    - three by Alice@vendor.example, signed by bob
    - two by mallory@vendor.example
    ");
}

#[test]
fn a_forged_author_is_only_claimed_and_an_unknown_or_broken_signature_proves_nothing() {
    let (repository, base) = world();
    repository.write(FILE, "replicas: 2\n");
    repository.git("mallory", &["commit", "-qaS", "--author=Alice <alice@vendor.example>", "-m", "forged"]);
    repository.write(FILE, "replicas: 3\n");
    let signed = repository.commit_signed("alice", "three");
    let raw = String::from_utf8(repository.read(Kind::Commit, signed).unwrap().to_vec()).unwrap();
    let tampered =
        Objects::write(&repository, Kind::Commit, raw.replace("\n\nthree", "\n\nthree!").as_bytes()).unwrap();
    insta::assert_snapshot!(told(&repository, Some(base), tampered), @"
    alice <alice@vendor.example> Claimed in 2
    - three! by alice@vendor.example
    - forged by alice@vendor.example
    ");
}

#[test]
fn a_sync_merge_is_no_contribution() {
    let (repository, base) = world();
    repository.branch("topic");
    repository.change("alice", FILE, "replicas: 2\n");
    repository.checkout("main");
    repository.change("carol", "environments/acme-prod/image.yaml", "image: v2\n");
    repository.checkout("topic");
    repository.git("bob", &["merge", "-q", "--no-ff", "main"]);
    repository.checkout("main");
    repository.git("bob", &["merge", "-q", "--no-ff", "topic"]);
    insta::assert_snapshot!(told(&repository, Some(base), repository.head()), @"
    alice <alice@vendor.example> Claimed in 1
    carol <carol@vendor.example> Claimed in 1
    - environments/acme-prod/values.yaml by alice@vendor.example
    - environments/acme-prod/image.yaml by carol@vendor.example
    ");
}

#[test]
fn an_evil_merge_is_a_contribution() {
    let (repository, base) = world();
    repository.branch("topic");
    repository.change("alice", "environments/other/values.yaml", "y\n");
    repository.checkout("main");
    repository.git("bob", &["merge", "-q", "--no-ff", "--no-commit", "topic"]);
    repository.write(FILE, "replicas: 9\n");
    repository.commit("bob", "Merge branch 'topic'");
    insta::assert_snapshot!(told(&repository, Some(base), repository.head()), @"
    bob <bob@vendor.example> Claimed in 1
    - Merge branch 'topic' by bob@vendor.example
    ");
}

#[test]
fn resolving_a_conflict_is_a_contribution() {
    let (repository, base) = world();
    repository.branch("topic");
    repository.change("alice", FILE, "replicas: 2\n");
    repository.checkout("main");
    repository.change("carol", FILE, "replicas: 3\n");
    repository.git_stops("bob", &["merge", "-q", "topic"]);
    repository.write(FILE, "replicas: 2\n");
    repository.commit("bob", "took alice's");
    insta::assert_snapshot!(told(&repository, Some(base), repository.head()), @"
    alice <alice@vendor.example> Claimed in 1
    bob <bob@vendor.example> Claimed in 1
    carol <carol@vendor.example> Claimed in 1
    - took alice's by bob@vendor.example
    - environments/acme-prod/values.yaml by alice@vendor.example
    - environments/acme-prod/values.yaml by carol@vendor.example
    ");
}

#[test]
fn undoing_somebodys_work_with_a_merge_is_a_contribution() {
    for fast_forwardable in [true, false] {
        let (repository, base) = world();
        repository.branch("topic");
        repository.change("alice", FILE, "replicas: 2\n");
        repository.checkout("main");
        if !fast_forwardable {
            repository.change("carol", "environments/other/values.yaml", "y\n");
        }
        repository.git("bob", &["merge", "-q", "--no-ff", "-s", "ours", "topic"]);
        let told = told(&repository, Some(base), repository.head());
        assert!(told.contains("bob <bob@vendor.example> Claimed in 1"), "{told}");
        assert!(told.contains("alice <alice@vendor.example> Claimed in 1"), "{told}");
    }
}

#[test]
fn the_same_bytes_from_two_sides_are_two_contributions() {
    let (repository, base) = world();
    repository.branch("topic");
    repository.change("alice", FILE, "replicas: 2\n");
    repository.checkout("main");
    repository.change("bob", FILE, "replicas: 2\n");
    repository.git("carol", &["merge", "-q", "--no-ff", "topic"]);
    insta::assert_snapshot!(told(&repository, Some(base), repository.head()), @"
    alice <alice@vendor.example> Claimed in 1
    bob <bob@vendor.example> Claimed in 1
    - environments/acme-prod/values.yaml by bob@vendor.example
    - environments/acme-prod/values.yaml by alice@vendor.example
    ");
}

#[test]
fn a_change_that_was_taken_back_still_counts() {
    let (repository, base) = world();
    repository.change("alice", FILE, "replicas: 2\n");
    let tip = repository.change("bob", FILE, "replicas: 1\n");
    assert_eq!(found(&repository, Some(base), tip).contributors.len(), 2);
}

#[test]
fn after_criss_cross_merges_a_side_must_differ_from_every_base() {
    let (repository, base) = world();
    repository.branch("topic");
    let ours = repository.change("alice", FILE, "replicas: 2\n");
    repository.checkout("main");
    let theirs = repository.change("carol", "environments/acme-prod/image.yaml", "image: v2\n");
    repository.git("nobody", &["merge", "-q", "--no-ff", &ours.to_string()]);
    repository.checkout("topic");
    repository.git("nobody", &["merge", "-q", "--no-ff", &theirs.to_string()]);
    repository.change("alice", FILE, "replicas: 4\n");
    repository.checkout("main");
    repository.change("carol", "environments/other/values.yaml", "y\n");
    assert_eq!(Graph::new(&repository).merge_bases(repository.oid("topic"), repository.head()).unwrap().len(), 2);
    repository.git("bob", &["merge", "-q", "--no-ff", "topic"]);
    // Main has replicas 2 like one base and unlike the other, so bob's merge had to choose.
    let told = told(&repository, Some(base), repository.head());
    assert!(told.contains("bob <bob@vendor.example>"), "{told}");
    assert!(!told.contains("nobody"), "{told}");
}

#[test]
fn a_rebase_keeps_the_authors_and_adds_who_signed() {
    let (repository, base) = world();
    repository.branch("topic");
    repository.write(FILE, "replicas: 2\n");
    repository.commit_signed("alice", "two");
    repository.checkout("main");
    let onto = repository.change("carol", "environments/other/values.yaml", "y\n");
    repository.checkout("topic");
    repository.git("bob", &["rebase", "-q", "-S", &onto.to_string()]);
    insta::assert_snapshot!(told(&repository, Some(base), repository.head()), @"
    alice <alice@vendor.example> Claimed in 1
    bob <bob@vendor.example> Signed in 1
    - two by alice@vendor.example, signed by bob
    ");
}

#[test]
fn an_octopus_counts_only_if_it_chose() {
    let (repository, base) = world();
    for (branch, path, text) in [
        ("one", FILE, "replicas: 2\n"),
        ("two", "environments/acme-prod/image.yaml", "image: v2\n"),
        ("three", "x", "x"),
    ] {
        repository.git("nobody", &["checkout", "-q", "-b", branch, &base.to_string()]);
        repository.change("alice", path, text);
    }
    repository.checkout("main");
    repository.git("bob", &["merge", "-q", "--no-ff", "one", "two", "three"]);
    let clean = repository.head();
    insta::assert_snapshot!(told(&repository, Some(base), clean), @"
    alice <alice@vendor.example> Claimed in 2
    - environments/acme-prod/values.yaml by alice@vendor.example
    - environments/acme-prod/image.yaml by alice@vendor.example
    ");
    // The same parents, but the first side's change is left out.
    let tree = repository.git("bob", &["rev-parse", "two^{tree}"]);
    let parents: Vec<String> = ["main~1", "one", "two", "three"].map(|name| repository.oid(name).to_string()).into();
    let mut arguments = vec!["commit-tree", &tree, "-m", "chosen"];
    for parent in &parents {
        arguments.extend(["-p", parent]);
    }
    let chosen = repository.git("bob", &arguments).parse().unwrap();
    assert!(told(&repository, Some(base), chosen).contains("bob <bob@vendor.example>"));
}

#[test]
fn unrelated_histories_are_compared_with_nothing() {
    let (repository, base) = world();
    repository.git("nobody", &["checkout", "-q", "--orphan", "elsewhere"]);
    repository.git("nobody", &["rm", "-qrf", "."]);
    repository.change("alice", "environments/acme-prod/extra.yaml", "x\n");
    repository.checkout("main");
    repository.git("bob", &["merge", "-q", "--no-ff", "--allow-unrelated-histories", "elsewhere"]);
    let told_clean = told(&repository, Some(base), repository.head());
    assert!(!told_clean.contains("bob"), "{told_clean}");
    repository.checkout("elsewhere");
    repository.change("alice", FILE, "replicas: 7\n");
    repository.git("nobody", &["checkout", "-q", "-B", "main", &base.to_string()]);
    let take_theirs = ["merge", "-q", "--no-ff", "--allow-unrelated-histories", "-X", "theirs", "elsewhere"];
    repository.git("bob", &take_theirs);
    let told_chosen = told(&repository, Some(base), repository.head());
    assert!(told_chosen.contains("bob"), "{told_chosen}");
}

#[test]
fn merging_an_old_branch_that_touches_nothing_costs_no_walk_and_is_no_contribution() {
    let (repository, base) = world();
    repository.git("nobody", &["checkout", "-q", "-b", "ready"]);
    repository.change("daemon", "approvals/acme-prod/0/1.yaml", "x\n");
    repository.checkout("main");
    repository.change("alice", FILE, "replicas: 2\n");
    repository.git("bob", &["merge", "-q", "--no-ff", "ready"]);
    let told = told(&repository, Some(base), repository.head());
    assert!(!told.contains("bob"), "{told}");
}

#[test]
fn a_file_that_becomes_a_folder_in_a_merge_is_looked_into() {
    let (repository, base) = world();
    repository.branch("topic");
    repository.remove(FILE);
    repository.change("alice", &format!("{FILE}/nested"), "x\n");
    repository.checkout("main");
    repository.change("carol", "environments/acme-prod/image.yaml", "image: v2\n");
    repository.git("bob", &["merge", "-q", "--no-ff", "topic"]);
    let clean = told(&repository, Some(base), repository.head());
    assert!(!clean.contains("bob"), "{clean}");
    repository.write(&format!("{FILE}/nested"), "y\n");
    repository.git("bob", &["commit", "-qa", "--amend", "--no-edit"]);
    let evil = told(&repository, Some(base), repository.head());
    assert!(evil.contains("bob"), "{evil}");
}

#[test]
fn replace_references_grafts_and_mail_maps_have_no_effect() {
    let (repository, base) = world();
    repository.change("alice", FILE, "replicas: 2\n");
    let alice = repository.head();
    let tip = repository.change("bob", FILE, "replicas: 3\n");
    let before = told(&repository, Some(base), tip);
    // Bob's commit seems to be Carol's, Alice's seems not to exist, and Alice seems to be Mallory.
    repository.branch("false");
    repository.git("carol", &["commit", "-q", "--amend", "--reset-author", "--no-edit"]);
    repository.git("mallory", &["replace", &tip.to_string(), "HEAD"]);
    repository.git("mallory", &["checkout", "-q", "main"]);
    let grafts = repository.work().join(".git/info/grafts");
    fs::create_dir_all(grafts.parent().unwrap()).unwrap();
    fs::write(grafts, format!("{tip} {base}\n")).unwrap();
    fs::write(repository.work().join(".mailmap"), "M <mallory@vendor.example> <alice@vendor.example>\n").unwrap();
    let log = repository.git("mallory", &["log", "--format=%ae %H", "main"]);
    assert!(log.starts_with("carol") && !log.contains(&alice.to_string()), "git itself is fooled: {log}");
    assert_eq!(told(&repository, Some(base), tip), before);
    assert!(before.contains("alice <alice@vendor.example>") && before.contains("bob <bob@vendor.example>"));
}

#[test]
fn a_shallow_clone_is_refused() {
    let (repository, base) = world();
    let tip = repository.change("alice", FILE, "replicas: 2\n");
    let parent = repository.oid("main~1");
    assert_eq!(parent, base);
    let objects = repository.work().join(".git/objects");
    let hex = base.to_string();
    fs::remove_file(objects.join(&hex[..2]).join(&hex[2..])).unwrap();
    let graph = Graph::new(&repository);
    let refused =
        contributions(&graph, &repository, &governance(&repository), &[FOLDER.to_owned()], None, tip).unwrap_err();
    assert_eq!(refused.to_string(), format!("commit {base} is missing here"));
}
