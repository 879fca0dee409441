//! What is shown, and what is applied: text and files that mean to mislead or to exhaust.

use std::time::Instant;

use countersign::lifecycle::Phase;
use countersign::model::ApprovalVerdict::Approve;

use crate::world::World;

#[test]
fn d1_control_and_direction_characters_are_escaped_wherever_they_are_shown() {
    let mut world = World::new();
    let tricky = "safe \u{202e}live\u{202c} \u{1b}[31mred\u{200b}\n";
    world.environment("mallory", "prod", tricky).push("mallory").tick();
    let branch = world.ready("approve", "prod");
    let message = world.git("remote.git", &["log", "-1", "--format=%B", &branch]);
    let pages =
        ["README.md", "plan.md", "plan.diff"].map(|file| world.journal_file(&format!("environments/prod/{file}")));
    for text in pages.into_iter().map(|page| page.expect("a page")).chain([message]) {
        let bad = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{200b}');
        assert!(!text.contains(bad), "{text:?}");
    }
    assert!(world.journal_file("environments/prod/plan.diff").expect("a diff").contains("U+202E"));
    // What is applied is what is in the repository, byte by byte.
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", tricky).finish();
}

#[test]
fn d1_names_with_such_characters_are_refused() {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").file("mallory", "environments/prod/config/a\u{202e}b", "x\n");
    world.push("mallory").tick().expect_exit(1).expect_invalid("prod", "U+202E").expect_not_applied("prod").finish();
}

#[test]
fn d2_a_preview_that_was_cut_takes_a_record_that_acknowledges_it() {
    let mut world = World::with().settings("limits: { preview: 4KiB }\n").build();
    let long: String = (0..2000).map(|line| format!("line {line}\n")).collect();
    world.environment("mallory", "prod", &long).push("mallory").tick().expect_waiting_on("prod", "standard/platform");
    assert!(world.status("prod").plan.expect("a plan").truncated);
    assert!(world.branches("countersign/approve/").is_empty(), "nothing to merge without having seen it all");
    let plain = world.record("alice", "prod", Approve);
    world.say("alice", &plain).tick().expect_waiting_on("prod", "standard/platform");
    world.expect_not_counted("prod", "--acknowledge truncated").expect_not_applied("prod");
    let knowing = world.record("bob", "prod", Approve).acknowledging_truncation();
    world.say("bob", &knowing).tick().expect_applied("prod", &long).finish();
}

#[test]
fn d2_attributes_hide_nothing() {
    let mut world = World::new();
    world.file("mallory", ".gitattributes", "* binary -diff export-ignore\n*.conf filter=evil\n");
    world.environment("mallory", "prod", "secret change\n").push("mallory").tick();
    assert!(world.journal_file("environments/prod/plan.diff").expect("a diff").contains("+secret change"));
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "secret change\n").finish();
}

#[test]
fn d3_yaml_that_two_readers_understand_differently_is_invalid() {
    for (more, words) in [
        ("requireApproval: true\nrequireApproval: false\n", "requireApproval"),
        ("requireApproval: &a true\n", "anchor"),
        ("requireApproval: !!str true\n", "tag"),
        ("requireApproval: yes\n", "requireApproval"),
    ] {
        let mut world = World::new();
        world.environment_with("mallory", "prod", "v1\n", more).push("mallory").tick().expect_exit(1);
        world.expect_invalid("prod", "environments/prod/environment.yaml:").expect_invalid("prod", words);
        world.expect_not_applied("prod").finish();
    }
}

#[test]
fn d4_markup_in_content_and_reasons_stays_text() {
    let mut world = World::new();
    world
        .environment(
            "mallory",
            "prod",
            "```\n![x](https://evil.example/p.png) <script>alert(1)</script> @alice\n````\n",
        )
        .push("mallory")
        .tick();
    let page = world.journal_file("environments/prod/plan.md").expect("a page");
    let fence = page.lines().find(|line| line.starts_with("```")).expect("a fence");
    let ticks = fence.chars().take_while(|c| *c == '`').count();
    assert!(ticks >= 5, "the fence is longer than any inside: {page}");
    let record = world.record("alice", "prod", Approve).saying(|approval| {
        approval.reason = "![x](https://evil.example/q.png) <img src=x> @bob".to_owned();
    });
    world.say("alice", &record).tick().expect_phase("prod", Phase::Synced);
    let page = world.journal_file("environments/prod/README.md").expect("a page");
    assert!(page.contains("`![x](https://evil.example/q.png) <img src=x> @bob`"), "as code, not as markup: {page}");
    world.finish();
}

#[test]
fn d4_no_word_of_the_repository_is_in_the_message_of_a_ready_made_commit() {
    let mut world = World::new();
    world.environment("mallory", "prod", "closes #3 @alice\n[skip ci] https://evil.example\n");
    world.file("mallory", "environments/prod/config/fixes #12 @bob.md", "x\n").push("mallory").tick();
    for verdict in ["approve", "reject"] {
        let message = world.git("remote.git", &["log", "-1", "--format=%B", &world.ready(verdict, "prod")]);
        for bait in ["#", "@", "://", "[", "closes", "fixes", "skip"] {
            assert!(!message.contains(bait), "`{bait}` is in {message}");
        }
        let command = message.lines().map(str::trim).find(|line| line.starts_with("git show ")).expect("a command");
        let diff = world.shell("alice", &format!("git fetch --quiet origin && {command}"));
        assert!(diff.contains("+closes #3 @alice") && diff.contains("fixes #12 @bob.md"), "{diff}");
    }
    let plan = world.status("prod").plan.expect("a plan").digest.short();
    let message = world.git("remote.git", &["log", "-1", "--format=%B", &world.ready("approve", "prod")]);
    insta::assert_snapshot!(message.replace(&plan, "PLAN"));
    world.finish();
}

