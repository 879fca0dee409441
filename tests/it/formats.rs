//! docs/formats.md is held against the program: every digest is computed again, every document read.

use std::collections::{BTreeMap, BTreeSet};

use countersign::digest::{Digest, canonical_json};
use countersign::evidence::signature::verify;
use countersign::journal::pages::environment_folder;
use countersign::journal::{DeploymentDocument, Event, Heartbeat, JournalEntry, Layout, ReadyWord, Status, yaml_out};
use countersign::model::{Environment, EnvironmentName, Maker, Statement};
use countersign::object::{Kind, MemoryObjects, Mode, Objects};
use countersign::plan::files::{effect, preview};
use countersign::plan::{Plan, PlanDocument};
use countersign::revision::{InputFile, Manifest};
use serde_json::Value;

use crate::shell::{Shell, blocks};

const PAGE: &str = "docs/formats.md";

fn example(kind: &str) -> String {
    let mut found = blocks(PAGE, &[kind]);
    assert_eq!(found.len(), 1, "{kind}");
    found.remove(0).1
}

fn value(kind: &str) -> Value {
    serde_json::from_str(&example(kind)).unwrap()
}

fn line(kind: &str) -> String {
    example(kind).trim_end().to_owned()
}

fn document() -> PlanDocument {
    serde_json::from_str(&example("json plan")).unwrap()
}

/// The example's files, as inputs of the environment.
fn inputs(objects: &MemoryObjects) -> Vec<InputFile> {
    let file = |path: &str, text: String| InputFile {
        path: path.to_owned(),
        mode: Mode::File,
        sha256: Digest::of(&text),
        blob: objects.write(Kind::Blob, text.as_bytes()).unwrap(),
        size: text.len() as u64,
        rendered: None,
    };
    vec![
        file("environments/acme-prod/config/app.conf", example("text app.conf")),
        file("environments/acme-prod/environment.yaml", example("yaml environment")),
    ]
}

#[test]
fn the_heartbeat_is_one() {
    let heartbeat: Heartbeat = serde_json::from_str(&example("json heartbeat")).unwrap();
    assert_eq!(serde_json::to_value(&heartbeat).unwrap(), value("json heartbeat"));
}

#[test]
fn the_manifest_makes_the_revision() {
    let files = inputs(&MemoryObjects::default());
    let text = example("yaml environment");
    Environment::read("environments/acme-prod/environment.yaml", "acme-prod", text.as_bytes()).unwrap();
    let by_path = files.into_iter().map(|file| (file.path.clone(), file)).collect();
    let manifest = Manifest { files: by_path, imports: BTreeMap::new() };
    let revision = line("text revision");
    assert_eq!(manifest.revision().to_string(), revision);
    assert_eq!(Digest::of_canonical(&value("json manifest")).to_string(), revision);
    assert_eq!(document().plan.revision.unwrap().to_string(), revision);
}

#[test]
fn the_plan_is_named_by_what_it_holds() {
    let document = document();
    assert_eq!(document.plan.id(), document.digest);
    assert_eq!(document.digest.short(), document.short);
    // What the digest covers, taken from the text itself.
    let mut covered = value("json plan");
    for beside in ["digest", "short", "truncated", "contributors", "commits", "imports"] {
        assert!(covered.as_object_mut().unwrap().remove(beside).is_some(), "{beside}");
    }
    assert_eq!(Digest::of_canonical(&covered), document.digest.0);
    serde_json::from_value::<Plan>(covered).unwrap();
}

#[test]
fn effect_and_preview_are_what_the_service_sets_and_shows() {
    let objects = MemoryObjects::default();
    let line = &document().plan.services[0];
    let mut files = inputs(&objects);
    files.truncate(1);
    "app.conf".clone_into(&mut files[0].path);
    assert_eq!(effect("/srv/acme-prod", Some(&files)), line.effect);
    assert_eq!(Digest::of_canonical(&value("json effect")), line.effect);
    let shown = preview(&objects, "/srv/acme-prod", None, Some(&files), &[]).unwrap();
    assert_eq!(shown.digest(), line.preview);
    assert_eq!(serde_json::to_value(&shown).unwrap(), value("json preview"));
}

