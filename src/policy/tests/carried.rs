//! Approvals that carry over from an earlier plan, where a ruleset says so.

use super::scene::Scene;
use super::{Approve, Reject, Withdraw, said};
use crate::model::EvidenceKind;
use crate::plan::PlanKind;

const OPEN: &str = "standard/platform 0 of 1";

/// `standard` carries approvals over.
fn scene() -> Scene {
    Scene::new().ruleset("standard", |ruleset| ruleset.reapprove_on_change = false)
}

/// alice approved an earlier plan.
fn approved_earlier(scene: Scene) -> Scene {
    scene.says("alice", Approve).on_an_earlier_plan(None)
}

/// What is said of the approval of the earlier plan.
fn told(scene: &Scene) -> (bool, String) {
    let verdict = scene.verdict();
    let view = verdict.statements.iter().find(|view| view.carried_from.is_some()).expect("one");
    (view.counted, view.why.clone())
}

#[test]
fn it_counts_where_the_ruleset_says_so_and_nowhere_else() {
    let carried = approved_earlier(scene());
    assert_eq!(said(&carried), "approved");
    let (counted, why) = told(&carried);
    assert!(counted && why.starts_with("counts for standard/platform, carried over from plan "), "{why}");
    assert_eq!(carried.verdict().carries.iter().map(ToString::to_string).collect::<Vec<_>>(), ["standard"]);
    let strict = approved_earlier(Scene::new());
    assert_eq!(said(&strict), OPEN);
    let verdict = strict.verdict();
    assert!(verdict.carries.is_empty() && verdict.statements.is_empty(), "{verdict:#?}");
}

#[test]
fn it_counts_for_no_rule_of_another_ruleset() {
    let scene = approved_earlier(scene()).rule("strict", "alice", &["alice"], 1).minimum(&["*"], &["strict"]);
    assert_eq!(said(&scene), "strict/alice 0 of 1");
    assert_eq!(said(&scene.says("alice", Approve)), "approved");
}

#[test]
fn the_single_approval_asks_again() {
    let scene = approved_earlier(scene()).leaving(Some(true), &[]).entering(Some(true), &["standard"]);
    assert_eq!(said(&scene), "single approval 0 of 1");
    let disabled = approved_earlier(self::scene()).ruleset("standard", |ruleset| ruleset.enabled = false);
    assert_eq!(said(&disabled), "single approval 0 of 1");
}

#[test]
fn what_does_not_carry_over_says_why() {
    let scene = scene().says("alice", Approve).on_an_earlier_plan(Some("other people contributed to this plan"));
    assert_eq!(said(&scene), OPEN);
    let (counted, why) = told(&scene);
    assert!(!counted && why.ends_with("it is not carried over: other people contributed to this plan"), "{why}");
}

#[test]
fn a_change_of_the_policy_always_asks_again() {
    let scene = approved_earlier(scene()).kind(PlanKind::Policy);
    assert_eq!(said(&scene), OPEN);
    assert!(scene.verdict().carries.is_empty());
}

#[test]
fn whatever_its_maker_says_on_the_plan_takes_its_place() {
    for verdict in [Withdraw, Reject] {
        let scene = approved_earlier(scene()).says("alice", verdict).says("bob", Approve);
        let open = if verdict == Reject { "rejected by [alice]" } else { "approved" };
        assert_eq!(said(&scene), open);
        assert!(scene.verdict().requirements[0].have.iter().all(|(person, _)| person.as_str() != "alice"));
    }
    let again = approved_earlier(scene()).says("alice", Approve);
    assert_eq!(again.verdict().requirements[0].have.len(), 1);
    // One that gives nothing takes nothing either.
    assert_eq!(said(&approved_earlier(scene()).says("alice", Withdraw).refused_last()), "approved");
}

#[test]
fn p12_key_role_and_membership_must_be_in_force_now() {
    let gone = scene().says_with_key("alice", Approve, "an old key").on_an_earlier_plan(None);
    assert_eq!(said(&gone), OPEN);
    let left = approved_earlier(scene()).rule("standard", "platform", &["bob"], 1);
    assert_eq!(said(&left), OPEN);
    assert!(told(&left).1.contains("names alice"), "{}", told(&left).1);
    let keyless = approved_earlier(scene()).keyless("alice");
    assert_eq!(said(&keyless), OPEN);
    let powerless = scene().rule("standard", "platform", &["mallory"], 1);
    assert_eq!(said(&powerless.says("mallory", Approve).on_an_earlier_plan(None)), OPEN);
}

#[test]
fn a_contributor_and_the_wrong_evidence_do_not_count() {
    assert_eq!(said(&approved_earlier(scene().contributed("alice"))), OPEN);
    let records = scene().ruleset("standard", |ruleset| {
        ruleset.evidence.remove(&EvidenceKind::Merge);
    });
    let merged = records.says("alice", Approve).by_evidence(EvidenceKind::Merge).on_an_earlier_plan(None);
    assert_eq!(said(&merged), OPEN);
}

#[test]
fn d2_a_cut_preview_takes_one_that_acknowledged_a_cut() {
    assert_eq!(said(&approved_earlier(scene().truncated())), OPEN);
    let knowing = scene().truncated().says("alice", Approve).acknowledging().on_an_earlier_plan(None);
    assert_eq!(said(&knowing), "approved");
}

#[test]
fn commits_of_the_new_plan_must_be_signed_all_the_same() {
    let signed = scene().ruleset("standard", |ruleset| ruleset.require_signed_commits = true);
    let scene = approved_earlier(signed.claimed("mallory", 3));
    assert_eq!(said(&scene), "standard: signed commits 0 of 1");
}

#[test]
fn a_rejection_of_the_plan_stops_it() {
    assert_eq!(said(&approved_earlier(scene()).says("bob", Reject)), "rejected by [bob]");
}

#[test]
fn one_person_counts_once_for_both_plans() {
    let two = scene().rule("standard", "platform", &["alice", "bob"], 2);
    assert_eq!(said(&approved_earlier(two.clone()).says("alice", Approve)), "standard/platform 1 of 2");
    assert_eq!(said(&approved_earlier(two).says("bob", Approve)), "approved");
}
