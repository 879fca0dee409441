//! Who must approve, who may, and what counts: tables, and what holds for every history of statements.

mod carried;
mod properties;
mod scene;
mod signed;

use std::collections::BTreeSet;

use scene::{Scene, person};

use super::*;
use crate::model::ApprovalVerdict::{Approve, Reject, Withdraw};
use crate::model::{EvidenceKind, PolicyAction};
use crate::plan::PlanKind;

/// What is still open, as labels, or `approved`, or who rejected.
fn said(scene: &Scene) -> String {
    let verdict = scene.verdict();
    if !verdict.rejected_by.is_empty() {
        return format!("rejected by {:?}", verdict.rejected_by);
    }
    let open: Vec<String> = verdict
        .requirements
        .iter()
        .filter(|requirement| !requirement.is_met())
        .map(|requirement| format!("{} {} of {}", requirement.label(), requirement.have.len(), requirement.required))
        .collect();
    if open.is_empty() { "approved".to_owned() } else { open.join("; ") }
}

/// The reason why a person's last statement does not count.
#[track_caller]
fn refused(scene: &Scene, name: &str) -> String {
    let verdict = scene.verdict();
    let view = verdict.statements.iter().rev().find(|view| view.by == Some(person(name))).expect("a statement");
    assert!(!view.counted, "{view:?}");
    if view.hint.is_empty() { view.why.clone() } else { format!("{}; what would count: {}", view.why, view.hint) }
}

#[test]
fn one_approval_by_the_team_is_enough_where_one_is_asked_for() {
    assert_eq!(said(&Scene::new()), "standard/platform 0 of 1");
    assert_eq!(said(&Scene::new().says("alice", Approve)), "approved");
    assert_eq!(said(&Scene::new().says("bob", Approve)), "approved");
}

#[test]
fn whoever_the_rule_does_not_name_does_not_count() {
    let scene = Scene::new().says("dave", Approve);
    assert_eq!(said(&scene), "standard/platform 0 of 1");
    assert_eq!(refused(&scene, "dave"), "no rule asked for here names dave");
}

#[test]
fn whoever_is_named_but_lacks_approve_is_told_so() {
    let scene = Scene::new().rule("standard", "platform", &["mallory"], 1).says("mallory", Approve);
    assert_eq!(said(&scene), "standard/platform 0 of 1");
    let requirement = &scene.verdict().requirements[0];
    assert_eq!(requirement.excluded[0].why, "lacks `approve` in prod");
    assert!(!requirement.is_satisfiable());
}

#[test]
fn an_unknown_person_and_an_unknown_key_never_count() {
    let unknown = Scene::new().says("nobody", Approve);
    assert_eq!(said(&unknown), "standard/platform 0 of 1");
    assert_eq!(refused(&unknown, "nobody"), "nobody is no longer in the policy");
    let lost = Scene::new().says_with_key("alice", Approve, "an old key");
    assert_eq!(said(&lost), "standard/platform 0 of 1");
    assert_eq!(refused(&lost, "alice"), "the key that signed it is no longer one of alice");
    let nobody = Scene::new().says("alice", Approve).without_key();
    assert_eq!(said(&nobody), "standard/platform 0 of 1");
}

#[test]
fn a_person_with_two_keys_counts_once() {
    let scene = Scene::new().rule("standard", "platform", &["alice", "bob"], 2).second_key("alice", "laptop");
    let scene = scene.says("alice", Approve).says_with_key("alice", Approve, "laptop");
    assert_eq!(said(&scene), "standard/platform 1 of 2");
    assert_eq!(said(&scene.says("bob", Approve)), "approved");
}

#[test]
fn one_person_may_meet_overlapping_rules_and_nothing_dead_locks() {
    let scene = Scene::new().rule("standard", "platform", &["alice", "bob"], 1);
    let scene = scene.rule("standard", "owner", &["alice"], 1).says("alice", Approve);
    assert_eq!(said(&scene), "approved");
    let greedy = Scene::new().rule("standard", "any", &["alice", "bob"], 1).rule("standard", "bob", &["bob"], 1);
    for order in [["alice", "bob"], ["bob", "alice"]] {
        let scene = order.iter().fold(greedy.clone(), |scene, name| scene.says(name, Approve));
        assert_eq!(said(&scene), "approved", "{order:?}");
    }
}

