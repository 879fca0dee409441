//! Schemas say what the readers say. Every good document is taken by its schema, and then changed in every place in
//! every simple way: what the reader takes the schema takes, and where the reader complains of a document's shape, of
//! names, words and what is not built, the schema complains too.

use std::collections::{BTreeMap, BTreeSet};

use countersign::model::Problems;
use countersign::schema;
use serde_json::{Map, Value, json};

use crate::fixtures::{Reader, documents};
use crate::world::World;

/// A text that is no field, word or name of anything.
const NONE: &str = "zzqx9";

/// The schema of each folder of fixtures, and the file in which a field is one line.
const KINDS: [(&str, &str, &str); 8] = [
    ("environment", "Environment", "src/schema/environment.rs"),
    ("policy", "Policy", "src/schema/governance.rs"),
    ("person", "Person", "src/schema/governance.rs"),
    ("team", "Team", "src/schema/governance.rs"),
    ("ruleset", "Ruleset", "src/schema/governance.rs"),
    ("approval", "Approval", "src/schema/statement.rs"),
    ("request", "Request", "src/schema/statement.rs"),
    ("settings", "Settings", "src/schema/settings.rs"),
];

/// A kind, its schema, and what is known of it.
struct Subject {
    kind: &'static str,
    file: &'static str,
    schema: Value,
    validator: jsonschema::Validator,
    documents: Vec<(String, Value, Reader)>,
}

fn subjects() -> Vec<Subject> {
    let all = documents("good-");
    let subject = |(folder, kind, file): (&'static str, &'static str, &'static str)| {
        let schema = schema::of(kind).unwrap();
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        let mine = all.iter().filter(|(name, ..)| name.starts_with(&format!("{folder}-good-")));
        let read = |(name, bytes, read): &(String, Vec<u8>, Reader)| {
            let value: Value = serde_saphyr::from_str(std::str::from_utf8(bytes).unwrap()).unwrap();
            (name.clone(), value, *read)
        };
        let mut documents: Vec<_> = mine.map(read).collect();
        let ready: Vec<_> =
            documents.iter().filter_map(|(name, value, read)| Some((name.clone(), ready(value)?, *read))).collect();
        documents.extend(ready);
        Subject { kind, file, schema, validator, documents }
    };
    KINDS.into_iter().map(subject).collect()
}

/// A signed record as a ready-made one.
fn ready(document: &Value) -> Option<Value> {
    let mut document = document.clone();
    let spec = document["spec"].as_object_mut()?;
    spec.remove("signature")?;
    spec.retain(|name, _| name != "by" && name != "previous");
    spec.insert("n".to_owned(), 1.into());
    Some(document)
}

/// The document as text, in which nothing is left that a reader could take for something else.
fn text(document: &Value) -> String {
    let json = serde_json::to_string(document).unwrap();
    json.chars()
        .map(|c| if (' '..='~').contains(&c) { c.to_string() } else { format!("\\U{:08X}", u32::from(c)) })
        .collect()
}

fn read(document: &Value, reader: Reader) -> Result<String, Problems> {
    reader(text(document).as_bytes())
}

