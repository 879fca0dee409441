//! What every document begins with: `apiVersion`, `kind`, and for most `metadata.name`.

use super::yaml::{Document, Field};

/// The version of all documents.
pub(crate) const API_VERSION: &str = "countersign/v1";

/// The `spec` of a document of this kind whose `metadata.name` must be `name`.
pub(crate) fn named_spec<'d>(document: &'d Document, kind: &str, name: &str, name_of: &str) -> Option<Field<'d>> {
    let root = document.root()?;
    let fields = root.fields(&["apiVersion", "kind", "metadata", "spec"])?;
    api_version_and_kind(&root, kind);
    if let Some(metadata) = fields.required("metadata").and_then(|metadata| metadata.fields(&["name"]))
        && let Some(field) = metadata.required("name")
    {
        field.formed(&format!("`{name}`, the name of {name_of}"), |text| (text == name).then_some(()));
    }
    fields.required("spec")
}

/// The `spec` of a document of this kind, which has no `metadata`.
pub(crate) fn nameless_spec<'d>(document: &'d Document, kind: &str) -> Option<Field<'d>> {
    let root = document.root()?;
    let fields = root.fields(&["apiVersion", "kind", "spec"])?;
    api_version_and_kind(&root, kind);
    fields.required("spec")
}

fn api_version_and_kind(root: &Field<'_>, kind: &str) {
    // A second look at the same mapping: what is unknown in it has been told.
    for (name, expected) in [("apiVersion", API_VERSION), ("kind", kind)] {
        match root.peek(name) {
            Some(field) => {
                field.word(&[(expected, ())]);
            }
            None => root.missing(name),
        }
    }
}
