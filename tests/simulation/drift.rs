//! How an environment of the simulated world looks at its host between deployments, and how often the model lets be said
//! what a host does by itself.

/// What the settings say of drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drift {
    /// Nobody looks.
    Unseen,
    /// What is found becomes a plan.
    Planned,
    /// What was applied last is applied again.
    Corrected,
}

pub const DRIFTS: [Drift; 3] = [Drift::Unseen, Drift::Planned, Drift::Corrected];

/// The times at which something came by itself, the last one last.
#[derive(Debug, Clone, Default)]
pub struct Times(Vec<i64>);

const DAY: i64 = 86_400;

impl Drift {
    /// The line of `environment.yaml`. It is looked every ten minutes.
    pub fn yaml(self) -> String {
        match self {
            Self::Unseen => String::new(),
            Self::Planned | Self::Corrected => {
                format!("  drift: {{ schedule: \"*/10 * * * *\", correct: {} }}\n", self == Self::Corrected)
            }
        }
    }
}

impl Times {
    pub fn add(&mut self, time: i64) {
        self.0.push(time);
    }

    /// Whether it comes too soon: a minute is waited after the first time, twice as long after each that followed within
    /// two days, at most a day. A clock that was set back is no reason to wait.
    pub fn is_too_soon(&self, now: i64) -> bool {
        let Some(last) = self.0.last() else { return false };
        let row = 1 + self.0.windows(2).rev().take_while(|pair| (pair[1] - pair[0]).abs() <= 2 * DAY).count();
        let wait = (1..row).fold(60, |wait: i64, _| DAY.min(2 * wait));
        (now - last).abs() < wait
    }
}
