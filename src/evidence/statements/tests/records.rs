use std::fs;

use super::*;

#[test]
fn a_signed_record_proves_itself_wherever_it_is() {
    let world = World::new();
    let text = signed_record(&world, "alice", "approve", "load-tested on staging");
    world.repository.change("mallory", &record_path("anything"), &text);
    for source in [Source::Config, Source::Records] {
        let found = world.found_from(source, world.repository.head());
        let [Found { proof: Proof::Record { digest, statement, key, in_tip, bytes }, path, .. }] = &found[..] else {
            panic!("one record, not {found:?}")
        };
        assert_eq!((key, *in_tip, bytes.as_slice()), (&world.repository.public_key("alice"), true, text.as_bytes()));
        assert_eq!((path, *digest), (&record_path("anything"), statement.digest()));
    }
}

#[test]
fn a_record_is_found_where_it_came_and_not_where_it_was_merged() {
    let world = World::new();
    world.repository.branch("topic");
    let text = signed_record(&world, "alice", "approve", "");
    let commit = world.repository.change("alice", &record_path("alice"), &text);
    world.repository.checkout("main");
    world.repository.change("carol", "environments/other.yaml", "x\n");
    world.repository.git("bob", &["merge", "-q", "--no-ff", "topic"]);
    assert_eq!(world.found().iter().map(|found| found.commit).collect::<Vec<_>>(), [commit]);
    // One that a merge itself brings is found there.
    world.repository.branch("again");
    world.repository.commit("carol", "empty");
    world.repository.checkout("main");
    world.repository.git("bob", &["merge", "-q", "--no-ff", "--no-commit", "again"]);
    world.repository.write(&record_path("bob"), &signed_record(&world, "bob", "reject", ""));
    let evil = world.repository.commit("bob", "Merge branch 'again'");
    assert_eq!(world.found().iter().map(|found| found.commit).collect::<Vec<_>>(), [commit, evil]);
}

#[test]
fn a_record_that_is_gone_or_edited_in_the_tip_is_told_so() {
    let world = World::new();
    world.repository.change("alice", &record_path("one"), &signed_record(&world, "alice", "approve", "one"));
    let two = signed_record(&world, "alice", "approve", "two");
    world.repository.change("alice", &record_path("two"), &two);
    world.repository.remove(&record_path("one"));
    world.repository.commit("bob", "gone");
    world.repository.change("bob", &record_path("two"), &two.replace("\"two\"", "\"three\""));
    insta::assert_snapshot!(world.told(), @"
    [approvals/acme-prod/PLAN/one.yaml] one.yaml: record of alice, in tip: false
    [approvals/acme-prod/PLAN/two.yaml] two.yaml: record of alice, in tip: false
    [approvals/acme-prod/PLAN/two.yaml] two.yaml: nothing: the signature does not fit the content
    ");
}

#[test]
fn a_record_that_proves_nothing_has_the_digest_of_its_file() {
    let world = World::new();
    let good = signed_record(&world, "alice", "approve", "");
    let (front, _) = good.split_once("  signature: |\n").unwrap();
    let stolen = signed_record(&world, "mallory", "approve", "");
    let (_, signature) = stolen.split_once("  signature: |\n").unwrap();
    let forged = format!("{front}  signature: |\n{signature}");
    world.repository.change("mallory", &record_path("forged"), &forged);
    let found = world.found();
    let [Found { proof: Proof::Nothing { digest, statement: Some(statement), why, .. }, .. }] = &found[..] else {
        panic!("one forged record, not {found:?}")
    };
    assert_eq!((digest.0, why.as_str()), (Digest::of(&forged), "the signature does not fit the content"));
    assert_ne!(*digest, statement.digest());
}

#[test]
fn signatures_for_another_purpose_do_not_count() {
    let world = World::new();
    let good = signed_record(&world, "alice", "approve", "");
    let Ok(statement) = Statement::read("alice.yaml", good.as_bytes()) else { panic!("a record") };
    let (front, _) = good.split_once("  signature: |\n").unwrap();
    let pem = sign(&world.repository.key_file("alice"), "file", &statement.signed_bytes(), &[]);
    let pem: String = pem.lines().map(|line| format!("    {line}\n")).collect();
    world.repository.change("mallory", &record_path("alice"), &format!("{front}  signature: |\n{pem}"));
    assert!(
        world.told().ends_with("nothing: the signature was made for another purpose than `statement-v1@countersign`")
    );
}

#[test]
fn files_that_are_no_statements() {
    let world = World::new();
    world.repository.write("approvals/notes.txt", "not looked at");
    world.repository.write("elsewhere/approvals/x.yaml", "not looked at");
    world.repository.write("approvals/top.yaml", "hello");
    world.repository.write("requests/acme-prod/unreadable.yaml", "hello");
    world.repository.write("requests/No_Name/unreadable.yaml", "hello");
    let large = format!("{}#{}", signed_record(&world, "alice", "approve", ""), "x".repeat(64 * 1024));
    world.repository.write(&record_path("large"), &large);
    std::os::unix::fs::symlink("unreadable.yaml", world.repository.work().join("requests/acme-prod/link.yaml"))
        .unwrap();
    world.repository.commit("mallory", "junk");
    let found = world.found();
    let told = |found: &Found| {
        let Proof::Nothing { why, .. } = &found.proof else { panic!("nothing") };
        let why = why.split(&found.path).next().unwrap();
        format!("{} {:?} {why}", found.path.replace(&World::plan().short(), "PLAN"), found.folder)
    };
    insta::assert_snapshot!(found.iter().map(told).collect::<Vec<_>>().join("\n"), @"
    approvals/acme-prod/PLAN/large.yaml Some(acme-prod) it is larger than 64 KiB
    approvals/top.yaml None it cannot be read: 
    requests/No_Name/unreadable.yaml None it cannot be read: 
    requests/acme-prod/unreadable.yaml Some(acme-prod) it cannot be read:
    ");
}

#[test]
fn a_root_folder_is_left_out_of_paths_and_bounds_the_search() {
    let world = World::new();
    let text = signed_record(&world, "alice", "approve", "");
    world.repository.write(&record_path("outside"), &text);
    world.repository.change("alice", &format!("platform/{}", record_path("inside")), &text);
    let graph = Graph::new(&world.repository);
    let tip = world.repository.head();
    let found = |root| {
        let found = find_statements(&graph, &world.repository, root, Source::Config, &[world.seen], tip, &|_| None);
        found.unwrap().into_iter().map(|found| (found.path, found.folder.unwrap().to_string())).collect::<Vec<_>>()
    };
    assert_eq!(found("platform"), [(record_path("inside"), "acme-prod".to_owned())]);
    assert_eq!(found(""), [(record_path("outside"), "acme-prod".to_owned())]);
}

#[test]
fn a_commit_that_is_missing_is_an_error() {
    let world = World::new();
    let tip = world.merge("alice", &world.ready_made("approve", 1));
    let hex = world.seen.to_string();
    fs::remove_file(world.repository.work().join(".git/objects").join(&hex[..2]).join(&hex[2..])).unwrap();
    let graph = Graph::new(&world.repository);
    let refused = find_statements(&graph, &world.repository, "", Source::Config, &[world.root], tip, &|_| None);
    assert_eq!(refused.unwrap_err().to_string(), format!("commit {hex} is missing here"));
}
