//! The simulated host and the driver of its `files` services: each apply is one atomic switch, and a crash can come
//! before or after it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use countersign::digest::PlanId;
use countersign::model::ServiceKind;
use countersign::object::{Objects, Oid};
use countersign::plan::files::{LiveDifference, action, content, effect, preview, removes};
use countersign::plan::{Action, ServiceChange, ServiceContent, ServicePlan};
use countersign::policy::Permit;
use countersign::services::{Driver, DriverError, Settled};

use super::baton::{Baton, Call, Order, Point};
use super::content::Files;
use super::process::{CONFIG, RECORDS};

/// What is on the host. Clones are the same host.
#[derive(Clone, Default)]
pub struct Host(Arc<Mutex<State>>);

#[derive(Default)]
pub struct State {
    pub targets: BTreeMap<String, Files>,
    /// Every switch that the scheduler has not looked at yet.
    pub switches: Vec<Switch>,
    /// What was there when a daemon last looked, by daemon, target, and what it looked for: drafts look at the same target.
    pub seen: BTreeMap<(&'static str, String, Files), Files>,
    /// How often each target was changed by hand.
    pub hands: BTreeMap<String, usize>,
    /// The targets that somebody changed by hand since they were last set, and what was there before.
    pub disturbed: BTreeMap<String, Files>,
    /// What a daemon last read from the remote.
    pub looks: BTreeMap<&'static str, Look>,
    /// What a daemon was told last that the remote has. It may only have asked whether its push arrived.
    pub told: BTreeMap<&'static str, Look>,
    /// The tips that a daemon fetched last, by branch.
    pub fetched: BTreeMap<(&'static str, String), Oid>,
}

/// One target, switched.
#[derive(Debug, Clone)]
pub struct Switch {
    pub daemon: &'static str,
    pub environment: String,
    pub plan: PlanId,
    pub target: String,
    pub before: Files,
    pub after: Files,
    /// How often it had been changed by hand.
    pub hands: usize,
    /// What the daemon had read last from the remote.
    pub look: Look,
}

/// The tips that a daemon read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    pub config: Option<Oid>,
    pub records: Option<Oid>,
    pub journal: Option<Oid>,
    /// How often the host had been changed by hand when it looked.
    pub hands: usize,
}

impl Host {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// What a daemon saw when it last looked at the targets of an environment for what is to be there.
    pub fn seen_by(&self, daemon: &'static str, desired: &BTreeMap<String, Files>) -> BTreeMap<String, Files> {
        self.state().seen_by(daemon, desired)
    }
}

impl State {
    pub fn seen_by(&self, daemon: &'static str, desired: &BTreeMap<String, Files>) -> BTreeMap<String, Files> {
        let seen = |(target, files): (&String, &Files)| {
            let key = (daemon, target.clone(), files.clone());
            (target.clone(), self.seen.get(&key).cloned().flatten())
        };
        desired.iter().map(seen).collect()
    }

    /// A daemon was told what the remote has: it has read that where it fetched these tips already.
    pub fn told(&mut self, daemon: &'static str, told: Look) {
        self.told.insert(daemon, told);
        self.look(daemon);
    }

    /// A daemon fetched: it has read what it was told last once it has these tips.
    pub fn fetched(&mut self, daemon: &'static str, tips: &[(String, Oid)]) {
        self.fetched.extend(tips.iter().map(|(name, tip)| ((daemon, name.clone()), *tip)));
        self.look(daemon);
    }

    fn look(&mut self, daemon: &'static str) {
        let Some(told) = self.told.get(daemon).copied() else { return };
        let has = |branch: &str, tip: Option<Oid>| {
            tip.is_none() || self.fetched.get(&(daemon, branch.to_owned())).copied() == tip
        };
        if has(CONFIG, told.config) && has(RECORDS, told.records) {
            self.looks.insert(daemon, told);
        }
    }

    /// Somebody changes a target by hand.
    pub fn change_by_hand(&mut self, target: &str, change: impl FnOnce(Files) -> Files) {
        let there = self.targets.get(target).cloned().flatten();
        self.targets.insert(target.to_owned(), change(there.clone()));
        self.disturbed.entry(target.to_owned()).or_insert(there);
        *self.hands.entry(target.to_owned()).or_default() += 1;
    }

    /// How often the host was changed by hand.
    pub fn all_hands(&self) -> usize {
        self.hands.values().sum()
    }

