//! `environments/<name>/environment.yaml`. A new field is one line here.

use serde_json::Value;

use super::shape::{boolean, host_folder, list, name, named, object, optional, pattern, required, set, text, words};

pub(super) fn environment() -> Value {
    let spec = object(
        "",
        [
            optional("requireApproval", boolean("Whether anybody must approve; the policy's default if left out")),
            optional("rulesets", set("Who must approve; the policy's defaults if left out", name("A ruleset"))),
            optional("customerEmail", pattern("The customer's address", "^[^@\\s]+@[^@\\s]+$")),
            optional("deploy", deploy()),
            required("services", list("What is deployed, in this order", service())),
        ],
    );
    named("Environment", "What is to be deployed somewhere, and who must approve it", "the environment's folder", spec)
}

fn deploy() -> Value {
    object("When it is deployed", [optional("mode", words("By itself once approved, or when asked", &["auto"]))])
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
            optional("template", super::shape::only("Whether its files are templates; not built yet", false)),
        ],
    )
}
