//! Reading all of `governance/`: each document, then what they say of each other.

use std::collections::{BTreeMap, BTreeSet};

use super::person::{ReadPerson, read_person};
use super::policy::{ReadPolicy, read_policy};
use super::references::{Known, Reference};
use super::ruleset::read_ruleset;
use super::team::read_team;
use super::{Governance, PublicKey};
use crate::memo::Memo;
use crate::model::yaml::{Place, show};
use crate::model::{PersonName, Problem, Problems, RulesetName, TeamName};

/// What a file of `governance/` is.
enum Role<'a> {
    Policy,
    Person(&'a str),
    Team(&'a str),
    Ruleset(&'a str),
    /// Looks like a document, and is where none is read.
    Stray,
    /// Something for people.
    Other,
}

/// What one document gives: itself, and the names it refers to, which are told even where it has other problems.
pub(super) struct Read<T> {
    pub(super) value: Result<T, Problems>,
    pub(super) references: Vec<Reference>,
}

impl Governance {
    /// Reads the policy from the files of `governance/`: paths from the root folder (`governance/people/alice.yaml`)
    /// and bytes.
    ///
    /// A team may be empty and a rule may be one that nobody can meet: whether a rule can be met is judged for each
    /// environment. Files that are no YAML are left to people.
    ///
    /// # Errors
    /// Everything that is wrong with any of them, in the order of the paths.
    pub fn read(files: &BTreeMap<String, Vec<u8>>) -> Result<Self, Problems> {
        let parts: Vec<&[u8]> = files.iter().flat_map(|(path, bytes)| [path.as_bytes(), bytes]).collect();
        KNOWN.of(&parts, || Self::read_now(files))
    }

    fn read_now(files: &BTreeMap<String, Vec<u8>>) -> Result<Self, Problems> {
        let mut reading = Reading::default();
        for (path, bytes) in files {
            reading.file(path, bytes);
        }
        if !files.contains_key(POLICY) {
            reading.problems.push(Problem::of_file(POLICY, "missing; a policy begins with this file"));
        }
        reading.finish()
    }
}

const POLICY: &str = "governance/policy.yaml";

/// Policies that were read: few are in force, or proposed, in the life of a process.
static KNOWN: Memo<Governance> = Memo::new(50);

fn role(path: &str) -> Role<'_> {
    if path == POLICY {
        return Role::Policy;
    }
    for (folder, role) in [
        ("governance/people/", Role::Person as fn(_) -> _),
        ("governance/teams/", Role::Team),
        ("governance/rulesets/", Role::Ruleset),
    ] {
        if let Some(stem) = path.strip_prefix(folder).and_then(|name| name.strip_suffix(".yaml"))
            && !stem.contains('/')
        {
            return role(stem);
        }
    }
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension).to_lowercase();
    if matches!(extension.as_str(), "yaml" | "yml") { Role::Stray } else { Role::Other }
}

#[derive(Default)]
struct Reading {
    policy: Option<ReadPolicy>,
    people: BTreeMap<PersonName, ReadPerson>,
    teams: BTreeMap<TeamName, super::Team>,
    rulesets: BTreeMap<RulesetName, super::Ruleset>,
    known: Known,
    references: Vec<Reference>,
    problems: Vec<Problem>,
}

impl Reading {
    fn file(&mut self, path: &str, bytes: &[u8]) {
        match role(path) {
            Role::Policy => {
                let read = read_policy(path, bytes);
                self.known.roles_are_known = read.value.is_ok();
                self.policy = self.keep(read);
                if let Some(policy) = &self.policy {
                    self.known.roles.extend(policy.policy.roles.keys().cloned());
                }
            }
            Role::Person(stem) => {
                if let Some(name) = self.name::<PersonName>(path, stem) {
                    self.known.people.insert(name.clone());
                    let read = read_person(path, &name, bytes);
                    if let Some(person) = self.keep(read) {
                        self.people.insert(name, person);
                    }
                }
            }
            Role::Team(stem) => {
                if let Some(name) = self.name::<TeamName>(path, stem) {
                    self.known.teams.insert(name.clone());
                    let read = read_team(path, &name, bytes);
                    if let Some(team) = self.keep(read) {
                        self.teams.insert(name, team);
                    }
                }
            }
            Role::Ruleset(stem) => {
                if let Some(name) = self.name::<RulesetName>(path, stem) {
                    self.known.rulesets.insert(name.clone());
                    let read = read_ruleset(path, &name, bytes);
                    if let Some(ruleset) = self.keep(read) {
                        self.rulesets.insert(name, ruleset);
                    }
                }
            }
            Role::Stray => self.problems.push(Problem::of_file(
                path,
                "a YAML file where none is read; expected `policy.yaml`, `people/<name>.yaml`, `teams/<name>.yaml` or \
                 `rulesets/<name>.yaml`",
            )),
            Role::Other => {}
        }
    }

    fn name<T: std::str::FromStr<Err: std::fmt::Display>>(&mut self, path: &str, stem: &str) -> Option<T> {
        stem.parse()
            .map_err(|error| {
                let message = format!("the file's name is the document's name: {error}, found {}", show(stem));
                self.problems.push(Problem::of_file(path, message));
            })
            .ok()
    }

    fn keep<T>(&mut self, read: Read<T>) -> Option<T> {
        self.references.extend(read.references);
        read.value.map_err(|problems| self.problems.extend(problems.0)).ok()
    }

    fn finish(mut self) -> Result<Governance, Problems> {
        self.problems.extend(self.references.iter().filter_map(|reference| self.known.complaint(reference)));
        self.one_owner_each();
        self.problems.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
        match self.policy {
            Some(ReadPolicy { policy, .. }) if self.problems.is_empty() => Ok(Governance {
                policy,
                people: self.people.into_iter().map(|(name, read)| (name, read.person)).collect(),
                teams: self.teams,
                rulesets: self.rulesets,
            }),
            _ => Err(Problems(self.problems)),
        }
    }

    /// A key or an address speaks for exactly one person, and the daemon's keys speak for nobody.
    fn one_owner_each(&mut self) {
        let mut keys: BTreeMap<&PublicKey, String> = BTreeMap::new();
        let mut emails: BTreeMap<&str, &PersonName> = BTreeMap::new();
        let mut complain = |place: &Place, message: String| self.problems.push(place.problem(message));
        for read in self.policy.iter() {
            for (key, place) in read.policy.journal_keys.iter().zip(&read.journal_key_places) {
                if keys.insert(key, "a journal key, which can approve nothing".to_owned()).is_some() {
                    complain(place, "listed twice; remove one".to_owned());
                }
            }
        }
        for (name, read) in &self.people {
            let mut mine = BTreeSet::new();
            for (key, place) in read.person.keys.iter().zip(&read.key_places) {
                if !mine.insert(&key.key) {
                    complain(place, "listed twice; remove one".to_owned());
                } else if let Some(owner) = keys.get(&key.key) {
                    complain(place, format!("this key is {owner}; every key belongs to one person"));
                } else {
                    keys.insert(&key.key, format!("also a key of `{name}`"));
                }
            }
            for (email, place) in read.person.emails.iter().zip(&read.email_places) {
                match emails.insert(email, name) {
                    Some(owner) if owner != name => {
                        complain(place, format!("also an address of `{owner}`; every address belongs to one person"));
                    }
                    Some(_) => complain(place, "listed twice; remove one".to_owned()),
                    None => {}
                }
            }
        }
    }
}
