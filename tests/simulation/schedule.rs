//! One schedule: who does what, when, and what goes wrong, all of it drawn from one seed.

use std::collections::BTreeMap;

use countersign::disk::Tips;
use countersign::model::ApprovalVerdict;
use countersign::object::Oid;
use countersign::reconcile::Proofs;

use super::approver::Meaning;
use super::baton::{Call, Order, Point};
use super::charter::{Charter, GOVERNANCE};
use super::content::{Content, ENVIRONMENTS, Gates, Setting};
use super::counts::Counts;
use super::dice::Dice;
use super::drift::DRIFTS;
use super::ledger::Branch;
use super::people::DAEMONS;
use super::process::{CONFIG, JOURNAL};
use super::request::Wish;
use super::window::{WINDOWS, Window};
use super::world::World;
use super::{approver, busy, drafter, hands, lawmaker, pusher, refiner, request, saboteur};

/// In one schedule of so many, ready-made branches are made for one or two plans alone.
const FEW_BRANCHES: u64 = 5;

/// In one of so many, daemons give back what they keep to be faster whenever they have nothing to do.
const RESTS: u64 = 16;

/// What a schedule did, so that a run can tell whether it tried anything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    pub claims: usize,
    pub switches: usize,
    pub corrections: usize,
    /// Plans of what changed on the host.
    pub drifted: usize,
    /// Plans because somebody asked.
    pub redeployed: usize,
    pub policies: usize,
    pub entries: usize,
    pub counts: Counts,
}

/// What the environments of a schedule begin with.
const FIRST_GATES: [Gates; 9] = [
    Gates::Default,
    Gates::Default,
    Gates::Off,
    Gates::Off,
    Gates::Own,
    Gates::Own,
    Gates::Carried,
    Gates::Carried,
    Gates::Signed,
];

/// How often what happens in a schedule, in percent.
pub struct Climate {
    pub faults: usize,
    pub crashes: usize,
    sabotage: usize,
    hands: usize,
    rewinds: usize,
    laws: usize,
    requests: usize,
    /// That somebody goes on with what was approved.
    pub work: usize,
    drafts: usize,
}

/// Runs the schedule of a seed.
pub fn run(seed: u64) -> Result<Tally, String> {
    schedule(seed, false).map(|(tally, _)| tally)
}

/// Runs it with daemons that take up what may have changed, and with such that take up everything: it must make no
/// difference at all.
pub fn run_twice(seed: u64) -> Result<Tally, String> {
    let ((tally, ended), (thorough, thoroughly)) = (schedule(seed, false)?, schedule(seed, true)?);
    if ended == thoroughly {
        return Ok(tally);
    }
    Err(format!("seed {seed}: a daemon passed over something: {tally:?} {ended:#?}, but {thorough:?} {thoroughly:#?}"))
}

/// What a schedule did, and the references it left.
type Ended = (Tally, BTreeMap<String, Oid>);

