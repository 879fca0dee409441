//! What a deployment waits for beside approvals: a person, a time, a window, the end of a suspension.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::verdict::StatementView;
use crate::digest::StatementId;
use crate::journal::pages::list;
use crate::journal::{Admission, Judged, StartedBy};
use crate::model::{DeployMode, EnvironmentName, Gates, Governance, Permission, PersonName, RequestAction, Window};

/// Everything but approvals that decides whether a deployment may start, or go on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Start {
    /// Whose suspensions stand.
    pub suspended_by: Vec<PersonName>,
    /// Who closed it while it was running.
    pub closed_by: Option<PersonName>,
    /// Who asked for a redeployment and no longer could.
    pub lapsed: Option<PersonName>,
    /// Whether somebody has to start it: the settings it leaves or those it enters say so.
    pub manual: bool,
    /// The windows of the settings in force.
    pub windows: Vec<Window>,
    /// Who could start it.
    pub deployers: Vec<PersonName>,
    /// Who could start it while no window allows it.
    pub overriders: Vec<PersonName>,
    /// What was asked and is not spent, in the order judged.
    pub wishes: Vec<Wish>,
}

/// Somebody's word that a plan be deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The statement: a request, or an approval that says so too.
    pub statement: StatementId,
    /// Whose.
    pub by: PersonName,
    /// Not before.
    pub at: Option<Timestamp>,
    /// Also in a closed window.
    pub overrides: bool,
    /// Why it does not count, where it does not.
    pub void: Option<String>,
}

/// One thing that keeps a deployment from starting although everything asked for was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Hold {
    /// The environment is suspended.
    Suspended {
        /// By whom.
        by: Vec<PersonName>,
    },
    /// The change was closed.
    Closed {
        /// By whom.
        by: PersonName,
    },
    /// Who asked for the redeployment may no longer do so.
    Lapsed {
        /// Who.
        by: PersonName,
    },
    /// Somebody has to start it.
    Person {
        /// Who could.
        eligible: Vec<PersonName>,
    },
    /// Somebody asked for it at a later time.
    Time {
        /// When.
        at: Timestamp,
        /// Who asked.
        by: PersonName,
    },
    /// No window allows it now; when one will depends on the time zone database, and is told by whoever looks.
    Window {
        /// The windows, in words.
        windows: Vec<String>,
        /// Who could deploy all the same.
        eligible: Vec<PersonName>,
    },
}

impl Start {
    /// The part that follows from the settings: `leaves` those in force, `enters` those desired.
    pub fn of_settings(
        governance: &Governance,
        environment: &EnvironmentName,
        leaves: Option<&Gates>,
        enters: Option<&Gates>,
    ) -> Self {
        let manual = |gates: Option<&Gates>| gates.is_some_and(|gates| gates.deploy.mode == DeployMode::Manual);
        let deployers = governance.who_may(Permission::Deploy, environment);
        let may = |person: &&PersonName| governance.may(person, Permission::Override, environment);
        Self {
            manual: manual(leaves) || manual(enters),
            windows: leaves.map(|gates| gates.deploy.windows.clone()).unwrap_or_default(),
            overriders: deployers.iter().filter(may).cloned().collect(),
            deployers,
            ..Self::default()
        }
    }

    /// Whether it may start at a time, given whether its windows are open then; and by whose word, where one is needed.
    ///
    /// # Errors
    /// What holds it.
    pub fn at(&self, now: Timestamp, is_open: bool) -> Result<Option<StartedBy>, Hold> {
        // Gate 1: nothing stops the environment or the change.
        if let Some(by) = &self.closed_by {
            return Err(Hold::Closed { by: by.clone() });
        }
        if !self.suspended_by.is_empty() {
            return Err(Hold::Suspended { by: self.suspended_by.clone() });
        }
        if let Some(by) = &self.lapsed {
            return Err(Hold::Lapsed { by: by.clone() });
        }
        let good = || self.wishes.iter().filter(|wish| wish.void.is_none());
        let mut due = good().filter(|wish| wish.at.is_none_or(|at| at <= now));
        let started = |wish: &Wish, overrides_window: bool| StartedBy {
            statement: wish.statement,
            by: wish.by.clone(),
            overrides_window,
        };
        // Gate 2: a window allows it, or somebody who may says so all the same.
        if !is_open {
            return match due.clone().find(|wish| wish.overrides) {
                Some(wish) => Ok(Some(started(wish, true))),
                None if self.manual && due.next().is_none() => Err(self.waits_for_word(now)),
                None => Err(Hold::Window {
                    windows: self.windows.iter().map(Window::in_words).collect(),
                    eligible: self.overriders.clone(),
                }),
            };
        }
        // Gate 3: where somebody has to start it, somebody did.
        match due.next() {
            Some(wish) if self.manual => Ok(Some(started(wish, false))),
            None if self.manual => Err(self.waits_for_word(now)),
            _ => Ok(None),
        }
    }

