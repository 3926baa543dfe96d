//! Waiting for threads that are at work.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long to wait without falling asleep.
const SPIN: Duration = Duration::from_micros(50);

/// How often to do something else.
const INTERVAL: Duration = Duration::from_millis(50);

/// How many threads are at work.
pub(crate) struct Countdown {
    working: AtomicUsize,
    lock: Mutex<()>,
    ended: Condvar,
}

/// Tells, when it is dropped, that a thread has ended its work.
pub(crate) struct End<'a>(&'a Countdown);

impl Countdown {
    pub(crate) fn new(threads: usize) -> Self {
        Self { working: AtomicUsize::new(threads), lock: Mutex::new(()), ended: Condvar::new() }
    }

    /// To be dropped by each of the threads.
    pub(crate) fn end(&self) -> End<'_> {
        End(self)
    }

    fn is_over(&self) -> bool {
        self.working.load(Ordering::Acquire) == 0
    }

    /// Wait until all have ended, and do something else now and then.
    pub(crate) fn wait(&self, meanwhile: &dyn Fn()) {
        let start = Instant::now();
        while start.elapsed() < SPIN {
            if self.is_over() {
                return;
            }
            std::hint::spin_loop();
        }
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        while !self.is_over() {
            (lock, _) =
                self.ended.wait_timeout(lock, INTERVAL).unwrap_or_else(PoisonError::into_inner);
            meanwhile();
        }
    }
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        if self.0.working.fetch_sub(1, Ordering::AcqRel) == 1 {
            // Whoever waits is either before the test, with the lock, or asleep.
            let _lock = self.0.lock.lock().unwrap_or_else(PoisonError::into_inner);
            self.0.ended.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn something_else_is_done_until_all_have_ended() {
        let countdown = Countdown::new(3);
        let looks = Cell::new(0);
        std::thread::scope(|scope| {
            for thread in 0..3 {
                let end = countdown.end();
                scope.spawn(move || {
                    std::thread::sleep(thread * 2 * INTERVAL);
                    drop(end);
                });
            }
            countdown.wait(&|| looks.set(looks.get() + 1));
            assert!(countdown.is_over());
        });
        assert!(looks.get() >= 2);
    }
}
