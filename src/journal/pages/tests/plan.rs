use insta::assert_snapshot;

use super::world::{base, contributors, digest, gates, name, oid, repository, revision};
use crate::digest::PlanId;
use crate::journal::pages::{GateChange, PlanPage, gate_changes, is_cut, plan_diff, plan_page};
use crate::model::{Gates, ServiceName};
use crate::plan::preview::{Item, Preview};
use crate::plan::{Action, CommitLine, Plan, PlanDocument, PlanKind, ServiceLine};

fn item(action: Action, item: &str) -> Item {
    Item { action, item: item.to_owned() }
}

fn previews() -> Vec<(ServiceName, Preview)> {
    let config = Preview {
        omitted: 0,
        summary: vec![item(Action::Destroy, "legacy.conf"), item(Action::Update, "app.conf"), item(Action::Update, "limits.yaml")],
        notes: vec!["legacy.conf is not as the last deployment left it".to_owned()],
        diff: "--- legacy.conf\n+++ /dev/null\n@@ -1 +0,0 @@\n-mode = old\n--- app.conf\n+++ app.conf\n@@ -1,3 +1,3 @@\n \
               name = acme\n-replicas = 3\n+replicas = 5\n log = warn\n--- limits.yaml\n+++ limits.yaml\n@@ -1 +1 @@\n-memory: 1Gi\n+memory: 2Gi\n"
            .to_owned(),
    };
    let web = Preview {
        omitted: 0,
        summary: vec![item(Action::Create, "index.html")],
        notes: vec![],
        diff: "--- /dev/null\n+++ index.html\n@@ -0,0 +1 @@\n+<h1>Acme</h1>\n".to_owned(),
    };
    vec![(name("config"), config), (name("web"), web)]
}

fn document(previews: &[(ServiceName, Preview)]) -> PlanDocument {
    let line = |service: &ServiceName, preview: &Preview, action| ServiceLine {
        name: service.clone(),
        kind: "files".to_owned(),
        action,
        effect: digest("effect"),
        preview: preview.digest(),
    };
    let mut services: Vec<_> = previews.iter().map(|(name, preview)| line(name, preview, Action::Update)).collect();
    let same = Preview { summary: vec![], notes: vec![], diff: String::new(), omitted: 0 };
    services.push(line(&name("docs"), &same, Action::None));
    let plan = Plan {
        format: 1,
        repository: repository(),
        environment: name("acme-prod"),
        number: 7,
        round: 3,
        kind: PlanKind::Update,
        base: base(6),
        revision: Some(revision("seven")),
        services,
    };
    let commit = |seed: &str, author: &str, signed_by: Option<&str>, subject: &str| CommitLine {
        id: oid(seed),
        author: author.to_owned(),
        signed_by: signed_by.map(name),
        subject: subject.to_owned(),
    };
    PlanDocument {
        digest: plan.id(),
        short: plan.id().short(),
        truncated: false,
        contributors: contributors(),
        imports: Default::default(),
        carries: Vec::new(),
        commits: vec![
            commit("two", "mallory@vendor.example", Some("mallory"), "Raise the limits for the winter sale"),
            commit("one", "dave@elsewhere.example", None, "Drop the legacy configuration"),
        ],
        plan,
    }
}

#[test]
fn a_plan_as_people_read_it() {
    let previews = previews();
    let document = document(&previews);
    let after = Gates { require_approval: Some(false), rulesets: None, ..gates() };
    let changes = gate_changes(Some(&gates()), Some(&after));
    let page =
        PlanPage { document: &document, previews: &previews, gates: &changes, values: "", limit: 262_144, draft: None };
    assert!(!is_cut("", &previews, page.limit));
    assert_snapshot!("plan_md", plan_page(&page));
    assert_snapshot!("plan_diff", plan_diff(&page));
}

#[test]
fn a_preview_over_the_limit_says_what_is_left_out_and_how_to_approve() {
    let mut previews = previews();
    let lines: String = (0..500).map(|n| format!("+line {n}\n")).collect();
    previews[1].1.diff += &lines;
    previews[1].1.notes.push("made by hand on the host".to_owned());
    let mut document = document(&previews);
    document.truncated = is_cut("", &previews, 700);
    assert!(document.truncated);
    let page = PlanPage { document: &document, previews: &previews, gates: &[], values: "", limit: 700, draft: None };
    assert_snapshot!("cut_plan_md", plan_page(&page));
    assert_snapshot!("cut_plan_diff", plan_diff(&page));
}