    /// A request to deploy as the status shows it.
    pub fn view(&self, judged: &Judged) -> StatementView {
        let view = StatementView::of_refused(judged);
        if judged.admitted != Admission::Admitted {
            return view;
        }
        let reason = match self.wishes.iter().find(|wish| wish.statement == judged.digest) {
            None => return StatementView { why: "it was spent by a claim".to_owned(), ..view },
            Some(Wish { void: Some(why), .. }) => return StatementView { why: why.clone(), ..view },
            Some(Wish { at: Some(at), .. }) => format!("asks for the deployment at {at}"),
            Some(_) => "asks for the deployment".to_owned(),
        };
        let how = if judged_overrides(judged) { ", in a closed window too" } else { "" };
        StatementView { counted: true, why: reason + how, ..view }
    }

    /// What comes of an approval's word that its plan be deployed as well; `None` where it says no such thing.
    pub fn started_by(&self, judged: &Judged) -> Option<String> {
        if !judged.deploy {
            return None;
        }
        let nothing = |why: &str| format!("it starts nothing, so it is a plain approval: {why}");
        if let Some(why) = &judged.plain {
            return Some(nothing(why));
        }
        Some(match self.wishes.iter().find(|wish| wish.statement == judged.digest) {
            None => "that it be deployed was spent by a claim".to_owned(),
            Some(Wish { void: Some(why), .. }) => nothing(why),
            Some(_) => "it asks for the deployment too".to_owned(),
        })
    }

    fn waits_for_word(&self, now: Timestamp) -> Hold {
        let later = self.wishes.iter().filter(|wish| wish.void.is_none());
        let later = later.filter_map(|wish| Some((wish.at.filter(|at| *at > now)?, &wish.by))).min();
        match later {
            Some((at, by)) => Hold::Time { at, by: by.clone() },
            None => Hold::Person { eligible: self.deployers.clone() },
        }
    }
}

fn judged_overrides(judged: &Judged) -> bool {
    matches!(judged.request, Some(RequestAction::Deploy { override_window: Some(true), .. }))
}

impl Wish {
    /// What a statement asks for; `None` where it asks for no deployment. `void`: why it does not count, if that is known.
    pub fn of(
        governance: &Governance,
        environment: &EnvironmentName,
        judged: &Judged,
        void: Option<String>,
    ) -> Option<Self> {
        let (at, overrides) = match &judged.request {
            Some(RequestAction::Deploy { at, override_window, .. }) => (*at, *override_window == Some(true)),
            Some(_) => return None,
            None if judged.deploy && judged.plain.is_none() => (None, false),
            None => return None,
        };
        let by = judged.by.clone()?;
        let mut needed = vec![Permission::Deploy];
        needed.extend(overrides.then_some(Permission::Override));
        let holds = judged.key.as_ref().and_then(|key| governance.person_with_key(key));
        let lapsed = if holds.is_none_or(|(person, _)| person.name != by) {
            Some(format!("the key that signed it is no longer one of {by}"))
        } else {
            let lacks = needed.into_iter().find(|permission| !governance.may(&by, *permission, environment));
            lacks.map(|permission| format!("{by} no longer holds `{}` in {environment}", permission.name()))
        };
        Some(Self { statement: judged.digest, by, at, overrides, void: lapsed.or(void) })
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |people: &[PersonName], word: &str| {
            if people.is_empty() { "nobody".to_owned() } else { list(people, word, people.len()) }
        };
        match self {
            Self::Suspended { by } => write!(f, "suspended by {}", names(by, "and")),
            Self::Closed { by } => write!(f, "closed by {by}"),
            Self::Lapsed { by } => write!(f, "cannot start: {by}, who asked for it, no longer may"),
            Self::Person { eligible } => write!(f, "waits to be deployed by {}", names(eligible, "or")),
            Self::Time { at, by } => write!(f, "waits until {at}, as {by} asked"),
            Self::Window { windows, .. } => write!(f, "waits for a window ({})", windows.join("; ")),
        }
    }
}
