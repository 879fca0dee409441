//! People who ask for something: that a plan be deployed, that an environment be let alone or no longer, that a change be
//! dropped or looked at again. By those who may and by those who may not, in time and too late.

use std::collections::{BTreeMap, BTreeSet};

use countersign::digest::{PlanId, StatementId};
use countersign::model::{Maker, Request, RequestAction};
use countersign::object::Edit;
use jiff::Timestamp;

use super::chapter::Published;
use super::charter::{GOVERNANCE, PLATFORM};
use super::content::ENVIRONMENTS;
use super::dice::Dice;
use super::ledger::{Branch, Deed};
use super::people::{PEOPLE, key};
use super::starter;
use super::world::{Work, World, put};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    Deploy { plan: PlanId, occurrence: u64, at: Option<i64>, overrides: bool },
    Suspend,
    Resume { number: Option<u64> },
    Close { plan: PlanId, occurrence: u64 },
    Reopen { plan: PlanId, occurrence: u64 },
    Redeploy { number: u64 },
}

/// A request with good evidence.
#[derive(Debug, Clone)]
pub struct Asked {
    pub person: &'static str,
    pub environment: &'static str,
    pub wish: Wish,
    /// The key that signed it.
    pub key: &'static str,
    /// Whether it is a record, and not a merge of a ready-made one.
    pub by_record: bool,
    pub digest: StatementId,
    pub path: String,
}

impl Asked {
    /// The plan that the request names.
    pub fn plan(&self) -> Option<PlanId> {
        match self.wish {
            Wish::Deploy { plan, .. } | Wish::Close { plan, .. } | Wish::Reopen { plan, .. } => Some(plan),
            Wish::Suspend | Wish::Resume { .. } | Wish::Redeploy { .. } => None,
        }
    }
}

/// Somebody looks at an environment and asks for something there.
pub fn ask(dice: &mut Dice, world: &mut World) {
    let law = world.book.environments[GOVERNANCE].current().is_some() && dice.percent(30);
    let environment = if law { GOVERNANCE } else { *dice.pick(&ENVIRONMENTS) };
    ask_in(dice, world, environment);
}

/// Somebody asks for something in this environment.
pub fn ask_in(dice: &mut Dice, world: &mut World, environment: &'static str) {
    let law = environment == GOVERNANCE;
    let able = if law { &PLATFORM[..] } else { &["alice", "dave"] };
    let person = if dice.percent(85) { *dice.pick(able) } else { *dice.pick(&PEOPLE) };
    let book = &world.book.environments[environment];
    let published = match book.drafts.current().filter(|_| dice.percent(8)).or(book.current()) {
        Some(current) if dice.percent(90) => current.clone(),
        _ if book.published.is_empty() => return,
        _ => dice.pick(&book.published).clone(),
    };
    let number = book.applied.map(|(number, _)| number);
    let Published { plan, occurrence, .. } = published;
    // Only where nothing waits can it count.
    if let Some(number) = number
        && !law
        && dice.percent(if book.current().is_none() { 40 } else { 3 })
    {
        let number = if dice.percent(90) { number } else { 1 + number };
        record(world, person, environment, Wish::Redeploy { number }, Branch::Config, false);
        return;
    }
    let suspended =
        world.ledger.ever_asked().any(|asked| asked.environment == environment && asked.wish == Wish::Suspend);
    let wish = match dice.below(20) {
        // There is nothing to start.
        0..11 if law && dice.percent(70) => *dice.pick(&[Wish::Suspend, Wish::Close { plan, occurrence }]),
        0..11 if dice.percent(40) && starter::merge(dice, world, environment, &published) => return,
        0..11 => {
            let now = world.now().as_second();
            let at = dice.percent(25).then(|| now + i64::try_from(dice.below(4000)).unwrap());
            Wish::Deploy { plan, occurrence, at, overrides: dice.percent(25) }
        }
        11..13 => Wish::Suspend,
        13..17 if suspended => Wish::Resume { number },
        17 | 18 => Wish::Close { plan, occurrence },
        _ => Wish::Reopen { plan, occurrence },
    };
    let branch = if dice.percent(85) { Branch::Config } else { Branch::Records };
    let back = dice.percent(85);
    record(world, person, environment, wish, branch, back);
}

/// Commits a signed request. A close puts the folder back in the same commit, if `back`.
pub fn record(
    world: &mut World,
    person: &'static str,
    environment: &'static str,
    wish: Wish,
    branch: Branch,
    back: bool,
) {
    let previous = world.book.spoken.get(&(environment.to_owned(), person.to_owned())).copied();
    let signer = world.book.charter().key_of(person).unwrap_or(person);
    let action = match wish {
        Wish::Deploy { plan, at, overrides, .. } => RequestAction::Deploy {
            plan,
            at: at.map(|at| Timestamp::from_second(at).unwrap()),
            override_window: overrides.then_some(true),
        },
        Wish::Suspend => {
            RequestAction::Suspend { number: world.book.environments[environment].applied.map(|(number, _)| number) }
        }
        Wish::Resume { number } => RequestAction::Resume { number },
        Wish::Close { plan, .. } => RequestAction::Close { plan },
        Wish::Reopen { plan, .. } => RequestAction::Reopen { plan },
        Wish::Redeploy { number } => RequestAction::Redeploy { number },
    };
    let mut request = Request {
        repository: world.book.repository.unwrap(),
        environment: environment.parse().unwrap(),
        action,
        reason: "it is time".to_owned(),
        maker: Maker::Signed { by: person.parse().unwrap(), previous, signature: String::new() },
    };
    let made = key(signer).sign("statement-v1@countersign", &request.signed_bytes()).unwrap();
    if let Maker::Signed { signature, .. } = &mut request.maker {
        *signature = made;
    }
    let statement = countersign::model::Statement::Request(request);
    let digest = statement.digest();
    if world.ledger.ever_asked().any(|asked| asked.digest == digest) {
        return;
    }
    let count = world.ledger.ever_asked().count();
    let path = format!("requests/{environment}/{person}-{count}.yaml");
    let mut edits = BTreeMap::from([(path.clone(), put(&world.objects(), &statement.to_yaml()))]);
    let mut deed = Deed { branch, ..world.deed(Vec::new()) };
    if matches!(wish, Wish::Close { .. }) && back && branch == Branch::Config {
        let found = put_back(world, environment, &mut deed);
        if !found.is_empty() {
            deed.touched = BTreeSet::from([environment]);
            edits.extend(found);
        }
    }
    deed.asked.push(Asked { person, environment, wish, key: signer, by_record: true, digest, path });
    world.note(format!("{person} asks for {wish:?} of {environment} on {branch:?}"));
    let message = "A request".to_owned();
    // What puts a folder back is a change, too.
    let signature = (!deed.touched.is_empty()).then_some(signer);
    world.commit(Work { author: person, signer: signature, merges: Vec::new(), edits, message }, deed);
}

/// Makes what is desired what is in force again; nothing where it is.
fn put_back(world: &World, environment: &'static str, deed: &mut Deed) -> BTreeMap<String, Edit> {
    let objects = world.objects();
    if environment == GOVERNANCE {
        let in_force = world.book.charter();
        let is_back = std::mem::replace(&mut deed.charter, in_force) == in_force;
        return if is_back { BTreeMap::new() } else { in_force.edits(&objects) };
    }
    let in_force = world.book.environments[environment].in_force(&world.ledger, environment);
    let is_back = deed.contents.insert(environment, in_force) == Some(in_force);
    if is_back { BTreeMap::new() } else { in_force.edits(environment, &objects) }
}