#[test]
fn deletions_are_the_last_thing_to_be_cut() {
    let deletions = (0..100).map(|n| item(Action::Destroy, &format!("old-{n:02}.conf")));
    let changes = (0..100).map(|n| item(Action::Update, &format!("new-{n:02}.conf")));
    let diff = "+x\n".repeat(1000);
    let big = Preview {
        summary: changes.clone().chain(deletions.clone()).collect(),
        notes: vec![],
        diff: diff.clone(),
        omitted: 0,
    };
    let small = Preview { summary: deletions.take(3).collect(), notes: vec!["a note".to_owned()], diff, omitted: 0 };
    let previews = vec![(name("big"), big), (name("small"), small)];
    let document = document(&previews);
    let at = |limit| {
        plan_page(&PlanPage { document: &document, previews: &previews, gates: &[], values: "", limit, draft: None })
    };
    // 103 deletions cost 27 bytes each.
    assert_snapshot!(at(103 * 27).lines().find(|line| line.contains("is cut")).unwrap(), @"**This preview is cut: 100 other items, 1 note and 2000 lines (6 KiB) of diff are not shown.** The plan's digest covers all of it. No branch is there to be merged; approving takes a signed record that acknowledges the cut:");
    assert!(at(103 * 27).contains("- small: `old-02.conf`"));
    assert_snapshot!(at(103 * 27 - 1).lines().find(|line| line.contains("is cut")).unwrap(), @"**This preview is cut: 1 deletion, 100 other items, 1 note and 2000 lines (6 KiB) of diff are not shown.** The plan's digest covers all of it. No branch is there to be merged; approving takes a signed record that acknowledges the cut:");
    assert_snapshot!(at(0).lines().find(|line| line.contains("is cut")).unwrap(), @"**This preview is cut: 103 deletions, 100 other items, 1 note and 2000 lines (6 KiB) of diff are not shown.** The plan's digest covers all of it. No branch is there to be merged; approving takes a signed record that acknowledges the cut:");
}

#[test]
fn cut_or_not_is_decided_by_the_limit_to_the_byte() {
    let preview = Preview { summary: vec![], notes: vec![], diff: "+one\n+two\n".to_owned(), omitted: 0 };
    let previews = vec![(name("config"), preview)];
    assert!(!is_cut("", &previews, 10));
    assert!(is_cut("", &previews, 9));
    assert!(is_cut("", &previews, 0));
}

#[test]
fn a_plan_published_as_cut_stays_so_under_a_higher_limit() {
    let previews = previews();
    let mut document = document(&previews);
    document.truncated = true;
    let page =
        PlanPage { document: &document, previews: &previews, gates: &[], values: "", limit: 262_144, draft: None };
    assert!(plan_diff(&page).contains("# cut: part of it may be not shown"));
    let page = plan_page(&page);
    assert!(page.contains("This preview is cut: part of it may be not shown."), "{page}");
    assert!(page.contains("--acknowledge truncated"));
}

#[test]
fn what_a_driver_escaped_is_not_escaped_again() {
    let mut previews = previews();
    previews[0].1.diff = "+a <U+202E> b\n+<U+003C>U+202E>\n".to_owned();
    previews[0].1.notes = vec!["`x<U+202E>` is left".to_owned()];
    let document = document(&previews);
    let page =
        PlanPage { document: &document, previews: &previews, gates: &[], values: "", limit: 262_144, draft: None };
    for text in [plan_page(&page), plan_diff(&page)] {
        assert!(text.contains("\n+a <U+202E> b\n+<U+003C>U+202E>\n"), "{text}");
        assert!(text.contains("`x<U+202E>` is left"), "{text}");
    }
}

#[test]
fn a_service_without_its_preview_is_not_passed_over() {
    let previews = previews();
    let document = document(&previews);
    let page =
        PlanPage { document: &document, previews: &previews[..1], gates: &[], values: "", limit: 262_144, draft: None };
    assert!(plan_page(&page).contains("**web: its preview is missing here.** Do not approve unseen."));
    assert!(plan_diff(&page).contains("# web: its preview is missing here; do not approve unseen"));
}