#[test]
fn a_rejection_stands_until_it_is_taken_back() {
    let scene = Scene::new().says("alice", Approve).says("bob", Reject);
    assert_eq!(said(&scene), "rejected by [bob]");
    assert_eq!(said(&scene.says("bob", Withdraw)), "approved");
}

#[test]
fn anyone_with_approve_may_reject_contributors_too_and_nobody_else() {
    assert_eq!(said(&Scene::new().contributed("alice").says("alice", Reject)), "rejected by [alice]");
    assert_eq!(said(&Scene::new().says("dave", Reject)), "rejected by [dave]");
    assert_eq!(said(&Scene::new().says("mallory", Reject).says("alice", Approve)), "approved");
}

#[test]
fn vetoes_of_people_who_left_lapse() {
    let scene = Scene::new().says("alice", Approve).says_with_key("bob", Reject, "an old key");
    assert_eq!(said(&scene), "approved");
    assert_eq!(said(&Scene::new().says("alice", Approve).says("nobody", Reject)), "approved");
}

#[test]
fn a_withdrawn_approval_is_gone() {
    assert_eq!(said(&Scene::new().says("alice", Approve).says("alice", Withdraw)), "standard/platform 0 of 1");
    let again = Scene::new().says("alice", Approve).says("alice", Withdraw).says("alice", Approve);
    assert_eq!(said(&again), "approved");
}

#[test]
fn what_was_refused_or_powerless_is_nothing() {
    assert_eq!(said(&Scene::new().says("alice", Approve).refused_last()), "standard/platform 0 of 1");
    assert_eq!(said(&Scene::new().says("alice", Approve).says("bob", Reject).refused_last()), "approved");
    let withdrawn = Scene::new().says("alice", Approve).says("alice", Withdraw).refused_last();
    assert_eq!(said(&withdrawn), "approved");
}

#[test]
fn contributors_are_excluded_unless_self_approval_is_allowed() {
    let scene = Scene::new().contributed("alice").says("alice", Approve);
    assert_eq!(said(&scene), "standard/platform 0 of 1");
    assert!(refused(&scene, "alice").starts_with("contributed to this change ("));
    assert_eq!(said(&scene.clone().ruleset("standard", |ruleset| ruleset.allow_self_approval = true)), "approved");
    assert_eq!(said(&scene.says("bob", Approve)), "approved");
}

#[test]
fn an_author_whom_the_policy_does_not_know_excludes_nobody() {
    assert_eq!(said(&Scene::new().contributed_unknown().says("alice", Approve)), "approved");
}

#[test]
fn the_kinds_of_evidence_are_those_of_the_ruleset() {
    for (accepted, kind, approved) in [
        (&[EvidenceKind::Record, EvidenceKind::Merge][..], EvidenceKind::Merge, true),
        (&[EvidenceKind::Record], EvidenceKind::Merge, false),
        (&[EvidenceKind::Record], EvidenceKind::Record, true),
        (&[EvidenceKind::Merge], EvidenceKind::Record, false),
    ] {
        let scene = Scene::new().ruleset("standard", |ruleset| ruleset.evidence = accepted.iter().copied().collect());
        let verdict = scene.says("alice", Approve).by_evidence(kind).verdict();
        assert_eq!(verdict.is_approved(), approved, "{accepted:?} {kind:?}");
    }
}

#[test]
fn a_preview_that_was_cut_must_be_acknowledged_in_a_record() {
    let cut = Scene::new().truncated();
    assert_eq!(said(&cut.clone().says("alice", Approve)), "standard/platform 0 of 1");
    assert_eq!(said(&cut.clone().says("alice", Approve).acknowledging()), "approved");
    let merged = cut.says("alice", Approve).acknowledging().by_evidence(EvidenceKind::Merge);
    assert_eq!(said(&merged), "standard/platform 0 of 1");
}

