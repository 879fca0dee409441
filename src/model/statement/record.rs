//! A statement as a record: the bytes that are signed, and the file. Both are made from one list of fields, so that
//! nothing can be in the one and not in the other.

use serde_json::{Map, Value, json};

use super::{Approval, Maker, Request, signed_bytes_digest};
use crate::digest::{StatementId, canonical_json};
use crate::model::header::API_VERSION;
use crate::model::yaml::write_mapping;

/// The fields of `spec`, in the order of the file.
pub(super) type SpecFields = Vec<(&'static str, Value)>;

impl Approval {
    /// The bytes that are signed: the canonical JSON (RFC 8785) of `{apiVersion, kind, spec}` without
    /// `spec.signature`, in UTF-8, without a final newline. Of a ready-made record, which nobody signs by itself, all
    /// of it.
    pub fn signed_bytes(&self) -> Vec<u8> {
        signed("Approval", self.spec())
    }

    /// The digest of the signed bytes.
    pub fn digest(&self) -> StatementId {
        signed_bytes_digest(&self.signed_bytes())
    }

    /// The file: reading it gives an equal value.
    pub fn to_yaml(&self) -> String {
        file("Approval", &self.spec())
    }

    fn spec(&self) -> SpecFields {
        let mut fields: SpecFields = vec![
            ("repository", json!(self.repository)),
            ("environment", json!(self.environment)),
            ("plan", json!(self.plan)),
            ("verdict", json!(self.verdict.name())),
            ("deploy", json!(self.deploy)),
            ("reason", json!(self.reason)),
            ("acknowledge", json!(self.acknowledge)),
        ];
        maker(&mut fields, &self.maker);
        fields
    }
}

impl Request {
    /// The bytes that are signed: see [`Approval::signed_bytes`].
    pub fn signed_bytes(&self) -> Vec<u8> {
        signed("Request", self.spec())
    }

    /// The digest of the signed bytes.
    pub fn digest(&self) -> StatementId {
        signed_bytes_digest(&self.signed_bytes())
    }

    /// The file: reading it gives an equal value.
    pub fn to_yaml(&self) -> String {
        file("Request", &self.spec())
    }

    fn spec(&self) -> SpecFields {
        let mut fields: SpecFields = vec![
            ("repository", json!(self.repository)),
            ("environment", json!(self.environment)),
            ("action", json!(self.action.name())),
        ];
        fields.extend(self.action.parameters());
        fields.push(("reason", json!(self.reason)));
        maker(&mut fields, &self.maker);
        fields
    }
}

fn maker(fields: &mut SpecFields, maker: &Maker) {
    match maker {
        Maker::Signed { by, previous, signature } => {
            fields.extend([("by", json!(by)), ("previous", json!(previous)), ("signature", json!(signature))]);
        }
        Maker::ReadyMade { n } => fields.push(("n", json!(n))),
    }
}

fn signed(kind: &str, spec: SpecFields) -> Vec<u8> {
    let spec: Map<String, Value> = spec
        .into_iter()
        .filter(|(name, _)| *name != "signature")
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    canonical_json(&json!({ "apiVersion": API_VERSION, "kind": kind, "spec": spec }))
}

fn file(kind: &str, spec: &SpecFields) -> String {
    let mut out = format!("apiVersion: {API_VERSION}\nkind: {kind}\nspec:\n");
    write_mapping(&mut out, 2, spec);
    out
}
