//! The windows that an environment of the simulated world can have, and when they are open, in the model's own words.

/// Every window begins on the even hours, UTC, and lasts one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// There is none.
    None,
    /// Nothing is deployed in even hours.
    Deny,
    /// Deployments begin in even hours alone.
    Allow,
    /// One that allows even hours and one that denies them: deny wins.
    Both,
}

pub const WINDOWS: [Window; 4] = [Window::None, Window::Deny, Window::Allow, Window::Both];

/// Half of the time from one beginning to the next: wait this long, and what was closed is open or never will be.
pub const HALF: i64 = 3600;

impl Window {
    /// Whether a deployment may begin at this time, in seconds since 1970.
    pub fn is_open(self, now: i64) -> bool {
        let even = now.rem_euclid(2 * HALF) < HALF;
        match self {
            Self::None => true,
            Self::Deny => !even,
            Self::Allow => even,
            Self::Both => false,
        }
    }

    /// The entries of `deploy.windows`.
    pub fn entries(self) -> Vec<String> {
        let kinds: &[&str] = match self {
            Self::None => &[],
            Self::Deny => &["deny"],
            Self::Allow => &["allow"],
            Self::Both => &["allow", "deny"],
        };
        let entry = |kind| format!("{{ kind: {kind}, schedule: \"0 */2 * * *\", duration: 1h, timezone: UTC }}");
        kinds.iter().map(entry).collect()
    }
}