#[test]
fn what_a_reader_takes_its_schema_takes_and_where_a_shape_is_wrong_both_say_so() {
    let mut wrong = BTreeSet::new();
    for subject in subjects() {
        let Subject { kind, file, schema, validator, documents } = &subject;
        assert!(!documents.is_empty(), "no good document of kind {kind}");
        let mut probed = BTreeSet::new();
        for (name, document, reader) in documents {
            assert!(read(document, *reader).is_ok(), "{name}: {:?}", read(document, *reader));
            if let Some(error) = validator.iter_errors(document).next() {
                wrong.insert(format!(
                    "{name}: the reader takes it, the schema does not: {error} at {}",
                    error.instance_path()
                ));
            }
            objects(schema, "", document, "", &mut |node, at, path| {
                probed.insert(at.to_owned());
                let known = known_fields(document, path, *reader);
                let told: BTreeSet<String> = node["properties"].as_object().unwrap().keys().cloned().collect();
                for field in known.difference(&told) {
                    wrong.insert(format!("{kind}: the reader knows `{field}` in `{path}`, the schema does not: add a line for it to {file}"));
                }
                for field in told.difference(&known) {
                    wrong.insert(format!("{kind}: the schema has `{field}` in `{path}`, the reader does not know it: remove its line from {file}"));
                }
            });
            for changed in changes(document, *reader) {
                let (taken, problems) = match read(&changed, *reader) {
                    Ok(_) => (true, Vec::new()),
                    Err(Problems(problems)) => (false, problems),
                };
                let valid = validator.is_valid(&changed);
                let shape = problems.iter().find(|problem| is_of_shape(&problem.message));
                if taken && !valid {
                    let error = validator.iter_errors(&changed).next().unwrap();
                    wrong.insert(format!("{kind}: the reader takes `{}` as it is in {name}, changed; the schema says {error}: mend its line in {file}", error.instance_path()));
                }
                if let Some(problem) = shape.filter(|_| valid) {
                    wrong.insert(format!(
                        "{kind}: the schema takes what the reader refuses: {}: {}: mend its line in {file}",
                        problem.field, problem.message
                    ));
                }
            }
        }
        for at in all_objects(schema) {
            if !probed.contains(&at) {
                wrong.insert(format!(
                    "{kind}: no good fixture has the object at {at} of the schema: put one into fixtures/"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.into_iter().collect::<Vec<_>>().join("\n"));
}

/// Whether a complaint is about what a schema can say.
fn is_of_shape(message: &str) -> bool {
    let begins = [
        "unknown field",
        "missing; this field",
        "expected one of",
        "expected `",
        "expected fields",
        "expected a list",
        "expected text",
        "expected a whole number",
        "expected at least one entry",
    ];
    // How a scalar is quoted, the name of the file, and all that makes an address are nothing that a schema sees.
    let is_elsewhere =
        message.contains("`ssh://") || message.contains(", the name of ") || message.ends_with("; quote it");
    (begins.iter().any(|start| message.starts_with(start)) || message.contains("not built yet")) && !is_elsewhere
}

/// The fields that the reader lists when it meets one that it does not know.
fn known_fields(document: &Value, path: &str, reader: Reader) -> BTreeSet<String> {
    let mut changed = document.clone();
    changed.pointer_mut(path).and_then(Value::as_object_mut).unwrap().insert(NONE.to_owned(), json!(1));
    let Problems(problems) = read(&changed, reader).unwrap_err();
    let listed =
        problems.iter().find_map(|problem| problem.message.strip_prefix(&format!("unknown field `{NONE}`; expected ")));
    let listed = listed.unwrap_or_else(|| panic!("a reader that takes an unknown field in `{path}`: {problems:?}"));
    listed.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Calls `visit` with each object of the schema that the document has, its place in the schema and in the document.
fn objects(schema: &Value, at: &str, document: &Value, path: &str, visit: &mut dyn FnMut(&Value, &str, &str)) {
    for choice in ["oneOf", "anyOf"] {
        for (i, option) in schema[choice].as_array().into_iter().flatten().enumerate() {
            if jsonschema::draft202012::new(option).unwrap().is_valid(document) {
                objects(option, &format!("{at}/{choice}/{i}"), document, path, visit);
            }
        }
    }
    if let (Some(properties), Some(fields)) = (schema["properties"].as_object(), document.as_object()) {
        visit(schema, at, path);
        for (name, value) in fields {
            if let Some(property) = properties.get(name) {
                objects(property, &format!("{at}/properties/{name}"), value, &format!("{path}/{name}"), visit);
            }
        }
    }
    for (i, item) in document.as_array().into_iter().flatten().enumerate() {
        objects(&schema["items"], &format!("{at}/items"), item, &format!("{path}/{i}"), visit);
    }
}

/// The places of all objects in a schema.
fn all_objects(schema: &Value) -> Vec<String> {
    fn walk(schema: &Value, at: String, found: &mut Vec<String>) {
        if schema["properties"].is_object() {
            found.push(at.clone());
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            walk(property, format!("{at}/properties/{name}"), found);
        }
        for choice in ["oneOf", "anyOf"] {
            for (i, option) in schema[choice].as_array().into_iter().flatten().enumerate() {
                walk(option, format!("{at}/{choice}/{i}"), found);
            }
        }
        if schema["items"].is_object() {
            walk(&schema["items"], format!("{at}/items"), found);
        }
    }
    let mut found = Vec::new();
    walk(schema, String::new(), &mut found);
    found
}

/// The document with one thing changed, in every way that is tried.
fn changes(document: &Value, reader: Reader) -> Vec<Value> {
    let mut places = BTreeMap::new();
    fn walk<'v>(value: &'v Value, path: String, places: &mut BTreeMap<String, &'v Value>) {
        let below: Vec<(String, &Value)> = match value {
            Value::Object(fields) => {
                fields.iter().map(|(name, value)| (name.replace('~', "~0").replace('/', "~1"), value)).collect()
            }
            Value::Array(items) => items.iter().enumerate().map(|(i, value)| (i.to_string(), value)).collect(),
            _ => Vec::new(),
        };
        for (name, value) in below {
            walk(value, format!("{path}/{name}"), places);
        }
        places.insert(path, value);
    }
    walk(document, String::new(), &mut places);
    let mut changed = Vec::new();
    for (path, value) in places {
        let mut put = |new: Value| {
            let mut copy = document.clone();
            *copy.pointer_mut(&path).unwrap() = new;
            changed.push(copy);
        };
        for new in [json!(NONE), json!(7), json!(true), json!(false), json!(null), json!([]), json!({}), json!([NONE])]
        {
            put(new);
        }
        if value.is_string() {
            for word in words(document, &path, reader) {
                put(json!(word));
            }
        }
        if let Value::Object(fields) = value {
            for name in fields.keys() {
                let mut fewer: Map<String, Value> = fields.clone();
                fewer.remove(name);
                put(Value::Object(fewer));
            }
            let mut more = fields.clone();
            more.insert(NONE.to_owned(), json!(1));
            put(Value::Object(more));
        }
    }
    changed
}

/// The words that the reader lists for a text.
fn words(document: &Value, path: &str, reader: Reader) -> Vec<String> {
    let mut changed = document.clone();
    *changed.pointer_mut(path).unwrap() = json!(NONE);
    let Err(Problems(problems)) = read(&changed, reader) else { return Vec::new() };
    let listed = problems.iter().filter(|problem| problem.message.starts_with("expected one of "));
    listed.flat_map(|problem| problem.message.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

#[test]
fn bad_documents_of_a_wrong_shape_are_refused_by_the_schema() {
    let mut refused = 0;
    for Subject { kind, validator, .. } in subjects() {
        for (name, bytes, reader) in documents("bad-") {
            if !name.starts_with(&format!("{}-bad-", kind.to_lowercase())) {
                continue;
            }
            let Err(Problems(problems)) = reader(&bytes) else { panic!("{name} was read") };
            let shape = problems.iter().find(|problem| is_of_shape(&problem.message));
            let value = std::str::from_utf8(&bytes).ok().and_then(|text| serde_saphyr::from_str::<Value>(text).ok());
            if let (Some(shape), Some(value)) = (shape, value) {
                assert!(!validator.is_valid(&value), "{name}: the schema takes it, the reader says {shape}");
                refused += 1;
            }
        }
    }
    assert!(refused > 40, "only {refused} bad documents were looked at");
}

#[test]
fn the_command_prints_the_schema_of_a_kind_or_of_any() {
    let mut world = World::new();
    let any: Value = serde_json::from_str(&world.countersign(&["schema"]).text()).unwrap();
    let any = jsonschema::draft202012::new(&any).unwrap();
    for Subject { kind, schema, documents, .. } in subjects() {
        let printed = world.countersign(&["schema", &kind.to_lowercase()]).text();
        assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), schema);
        for (name, document, _) in documents {
            assert!(any.is_valid(&document), "{name}");
            let mut other = document.clone();
            other["spec"] = json!(NONE);
            assert!(!any.is_valid(&other), "{name}");
        }
    }
    assert!(!any.is_valid(&json!({ "apiVersion": "countersign/v1", "kind": "Thing", "spec": {} })));
    let unknown = world.countersign(&["schema", "Thing"]);
    assert!(unknown.code == Some(2) && unknown.stderr.contains("Environment"), "{unknown}");
    world.finish_without_tick("nothing is deployed");
}