fn schedule(seed: u64, is_thorough: bool) -> Result<Ended, String> {
    let mut dice = Dice::new(seed);
    // Approvals are carried over where somebody goes on with what others approved, and the policy stays.
    let goes_on = dice.percent(25);
    let signs = !goes_on && dice.percent(12);
    let gates = match (goes_on, signs) {
        (true, _) => Gates::Carried,
        (_, true) => Gates::Signed,
        _ => *dice.pick(&FIRST_GATES),
    };
    let setting = Setting {
        manual: dice.percent(20),
        window: if dice.percent(20) { *dice.pick(&WINDOWS) } else { Window::None },
        drift: *dice.pick(&DRIFTS),
        extra: dice.percent(if goes_on { 60 } else { 20 }).then_some(0),
        ..Setting::plain(gates)
    };
    let first = [(ENVIRONMENTS[0], Content::Present(setting)), (ENVIRONMENTS[1], Content::Present(setting))];
    let floor = !goes_on || dice.percent(30);
    let two = if goes_on && dice.percent(70) { 1 } else { 2 };
    let charter = Charter { two, bob_deploys: dice.percent(35), floor, ..Charter::FIRST };
    let mut world = World::under(charter, &first[..1 + dice.below(2)]);
    world.surroundings.is_thorough = is_thorough;
    if seed % FEW_BRANCHES == 3 {
        world.surroundings.ready_limit = 1 + usize::from(seed % 2 == 1);
    }
    world.surroundings.rests = seed % RESTS == 7;
    // Mostly each entry is proven once before the end, not by each daemon again.
    if dice.percent(80) {
        world.surroundings.proofs = Some(Proofs::default());
    }
    let often = |dice: &mut Dice, percent| if dice.percent(60) { percent } else { 0 };
    let climate = Climate {
        faults: often(&mut dice, 5),
        crashes: often(&mut dice, 3),
        sabotage: often(&mut dice, 20),
        hands: if dice.percent(60) { 6 } else { 0 },
        rewinds: if dice.percent(20) { 1 } else { 0 },
        laws: if dice.percent(if goes_on { 10 } else { 45 }) { 6 } else { 0 },
        requests: if dice.percent(60) || setting.manual { 8 } else { 0 },
        work: if goes_on { 30 } else { often(&mut dice, 15) },
        drafts: if dice.percent(35) { 35 } else { 0 },
    };
    for name in &DAEMONS[..1 + dice.below(DAEMONS.len())] {
        let folder = world.folder();
        world.start(name, folder, None);
    }
    let is_busy = dice.percent(60);
    let lived = if is_busy { busy::live } else { live };
    let result = settle_in(&mut dice, &mut world);
    let result = result.and_then(|()| lived(&mut dice, &mut world, &climate));
    let result = result.and_then(|()| world.quiet(dice.percent(20)));
    let tally = Tally {
        claims: world.claims,
        switches: world.switches,
        corrections: world.corrections,
        drifted: world.again[0],
        redeployed: world.again[1],
        policies: world.policies,
        entries: world.book.len(),
        counts: world.counts,
    };
    if super::number("SIMULATION_SEED").is_some() && super::number("SIMULATION_RUNS").is_none() {
        println!("{}", world.log.join("\n"));
    }
    let left = world.surroundings.server.references();
    result.map(|()| (tally, left)).map_err(|why| format!("seed {seed}: {why}\n\n{}\n", world.log.join("\n")))
}

/// Mostly the first plans were approved and applied before anything goes wrong.
fn settle_in(dice: &mut Dice, world: &mut World) -> Result<(), String> {
    if dice.percent(40) {
        return Ok(());
    }
    world.run(0)?;
    for environment in ENVIRONMENTS {
        for person in ["alice", "carol"] {
            let Some(published) = world.book.environments[environment].current().cloned() else { continue };
            let deploy = person == "alice";
            let meaning =
                Meaning { person, environment, published, verdict: ApprovalVerdict::Approve, deploy, key: person };
            approver::record(world, &meaning, None, Branch::Config);
        }
    }
    world.run(0)
}

fn live(dice: &mut Dice, world: &mut World, climate: &Climate) -> Result<(), String> {
    for _ in 0..25 + dice.below(60) {
        let what = dice.below(100);
        match what {
            0..70 => step(dice, world, climate)?,
            70..76 => pusher::push(dice, world),
            76..94 => speak(dice, world, climate),
            94..97 => jump(dice, world),
            _ => rest(dice, world)?,
        }
        if dice.percent(climate.work) {
            refiner::refine(dice, world);
        }
        rarely(dice, world, climate)?;
        world.check()?;
    }
    Ok(())
}

/// Somebody says something, and sometimes the host changes before a daemon hears it.
pub fn speak(dice: &mut Dice, world: &mut World, climate: &Climate) {
    approver::speak(dice, world);
    if climate.hands > 0 && dice.percent(15) {
        hands::meddle_where_something_waits(dice, world);
    }
}

/// What happens beside pushes and approvals.
pub fn rarely(dice: &mut Dice, world: &mut World, climate: &Climate) -> Result<(), String> {
    if world.book.len() == 0 {
        return Ok(());
    }
    if dice.percent(climate.laws) {
        // What waits for approvals is mostly let alone.
        if dice.percent(30) || world.book.environments[GOVERNANCE].current().is_none() {
            lawmaker::push(dice, world);
        }
    }
    if dice.percent(climate.drafts) {
        drafter::draft(dice, world);
    }
    if dice.percent(climate.requests) {
        request::ask(dice, world);
    }
    if dice.percent(climate.sabotage) {
        saboteur::meddle(dice, world);
    }
    if dice.percent(10) {
        world.arrive()?;
    }
    if dice.percent(climate.hands) {
        let environment = *dice.pick(&ENVIRONMENTS);
        hands::meddle(dice, world, environment);
    }
    if dice.percent(climate.rewinds) {
        rewind(dice, world)?;
    }
    Ok(())
}

