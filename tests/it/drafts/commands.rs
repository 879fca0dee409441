//! The commands that speak of drafts.

use countersign::journal::Status;
use countersign::lifecycle::Phase;

use super::deployed;
use crate::world::{World, document};

#[test]
fn set_diff_approve_pending_and_status() {
    let mut world = World::new();
    let target = world.target("prod").display().to_string();
    let text = format!(
        "rulesets: [standard]\nvalues: {{ replicas: 2 }}\nservices:\n  - {{ name: config, type: files, path: config, \
         template: true, target: {target} }}\n"
    );
    world.file("mallory", "environments/prod/environment.yaml", &document("Environment", "prod", &text));
    world.file("mallory", "environments/prod/config/app.conf", "replicas = {{replicas}}\n").push("mallory").tick();
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "replicas = 2\n");
    world.client("mallory", &["set", "prod", "values.replicas", "3", "--draft", "-m", "more room"]).text();
    // Nobody looked yet.
    let early = world.client("bob", &["diff", "prod", "--draft"]);
    assert!(early.code == Some(1) && early.stderr.contains("the journal knows no draft of prod"), "{early}");
    world.tick().expect_draft_phase("prod", Phase::AwaitingApproval);
    // What is set without naming the draft would not be in it.
    let refused = world.client("mallory", &["set", "prod", "values.replicas", "4"]);
    assert!(refused.code == Some(1) && refused.stderr.contains("draft/prod exists"), "{refused}");
    let none = world.client("bob", &["diff", "prod"]);
    assert_eq!(none.code, Some(0), "{none}");
    let diff = world.client("bob", &["diff", "prod", "--draft"]);
    assert!(diff.code == Some(1) && diff.stdout.contains("+replicas = 3"), "{diff}");
    let json = world.client("bob", &["--output", "json", "diff", "prod", "--draft"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).expect("json");
    assert_eq!(json["digest"].as_str(), Some(world.draft_plan("prod").0.as_str()));

    let pending = world.client("bob", &["pending", "--mine"]).text();
    assert!(
        pending.contains("prod --draft") && pending.contains("approve: countersign approve prod --draft"),
        "{pending}"
    );
    let status = world.client("bob", &["status", "prod"]).text();
    assert!(status.contains("prod Synced") && status.contains("draft/prod ("), "{status}");
    assert!(status.contains("countersign approve prod --draft --plan"), "{status}");
    let json = world.client("bob", &["--output", "json", "status", "prod"]).text();
    let json: Status = serde_json::from_str(&json).expect("a status");
    assert_eq!(json.draft.expect("a draft").branch, "draft/prod");

    let unnamed = world.client("bob", &["approve", "prod", "--yes"]);
    assert!(unnamed.code == Some(1) && unnamed.stderr.contains("countersign approve prod --draft"), "{unnamed}");
    let said = world.client("bob", &["approve", "prod", "--draft", "--yes", "-m", "fine"]).text();
    assert!(said.contains("of the draft, which is not merged"), "{said}");
    world.tick().expect_draft_phase("prod", Phase::Approved).expect_applied("prod", "replicas = 2\n");
    let status = world.client("bob", &["status", "prod"]).text();
    assert!(status.contains("it waits to be merged"), "{status}");
    let pending = world.client("bob", &["pending"]).text();
    assert_eq!(pending, "nothing waits");
    let events = world.client("bob", &["events", "prod"]).text();
    assert!(events.contains("of the draft waits for approval"), "{events}");

    world.merge_draft("mallory", "prod", "--no-ff --no-edit").tick().expect_applied("prod", "replicas = 3\n");
    // A draft that was merged and left lying is in nobody's way, and begins anew where main is.
    world.client("mallory", &["set", "prod", "values.replicas", "5", "--draft"]).text();
    world.tick().expect_draft_phase("prod", Phase::AwaitingApproval);
    world.client("alice", &["reject", "prod", "--draft", "--yes", "-m", "too many"]).text();
    world.tick().expect_draft_phase("prod", Phase::Rejected);
    let barred = world.client("bob", &["approve", "prod", "--draft", "--yes"]);
    assert!(barred.stderr.contains("countersign withdraw prod --draft"), "{barred}");
    world.client("alice", &["withdraw", "prod", "--draft", "--yes"]).text();
    world.tick().expect_draft_phase("prod", Phase::AwaitingApproval).finish();
}

#[test]
fn what_would_not_count_is_not_signed() {
    let mut world = deployed();
    world.draft("bob", "prod", "v2\n").tick();
    let refused = |world: &World, who: &str, arguments: &[&str], words: &str| {
        let before = world.references();
        let run = world.client(who, arguments);
        assert!(run.code == Some(1) && run.stderr.contains(words) && run.stderr.contains("hint: "), "`{words}`: {run}");
        assert_eq!(world.references(), before, "{run}");
    };
    let approve = ["approve", "prod", "--draft", "--yes"];
    refused(&world, "bob", &approve, "you contributed to this change");
    // The draft moves on, and then main does.
    world.amend_draft("bob", "prod", "v3\n");
    refused(&world, "alice", &approve, "draft/prod was changed by a push");
    world.tick().change("mallory", "prod", "v4\n");
    refused(&world, "alice", &approve, "merge the config branch into the draft");
    world.tick();
    refused(&world, "alice", &approve, "draft/prod has no plan");
    world.delete_draft("prod");
    refused(&world, "alice", &approve, "draft/prod has no plan");
    world.tick();
    refused(&world, "alice", &approve, "the journal knows no draft of prod");
    let policy = world.client("alice", &["approve", "governance", "--draft", "--yes"]);
    assert!(policy.code == Some(2) && policy.stderr.contains("drafts of the policy are not planned"), "{policy}");
    world.finish();
}

#[test]
fn a_plan_on_the_journal_that_is_not_what_the_merge_gives_is_not_signed() {
    let mut world = deployed();
    world.environment("mallory", "qa", "one\n").push("mallory").tick().approve_by_merge("alice", "qa").tick();
    // Several drafts at once, by a glob.
    world.draft("mallory", "prod", "v2\n").draft("mallory", "qa", "two\n").tick();
    let both = world.client("bob", &["approve", "*", "--draft", "--yes"]).text();
    assert!(both.contains("prod") && both.contains("qa"), "{both}");
    world.tick().expect_draft_phase("prod", Phase::Approved).expect_draft_phase("qa", Phase::Approved);
    // A push to what main has of the environment, in a file of its own: the merge gives something else.
    world.draft("mallory", "prod", "v3\n").tick();
    world.pull("mallory").file("mallory", "environments/prod/config/more.conf", "x\n").push("mallory");
    let late = world.client("bob", &["approve", "prod", "--draft", "--yes"]);
    assert!(late.code == Some(1) && late.stderr.contains("is not what merging draft/prod would give now"), "{late}");
    world.tick().finish();
}