#[test]
fn without_an_enabled_ruleset_for_the_action_one_approval_is_asked_for() {
    let single = "single approval 0 of 1";
    assert_eq!(said(&Scene::new().ruleset("standard", |ruleset| ruleset.enabled = false)), single);
    let promotion = |ruleset: &mut crate::model::Ruleset| ruleset.actions = [PolicyAction::Promotion].into();
    assert_eq!(said(&Scene::new().ruleset("standard", promotion)), single);
    let open = |ruleset: &mut crate::model::Ruleset| ruleset.actions = [PolicyAction::Open].into();
    assert_eq!(said(&Scene::new().ruleset("standard", open)), single);
    assert_eq!(said(&Scene::new().leaving(None, &[]).entering(None, &[])), single);
    // By anyone with `approve`, named by a rule or not, but for contributors.
    let free = Scene::new().leaving(None, &[]).entering(None, &[]);
    assert_eq!(said(&free.clone().says("dave", Approve)), "approved");
    assert_eq!(said(&free.clone().says("mallory", Approve)), single);
    assert_eq!(said(&free.contributed("dave").says("dave", Approve)), single);
}

#[test]
fn update_stands_for_every_action_but_open() {
    let only = |action: PolicyAction| move |ruleset: &mut crate::model::Ruleset| ruleset.actions = [action].into();
    for kind in [PlanKind::Create, PlanKind::Update, PlanKind::Rollback, PlanKind::Promotion, PlanKind::Redeploy] {
        let scene = Scene::new().ruleset("standard", only(PolicyAction::Update)).kind(kind);
        assert_eq!(said(&scene), "standard/platform 0 of 1", "{kind:?}");
    }
    let rollback = Scene::new().ruleset("standard", only(PolicyAction::Rollback));
    assert_eq!(said(&rollback.clone().kind(PlanKind::Rollback)), "standard/platform 0 of 1");
    assert_eq!(said(&rollback.kind(PlanKind::Update)), "single approval 0 of 1");
}

#[test]
fn both_the_settings_left_and_those_entered_must_be_satisfied() {
    let scene = Scene::new().rule("weak", "bob", &["bob"], 1).leaving(Some(true), &["standard"]);
    let scene = scene.entering(Some(true), &["weak"]);
    assert_eq!(said(&scene), "standard/platform 0 of 1; weak/bob 0 of 1");
    assert_eq!(said(&scene.clone().says("alice", Approve)), "weak/bob 0 of 1");
    assert_eq!(said(&scene.says("bob", Approve)), "approved", "bob is in the team as well");
    for (left, entered) in [(Some(true), Some(false)), (Some(false), Some(true))] {
        let scene = Scene::new().leaving(left, &["standard"]).entering(entered, &["standard"]);
        assert_eq!(said(&scene), "standard/platform 0 of 1", "{left:?} to {entered:?}");
    }
    let free = Scene::new().leaving(Some(false), &["standard"]).entering(Some(false), &["standard"]);
    assert_eq!(said(&free), "approved", "nobody is asked");
}

#[test]
fn what_both_settings_ask_for_is_asked_for_once() {
    let verdict = Scene::new().verdict();
    assert_eq!(verdict.requirements.len(), 1);
    assert_eq!(verdict.requirements[0].because, Because::Both);
}

#[test]
fn a_new_environment_leaves_the_defaults() {
    let scene = Scene::new().new_environment().entering(Some(false), &[]);
    assert_eq!(said(&scene), "standard/platform 0 of 1");
    assert_eq!(scene.verdict().requirements[0].because, Because::Leaves);
}

#[test]
fn a_destroy_is_never_free() {
    let scene = Scene::new().kind(PlanKind::Destroy).destroyed();
    assert_eq!(said(&scene), "standard/platform 0 of 1");
    assert_eq!(said(&scene.leaving(Some(false), &[])), "single approval 0 of 1");
}

