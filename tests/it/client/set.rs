//! `set` and `edit`: an environment's values, changed without a work tree.

use super::{expect_refused, shown, update_waiting};
use crate::world::World;

const FILE: &str = "environments/prod/environment.yaml";

/// `prod` is applied; its file has a comment and a quote.
fn commented() -> World {
    let mut world = update_waiting();
    world.approve_by_merge("alice", "prod").tick().pull("mallory");
    let file = world.clone_of("mallory").join(FILE);
    let text = std::fs::read_to_string(&file).unwrap();
    let text =
        text.replace("    path: config", "    path: 'config'   # from here").replace("spec:", "spec:  # all of it");
    std::fs::write(file, text).unwrap();
    world.push("mallory").tick();
    world
}

fn on(world: &World, branch: &str) -> String {
    world.git("remote.git", &["show", &format!("{branch}:{FILE}")])
}

#[test]
fn a_value_is_set_and_everything_else_stays() {
    let mut world = commented();
    let before = on(&world, "main");
    let clone = |world: &World| {
        (world.git("mallory", &["status", "--porcelain"]), world.git("mallory", &["rev-parse", "HEAD"]))
    };
    let untouched = clone(&world);
    let target = world.target("moved").display().to_string();
    let run = world.client("mallory", &["set", "prod", "services[name=config].target", &target]);
    insta::assert_snapshot!(shown(&world, &run), @r#"
    exit 0
    committed [commit] on main · pushed
    countersign wait prod --for planned
    "#);
    assert_eq!(on(&world, "main"), before.replace(&world.target("prod").display().to_string(), &target));
    assert_eq!(clone(&world), untouched);
    world.tick().expect_waiting_on("prod", "standard/platform");
    world.client("bob", &["approve", "prod", "--yes"]).text();
    world.tick();
    assert!(world.target("moved").join("app.conf").exists());
    let again = world.client("mallory", &["set", "prod", "spec.services[0].target", &target]);
    assert_eq!(again.text(), "prod is so already on main");
    let json = world
        .client("mallory", &["--output", "json", "set", "prod", "rulesets", "[standard, owners]", "-m", "said so"]);
    let json: serde_json::Value = serde_json::from_str(&json.text()).unwrap();
    assert_eq!((&json["changed"], &json["commit"]), (&true.into(), &world.tip("main").into()));
    assert_eq!(world.git("remote.git", &["log", "-1", "--format=%s", "main"]), "said so");
    assert!(on(&world, "main").contains("rulesets: [standard, owners]"));
    world.tick();
    world.finish();
}

#[test]
fn what_would_not_be_valid_is_not_pushed() {
    let mut world = commented();
    for (path, value, words) in [
        ("requireApproval", "maybe", "spec.requireApproval: expected `true` or `false`"),
        ("requireAproval", "true", "unknown field `requireAproval`"),
        ("services[0].target", "../up", "spec.services[0].target: expected an absolute path"),
    ] {
        expect_refused(&world, "mallory", &["set", "prod", path, value], 1, &[words]);
    }
    let refused = |arguments: &[&str], words: &str| {
        let before = world.references();
        let run = world.client("mallory", &[["set"].as_slice(), arguments].concat());
        assert!(run.code == Some(2) && run.stderr.contains(words), "{run}");
        assert_eq!(world.references(), before);
    };
    refused(&["prod", "services[3].target", "/x"], "there is no item 3, of 1");
    refused(&["prod", "services", "[]"], "takes several lines");
    refused(&["prod", "a..b", "1"], "is no path");
    refused(&["prox", "requireApproval", "true"], "there is no environments/prox/environment.yaml on main");
    refused(&["governance", "x", "1"], "has no values");
    world.finish();
}

#[test]
fn a_draft_is_a_branch_of_its_own_and_is_not_overtaken() {
    let mut world = commented();
    let main = world.tip("main");
    world.client("mallory", &["set", "prod", "requireApproval", "true", "--draft"]).text();
    world.client("mallory", &["set", "prod", "rulesets", "[owners, standard]", "--draft"]).text();
    assert_eq!(world.tip("main"), main);
    let draft = on(&world, "draft/prod");
    assert!(draft.contains("requireApproval: true") && draft.contains("rulesets: [owners, standard]"), "{draft}");
    let words = ["draft/prod exists", "--draft"];
    expect_refused(&world, "mallory", &["set", "prod", "requireApproval", "false"], 1, &words);
    world.git("remote.git", &["branch", "-D", "draft/prod"]);
    world.client("mallory", &["set", "prod", "requireApproval", "true"]).text();
    world.tick();
    world.finish();
}

#[test]
fn the_editor_is_git_s_and_what_it_leaves_is_read_first() {
    let mut world = commented();
    let folder = world.clone_of("mallory").display().to_string();
    let edit = |world: &World, editor: &str| {
        let mut command = world.command(env!("CARGO_BIN_EXE_countersign"));
        command.env("GIT_EDITOR", editor).args(["-C", &folder, "edit", "prod"]);
        world.run(command)
    };
    assert_eq!(edit(&world, "true").text(), "prod is so already on main");
    let run = edit(&world, "sed -i 's/# from here/# from there/'");
    assert!(run.succeeded() && on(&world, "main").contains("# from there"), "{run}");
    let before = world.references();
    let run = edit(&world, "sed -i 's/services:/servces:/'");
    assert!(run.code == Some(1) && run.stderr.contains("`servces`"), "{run}");
    let kept = run.stderr.split("your text is in ").nth(1).expect("a file").trim().to_owned();
    assert!(std::fs::read_to_string(&kept).unwrap().contains("servces:"));
    std::fs::remove_file(kept).unwrap();
    let run = edit(&world, "false");
    assert!(run.code == Some(2) && run.stderr.contains("ended with an error"), "{run}");
    assert_eq!(world.references(), before);
    world.tick();
    world.finish();
}
