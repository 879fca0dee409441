//! The statements of an entry: exactly those that are new in what it read, judged as they must be.

use std::collections::BTreeMap;

use super::step::{At, Step};
use crate::digest::{PlanId, StatementId};
use crate::journal::{Admission, Event, Judged};
use crate::lifecycle::{Facts, admit, find_new, missing_records, put_back};
use crate::model::{ApprovalVerdict, EnvironmentName, Permission, PersonName, PublicKey};
use crate::object::ObjectError;

impl Step<'_, '_> {
    /// Runs before any event of the entry is folded: statements are the first thing an entry says.
    pub(super) fn statements(&mut self) -> Result<(), ObjectError> {
        let state = &self.place.state;
        let expected = if state.heads == self.entry.heads {
            Vec::new()
        } else {
            let found = find_new(self.graph, self.objects, state, state.heads, self.entry.heads)?;
            let put_back = &put_back(self.objects, state, self.entry.heads.config, &found)?;
            admit(&Facts { state, governance: &self.place.governance, now: self.entry.time, put_back }, &found)
        };
        let said: Vec<&Judged> = self.entry.events.iter().filter_map(judged).collect();
        let first = self.entry.events.iter().take_while(|event| judged(event).is_some()).count();
        if first < said.len() {
            let what = "a statement comes after another event: what was said is judged before anything else happens";
            self.violated(At::default(), "entry.json: events", what);
        }
        if said.iter().copied().eq(&expected) {
            return Ok(());
        }
        self.compare(&expected, &said);
        Ok(())
    }

    fn compare(&mut self, expected: &[Judged], said: &[&Judged]) {
        let by_digest: BTreeMap<StatementId, &Judged> = said.iter().map(|judged| (judged.digest, *judged)).collect();
        let mut all_there = expected.len() == said.len();
        for judged in expected {
            let at = At::environment(&judged.environment);
            match by_digest.get(&judged.digest) {
                Some(found) if *found == judged => {}
                Some(found) => {
                    all_there = false;
                    let fields = differing(judged, found);
                    let what = format!("{} was judged otherwise than it must be: {fields}", described(judged));
                    self.violated(at, "entry.json: events", what);
                }
                None => {
                    all_there = false;
                    self.violated(at, "entry.json: events", format!("{} was left out", described(judged)));
                }
            }
        }
        for judged in said.iter().filter(|judged| !expected.iter().any(|e| e.digest == judged.digest)) {
            all_there = false;
            let what = format!("{} is in no commit that this entry read", described(judged));
            self.violated(At::environment(&judged.environment), "entry.json: events", what);
        }
        if all_there {
            let what = "the statements are judged in another order than they must be";
            self.violated(At::default(), "entry.json: events", what);
        }
    }

    /// Remembers each person's last word on a plan.
    pub(super) fn hear(&mut self, judged: &Judged) {
        if let (Admission::Admitted, Some(plan), Some(by), Some(verdict)) =
            (&judged.admitted, judged.plan, &judged.by, judged.verdict)
        {
            let said = self.place.last_words.entry(plan).or_default();
            said.insert(by.clone(), (verdict, judged.key.clone()));
        }
    }

    /// Who rejected a plan, did not take that back, and may still say so.
    pub(super) fn rejected_by(&self, name: &EnvironmentName, plan: PlanId) -> Vec<PersonName> {
        let governance = &self.place.governance;
        let stands = |(person, (verdict, key)): (&PersonName, &(ApprovalVerdict, Option<PublicKey>))| {
            let holds = key.as_ref().and_then(|key| governance.person_with_key(key));
            *verdict == ApprovalVerdict::Reject
                && holds.is_some_and(|(holder, _)| holder.name == *person)
                && governance.may(person, Permission::Approve, name)
        };
        let said = self.place.last_words.get(&plan).into_iter().flatten();
        said.filter(|word| stands(*word)).map(|(person, _)| person.clone()).collect()
    }

    /// The alarms about deleted or edited records; called once the statements are folded.
    pub(super) fn missing_alarms(&mut self) -> Result<(), ObjectError> {
        let (old, new) = (self.read_before.config, self.entry.heads.config);
        if old == new {
            return Ok(());
        }
        let expected = missing_records(self.objects, &self.place.state, old, new)?;
        let told: Vec<(EnvironmentName, String)> = self
            .entry
            .events
            .iter()
            .filter_map(|event| match event {
                Event::Alarm { environment: Some(environment), message } => {
                    Some((environment.clone(), message.clone()))
                }
                _ => None,
            })
            .filter(|alarm| expected.contains(alarm))
            .collect();
        if let Some((name, message)) = expected.iter().find(|alarm| !told.contains(alarm)) {
            let what = format!("an alarm was left out: {message}");
            self.violated(At::environment(name), "entry.json: events", what);
        } else if told != expected {
            let what = "the alarms about records are not told in order, each once";
            self.violated(At::default(), "entry.json: events", what);
        }
        self.proven_alarms = expected;
        Ok(())
    }
}

fn judged(event: &Event) -> Option<&Judged> {
    match event {
        Event::Statement(judged) => Some(judged),
        _ => None,
    }
}

/// `the rejection of bob (statement 3f2a9c1d04be in commit 4be01aa)`.
fn described(judged: &Judged) -> String {
    let what = match (judged.verdict, &judged.request) {
        (Some(verdict), _) => format!("the verdict `{}`", verdict.name()),
        (None, Some(action)) => format!("the request to {}", action.name()),
        (None, None) => "a statement".to_owned(),
    };
    let by = judged.by.as_ref().map_or_else(String::new, |by| format!(" of {by}"));
    format!("{what}{by} (statement {} in commit {})", judged.digest.short(), judged.commit.short())
}

/// The fields in which two judgements differ, with both values.
fn differing(expected: &Judged, found: &Judged) -> String {
    let fields = |judged: &Judged| match serde_json::to_value(judged) {
        Ok(serde_json::Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (expected, found) = (fields(expected), fields(found));
    let differ = expected.iter().filter(|(name, value)| found.get(*name) != Some(value));
    let told = differ.map(|(name, value)| {
        format!("`{name}` is {} where it must be {value}", found.get(name).unwrap_or(&serde_json::Value::Null))
    });
    told.collect::<Vec<_>>().join("; ")
}
