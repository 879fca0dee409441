//! Small worlds in which every accident is tried at every point: one environment, a plan, two approvals, an apply.

use countersign::model::ApprovalVerdict;

use super::approver::{self, Meaning};
use super::baton::{Call, Order, Point};
use super::chapter::Published;
use super::content::{Content, Gates, Setting};
use super::ledger::Branch;
use super::request::{self, Wish};
use super::saboteur;
use super::world::World;

const ENVIRONMENT: &str = "acme-prod";

/// What happens at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accident {
    /// The daemon is killed and starts again.
    Crash,
    /// It is killed and starts again without its state folder.
    CrashAndLoss,
    /// The call fails.
    Failure,
    /// Its answer is lost.
    LostAnswer,
    /// What it pushes gets there long after it was told that the answer is lost.
    LatePush,
    /// It is killed, and what it pushes gets there when it has started again.
    OrphanedPush,
    /// Somebody pushes other content.
    Push,
    /// Somebody pushes other content and the same content again.
    PushAndRevert,
    /// Somebody rejects the plan.
    Rejection,
    /// Somebody who approved takes it back.
    Withdrawal,
    /// Somebody records approvals in the names of two others.
    Forgery,
    /// Somebody rejects the plan, and a record that takes something else back is put beside it.
    OutOfOrder,
    /// Somebody suspends the environment.
    Suspension,
    /// Somebody closes the change, and puts the folder back.
    Closing,
    /// The other daemon runs a whole round.
    OtherDaemon,
}

pub const ACCIDENTS: [Accident; 15] = [
    Accident::Crash,
    Accident::CrashAndLoss,
    Accident::Failure,
    Accident::LostAnswer,
    Accident::LatePush,
    Accident::OrphanedPush,
    Accident::Push,
    Accident::PushAndRevert,
    Accident::Rejection,
    Accident::Withdrawal,
    Accident::Forgery,
    Accident::OutOfOrder,
    Accident::Suspension,
    Accident::Closing,
    Accident::OtherDaemon,
];

/// A world, the accidents that are still to come, and the points that were passed.
struct Script {
    world: World,
    accidents: Vec<(usize, Accident)>,
    passed: Vec<Point>,
}

fn setting(main: u8) -> Content {
    Content::Present(Setting { main, extra: Some(main), ..Setting::plain(Gates::Default) })
}

/// Runs the small world with these accidents. Gives the points there were.
pub fn run(accidents: &[(usize, Accident)]) -> Result<Vec<Point>, String> {
    let mut world = World::new(&[(ENVIRONMENT, setting(0))]);
    let both = accidents.iter().any(|(_, accident)| *accident == Accident::OtherDaemon);
    for name in &super::people::DAEMONS[..1 + usize::from(both)] {
        let folder = world.folder();
        world.start(name, folder, None);
    }
    let mut script = Script { world, accidents: accidents.to_vec(), passed: Vec::new() };
    let result = script.play().and_then(|()| script.world.quiet(true));
    result.map(|()| script.passed).map_err(|why| format!("{accidents:?}: {why}\n\n{}\n", script.world.log.join("\n")))
}

/// Every accident at every point; with `pairs` also every kill after each of them.
pub fn worlds(pairs: bool) -> Vec<Vec<(usize, Accident)>> {
    let points = run(&[]).unwrap_or_else(|why| panic!("{why}"));
    let mut worlds = Vec::new();
    for (point, stands) in points.iter().enumerate() {
        let pushes = *stands == Point::Before(Call::Push);
        let of_pushes = |accident: &Accident| matches!(accident, Accident::LatePush | Accident::OrphanedPush);
        for accident in ACCIDENTS.into_iter().filter(|accident| pushes || !of_pushes(accident)) {
            worlds.push(vec![(point, accident)]);
            let later = point + 1..if pairs { points.len() + 20 } else { 0 };
            worlds.extend(later.map(|second| vec![(point, accident), (second, Accident::Crash)]));
        }
    }
    worlds
}

impl Script {
    fn play(&mut self) -> Result<(), String> {
        self.round()?;
        self.approve();
        self.round()
    }

