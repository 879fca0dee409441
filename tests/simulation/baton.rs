//! The baton: of the scheduler and all daemons exactly one runs at any moment.
//!
//! A daemon runs the real loop on a thread of its own. At each call of a seam, before and after its effect, it hands the
//! baton to the scheduler and waits to be told how to go on: as if nothing were, with a fault, or not at all. A crash
//! unwinds the daemon's stack from where it stands, so that nothing in the loop can swallow it.

use std::any::Any;
use std::panic::resume_unwind;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use countersign::reconcile::TickError;

/// Where a daemon stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Point {
    /// Nothing to do: it waits for the next round.
    Idle,
    /// Before a call of a seam.
    Before(Call),
    /// After a call that had an effect or brought an answer.
    After(Call),
    /// It is no more.
    Gone,
}

/// A call of a seam.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    References,
    Fetch,
    Push,
    Write,
    Lock,
    Plan,
    Apply,
    Settle,
}

/// How a daemon goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As if nothing were, and past this many more points before it hands the baton back.
    Go(usize),
    /// The call fails.
    Fail,
    /// The call may or may not have happened: the daemon is not told.
    Lose,
    /// A push is on its way and gets there when nobody expects it any more. The daemon is told that its answer is lost.
    Late,
    /// It is killed here.
    Crash,
    /// It is killed here, and what it started to push goes on without it.
    Orphan,
}

/// What unwinds a daemon that is killed.
pub struct Crash;

#[derive(Default)]
pub struct Baton {
    slot: Mutex<Slot>,
    changed: Condvar,
}

#[derive(Default)]
struct Slot {
    point: Option<Point>,
    order: Option<Order>,
    /// Points to pass without stopping.
    left: usize,
    /// How the last round ended.
    ended: Option<Result<(), TickError>>,
    /// A panic that was no crash: a defect.
    panic: Option<Box<dyn Any + Send>>,
}

impl Baton {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// A daemon stands at a point. After an effect that others can see it always stops.
    pub fn stand(&self, point: Point) -> Order {
        let always = matches!(point, Point::Idle | Point::Gone | Point::After(Call::Push | Call::Apply));
        let mut slot = self.slot.lock().unwrap();
        if slot.left > 0 && !always {
            slot.left -= 1;
            return Order::Go(0);
        }
        let gone = point == Point::Gone;
        slot.point = Some(point);
        self.changed.notify_all();
        if gone {
            return Order::Crash;
        }
        let order = loop {
            match slot.order.take() {
                Some(order) => break order,
                None => slot = self.changed.wait(slot).unwrap(),
            }
        };
        if let Order::Go(left) = order {
            slot.left = left;
        }
        drop(slot);
        if order == Order::Crash {
            resume_unwind(Box::new(Crash));
        }
        order
    }

    /// Keeps how a round ended.
    pub fn end(&self, result: Result<(), TickError>) {
        self.slot.lock().unwrap().ended = Some(result);
    }

    pub fn panicked(&self, panic: Box<dyn Any + Send>) {
        self.slot.lock().unwrap().panic = Some(panic);
    }

    /// Where the daemon stands, once it stands.
    pub fn point(&self) -> Point {
        let slot = self.slot.lock().unwrap();
        let (mut slot, timeout) =
            self.changed.wait_timeout_while(slot, Duration::from_secs(120), |slot| slot.point.is_none()).unwrap();
        assert!(!timeout.timed_out(), "a daemon hangs between two calls of its seams");
        if let Some(panic) = slot.panic.take() {
            drop(slot);
            resume_unwind(panic);
        }
        slot.point.clone().unwrap()
    }

    /// Lets the daemon go on, and gives where it stands next.
    pub fn order(&self, order: Order) -> Point {
        assert_ne!(self.point(), Point::Gone, "a daemon that is no more cannot go on");
        let mut slot = self.slot.lock().unwrap();
        slot.point = None;
        slot.left = 0;
        slot.order = Some(order);
        self.changed.notify_all();
        drop(slot);
        self.point()
    }

    /// How the last round ended, once.
    pub fn ended(&self) -> Option<Result<(), TickError>> {
        self.slot.lock().unwrap().ended.take()
    }
}
