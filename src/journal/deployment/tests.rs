use super::{AttemptOutcome, DeploymentDocument, NoOpenAttempt};
use crate::journal::pages::tests::world::{World, service};
use crate::journal::yaml_out::to_yaml;
use crate::journal::{OutcomeResult, ServiceResult};
use crate::model::ApprovalVerdict::Approve;
use crate::plan::PlanKind;

fn claimed() -> World {
    let mut world = World::new();
    world.with_history().planned(PlanKind::Update, false);
    world.says("alice", Approve, "load-tested: \"ok\"").says("bob", Approve, "").says("olga", Approve, "CHG-4712");
    world.claimed();
    world
}

fn document_of(world: &World, before: Option<DeploymentDocument>) -> DeploymentDocument {
    DeploymentDocument::of_claim(before, &world.environment(), world.environment().running().unwrap())
}

fn outcome(world: &World, result: OutcomeResult, message: &str) -> AttemptOutcome {
    let services = vec![service("config", ServiceResult::Failed, message)];
    AttemptOutcome { result, message: message.to_owned(), services, time: world.state.time }
}

#[test]
fn a_deployment_that_failed_and_went_well_the_second_time() {
    let mut world = claimed();
    let first = document_of(&world, None);
    insta::assert_snapshot!("claimed", to_yaml(&first));

    world.ended(OutcomeResult::Failed, "the disk is full", vec![]);
    let first = first.with_outcome(1, outcome(&world, OutcomeResult::Failed, "the disk is full")).unwrap();
    world.claimed();
    let both = document_of(&world, Some(first));
    world.ended(OutcomeResult::Applied, "", vec![]);
    let done = AttemptOutcome { services: vec![], ..outcome(&world, OutcomeResult::Applied, "") };
    let both = both.with_outcome(2, done).unwrap();
    insta::assert_snapshot!("applied", to_yaml(&both));

    let back: DeploymentDocument = serde_saphyr::from_str(&to_yaml(&both)).unwrap();
    assert_eq!(back, both);
}

#[test]
fn an_outcome_needs_an_open_attempt() {
    let world = claimed();
    let outcome = |result| outcome(&world, result, "");
    let document = document_of(&world, None);
    let missing = document.clone().with_outcome(2, outcome(OutcomeResult::Applied)).unwrap_err();
    assert_eq!(missing.to_string(), "deployment 7 of acme-prod has no open attempt 2");
    let ended = document.with_outcome(1, outcome(OutcomeResult::Applied)).unwrap();
    let twice: Result<_, NoOpenAttempt> = ended.with_outcome(1, outcome(OutcomeResult::Failed));
    assert!(twice.is_err());
}

#[test]
fn a_status_reads_back_as_it_was_written() {
    let mut world = claimed();
    world.ended(OutcomeResult::Failed, "\u{202e}the disk: full #1\n", vec![]);
    let status = world.status();
    let back: crate::journal::Status = serde_saphyr::from_str(&to_yaml(&status)).unwrap();
    assert_eq!(back, status);
    insta::assert_snapshot!("status", to_yaml(&status));
}
