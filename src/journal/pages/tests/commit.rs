use insta::assert_snapshot;

use super::world::{World, digest, key, name, oid, revision};
use crate::digest::PlanId;
use crate::journal::pages::commit_message;
use crate::journal::{Admission, Claim, Event, Heads, OutcomeResult, ReadyMade, ReadyWord};
use crate::model::ApprovalVerdict::{self, Approve, Reject, Withdraw};
use crate::model::Problem;
use crate::plan::PlanKind;

fn plan(environment: &str) -> PlanId {
    PlanId(digest(environment))
}

fn planned(environment: &str) -> Event {
    Event::Planned {
        environment: name(environment),
        plan: plan(environment),
        number: 7,
        round: 1,
        kind: PlanKind::Update,
        base: None,
        revision: Some(revision("seven")),
        commit: oid("config head"),
        truncated: false,
        contributors: vec![],
        imports: Default::default(),
        removes: Some(Default::default()),
        carries: Vec::new(),
    }
}

fn ready(environment: &str, says: ReadyWord) -> Event {
    Event::Ready(ReadyMade {
        environment: name(environment),
        plan: plan(environment),
        says,
        n: 1,
        commit: oid("ready"),
        branch: format!("countersign/{}/{environment}/x", says.name()),
        path: "approvals/x".to_owned(),
        blob: oid("record"),
    })
}

fn claimed(environment: &str, attempt: u64) -> Event {
    Event::Claimed(Claim {
        environment: name(environment),
        plan: plan(environment),
        number: 7,
        attempt,
        heads: Heads { config: oid("config head"), records: None },
        journal: oid("journal"),
        policy: 1,
        key: key("daemon"),
        instance: String::new(),
        met: vec![],
        started: None,
        targets: vec![],
        drift: None,
    })
}

fn ended(environment: &str, result: OutcomeResult, message: &str) -> Event {
    let (attempt, message) = (1, message.to_owned());
    Event::Outcome { environment: name(environment), number: 7, attempt, result, services: vec![], message }
}

fn statement(who: &str, verdict: ApprovalVerdict, admitted: Admission) -> Event {
    let mut world = World::new();
    let mut judged = world.judged(who, verdict, "a reason is not told here", admitted);
    judged.plan = Some(plan("acme-prod"));
    Event::Statement(judged)
}

fn subject(events: &[Event]) -> String {
    commit_message(events).lines().next().unwrap().to_owned()
}

