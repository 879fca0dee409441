//! What a status says of who could move a plan is true: in a quiet world, whoever it names can, whoever it excludes
//! cannot, and where it names nobody, nobody can.
//!
//! Each claim is tried in a world of its own: the same seed gives the same world again.

use countersign::journal::{Journal, Status};
use countersign::lifecycle::{Phase, WaitingOn, verdict_on};
use countersign::model::ApprovalVerdict;
use countersign::policy::Hold;
use countersign::revision::Hashes;

use super::approver::{self, Meaning, record};
use super::charter::GOVERNANCE;
use super::content::{Content, ENVIRONMENTS, Gates, Setting};
use super::dice::Dice;
use super::drift::DRIFTS;
use super::ledger::Branch;
use super::people::PEOPLE;
use super::process::JOURNAL;
use super::request::{self, Wish};
use super::window::{WINDOWS, Window};
use super::world::World;
use super::{hands, lawmaker, pusher};

/// What was tried.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tried {
    /// That those who are named can.
    pub named: usize,
    /// That those who are excluded cannot.
    pub excluded: usize,
    /// That nobody can.
    pub nobody: usize,
    /// That it starts, or goes on, by the word of whoever is named, and of nobody else.
    pub held: usize,
}

/// A claim of a status.
#[derive(Debug, Clone)]
enum Claim {
    /// These people, by approving, make everything that is asked for be there.
    Enough(Vec<&'static str>),
    /// These cannot give what this asks for.
    Excluded(WaitingOn, Vec<&'static str>),
    /// Nobody can.
    Nobody(WaitingOn),
    /// One of these can start it; a closed window is set aside.
    Starts { named: Vec<&'static str>, overrides: bool },
    /// One of these can resume.
    Resumes(Vec<&'static str>),
}

/// Tries every claim of every status in the world of a seed.
pub fn run(seed: u64) -> Result<Tried, String> {
    let world = lived(seed)?;
    let mut tried = Tried::default();
    for place in ENVIRONMENTS.into_iter().chain([GOVERNANCE]) {
        let before = status(&world, place);
        let idle = before.phase == Phase::Approved && before.hold.is_none();
        if idle {
            return Err(failed(
                seed,
                &world,
                place,
                "everything asked for is there, nothing holds it, and it did not begin",
            ));
        }
        for claim in claims(&before) {
            match claim {
                Claim::Enough(_) => tried.named += 1,
                Claim::Excluded(..) => tried.excluded += 1,
                Claim::Nobody(_) => tried.nobody += 1,
                Claim::Starts { .. } | Claim::Resumes(_) => tried.held += 1,
            }
            try_claim(seed, place, &before, &claim)?;
        }
    }
    Ok(tried)
}

fn failed(seed: u64, world: &World, place: &str, what: &str) -> String {
    let status = status(world, place);
    format!("seed {seed}: {place}: {what}\n{status:#?}\n\n{}\n", world.log.join("\n"))
}

/// A world in which people did this and that, and which became quiet.
fn lived(seed: u64) -> Result<World, String> {
    let mut dice = Dice::new(seed ^ 0x7472_7574_6821);
    let mut settings = || Setting {
        manual: dice.percent(25),
        window: if dice.percent(25) { *dice.pick(&WINDOWS) } else { Window::None },
        drift: *dice.pick(&DRIFTS),
        ..Setting::plain(*dice.pick(&[Gates::Default, Gates::Off, Gates::Own, Gates::Recorded, Gates::Idle]))
    };
    let first = ENVIRONMENTS.map(|name| (name, Content::Present(settings())));
    let mut world = World::new(&first);
    let folder = world.folder();
    world.start("north", folder, None);
    world.run(0)?;
    for _ in 0..4 + dice.below(10) {
        for _ in 0..1 + dice.below(3) {
            match dice.below(11) {
                0..2 => pusher::push(&mut dice, &mut world),
                10 => hands::meddle(&mut dice, &mut world, ENVIRONMENTS[0]),
                2 => lawmaker::push(&mut dice, &mut world),
                3 | 4 => request::ask(&mut dice, &mut world),
                _ => approver::speak(&mut dice, &mut world),
            }
        }
        world.run(0)?;
    }
    match world.settle().and_then(|()| world.check_quiet()) {
        Ok(()) => Ok(world),
        Err(why) => Err(format!("seed {seed}: {why}\n\n{}\n", world.log.join("\n"))),
    }
}

fn status(world: &World, place: &str) -> Status {
    let objects = world.objects();
    let tip = world.surroundings.server.get(JOURNAL).unwrap();
    let journal = Journal::read(&objects, &Hashes::default(), tip).unwrap();
    let name = place.parse().or_else(|_| Ok::<_, ()>(countersign::model::EnvironmentName::governance())).unwrap();
    let env = journal.state.environment(&name);
    let verdict = verdict_on(&objects, "", &journal.governance, &name, &env).unwrap();
    Status::of(&journal.state, &journal.governance, &name, &env, verdict.as_ref())
}

fn people<'a>(names: impl IntoIterator<Item = &'a countersign::model::PersonName>) -> Vec<&'static str> {
    names.into_iter().map(|name| *PEOPLE.iter().find(|known| **known == name.as_str()).unwrap()).collect()
}

fn is_open(waiting: &WaitingOn) -> bool {
    waiting.missing() > 0 || !waiting.unsigned.is_empty()
}

/// What a status claims.
fn claims(status: &Status) -> Vec<Claim> {
    let mut claims = Vec::new();
    let open: Vec<&WaitingOn> = status.waiting_on.iter().filter(|waiting| is_open(waiting)).collect();
    let waits = status.plan.is_some() && status.problems.is_empty() && status.phase != Phase::Failed;
    if waits && !open.is_empty() {
        if open.iter().all(|waiting| waiting.satisfiable) {
            let mut named: Vec<&str> = open.iter().flat_map(|w| people(w.eligible.iter().take(w.missing()))).collect();
            named.sort_unstable();
            named.dedup();
            claims.push(Claim::Enough(named));
        }
        for waiting in open {
            let excluded = people(waiting.excluded.iter().map(|excluded| &excluded.person));
            if !excluded.is_empty() {
                claims.push(Claim::Excluded(waiting.clone(), excluded));
            }
            if !waiting.satisfiable {
                claims.push(Claim::Nobody(waiting.clone()));
            }
        }
    }
    if status.phase == Phase::Approved {
        match &status.hold {
            Some(Hold::Person { eligible }) => claims.push(Claim::Starts { named: people(eligible), overrides: false }),
            // That a window is closed now, and not only at times, is for the model to say.
            Some(Hold::Window { eligible, .. }) => {
                claims.push(Claim::Starts { named: people(eligible), overrides: true });
            }
            _ => {}
        }
    }
    if let Some(suspended) = &status.suspended {
        claims.push(Claim::Resumes(people(&suspended.eligible)));
    }
    claims
}

/// Approves the plan that waits by a signed record, after taking back a rejection.
fn approve(world: &mut World, place: &'static str, person: &'static str) {
    let Some(published) = world.book.environments[place].current().cloned() else { return };
    let Some(key) = world.book.charter().key_of(person) else { return };
    let plan = published.plan;
    let meaning =
        Meaning { person, environment: place, published, verdict: ApprovalVerdict::Approve, deploy: false, key };
    let mut previous = world.book.chains.get(&(plan, person.to_owned())).copied();
    let theirs = |said: &&super::ledger::Said| Some(said.digest) == previous && said.plan == plan;
    if world.ledger.said().find(theirs).is_some_and(|said| said.verdict == ApprovalVerdict::Reject) {
        let withdrawal = Meaning { verdict: ApprovalVerdict::Withdraw, ..meaning.clone() };
        record(world, &withdrawal, previous, Branch::Config);
        previous = world.ledger.said().last().map(|said| said.digest);
    }
    record(world, &meaning, previous, Branch::Config);
}

fn withdraw_rejections(world: &mut World, place: &'static str, status: &Status) {
    let rejects =
        |view: &&countersign::policy::StatementView| view.counted && view.verdict == Some(ApprovalVerdict::Reject);
    for person in people(status.statements.iter().filter(rejects).filter_map(|view| view.by.as_ref())) {
        let Some(published) = world.book.environments[place].current().cloned() else { return };
        let Some(key) = world.book.charter().key_of(person) else { continue };
        let previous = world.book.chains.get(&(published.plan, person.to_owned())).copied();
        let verdict = ApprovalVerdict::Withdraw;
        let meaning = Meaning { person, environment: place, published, verdict, deploy: false, key };
        record(world, &meaning, previous, Branch::Config);
    }
}

fn same<'a>(status: &'a Status, waiting: &WaitingOn) -> Option<&'a WaitingOn> {
    let key = |w: &WaitingOn| (w.ruleset.clone(), w.rule.clone(), w.because);
    status.waiting_on.iter().find(|other| key(other) == key(waiting))
}

