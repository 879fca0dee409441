//! The operator's settings. A new field is one line here.

use serde_json::Value;

use super::shape::{
    boolean, digest, duration, filled, glob, host_folder, list, name, nameless, number, object, optional, pattern,
    required, text, words,
};

pub(super) fn settings() -> Value {
    let spec = object(
        "",
        [
            required("repositories", filled(one(list("One config repository", repository())))),
            required("signingKeyFile", text("The private key that signs the journal")),
            optional("state", text("The folder of what is remembered; /var/lib/countersign")),
            optional("poll", poll()),
            optional("concurrency", concurrency()),
            optional("limits", limits()),
        ],
    );
    nameless("Settings", "The daemon's settings; paths are relative to the file", spec)
}

/// More than one repository is not built yet.
fn one(mut list: Value) -> Value {
    list["maxItems"] = 1.into();
    list
}

fn repository() -> Value {
    object(
        "",
        [
            required("name", name("What it is called here")),
            required(
                "url",
                pattern(
                    "Where it is: ssh, https or a local path",
                    "^(ssh://[^-]|https://|file:///|/|[^-/:@\\s][^/:@\\s]*@[^/:@\\s]+:)",
                ),
            ),
            optional("branch", branch("What is desired; main")),
            optional("root", pattern("The folder that holds governance/ and environments/; /", "^/")),
            optional("journal", journal()),
            required("trust", trust()),
            optional("credentials", credentials()),
            optional("allow", list("What services may touch; nothing that is not listed", grant())),
        ],
    )
}

fn journal() -> Value {
    object(
        "",
        [
            optional("branch", branch("Its branch; countersign/journal")),
            optional("layout", words("How a new one is laid out; flat", &["flat", "sharded"])),
        ],
    )
}

fn trust() -> Value {
    object(
        "What trust starts from",
        [
            required("policy", digest("What `countersign trust` prints for the first policy")),
            optional("journal", digest("The journal's first entry")),
            optional("requireTips", boolean("Refuse where no last-seen tips are kept and `journal` is not set; false")),
        ],
    )
}

fn credentials() -> Value {
    object(
        "For ssh",
        [
            optional("sshKeyFile", text("The private key")),
            optional("knownHostsFile", text("The host keys that are accepted")),
        ],
    )
}

fn grant() -> Value {
    let environment = glob("An environment, or a pattern like `acme-*`");
    object(
        "",
        [
            required("environments", filled(list("To these environments", environment))),
            required("services", filled(list("For services of these types", words("A type", &["files"])))),
            required("targets", filled(list("Below these folders", host_folder("A folder of this host")))),
        ],
    )
}

fn poll() -> Value {
    object(
        "How often the remote is looked at",
        [
            optional("interval", duration("30s")),
            optional("jitter", pattern("How far an interval may be off at random; 10%", "^[0-9]{1,3}%$")),
        ],
    )
}

fn concurrency() -> Value {
    object(
        "How many environments are worked on at once",
        [optional("plan", number("4", 1, 1024)), optional("apply", number("2", 1, 1024))],
    )
}

fn limits() -> Value {
    object(
        "What is refused because it is too large",
        [
            optional("yaml", size("Bytes of one document; 1MiB, and at most that")),
            optional("preview", size("Bytes of a preview that are shown; 256KiB")),
            optional("environments", number("20000", 1, 1_000_000)),
            optional("readyMadeBranches", number("Waiting plans above which none are made; 200", 0, 100_000)),
        ],
    )
}

fn size(about: &str) -> Value {
    pattern(about, "^[1-9][0-9]*(KiB|MiB)$")
}

fn branch(about: &str) -> Value {
    pattern(about, "^[A-Za-z0-9_][-A-Za-z0-9._/]*$")
}
