use insta::assert_snapshot;

use super::world::{World, name, oid, service, time};
use crate::journal::pages::{Overview, environment_folder, root_page};
use crate::journal::{Event, Layout, OutcomeResult, ServiceResult, Status};
use crate::lifecycle::{Alarm, Phase};
use crate::model::ApprovalVerdict::{Approve, Reject};
use crate::model::Problem;
use crate::plan::PlanKind;

fn status_of(environment: &str, happens: impl FnOnce(&mut World)) -> Status {
    let mut world = World::new();
    world.env = name(environment);
    world.with_history();
    happens(&mut world);
    world.status()
}

fn approve_all(world: &mut World) {
    world.planned(PlanKind::Update, false);
    world.says("alice", Approve, "").says("bob", Approve, "").says("olga", Approve, "");
}

#[test]
fn nothing_is_there_yet() {
    let world = World::new();
    let mut overview = Overview::new(&world.state);
    overview.set(&world.status());
    assert_snapshot!(root_page(&overview));
}

#[test]
fn what_waits_and_what_went_wrong_comes_first() {
    let world = World::new();
    let mut overview = Overview::new(&world.state);
    for n in 0..208 {
        overview.set(&status_of_synced(&format!("acme-{n}")));
    }
    let problems = vec![Problem::of_file("environments/acme-beta/environment.yaml", "a | b @everyone"); 3];
    overview.set(&status_of("acme-alpha", |world| {
        world.planned(PlanKind::Update, false).says("alice", Approve, "");
    }));
    overview.set(&status_of("acme-beta", |world| {
        let environment = world.env.clone();
        world.entry(vec![Event::Invalid { environment, commit: oid("broken"), problems }]);
    }));
    overview.set(&status_of("acme-gamma", |world| {
        approve_all(world);
        let services = vec![service("web", ServiceResult::Failed, "the disk is full")];
        world.claimed().ended(OutcomeResult::Failed, "`web` failed: the disk is full", services);
    }));
    overview.set(&status_of("acme-delta", |world| {
        world.planned(PlanKind::Destroy, false).says("carol", Reject, "no");
    }));
    overview.set(&status_of("acme-epsilon", approve_all));
    overview.set(&status_of("acme-zeta", |world| {
        approve_all(world);
        world.claimed();
    }));
    let mut state = World::new().state;
    let alarm =
        |at: &str, environment, message: &str| Alarm { time: time(at), environment, message: message.to_owned() };
    state.alarms = vec![
        alarm("2026-11-22T09:30:00Z", Some(name("acme-alpha")), "branch <b>x</b> was moved and put back"),
        alarm("2026-11-21T10:04:59Z", None, "a commit that is not ours was on countersign/journal"),
    ];
    overview.set_alarms(&state);
    assert_snapshot!(root_page(&overview));
}

#[test]
fn setting_a_status_again_replaces_what_was_there() {
    let world = World::new();
    let mut overview = Overview::new(&world.state);
    let synced = || status_of("acme-prod", |_| ());
    overview.set(&synced());
    let before = root_page(&overview);
    overview.set(&status_of("acme-prod", |world| {
        world.planned(PlanKind::Update, false);
    }));
    assert!(root_page(&overview).contains("| AwaitingApproval | 1 |"));
    overview.set(&synced());
    assert_eq!(root_page(&overview), before);
    let destroyed = status_of("acme-prod", |world| {
        world.planned(PlanKind::Destroy, false);
        world.says("alice", Approve, "").says("bob", Approve, "").says("olga", Approve, "");
        world.claimed().ended(OutcomeResult::Applied, "", vec![]);
    });
    overview.set(&destroyed);
    assert!(root_page(&overview).starts_with("# 0 environments\n"));
}

#[test]
fn the_first_fifty_are_listed_and_the_rest_counted() {
    let world = World::new();
    let mut overview = Overview::new(&world.state);
    let mut status = status_of("acme-prod", approve_all);
    for n in 0..62 {
        status.environment = name(&format!("acme-{n}"));
        overview.set(&status);
    }
    let page = root_page(&overview);
    assert_eq!(page.matches("/README.md)").count(), 50);
    assert!(page.contains("\nand 12 more: `countersign status`\n"));
}

#[test]
fn a_change_of_the_policy_is_listed_and_is_no_environment() {
    let mut world = World::new();
    let problems = vec![Problem::of_file("governance/policy.yaml", "names no key")];
    let governance = crate::model::EnvironmentName::governance();
    world.entry(vec![Event::Invalid { environment: governance.clone(), commit: oid("governance"), problems }]);
    let env = world.state.environment(&governance);
    let mut overview = Overview::new(&world.state);
    overview.set(&Status::of(&world.state, &world.governance, &governance, &env, None));
    let page = root_page(&overview);
    assert!(page.starts_with("# 0 environments"), "{page}");
    assert!(page.contains("[governance](environments/governance/README.md)"), "{page}");
    assert!(page.contains("`governance/policy.yaml`: names no key"), "{page}");
}

#[test]
fn folders_follow_the_layout() {
    assert_eq!(environment_folder(Layout::Flat, &name("acme-prod")), "environments/acme-prod");
    // printf %s acme-prod | sha256sum
    assert_eq!(environment_folder(Layout::Sharded, &name("acme-prod")), "environments/d2/acme-prod");
    let mut world = World::new();
    world.state.start.layout = Layout::Sharded;
    let page = root_page(&Overview::new(&world.state));
    assert!(
        page.contains("`environments/HH/NAME/`, where `HH` is what `printf %s NAME | sha256sum | cut -c1-2` prints")
    );
}

fn status_of_synced(environment: &str) -> Status {
    let mut status = World::new().status();
    status.environment = name(environment);
    status.phase = Phase::Synced;
    status.applied = super::world::base(3);
    status
}
