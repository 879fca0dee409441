//! Who must approve what, in the model's own words: nothing here calls the policy that is under test.

use std::collections::BTreeSet;

use super::content::{Content, Gates};

const PLATFORM: [&str; 3] = ["alice", "bob", "carol"];

/// Something that is asked for.
#[derive(Debug, Clone)]
pub struct Rule {
    pub candidates: Vec<&'static str>,
    pub required: usize,
    pub self_approval: bool,
    pub records_only: bool,
}

/// Whether a person may approve and reject in an environment.
pub fn may_approve(person: &str, environment: &str) -> bool {
    PLATFORM.contains(&person) || (person == "erin" && environment == "beta")
}

/// Everything that is asked for when an environment goes from one content to another: what it leaves (a new one leaves
/// the policy's defaults), what it enters, and the minimum.
pub fn asked(environment: &str, leaves: Content, enters: Content) -> Vec<Rule> {
    let left = leaves.gates().unwrap_or(Gates::Default);
    let mut rules: Vec<Rule> =
        [Some(left), enters.gates()].into_iter().flatten().filter_map(|g| of(g, environment)).collect();
    if environment == "acme-prod" {
        rules.push(platform(1));
    }
    if enters == Content::Absent && rules.is_empty() {
        rules.push(single(environment));
    }
    rules
}

fn of(gates: Gates, environment: &str) -> Option<Rule> {
    Some(match gates {
        Gates::Default => platform(2),
        Gates::Recorded => Rule { records_only: true, ..platform(1) },
        Gates::Own => Rule { self_approval: true, ..platform(1) },
        Gates::Idle => single(environment),
        Gates::Off => return None,
    })
}

fn platform(required: usize) -> Rule {
    Rule { candidates: PLATFORM.to_vec(), required, self_approval: false, records_only: false }
}

fn single(environment: &str) -> Rule {
    let mut candidates = PLATFORM.to_vec();
    if may_approve("erin", environment) {
        candidates.push("erin");
    }
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
