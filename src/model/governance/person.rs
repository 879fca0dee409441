//! Reading `people/<name>.yaml`.

use super::read::Read;
use super::{Person, PersonKey, PublicKey};
use crate::evidence::key::parse_public_key;
use crate::model::PersonName;
use crate::model::email::email;
use crate::model::header::named_spec;
use crate::model::instant::instant;
use crate::model::yaml::{Document, Field, Limits, Place, all};

/// A person, with where each key and address stands.
pub(super) struct ReadPerson {
    pub(super) person: Person,
    pub(super) key_places: Vec<Place>,
    pub(super) email_places: Vec<Place>,
}

pub(super) fn read_person(file: &str, name: &PersonName, bytes: &[u8]) -> Read<ReadPerson> {
    let document = Document::read(file, bytes, Limits::DEFAULT);
    let spec = named_spec(&document, "Person", name.as_str(), "its file");
    let person = spec.and_then(|spec| {
        let fields = spec.fields(&["emails", "keys"])?;
        let emails = fields.or("emails", Vec::new(), |list| placed(list, email));
        let keys = fields.or("keys", Vec::new(), |list| placed(list, person_key));
        let (emails, email_places) = emails?.into_iter().unzip();
        let (keys, key_places) = keys?.into_iter().unzip();
        Some(ReadPerson { person: Person { name: name.clone(), emails, keys }, key_places, email_places })
    });
    Read { value: document.finish(person), references: Vec::new() }
}

fn person_key(field: &Field<'_>) -> Option<PersonKey> {
    let fields = field.fields(&["key", "validUntil"])?;
    let key = fields.required("key").and_then(|key| public_key(&key));
    let valid_until = fields.maybe("validUntil", instant);
    Some(PersonKey { key: key?, valid_until: valid_until? })
}

/// What `read` makes of each item, and where the item stands.
pub(super) fn placed<'d, T>(list: &Field<'d>, read: impl Fn(&Field<'d>) -> Option<T>) -> Option<Vec<(T, Place)>> {
    all(list.list()?.iter().map(|item| read(item).map(|value| (value, item.place()))).collect())
}

/// An SSH public key that may count.
pub(super) fn public_key(field: &Field<'_>) -> Option<PublicKey> {
    let text = field.line()?;
    // The error does not repeat the key: all of them look alike.
    parse_public_key(text).map_err(|error| field.complain(error.to_string())).ok()
}
