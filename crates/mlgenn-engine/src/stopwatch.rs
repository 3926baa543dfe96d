//! Time spent in custom updates, if somebody wants to know.

use std::time::{Duration, Instant};

/// Time spent in the parts of a custom update group.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct UpdateTimes {
    /// Updates of variables and of rows.
    pub(crate) update: Duration,
    /// Host code.
    pub(crate) host: Duration,
    /// Listing synapses by column after their rows changed.
    pub(crate) remap: Duration,
    /// Writing transposed values.
    pub(crate) transpose: Duration,
}

/// Measures one part after another.
pub(crate) struct Stopwatch {
    last: Option<Instant>,
}

impl Stopwatch {
    /// Start; measures nothing unless enabled.
    pub(crate) fn new(enabled: bool) -> Self {
        Self { last: enabled.then(Instant::now) }
    }

    /// Time since the last lap.
    pub(crate) fn lap(&mut self) -> Duration {
        let Some(last) = &mut self.last else { return Duration::ZERO };
        let now = Instant::now();
        now - std::mem::replace(last, now)
    }
}
