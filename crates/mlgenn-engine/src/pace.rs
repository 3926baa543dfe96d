//! How many threads share the timesteps of a network, by how long timesteps were seen to take.

use std::time::Duration;

/// Timesteps after which a pace is known; shorter runs are made by one thread and teach nothing.
/// Threads have to start, and to get their share of the synapses into their caches.
pub(crate) const TRIAL: usize = 256;

/// Work that each thread needs in a timestep: a tenth of it is what they wait for one another.
const LEAST_SHARE: Duration = Duration::from_micros(4);

/// Timesteps until it is tried again whether threads help: other programs may have left cores. Twice
/// as many after each time that they did not, up to [`MOST_DOUBLINGS`].
const PATIENCE: usize = 1 << 11;
const MOST_DOUBLINGS: u32 = 4;

/// How long a timestep takes.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// With one thread.
    alone: Option<Duration>,
    /// With several.
    together: Option<Duration>,
    /// Timesteps made by one thread since several were slower.
    alone_since: usize,
    /// How often in a row several were slower.
    failures: u32,
}

impl Pace {
    /// Whether the next timesteps are a trial.
    pub(crate) fn is_trial(&self) -> bool {
        self.alone.is_none() || self.together.is_none()
    }

    /// How many threads, of `most`, should make so many timesteps.
    pub(crate) fn threads(&self, most: usize, steps: usize) -> usize {
        let Some(alone) = self.alone.filter(|_| steps >= TRIAL) else { return 1 };
        let worth = usize::try_from(alone.as_nanos() / LEAST_SHARE.as_nanos()).unwrap_or(most);
        match self.together {
            Some(together) if together >= alone => 1,
            _ => worth.clamp(1, most),
        }
    }

    /// Some timesteps took so long.
    pub(crate) fn record(&mut self, threads: usize, steps: usize, elapsed: Duration) {
        if steps < TRIAL {
            return;
        }
        let each = Some(elapsed / steps as u32);
        if threads > 1 {
            let is_slower = self.alone.is_some_and(|alone| each >= Some(alone));
            self.failures = if is_slower { (self.failures + 1).min(MOST_DOUBLINGS) } else { 0 };
            self.together = each;
            self.alone_since = 0;
            return;
        }
        self.alone = each;
        self.alone_since += steps;
        if self.alone_since > PATIENCE << self.failures {
            self.together = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MICROSECOND: Duration = Duration::from_micros(1);

    #[test]
    fn only_long_timesteps_are_shared() {
        let mut pace = Pace::default();
        assert!(pace.is_trial() && pace.threads(8, 1000) == 1);
        let trial = TRIAL as u32;
        pace.record(1, TRIAL, trial * 7 * MICROSECOND);
        assert_eq!(pace.threads(8, 1000), 1);
        pace.record(1, TRIAL, trial * 13 * MICROSECOND);
        assert_eq!([pace.threads(8, 1000), pace.threads(2, 1000), pace.threads(8, 10)], [3, 2, 1]);
        pace.record(1, 1, Duration::from_secs(1));
        assert_eq!(pace.threads(8, 1000), 3);
    }

    #[test]
    fn threads_that_do_not_help_are_tried_again_later() {
        let mut pace = Pace::default();
        pace.record(1, TRIAL, TRIAL as u32 * 20 * MICROSECOND);
        assert!(pace.is_trial() && pace.threads(4, TRIAL) == 4);
        pace.record(4, TRIAL, TRIAL as u32 * 10 * MICROSECOND);
        assert!(!pace.is_trial() && pace.threads(4, TRIAL) == 4);
        pace.record(4, TRIAL, TRIAL as u32 * 700 * MICROSECOND);
        assert_eq!(pace.threads(4, TRIAL), 1);
        for doublings in [1, 2, 3, 4, 4] {
            let steps = PATIENCE << doublings;
            pace.record(1, steps, steps as u32 * 20 * MICROSECOND);
            assert_eq!(pace.threads(4, TRIAL), 1);
            pace.record(1, TRIAL, TRIAL as u32 * 20 * MICROSECOND);
            assert!(pace.is_trial() && pace.threads(4, TRIAL) == 4);
            pace.record(4, TRIAL, TRIAL as u32 * 700 * MICROSECOND);
            assert_eq!(pace.threads(4, TRIAL), 1);
        }
    }
}