#[test]
fn the_record_is_signed_over_these_bytes() {
    let record = Statement::read("bob.yaml", example("yaml record").as_bytes()).unwrap();
    let signed = line("text signed");
    assert_eq!(String::from_utf8(record.signed_bytes()).unwrap(), signed);
    assert_eq!(record.digest().to_string(), line("text statement"));
    let Maker::Signed { signature, .. } = record.maker() else { panic!("not signed") };
    let key = verify(signature, "statement-v1@countersign", signed.as_bytes()).unwrap();
    assert_eq!(key.as_str(), line("text key"));
    let Statement::Approval(approval) = record else { panic!("no approval") };
    assert_eq!((approval.plan, approval.repository), (document().digest, document().plan.repository));

    let ready = Statement::read("approve-1.yaml", example("yaml ready").as_bytes()).unwrap();
    assert_eq!(ready.maker(), &Maker::ReadyMade { n: 1 });
    assert_eq!(ready.to_yaml(), example("yaml ready"));
    let deploys = Statement::read("deploy-1.yaml", example("yaml ready-deploy").as_bytes()).unwrap();
    assert_eq!(deploys.to_yaml(), example("yaml ready-deploy"));
    let words = [&ready, &deploys].map(|statement| ReadyWord::of(statement).unwrap());
    assert_eq!(words, [ReadyWord::Approve, ReadyWord::Deploy]);
    // The table has every word.
    let page = std::fs::read_to_string(PAGE).unwrap();
    for word in ReadyWord::ALL {
        assert!(page.contains(&format!("\n| `{}` | ", word.name())), "{word:?}");
    }
}

#[test]
fn a_record_is_signed_by_hand_with_the_command_that_is_shown() {
    let commands = blocks(PAGE, &["sh"]);
    assert_eq!(commands.len(), 1);
    let shell = Shell::of("Bob", "bob@vendor.example");
    let signed = line("text signed");
    let printed = shell.run(&format!("json='{signed}'\n{} 2>/dev/null", commands[0].1.trim_end()));
    let pem = printed.split_once("-----BEGIN").map(|(_, pem)| format!("-----BEGIN{pem}")).unwrap();
    let key = verify(&pem, "statement-v1@countersign", signed.as_bytes()).unwrap();
    assert!(shell.run("cat ~/.ssh/id_ed25519.pub").starts_with(key.as_str()));
    assert!(verify(&pem, "statement-v1@countersign", format!("{signed}\n").as_bytes()).is_err());
}

#[test]
fn the_first_entry_names_the_repository() {
    let text = line("json first-entry");
    let entry: JournalEntry = serde_json::from_str(&text).unwrap();
    assert_eq!(String::from_utf8(canonical_json(&entry)).unwrap(), text);
    assert_eq!(entry.repository().to_string(), line("text repository"));
    assert_eq!(Digest::of(&text).to_string(), line("text repository"));
    // The table has every field, and the first two examples of events are this entry's.
    let page = std::fs::read_to_string(PAGE).unwrap();
    for field in value("json first-entry").as_object().unwrap().keys() {
        assert!(page.contains(&format!("| `{field}` |")), "{field}");
    }
    let events: Vec<Event> = events().into_iter().take(2).collect();
    assert_eq!(entry.events, events);
}

fn events() -> Vec<Event> {
    blocks(PAGE, &["json event"]).iter().map(|(_, text)| serde_json::from_str(text).unwrap()).collect()
}

#[test]
fn every_event_is_there_and_read() {
    let mut names = BTreeSet::new();
    for (event, (_, text)) in events().iter().zip(blocks(PAGE, &["json event"])) {
        assert_eq!(serde_json::to_value(event).unwrap(), serde_json::from_str::<Value>(&text).unwrap());
        // Who adds a variant is told here to describe it.
        names.insert(match event {
            Event::Started { .. } => 1,
            Event::PolicyAdmitted { .. } => 2,
            Event::Statement(_) => 3,
            Event::Planned { .. } => 4,
            Event::Superseded { .. } => 5,
            Event::Recorded { .. } => 6,
            Event::Invalid { .. } => 7,
            Event::Ready(_) => 8,
            Event::Claimed(_) => 9,
            Event::Outcome { .. } => 10,
            Event::AsApplied { .. } => 14,
            Event::Alarm { .. } => 11,
            Event::HistoryAccepted { .. } => 12,
            Event::PolicyPinned { .. } => 13,
            Event::DraftPlanned { .. } => 15,
            Event::DraftUnplanned { .. } => 16,
        });
    }
    assert_eq!(names.into_iter().collect::<Vec<_>>(), (1..=16).collect::<Vec<_>>());
}

#[test]
fn status_and_deployment_are_written_like_this() {
    let status: Status = yaml_out::from_yaml(example("yaml status").as_bytes()).unwrap();
    assert_eq!(yaml_out::to_yaml(&status), example("yaml status"));
    let deployment: DeploymentDocument = yaml_out::from_yaml(example("yaml deployment").as_bytes()).unwrap();
    assert_eq!(yaml_out::to_yaml(&deployment), example("yaml deployment"));
    assert_eq!(deployment.plan, document().digest);
    assert_eq!(deployment.met[0].statements[0].digest.to_string(), line("text statement"));
}

#[test]
fn the_sharded_layout_goes_by_the_name() {
    let name: EnvironmentName = "acme-prod".parse().unwrap();
    assert_eq!(environment_folder(Layout::Sharded, &name), line("text sharded"));
    assert_eq!(environment_folder(Layout::Flat, &name), "environments/acme-prod");
}
