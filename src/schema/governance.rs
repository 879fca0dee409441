//! The documents of `governance/`. A new field is one line here.

use serde_json::Value;

use super::shape::{
    Field, boolean, filled, glob, instant, list, map_of, name, named, number, object, optional, pattern, required, set,
    words,
};

/// The permissions, in the words of documents.
const PERMISSIONS: [&str; 11] = [
    "write",
    "promote",
    "approve",
    "deploy",
    "force",
    "rollback",
    "suspend",
    "open",
    "override",
    "invite",
    "administer",
];

pub(super) fn policy() -> Value {
    let defaults = [
        optional("requireApproval", boolean("Whether anybody must approve; true")),
        optional("rulesets", rulesets("Who must approve")),
    ];
    let minimum = [
        required("environments", environments("In these environments")),
        required("rulesets", filled(rulesets("These rulesets"))),
    ];
    let binding = [
        required("role", name("A built-in role, or one of `roles`")),
        optional("users", set("Who holds it", name("A person"))),
        optional("teams", set("Who holds it", name("A team"))),
        required("environments", environments("Where")),
    ];
    let roles = map_of("Roles beside the built-in ones: name to permissions", permissions());
    let spec = object(
        "",
        [
            optional("rulesets", rulesets("Who must approve changes of governance/ itself")),
            optional("defaults", object("For environments that do not say themselves", defaults)),
            optional("minimum", list("Asked for whatever the environment says", object("", minimum))),
            optional("roles", roles),
            optional("bindings", list("Who may do what, where", object("", binding))),
            optional("journalKeys", list("The daemons' keys", object("", [required("key", public_key())]))),
        ],
    );
    named("Policy", "Who may do what, and who must approve", "the file: `policy`", spec)
}

pub(super) fn person() -> Value {
    let key = [
        required("key", public_key()),
        optional("validUntil", instant("Statements made with it count until then: 2027-06-30T00:00:00Z")),
    ];
    let email = pattern("An address that stands in commits", "^[^@\\s]+@[^@\\s]+$");
    let fields =
        [optional("emails", list("Their addresses", email)), optional("keys", list("Their SSH keys", object("", key)))];
    named("Person", "Somebody who pushes or approves", "the file", object("", fields))
}

pub(super) fn team() -> Value {
    let members = optional("members", set("Who is in it", name("A person")));
    named("Team", "Several people", "the file", object("", [members]))
}

pub(super) fn ruleset() -> Value {
    let actions = ["update", "promotion", "rollback", "redeploy", "destroy", "drift"];
    let rule = [
        required("name", name("Unique in the ruleset")),
        required("approvers", object("Who can approve: any of these", approvers())),
        required("required", number("How many different people", 1, 1000)),
    ];
    let action = words("`update` stands for all but `open`", &actions);
    let evidence = words("A signed record, or a signed merge", &["record", "merge"]);
    let spec = object(
        "",
        [
            optional("enabled", boolean("`false` asks for nothing; true")),
            optional("actions", filled(set("What it applies to; [update]", action))),
            required("rules", filled(list("All must be met", object("", rule)))),
            optional("allowSelfApproval", boolean("Whether contributors may approve their own change; false")),
            optional(
                "reapproveOnChange",
                boolean("Whether a later plan of the same deployment needs new approvals; true"),
            ),
            optional(
                "requireSignedCommits",
                boolean("Whether every commit of a change must be signed by somebody with `write`; false"),
            ),
            optional("evidence", filled(set("What counts as an approval; both", evidence))),
        ],
    );
    named("Ruleset", "Who must approve, and how many", "the file", spec)
}

fn approvers() -> [Field; 5] {
    [
        optional("users", set("These people", name("A person"))),
        optional("teams", set("Members of these teams", name("A team"))),
        optional("roles", set("Holders of these roles in the environment", name("A role"))),
        optional("permissions", permissions()),
        optional("customer", boolean("The environment's customer; false")),
    ]
}

fn permissions() -> Value {
    set("Permissions", words("A permission", &PERMISSIONS))
}

fn rulesets(about: &str) -> Value {
    set(about, name("A ruleset"))
}

fn environments(about: &str) -> Value {
    filled(set(about, glob("An environment, or a pattern like `acme-*`; `governance` by its name only")))
}

fn public_key() -> Value {
    pattern("An SSH public key, as in `~/.ssh/id_ed25519.pub`", "^(ssh-|ecdsa-|sk-)[^\\n]+$")
}
