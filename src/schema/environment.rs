//! `environments/<name>/environment.yaml`. A new field is one line here.

use serde_json::{Value, json};

use super::shape::{
    boolean, digest, duration, host_folder, list, map_of, name, named, object, optional, pattern, required, set, text,
    words,
};

pub(super) fn environment() -> Value {
    let spec = object(
        "",
        [
            optional("requireApproval", boolean("Whether anybody must approve; the policy's default if left out")),
            optional("rulesets", set("Who must approve; the policy's defaults if left out", name("A ruleset"))),
            optional("customerEmail", pattern("The customer's address", "^[^@\\s]+@[^@\\s]+$")),
            optional("deploy", deploy()),
            optional("drift", drift()),
            optional("imports", list("Whose values are taken, as they are applied there; later ones win", import())),
            optional("values", map_of("What templates may name; these win over imported ones", value())),
            required("services", list("What is deployed, in this order", service())),
        ],
    );
    named("Environment", "What is to be deployed somewhere, and who must approve it", "the environment's folder", spec)
}

fn deploy() -> Value {
    object(
        "When it is deployed",
        [
            optional("mode", words("By itself once approved, or when asked", &["auto", "manual"])),
            optional("windows", list("When it may begin; deny wins, and without allow it always may", window())),
        ],
    )
}

fn window() -> Value {
    object(
        "A time that comes again and again",
        [
            required("kind", words("Only then, or not then", &["allow", "deny"])),
            required("schedule", text("When it begins: minute, hour, day of month, month, day of week")),
            required("duration", duration("How long it stays open each time, at most 366 days")),
            required("timezone", text("The IANA zone in which the schedule is read")),
        ],
    )
}

fn drift() -> Value {
    object(
        "How the host is looked at between deployments",
        [
            required("schedule", text("When: minute, hour, day of month, month, day of week")),
            optional("timezone", text("The IANA zone in which the schedule is read; UTC")),
            optional("correct", boolean("Whether what was approved last is applied again by itself; false")),
        ],
    )
}

fn import() -> Value {
    object(
        "An environment whose values are taken",
        [
            required("name", name("The environment")),
            optional("revision", digest("Not what is applied now, but this, which once was")),
        ],
    )
}

fn value() -> Value {
    json!({ "type": ["boolean", "integer", "string", "array", "object"] })
}

fn service() -> Value {
    object(
        "One deployable",
        [
            required("name", name("Unique in the environment")),
            required("type", words("What it is", &["files"])),
            required("path", text("The source folder: from the environment's, or from the root with a leading `/`")),
            required("target", host_folder("The folder on the host, owned whole")),
            optional("autoApprove", boolean("Whether changes of this service alone need no approval; false")),
            optional("template", boolean("Whether its files are templates, rendered with the values; false")),
            optional("dependsOn", set("What must be done before it", name("Another service of the environment"))),
        ],
    )
}
