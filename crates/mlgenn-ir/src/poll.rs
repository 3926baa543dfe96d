//! A question that the thread which runs something asks itself now and then: whether to stop.
//!
//! Whoever wants to be able to interrupt a long run, but has no other thread to do so from, puts
//! the question. It is asked where [`crate::launch::Watch::should_stop`] is called on that thread.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Time between two questions.
const INTERVAL: Duration = Duration::from_millis(50);

/// Most calls that do not look at the clock, which takes longer than a short timestep.
const MOST_SKIPPED: u32 = 64;

struct Poll {
    should_stop: Box<dyn FnMut() -> bool>,
    next: Instant,
    /// When the clock was looked at last, and how many calls did not look since.
    looked: Instant,
    skipped: u32,
}

thread_local! {
    static POLL: Cell<Option<Poll>> = const { Cell::new(None) };
    /// How many more calls do not look at the clock.
    static SKIP: Cell<u32> = const { Cell::new(0) };
}

/// Do some work on this thread, while which it asks now and then whether it should stop.
pub fn with_poll<R>(should_stop: impl FnMut() -> bool + 'static, work: impl FnOnce() -> R) -> R {
    struct Restore(Option<Poll>);
    impl Drop for Restore {
        fn drop(&mut self) {
            POLL.set(self.0.take());
        }
    }
    let looked = Instant::now();
    let should_stop = Box::new(should_stop);
    let poll = Poll { should_stop, next: looked + INTERVAL, looked, skipped: 0 };
    let _restore = Restore(POLL.replace(Some(poll)));
    SKIP.set(0);
    work()
}

/// Ask, if it is time to do so.
pub(crate) fn should_stop() -> bool {
    let skip = SKIP.get();
    if skip > 0 {
        SKIP.set(skip - 1);
        return false;
    }
    // Nothing is asked while the answer is looked for, which may run something else.
    let Some(mut poll) = POLL.take() else { return false };
    let now = Instant::now();
    // As many calls as before take a small part of the interval: twice as many may be skipped.
    let is_quick = (now - poll.looked) * MOST_SKIPPED < INTERVAL;
    poll.skipped = if is_quick { (2 * poll.skipped + 1).min(MOST_SKIPPED) } else { 0 };
    poll.looked = now;
    SKIP.set(poll.skipped);
    let stops = now >= poll.next && {
        poll.next = now + INTERVAL;
        (poll.should_stop)()
    };
    POLL.set(Some(poll));
    stops
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::launch::Watch;

    #[test]
    fn long_work_is_stopped_from_its_own_thread() {
        let watch = Watch::new();
        let (start, mut asked) = (Instant::now(), 0);
        let answer = move || {
            asked += 1;
            asked == 2
        };
        with_poll(answer, || while !watch.should_stop() {});
        assert!(start.elapsed() >= 2 * INTERVAL && watch.is_stopped());
        // Neither other threads nor later work are concerned.
        let watch = Watch::new();
        assert!(!watch.should_stop());
    }
}
