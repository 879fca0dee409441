//! Small worlds in which every accident is tried at every point: one environment, a plan, two approvals, an apply; the same in
//! manual mode; one whose host drifted, which is corrected, or planned and approved; and one that is deployed again.

use countersign::model::ApprovalVerdict;

use super::approver::{self, Meaning};
use super::baton::{Call, Order, Point};
use super::chapter::Published;
use super::charter::{Charter, GOVERNANCE};
use super::content::{Content, Gates, Setting, target};
use super::drift::Drift;
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
    /// The policy gets another key of one who approves.
    Rekeying,
    /// The policy takes from whoever asks what lets them ask.
    Demotion,
    /// Somebody changes the host by hand.
    Hand,
    /// Somebody puts back what was changed by hand.
    PuttingBack,
}

/// What a small world is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A plan is approved and applied.
    Approved,
    /// Somebody has to start it, too.
    Started,
    /// What was applied has drifted, and is corrected.
    Corrected,
    /// What was applied has drifted, and that is planned and approved.
    Drifted,
    /// Somebody asks that what is applied be applied again.
    Redeployed,
}

/// A small world and what happens there, each at its point.
#[derive(Debug, Clone)]
pub struct Small {
    kind: Kind,
    accidents: Vec<(usize, Accident)>,
}

pub const ACCIDENTS: [Accident; 19] = [
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
    Accident::Rekeying,
    Accident::Demotion,
    Accident::Hand,
    Accident::PuttingBack,
];

/// A world, the accidents that are still to come, and the points that were passed.
struct Script {
    world: World,
    kind: Kind,
    accidents: Vec<(usize, Accident)>,
    passed: Vec<Point>,
}

impl Kind {
    fn setting(self, main: u8) -> Content {
        let drift = match self {
            Self::Corrected => Drift::Corrected,
            Self::Drifted => Drift::Planned,
            Self::Approved | Self::Started | Self::Redeployed => Drift::Unseen,
        };
        let manual = self == Self::Started;
        Content::Present(Setting { main, extra: Some(main), manual, drift, ..Setting::plain(Gates::Default) })
    }

    /// What is tried there; of what the plain world tells as well, nothing.
    fn accidents(self) -> Vec<Accident> {
        let is_tried = |accident: &Accident| match self {
            Self::Approved => !matches!(accident, Accident::Demotion | Accident::PuttingBack),
            Self::Started => matches!(accident, Accident::Rejection | Accident::Suspension | Accident::CrashAndLoss),
            Self::Corrected => !matches!(
                accident,
                Accident::Withdrawal
                    | Accident::Forgery
                    | Accident::OutOfOrder
                    | Accident::Rejection
                    | Accident::Closing
                    | Accident::Rekeying
                    | Accident::Demotion
            ),
            Self::Drifted => matches!(
                accident,
                Accident::CrashAndLoss
                    | Accident::Push
                    | Accident::Rejection
                    | Accident::Closing
                    | Accident::Hand
                    | Accident::PuttingBack
            ),
            Self::Redeployed => matches!(
                accident,
                Accident::CrashAndLoss | Accident::Push | Accident::Suspension | Accident::Closing | Accident::Demotion
            ),
        };
        ACCIDENTS.into_iter().filter(is_tried).collect()
    }
}

/// Runs a small world. Gives the points there were.
pub fn run(small: &Small) -> Result<Vec<Point>, String> {
    let Small { kind, accidents } = small;
    let mut world = World::new(&[(ENVIRONMENT, kind.setting(0))]);
    let both = accidents.iter().any(|(_, accident)| *accident == Accident::OtherDaemon);
    for name in &super::people::DAEMONS[..1 + usize::from(both)] {
        let folder = world.folder();
        world.start(name, folder, None);
    }
    let mut script = Script { world, kind: *kind, accidents: accidents.clone(), passed: Vec::new() };
    let result = script.play().and_then(|()| script.world.quiet(true));
    result.map(|()| script.passed).map_err(|why| format!("[{small:?}]: {why}\n\n{}\n", script.world.log.join("\n")))
}

/// Every accident at every point; with `pairs` also every kill after each of them.
pub fn worlds(pairs: bool) -> Vec<Small> {
    let mut worlds = Vec::new();
    for kind in [Kind::Approved, Kind::Started, Kind::Corrected, Kind::Drifted, Kind::Redeployed] {
        let points = run(&Small { kind, accidents: Vec::new() }).unwrap_or_else(|why| panic!("{why}"));
        for (point, stands) in points.iter().enumerate() {
            let pushes = *stands == Point::Before(Call::Push);
            let of_pushes = |accident: &Accident| matches!(accident, Accident::LatePush | Accident::OrphanedPush);
            for accident in kind.accidents().into_iter().filter(|accident| pushes || !of_pushes(accident)) {
                worlds.push(Small { kind, accidents: vec![(point, accident)] });
                let later = point + 1..if pairs { points.len() + 20 } else { 0 };
                let both = |second| vec![(point, accident), (second, Accident::Crash)];
                worlds.extend(later.map(|second| Small { kind, accidents: both(second) }));
            }
        }
    }
    worlds
}

