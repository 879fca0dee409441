//! Who must approve what, and who may do what, in the model's own words: nothing here calls the policy that is under test.

use std::collections::BTreeSet;

use super::charter::{Charter, GOVERNANCE};
use super::content::{Content, Gates};
use super::request::Wish;

/// Whose approval is there, and whether it is a record.
pub type Approvals = BTreeSet<(&'static str, bool)>;

/// Something that is asked for.
#[derive(Debug, Clone)]
pub struct Rule {
    pub candidates: Vec<&'static str>,
    pub required: usize,
    pub self_approval: bool,
    pub records_only: bool,
    /// Whether whoever made a commit of the change must have signed it.
    pub signed: bool,
    /// Whether approvals of earlier plans of the same change count.
    pub carries: bool,
}

/// Whether a person may approve and reject in an environment.
pub fn may_approve(charter: &Charter, person: &str, environment: &str) -> bool {
    let erin = person == "erin" && charter.gone != Some("erin");
    match environment {
        GOVERNANCE => charter.team().contains(&person),
        _ => charter.team().contains(&person) || (erin && (charter.erin_everywhere || environment == "beta")),
    }
}

/// Whether a person may deploy, close and reopen in an environment; of the policy whoever is in the team, which owns it.
pub fn may_deploy(charter: &Charter, person: &str, environment: &str) -> bool {
    let bob = person == "bob" && charter.bob_deploys && charter.gone != Some("bob") && environment != GOVERNANCE;
    bob || may_suspend(charter, person, environment)
}

/// Whether a person may suspend and resume there.
pub fn may_suspend(charter: &Charter, person: &str, environment: &str) -> bool {
    match environment {
        GOVERNANCE => charter.team().contains(&person),
        _ => {
            charter.gone.is_none_or(|gone| gone != person) && (person == "alice" || (person == "dave" && charter.dave))
        }
    }
}

/// Whether a person's commits are let into an environment where they have to be signed.
pub fn may_write(charter: &Charter, person: &str, environment: &str) -> bool {
    match environment {
        GOVERNANCE => charter.team().contains(&person),
        _ => {
            charter.gone.is_none_or(|gone| gone != person) && (person == "alice" || (person == "dave" && charter.dave))
        }
    }
}

/// Whether a person may ask for something there.
pub fn may_ask(charter: &Charter, person: &str, environment: &str, wish: &Wish) -> bool {
    match wish {
        Wish::Deploy { overrides, .. } => {
            may_deploy(charter, person, environment) && (!overrides || may_override(charter, person))
        }
        Wish::Close { .. } | Wish::Reopen { .. } => may_deploy(charter, person, environment),
        Wish::Suspend | Wish::Resume { .. } => may_suspend(charter, person, environment),
        Wish::Redeploy { .. } => may_force(charter, person),
    }
}

/// Whether a person may have what is applied deployed again.
pub fn may_force(charter: &Charter, person: &str) -> bool {
    person == "dave" && charter.dave && charter.gone != Some("dave")
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
        Gates::Carried => Rule { carries: charter.carries, ..platform(charter, charter.carried()) },
        Gates::Signed => Rule { signed: charter.signed, ..platform(charter, 1) },
        Gates::Idle => single(charter, environment),
        Gates::Off => return None,
    })
}

/// A rule that nothing meets.
const NOBODY: Rule = Rule {
    candidates: Vec::new(),
    required: usize::MAX,
    self_approval: false,
    records_only: false,
    signed: false,
    carries: false,
};

fn platform(charter: &Charter, required: usize) -> Rule {
    Rule { candidates: charter.team(), required, ..NOBODY }
}

fn single(charter: &Charter, environment: &str) -> Rule {
    let able = |person: &&str| may_approve(charter, person, environment);
    let candidates = super::people::PEOPLE.into_iter().filter(able).collect();
    Rule { candidates, required: 1, ..NOBODY }
}

impl Rule {
    /// Whether these approvals (who, and whether by record) are enough, given who contributed and what is carried over.
    pub fn is_met(&self, approvals: &Approvals, carried: &Approvals, contributors: &BTreeSet<&'static str>) -> bool {
        let counted = |person: &str| {
            let carried = carried.iter().filter(|_| self.carries);
            let mut all = approvals.iter().chain(carried);
            all.any(|(who, record)| *who == person && (*record || !self.records_only))
        };
        let counts = |person: &&&str| (self.self_approval || !contributors.contains(**person)) && counted(person);
        self.candidates.iter().filter(counts).count() >= self.required
    }
}