#[test]
fn minimum_rulesets_come_on_top_and_fall_back_to_the_single_approval() {
    let free = Scene::new().leaving(Some(false), &[]).entering(Some(false), &[]);
    let minimum = free.rule("least", "alice", &["alice"], 1).minimum(&["pro*"], &["least"]);
    assert_eq!(said(&minimum), "least/alice 0 of 1");
    assert_eq!(minimum.verdict().requirements[0].because, Because::Minimum);
    assert_eq!(said(&minimum.clone().says("alice", Approve)), "approved");
    let disabled = minimum.ruleset("least", |ruleset| ruleset.enabled = false);
    assert_eq!(said(&disabled), "single approval 0 of 1");
    let elsewhere = Scene::new().leaving(Some(false), &[]).entering(Some(false), &[]).minimum(&["test"], &["standard"]);
    assert_eq!(said(&elsewhere), "approved");
}

#[test]
fn an_unknown_ruleset_is_an_error_wherever_it_is_named() {
    let unknown = |scene: Scene| scene.judge().expect_err("unknown").to_string();
    let words = "ruleset `gone` does not exist in the policy in force";
    assert_eq!(unknown(Scene::new().entering(Some(true), &["gone"])), words);
    assert_eq!(unknown(Scene::new().leaving(Some(true), &["gone"])), words);
    assert_eq!(unknown(Scene::new().minimum(&["*"], &["gone"])), words);
    assert_eq!(unknown(Scene::new().new_environment().defaults(&["gone"])), words);
}

#[test]
fn an_empty_team_can_never_be_met_and_says_so() {
    let scene = Scene::new().rule("standard", "platform", &[], 1).says("alice", Approve);
    assert_eq!(said(&scene), "standard/platform 0 of 1");
    assert!(!scene.verdict().requirements[0].is_satisfiable());
    let few = Scene::new().rule("standard", "platform", &["alice", "bob"], 3);
    assert!(!few.verdict().requirements[0].is_satisfiable());
}

#[test]
fn a_person_without_a_key_is_excluded_with_the_reason() {
    let scene = Scene::new().keyless("alice").rule("standard", "platform", &["alice"], 1);
    let requirement = &scene.verdict().requirements[0];
    assert_eq!(requirement.excluded[0].why, "has no key");
    assert!(!requirement.is_satisfiable());
}

#[test]
fn the_customer_is_who_is_bound_here_and_has_the_address_named() {
    let scene = Scene::new().customer_rule("customer").leaving(Some(true), &["customer"]);
    let scene = scene.entering(Some(true), &["customer"]);
    let eligible = |scene: &Scene| -> BTreeSet<String> {
        let verdict = scene.verdict();
        verdict.requirements.iter().flat_map(|r| &r.eligible).map(ToString::to_string).collect()
    };
    assert_eq!(eligible(&scene), BTreeSet::new(), "no address is named");
    let invited = scene.customer("eve@customer.example");
    assert_eq!(eligible(&invited), ["eve".to_owned()].into());
    assert_eq!(said(&invited.clone().says("eve", Approve)), "approved");
    assert_eq!(said(&invited.clone().says("alice", Approve)), "customer/customer 0 of 1");
    // An address of somebody who is not bound as customer here makes nobody one.
    assert_eq!(eligible(&invited.customer("dave@vendor.example")), BTreeSet::new());
}

#[test]
fn another_customer_is_another_requirement() {
    let scene = Scene::new().customer_rule("customer").leaving(Some(true), &["customer"]);
    let scene = scene.entering(Some(true), &["customer"]).customer_left("eve@customer.example");
    let scene = scene.customer_entered("frank@customer.example");
    assert_eq!(said(&scene), "customer/customer 0 of 1; customer/customer 0 of 1");
    assert_eq!(said(&scene.clone().says("frank", Approve)), "customer/customer 0 of 1");
    assert_eq!(said(&scene.says("frank", Approve).says("eve", Approve)), "approved");
}