impl Script {
    fn play(&mut self) -> Result<(), String> {
        if !matches!(self.kind, Kind::Approved | Kind::Started) {
            self.world.run(0)?;
            self.approve();
            self.world.run(0)?;
        }
        match self.kind {
            Kind::Approved | Kind::Started => {}
            Kind::Corrected | Kind::Drifted => self.change_by_hand(),
            Kind::Redeployed => {
                let number = self.world.book.environments[ENVIRONMENT].applied.map_or(0, |(number, _)| number);
                let wish = Wish::Redeploy { number };
                request::record(&mut self.world, "dave", ENVIRONMENT, wish, Branch::Config, false);
            }
        }
        // The schedule comes round.
        self.world.pass(700);
        self.round()?;
        self.approve();
        self.round()?;
        match self.kind {
            Kind::Approved | Kind::Corrected | Kind::Redeployed => Ok(()),
            Kind::Started => {
                self.start();
                self.round()?;
                // What was rejected meanwhile is not, after all: it takes another word to start it.
                self.take_back();
                self.round()
            }
            Kind::Drifted => self.restless(),
        }
    }

    /// The host changes again and again, and a daemon looks each time that it starts.
    fn restless(&mut self) -> Result<(), String> {
        for seconds in [61, 0, 0] {
            self.change_by_hand();
            self.world.pass(seconds);
            self.start_again()?;
            self.put_back();
            self.start_again()?;
        }
        Ok(())
    }

    fn start_again(&mut self) -> Result<(), String> {
        let (name, folder) = (self.world.processes[0].name, self.world.processes[0].folder.clone());
        self.world.start(name, folder, None);
        self.world.run(0)
    }

    /// Somebody who may starts what waits.
    fn start(&mut self) {
        let Some(open) = self.world.book.environments[ENVIRONMENT].current() else { return };
        let wish = Wish::Deploy { plan: open.plan, occurrence: open.occurrence, at: None, overrides: false };
        request::record(&mut self.world, "dave", ENVIRONMENT, wish, Branch::Config, false);
    }

    fn take_back(&mut self) {
        if let Some(meaning) = self.meaning("carol", ApprovalVerdict::Withdraw) {
            let plan = meaning.published.plan;
            let theirs = self.world.ledger.said().filter(|said| (said.person, said.plan) == ("carol", plan));
            if let Some(previous) = theirs.last().map(|said| said.digest) {
                approver::record(&mut self.world, &meaning, Some(previous), Branch::Config);
            }
        }
    }

    fn put_back(&mut self) {
        let target = target(ENVIRONMENT, "main");
        let mut state = self.world.surroundings.host.state();
        if let Some(before) = state.disturbed.get(&target).cloned() {
            state.change_by_hand(&target, |_| before);
        }
    }

    fn change_by_hand(&mut self) {
        let mut state = self.world.surroundings.host.state();
        let count = state.all_hands();
        state.change_by_hand(&target(ENVIRONMENT, "main"), |there| {
            let mut files = there.unwrap_or_default();
            files.insert("app.txt".to_owned(), "by hand\n".repeat(1 + count));
            files.insert("foreign.txt".to_owned(), "by hand\n".repeat(1 + count));
            Some(files)
        });
    }

    fn approve(&mut self) {
        let Some(meaning) = self.meaning("alice", ApprovalVerdict::Approve) else { return };
        approver::merge(&mut self.world, std::slice::from_ref(&meaning));
        let meaning = Meaning { person: "bob", key: "bob", ..meaning };
        approver::record(&mut self.world, &meaning, None, Branch::Config);
        // And the policy, where somebody changed it.
        let Some(published) = self.world.book.environments[GOVERNANCE].current().cloned() else { return };
        for person in ["alice", "carol"] {
            let (environment, published) = (GOVERNANCE, published.clone());
            let law = Meaning { person, key: person, environment, published, ..meaning.clone() };
            approver::record(&mut self.world, &law, None, Branch::Config);
        }
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
            Accident::Push => self.world.change("dave", &[(ENVIRONMENT, self.kind.setting(2))], None),
            Accident::PushAndRevert => {
                let now = self.world.ledger.now(ENVIRONMENT);
                self.world.change("bob", &[(ENVIRONMENT, self.kind.setting(2))], None);
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
            Accident::Suspension if self.world.book.len() > 0 => {
                request::record(&mut self.world, "dave", ENVIRONMENT, Wish::Suspend, Branch::Config, false);
            }
            Accident::Suspension => {}
            Accident::Closing => {
                if let Some(meaning) = self.meaning("dave", ApprovalVerdict::Approve) {
                    let Published { plan, occurrence, .. } = meaning.published;
                    let wish = Wish::Close { plan, occurrence };
                    request::record(&mut self.world, "dave", ENVIRONMENT, wish, Branch::Config, true);
                }
            }
            Accident::OtherDaemon => self.world.run(1)?,
            // The first policy is the operator's.
            Accident::Rekeying | Accident::Demotion if self.world.book.len() == 0 => {}
            Accident::Rekeying | Accident::Demotion => {
                let now = self.world.ledger.charter_now();
                let charter = match accident {
                    Accident::Rekeying => Charter { second_key: [false, true, false], ..now },
                    _ => Charter { dave: false, ..now },
                };
                self.world.change_policy("bob", charter);
            }
            Accident::PuttingBack => self.put_back(),
            Accident::Hand => self.change_by_hand(),
        }
        Ok(Order::Go(0))
    }
}
