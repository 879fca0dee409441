//! How much, how often, how many at once.

use std::num::NonZeroU32;

use crate::model::Duration;
use crate::model::yaml::{Field, Limits};

/// `poll`: how often the remote is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Poll {
    /// `interval`; 30 s by default.
    pub interval: Duration,
    /// `jitter`: how far an interval may be off at random, in percent of it; 10 by default.
    pub jitter_percent: u8,
}

/// `concurrency`: how many services of an environment are worked on at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Concurrency {
    /// `plan`; 4 by default.
    pub plan: usize,
    /// `apply`; 2 by default.
    pub apply: usize,
}

/// `limits`: what is refused because it is too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizeLimits {
    /// `yaml`: bytes of one document. At most, and by default, what every reader takes: 1 MiB.
    pub yaml: usize,
    /// `preview`: bytes of a preview that are shown; 256 KiB by default.
    pub preview: usize,
    /// `environments`; 20000 by default.
    pub environments: usize,
    /// `readyMadeBranches`: waiting plans above which none are made; 200 by default.
    pub ready_made_branches: usize,
}

impl Default for Poll {
    fn default() -> Self {
        const THIRTY: NonZeroU32 = NonZeroU32::MIN.saturating_add(29);
        Self { interval: Duration::from_seconds(THIRTY), jitter_percent: 10 }
    }
}

impl Default for Concurrency {
    fn default() -> Self {
        Self { plan: 4, apply: 2 }
    }
}

impl Default for SizeLimits {
    fn default() -> Self {
        Self { yaml: Limits::DEFAULT.bytes, preview: 256 << 10, environments: 20_000, ready_made_branches: 200 }
    }
}

impl Poll {
    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let default = Self::default();
        let fields = field.fields(&["interval", "jitter"])?;
        let interval = fields.or("interval", default.interval, Field::parsed);
        let jitter_percent = fields.or("jitter", default.jitter_percent, percent);
        Some(Self { interval: interval?, jitter_percent: jitter_percent? })
    }
}

impl Concurrency {
    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let default = Self::default();
        let fields = field.fields(&["plan", "apply"])?;
        let count = |field: &Field<'_>| field.number(1, 1024).and_then(to_usize);
        let (plan, apply) = (fields.or("plan", default.plan, count), fields.or("apply", default.apply, count));
        Some(Self { plan: plan?, apply: apply? })
    }
}

impl SizeLimits {
    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let default = Self::default();
        let fields = field.fields(&["yaml", "preview", "environments", "readyMadeBranches"])?;
        // It may be lowered but not raised: `validate` and `verify` know no settings and must read alike.
        let yaml = fields.or("yaml", default.yaml, |field| size(field, Limits::DEFAULT.bytes));
        let preview = fields.or("preview", default.preview, |field| size(field, 16 << 20));
        let environments =
            fields.or("environments", default.environments, |field| field.number(1, 1_000_000).and_then(to_usize));
        let ready_made_branches = fields
            .or("readyMadeBranches", default.ready_made_branches, |field| field.number(0, 100_000).and_then(to_usize));
        Some(Self {
            yaml: yaml?,
            preview: preview?,
            environments: environments?,
            ready_made_branches: ready_made_branches?,
        })
    }
}

fn to_usize(number: u64) -> Option<usize> {
    usize::try_from(number).ok()
}

/// A size like `256KiB`, of at least 1 KiB.
fn size(field: &Field<'_>, most: usize) -> Option<usize> {
    field.formed(&format!("a size like `256KiB`, at most `{}MiB`", most >> 20), |text| {
        let units = [("KiB", 1 << 10), ("MiB", 1 << 20)];
        let bytes = units.iter().find_map(|(unit, factor)| {
            let digits = text.strip_suffix(unit).filter(|digits| !digits.starts_with(['0', '+']))?;
            digits.parse::<usize>().ok()?.checked_mul(*factor)
        });
        bytes.filter(|bytes| *bytes <= most)
    })
}

/// A share like `10%`.
fn percent(field: &Field<'_>) -> Option<u8> {
    field.formed("a share from `0%` to `100%`", |text| {
        let digits = text.strip_suffix('%').filter(|digits| !digits.starts_with('+'))?;
        digits.parse().ok().filter(|percent| *percent <= 100)
    })
}