#[test]
fn a_permit_is_given_for_the_claimed_plan_of_an_approved_verdict_only() {
    let (one, other) = (PlanId(crate::digest::Digest::of("1")), PlanId(crate::digest::Digest::of("2")));
    let granted =
        |verdict: &Verdict, claimed, plan| Permit::granted(verdict, jiff::Timestamp::UNIX_EPOCH, true, claimed, plan);
    let approved = Scene::new().says("alice", Approve).verdict();
    assert_eq!(granted(&approved, one, one).map(|permit| permit.plan()), Some(one));
    assert!(granted(&approved, one, other).is_none());
    assert!(granted(&Scene::new().verdict(), one, one).is_none());
    let rejected = Scene::new().says("alice", Approve).says("bob", Reject).verdict();
    assert!(granted(&rejected, one, one).is_none());
}

/// What a start says at a second, with its windows open or not.
fn at(start: &Start, second: i64, is_open: bool) -> String {
    match start.at(jiff::Timestamp::from_second(second).expect("a time"), is_open) {
        Ok(None) => "by itself".to_owned(),
        Ok(Some(by)) if by.overrides_window => format!("by {}, override", by.by),
        Ok(Some(by)) => format!("by {}", by.by),
        Err(hold) => hold.to_string(),
    }
}

fn wish(by: &str, at: Option<i64>, overrides: bool) -> Wish {
    Wish {
        statement: crate::digest::StatementId(crate::digest::Digest::of(by)),
        by: by.parse().expect("a name"),
        at: at.map(|second| jiff::Timestamp::from_second(second).expect("a time")),
        overrides,
        void: None,
    }
}

#[test]
fn no_permit_without_a_word_in_a_closed_window_or_while_suspended() {
    let one = PlanId(crate::digest::Digest::of("1"));
    let now = jiff::Timestamp::UNIX_EPOCH;
    let mut verdict = Scene::new().says("alice", Approve).verdict();
    assert!(Permit::granted(&verdict, now, false, one, one).is_none(), "a closed window");
    verdict.start.manual = true;
    assert!(Permit::granted(&verdict, now, true, one, one).is_none(), "nobody's word");
    verdict.start.wishes.push(wish("carol", None, false));
    assert!(Permit::granted(&verdict, now, true, one, one).is_some());
    verdict.start.suspended_by.push("bob".parse().expect("a name"));
    assert!(Permit::granted(&verdict, now, true, one, one).is_none(), "suspended");
}

#[test]
fn a_start_waits_for_a_person_a_time_and_a_window() {
    let auto = Start::default();
    assert_eq!(at(&auto, 0, true), "by itself");
    assert_eq!(at(&auto, 0, false), "waits for a window ()");
    let auto = Start { wishes: vec![wish("carol", None, false), wish("dave", None, true)], ..auto };
    assert_eq!(at(&auto, 0, true), "by itself");
    assert_eq!(at(&auto, 0, false), "by dave, override");

    let manual = Start { manual: true, deployers: vec!["carol".parse().expect("a name")], ..Start::default() };
    assert_eq!(at(&manual, 0, true), "waits to be deployed by carol");
    assert_eq!(at(&manual, 0, false), "waits to be deployed by carol");
    let later = Start { wishes: vec![wish("carol", Some(60), false)], ..manual.clone() };
    assert_eq!(at(&later, 59, true), "waits until 1970-01-01T00:01:00Z, as carol asked");
    assert_eq!(at(&later, 60, true), "by carol");
    assert_eq!(at(&later, 60, false), "waits for a window ()");
    let overriding = Start { wishes: vec![wish("carol", Some(60), true)], ..manual.clone() };
    assert_eq!(at(&overriding, 59, false), "waits until 1970-01-01T00:01:00Z, as carol asked");
    assert_eq!(at(&overriding, 60, false), "by carol, override");
    let void = Wish { void: Some("lapsed".to_owned()), ..wish("carol", None, true) };
    let void = Start { wishes: vec![void], ..manual.clone() };
    assert_eq!(at(&void, 0, true), "waits to be deployed by carol");
    assert_eq!(at(&void, 0, false), "waits to be deployed by carol");
    let closed = Start { closed_by: Some("dave".parse().expect("a name")), ..later };
    assert_eq!(at(&closed, 60, true), "closed by dave");
}