#[test]
fn hostile_text_stays_text() {
    let hostile = "`````\n</details>\n# heading <script>alert(1)</script> @acme/everyone | [x](https://evil.example) \
                   ![p](https://evil.example/p.png)\u{202e}\u{1b}[2J";
    let mut previews = previews();
    previews[0].1 = Preview {
        omitted: 0,
        summary: vec![item(Action::Destroy, hostile), item(Action::Create, "``` </summary>")],
        notes: vec![hostile.to_owned()],
        diff: format!(
            "--- {}\n+```\n+```````\n+</details>\n+\u{202e}\u{1b}[2Jx\u{200b}y\r\n",
            hostile.replace('\n', " ")
        ),
    };
    let mut document = document(&previews);
    document.contributors[1].email = hostile.to_owned();
    document.commits[0].subject = hostile.to_owned();
    document.commits[1].author = hostile.to_owned();
    let changes = [GateChange { setting: "customerEmail", old: hostile.to_owned(), new: "none".to_owned() }];
    let page =
        PlanPage { document: &document, previews: &previews, gates: &changes, values: "", limit: 262_144, draft: None };
    let (page, diff) = (plan_page(&page), plan_diff(&page));
    for text in [&page, &diff] {
        assert!(!text.contains(['\u{202e}', '\u{1b}', '\u{200b}', '\r']));
    }
    assert_snapshot!("hostile_plan_md", page);
    assert_snapshot!("hostile_plan_diff", diff);
}

#[test]
fn long_lists_of_commits_and_contributors_are_counted() {
    let previews = previews();
    let mut document = document(&previews);
    document.commits = vec![document.commits[0].clone(); 84];
    document.contributors = vec![document.contributors[0].clone(); 51];
    let page = plan_page(&PlanPage {
        document: &document,
        previews: &previews,
        gates: &[],
        values: "",
        limit: 262_144,
        draft: None,
    });
    assert!(page.contains("and 34 commits older") || page.contains("and 34 older"), "{page}");
    assert!(page.contains("and 1 more, in [plan.json](plan.json)."));
    assert!(page.contains("mallory (signed) and 46 more"));
}

#[test]
fn gates_are_compared_as_written() {
    let told = |leaves: Option<&Gates>, enters: Option<&Gates>| {
        let lines: Vec<String> = gate_changes(leaves, enters)
            .iter()
            .map(|change| format!("{}: {} -> {}", change.setting, change.old, change.new))
            .collect();
        lines.join("\n")
    };
    let open = Gates {
        require_approval: Some(false),
        rulesets: Some(vec![]),
        customer_email: None,
        auto_approve: [name("web"), name("config")].into(),
        imports: Vec::new(),
        deploy: crate::model::Deploy::default(),
        drift: None,
    };
    assert_eq!(told(Some(&gates()), Some(&gates())), "");
    assert_eq!(told(Some(&gates()), None), "");
    assert_eq!(told(None, Some(&Gates::default())), "");
    assert_snapshot!(told(None, Some(&gates())), @r#"
    requireApproval: the policy's default -> true
    rulesets: the policy's default -> production
    customerEmail: none -> ops@acme.example
    "#);
    assert_snapshot!(told(Some(&gates()), Some(&open)), @r#"
    requireApproval: true -> false
    rulesets: production -> none
    customerEmail: ops@acme.example -> none
    autoApprove: none -> config, web
    "#);
}

#[test]
fn kinds_are_named_after_what_they_start_from() {
    let previews = previews();
    let mut document = document(&previews);
    let mut what = |kind, base| {
        document.plan.kind = kind;
        document.plan.base = base;
        let page = plan_page(&PlanPage {
            document: &document,
            previews: &previews,
            gates: &[],
            values: "",
            limit: 262_144,
            draft: None,
        });
        page.lines().nth(2).unwrap().to_owned()
    };
    let kinds = [
        what(PlanKind::Create, None),
        what(PlanKind::Update, base(6)),
        what(PlanKind::Rollback, base(6)),
        what(PlanKind::Promotion, base(6)),
        what(PlanKind::Redeploy, base(6)),
        what(PlanKind::Drift, base(6)),
        what(PlanKind::Destroy, base(6)),
        what(PlanKind::Policy, None),
    ];
    assert_snapshot!(kinds.join("\n"), @r#"
    - **What:** creation, would become deployment 7
    - **What:** update of deployment 6, would become deployment 7
    - **What:** rollback of deployment 6, would become deployment 7
    - **What:** promotion onto deployment 6, would become deployment 7
    - **What:** redeployment of deployment 6, would become deployment 7
    - **What:** drift correction of deployment 6, would become deployment 7
    - **What:** destroy of deployment 6, would become deployment 7
    - **What:** change of the policy, would become deployment 7
    "#);
}

#[test]
fn the_digest_is_the_plans() {
    let previews = previews();
    let document = document(&previews);
    assert_eq!(document.digest, PlanId(crate::digest::Digest::of_canonical(&document.plan)));
}
