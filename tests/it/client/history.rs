//! `history`: who approved what, when and why.

use countersign::journal::DeploymentDocument;

use super::{expect_refused, shown, update_waiting};

#[test]
fn the_history_says_who_approved_what_and_why() {
    let mut world = update_waiting();
    world.client("bob", &["approve", "prod", "--yes", "-m", "load-tested on staging"]).text();
    world.tick();
    insta::assert_snapshot!(shown(&world, &world.client("bob", &["history", "prod"])), @r#"
    exit 0
    2  [time]  update  applied    bob (bob: load-tested on staging)
    1  [time]  create  applied    alice
    "#);
    insta::assert_snapshot!(shown(&world, &world.client("bob", &["history", "prod", "2"])), @r#"
    exit 0
    prod deployment 2: update of deployment 1, applied
      plan sha256:[digest]
      revision sha256:[digest]
      judged by policy 1
      standard/platform
        bob approved: load-tested on staging
          sha256:[digest]
      attempt 1: applied
        claimed [time] UTC from commit [commit], ended [time] UTC
        config done
    "#);
    insta::assert_snapshot!(shown(&world, &world.client("bob", &["history", "--all"])), @r#"
    exit 0
    prod  2  [time]  update  applied    bob (bob: load-tested on staging)
    prod  1  [time]  create  applied    alice
    "#);
    let json = world.client("bob", &["--output", "json", "history", "prod"]).text();
    let documents: Vec<DeploymentDocument> = serde_json::from_str(&json).unwrap();
    assert_eq!(documents.iter().map(|document| document.number).collect::<Vec<_>>(), [2, 1]);
    let json = world.client("bob", &["--output", "json", "history", "prod", "2"]).text();
    assert_eq!(serde_json::from_str::<DeploymentDocument>(&json).unwrap(), documents[0]);
    world.finish();
}

#[test]
fn a_spreadsheet_gets_a_table_without_formulas() {
    let mut world = update_waiting();
    world.client("bob", &["approve", "prod", "--yes", "-m", "=cmd|' /C calc'!A0, \"quoted\"\nsecond line"]).text();
    world.tick();
    insta::assert_snapshot!(shown(&world, &world.client("bob", &["--output", "csv", "history", "--all"])), @r#"
    exit 0
    environment,deployment,kind,began,ended,result,approvers,reasons,started,override,message,plan,revision,policy
    prod,2,update,[time],[time],applied,bob (standard/platform),"bob: =cmd|' /C calc'!A0, ""quoted""<U+000A>second line",,,,sha256:[digest],sha256:[digest],1
    prod,1,create,[time],[time],applied,alice (standard/platform),,,,,sha256:[digest],sha256:[digest],1
    "#);
    let one = world.client("bob", &["--output", "csv", "history", "prod", "2"]).text();
    assert_eq!(one.lines().count(), 2, "{one}");
    expect_refused(&world, "bob", &["--output", "csv", "status"], 2, &["`--output csv` is for `history` alone"]);
    world.finish();
}

#[test]
fn the_history_can_be_cut_by_time() {
    let mut world = update_waiting();
    let history =
        |arguments: &[&str]| world.client("bob", &[["history", "--all"].as_slice(), arguments].concat()).text();
    assert!(history(&["--since", "24h"]).contains("prod"));
    assert_eq!(history(&["--until", "2020-01-01"]), "no deployment");
    assert_eq!(history(&["--since", "2999-01-01T00:00:00Z"]), "no deployment");
    expect_refused(&world, "bob", &["history", "--all", "--since", "yesterday"], 2, &["`yesterday` is no time"]);
    expect_refused(&world, "bob", &["history", "prod", "9"], 2, &["prod has no deployment 9"]);
    world.finish();
}
