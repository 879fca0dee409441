use super::*;

#[test]
fn a_merge_as_the_status_tells_it_is_evidence() {
    let world = World::new();
    let ready = world.ready_made("approve", 1);
    let merge = world.merge("alice", &ready);
    insta::assert_snapshot!(world.told(), @r#"[Merge branch 'approve/acme-prod/PLAN' of ../origin] approve-1.yaml: Approve 1 merged by alice as alice@vendor.example: """#);
    let [Found { commit, source, path, folder, proof }] = &world.found()[..] else { panic!("one statement") };
    assert_eq!((*commit, *source, path), (merge, Source::Config, &ready.path));
    assert_eq!(folder.as_ref(), Some(&ready.environment));
    let Proof::Merge { digest, .. } = proof else { panic!("a merge") };
    assert_eq!(digest.0, Digest::of(&*world.repository.read(Kind::Commit, merge).unwrap()));
}

#[test]
fn a_merge_of_the_remote_tracking_branch_or_of_a_local_one_is_evidence() {
    let world = World::new();
    let ready = world.ready_made("approve", 1);
    world.repository.git("alice", &["fetch", "-q", "origin"]);
    let origin = format!("origin/{}", ready.branch);
    world.repository.git("alice", &["merge", "-q", "-S", "--no-ff", &origin]);
    insta::assert_snapshot!(world.told(), @r#"[Merge remote-tracking branch 'origin/approve/acme-prod/PLAN'] approve-1.yaml: Approve 1 merged by alice as alice@vendor.example: """#);
    let again = world.ready_made("approve", 2);
    world.repository.git("bob", &["branch", "-q", &again.branch, &again.commit.to_string()]);
    world.repository.git("bob", &["merge", "-q", "-S", "--no-ff", &again.branch]);
    assert!(world.told().contains("[Merge branch 'approve/acme-prod/PLAN'] approve-2.yaml: Approve 2 merged by bob"));
}

#[test]
fn the_body_is_the_reason() {
    let world = World::new();
    let ready = world.ready_made("reject", 1);
    world.repository.git("bob", &["fetch", "-q", "origin", &ready.branch]);
    let subject = format!("Merge branch '{}' of ../origin", ready.branch);
    world
        .repository
        .git("bob", &["merge", "-q", "-S", "--no-ff", "-m", &subject, "-m", "too late today", "FETCH_HEAD"]);
    insta::assert_snapshot!(world.told(), @r#"[Merge branch 'reject/acme-prod/PLAN' of ../origin] reject-1.yaml: Reject 1 merged by bob as bob@vendor.example: "too late today""#);
}

#[test]
fn an_octopus_of_two_ready_made_commits_is_two_statements() {
    let world = World::new();
    let (one, two) = (world.ready_made("approve", 1), world.ready_made("reject", 1));
    world.repository.git("alice", &["fetch", "-q", "origin", &one.branch, &two.branch]);
    world.repository.git("alice", &["merge", "-q", "-S", "--no-ff", "FETCH_HEAD"]);
    insta::assert_snapshot!(world.told(), @r#"
    [Merge branches 'approve/acme-prod/PLAN' and 'reject/acme-prod/PLAN' of ../origin] approve-1.yaml: Approve 1 merged by alice as alice@vendor.example: ""
    [Merge branches 'approve/acme-prod/PLAN' and 'reject/acme-prod/PLAN' of ../origin] reject-1.yaml: Reject 1 merged by alice as alice@vendor.example: ""
    "#);
}

#[test]
fn the_subject_names_everything_that_is_merged() {
    let world = World::new();
    let (one, two) = (world.ready_made("approve", 1), world.ready_made("reject", 1));
    let only_one = format!("Merge branch '{}' of ../origin", one.branch);
    world.repository.git("alice", &["fetch", "-q", "origin", &one.branch, &two.branch]);
    world.repository.git("alice", &["merge", "-q", "-S", "--no-ff", "-m", &only_one, "FETCH_HEAD"]);
    let why = "nothing: its subject does not name `countersign/reject/acme-prod/PLAN`";
    assert_eq!(world.told().matches(why).count(), 2, "{}", world.told());
}

#[test]
fn merges_that_are_no_evidence_say_why() {
    let told = |options: &[&str], and_then: &[&[&str]]| {
        let world = World::new();
        let ready = world.ready_made("approve", 1);
        world.merge_with("alice", &ready, options);
        for arguments in and_then {
            world.repository.git("alice", arguments);
        }
        world.told()
    };
    let all = [
        told(&[], &[]),
        told(&["-S", "-m", "looks good"], &[]),
        told(&["-S", "-s", "ours"], &[]),
        told(&["-S"], &[&["commit", "-q", "--amend", "-S", "--no-edit"]]),
        told(&["-S", "--no-commit"], &[&["rm", "-q", "README.md"], &["commit", "-qS", "--no-edit"]]),
        told(&[], &[&["commit", "-q", "--amend", "-S", "--no-edit", "-m", "late"]]),
    ];
    insta::assert_snapshot!(all.join("\n"), @"
    [Merge branch 'approve/acme-prod/PLAN' of ../origin] approve-1.yaml: nothing: it is not signed (merge with `-S`)
    [looks good] approve-1.yaml: nothing: its subject is not the one git gives a merge of a branch (`-m` replaces it)
    [Merge branch 'approve/acme-prod/PLAN' of ../origin] approve-1.yaml: nothing: it lacks `approvals/acme-prod/PLAN/approve-1.yaml`
    [Merge branch 'approve/acme-prod/PLAN' of ../origin] approve-1.yaml: nothing: its author and committer differ, as they do after an amend or a rebase
    [Merge branch 'approve/acme-prod/PLAN' of ../origin] approve-1.yaml: nothing: it also changes `README.md`
    [late] approve-1.yaml: nothing: its author and committer differ, as they do after an amend or a rebase; its subject is not the one git gives a merge of a branch (`-m` replaces it)
    ");
}

#[test]
fn a_merge_that_brings_something_else_is_no_evidence() {
    let world = World::new();
    let ready = world.ready_made("approve", 1);
    world.merge_with("alice", &ready, &["-S", "--no-commit"]);
    world.repository.write("environments/acme-prod/values.yaml", "replicas: 9\n");
    for name in ["a", "b", "c", "d"] {
        world.repository.write(name, "x");
    }
    world.repository.git("alice", &["add", "-A"]);
    world.repository.git("alice", &["commit", "-qS", "--no-edit"]);
    insta::assert_snapshot!(world.told(), @"
    [Merge branch 'approve/acme-prod/PLAN' of ../origin] approve-1.yaml: nothing: it also changes `a`, `b`, `c` and 2 more
    ");
}

#[test]
fn an_executable_record_or_another_text_of_it_is_no_evidence() {
    for evil in ["chmod", "edit"] {
        let world = World::new();
        let ready = world.ready_made("approve", 1);
        world.merge_with("alice", &ready, &["-S", "--no-commit"]);
        if evil == "chmod" {
            world.repository.git("alice", &["update-index", "--chmod=+x", &ready.path]);
        } else {
            world.repository.write(&ready.path, &record("approve", true, "", "  n: 1\n"));
            world.repository.git("alice", &["add", "-A"]);
        }
        world.repository.git("alice", &["commit", "-qS", "--no-edit"]);
        let told = world.told();
        let why = format!("nothing: it also changes `{}`", ready.path).replace(&World::plan().short(), "PLAN");
        assert!(told.contains(&why), "{told}");
        assert!(!told.contains("merged by"), "{told}");
    }
}

#[test]
fn an_empty_folder_is_something_else_too() {
    let world = World::new();
    let ready = world.ready_made("approve", 1);
    let merge = world.merge("alice", &ready);
    let tree = Objects::commit(&world.repository, merge).unwrap().tree;
    let mut entries = world.repository.tree(tree).unwrap();
    let empty = Objects::write(&world.repository, Kind::Tree, b"").unwrap();
    entries.entries.insert("empty".to_owned(), Entry { mode: Mode::Tree, id: empty });
    let tree = Objects::write(&world.repository, Kind::Tree, &entries.to_raw()).unwrap();
    world.commit_tree("alice", tree, &[world.seen, ready.commit], &format!("Merge branch '{}'", ready.branch));
    assert!(world.told().contains("nothing: its tree is not exactly its first parent's and the record"));
}

#[test]
fn commits_with_one_parent_are_never_evidence() {
    let world = World::new();
    let ready = world.ready_made("approve", 1);
    world.repository.git("alice", &["fetch", "-q", "origin", &ready.branch]);
    let told = |arguments: &[&[&str]]| {
        world.repository.git("alice", &["reset", "-q", "--hard", &world.seen.to_string()]);
        for arguments in arguments {
            world.repository.git("alice", arguments);
        }
        world.told()
    };
    let all = [
        told(&[&["cherry-pick", "-S", "FETCH_HEAD"]]),
        told(&[&["merge", "-q", "--squash", "FETCH_HEAD"], &["commit", "-qS", "-m", "squashed"]]),
        told(&[&["checkout", "-q", "FETCH_HEAD", "--", "approvals"], &["commit", "-qS", "-m", "copied"]]),
        told(&[
            &["reset", "-q", "--hard", "FETCH_HEAD"],
            &["rebase", "-q", "-S", "--onto", &world.seen.to_string(), "HEAD~1"],
        ]),
        told(&[
            &["merge", "-q", "--no-ff", "-S", "FETCH_HEAD"],
            &["revert", "--no-edit", "-m", "1", "HEAD"],
            &["revert", "--no-edit", "HEAD"],
        ]),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    [approve the plan] approve-1.yaml: nothing: it names nobody, so it counts only by a signed merge of its ready-made commit; this is a copy (cherry-pick, squash, rebase, or a file written by hand)
    [squashed] approve-1.yaml: nothing: it names nobody, so it counts only by a signed merge of its ready-made commit; this is a copy (cherry-pick, squash, rebase, or a file written by hand)
    [copied] approve-1.yaml: nothing: it names nobody, so it counts only by a signed merge of its ready-made commit; this is a copy (cherry-pick, squash, rebase, or a file written by hand)
    [approve the plan] approve-1.yaml: nothing: it names nobody, so it counts only by a signed merge of its ready-made commit; this is a copy (cherry-pick, squash, rebase, or a file written by hand)
    [Merge branch 'approve/acme-prod/PLAN' of ../origin] approve-1.yaml: Approve 1 merged by alice as alice@vendor.example: ""
    [Revert "Revert "Merge branch 'approve/acme-prod/PLAN' of ../origin""] approve-1.yaml: nothing: it names nobody, so it counts only by a signed merge of its ready-made commit; this is a copy (cherry-pick, squash, rebase, or a file written by hand)
    "#);
}

#[test]
fn a_revert_takes_an_approval_away_that_was_not_seen_yet_and_never_a_rejection() {
    let world = World::new();
    for word in ["approve", "reject"] {
        let ready = world.ready_made(word, 1);
        world.merge("alice", &ready);
        world.repository.git("alice", &["revert", "--no-edit", "-m", "1", "HEAD"]);
    }
    insta::assert_snapshot!(world.told(), @r#"
    [Merge branch 'approve/acme-prod/PLAN' of ../origin] approve-1.yaml: nothing: its record had been taken away again by the time it was seen
    [Merge branch 'reject/acme-prod/PLAN' of ../origin] reject-1.yaml: Reject 1 merged by alice as alice@vendor.example: ""
    "#);
}

#[test]
fn a_fast_forward_or_a_merge_the_other_way_round_is_no_evidence() {
    let world = World::new();
    let ready = world.ready_made("approve", 1);
    world.repository.git("alice", &["checkout", "-q", &ready.commit.to_string()]);
    insta::assert_snapshot!(world.told(), @"
    [approve the plan] approve-1.yaml: nothing: its ready-made commit is here without a merge into the branch (a fast-forward, or a merge the other way round), so nobody signed for it
    ");
    world.repository.git("alice", &["merge", "-q", "--no-ff", "-S", "main"]);
    insta::assert_snapshot!(world.told(), @"
    [approve the plan] approve-1.yaml: nothing: its ready-made commit is here without a merge into the branch (a fast-forward, or a merge the other way round), so nobody signed for it
    ");
}

#[test]
fn a_shared_branch_moved_to_the_ready_made_commit_is_no_evidence() {
    let world = World::new();
    let ready = world.ready_made("approve", 1);
    world.repository.git("mallory", &["push", "-q", "origin", &format!("{}:refs/heads/feature", ready.commit)]);
    world.repository.git("alice", &["pull", "-q", "--no-rebase", "-S", "origin", "feature"]);
    insta::assert_snapshot!(world.told(), @"
    [Merge branch 'feature' of ../origin] approve-1.yaml: nothing: its subject names `feature`, which is not the branch of what it merges
    ");
}

#[test]
fn a_foreign_parent_makes_it_no_evidence() {
    let world = World::new();
    let ready = world.ready_made("approve", 1);
    world.repository.git("mallory", &["checkout", "-q", "-b", "other", &world.root.to_string()]);
    world.repository.commit("mallory", "nothing in it");
    world.repository.checkout("main");
    world.repository.git("alice", &["branch", "-q", &ready.branch, &ready.commit.to_string()]);
    world.repository.git("alice", &["merge", "-q", "-S", "--no-ff", &ready.branch, "other"]);
    let told = world.told().replace(&world.repository.oid("other").short(), "OTHER");
    insta::assert_snapshot!(told, @"
    [Merge branches 'approve/acme-prod/PLAN' and 'other'] approve-1.yaml: nothing: it also merges OTHER, which is no ready-made commit; its subject names `other`, which is not the branch of what it merges
    ");
}

#[test]
fn a_ready_made_commit_the_journal_does_not_know_is_no_evidence() {
    let world = World::new();
    let ready = world.ready_made("approve", 1);
    world.ready.borrow_mut().clear();
    world.merge("alice", &ready);
    insta::assert_snapshot!(world.told(), @"
    [approve the plan] approve-1.yaml: nothing: it names nobody, so it counts only by a signed merge of its ready-made commit; this is a copy (cherry-pick, squash, rebase, or a file written by hand)
    ");
}

fn says(word: &str) -> ReadyWord {
    ReadyWord::ALL.into_iter().find(|says| says.name() == word).unwrap()
}

#[test]
fn a_journal_that_lies_about_a_record_makes_no_evidence() {
    let world = World::new();
    let lies = [
        world.publish("reject", 1, says("reject"), &record("approve", false, "", "  n: 1\n")),
        world.publish("approve", 2, says("approve"), &record("approve", true, "", "  n: 2\n")),
        world.publish("approve", 3, says("approve"), &record("reject", false, "", "  n: 3\n")),
        world.publish("approve", 4, says("approve"), &record("approve", false, "", "  n: 5\n")),
        world.publish("approve", 6, says("approve"), "not a record"),
        world.publish("approve", 7, says("approve"), &request("deploy", "  n: 7\n")),
        world.publish("approve", 8, says("deploy"), &request("deploy", "  n: 8\n")),
        world.publish("deploy", 9, says("approve"), &record("approve", false, "", "  n: 9\n")),
        world.publish("deploy", 10, says("deploy"), &request("close", "  n: 10\n").replace("  at: null\n", "")),
        world.publish("deploy", 11, says("deploy"), &request("deploy", "  n: 11\n  overrideWindow: true\n")),
        world.publish("approve-and-deploy", 12, says("approve-and-deploy"), &record("approve", false, "", "  n: 12\n")),
    ];
    for ready in &lies {
        world
            .repository
            .git("daemon", &["push", "-qf", "origin", &format!("{}:refs/heads/{}", ready.commit, ready.branch)]);
        world.merge("alice", ready);
    }
    let told = world.told();
    assert_eq!(told.matches("does not say what its branch says").count(), lies.len(), "{told}");
    assert_eq!(told.lines().count(), lies.len());
}

#[test]
fn a_record_that_is_there_already_cannot_be_merged_again() {
    let world = World::new();
    let ready = world.ready_made("approve", 1);
    world.repository.git("mallory", &["fetch", "-q", "origin", &ready.branch]);
    world.repository.git("mallory", &["cherry-pick", "FETCH_HEAD"]);
    world.merge("alice", &ready);
    let told = world.told();
    assert_eq!(told.lines().count(), 2);
    assert!(
        told.ends_with("nothing: its first parent already has `approvals/acme-prod/PLAN/approve-1.yaml`"),
        "{told}"
    );
}

#[test]
fn a_record_put_in_the_place_of_something_else_is_no_evidence() {
    let mut world = World::new();
    world.seen = world.repository.change("carol", "approvals", "a file where the folder goes\n");
    let ready = world.ready_made("approve", 1);
    let tree = Objects::commit(&world.repository, world.seen).unwrap().tree;
    let record = Edit::Put(Entry { mode: Mode::File, id: ready.blob });
    let tree = edit_tree(&world.repository, Some(tree), &[(ready.path.clone(), record)].into()).unwrap();
    world.commit_tree("alice", tree, &[world.seen, ready.commit], &format!("Merge branch '{}'", ready.branch));
    assert!(world.told().ends_with("nothing: it also changes `approvals`"), "{}", world.told());
}

#[test]
fn one_ready_made_commit_or_one_file_merged_twice_is_no_evidence() {
    let world = World::new();
    let ready = world.ready_made("approve", 1);
    let merge = world.merge("alice", &ready);
    let tree = Objects::commit(&world.repository, merge).unwrap().tree;
    let subject = format!("Merge branch '{}'", ready.branch);
    world.commit_tree("alice", tree, &[world.seen, ready.commit], &subject);
    assert!(world.told().contains("merged by alice"), "made by hand as git would: {}", world.told());
    // git drops a parent given twice, so the object is written as it is.
    let raw = world.repository.read(Kind::Commit, world.repository.head()).unwrap();
    let raw = String::from_utf8(raw.to_vec()).unwrap();
    let parent = format!("parent {}\n", ready.commit);
    let twice = raw.replace(&parent, &parent.repeat(2));
    let id = Objects::write(&world.repository, Kind::Commit, twice.as_bytes()).unwrap();
    assert!(world.tell(&world.found_from(Source::Config, id)).contains("it merges the same commit twice"));
    // Another ready-made commit with the same file.
    let mut same = world.ready_made("approve", 1);
    let message = "the same record, in another commit";
    let (ours, parent) = (Objects::commit(&world.repository, same.commit).unwrap().tree, world.root.to_string());
    let other = world.repository.git("daemon", &["commit-tree", &ours.to_string(), "-p", &parent, "-m", message]);
    same.commit = other.parse().unwrap();
    world.ready.borrow_mut().push(same.clone());
    world.commit_tree("alice", tree, &[world.seen, ready.commit, same.commit], &subject);
    let told = world.told();
    assert_eq!(told.matches("nothing: two of the commits it merges add the same file").count(), 2, "{told}");
}

#[test]
fn approve_and_deploy_is_a_branch_of_its_own() {
    let world = World::new();
    world.merge("alice", &world.ready_made("approve-and-deploy", 1));
    assert!(world.told().contains("ApproveAndDeploy 1 merged by alice"), "{}", world.told());
}

#[test]
fn merged_unsigned_first_and_rightly_later_both_are_told() {
    let world = World::new();
    world.merge_with("alice", &world.ready_made("approve", 1), &[]);
    world.merge("alice", &world.ready_made("approve", 2));
    insta::assert_snapshot!(world.told(), @r#"
    [Merge branch 'approve/acme-prod/PLAN' of ../origin] approve-1.yaml: nothing: it is not signed (merge with `-S`)
    [Merge branch 'approve/acme-prod/PLAN' of ../origin] approve-2.yaml: Approve 2 merged by alice as alice@vendor.example: ""
    "#);
}

#[test]
fn sync_merges_mean_nothing_and_harm_nothing() {
    let world = World::new();
    world.repository.branch("topic");
    world.repository.change("bob", "environments/acme-prod/image.yaml", "image: v2\n");
    world.repository.checkout("main");
    world.repository.change("carol", "environments/other.yaml", "x\n");
    world.repository.checkout("topic");
    world.repository.git("bob", &["merge", "-q", "-S", "--no-ff", "main"]);
    world.merge("alice", &world.ready_made("approve", 1));
    world.repository.git("bob", &["checkout", "-q", "main"]);
    world.repository.change("carol", "environments/other.yaml", "y\n");
    world.repository.git("bob", &["merge", "-q", "-S", "--no-ff", "topic"]);
    assert_eq!(world.found().len(), 1);
    assert!(world.told().contains("Approve 1 merged by alice"), "{}", world.told());
}

#[test]
fn a_pull_that_takes_a_signed_merge_off_the_first_parent_line_loses_nothing() {
    let world = World::new();
    world.merge("alice", &world.ready_made("approve", 1));
    world.repository.git("alice", &["push", "-q", "origin", "main"]);
    // Bob has a commit of his own on what he saw last, and pulls.
    world.repository.git("bob", &["reset", "-q", "--hard", &world.seen.to_string()]);
    world.repository.change("bob", "environments/other.yaml", "x\n");
    world.repository.git("bob", &["pull", "-q", "--no-rebase", "-S", "origin", "main"]);
    let merge = Objects::commit(&world.repository, world.repository.head()).unwrap();
    assert!(merge.subject().starts_with("Merge branch 'main' of"));
    assert_eq!(world.found().len(), 1);
    assert!(world.told().contains("Approve 1 merged by alice"), "{}", world.told());
}

#[test]
fn what_was_seen_is_not_found_again() {
    let mut world = World::new();
    let ready = world.ready_made("approve", 1);
    world.seen = world.merge("alice", &ready);
    world.repository.change("bob", "environments/other.yaml", "x\n");
    assert_eq!(world.told(), "");
}

#[test]
fn a_signature_header_that_git_would_not_write_is_no_evidence() {
    let world = World::new();
    let ready = world.ready_made("approve", 1);
    let merge = world.merge("alice", &ready);
    let raw = String::from_utf8(world.repository.read(Kind::Commit, merge).unwrap().to_vec()).unwrap();
    let (headers, signature) = raw.split_once("gpgsig ").unwrap();
    let (signature, message) = signature.split_once("\n\n").unwrap();
    let (tree, others) = headers.split_once('\n').unwrap();
    // Each of these verifies, under another id.
    for variant in [
        format!("{headers}gpgsig {signature}\n \n\n{message}"),
        format!("{tree}\ngpgsig {signature}\n{others}\n{message}"),
    ] {
        let id = Objects::write(&world.repository, Kind::Commit, variant.as_bytes()).unwrap();
        assert!(crate::evidence::signature::commit_signer(&Objects::commit(&world.repository, id).unwrap()).is_ok());
        let told = world.tell(&world.found_from(Source::Config, id));
        assert!(told.ends_with("nothing: it is not written as git writes a signed merge"), "{told}");
    }
}

#[test]
fn on_the_records_branch_a_merge_counts_for_nothing() {
    let world = World::new();
    let merge = world.merge("alice", &world.ready_made("approve", 1));
    let told = world.tell(&world.found_from(Source::Records, merge));
    assert!(told.ends_with("nothing: a merge counts on the config branch alone"), "{told}");
}