    /// What is in the targets of an environment.
    pub fn of(&self, environment: &str) -> BTreeMap<String, Files> {
        let below = format!("/srv/{environment}/");
        ["extra", "main"]
            .iter()
            .map(|service| format!("{below}{service}"))
            .map(|target| (target.clone(), self.targets.get(&target).cloned().flatten()))
            .collect()
    }
}

/// A daemon's driver for the host.
pub struct HostDriver {
    pub host: Host,
    pub baton: Arc<Baton>,
    pub daemon: &'static str,
}

fn target_of(change: &ServiceChange) -> String {
    let content = change.desired.as_ref().or(change.base.as_ref()).unwrap();
    let ServiceKind::Files(files) = &content.service.kind;
    files.target.clone()
}

fn files_of(objects: &dyn Objects, service: Option<&ServiceContent>) -> Files {
    let text = |file| String::from_utf8(content(objects, file).unwrap().to_vec()).unwrap();
    service.map(|service| service.files.iter().map(|file| (file.path.clone(), text(file))).collect())
}

impl HostDriver {
    fn stand(&self, point: Point) -> Result<(), Order> {
        match self.baton.stand(point) {
            Order::Go(_) => Ok(()),
            order => Err(order),
        }
    }
}

impl Driver for HostDriver {
    fn plan(&self, objects: &dyn Objects, change: &ServiceChange) -> Result<ServicePlan, DriverError> {
        let failed = |_| DriverError::Failed { message: "the host does not answer".to_owned() };
        self.stand(Point::Before(Call::Plan)).map_err(failed)?;
        let target = target_of(change);
        let mut state = self.host.state();
        let there = state.targets.get(&target).cloned().flatten();
        let desired = files_of(objects, change.desired.as_ref());
        state.seen.insert((self.daemon, target.clone(), desired), there.clone());
        drop(state);
        let base = files_of(objects, change.base.as_ref());
        let live = differences(base.as_ref(), there.as_ref());
        let sides = [&change.base, &change.desired].map(|side| side.as_ref().map(|content| content.files.as_slice()));
        let action = match action(sides[0], sides[1]) {
            Action::None if !live.is_empty() => Action::Update,
            action => action,
        };
        let preview = preview(objects, &target, sides[0], sides[1], &live)
            .map_err(|error| DriverError::Failed { message: error.to_string() })?;
        let removes = removes(&target, sides[0], sides[1], &live);
        Ok(ServicePlan { action, effect: effect(&target, sides[1]), preview, removes })
    }

    fn apply(&self, permit: &Permit, objects: &dyn Objects, change: &ServiceChange) -> Result<(), DriverError> {
        let unknown = || DriverError::Unknown { message: "the host does not answer any more".to_owned() };
        match self.stand(Point::Before(Call::Apply)) {
            Ok(()) => {}
            Err(Order::Lose) => return Err(unknown()),
            Err(_) => return Err(DriverError::Failed { message: "the host refuses".to_owned() }),
        }
        let target = target_of(change);
        let after = files_of(objects, change.desired.as_ref());
        {
            let mut state = self.host.state();
            let before = state.targets.insert(target.clone(), after.clone()).flatten();
            state.disturbed.remove(&target);
            let hands = state.hands.get(&target).copied().unwrap_or_default();
            let environment = change.environment.to_string();
            let (daemon, plan, look) = (self.daemon, permit.plan(), state.looks[self.daemon]);
            state.switches.push(Switch { daemon, environment, plan, target, before, after, hands, look });
        }
        self.stand(Point::After(Call::Apply)).map_err(|_| unknown())
    }

    fn settle(&self, objects: &dyn Objects, change: &ServiceChange) -> Result<Settled, DriverError> {
        let failed = |_| DriverError::Failed { message: "the host does not answer".to_owned() };
        self.stand(Point::Before(Call::Settle)).map_err(failed)?;
        let there = self.host.state().targets.get(&target_of(change)).cloned().flatten();
        Ok(if there == files_of(objects, change.desired.as_ref()) {
            Settled::Done
        } else if there == files_of(objects, change.base.as_ref()) {
            Settled::Untouched
        } else {
            Settled::Unknown { what: "something else is there".to_owned() }
        })
    }
}

/// What the host has that was not applied last: what people are shown of it.
pub fn differences(
    base: Option<&BTreeMap<String, String>>,
    there: Option<&BTreeMap<String, String>>,
) -> Vec<LiveDifference> {
    let foreign = |path: &String, text: &String| {
        let size = text.len() as u64;
        LiveDifference::Foreign { path: path.clone(), kind: countersign::plan::files::LiveKind::File { size } }
    };
    match (base, there) {
        (None, None) => Vec::new(),
        (Some(_), None) => vec![LiveDifference::TargetMissing],
        (None, Some(there)) => there.iter().map(|(path, text)| foreign(path, text)).collect(),
        (Some(base), Some(there)) => {
            let mut found = Vec::new();
            for (path, text) in base {
                match there.get(path) {
                    Some(now) if now == text => {}
                    Some(_) => found.push(LiveDifference::Changed {
                        path: path.clone(),
                        drift: countersign::plan::files::Drift::Content,
                    }),
                    None => found.push(LiveDifference::Missing { path: path.clone() }),
                }
            }
            found.extend(there.iter().filter(|(path, _)| !base.contains_key(*path)).map(|(p, t)| foreign(p, t)));
            found
        }
    }
}