#[test]
fn d6_links_and_submodules_in_the_source_are_invalid() {
    for (line, words) in [
        ("ln -s /etc/passwd environments/prod/config/link", "symbolic link"),
        (
            "git init -q environments/prod/config/sub && git -C environments/prod/config/sub -c user.name=x -c user.email=x@x.example commit -q --allow-empty -m x",
            "submodule",
        ),
        ("echo x > environments/prod/config/App.conf", "case"),
    ] {
        let mut world = World::new();
        world.environment("mallory", "prod", "v1\n").shell("mallory", line);
        world.push("mallory").tick().expect_exit(1).expect_phase("prod", Phase::Invalid).expect_invalid("prod", words);
        world.expect_not_applied("prod").finish();
    }
}

#[test]
fn d6_hooks_and_filters_of_the_repository_never_run() {
    let mut world = World::new();
    let trap = world.at("trapped").display().to_string();
    world.file("mallory", ".gitattributes", "* filter=trap\n");
    world.file("mallory", ".gitmodules", "[submodule \"x\"]\n\tpath = x\n\turl = ext::sh -c touch% trap\n");
    world.environment("mallory", "prod", "v1\n").push("mallory");
    // Even where the operator's own configuration would run something.
    let config = std::fs::read_to_string(world.at("gitconfig")).expect("a file");
    std::fs::write(world.at("gitconfig"), format!("{config}[filter \"trap\"]\nsmudge = touch {trap}; cat\n[core]\nhooksPath = {trap}.hooks\n[alias]\nfetch = !touch {trap}\n")).expect("a file");
    world.tick().expect_waiting_on("prod", "standard/platform");
    assert!(!std::path::Path::new(&trap).exists());
    std::fs::write(world.at("gitconfig"), config).expect("a file");
    world.approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n").finish();
}

#[test]
fn d7_one_environments_excess_never_stops_another() {
    let mut world = World::new();
    let bomb = format!("apiVersion: countersign/v1\nkind: Environment\nmetadata: {}\n", "[".repeat(5000));
    let laughs = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n";
    let huge = format!("# {}\n", "x".repeat(2 * 1024 * 1024));
    for (name, text) in [("deep", bomb.as_str()), ("laughs", laughs), ("huge", &huge)] {
        world.file("mallory", &format!("environments/{name}/environment.yaml"), text);
    }
    world.environment("mallory", "prod", "v1\n").push("mallory").tick().expect_exit(1);
    for name in ["deep", "laughs", "huge"] {
        world.expect_phase(name, Phase::Invalid);
    }
    world.approve_by_merge("alice", "prod").tick().expect_exit(1).expect_applied("prod", "v1\n").finish();
}

#[test]
fn d7_a_change_beyond_what_a_preview_shows_takes_an_acknowledgement_and_stops_nobody_else() {
    let mut world = World::new();
    // The display limit is as high as it goes: it is not what cuts this one.
    world.edit_settings("journal", |text| format!("{text}  limits: {{ preview: 16MiB }}\n"));
    world.environment("mallory", "huge", "v1\n").environment("mallory", "prod", "v1\n");
    for n in 0..7 {
        let text: String = (0..90_000).map(|line| format!("{n} {line}\n")).collect();
        world.file("mallory", &format!("environments/huge/config/{n}.conf"), &text);
    }
    world.push("mallory").tick().approve_by_merge("alice", "prod").tick().expect_applied("prod", "v1\n");
    assert!(world.status("huge").plan.expect("a plan").truncated);
    assert!(world.branches("countersign/approve/huge").is_empty(), "nobody merges what cannot be seen");
    let diff = world.journal_file("environments/huge/plan.diff").expect("a diff");
    assert!(diff.contains("is beyond what one preview shows"), "{}", &diff[..500]);
    world.approve_by_record("alice", "huge").tick().expect_waiting_on("huge", "standard/platform");
    world.expect_not_counted("huge", "the preview was cut");
    let record = world.record("bob", "huge", Approve).acknowledging_truncation();
    world.say("bob", &record).tick().expect_phase("huge", Phase::Synced).finish();
}

#[test]
fn d7_a_thousand_junk_records_are_told_once_and_stop_nothing() {
    let mut world = World::new();
    world.environment("mallory", "prod", "v1\n").push("mallory").tick();
    let (_, good) = world.sign(&world.record("mallory", "prod", Approve));
    for n in 0..1000 {
        let text = match n % 4 {
            0 => format!("junk {n}\n"),
            1 => good.replace("looked at", &format!("changed {n}")),
            2 => "x".repeat(70_000 + n),
            _ => format!("apiVersion: countersign/v1\nkind: Approval\nspec: {{ reason: \"{n}\" }}\n"),
        };
        let folder = if n % 2 == 0 { "prod".to_owned() } else { format!("nowhere-{n}") };
        world.write("mallory", &format!("approvals/{folder}/{n}.yaml"), text);
    }
    world.push("mallory").approve_by_merge("alice", "prod");
    let begun = Instant::now();
    world.tick().expect_applied("prod", "v1\n");
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
    let pages = world.git("remote.git", &["ls-tree", "-r", "--name-only", "countersign/journal", "environments/"]);
    let folders: std::collections::BTreeSet<&str> = pages.lines().filter_map(|path| path.split('/').nth(1)).collect();
    assert_eq!(folders.into_iter().collect::<Vec<_>>(), ["prod"], "junk makes no environments");
    world.finish();
}
