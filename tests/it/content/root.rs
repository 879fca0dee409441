//! All of it below a root folder of a repository that holds other things too.

use super::written;
use crate::world::{DAEMON, World};

/// Moves what was written at the top below the root folder, and pushes it.
fn push(world: &mut World) {
    let moved = "for part in environments shared governance; do \
                 if test -e $part; then mkdir -p deploy && cp -R $part deploy/ && git rm -rq --cached --ignore-unmatch $part && rm -r $part; fi; done";
    world.shell("mallory", moved);
    world.push("mallory").tick();
}

#[test]
fn values_imports_templates_and_shared_files_below_a_root_folder() {
    let mut world = World::new();
    world.edit_settings(DAEMON, |text| text.replace("branch: main\n", "branch: main\n      root: /deploy\n"));
    written(&mut world, "mallory", "base", "rulesets: [standard]\nvalues: { region: eu }\n", &[]);
    let services = &[
        ("config", "/shared", ", template: true, dependsOn: [first]", "prod"),
        ("first", "first", ", template: true", "first"),
    ];
    let spec = "rulesets: [standard]\nimports: [{ name: base }]\nvalues: { zone: a }\n";
    written(&mut world, "mallory", "prod", spec, services);
    world.file("mallory", "shared/app.conf", "{{region}}-{{zone}}\n");
    world.file("mallory", "environments/prod/first/f", "{{zone}}\n");
    push(&mut world);
    // What lies at the top is somebody else's.
    world.file("mallory", "environments/prod/environment.yaml", "no: environment\n");
    world.file("mallory", "shared/app.conf", "elsewhere\n").push("mallory").tick();
    world.approve_by_merge("alice", "base").tick().expect_waiting_on("prod", "standard/platform");
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "eu-a\n");
    world.pull("mallory").file("mallory", "deploy/shared/app.conf", "{{region}}/{{zone}}\n").push("mallory").tick();
    world.approve_by_merge("bob", "prod").tick().expect_applied("prod", "eu/a\n");
    let base = world.git("mallory", &["show", "HEAD:deploy/environments/base/environment.yaml"]).replace("eu", "us");
    world.pull("mallory").file("mallory", "deploy/environments/base/environment.yaml", &base).push("mallory").tick();
    world.approve_by_merge("bob", "base").tick().expect_waiting_on("prod", "standard/platform");
    world.approve_by_merge("bob", "prod").tick().expect_applied("prod", "us/a\n").finish();
}
