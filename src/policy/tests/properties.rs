//! What holds for every history of statements.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::scene::{Scene, person};
use crate::model::ApprovalVerdict::{self, Approve, Reject, Withdraw};
use crate::policy::Verdict;

const EVERYBODY: [&str; 8] = ["alice", "bob", "carol", "dave", "mallory", "eve", "frank", "nobody"];

/// A ruleset of one to three rules over a few people each.
fn any_rules() -> impl Strategy<Value = Scene> {
    let rule = (prop::sample::subsequence(&EVERYBODY[..6], 0..5), 1..=3_u32);
    (prop::collection::vec(rule, 1..4), any::<bool>(), prop::sample::subsequence(&EVERYBODY[..6], 0..3)).prop_map(
        |(rules, self_approval, contributors)| {
            let scene = rules.iter().enumerate().fold(Scene::new(), |scene, (nth, (users, required))| {
                scene.rule("standard", &format!("r{nth}"), users, *required)
            });
            let scene = contributors.iter().fold(scene, |scene, name| scene.contributed(name));
            scene.ruleset("standard", |ruleset| {
                ruleset.rules.retain(|rule| rule.name.as_str() != "platform");
                ruleset.allow_self_approval = self_approval;
            })
        },
    )
}

fn any_statement() -> impl Strategy<Value = (&'static str, ApprovalVerdict)> {
    (prop::sample::select(&EVERYBODY[..]), prop::sample::select(vec![Approve, Approve, Approve, Reject, Withdraw]))
}

fn any_history() -> impl Strategy<Value = Vec<(&'static str, ApprovalVerdict)>> {
    prop::collection::vec(any_statement(), 0..12)
}

fn with(scene: &Scene, history: &[(&'static str, ApprovalVerdict)]) -> Scene {
    history.iter().fold(scene.clone(), |scene, (name, verdict)| scene.says(name, *verdict))
}

/// What matters of a verdict: whether, and who counts for what.
fn outcome(verdict: &Verdict) -> (bool, Vec<Vec<String>>, Vec<String>) {
    let have = verdict.requirements.iter().map(|r| r.have.iter().map(|(person, _)| person.to_string()).collect());
    (verdict.is_approved(), have.collect(), verdict.rejected_by.iter().map(ToString::to_string).collect())
}

proptest! {
    #[test]
    fn the_order_of_different_peoples_statements_is_irrelevant(
        scene in any_rules(),
        history in any_history(),
        seed in prop::collection::vec(any::<prop::sample::Index>(), 12),
    ) {
        let mut by_person: BTreeMap<&str, Vec<ApprovalVerdict>> = BTreeMap::new();
        for (name, verdict) in &history {
            by_person.entry(name).or_default().push(*verdict);
        }
        // Another interleaving of the same chains.
        let mut shuffled = Vec::new();
        for pick in seed.iter().cycle() {
            by_person.retain(|_, rest| !rest.is_empty());
            if by_person.is_empty() {
                break;
            }
            let name = *by_person.keys().nth(pick.index(by_person.len())).expect("a person");
            let rest = by_person.get_mut(name).expect("a chain");
            shuffled.push((name, rest.remove(0)));
        }
        let shuffled: Vec<(&'static str, ApprovalVerdict)> = shuffled
            .into_iter()
            .map(|(name, verdict)| (*EVERYBODY.iter().find(|known| **known == name).expect("known"), verdict))
            .collect();
        prop_assert_eq!(outcome(&with(&scene, &history).verdict()), outcome(&with(&scene, &shuffled).verdict()));
    }

    #[test]
    fn nobody_counts_whom_the_policy_does_not_know(scene in any_rules(), history in any_history()) {
        let known: Vec<_> = history.iter().copied().filter(|(name, _)| *name != "nobody").collect();
        prop_assert_eq!(outcome(&with(&scene, &history).verdict()), outcome(&with(&scene, &known).verdict()));
    }

    #[test]
    fn one_more_approval_never_undoes_a_yes(scene in any_rules(), history in any_history(), more in any_statement()) {
        // Everybody speaks first, or there would hardly ever be a yes to undo.
        let everybody = EVERYBODY.map(|name| (name, Approve));
        let before = with(&with(&scene, &everybody), &history);
        let approved = before.verdict().is_approved();
        prop_assert!(!approved || before.says(more.0, Approve).verdict().is_approved());
    }

    #[test]
    fn a_standing_rejection_by_somebody_who_may_approve_is_a_no(
        scene in any_rules(),
        history in any_history(),
        veto in prop::sample::select(&["alice", "bob", "carol", "dave", "eve"][..]),
    ) {
        let verdict = with(&scene, &history).says(veto, Reject).verdict();
        prop_assert!(!verdict.is_approved() && verdict.rejected_by.contains(&person(veto)));
    }

    #[test]
    fn nobody_counts_twice_for_a_rule_and_nobody_who_is_excluded(scene in any_rules(), history in any_history()) {
        for requirement in with(&scene, &history).verdict().requirements {
            let mut people: Vec<_> = requirement.have.iter().map(|(person, _)| person.clone()).collect();
            people.dedup();
            prop_assert_eq!(people.len(), requirement.have.len());
            for excluded in &requirement.excluded {
                prop_assert!(!people.contains(&excluded.person) && !requirement.eligible.contains(&excluded.person));
            }
            prop_assert_eq!(requirement.is_met(), people.len() >= requirement.required as usize);
            prop_assert!(!requirement.is_met() || requirement.is_satisfiable());
        }
    }

    #[test]
    fn everybody_who_can_approving_is_a_yes_wherever_it_is_satisfiable(scene in any_rules()) {
        let verdict = scene.verdict();
        prop_assume!(verdict.requirements.iter().all(|requirement| requirement.is_satisfiable()));
        let everybody: Vec<_> = EVERYBODY[..6].iter().map(|name| (*name, Approve)).collect();
        prop_assert!(with(&scene, &everybody).verdict().is_approved(), "rules that overlap never dead-lock");
    }
}