    fn approve(&mut self) {
        let Some(meaning) = self.meaning("alice", ApprovalVerdict::Approve) else { return };
        approver::merge(&mut self.world, std::slice::from_ref(&meaning));
        let meaning = Meaning { person: "bob", key: "bob", ..meaning };
        approver::record(&mut self.world, &meaning, None, Branch::Config);
    }

    fn meaning(&self, person: &'static str, verdict: ApprovalVerdict) -> Option<Meaning> {
        let published = self.world.book.environments[ENVIRONMENT].current()?.clone();
        Some(Meaning { person, environment: ENVIRONMENT, published, verdict, deploy: false, key: person })
    }

    /// The first daemon runs until it is idle, point by point.
    fn round(&mut self) -> Result<(), String> {
        loop {
            let mut order = Order::Go(0);
            if let Some(at) = self.accidents.iter().position(|(point, _)| *point == self.passed.len()) {
                let (_, accident) = self.accidents.remove(at);
                let point = self.world.processes[0].point();
                self.world.note(format!("{accident:?} at point {} ({point:?})", self.passed.len()));
                order = self.happen(accident)?;
            }
            self.passed.push(self.world.processes[0].point());
            match self.world.order(0, order)? {
                Point::Idle => return Ok(()),
                Point::Gone => {
                    let folder = self.world.processes[0].folder.clone();
                    self.world.start("north", folder, None);
                    self.world.arrive()?;
                }
                _ => {}
            }
        }
    }

    fn happen(&mut self, accident: Accident) -> Result<Order, String> {
        let is_idle = self.world.processes[0].point() == Point::Idle;
        match accident {
            Accident::Crash => return Ok(Order::Crash),
            Accident::LatePush => return Ok(Order::Late),
            Accident::OrphanedPush => return Ok(Order::Orphan),
            Accident::CrashAndLoss => {
                let folder = self.world.folder();
                self.world.processes[0].folder = folder;
                return Ok(Order::Crash);
            }
            Accident::Failure if !is_idle => return Ok(Order::Fail),
            Accident::LostAnswer if !is_idle => return Ok(Order::Lose),
            Accident::Failure | Accident::LostAnswer => {}
            Accident::Push => self.world.change("dave", &[(ENVIRONMENT, setting(2))], None),
            Accident::PushAndRevert => {
                let now = self.world.ledger.now(ENVIRONMENT);
                self.world.change("bob", &[(ENVIRONMENT, setting(2))], None);
                self.world.change("bob", &[(ENVIRONMENT, now)], None);
            }
            Accident::Rejection | Accident::Withdrawal => {
                let (person, verdict) = match accident {
                    Accident::Rejection => ("carol", ApprovalVerdict::Reject),
                    _ => ("bob", ApprovalVerdict::Withdraw),
                };
                if let Some(meaning) = self.meaning(person, verdict) {
                    let previous = self
                        .world
                        .ledger
                        .said()
                        .filter(|said| (said.person, said.plan) == (person, meaning.published.plan));
                    let previous = previous.last().map(|said| said.digest);
                    approver::record(&mut self.world, &meaning, previous, Branch::Config);
                }
            }
            Accident::Forgery => {
                for name in ["alice", "bob"] {
                    if let Some(meaning) = self.meaning(name, ApprovalVerdict::Approve) {
                        saboteur::in_the_name_of(&mut self.world, &meaning, "carol");
                    }
                }
            }
            Accident::OutOfOrder => {
                if let Some(meaning) = self.meaning("carol", ApprovalVerdict::Reject) {
                    approver::record(&mut self.world, &meaning, None, Branch::Config);
                    let withdrawal = Meaning { verdict: ApprovalVerdict::Withdraw, ..meaning };
                    saboteur::out_of_order(&mut self.world, &withdrawal);
                }
            }
            Accident::Suspension | Accident::Closing => {
                if let Some(meaning) = self.meaning("dave", ApprovalVerdict::Approve) {
                    let Published { plan, occurrence, .. } = meaning.published;
                    let suspends = accident == Accident::Suspension;
                    let wish = if suspends { Wish::Suspend } else { Wish::Close { plan, occurrence } };
                    request::record(&mut self.world, "dave", ENVIRONMENT, wish, Branch::Config, true);
                }
            }
            Accident::OtherDaemon => self.world.run(1)?,
        }
        Ok(Order::Go(0))
    }
}
