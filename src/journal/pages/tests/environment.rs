use insta::assert_snapshot;

use super::world::{World, name, oid, service};
use crate::journal::{Admission, Event, NoPlan, OutcomeResult, ReadyWord, ServiceResult};
use crate::model::ApprovalVerdict::{Approve, Reject};
use crate::model::Problem;
use crate::plan::PlanKind;

fn waiting() -> World {
    let mut world = World::new();
    world.with_history().planned(PlanKind::Update, false).ready(ReadyWord::Approve).ready(ReadyWord::Reject);
    world
}

fn approved_by_all(world: &mut World) {
    world.says("alice", Approve, "").says("bob", Approve, "").says("olga", Approve, "agreed with Acme in CHG-4712");
}

#[test]
fn nothing_was_ever_applied() {
    assert_snapshot!(World::new().page());
}

#[test]
fn synced() {
    let mut world = World::new();
    assert_snapshot!(world.with_history().page());
}

#[test]
fn a_change_without_effect_was_recorded() {
    let mut world = World::new();
    world.with_history();
    let event = Event::Recorded {
        environment: world.env.clone(),
        revision: super::world::revision("comment"),
        commit: oid("a comment"),
    };
    let page = world.entry(vec![event]).page();
    assert_snapshot!(page.lines().nth(2).unwrap(), @"Synced at deployment 6, applied 2026-11-20 12:12 UTC. Nothing waits. What commit `ffde3a9` changed has no effect and was recorded without approval.");
}

#[test]
fn destroyed() {
    let mut world = World::new();
    world.with_history().planned(PlanKind::Destroy, false);
    approved_by_all(&mut world);
    world.claimed().ended(OutcomeResult::Applied, "", vec![]);
    assert_snapshot!(world.page().lines().nth(2).unwrap(), @"Destroyed by deployment 7 at 2026-11-20 12:54 UTC. Nothing waits.");
}

#[test]
fn waits_for_people() {
    let mut world = waiting();
    world.says("alice", Approve, "load-tested on staging").ready(ReadyWord::Withdraw);
    world.refused("bob", "", "the merge is not signed", "git pull --ff-only && git fetch origin countersign/approve/acme-prod/3f2a9c1d04be && git merge -S --no-ff FETCH_HEAD && git push");
    assert_snapshot!(world.page());
}

#[test]
fn a_rule_that_nobody_can_meet_says_so() {
    let mut world = waiting();
    world.governance.people.remove("olga");
    world.governance.people.get_mut("carol").unwrap().keys.clear();
    world.governance.people.get_mut("bob").unwrap().keys.clear();
    assert_snapshot!(world.page());
}

#[test]
fn without_a_branch_to_merge_the_tool_is_named_alone() {
    let mut world = World::new();
    world.with_history().planned(PlanKind::Update, false);
    assert_snapshot!(section(&world.page(), "## To approve"));
}

#[test]
fn a_cut_preview_has_to_be_acknowledged() {
    let mut world = World::new();
    world.with_history().planned(PlanKind::Update, true).ready(ReadyWord::Reject);
    assert_snapshot!(section(&world.page(), "## To approve"));
}

#[test]
fn approved() {
    let mut world = waiting();
    approved_by_all(&mut world);
    world.ready(ReadyWord::Withdraw);
    assert_snapshot!(world.page());
}

#[test]
fn deploying_for_the_second_time() {
    let mut world = waiting();
    approved_by_all(&mut world);
    world.claimed().ended(OutcomeResult::Failed, "the disk of /srv is full", vec![]).claimed();
    assert_snapshot!(world.page());
}

#[test]
fn failed() {
    let mut world = waiting();
    approved_by_all(&mut world);
    let services = vec![
        service("config", ServiceResult::Done, ""),
        service("web", ServiceResult::Failed, "cannot write /srv/acme/web: the disk is full"),
        service("docs", ServiceResult::Untouched, ""),
        service("assets", ServiceResult::Unknown, "the folder is gone"),
    ];
    world.claimed().ended(OutcomeResult::Failed, "`web` failed: the disk is full", services);
    assert_snapshot!(world.page());
}

#[test]
fn abandoned_and_waiting_again() {
    let mut world = waiting();
    approved_by_all(&mut world);
    world.claimed().says("carol", Reject, "wait for the audit");
    world.ended(OutcomeResult::Abandoned, "carol rejected it", vec![]);
    assert_snapshot!(world.page());
}

