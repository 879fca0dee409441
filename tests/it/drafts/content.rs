//! What a draft is made of: imports, shared folders, other daemons that look at it.

use countersign::lifecycle::Phase;

use super::deployed;
use crate::world::{World, document};

impl World {
    /// An environment whose `app.conf` is a template, with this before its services.
    fn templated(&mut self, who: &str, environment: &str, spec: &str) -> &mut Self {
        let target = self.target(environment).display().to_string();
        let service = format!("{{ name: config, type: files, path: config, template: true, target: {target} }}");
        let text = format!("rulesets: [standard]\n{spec}services:\n  - {service}\n");
        self.file(
            who,
            &format!("environments/{environment}/environment.yaml"),
            &document("Environment", environment, &text),
        );
        self.file(who, &format!("environments/{environment}/config/app.conf"), "{{region}}\n")
    }
}

#[test]
fn a_draft_takes_what_is_applied_in_what_it_imports() {
    let mut world = World::new();
    let base = |region: &str| {
        document(
            "Environment",
            "base",
            &format!("rulesets: [standard]\nvalues: {{ region: {region} }}\nservices: []\n"),
        )
    };
    world.templated("mallory", "prod", "values: { region: own }\n").push("mallory").tick();
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "own\n");
    // It imports what is not there yet; the draft alone waits for that.
    world.pull("mallory").file("mallory", "environments/base/environment.yaml", &base("eu")).push("mallory").tick();
    world
        .pull("mallory")
        .templated("mallory", "prod", "imports: [{ name: base }]\n")
        .push_draft("mallory", "prod")
        .tick();
    world.expect_draft_invalid("prod", "nothing is applied in `base` yet").expect_phase("prod", Phase::Synced);
    world.approve_by_merge("alice", "base").tick().expect_draft_waiting_on("prod", "standard/platform");
    world.say_on_draft("bob", "prod", "approve").tick().expect_draft_phase("prod", Phase::Approved);
    let first = world.draft_plan("prod");
    // (What nobody imports by main would be recorded without approval.)
    world.pull("mallory").templated("mallory", "other", "imports: [{ name: base }]\n").push("mallory").tick();
    world.approve_by_merge("alice", "other").tick().expect_applied("other", "eu\n");
    // What it imports moves on, by a deployment and not by a push: another plan.
    world.pull("mallory").file("mallory", "environments/base/environment.yaml", &base("us")).push("mallory").tick();
    assert_eq!(world.draft_plan("prod"), first);
    world.approve_by_merge("alice", "base").tick().expect_draft_waiting_on("prod", "standard/platform");
    assert_ne!(world.draft_plan("prod"), first);
    world.say_on_draft("bob", "prod", "approve").tick().merge_draft("mallory", "prod", "--no-ff --no-edit").tick();
    world.expect_applied("prod", "us\n").delete_draft("prod").tick().finish();
}

#[test]
fn shared_folders_are_those_of_the_merge() {
    let mut world = World::new();
    let target = world.target("prod").display().to_string();
    let text = format!(
        "rulesets: [standard]\nservices:\n  - {{ name: config, type: files, path: /shared, target: {target} }}\n"
    );
    world.file("mallory", "environments/prod/environment.yaml", &document("Environment", "prod", &text));
    world.file("mallory", "shared/app.conf", "v1\n").push("mallory").tick().approve_by_merge("alice", "prod").tick();
    world
        .pull("mallory")
        .file("mallory", "environments/prod/note", "of the draft\n")
        .push_draft("mallory", "prod")
        .tick();
    assert!(world.draft_status("prod").plan.is_none());
    // The draft brings the note, main the shared folder: both are in the merge.
    world.pull("mallory").file("mallory", "shared/app.conf", "v2\n").push("mallory").tick();
    world.expect_draft_waiting_on("prod", "standard/platform").expect_waiting_on("prod", "standard/platform");
    let (main, draft) = (world.main_plan("prod"), world.draft_plan("prod"));
    assert_eq!((draft.1, draft.2), (main.1, main.2 + 1));
    // The same shared file on both sides is a conflict of the environment's.
    world.shell("mallory", "git fetch --quiet && git reset --quiet --hard origin/draft/prod");
    world.write("mallory", "shared/app.conf", "v3\n");
    world
        .push_draft("mallory", "prod")
        .tick()
        .expect_draft_invalid("prod", "shared/app.conf: was changed on draft/prod");
    world.finish();
}

#[test]
fn another_daemon_proves_what_the_first_one_told_of_drafts() {
    let mut world = World::with().daemon("second").build();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().approve_by_merge("alice", "prod").tick();
    world.tick_of("second");
    world.draft("mallory", "prod", "v2\n").tick().say_on_draft("bob", "prod", "approve").tick();
    world.delete_draft("prod").tick_of("second").tick();
    world
        .draft("mallory", "prod", "v3\n")
        .tick_of("second")
        .tick()
        .expect_draft_waiting_on("prod", "standard/platform");
    world.say_on_draft("alice", "prod", "approve").tick_of("second");
    world.merge_draft("mallory", "prod", "--no-ff --no-edit").tick().expect_applied("prod", "v3\n");
    world.tick_of("second").delete_draft("prod").tick().finish();
}

#[test]
fn in_a_suspended_environment_a_draft_is_approved_and_merged_all_the_same() {
    let mut world = deployed();
    let suspend = world.request("alice", "prod", countersign::model::RequestAction::Suspend { number: None });
    world.ask("alice", &suspend).tick().expect_phase("prod", Phase::Suspended);
    world.draft("mallory", "prod", "v2\n").tick().say_on_draft("bob", "prod", "approve").tick();
    world.expect_draft_phase("prod", Phase::Approved).expect_phase("prod", Phase::Suspended);
    world.merge_draft("mallory", "prod", "--no-ff --no-edit").tick().expect_applied("prod", "v1\n");
    let number = world.status("prod").applied.map(|base| base.number);
    let resume = world.request("alice", "prod", countersign::model::RequestAction::Resume { number });
    world.ask("alice", &resume).tick().expect_applied("prod", "v2\n").delete_draft("prod").tick().finish();
}