/// A daemon moves, for better or worse.
pub fn step(dice: &mut Dice, world: &mut World, climate: &Climate) -> Result<(), String> {
    let at = dice.below(world.processes.len());
    let point = world.processes[at].point();
    let name = world.processes[at].name;
    if point == Point::Gone {
        let lost = dice.percent(20) && climate.rewinds == 0;
        world.note(format!("{name} starts{}", if lost { " without its folder" } else { "" }));
        let folder = if lost { world.folder() } else { world.processes[at].folder.clone() };
        world.start(name, folder, None);
        return Ok(());
    }
    let pushes = point == Point::Before(Call::Push);
    let order = if dice.percent(climate.crashes) {
        if pushes && dice.percent(50) { Order::Orphan } else { Order::Crash }
    } else if dice.percent(climate.faults) && point != Point::Idle {
        let orders = [Order::Fail, Order::Lose, Order::Late];
        *dice.pick(&orders[..2 + usize::from(pushes)])
    } else {
        Order::Go(dice.below(30))
    };
    if matches!(point, Point::Before(Call::Push) | Point::After(Call::Push)) && dice.percent(12) {
        meanwhile(dice, world, climate);
    }
    if !matches!(order, Order::Go(_)) {
        world.note(format!("{name} at {point:?}: {order:?}"));
    }
    let at_apply = point == Point::Before(Call::Apply);
    let next = world.order(at, order)?;
    if at_apply {
        world.note(format!("{name} applied, now at {next:?}"));
    }
    Ok(())
}

/// In the moment of a claim, more often than at any other: what its daemon shall hear when it looks again, and what it
/// cannot have seen.
pub fn meanwhile(dice: &mut Dice, world: &mut World, climate: &Climate) {
    let claimed = ENVIRONMENTS.into_iter().find(|name| world.book.environments[*name].claim().is_some());
    let Some(environment) = claimed else { return };
    match dice.below(4) {
        0 if climate.hands > 0 => hands::meddle(dice, world, environment),
        1 if climate.requests > 0 && dice.percent(50) => {
            request::record(world, "alice", environment, Wish::Suspend, Branch::Config, false);
        }
        1 if climate.requests > 0 => request::ask_in(dice, world, environment),
        _ => approver::speak_in(dice, world, environment),
    }
}

/// A daemon runs to the end of its round.
fn rest(dice: &mut Dice, world: &mut World) -> Result<(), String> {
    let at = dice.below(world.processes.len());
    if world.processes[at].point() != Point::Gone { world.run(at) } else { Ok(()) }
}

pub fn jump(dice: &mut Dice, world: &mut World) {
    let seconds = *dice.pick(&[1, 40, 600, 5000, -1, -3000]);
    world.note(format!("the clock jumps by {seconds} s"));
    world.pass(seconds);
}

/// The remote shows an older history for a while. Nothing may be applied on the word of it.
fn rewind(dice: &mut Dice, world: &mut World) -> Result<(), String> {
    let name = *dice.pick(&[CONFIG, JOURNAL]);
    let server = world.surroundings.server.clone();
    let objects = world.objects();
    let Some(tip) = server.get(name) else { return Ok(()) };
    let mut older = tip;
    for _ in 0..1 + dice.below(4) {
        older =
            countersign::object::Objects::commit(&objects, older).unwrap().parents.first().copied().unwrap_or(older);
    }
    // A daemon that never saw what is taken away cannot miss it: that is said in the documentation, and not tried.
    let seen = |process: &super::process::Process| {
        let tips = Tips::read(&process.folder.disk).ok().flatten().unwrap_or_default();
        if name == CONFIG { tips.config } else { tips.journal }
    };
    if older == tip || world.processes.iter().any(|process| seen(process) != Some(tip)) {
        return Ok(());
    }
    world.note(format!("{name} is rewound from {tip} to {older}"));
    world.rewound = true;
    server.set(name, Some(older));
    let switches = world.switches;
    for at in 0..world.processes.len() {
        if world.processes[at].point() == Point::Idle {
            world.run(at)?;
        }
    }
    if world.switches != switches {
        return Err("something was applied on rewound history".to_owned());
    }
    if server.get(name) == Some(older) {
        server.set(name, Some(tip));
    }
    world.rewound = false;
    Ok(())
}