#[test]
fn nobody_knows_what_the_last_deployment_did() {
    let mut world = waiting();
    approved_by_all(&mut world);
    world.claimed().ended(OutcomeResult::Unknown, "the daemon was killed and `web` is neither old nor new", vec![]);
    world.revision = "eight";
    let page = world.planned(PlanKind::Update, false).page();
    assert_snapshot!(page.lines().take(5).collect::<Vec<_>>().join("\n"), @r#"
    # acme-prod: AwaitingApproval

    Plan [645b93d9e55d](plan.md) (update of deployment 6), published 2026-11-20 13:15 UTC, waits for 2 of alice, bob and carol (production/platform, 0 of 2) and olga (production/customer, 0 of 1).

    Deployment 7 ended and it is **not known what it did**; a new plan needs new approvals (2026-11-20 13:08 UTC): the daemon was killed and `web` is neither old nor new
    "#);
}

#[test]
fn rejected() {
    let mut world = waiting();
    world.says("alice", Approve, "").says("carol", Reject, "not before the audit");
    assert_snapshot!(world.page());
}

#[test]
fn a_rejection_that_does_not_count_names_nobody_as_rejecting() {
    let mut world = waiting();
    let admitted = Admission::Refused { why: "it is not signed".to_owned(), hint: String::new() };
    let unproven = world.judged("bob", Reject, "", admitted);
    world.entry(vec![Event::Statement(unproven)]).says("carol", Reject, "");
    let page = world.page();
    assert!(page.contains("(update of deployment 6) was rejected by carol. It stays"), "{page}");
    assert!(page.contains("- a rejection by bob **does not count**: it is not signed\n"), "{page}");
}

#[test]
fn invalid() {
    let mut world = waiting();
    let problems = vec![
        Problem {
            file: "environments/acme-prod/environment.yaml".to_owned(),
            line: Some(14),
            column: Some(7),
            field: "spec.services[1].target".to_owned(),
            message: "expected an absolute path below a granted prefix (/srv), found `/etc`".to_owned(),
        },
        Problem::of_file("environments/acme-prod/config", "is empty: a service needs at least one file"),
    ];
    let event = Event::Invalid { environment: world.env.clone(), commit: oid("broken"), problems };
    assert_snapshot!(world.entry(vec![event]).page());
}

#[test]
fn tampered() {
    let world = World::new();
    let mut status = world.status();
    status.phase = crate::lifecycle::Phase::Tampered;
    let page = crate::journal::pages::environment_page(&world.state, &status, &world.environment());
    assert_snapshot!(page);
}

#[test]
fn hostile_text_stays_text() {
    let mut world = waiting();
    let hostile = "**ok** <img src=x onerror=alert(1)> [here](https://evil.example) @acme/everyone #12 \
                   | cell | `code` ``` \n# heading\n\u{202e}lortnoc\u{1b}[31m www.evil.example ops@evil.example";
    world.says("alice", Approve, hostile);
    world.refused("bob", hostile, hostile, hostile);
    world.says("bob", Approve, hostile).says("olga", Approve, hostile).says("carol", Reject, hostile);
    let mut second = waiting();
    approved_by_all(&mut second);
    let services = vec![service("web", ServiceResult::Failed, hostile)];
    second.claimed().ended(OutcomeResult::Failed, hostile, services);
    let mut third = waiting();
    let problem = Problem::of_file(hostile, hostile);
    let event = Event::Invalid { environment: name("acme-prod"), commit: oid("broken"), problems: vec![problem] };
    third.entry(vec![event]);
    let pages = [world.page(), second.page(), third.page()];
    for page in &pages {
        let words: String = page.lines().map(|line| without_code(line) + "\n").collect();
        assert!(!words.contains(['<', '@', '\u{202e}', '\u{1b}']) && !words.contains("](https"), "{words}");
        assert!(!words.contains("evil") && !words.contains("| cell |"), "{words}");
        assert!(!page.contains(['\u{202e}', '\u{1b}']));
    }
    assert_snapshot!(pages.join("\n-----\n"));
}

#[test]
fn the_same_values_give_the_same_page() {
    assert_eq!(waiting().page(), waiting().page());
}

/// From a heading to the end.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    &page[page.find(heading).unwrap()..]
}

/// What is left of a line of Markdown when its code spans are taken out.
fn without_code(line: &str) -> String {
    let mut words = String::new();
    let mut rest = line;
    while let Some(at) = rest.find('`') {
        words.push_str(&rest[..at]);
        let ticks = rest[at..].len() - rest[at..].trim_start_matches('`').len();
        let inside = &rest[at + ticks..];
        let runs: Vec<(usize, &str)> = inside.match_indices('`').collect();
        let is_run = |start: usize| {
            let run = inside[start..].len() - inside[start..].trim_start_matches('`').len();
            run == ticks && !inside[..start].ends_with('`')
        };
        match runs.iter().find(|(start, _)| is_run(*start)) {
            Some((start, _)) => rest = &inside[start + ticks..],
            None => {
                words.push_str(&rest[at..at + ticks]);
                rest = inside;
            }
        }
    }
    words + rest
}

#[test]
fn a_draft_waits_beside_what_is_applied() {
    let mut world = World::new();
    assert_snapshot!(world.with_history().drafted(7, 1).page());
}

#[test]
fn a_draft_that_cannot_be_planned() {
    let mut world = World::new();
    let event = Event::DraftUnplanned {
        environment: world.env.clone(),
        draft: Some(oid("draft")),
        commit: oid("config head"),
        why: NoPlan::Problems,
        problems: vec![crate::lifecycle::refusals::conflicting_draft(&world.env, "environments/acme-prod/a.conf")],
    };
    let page = world.with_history().entry(vec![event]).page();
    let section = page.split_once("## Draft").unwrap().1.split_once("## Deployments").unwrap().0;
    assert_snapshot!(section);
}
