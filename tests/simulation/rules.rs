//! Who must approve what, and who may do what, in the model's own words: nothing here calls the policy that is under test.

use std::collections::BTreeSet;

use super::charter::{Charter, GOVERNANCE};
use super::content::{Content, Gates};

/// Something that is asked for.
#[derive(Debug, Clone)]
pub struct Rule {
    pub candidates: Vec<&'static str>,
    pub required: usize,
    pub self_approval: bool,
    pub records_only: bool,
}

/// Whether a person may approve and reject in an environment.
pub fn may_approve(charter: &Charter, person: &str, environment: &str) -> bool {
    let erin = person == "erin" && charter.gone != Some("erin");
    match environment {
        GOVERNANCE => charter.team().contains(&person),
        _ => charter.team().contains(&person) || (erin && (charter.erin_everywhere || environment == "beta")),
    }
}

/// Whether a person may deploy, close, reopen, suspend and resume.
pub fn may_deploy(charter: &Charter, person: &str) -> bool {
    charter.gone.is_none_or(|gone| gone != person) && (person == "alice" || (person == "dave" && charter.dave))
}

/// Whether a person may deploy in a closed window.
pub fn may_override(charter: &Charter, person: &str) -> bool {
    person == "alice" && charter.gone != Some("alice")
}

/// Whether a policy may come into force at all: it can be read, and its rules can be met.
pub fn is_sound(charter: &Charter) -> bool {
    !charter.broken && charter.daemons.contains(&true) && charter.team().len() >= charter.two.max(1)
}

/// Everything that is asked for when an environment goes from one content to another: what it leaves (a new one leaves
/// the policy's defaults), what it enters, and the minimum.
pub fn asked(charter: &Charter, environment: &str, leaves: Content, enters: Content) -> Vec<Rule> {
    let left = leaves.gates().unwrap_or(Gates::Default);
    let mut rules: Vec<Rule> =
        [Some(left), enters.gates()].into_iter().flatten().filter_map(|g| of(charter, g, environment)).collect();
    if environment == "acme-prod" && charter.floor {
        rules.push(platform(charter, 1));
    }
    if enters == Content::Absent && rules.is_empty() {
        rules.push(single(charter, environment));
    }
    rules
}

/// What a change of the policy asks for, by the policy that it changes.
pub fn asked_of_policy(charter: &Charter) -> Vec<Rule> {
    vec![Rule { records_only: true, ..platform(charter, charter.two) }]
}

fn of(charter: &Charter, gates: Gates, environment: &str) -> Option<Rule> {
    Some(match gates {
        Gates::Default => platform(charter, charter.two),
        Gates::Recorded => Rule { records_only: true, ..platform(charter, 1) },
        Gates::Own => Rule { self_approval: true, ..platform(charter, 1) },
        Gates::Idle => single(charter, environment),
        Gates::Off => return None,
    })
}

fn platform(charter: &Charter, required: usize) -> Rule {
    Rule { candidates: charter.team(), required, self_approval: false, records_only: false }
}

fn single(charter: &Charter, environment: &str) -> Rule {
    let able = |person: &&str| may_approve(charter, person, environment);
    let candidates = super::people::PEOPLE.into_iter().filter(able).collect();
    Rule { candidates, required: 1, self_approval: false, records_only: false }
}

impl Rule {
    /// Whether these approvals (who, and whether by record) are enough, given who contributed.
    pub fn is_met(&self, approvals: &BTreeSet<(&'static str, bool)>, contributors: &BTreeSet<&'static str>) -> bool {
        let counts = |person: &&&str| {
            (self.self_approval || !contributors.contains(**person))
                && approvals.iter().any(|(who, record)| who == *person && (*record || !self.records_only))
        };
        self.candidates.iter().filter(counts).count() >= self.required
    }
}
