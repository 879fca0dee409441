//! Rulesets that want every commit signed.

use super::scene::{Scene, person};
use super::{Approve, said};
use crate::plan::PlanKind;

fn scene() -> Scene {
    Scene::new().ruleset("standard", |ruleset| ruleset.require_signed_commits = true)
}

#[test]
fn signed_commits_by_those_who_may_write_ask_for_nothing_more() {
    let scene = scene().contributed("mallory").says("alice", Approve);
    assert_eq!(said(&scene), "approved");
}

#[test]
fn a_commit_that_nobody_signed_leaves_every_approval_too_little() {
    let scene = scene().contributed("mallory").claimed("mallory", 3).says("alice", Approve).says("bob", Approve);
    assert_eq!(said(&scene), "standard: signed commits 0 of 1");
    let verdict = scene.verdict();
    let requirement = verdict.requirements.last().expect("one");
    assert!(!requirement.is_satisfiable() && !requirement.is_met());
    let commit = &requirement.unsigned[0];
    assert_eq!(commit.to_string(), "commit 0303030 by mallory is not signed by anybody whom the policy knows");
}

#[test]
fn a_co_author_of_a_signed_commit_needs_no_signature() {
    let scene = scene().contributed("mallory").claimed("dave", 2).says("alice", Approve);
    assert_eq!(said(&scene), "approved");
}

#[test]
fn a_signature_without_write_or_by_somebody_who_left_is_none() {
    let reviewer = scene().contributed("dave").says("alice", Approve);
    assert_eq!(said(&reviewer), "standard: signed commits 0 of 1");
    let why = &reviewer.verdict().requirements[1].unsigned[0].why;
    assert_eq!(why, "is signed by dave, who lacks `write` in prod");
    let lost = |bindings: &mut Vec<crate::model::Binding>| {
        bindings.retain(|binding| !binding.users.contains(&person("mallory")));
    };
    assert_eq!(
        said(&scene().contributed("mallory").bindings(lost).says("alice", Approve)),
        "standard: signed commits 0 of 1"
    );
    assert_eq!(said(&scene().contributed("nobody").says("alice", Approve)), "standard: signed commits 0 of 1");
    assert_eq!(said(&scene().contributed_unknown().says("bob", Approve)), "standard: signed commits 0 of 1");
}

#[test]
fn it_is_asked_once_for_a_ruleset_and_for_each_that_wants_it() {
    let scene = scene().rule("extra", "bob", &["bob"], 1).rule("extra", "carol", &["carol"], 1);
    let scene = scene.ruleset("extra", |ruleset| ruleset.require_signed_commits = true).minimum(&["*"], &["extra"]);
    let scene = scene.claimed("mallory", 3).claimed("mallory", 4).says("bob", Approve).says("carol", Approve);
    assert_eq!(said(&scene), "standard: signed commits 0 of 2; extra: signed commits 0 of 2");
}

#[test]
fn a_ruleset_that_does_not_want_it_or_is_not_asked_for_asks_nothing() {
    assert_eq!(said(&Scene::new().claimed("mallory", 3).says("alice", Approve)), "approved");
    let disabled = scene().ruleset("standard", |ruleset| ruleset.enabled = false);
    assert_eq!(said(&disabled.claimed("mallory", 3).says("alice", Approve)), "approved");
}

#[test]
fn a_change_of_the_policy_by_somebody_who_may_not_write_there_is_not_signed() {
    let scene = scene().kind(PlanKind::Policy).ruleset("standard", |_| ());
    let scene = scene.minimum(&["*"], &["standard"]).contributed("dave").says("alice", Approve);
    assert_eq!(said(&scene), "standard: signed commits 0 of 1");
}
