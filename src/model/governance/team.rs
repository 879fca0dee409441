//! Reading `teams/<name>.yaml`.

use super::Team;
use super::read::Read;
use super::references::References;
use crate::model::TeamName;
use crate::model::header::named_spec;
use crate::model::yaml::{Document, Limits};

pub(super) fn read_team(file: &str, name: &TeamName, bytes: &[u8]) -> Read<Team> {
    let document = Document::read(file, bytes, Limits::DEFAULT);
    let references = References::default();
    let spec = named_spec(&document, "Team", name.as_str(), "its file");
    let team = spec.and_then(|spec| {
        let fields = spec.fields(&["members"])?;
        let members = fields.or("members", Vec::new(), |list| list.set_of(|item| references.person(item)))?;
        Some(Team { name: name.clone(), members: members.into_iter().collect() })
    });
    Read { value: document.finish(team), references: references.into_inner() }
}