#[test]
fn a_plan_with_its_branches() {
    let events = [planned("acme-prod"), ready("acme-prod", ReadyWord::Approve), ready("acme-prod", ReadyWord::Reject)];
    assert_snapshot!(commit_message(&events), @r#"
    acme-prod: plan d2836b7de944 waits for approval

    acme-prod: plan d2836b7de944 waits for approval
    acme-prod: a branch to approve d2836b7de944 is made
    acme-prod: a branch to reject d2836b7de944 is made

    [skip ci]
    "#);
}

#[test]
fn every_event_in_one_line() {
    let refused = Admission::Refused { why: "the merge is not signed".to_owned(), hint: "sign it".to_owned() };
    let powerless = Admission::Powerless { why: "olga does not hold `approve` in acme-prod".to_owned() };
    let environment = || name("acme-prod");
    let problem = |message: &str| Problem::of_file("environments/acme-prod/environment.yaml", message);
    let mut unreadable = World::new().judged("bob", Approve, "", refused.clone());
    (unreadable.plan, unreadable.verdict, unreadable.by) = (None, None, None);
    let events = [
        Event::PolicyAdmitted { version: 2, revision: revision("policy 2"), commit: oid("two") },
        statement("alice", Approve, Admission::Admitted),
        statement("alice", Withdraw, Admission::Admitted),
        statement("carol", Reject, Admission::Admitted),
        statement("bob", Approve, refused),
        statement("olga", Approve, powerless),
        Event::Statement(unreadable),
        planned("acme-prod"),
        Event::Superseded { environment: environment(), plans: vec![plan("acme-prod")], round: 2, commit: oid("two") },
        Event::Superseded { environment: environment(), plans: vec![], round: 3, commit: oid("two") },
        Event::Recorded { environment: environment(), revision: revision("eight"), commit: oid("two") },
        Event::Invalid { environment: environment(), commit: oid("two"), problems: vec![problem("a"), problem("b")] },
        Event::Invalid { environment: environment(), commit: oid("two"), problems: vec![] },
        ready("acme-prod", ReadyWord::Withdraw),
        claimed("acme-prod", 1),
        claimed("acme-prod", 2),
        ended("acme-prod", OutcomeResult::Applied, ""),
        ended("acme-prod", OutcomeResult::Failed, "the disk is full"),
        ended("acme-prod", OutcomeResult::Abandoned, "carol rejected it"),
        ended("acme-prod", OutcomeResult::Unknown, "the daemon was killed"),
        Event::Alarm { environment: Some(environment()), message: "a branch was moved and put back".to_owned() },
        Event::Alarm { environment: None, message: "a foreign commit was taken off the journal".to_owned() },
    ];
    let subjects: Vec<String> = events.iter().map(|event| subject(std::slice::from_ref(event))).collect();
    assert_snapshot!(subjects.join("\n"), @r#"
    policy 2 is in force
    acme-prod: alice approved d2836b7de944
    acme-prod: alice took back d2836b7de944
    acme-prod: carol rejected d2836b7de944
    acme-prod: bob approved d2836b7de944, which does not count: the merge is not signed
    acme-prod: olga approved d2836b7de944, without effect: olga does not hold `approve` in acme-prod
    acme-prod: somebody said something unreadable, which does not count: the merge is not signed
    acme-prod: plan d2836b7de944 waits for approval
    acme-prod: plan d2836b7de944 is superseded
    acme-prod: round 3 begins
    acme-prod: a change without effect is recorded (64c5e58)
    acme-prod: invalid: environments/acme-prod/environment.yaml: a (and 1 more)
    acme-prod: valid again
    acme-prod: a branch to withdraw d2836b7de944 is made
    acme-prod: deployment 7 of d2836b7de944 begins
    acme-prod: deployment 7.2 of d2836b7de944 begins
    acme-prod: deployment 7 applied
    acme-prod: deployment 7 failed: the disk is full
    acme-prod: deployment 7 abandoned: carol rejected it
    acme-prod: deployment 7 ended, outcome not known: the daemon was killed
    acme-prod: alarm: a branch was moved and put back
    alarm: a foreign commit was taken off the journal
    "#);
}

#[test]
fn the_weightiest_event_names_the_commit() {
    let both = [statement("alice", Approve, Admission::Admitted), claimed("acme-prod", 1)];
    assert_snapshot!(subject(&both), @"acme-prod: deployment 7 of d2836b7de944 begins");
    let rejected = [statement("alice", Approve, Admission::Admitted), statement("carol", Reject, Admission::Admitted)];
    assert_snapshot!(subject(&rejected), @"acme-prod: carol rejected d2836b7de944");
    let done = [claimed("acme-prod", 1), ended("acme-prod", OutcomeResult::Applied, "")];
    assert_snapshot!(subject(&done), @"acme-prod: deployment 7 applied");
}

#[test]
fn the_first_entry() {
    let started = Event::Started {
        nonce: String::new(),
        journal: "countersign/journal".to_owned(),
        branch: "main".to_owned(),
        root: "/".to_owned(),
        layout: crate::journal::Layout::Flat,
        prefix: "countersign".to_owned(),
        policy: revision("policy 1"),
    };
    let policy = Event::PolicyAdmitted { version: 1, revision: revision("policy 1"), commit: oid("one") };
    assert_snapshot!(commit_message(&[started, policy]), @r#"
    the journal of branch main begins; policy 1 is in force

    the journal of branch main begins
    policy 1 is in force

    [skip ci]
    "#);
}

#[test]
fn several_environments_are_counted() {
    let mut events: Vec<Event> = (0..9).map(|n| planned(&format!("acme-{n}"))).collect();
    for n in 20..23 {
        events.extend([claimed(&format!("acme-{n}"), 1), ended(&format!("acme-{n}"), OutcomeResult::Applied, "")]);
    }
    assert_snapshot!(subject(&events), @"12 environments: 9 plans, 3 deployments");
    let many: Vec<Event> = (0..60).map(|n| planned(&format!("acme-{n}"))).collect();
    let message = commit_message(&many);
    assert_eq!(message.lines().count(), 1 + 1 + 50 + 1 + 1 + 1);
    let last: Vec<&str> = message.lines().skip(50).collect();
    assert_snapshot!(last.join("\n"), @r#"
    acme-48: plan b3f7d4a3aed8 waits for approval
    acme-49: plan ca6e903d9e90 waits for approval
    and 10 more events

    [skip ci]
    "#);
}

#[test]
fn nothing_in_a_message_makes_a_mention_a_link_or_a_trailer() {
    let hostile = "@acme/everyone fixes #12, see https://evil.example !3 ops@evil.example\n\nCo-authored-by: x <x@y>\
                   \u{202e}\u{1b}[31m [ci run]";
    let events = [
        Event::Alarm { environment: None, message: hostile.to_owned() },
        ended("acme-prod", OutcomeResult::Failed, hostile),
    ];
    let message = commit_message(&events);
    assert!(subject(&events).chars().count() <= 100);
    assert_snapshot!(message, @r#"
    alarm: @ acme/everyone fixes # 12, see https: //evil.example ! 3 ops@ evil.example<U+000A><U+000A>C…

    alarm: @ acme/everyone fixes # 12, see https: //evil.example ! 3 ops@ evil.example<U+000A><U+000A>Co-authored-by: x <x@ y><U+202E><U+001B>[31m [ci run]
    acme-prod: deployment 7 failed: @ acme/everyone fixes # 12, see https: //evil.example ! 3 ops@ evil.example<U+000A><U+000A>Co-authored-by: x <x@ y><U+202E><U+001B>[31m [ci run]

    [skip ci]
    "#);
}