fn try_claim(seed: u64, place: &'static str, before: &Status, claim: &Claim) -> Result<(), String> {
    let mut world = lived(seed)?;
    let plan = before.plan.as_ref();
    match claim {
        Claim::Enough(named) => {
            withdraw_rejections(&mut world, place, before);
            world.run(0)?;
            named.iter().for_each(|person| approve(&mut world, place, person));
        }
        Claim::Excluded(_, excluded) => excluded.iter().for_each(|person| approve(&mut world, place, person)),
        Claim::Nobody(_) => PEOPLE.iter().for_each(|person| approve(&mut world, place, person)),
        Claim::Starts { named, overrides } => {
            let others = PEOPLE.into_iter().filter(|person| !named.contains(person));
            others.for_each(|person| start(&mut world, place, person, *overrides));
            world.run(0)?;
            if status(&world, place).plan.as_ref().map(|plan| plan.digest) != plan.map(|plan| plan.digest) {
                return Err(failed(seed, &world, place, &format!("{claim:?}: others started it")));
            }
            named.iter().take(1).for_each(|person| start(&mut world, place, person, *overrides));
        }
        Claim::Resumes(named) => {
            let others = PEOPLE.into_iter().filter(|person| !named.contains(person));
            others.for_each(|person| resume(&mut world, place, person));
            world.run(0)?;
            if status(&world, place).suspended.is_none() {
                return Err(failed(seed, &world, place, &format!("{claim:?}: others resumed it")));
            }
            named.iter().take(1).for_each(|person| resume(&mut world, place, person));
        }
    }
    let told = |world: &World, why| format!("seed {seed}: {claim:?}: {why}\n\n{}\n", world.log.join("\n"));
    world.run(0).map_err(|why| told(&world, why))?;
    let after = status(&world, place);
    let is_over = after.plan.as_ref().map(|plan| plan.digest) != plan.map(|plan| plan.digest);
    let holds = match claim {
        Claim::Enough(_) => {
            is_over || !after.waiting_on.iter().any(is_open) && (after.hold.is_some() || after.suspended.is_some())
        }
        Claim::Excluded(waiting, _) => {
            !is_over && same(&after, waiting).is_some_and(|now| is_open(now) && now.have == waiting.have)
        }
        Claim::Nobody(waiting) => !is_over && same(&after, waiting).is_some_and(is_open),
        // It runs, ran, or waits for something else.
        Claim::Starts { named, .. } => named.is_empty() || is_over || after.hold != before.hold,
        Claim::Resumes(named) => named.is_empty() || after.suspended.is_none(),
    };
    if holds {
        Ok(())
    } else {
        Err(failed(seed, &world, place, &format!("not so: {claim:?}\nit was {before:#?}\nit is")))
    }
}

fn start(world: &mut World, place: &'static str, person: &'static str, overrides: bool) {
    let Some(published) = world.book.environments[place].current() else { return };
    let wish = Wish::Deploy { plan: published.plan, occurrence: published.occurrence, at: None, overrides };
    request::record(world, person, place, wish, Branch::Config, false);
}

fn resume(world: &mut World, place: &'static str, person: &'static str) {
    let wish = Wish::Resume { number: world.book.environments[place].applied.map(|(number, _)| number) };
    request::record(world, person, place, wish, Branch::Config, false);
}
